#!/usr/bin/env python3
"""The bundle of a case under golang.org/x/mod/sumdb and go-jose (qf-check -bundle): a real one is
accepted, and whatever was changed in a copy is refused, there as by qifeng verify.
Arguments: qifeng, the sources, build folder of qf-check."""
import copy
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(sys.argv[2]) / "test/cli"))
from moved import Moved  # noqa: E402

BUILT = pathlib.Path(sys.argv[3])
made = subprocess.run([pathlib.Path(__file__).resolve().parent / "go/build.sh", BUILT], check=False)
if made.returncode != 0:
    sys.exit(made.returncode)


def flip(text):
    """The first letter or digit in the middle becomes another one of its kind."""
    at = next(i for i in range(len(text) // 2, len(text)) if text[i].isalnum() and text[i] not in "zZ9")
    return text[:at] + chr(ord(text[at]) + 1) + text[at + 1:]


def other_byte(base64):
    return ("B" if base64[0] != "B" else "C") + base64[1:]


class Bundle(Moved):
    def verify(self, file, good, says=None):
        done = subprocess.run([BUILT / "qf-check", "-bundle", file, "-genesis", self.work / "town/genesis.json"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0 if good else 1, done.stdout + done.stderr)
        self.assertIn(says or "", done.stdout + done.stderr)
        self.run_one("verify", file, "--trust", "town/genesis.json", code=0 if good else 1)

    def test_a_real_one(self):
        self.verify(self.bundle(), True, "case c1 of small-permit: 3 decisions on 3 versions\n"
                                         "entry ")

    def test_of_a_transaction_and_of_evidence(self):
        self.send("admin", {"op": "evidence.record", "id": "e1", "hash": "sha-256:" + "ab" * 32})
        self.run_one("bundle", "--evidence", "e1", "--node", self.url, "-o", "e1.qfb")
        self.verify(self.work / "e1.qfb", True, "signed by civil/admin")

    def test_changed_ones(self):
        whole = json.loads(self.bundle().read_text())
        count = len(whole["records"])
        self.assertEqual(count, 7)
        broken = self.work / "broken.qfb"

        def refused(change, good=False):
            one = copy.deepcopy(whole)
            change(one)
            broken.write_text(json.dumps(one, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
            self.verify(broken, good)
        refused(lambda one: None, good=True)
        for list_of in ("state", "records"):
            for i in range(len(whole[list_of])):
                def value(one, at=(list_of, i)):
                    one[at[0]][at[1]]["value"] = flip(one[at[0]][at[1]]["value"])

                def sibling(one, at=(list_of, i)):
                    one[at[0]][at[1]]["siblings"][0] = other_byte(one[at[0]][at[1]]["siblings"][0])

                def key(one, at=(list_of, i)):
                    one[at[0]][at[1]]["key"] += "0"
                for change in (value, sibling, key):
                    refused(change)
        refused(lambda one: one["records"].reverse())
        refused(lambda one: one.update(leaf=one["leaf"] - 1))
        refused(lambda one: one.update(entry=flip(one["entry"])))
        refused(lambda one: one.update(proof=[other_byte(one["proof"][0]), *one["proof"][1:]]))
        refused(lambda one: one.update(proof=one["proof"][:-1]))
        refused(lambda one: one.update(genesis=flip(one["genesis"])))
        for old, new in (("\nstate ", "\nstate A"), ("town\n", "tawn\n")):
            refused(lambda one, old=old, new=new: one.update(
                checkpoint=one["checkpoint"].replace(old, new, 1)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
