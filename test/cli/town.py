"""A network of one node for tests of the command line: real node, real commands.
The test is called with PROGRAM and SOURCE_ROOT."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
SOURCES = pathlib.Path(sys.argv[2]).resolve()


class Town(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="qf-work-"))
        cls.process = None
        try:
            cls.found()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.process is not None:
            cls.stop()
        shutil.rmtree(cls.work, ignore_errors=True)

    @classmethod
    def run_one(cls, *args, code=0, stdin=None):
        done = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True,
                              text=True, cwd=cls.work, timeout=60, check=False,
                              env={**os.environ, "LANG": "C"})
        if done.returncode != code:
            raise AssertionError(f"qifeng {' '.join(map(str, args))}: {done.returncode}, not {code}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    @classmethod
    def ask(cls, *args, code=0):
        return json.loads(cls.run_one(*args, "--node", cls.url, "--json", code=code).stdout)

    @classmethod
    def act(cls, key, *args, code=0):
        return cls.run_one(*args, "--node", cls.url, "--key", cls.keys[key], code=code)

    @classmethod
    def send(cls, key, *ops):
        line = cls.run_one("tx", "sign", "--key", cls.keys[key], "--network", "town", "-",
                           stdin=json.dumps(ops)).stdout
        cls.run_one("tx", "send", "--node", cls.url, stdin=line)

    @classmethod
    def make_key(cls, name):
        path = cls.work / f"{name}.pem"
        cls.run_one("key", "create", path, "--no-passphrase")
        cls.keys[name] = path
        return json.loads(cls.run_one("key", "show", path, "--json").stdout)["jwk"]

    @classmethod
    def found(cls):
        """The network, its node, and whom the test needs."""
        cls.run_one("init", "town", "--network", "town", "--member", "civil", "--no-passphrase")
        cls.keys = {"admin": cls.work / "town/keys/admin.pem"}
        cls.serve()
        cls.people()

    @classmethod
    def serve(cls):
        cls.process = subprocess.Popen(
            [PROGRAM, "node", str(cls.work / "town"), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.url = cls.process.stdout.readline().split()[1]

    @classmethod
    def stop(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait(20)
        cls.process.stdout.close()
        cls.process = None

    @classmethod
    def admit(cls, member, kind):
        """By the admin's vote alone: as long as he is the only one."""
        key = cls.make_key(member)
        cls.send("admin", {"op": "consortium.propose", "proposal": member, "action": {
            "do": "member.admit", "id": member, "kind": kind, "name": member, "weight": 1,
            "root_key": key, "admin": {"actor": "admin", "key": key}}})
        cls.send("admin", {"op": "consortium.vote", "proposal": member, "choice": "yes"})

    @classmethod
    def hire(cls, member, actor, *roles):
        cls.send(member, {"op": "identity.key.add", "actor": actor, "key": cls.make_key(actor),
                          "roles": list(roles)})
