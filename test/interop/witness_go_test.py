#!/usr/bin/env python3
"""Other people's witnesses and logs against ours: litewitness cosigns a real node's log, and a Tessera
log is cosigned by a real node; golang.org/x/mod's note and transparency-dev's cosignature verifier
accept what both publish. A rolled-back log gets nothing from either.
Arguments: qifeng, folder of the Go sources, build folder."""
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

SOURCES, BUILT = pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
for tool in ("ssh-agent", "ssh-add", "ssh-keygen"):
    if shutil.which(tool) is None:
        print(f"skipped: {tool} is not installed")
        sys.exit(77)
made = subprocess.run([SOURCES / "build.sh", BUILT], check=False)
if made.returncode != 0:
    sys.exit(made.returncode)
sys.path.insert(0, str(SOURCES.parent.parent / "api"))
from node import QIFENG, Node, check, nodes, run, work  # noqa: E402  pylint: disable=wrong-import-position
from witnesses import Log  # noqa: E402  pylint: disable=wrong-import-position

LITE = "lite.example/w"
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


class LiteWitness:
    """A litewitness with its key in an ssh-agent, stopped with the nodes."""

    def __init__(self, log):
        self.process = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.listen = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = "http://" + self.listen
        self.agent = subprocess.Popen(["ssh-agent", "-D", "-a", work / "agent"], stdout=subprocess.DEVNULL)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / "ssh")
        for _ in range(100):
            if (work / "agent").exists():
                break
            time.sleep(0.05)
        run("ssh-add", "-q", work / "ssh", env={"SSH_AUTH_SOCK": str(work / "agent")})
        self.key = run("ssh-keygen", "-lf", work / "ssh").decode().split()[1]
        nodes.append(self)
        self.start()
        self.stop_server()
        with sqlite3.connect(work / "lite.db") as db:  # as witnessctl add-log does
            db.execute("INSERT INTO log VALUES (?, 0, ?)", (log.name, EMPTY))
            db.execute("INSERT INTO key VALUES (?, ?)", (log.name, log.key))
        db.close()
        self.start()

    def start(self):
        err = open(work / "lite.log", "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [BUILT / "litewitness", "-name", LITE, "-db", work / "lite.db", "-ssh-agent", work / "agent",
             "-key", self.key, "-listen", self.listen], stderr=err)
        err.close()
        for _ in range(200):
            found = re.search(r'vkey="?(\S+?)"?\s', (work / "lite.log").read_text())
            try:
                socket.create_connection(self.listen.split(":"), timeout=1).close()
                if found:
                    break
            except OSError:
                pass
            time.sleep(0.05)
        check(found, f"litewitness starts: {(work / 'lite.log').read_text()}")
        self.vkey = found[1]

    def stop_server(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.stop_server()
        self.agent.terminate()
        self.agent.wait()


def go_check(note, log_key, *witness_keys, good=True):
    done = subprocess.run([BUILT / "qf-witness", "check", log_key, *witness_keys], input=note,
                          capture_output=True, check=False)
    check((done.returncode == 0) == good, f"qf-witness: {done.stdout} {done.stderr}\n{note.decode()}")


# ---- our log, their witness (and one of ours beside it) ----

log = Log()
lite = LiteWitness(log)
court = log.witness("court")
log.configure((lite.url, lite.vkey), court, quorum=2)
log.start()
BOTH = {"alpha", LITE, "court.example/w"}
for size in (1, 2, 7, 19):
    log.grow(size - log.at)
    log.until(f"both cosign {size}", lambda: log.checkpoint() == (size, BOTH))  # pylint: disable=cell-var-from-loop
    go_check(log.get("/checkpoint")[2], log.key, lite.vkey, court.vkey)
note = log.get("/checkpoint")[2]
go_check(note.replace(b"\n19\n", b"\n18\n"), log.key, lite.vkey, court.vkey, good=False)
go_check(note, log.key, court.vkey.replace("court.", "other."), good=False)
# Each forgets, or is killed: the log learns from 409 where the witness stands.
log.stop(hard=True)
shutil.rmtree(log.dir / "witness")
lite.stop_server()
lite.start()
log.start()
log.until("again", lambda: log.checkpoint() == (19, BOTH))
result = log.grow(1)
log.until("and on", lambda: log.checkpoint() == (20, BOTH))
run(QIFENG, "bundle", result["id"], "--node", log.url, "-o", work / "b.qfb", "--cosigned", "2")
run(QIFENG, "verify", work / "b.qfb", "--trust", log.dir / "genesis.json", "--witness", lite.vkey,
    "--witness", court.vkey)
log.stop()
shutil.copytree(log.dir, work / "older")
log.start()
log.grow(2)
log.until("cosigned", lambda: log.checkpoint() == (22, BOTH))
log.stop()
shutil.rmtree(log.dir)
shutil.copytree(work / "older", log.dir)
log.start()
log.until("entries are missing", lambda: {w["state"] for w in log.states().values()} == {"ahead"})
log.at += 100
log.grow(3)
log.until("another history", lambda: {w["state"] for w in log.states().values()} == {"forked"})
log.stop()

# ---- their log, our witness ----

folder = work / "tessera"
folder.mkdir()
key = run(BUILT / "qf-witness", "key", folder).decode().strip()
court.stop()
court.settings(f"    - {{origin: tessera.example/log, key: {key}}}\n")
court.start()


def tessera(where, count, good=True):
    return run(BUILT / "qf-witness", "log", where, str(count), court.vkey, court.url, "30" if good else "4",
               good=good)


note = tessera(folder, 5)
go_check(note, key, court.vkey)
shutil.copytree(folder, work / "fork")
note = tessera(folder, 7)
check(note.split(b"\n")[1] == b"12", f"it grew: {note}")
go_check(note, key, court.vkey)
court.stop(hard=True)
court.start()
tessera(work / "fork", 9, good=False)
seen = [x for x in court.json("/v1/health")["witnessing"]["logs"] if "tessera" in x["origin"]][0]
check(seen["size"] == 12 and seen["refused"] > 0, f"the fork is refused: {seen}")
check(tessera(folder, 1).split(b"\n")[1] == b"13", "the log itself goes on")
