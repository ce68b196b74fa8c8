#!/usr/bin/env python3
"""The real program, end to end, in a temporary folder.

usage: cli_test.py PROGRAM SOURCE_ROOT CLASS
"""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

PROGRAM = os.path.abspath(sys.argv[1])
SOURCES = pathlib.Path(sys.argv[2])
XES = SOURCES / "test/data/xes/receipt.xes.gz"


def run(*args, stdin=None, cwd=None, code=0):
    """Runs the program; fails unless it ends with `code` (a number or several)."""
    done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True, text=True,
                          cwd=cwd, timeout=55, check=False)
    wanted = code if isinstance(code, tuple) else (code,)
    if done.returncode not in wanted:
        raise AssertionError(f"qifeng {' '.join(map(str, args))}: ended with {done.returncode}, "
                             f"not {code}\n{done.stdout}\n{done.stderr}")
    return done


class Node:
    """A node on a port of the system's choice."""

    def __init__(self, folder, *options):
        self.process = subprocess.Popen(
            [PROGRAM, "node", str(folder), "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        self.url = line.split()[1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)


def hang_up(server):
    """Takes connections and closes them."""
    while True:
        try:
            server.accept()[0].close()
        except TimeoutError:
            continue
        except OSError:
            return


class Case(unittest.TestCase):
    suite = "intl"

    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="qifeng-cli-")
        self.path = pathlib.Path(self.place.name)
        self.dir = self.path / "node"

    def tearDown(self):
        self.place.cleanup()

    def init(self):
        run("init", self.dir, "--network", "try", "--member", "town", "--suite", self.suite,
            "--no-passphrase")

    @property
    def admin(self):
        return self.dir / "keys/admin.pem"

    def hash_of(self, data):
        return ("sm3:" + hashlib.new("sm3", data).hexdigest() if self.suite == "gm"
                else "sha-256:" + hashlib.sha256(data).hexdigest())

    def send(self, node, ops, code=0, key=None):
        """Signs and sends; returns the node's answer."""
        line = run("tx", "sign", "--key", key or self.admin, "--network", "try",
                   stdin=json.dumps(ops)).stdout
        return json.loads(run("tx", "send", "--node", node.url, stdin=line, code=code).stdout)

    def record(self, node, number):
        return self.send(node, [{"op": "evidence.record", "id": f"e/{number}",
                                 "hash": self.hash_of(str(number).encode())}])


class Import(Case):
    def test_the_real_log(self):
        self.init()
        args = ["import", "xes", XES, "--keys", self.path / "officials", "--admin-key", self.admin,
                "--no-passphrase", "--json"]
        with Node(self.dir, "--no-rate-limit") as node:
            report = json.loads(run(*args, "--node", node.url).stdout)
            self.assertEqual(
                {k: report[k] for k in ("cases", "events", "actors", "groups", "recorded",
                                        "refused", "there_already", "keys_made")},
                {"cases": 1434, "events": 8577, "actors": 48, "groups": 10, "recorded": 8577,
                 "refused": 0, "there_already": 0, "keys_made": 48})
            self.assertEqual(node.get("/v1/network")["log_size"], 8577 + 48)
            again = json.loads(run(*args, "--node", node.url).stdout)
            self.assertEqual((again["recorded"], again["there_already"], again["keys_made"]),
                             (0, 8577, 0))
            self.assertEqual(node.get("/v1/network")["log_size"], 8577 + 48)
            # What is hashed can be had again, and by others.
            shown = run("import", "xes", XES, "--node", node.url, "--dry-run").stdout.splitlines()
            self.assertEqual(len(shown), 8577)
            first = json.loads(shown[0])
            content = json.dumps(first["content"], sort_keys=True, separators=(",", ":"),
                                 ensure_ascii=False).encode()
            self.assertEqual(first["hash"], self.hash_of(content))
            there = node.get("/v1/evidence/" + first["id"])
            self.assertEqual(there["content"]["hash"], first["hash"])
            self.assertEqual(there["content"]["size"], len(content))
            self.assertEqual(there["actor"], first["content"]["event"]["org:resource"])
            # Events come in the order of their time.
            found = node.get("/v1/evidence?attributes.case=case-10011&limit=100")["items"]
            self.assertGreater(len(found), 1)
            numbers = [int(item["id"].rsplit("/", 1)[1]) for item in found]
            self.assertEqual(numbers, sorted(numbers))
        for key in (self.path / "officials").iterdir():
            self.assertEqual(key.stat().st_mode & 0o777, 0o600)

    def test_what_is_no_log(self):
        self.init()
        bad = self.path / "bad.xes"
        with Node(self.dir) as node:
            args = ["import", "xes", bad, "--node", node.url, "--keys", self.path / "k",
                    "--admin-key", self.admin, "--no-passphrase"]
            run(*args, code=3)
            for text in ("", "no xml", "<log>", "<log><trace><event>"
                         '<string key="concept:name" value="a"/></event></trace></log>'):
                bad.write_text(text)
                self.assertIn("qifeng: ", run(*args, code=1).stderr)
            self.assertEqual(node.get("/v1/network")["log_size"], 0)


class Verify(Case):
    def test_every_change_is_found(self):
        self.init()
        with Node(self.dir) as node:
            for number in range(5):
                answer = self.record(node, number)
            bundle = self.path / "b.qfb"
            run("bundle", answer["id"], "--node", node.url, "-o", bundle)
        genesis = self.dir / "genesis.json"
        good = json.loads(run("verify", bundle, "--trust", genesis, "--json").stdout)
        self.assertTrue(good["valid"] and good["trusted"])
        self.assertEqual((good["actor"], good["member"], good["leaf"]), ("admin", "town", 4))
        self.assertFalse(json.loads(run("verify", bundle, "--json").stdout)["trusted"])
        data = bundle.read_bytes()
        changed = self.path / "changed.qfb"
        generator = random.Random(1)
        step = max(1, len(data) // 300)
        for at in range(0, len(data.rstrip()), step):
            copy = bytearray(data)
            copy[at] ^= 1 << generator.randrange(8)
            changed.write_bytes(copy)
            done = run("verify", changed, "--trust", genesis, "--json", code=(1, 4))
            self.assertTrue(json.loads(done.stdout)["detail"], f"byte {at}: nothing is named")
            run("verify", changed, code=(1, 4))
        for size in (0, 1, len(data) // 2, len(data) - 2):
            changed.write_bytes(data[:size])
            run("verify", changed, code=(1, 4))
        other = self.path / "other"
        run("init", other, "--network", "try", "--member", "town", "--suite", self.suite,
            "--no-passphrase")
        run("verify", bundle, "--trust", other / "genesis.json", code=1)
        run("verify", self.path / "none.qfb", code=3)


class Evidence(Case):
    def test_record_show_find(self):
        self.init()
        paper = self.path / "permit.pdf"
        paper.write_bytes(b"a permit\n" * 20000)
        wanted = self.hash_of(paper.read_bytes())
        with Node(self.dir) as node:
            at = ("--node", node.url)
            done = json.loads(run("evidence", "record", paper, "--key", self.admin, "--id", "p/1",
                                  "--source", "desk 3", "--attr", "case=2026-17",
                                  "--attr=pages=12", "--json", *at).stdout)
            self.assertEqual((done["id"], done["hash"], done["size"]), ("p/1", wanted, 180000))
            shown = json.loads(run("evidence", "show", "p/1", "--json", *at).stdout)
            self.assertEqual(shown["content"], {
                "op": "evidence.record", "id": "p/1", "hash": wanted, "size": 180000,
                "media_type": "application/pdf", "source": "desk 3",
                "attributes": {"case": "2026-17", "pages": 12}})
            self.assertIn("case:", run("evidence", "show", "p/1", *at).stdout)
            for how in (("--hash", wanted), ("--file", paper), ("--attr", "case=2026-17"),
                        ("--attr", "pages=12"), ("--source", "desk 3"), ("--member", "town"),
                        ("--actor", "town/admin"), ("--file", paper, "--attr", "pages=12")):
                found = json.loads(run("evidence", "find", *how, "--json", *at).stdout)["items"]
                self.assertEqual([item["id"] for item in found], ["p/1"], how)
            for how in (("--hash", wanted[:-1] + ("0" if wanted[-1] != "0" else "1")),
                        ("--attr", "pages=13"), ("--file", paper, "--attr", "pages=13")):
                self.assertEqual(
                    json.loads(run("evidence", "find", *how, "--json", *at, code=1).stdout),
                    {"items": []})
            # Refused: the id is taken; nobody has it; the key is not known.
            run("evidence", "record", paper, "--key", self.admin, "--id", "p/1", *at, code=1)
            run("evidence", "show", "p/2", *at, code=1)
            run("key", "create", self.path / "no.pem", "--no-passphrase", "--alg",
                "SM2-SM3" if self.suite == "gm" else "ES256")
            run("evidence", "record", paper, "--key", self.path / "no.pem", *at, code=1)
            run("evidence", "record", self.path / "none", "--key", self.admin, *at, code=3)
            run("evidence", "find", *at, code=2)
            run("evidence", "find", "--attr", "x", *at, code=2)
        run("evidence", "show", "p/1", *at, code=3)


class EvidenceGm(Evidence):
    suite = "gm"


class VerifyGm(Verify):
    suite = "gm"


class Audit(Case):
    def fill(self):
        self.init()
        with Node(self.dir, "--no-rate-limit") as node:
            run("import", "xes", XES, "--keys", self.path / "officials", "--admin-key", self.admin,
                "--no-passphrase", "--node", node.url)
            live = json.loads(run("audit", self.dir, "--json").stdout)
            remote = json.loads(run("audit", node.url, "--trust", self.dir / "genesis.json",
                                    "--json").stdout)
            network = node.get("/v1/network")
        self.assertTrue(live["valid"])
        self.assertEqual((remote["log_size"], remote["log_root"], remote["app_hash"]),
                         (network["log_size"], network["log_root"], network["app_hash"]))
        report = json.loads(run("audit", self.dir, "--json").stdout)
        self.assertTrue(report["valid"] and report["state_compared"])
        self.assertEqual((report["log_size"], report["app_hash"]),
                         (network["log_size"], network["app_hash"]))

    def tampered(self, path, change):
        """Audits with one file changed; returns what it says."""
        good = path.read_bytes()
        path.write_bytes(change(bytearray(good)))
        try:
            done = run("audit", self.dir, "--json", code=1)
            answer = json.loads(done.stdout)
            self.assertFalse(answer["valid"])
            return answer["field"] + ": " + answer["detail"]
        finally:
            path.write_bytes(good)

    def test_a_copy_that_may_only_be_read(self):
        """As an auditor gets it, who is not the user that runs the node, and may not write."""
        self.fill()
        self.path.chmod(0o755)
        with Node(self.dir):
            pass
        for place in [self.dir, *self.dir.rglob("*")]:
            if "keys" not in place.parts:
                place.chmod(0o555 if place.is_dir() else 0o444)
        who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}

        def ask(command):
            return subprocess.run([PROGRAM, command, str(self.dir), "--json"], check=False,
                                  capture_output=True, text=True, timeout=50, **who)

        try:
            if subprocess.run(["test", "-x", PROGRAM], check=False, **who).returncode != 0:
                self.skipTest("another user cannot run the program here")
            done = ask("audit")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(json.loads(done.stdout)["state_compared"])
            told = {f["check"]: f["status"] for f in json.loads(ask("doctor").stdout)["findings"]}
            self.assertEqual((told["state"], told["journal"]), ("ok", "ok"), told)
            self.assertEqual(sorted(p.name for p in (self.dir / "state").iterdir()),
                             ["data.mdb", "lock.mdb"])
            done = ask("node")
            self.assertEqual(done.returncode, 3)
            self.assertIn("this user cannot write in it", done.stderr)
        finally:
            for place in [self.dir, *self.dir.rglob("*")]:
                place.chmod(0o755 if place.is_dir() else 0o644)

    def test_good_and_tampered(self):
        self.fill()
        generator = random.Random(2)

        def flip(data, at=None):
            data[generator.randrange(len(data)) if at is None else at] ^= 0x04
            return data

        log = self.dir / "log"
        # Partial ones may be there that longer ones have replaced, and nobody reads.
        bundles = sorted(p for p in (log / "tile/entries").rglob("*") if p.is_file() and ".p/" not in str(p))
        for path in generator.sample(bundles, 6):
            self.assertRegex(self.tampered(path, flip), r"entry \d+|tile/entries/")
        for path in [log / "tile/0/000", log / "tile/0/007", next((log / "tile/1/000.p").iterdir())]:
            self.assertIn(str(path.relative_to(log))[:10], self.tampered(path, flip))
        self.assertIn("tile/0/003", self.tampered(log / "tile/0/003", lambda d: d[:-32]))
        note = (log / "checkpoint").read_bytes()
        for at in range(0, len(note) - 1, 9):
            self.assertIn("checkpoint", self.tampered(log / "checkpoint", lambda d, at=at: flip(d, at)))
        entries = log / "tile/entries/000"
        kept = entries.read_bytes()
        entries.unlink()
        self.assertIn("tile/entries/000", run("audit", self.dir, code=1).stdout)
        entries.write_bytes(kept)
        # A record of the state with another value, wherever LMDB keeps a copy of the page.
        state = self.dir / "state/data.mdb"
        self.assertIn("evidence/record/", self.tampered(state, lambda d: bytearray(bytes(d).replace(
            b'{"leaf":5000,"member":"town"}', b'{"leaf":5001,"member":"town"}'))))
        # Whatever is broken in the file is told, too, and does not break the audit.
        self.assertIn("state", self.tampered(state, lambda d: d[:4096] + bytes(len(d) - 4096)))
        self.assertIn("state", self.tampered(state, lambda d: d[:len(d) // 2]))
        self.assertIn("state", self.tampered(state, lambda d: bytes(8192) + d[8192:]))
        # Another genesis: the same names, other keys.
        other = self.path / "other"
        run("init", other, "--network", "try", "--member", "town", "--no-passphrase")
        run("audit", self.dir, "--trust", other / "genesis.json", code=1)
        run("audit", self.path / "nowhere", code=3)
        self.assertTrue(json.loads(run("audit", self.dir, "--json").stdout)["valid"])


class Archive(Case):
    def test_everything_is_still_proved(self):
        self.init()
        old = self.path / "old"
        log = self.dir / "log"
        with Node(self.dir, "--no-rate-limit") as node:
            run("import", "xes", XES, "--keys", self.path / "officials", "--admin-key", self.admin,
                "--no-passphrase", "--node", node.url)
            first = node.get("/v1/transactions?limit=1")["items"][0]["id"]
        # A damaged bundle, or an archive that holds something else, is not taken; nothing is lost.
        victim = log / "tile/entries/005"
        good = victim.read_bytes()
        victim.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
        self.assertIn("tile/entries/005",
                      run("archive", self.dir, "--to", old, "--keep", 2, code=1).stderr)
        victim.write_bytes(good)
        self.assertTrue((log / "tile/entries/000").exists())
        # The log itself is no archive, however it is named: what is moved to itself would be lost.
        linked = self.path / "linked"
        linked.mkdir()
        (linked / "tile").symlink_to(log / "tile")
        for same in (log, self.dir / "../node/log", linked):
            self.assertIn("own folder",
                          run("archive", self.dir, "--to", same, "--keep", 0, code=2).stderr)
        run("audit", self.dir)
        # A node that does not know the archive would miss the tiles.
        with Node(self.dir):
            self.assertIn("archives in node.yaml",
                          run("archive", self.dir, "--to", old, "--keep", 2, code=1).stderr)
        told = run("archive", self.dir, "--to", "far", "--keep", 33, cwd=self.path).stdout
        self.assertIn(f"archives: ['{self.path.resolve()}/far']", told)
        moved = json.loads(run("archive", self.dir, "--to", old, "--keep", 2, "--json").stdout)
        self.assertEqual(moved["files"], 31)
        self.assertFalse((log / "tile/entries/000").exists())
        self.assertTrue((log / "tile/entries/032").exists())
        again = json.loads(run("archive", self.dir, "--to", old, "--keep", 0, "--hashes",
                               "--json").stdout)
        self.assertEqual((again["files"], again["there_already"]), (2 + 33, 31))
        run("audit", self.dir, code=1)
        run("audit", self.dir, "--archive", old)
        with Node(self.dir, "--archive", str(old)) as node:
            run("audit", node.url)
        settings = self.dir / "node.yaml"
        settings.write_text(settings.read_text() + f"archives: [{old}]\n")
        with Node(self.dir) as node:
            bundle = self.path / "b.qfb"
            run("bundle", first, "--node", node.url, "-o", bundle)
            report = json.loads(run("verify", bundle, "--trust", self.dir / "genesis.json",
                                    "--json").stdout)
            self.assertEqual((report["leaf"], report["log_size"]), (0, 8625))
            self.record(node, 1)
            run("audit", node.url)
        run("audit", self.dir)
        more = json.loads(run("archive", self.dir, "--to", self.path / "newer", "--keep", 0,
                              "--json").stdout)
        self.assertEqual((more["files"], more["there_already"]), (0, 33))
        run("doctor", self.dir, "--listen", "127.0.0.1:0")


class Proxy(Case):
    """Behind a proxy of the environment a node of this computer is reached as without one."""

    def test_this_computer_is_not_behind_it(self):
        self.init()
        with Node(self.dir) as node:
            for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
                done = subprocess.run([PROGRAM, "doctor", node.url, "--json"], capture_output=True,
                                      check=False, env={**os.environ, name: "http://127.0.0.1:1"})
                self.assertEqual(done.returncode, 0, done.stderr)


class Tx(Case):
    def test_json_and_what_is_not_signed(self):
        self.init()
        op = {"op": "evidence.record", "id": "a", "hash": self.hash_of(b"a")}
        sign = ("tx", "sign", "--key", self.admin, "--network", "try")
        jws = json.loads(run(*sign, "--json", stdin=json.dumps(op)).stdout)["jws"]
        self.assertEqual(jws.count("."), 2)
        other = run(*sign, stdin=json.dumps({**op, "id": "b"})).stdout
        for wrong, near in (("evidence.recrd", "evidence.record"), ("key.add", "identity.key.add"),
                            ("evidence.supercede", "evidence.supersede"), ("zzzzzzzzzzzz", None)):
            said = run(*sign, stdin=json.dumps([op, {"op": wrong}]), code=1).stderr
            self.assertIn(f"[1].op: there is no {wrong}", said)
            self.assertEqual("near it are" in said, near is not None)
            self.assertIn(near or "", said)
        for ops in ("[]", "{}", "[1]", '[{"op":1}]', "7"):
            run(*sign, stdin=ops, code=1)
        for ttl in ("12x", "0", "-5", "", "3601", "x", "9" * 30):
            run(*sign, "--ttl", ttl, stdin=json.dumps(op), code=2)
        with Node(self.dir) as node:
            send = ("tx", "send", "--node", node.url)
            done = json.loads(run(*send, "--json", stdin=f"{jws}\n{other}").stdout)
            self.assertEqual([r["status"] for r in done["results"]], ["accepted", "accepted"])
            again = json.loads(run(*send, "--json", stdin=jws).stdout)
            self.assertTrue(again["results"][0]["problem"]["type"].endswith(":duplicate"))
            self.assertEqual(len(run(*send, stdin=jws).stdout.splitlines()), 1)
            file = self.path / "a.qfb"
            ident = done["results"][0]["id"]
            written = json.loads(run("bundle", ident, "--node", node.url, "-o", file, "--json").stdout)
            self.assertEqual(written, {"file": str(file), "size": file.stat().st_size,
                                       "transaction": ident})
            self.assertEqual(json.loads(run("bundle", ident, "--node", node.url, "--json").stdout),
                             json.loads(file.read_text()))


class Doctor(Case):
    def examine(self, where=None, code=0):
        done = json.loads(run("doctor", where or self.dir, "--listen", "127.0.0.1:0", "--json",
                              code=code).stdout)
        self.assertEqual(done["ok"], code == 0)
        return {f["check"]: f for f in done["findings"] if f["status"] == "bad"}

    def test_a_node_of_the_first_seconds_is_well(self):
        self.init()
        with Node(self.dir) as node:
            self.record(node, 1)
            found = json.loads(run("doctor", self.dir, "--listen", "127.0.0.1:0", "--json").stdout)
        self.assertEqual([f for f in found["findings"] if f["status"] == "bad"], [])

    def test_what_is_wrong_is_named_with_its_cure(self):
        self.init()
        self.assertEqual(self.examine(), {})
        with Node(self.dir) as node:
            self.record(node, 1)
            self.assertEqual(self.examine(node.url), {})
        self.assertEqual(self.examine(), {})
        with Node(self.dir) as node:
            self.record(node, 2)
            node.process.kill()
            node.process.wait()
        self.assertRegex(run("doctor", self.dir, "--listen", "127.0.0.1:0").stdout,
                         r"ok +journal +\d+ blocks up to height \d+")
        with Node(self.dir):
            pass
        key = self.dir / "keys/admin.pem"
        key.chmod(0o644)
        found = self.examine(code=1)
        self.assertEqual(found["keys"]["cure"], f"chmod 600 {key}")
        key.chmod(0o600)
        tile = self.dir / "log/tile/0/000.p/2"
        tile.rename(self.path / "kept")
        self.assertIn("log", self.examine(code=1))
        (self.path / "kept").rename(tile)
        note = self.dir / "keys/note.pem"
        note.rename(self.path / "kept")
        run("key", "create", note, "--alg", "EdDSA", "--no-passphrase")
        self.assertIn("note key", self.examine(code=1))
        (self.path / "kept").rename(note)
        checkpoint = self.dir / "log/checkpoint"
        good = checkpoint.read_bytes()
        checkpoint.write_bytes(good.replace(b"\n2\n", b"\n3\n"))
        self.assertIn("checkpoint", self.examine(code=1))
        checkpoint.write_bytes(good)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            # It listens, but says nothing: not a node. A short wait is enough to know.
            other.settimeout(0.1)
            threading.Thread(target=hang_up, args=(other,), daemon=True).start()
            done = run("doctor", self.dir, "--listen", taken, code=1).stdout
            self.assertIn("cannot be used", done)
        settings = self.dir / "node.yaml"
        good = settings.read_text()
        settings.write_text(good + "nonsense: 1\n")
        self.assertIn("settings", self.examine(code=1))
        settings.write_text(good)
        (self.dir / "genesis.json").unlink()
        self.assertIn("genesis", self.examine(code=1))
        run("doctor", self.path / "nowhere", code=3)
        self.assertRegex(run("doctor", self.dir, code=1).stdout, r"bad +genesis")


class Manual(unittest.TestCase):
    def test_version_names_what_decisions_depend_on(self):
        program, rules = run("--version").stdout.splitlines()
        self.assertRegex(program, r"^qifeng \d+\.\d+\.\d+$")
        self.assertRegex(rules, r"^rules: PCRE2 \d+\.\d+ \S+, Unicode \d+\.\d+\.\d+, "
                                r"time zones 20\d\d[a-z] ")

    def test_pages_and_completion_know_every_command(self):
        commands = re.findall(r"^  ([a-z]+) +\S", run("--help").stdout, re.M)
        self.assertGreater(len(commands), 10)
        listed = re.search(r"cli_commands = \[(.*?)\]", (SOURCES / "src/cli/meson.build").read_text(),
                           re.S).group(1)
        self.assertEqual(sorted(commands), sorted(re.findall(r"'([a-z]+)'", listed)),
                         "src/cli/meson.build: cli_commands")
        subprocess.run([sys.executable, SOURCES / "scripts/cli_spec.py", PROGRAM, "--check"],
                       check=True)
        bash = run("completion", "bash").stdout
        for command, words in (("case", "list show decisions history open message withdraw appeal "
                                        "unplanned export"),
                               ("decision", "record replay"),
                               ("service", "check test deploy vote list show fetch suspend resume retire "
                                           "migrate")):
            self.assertIn(f"{command}) words='{words}'", bash)
        zsh = run("completion", "zsh").stdout
        for command in commands:
            options = re.findall(r"^  (--[a-z-]+) ", run(command, "--help").stdout, re.M)
            page = run("completion", "man", command).stdout
            self.assertTrue(page.startswith(f".TH QIFENG\\-{command} 1"))
            for option in options:
                self.assertIn(".B " + option.replace("-", "\\-"), page)
                self.assertIn(option, bash)
                self.assertIn(option, zsh)

    def test_bash_completes(self):
        def complete(*words):
            script = run("completion", "bash").stdout + (
                f"\nCOMP_WORDS=(qifeng {' '.join(repr(w) for w in words)})\n"
                f"COMP_CWORD={len(words)}\n_qifeng\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
            return subprocess.run(["bash", "-c", script], capture_output=True, text=True,
                                  check=True).stdout.split()
        self.assertEqual(complete("aud"), ["audit"])
        self.assertEqual(complete("init", "--suite", "g"), ["gm"])
        self.assertEqual(complete("key", ""), ["create", "show", "export"])
        self.assertEqual(complete("audit", "--tr"), ["--trust"])
        self.assertEqual(complete("evidence", "s"), ["show"])

    def test_wrong_usage(self):
        for args in ((), ("nothing",), ("audit",), ("audit", "--nothing", "x"), ("init", "x"),
                     ("verify", "--trust"), ("tx", "sign"), ("archive", "x"), ("import", "xes"),
                     ("archive", "x", "--to", "y", "--keep", "-1"), ("completion", "fish"),
                     ("audit", "x", "--json=no"), ("verify", "x", "--json=false"),
                     *(("evidence", "find", "--source", "x", "--node", "http://x", "--limit", n)
                       for n in ("0", "-1", "abc", "5x"))):
            self.assertTrue(run(*args, code=2).stderr, args)

    def test_a_port_is_a_port(self):
        with tempfile.TemporaryDirectory() as folder:
            run("init", folder, "--network", "try", "--no-passphrase")
            for port in ("65536", "99999", "-1", "", "8700x", "http"):
                self.assertIn("--listen", run("node", folder, "--listen", f"127.0.0.1:{port}",
                                              code=2).stderr)

    def test_what_cannot_be_written_is_told(self):
        for args in (("--help",), ("completion", "man"), ("completion", "bash")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE,
                                      text=True, check=False)
            self.assertEqual((done.returncode, "standard output" in done.stderr), (3, True), args)
        # Who has read enough is no failure.
        done = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" completion bash | head -1',
                               PROGRAM], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_file_without_end(self):
        self.assertIn("is over", run("verify", "/dev/zero", code=1).stderr)

    def test_json_when_the_answer_is_no(self):
        with tempfile.TemporaryDirectory() as folder:
            odd = os.fsencode(folder) + b"/\xffname"
            done = subprocess.run([PROGRAM, "key", "show", odd, "--json"], capture_output=True,
                                  check=False)
            self.assertEqual(done.returncode, 3)
            problem = json.loads(done.stdout.decode())["problem"]
            self.assertEqual(problem["type"], "urn:qifeng:problem:io-error")
            self.assertTrue(problem["field"].endswith("name"))
            self.assertIn("cannot be opened", problem["detail"])
            self.assertTrue(problem["cure"])
            made = subprocess.run([PROGRAM, "init", odd, "--network", "n", "--no-passphrase",
                                   "--json"], capture_output=True, check=True)
            self.assertTrue(json.loads(made.stdout.decode())["dir"].endswith("\ufffdname"))
            again = run("init", folder + "/a", "--network", "a b", "--no-passphrase", "--json",
                        code=2)
            self.assertEqual(json.loads(again.stdout)["problem"]["field"], "--network")


class Init(Case):
    """A folder is a network's from the moment that it has a genesis.json, and not before."""

    def start(self, *more, folder=None):
        return subprocess.Popen([PROGRAM, "init", str(folder or self.dir), "--network", "try",
                                 *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_cut_short_and_done_again(self):
        secret = self.path / "pass"
        secret.write_text("a passphrase\n")
        # Its keys are derived slowly, so that a kill finds it at work.
        for wait in (0.05, 0.15, 0.3, 0.5):
            process = self.start("--passphrase-file", str(secret))
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if (self.dir / "genesis.json").exists():
                break
        run("init", self.dir, "--network", "try", "--passphrase-file", secret, code=(0, 1))
        with Node(self.dir, "--passphrase-file", str(secret)) as node:
            self.assertEqual(node.get("/v1/network")["id"], "try")
        self.assertFalse((self.dir / "genesis.json.tmp").exists())

    def test_leftovers_go_and_what_others_put_there_stays(self):
        self.dir.mkdir()
        for name in ("keys/admin.pem", "keys/note.pem.new", "keys/ca.crt", "node.yaml"):
            (self.dir / name).parent.mkdir(exist_ok=True)
            (self.dir / name).write_text("x" * 5000)
            self.assertIn("is there already" if ".new" not in name else "",
                          run("init", self.dir, "--network", "try", "--no-passphrase",
                              code=(0, 1)).stderr)
            if ".new" not in name:
                self.assertEqual((self.dir / name).read_text(), "x" * 5000)
        (self.dir / "genesis.json.tmp").write_text("")  # they are of an init that was cut short
        run("init", self.dir, "--network", "try", "--no-passphrase")
        self.assertNotIn("xxx", (self.dir / "node.yaml").read_text())
        run("audit", self.dir, code=3)  # no node has been there
        with Node(self.dir):
            pass
        run("audit", self.dir)
        run("init", self.dir, "--network", "try", "--no-passphrase", code=1)

    def test_what_a_node_would_refuse_is_refused_at_once(self):
        for option, value in (("--network", "a b"), ("--network", "x" * 129), ("--network", ""),
                              ("--member", "x" * 49), ("--member", "a:b"), ("--member", "-a"),
                              ("--name", "x" * 65), ("--name", ""), ("--name", "\udcff")):
            done = run("init", self.dir, "--no-passphrase", "--network", "n", option, value, code=2)
            self.assertIn(option, done.stderr)
            self.assertFalse(self.dir.exists())
        run("init", self.dir, "--network", "x" * 128, "--member", "x" * 48, "--name", "局" * 64,
            "--no-passphrase")
        with Node(self.dir):
            pass


class Demo(Case):
    def test_demo(self):
        at = ("--listen", "127.0.0.1:0", "--exit")
        first = run("demo", self.dir, *at)
        self.assertIn("8577 recorded now", first.stdout)
        self.assertIn("urban-incident is deployed by vote, with 7 cases", first.stdout)
        self.assertRegex(first.stdout, r"\nready http://127.0.0.1:\d+\n$")
        self.assertIn("warning", first.stderr)
        again = run("demo", self.dir, *at).stdout
        self.assertIn("(0 recorded now", again)
        self.assertTrue(json.loads(run("audit", self.dir, "--json").stdout)["state_compared"])
        run("init", self.path / "other", "--network", "try", "--no-passphrase")
        run("demo", self.path / "other", *at, code=2)
        # The commands that it prints do what they say.
        process = subprocess.Popen([PROGRAM, "demo", str(self.dir), "--listen", "127.0.0.1:0"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   cwd=self.path)
        text = ""
        while "ready http" not in text:
            line = process.stdout.readline()
            self.assertTrue(line, text)
            text += line
        commands = re.search(r"\n\n  (\S+ bundle .*?)\n\n", text, re.S).group(1)
        done = subprocess.run(["sh", "-ec", commands], capture_output=True, text=True, check=True,
                              cwd=self.path)
        self.assertIn("VALID: recorded", done.stdout)
        self.assertIn("given by you", done.stdout)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)
        process.stdout.close()


class AuditGm(Case):
    suite = "gm"

    def test_both_trees(self):
        self.init()
        with Node(self.dir) as node:
            for number in range(12):
                self.record(node, number)
            run("audit", node.url)
        self.assertTrue(json.loads(run("audit", self.dir, "--json").stdout)["state_compared"])
        tile = next((self.dir / "log/sm3/tile/0/000.p").iterdir())
        data = bytearray(tile.read_bytes())
        data[40] ^= 1
        tile.write_bytes(data)
        answer = run("audit", self.dir, code=1).stdout
        self.assertIn("sm3/tile/0/000", answer)
        self.assertIn("entry 1", answer)


if __name__ == "__main__":
    if shutil.which("python3") is None:
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=1)
