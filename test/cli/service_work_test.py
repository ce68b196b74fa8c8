#!/usr/bin/env python3
"""A service in the hands of people: deployed by the votes of two members, cases opened, tasks found,
done and refused, a citizen who asks why, and a decision made again. Real node, real commands.
Usage: service_work_test.py PROGRAM SOURCE_ROOT"""
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
SMALL = SOURCES / "test/data/service/small"


class Work(unittest.TestCase):
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
            cls.process.send_signal(signal.SIGTERM)
            cls.process.wait(20)
            cls.process.stdout.close()
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
        cls.run_one("init", "town", "--network", "town", "--member", "civil", "--no-passphrase")
        cls.process = subprocess.Popen(
            [PROGRAM, "node", str(cls.work / "town"), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.url = cls.process.stdout.readline().split()[1]
        cls.keys = {"admin": cls.work / "town/keys/admin.pem"}
        court = cls.make_key("court")
        cls.send("admin", {"op": "consortium.propose", "proposal": "court", "action": {
            "do": "member.admit", "id": "court", "kind": "court", "name": "Court", "weight": 1,
            "root_key": court, "admin": {"actor": "admin", "key": court}}})
        cls.send("admin", {"op": "consortium.vote", "proposal": "court", "choice": "yes"})
        for actor, role in (("li", "clerk"), ("wang", "clerk"), ("citizen", "applicant")):
            cls.send("admin", {"op": "identity.key.add", "actor": actor, "key": cls.make_key(actor),
                               "roles": [role]})
        cls.send("court", {"op": "identity.key.add", "actor": "zhao", "key": cls.make_key("zhao"),
                           "roles": ["expert"]})

    def test_1_deploy(self):
        deploy = ("service", "deploy", SMALL)
        first = json.loads(self.act("admin", *deploy, "--json").stdout)
        self.assertEqual((first["deployed"], first["service"]), (False, "small-permit"))
        proposal = first["proposal"]
        self.assertEqual(self.ask("service", "list")["items"], [])
        self.act("admin", "service", "vote", proposal, "--yes")
        self.assertEqual(self.ask("service", "list")["items"], [], "one of two is not enough")
        self.assertIn("passed", self.act("court", "service", "vote", proposal, "--yes").stdout)
        again = self.act("admin", *deploy)
        self.assertIn("deployed already", again.stdout)
        self.assertEqual(self.ask("service", "show", "small-permit")["version"], "1.0")
        self.assertIn("小型许可", self.run_one("service", "show", "small-permit", "--lang", "zh",
                                            "--node", self.url).stdout)
        changed = self.work / "changed"
        shutil.copytree(SMALL, changed)
        text = (changed / "texts/en.yaml").read_text(encoding="utf-8")
        (changed / "texts/en.yaml").write_text(text.replace("sign: Sign", "sign: Sign it"))
        self.assertIn("new version", self.act("admin", "service", "deploy", changed, code=1).stderr)
        (changed / "texts/en.yaml").unlink()
        self.assertIn("texts/en.yaml", self.act("admin", "service", "deploy", changed, code=1).stderr)

    def test_2_a_case(self):
        self.act("zhao", "case", "open", "small-permit", "--id", "c1", code=1)
        self.assertIn("opened c1", self.act("citizen", "case", "open", "small-permit", "--id",
                                            "c1").stdout)
        made = json.loads(self.act("li", "case", "open", "small-permit", "--json").stdout)["case"]
        self.assertTrue(made.startswith("small-permit-20"))
        tasks = self.ask("task", "list", "--role", "desk")["items"]
        self.assertEqual({task["case"] for task in tasks}, {"c1", made})
        shown = self.run_one("task", "show", "c1/check", "--lang", "zh", "--node", self.url).stdout
        for words in ("核对申请", "area*", "面积（平方米）", "maximum 1000000", "urgent  加急"):
            self.assertIn(words, shown)
        self.act("li", "task", "claim", "c1/check")
        self.act("wang", "task", "complete", "c1/check", "--set", "area=120", code=1)
        self.act("li", "task", "release", "c1/check")
        for sets, words in ((("area=0",), "data.area: must be at least 1"),
                            (("area=many",), "data.area"), (("note=plain",), "data.area: is missing"),
                            (("area=1", "colour=red"), "data.colour"),
                            (("area=1", "note=later"), '["urgent","plain"]')):
            said = self.act("li", "task", "complete", "c1/check",
                            *(part for one in sets for part in ("--set", one)), code=1).stderr
            self.assertIn(words, said)
        (self.work / "data.json").write_text('{"area": 500, "received": "2026-03-02"}')
        self.act("li", "task", "complete", "c1/check", "--data", "data.json", "--set", "note=plain")
        self.assertIn("no open task", self.act("li", "task", "complete", "c1/check", code=1).stderr)

    def test_3_why(self):
        case = self.ask("case", "show", "c1")
        self.assertEqual(case["decisions"][0]["outcome"], "full")
        said = self.run_one("case", "show", "c1", "--lang", "zh", "--node", self.url).stdout
        for words in ("小型许可", "办理中", "现场复核", "[专家]", "一般程序", "Art. 7 (2)",
                      "面积（平方米） = 500", "due 20"):
            self.assertIn(words, said)
        self.assertIn("Full procedure", self.run_one("case", "show", "c1", "--node", self.url).stdout)
        again = self.ask("decision", "replay", "c1")
        self.assertEqual((again["same"], again["outcome"]), (True, "full"))
        self.assertEqual(again["trace"], again["recorded"])
        self.assertIn("same: Route", self.run_one("decision", "replay", "c1", "--node", self.url)
                      .stdout)
        self.run_one("decision", "replay", "c1", "--decision", "None", "--node", self.url, code=1)

    def test_4_to_the_end(self):
        shown = self.run_one("task", "show", "c1/review", "--node", self.url).stdout
        self.assertIn("f-yes  Agree", shown)
        self.act("li", "task", "complete", "c1/review", "--choose", "f-yes", code=1)
        self.assertIn("flows", self.act("zhao", "task", "complete", "c1/review", code=1).stderr)
        self.act("zhao", "task", "complete", "c1/review", "--choose", "f-yes")
        self.act("li", "task", "complete", "c1/sign", code=1)
        self.act("wang", "task", "complete", "c1/sign")
        self.assertEqual(self.ask("case", "show", "c1")["status"], "done")
        other = [c["case"] for c in self.ask("case", "list", "--status", "running")["items"]]
        self.assertEqual(len(other), 1)
        self.act("zhao", "case", "withdraw", other[0], code=1)
        self.act("li", "case", "withdraw", other[0])
        self.act("citizen", "case", "open", "small-permit", "--id", "c3")
        self.act("li", "task", "complete", "c3/check", "--set", "area=10000")
        self.act("zhao", "case", "message", "c3", "more-papers", code=1)
        self.act("citizen", "case", "message", "c3", "more-papers")
        self.assertEqual([t["node"] for t in self.ask("case", "show", "c3")["tasks"]], ["sign"])

    def test_5_wrong_usage(self):
        for args in (("case", "show", "none"), ("service", "show", "none"),
                     ("case", "open", "none", "--key", self.keys["li"])):
            self.run_one(*args, "--node", self.url, code=1)
        for args in (("task", "list", "--node", self.url), ("case", "show"), ("service", "vote", "x"),
                     ("task", "claim", "c1/sign", "--node", self.url)):
            self.assertIn(self.run_one(*args, code=2).returncode, (2,))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
