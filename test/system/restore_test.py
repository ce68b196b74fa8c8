#!/usr/bin/env python3
"""A data directory of which parts are lost or older than others comes up with everything that its
log has: the backup that docs/OPERATIONS.md describes, a lost state, an old state, a start that is
killed in the middle. Where something promised is nowhere, or is another thing, the node refuses to
start and changes nothing.

usage: restore_test.py PROGRAM XES
"""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from system import Node, PROGRAM, qifeng, work  # noqa: E402  pylint: disable=wrong-import-position

XES = sys.argv[2]
checks = 0


def check(good, what):
    global checks
    checks += 1
    if not good:
        sys.exit(f"failed: {what}")


def copy(folder, without=(), name="copy"):
    other = work / name
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(folder, other)
    for part in without:
        shutil.rmtree(other / part)
    return other


def audit(folder, code=0):
    done = subprocess.run([PROGRAM, "audit", str(folder), "--json"], capture_output=True, text=True,
                          check=False)
    check(done.returncode == code, f"audit of {folder}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def record(folder, node, number):
    line = qifeng("tx", "sign", "--key", folder / "keys/admin.pem", "--network", "test", "-",
                  stdin=json.dumps([{"op": "evidence.record", "id": f"e/{number}", "hash":
                                     ("sm3:" if "gm" in folder.name else "sha-256:")
                                     + f"{number:064x}"}]).encode())
    return json.loads(qifeng("tx", "send", "--node", node.url, stdin=line))["leaf"]


def comes_up(folder, where, keys):
    """Everything is there, and it goes on from there."""
    node = Node(folder)
    check(node.where() == where, f"{folder}: {node.where()} is not {where}")
    check(record(keys, node, 10 ** 6) == where["log_size"], "the log goes on where it ended")
    node.stop()
    report = audit(folder)
    check(report["state_compared"] and report["log_size"] == where["log_size"] + 1, f"{report}")


def contents(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in (folder / "log").rglob("*") if p.is_file()}


def refuses(folder, *words):
    before = contents(folder)
    done = subprocess.run([PROGRAM, "node", str(folder), "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=30, check=False)
    check(done.returncode != 0, f"the node does not start: {done.stdout}")
    for word in words:
        check(word in done.stderr, f"{word} is named: {done.stderr}")
    check(contents(folder) == before, "the log is left as it is")


def one_suite(suite):
    folder = work / f"network-{suite}"
    qifeng("init", folder, "--network", "test", "--member", "planning", "--no-passphrase", "--suite",
           suite)
    node = Node(folder)
    for number in range(3):
        record(folder, node, number)
    node.stop()
    early = copy(folder, name=f"early-{suite}")
    node = Node(folder)
    qifeng("import", "xes", XES, "--keys", work / f"officials-{suite}", "--admin-key",
           folder / "keys/admin.pem", "--no-passphrase", "--node", node.url)
    node.stop()
    Node(folder).stop()  # the journal has been forgotten by now
    node = Node(folder)
    where = node.where()
    node.stop()
    check(where["log_size"] > 8000, "there is something to lose")

    for without in (("state", "journal"), ("state",), ("journal",)):
        comes_up(copy(folder, without), where, folder)
    # The state of an earlier day beside the log of today.
    old = copy(folder, ("state", "journal"))
    shutil.copytree(early / "state", old / "state")
    comes_up(old, where, folder)
    # Killed while it comes up, at any moment, again and again.
    killed = copy(folder, ("state", "journal"))
    for _ in range(6):
        process = subprocess.Popen([PROGRAM, "node", str(killed), "--listen", "127.0.0.1:0"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.02, 0.4))
        process.kill()
        process.wait()
    comes_up(killed, where, folder)

    # An entry of the tiles is another one; the published checkpoint says so.
    bad = copy(folder, ("state", "journal"))
    tile = bad / "log/tile/entries/005"
    data = bytearray(tile.read_bytes())
    at = data.index(b'"code":0', 20000)
    data[at + 7:at + 8] = b"1"
    tile.write_bytes(data)
    refuses(bad, "log")
    # An entry is missing.
    bad = copy(folder, ("state", "journal"))
    (bad / "log/tile/entries/007").unlink()
    refuses(bad)
    # The journal of an earlier day: it does not reach what was published.
    bad = copy(folder, ("state", "journal"))
    node = Node(early)
    record(folder, node, 7 * 10 ** 6)
    node.process.kill()
    node.process.wait()
    shutil.copytree(early / "journal", bad / "journal")
    refuses(bad, "journal", "moved away")
    shutil.rmtree(bad / "journal")
    comes_up(bad, where, folder)


for name in ("intl", "gm"):
    one_suite(name)
print(f"{checks} checks")
