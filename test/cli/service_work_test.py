#!/usr/bin/env python3
"""A service in the hands of people: deployed by the votes of two members, cases opened, tasks found,
done and refused, a citizen who asks why, and a decision made again. Real node, real commands.
Usage: service_work_test.py PROGRAM SOURCE_ROOT"""
import json
import re
import shutil
import sys
import time
import unittest

from town import SOURCES, Town

SMALL = SOURCES / "test/data/service/small"


class Work(Town):
    @classmethod
    def people(cls):
        cls.admit("court", "court")
        for actor, role in (("li", "clerk"), ("wang", "clerk"), ("citizen", "applicant")):
            cls.hire("admin", actor, role)
        cls.hire("court", "zhao", "expert")

    def test_0_rejected_and_proposed_again(self):
        deploy = ("service", "deploy", SMALL, "--yes")
        first = json.loads(self.act("admin", *deploy, "--json").stdout)["proposal"]
        self.assertIn("proposed already, and open", self.act("admin", "service", "deploy", SMALL).stdout)
        said = self.run_one("service", "list", "--node", self.url).stdout
        hash_ = json.loads(self.run_one("service", "check", SMALL, "--json").stdout)["hash"]
        for words in ("no service is in force", f"to be voted on: {first}, service.deploy", hash_,
                      f"qifeng service fetch {first} DIR",
                      "yes civil", "no  nobody"):
            self.assertIn(words, said)
        # Who votes reads what he votes on, and holds it against the hash.
        self.run_one("service", "fetch", first, "review", "--node", self.url)
        fetched = json.loads(self.run_one("service", "check", "review", "--json").stdout)
        self.assertEqual((fetched["hash"], fetched["errors"]), (hash_, 0))
        for name in ("process.bpmn", "rules.dmn"):
            self.assertEqual((self.work / "review" / name).read_bytes(), (SMALL / name).read_bytes())
        self.run_one("service", "fetch", first, "review", "--node", self.url, code=3)
        self.run_one("service", "fetch", "none", "review2", "--node", self.url, code=1)
        self.assertFalse((self.work / "review2").exists())
        said = self.act("court", "service", "vote", first, "--no").stdout
        self.assertIn(f"voted no: {first} is rejected\n  yes civil\n  no  court", said)
        again = json.loads(self.act("admin", "service", "deploy", SMALL, "--json").stdout)["proposal"]
        self.assertEqual(again, first + "-2")
        self.act("court", "service", "vote", again, "--no")
        self.assertNotIn("to be voted on", self.run_one("service", "list", "--node", self.url).stdout)

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
        for name in (proposal, "small-permit"):  # in force: the parts are gone, the package is there
            shutil.rmtree(self.work / "review", ignore_errors=True)
            self.run_one("service", "fetch", name, "review", "--node", self.url)
            self.assertEqual(json.loads(self.run_one("service", "check", "review", "--json").stdout)["hash"],
                             json.loads(self.run_one("service", "check", SMALL, "--json").stdout)["hash"])
        self.run_one("service", "fetch", "small-permit", "old", "--version", "0.9", "--node", self.url, code=1)
        shown = self.ask("service", "show", "small-permit")
        self.assertEqual((shown["version"], shown["member"]), ("1.0", "civil"))
        self.assertIn("brought  by civil, which answers for what the service does (it does nothing", self.run_one(
            "service", "show", "small-permit", "--node", self.url).stdout)
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
        self.assertIn("asked for is desk (actors with the role clerk) of an authority; civil/citizen "
                      "is not", self.act("citizen", "task", "claim", "c1/check", code=1).stderr)
        self.act("li", "task", "claim", "c1/check")
        self.assertIn("c1/1", self.act("li", "task", "list").stdout)
        self.assertIn("no such task", self.act("wang", "task", "list").stderr)
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
        self.assertIn("no open task check; open are 2 (review)", self.act(
            "li", "task", "complete", "c1/check", code=1).stderr)

    def test_3_why(self):
        case = self.ask("case", "show", "c1")
        self.assertEqual(case["decisions"][0]["outcome"], "full")
        said = self.run_one("case", "show", "c1", "--lang", "zh", "--node", self.url).stdout
        for words in ("小型许可", "办理中", "现场复核", "[专家]", "一般程序", "Art. 7 (2)",
                      "面积（平方米） = 500", "期限 20", "第 2 条规则（Route）"):
            self.assertIn(words, said)
        self.assertIn("Full procedure", self.run_one("case", "show", "c1", "--node", self.url).stdout)
        again = self.ask("decision", "replay", "c1")
        self.assertEqual((again["same"], again["outcome"]), (True, "full"))
        self.assertEqual(again["trace"], again["recorded"])
        self.assertIn("same: Route", self.run_one("decision", "replay", "c1", "--node", self.url)
                      .stdout)
        self.run_one("decision", "replay", "c1", "--decision", "None", "--node", self.url, code=1)

    def test_3_why_in_full(self):
        items = self.ask("case", "decisions", "c1")["items"]
        self.assertEqual(len(items), 1)
        decided = items[0]
        self.assertEqual((decided["outcome"], decided["same"], decided["words"]["zh"]),
                         ("full", True, "一般程序"))
        self.assertEqual(decided["rules"][0]["clauses"], ["Art. 7 (2)"])
        self.assertEqual((decided["inputs"][0]["value"], decided["inputs"][0]["titles"]["zh"]),
                         (500, "面积（平方米）"))
        history = self.ask("case", "history", "c1")["items"]
        self.assertEqual([step["kind"] for step in history],
                         ["opened", "claimed", "released", "completed", "automatic"])
        self.assertEqual(decided["tx"], history[3]["tx"])
        said = self.run_one("case", "decisions", "c1", "--lang", "zh", "--node", self.url).stdout
        for words in ("一般程序", "Art. 7 (2)", decided["tx"], decided["trace"], "结果相同"):
            self.assertIn(words, said)
        said = self.run_one("case", "history", "c1", "--lang", "zh", "--node", self.url).stdout
        self.assertIn("完成 核对申请, civil/li", said)

    def test_4_to_the_end(self):
        shown = self.run_one("task", "show", "c1/review", "--node", self.url).stdout
        self.assertIn("f-yes  Agree", shown)
        self.act("li", "task", "complete", "c1/review", "--choose", "f-yes", code=1)
        said = self.act("zhao", "task", "complete", "c1/review", code=1).stderr
        self.assertIn("flows", said)
        self.assertIn("f-yes  Agree", said)
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
        self.assertIn("it has more-papers (More papers)", self.act(
            "citizen", "case", "message", "c3", "other-papers", code=1).stderr)
        self.act("citizen", "case", "message", "c3", "more-papers")
        self.assertEqual([t["node"] for t in self.ask("case", "show", "c3")["tasks"]], ["sign"])

    def test_5_suspended_and_migrated(self):
        def passes(*args):
            made = json.loads(self.act("admin", "service", *args, "--yes", "--json").stdout)
            self.act("court", "service", "vote", made["proposal"], "--yes")
        passes("suspend", "small-permit")
        self.assertIn("suspended", self.act("citizen", "case", "open", "small-permit",
                                            code=1).stderr)
        passes("resume", "small-permit")
        self.act("citizen", "case", "open", "small-permit", "--id", "c5")
        self.act("li", "task", "complete", "c5/check", "--set", "area=500")
        newer = self.work / "newer"
        shutil.copytree(SMALL, newer)
        (newer / "scenario.yaml").unlink()
        for name in ("process.bpmn", "texts/zh.yaml", "texts/en.yaml"):  # a step gets another id
            text = (newer / name).read_text(encoding="utf-8")
            for old, new in (('"route"', '"sort"'), (">route<", ">sort<"), ("route: ", "sort: ")):
                text = text.replace(old, new)
            (newer / name).write_text(text, encoding="utf-8")
        text = (newer / "service.yaml").read_text(encoding="utf-8")
        (newer / "service.yaml").write_text(text.replace('"1.0"', '"1.1"'), encoding="utf-8")
        passes("deploy", newer)
        self.act("admin", "service", "migrate", "small-permit", "--from", "1.0", code=2)
        passes("migrate", "small-permit", "--from", "1.0", "--to", "1.1")
        for _ in range(100):
            if self.ask("case", "show", "c5")["version"] == "1.1":
                break
            time.sleep(0.1)
        self.assertEqual(self.ask("case", "show", "c5")["version"], "1.1",
                         "also when nobody sends anything")
        steps = self.ask("case", "history", "c5")["items"]
        self.assertEqual([(s["kind"], s.get("node")) for s in steps],
                         [("opened", None), ("completed", "check"), ("automatic", "route")])
        self.assertIn("automatic route\n", self.run_one(
            "case", "history", "c5", "--node", self.url).stdout)
        self.assertEqual([t["node"] for t in self.ask("case", "show", "c5")["tasks"]], ["review"])
        passes("retire", "small-permit")
        self.act("citizen", "case", "open", "small-permit", code=1)
        self.act("admin", "service", "suspend", "none", code=1)

    def imported(self, *more):
        """The small permit as a service that takes over the cases of another system."""
        folder = self.work / "imported"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SMALL, folder)
        (folder / "scenario.yaml").unlink()
        for name, old, new in (("service.yaml", "id: small-permit",
                                "id: old-permits\nimported: true\nunplanned: true"), *more):
            text = (folder / name).read_text(encoding="utf-8")
            self.assertIn(old, text)
            (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        return folder

    def test_6_a_log_with_decisions(self):
        def event(minute, activity, who, **attributes):
            return ("<event>" + "".join(
                f'<{"int" if isinstance(v, int) else "string"} key="{k}" value="{v}"/>'
                for k, v in {"concept:name": activity, "org:resource": who, **attributes}.items())
                + f'<date key="time:timestamp" value="2020-03-02T09:{minute:02}:00.000+08:00"/></event>')
        check, review, sign = "Check the application", "Review on the spot", "Sign"
        traces = {"simple": (event(1, check, "Ann", area=120), event(5, sign, "Bob")),
                  "full": (event(2, check, "Ann", area=500, note="urgent"), event(6, review, "Eva"),
                           event(7, sign, "Bob")),
                  "other": (event(3, check, "Ann", area=120), event(8, review, "Eva"),
                            event(9, sign, "Bob"))}
        log = self.work / "log.xes"
        log.write_text('<log xes.version="1.0">' + "".join(
            f'<trace><string key="concept:name" value="{name}"/>{"".join(events)}</trace>'
            for name, events in traces.items()) + "</log>", encoding="utf-8")
        replay = ("xes", "replay", log, "--admin-key", self.keys["admin"], "--no-passphrase", "--keys",
                  self.work / "officials", "--node", self.url, "--json")
        sealed = self.imported(("service.yaml", "area: {type: number", "area: {sealed: true, type: number"),
                               ("process.bpmn", 'result="way"', 'result="way" sealed="true"'))
        self.assertIn("task route decides over sealed fields", self.run_one(
            *replay, "--service", sealed, code=2).stderr)
        folder = self.imported()
        said = self.run_one(*replay, "--service", folder, code=1).stderr
        self.assertIn("have to vote on proposal deploy/old-permits/1.0/", said)
        self.assertIn("it is proposed already", self.run_one(*replay, "--service", folder, code=1).stderr)
        self.act("court", "service", "vote", re.search(r"deploy/[^ ]*", said)[0], "--yes")
        report = json.loads(self.run_one(*replay, "--service", folder).stdout)
        self.assertEqual((report["conforming"], report["deviating"], report["compared"]["equal"]),
                         (2, 1, True))
        deviations = report["deviations"][0]
        self.assertEqual((deviations["case"], deviations["unplanned"][0]["activity"],
                          deviations["unplanned"][0]["expected"]), ("other", review, [sign]))
        full = self.ask("case", "show", "full")
        self.assertEqual((full["status"], full["ends"], full["decisions"][0]["outcome"]),
                         ("done", ["granted"], "full"))

    def test_7_off_the_process(self):
        self.act("li", "case", "open", "old-permits", "--id", "o1")
        said = self.act("li", "case", "unplanned", "o1", "called the applicant").stdout
        self.assertIn("as a deviation", said)
        self.assertEqual(self.ask("case", "show", "o1")["deviations"][0]["activity"],
                         "called the applicant")
        self.assertIn("unplanned called the applicant, civil/li (not in the process)", self.run_one(
            "case", "history", "o1", "--node", self.url).stdout)
        self.act("li", "case", "open", "small-permit", "--id", "c7", code=1)  # retired
        self.act("li", "case", "unplanned", "o1", "rang\n  2026-01-01 00:00  completed Sign, court/zhao",
                 "--set", "note=x\n  Procedure: simple")
        for verb in ("show", "history"):  # what people write does not look like what the ledger says
            lines = self.run_one("case", verb, "o1", "--node", self.url).stdout.splitlines()
            self.assertFalse([line for line in lines if line.startswith(
                ("  Procedure: simple", "  2026-01-01 00:00"))], lines)
        self.assertIn("mandate", self.act("li", "task", "claim", "o1/check", "--on-behalf", "m1",
                                          code=1).stderr)

    def test_8_what_there_is_to_do_in_any_order(self):
        folder = self.imported(("service.yaml", "id: old-permits", "id: calls"))
        (folder / "process.bpmn").write_text("""<?xml version="1.0"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:qf="https://qifeng.dev/bpmn/1"
    targetNamespace="t"><process id="p" isExecutable="true"><laneSet id="ls"><lane id="l" name="Desk">
  <extensionElements><qf:lane role="desk"/></extensionElements>
  <flowNodeRef>start</flowNodeRef><flowNodeRef>calls</flowNodeRef><flowNodeRef>end</flowNodeRef>
  <flowNodeRef>ring</flowNodeRef><flowNodeRef>write</flowNodeRef></lane></laneSet>
  <startEvent id="start"/><adHocSubProcess id="calls" name="Reach the applicant">
  <userTask id="ring" name="Ring"/><userTask id="write" name="Write"/></adHocSubProcess>
  <endEvent id="end"/><sequenceFlow id="a" sourceRef="start" targetRef="calls"/>
  <sequenceFlow id="b" sourceRef="calls" targetRef="end"/></process></definitions>""")
        (folder / "rules.dmn").unlink()
        (folder / "schemas/check.json").unlink()
        for lang in ("en", "zh"):
            (folder / f"texts/{lang}.yaml").write_text(
                "tasks: {calls: Reach, ring: Ring, write: Write}\n"
                "states: {running: r, done: d, failed: f, withdrawn: w}\n")
        made = json.loads(self.act("admin", "service", "deploy", folder, "--yes", "--json").stdout)
        self.act("court", "service", "vote", made["proposal"], "--yes")
        self.act("li", "case", "open", "calls", "--id", "h1")
        self.assertEqual([t["node"] for t in self.ask("case", "show", "h1")["tasks"]], ["calls"])
        self.act("li", "task", "begin", "h1/calls", "rang", code=1)
        self.assertIn("begun", self.act("li", "task", "begin", "h1/calls", "ring").stdout)
        self.assertEqual({t["node"] for t in self.ask("case", "show", "h1")["tasks"]},
                         {"calls", "ring"})
        self.act("li", "task", "complete", "h1/ring")
        if self.ask("case", "show", "h1")["status"] == "running":
            self.act("li", "task", "complete", "h1/calls")
        self.assertEqual(self.ask("case", "show", "h1")["ends"], ["end"])

    def test_9_wrong_usage(self):
        self.assertIn("--key stands there too often", self.act(
            "li", "case", "open", "none", "--key", self.keys["li"], code=2).stderr)
        for args in (("case", "show", "none"), ("service", "show", "none"),
                     ("case", "open", "none", "--key", self.keys["li"])):
            self.run_one(*args, "--node", self.url, code=1)
        self.assertIn("withdrawn", self.run_one("case", "list", "--status", "open", "--node",
                                                self.url, code=1).stderr)
        for args, words in ((("deploy", SMALL, "--node", self.url), "wants --key"),
                            (("deploy", SMALL), "wants --node"),
                            (("vote", "x", "--node", self.url, "--key", "k"), "--yes or --no")):
            self.assertIn(words, self.run_one("service", *args, code=2).stderr)
        for args in (("task", "list", "--node", self.url), ("case", "show"), ("service", "vote", "x"),
                     ("task", "claim", "c1/sign", "--node", self.url)):
            self.assertIn(self.run_one(*args, code=2).returncode, (2,))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
