#!/usr/bin/env python3
"""The bundle of a case that was decided on many versions of its service has all that the decisions were
made by. Usage: service_moved_test.py PROGRAM SOURCE_ROOT"""
import json
import sys
import unittest

from moved import Moved


class Bundle(Moved):
    VERSIONS = 20

    def test_a_bundle_has_every_version(self):
        file = self.bundle()
        keys = [record["key"] for record in json.loads(file.read_text())["records"]]
        self.assertEqual(keys, sorted(keys))
        self.assertEqual(set(keys), {"service/case/c1"} | {
            f"service/{kind}/small-permit/1.{number}" for kind in ("package", "version")
            for number in range(1, self.VERSIONS + 1)})
        self.run_one("verify", file, "--trust", "town/genesis.json")
        shown = self.ask("case", "decisions", "c1")["items"]
        self.assertEqual([d["outcome"] for d in shown], ["papers"] * self.VERSIONS)
        self.assertEqual({d["same"] for d in shown}, {True})
        again = json.loads(self.run_one("decision", "replay", "--bundle", file, "--trust",
                                        "town/genesis.json", "--json").stdout)
        self.assertEqual((again["same"], again["version"]), (True, f"1.{self.VERSIONS}"))

    def test_every_decision_again(self):
        every = ("decision", "replay", "--bundle", self.bundle(), "--trust", "town/genesis.json", "--all")
        items = json.loads(self.run_one(*every, "--json").stdout)["items"]
        self.assertEqual([(i["same"], i["version"], i["inputs"][0]["value"]) for i in items], [
            (True, f"1.{n}", 9000 + n) for n in range(1, self.VERSIONS + 1)])
        self.assertIn("共 20 项判定", self.run_one(*every, "--lang", "zh").stdout)
        self.assertEqual(len(self.ask("decision", "replay", "c1", "--all")["items"]), self.VERSIONS)
        self.run_one(*every, "--decision", "Route", code=2)

    def test_what_was_changed_is_found(self):
        text = self.bundle().read_text()
        broken = self.work / "broken.qfb"
        for old, new in (("Art. 8", "Art. 9"), ('\\"version\\":\\"1.20\\"', '\\"version\\":\\"1.19\\"')):
            self.assertIn(old, text)
            broken.write_text(text.replace(old, new, 1))
            self.run_one("verify", broken, "--trust", "town/genesis.json", code=1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
