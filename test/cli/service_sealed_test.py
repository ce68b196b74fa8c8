#!/usr/bin/env python3
"""A case whose personal data is sealed, by commands alone: one member gives the values, another one
decides over them and records it, a third who was shown them makes it again; then an appeal.
Usage: service_sealed_test.py PROGRAM SOURCE_ROOT"""
import json
import sys
import unittest

from town import SOURCES, Town

SERVICE = SOURCES / "services/welfare-subsidy"
MEANS = ("--set", "monthly_income={income}", "--set", "assets=20000", "--set", "cars=0", "--set",
         "homes=1", "--set", "special_hardship=true", "--set", "sources=税务、社保")


class Sealed(Town):
    @classmethod
    def people(cls):
        cls.admit("means-centre", "authority")
        for actor, role in (("helper", "helper"), ("tang", "street"), ("pan", "street"),
                            ("hu", "civil-affairs"), ("lin", "civil-affairs"),
                            ("shen", "reconsideration")):
            cls.hire("admin", actor, role)
        cls.hire("means-centre", "ma", "means")
        proposal = json.loads(cls.act("admin", "service", "deploy", SERVICE, "--yes",
                                      "--json").stdout)["proposal"]
        cls.act("means-centre", "service", "vote", proposal, "--yes")

    def to_the_decision(self, case, income):
        """Opened, applied for, visited, checked: what is left is the sealed decision."""
        self.act("helper", "case", "open", "welfare-subsidy", "--id", case)
        self.act("helper", "task", "complete", f"{case}/apply", "--reveal", f"{case}-apply.json",
                 "--set", "subject=9f2c4e7a1b3d5068a7c9e1f3b5d70246", "--set", "community=望京",
                 "--set", "household_size=3", "--set", "household_class=variable", "--set",
                 "name=何秀英", "--set", "id_number=110105196803120046", "--set",
                 "account=6222020200001234567", "--set", "declared_income=2000", "--set",
                 "authorised=true")
        self.act("tang", "task", "complete", f"{case}/accept", "--choose", "f_accept", "--set",
                 "local_resident=true", "--set", "local_standard=1450")
        self.assertIn("2 人意见一致才算完成", self.run_one(
            "task", "show", f"{case}/home_visit", "--lang", "zh", "--node", self.url).stdout)
        for actor, words in (("tang", "stays open until 2 agree"), ("pan", "done: 2 agree")):
            self.assertIn(words, self.act(actor, "task", "complete", f"{case}/home_visit", "--set",
                                          "visit_finding=as_declared").stdout)
        self.act("ma", "task", "complete", f"{case}/means_check", "--reveal", f"{case}-means.json",
                 *(part.format(income=income) for part in MEANS))

    def test_0_what_is_sealed_meets_the_form_first(self):
        """No node sees the values: only here can they be judged, before they are sealed for good."""
        self.act("helper", "case", "open", "welfare-subsidy", "--id", "bad")
        give = ("task", "complete", "bad/apply", "--reveal", "bad.json", "--set", "subject=9f2c4e7a1b3d5068a7c9e1f3b5d70246",
                "--set", "community=望京", "--set", "household_size=3", "--set", "household_class=variable",
                "--set", "account=6222020200001234567", "--set", "authorised=true")
        for sets, words in ((("name=", "id_number=110105196803120046", "declared_income=2000"),
                             "data.name: has 0 characters"),
                            (("name=何秀英", "id_number=1", "declared_income=2000"), "data.id_number"),
                            (("name=何秀英", "id_number=110105196803120046", "declared_income=much"),
                             "data.declared_income: must be a number")):
            said = self.act("helper", *give, *(part for one in sets for part in ("--set", one)), code=1).stderr
            self.assertIn(words, said)
            self.assertFalse((self.work / "bad.json").exists())
        said = self.act("helper", "task", "complete", "bad/apply", "--set", "household_size=none", "--set", "name=",
                        "--set", "authorised=maybe", "--set", "colour=red", code=1).stderr
        for words in ("data.name: has 0 characters", "data.household_size: must be", "data.authorised: must be true",
                      "data.colour: is no field", "data.subject: is missing", "data.account: is missing"):
            self.assertEqual(said.count(words), 1, f"{words} in {said}")
        good = ("--set", "name=何秀英", "--set", "id_number=110105196803120046", "--set", "declared_income=2000")
        self.act("tang", *give, *good, code=1)  # refused by the node: nobody needs the opening
        self.assertFalse((self.work / "bad.json").exists())
        self.act("helper", *give, *good)
        self.assertTrue((self.work / "bad.json").exists())

    def test_1_recorded(self):
        self.to_the_decision("he", 2100)
        record = ("decision", "record", "he/assess")
        self.assertIn("decision record", self.act("hu", "task", "complete", "he/assess",
                                                  code=1).stderr)
        said = self.act("hu", *record, code=4).stderr
        self.assertIn("is sealed: its value and salt are needed", said)
        self.assertIn("inputs.", said)
        given = json.loads((self.work / "he-means.json").read_text(encoding="utf-8"))
        given["assets"]["value"] = 10
        (self.work / "false.json").write_text(json.dumps(given))
        self.assertIn("not those that were sealed", self.act("hu", *record, "--inputs", "false.json",
                                                             code=1).stderr)
        self.act("tang", *record, "--inputs", "he-means.json", code=1)
        dry = self.run_one(*record, "--inputs", "he-means.json", "--dry-run", "--node", self.url)
        self.assertIn("would be recorded", dry.stdout)
        self.assertIn("社会救助暂行办法第九条", dry.stdout)
        self.assertEqual(self.ask("case", "show", "he").get("decisions"), [])
        done = json.loads(self.act("hu", *record, "--inputs", "he-means.json", "--json").stdout)
        self.assertEqual((done["outcome"], done["same"], done["recorded"]),
                         ("eligible", True, True))
        self.assertEqual([task["node"] for task in self.ask("case", "show", "he")["tasks"]],
                         ["announce"])
        self.act("hu", *record, "--inputs", "he-means.json", code=1)

    def test_2_made_again(self):
        replay = ("decision", "replay", "he", "--decision", "Eligibility")
        self.run_one(*replay, "--node", self.url, code=4)
        again = self.ask(*replay, "--inputs", "he-means.json")
        self.assertEqual((again["same"], again["outcome"]), (True, "eligible"))
        self.assertIn("not those that were sealed", self.run_one(
            *replay, "--inputs", "false.json", "--node", self.url, code=1).stderr)
        public = self.ask("case", "decisions", "he")["items"][0]
        self.assertEqual((public["same"], public["rules"], public["actor"]),
                         (None, [], "civil/hu"))
        sealed = {item["name"] for item in public["inputs"] if "sealed" in item}
        self.assertEqual(sealed & {"monthly_income", "assets"}, {"monthly_income", "assets"})
        shown = self.ask("case", "decisions", "he", "--inputs", "he-means.json")["items"][0]
        self.assertTrue(shown["same"] and shown["rules"][0]["clauses"])
        shown = self.run_one("case", "show", "he", "--node", self.url).stdout
        self.assertIn("Monthly income as checked (CNY): sealed, sha-256:", shown)
        self.assertNotIn(": 2100\n", shown)

    def test_3_an_appeal(self):
        self.to_the_decision("zhou", 5200)
        self.act("hu", "decision", "record", "zhou/assess", "--inputs", "zhou-means.json")
        reason = ("--set", "appeal_reason=收入核对有误")
        self.act("helper", "case", "appeal", "zhou", *reason, code=1)
        for actor in ("hu", "lin"):
            self.act(actor, "task", "complete", "zhou/decide", "--choose", "f_confirm", "--set",
                     "decision_reason=不符合")
        self.assertEqual(self.ask("case", "show", "zhou")["status"], "done")
        self.assertIn("appeal_reason", self.act("helper", "case", "appeal", "zhou", code=1).stderr)
        self.act("ma", "case", "appeal", "zhou", *reason, code=1)
        made = json.loads(self.act("helper", "case", "appeal", "zhou", *reason, "--json").stdout)
        self.act("helper", "case", "appeal", "zhou", *reason, code=1)
        self.assertEqual(self.ask("case", "show", "zhou")["appeal"], made["appeal"])
        heard = self.ask("case", "show", made["appeal"])
        self.assertEqual((heard["appeal_of"], heard["tasks"][0]["node"]), ("zhou", "hear_appeal"))
        self.assertIn(made["appeal"], self.run_one("case", "show", "zhou", "--node", self.url)
                      .stdout)

    def test_4_years_later(self):
        """Without node and network: the case's bundle is all there is."""
        self.run_one("bundle", "--case", "he", "--node", self.url, "-o", "he.qfb")
        self.run_one("bundle", "--case", "none", "--node", self.url, code=1)
        self.run_one("bundle", self.ask("case", "history", "he")["items"][0]["tx"], "--node",
                     self.url, "-o", "opened.qfb")
        self.stop()
        trust = ("--trust", "town/genesis.json")
        said = json.loads(self.run_one("verify", "he.qfb", *trust, "--json").stdout)
        self.assertEqual(said["records"], ["service/case/he", "service/package/welfare-subsidy/1.0",
                                           "service/version/welfare-subsidy/1.0"])
        replay = ("decision", "replay", "--bundle", "he.qfb", *trust, "--json")
        again = json.loads(self.run_one(*replay, "--inputs", "he-means.json").stdout)
        self.assertEqual((again["same"], again["outcome"], again["trace"]),
                         (True, "eligible", again["recorded"]))
        self.assertIn("社会救助暂行办法第九条", again["rules"][0]["clauses"][0])
        self.run_one(*replay, code=4)
        self.run_one(*replay, "--inputs", "false.json", code=1)
        self.run_one("decision", "replay", "zhou", *replay[2:], code=4)
        self.assertIn("qifeng bundle --case", self.run_one(
            "decision", "replay", "--bundle", "opened.qfb", *trust, code=4).stderr)
        data = (self.work / "he.qfb").read_text(encoding="utf-8")
        self.assertIn("income_over", data)
        for was, becomes in (("income_over", "income_ovar"), ("eligible", "elegible"),
                             ('"records":[', '"records":[ '), ("service/case/he", "service/case/hi")):
            (self.work / "changed.qfb").write_text(data.replace(was, becomes, 1), encoding="utf-8")
            for command in (("verify", "changed.qfb"), ("decision", "replay", "--bundle",
                                                        "changed.qfb", "--inputs", "he-means.json")):
                self.run_one(*command, *trust, code=1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
