#!/usr/bin/env python3
"""A node that answers members only (api.read: members) and the commands that read: with the
caller's key each works, without one each says what is missing, and a key that does not count is
refused by its reason. Real node, real commands, both suites.
Usage: signed_reads_test.py PROGRAM SOURCE_ROOT"""
import json
import os
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

from town import PROGRAM, SOURCES, Town

SMALL = SOURCES / "test/data/service/small"


class Reads(Town):
    suite = "intl"

    @classmethod
    def found(cls):
        cls.run_one("init", "town", "--network", "town", "--member", "civil", "--no-passphrase",
                    "--suite", cls.suite)
        with open(cls.work / "town/node.yaml", "a", encoding="utf-8") as file:
            file.write("api:\n  read: members\n")
        cls.keys = {"admin": cls.work / "town/keys/admin.pem"}
        cls.serve()
        cls.people()

    @classmethod
    def make_key(cls, name):
        path = cls.work / f"{name}.pem"
        cls.run_one("key", "create", path, "--no-passphrase", *cls.alg())
        cls.keys[name] = path
        return json.loads(cls.run_one("key", "show", path, "--json").stdout)["jwk"]

    @classmethod
    def alg(cls):
        return ("--alg", "SM2-SM3") if cls.suite == "gm" else ()

    @classmethod
    def people(cls):
        for actor, role in (("li", "clerk"), ("citizen", "applicant")):
            cls.hire("admin", actor, role)
        cls.act("admin", "service", "deploy", SMALL, "--yes", "--wait")
        cls.act("citizen", "case", "open", "small-permit", "--id", "c1")
        cls.act("li", "task", "claim", "c1/check")
        cls.act("li", "task", "complete", "c1/check", "--set", "area=500", "--set", "note=plain")
        (cls.work / "paper.txt").write_text("what stands in it")
        said = cls.act("li", "evidence", "record", "paper.txt", "--id", "p1", "--json")
        cls.tx = json.loads(said.stdout)["tx"]

    def run_with(self, *args, env=None, code=0):
        done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True,
                              cwd=self.work, timeout=60, check=False,
                              env={**os.environ, "LANG": "C", **(env or {})})
        self.assertEqual(done.returncode, code, f"{args}\n{done.stdout}\n{done.stderr}")
        return done

    def reads(self):
        """Every command that reads, without its key, and a word of what it then prints."""
        node = ("--node", self.url)
        return [
            (("evidence", "show", "p1", *node), "p1"),
            (("evidence", "find", "--file", "paper.txt", *node), "p1"),
            (("bundle", self.tx, *node), "\"entry\""),
            (("bundle", self.tx, "--receipt", *node), ""),
            (("bundle", "--case", "c1", *node), "service/case/c1"),
            (("service", "list", *node), "small-permit"),
            (("service", "show", "small-permit", *node), "Front desk"),
            (("case", "list", "--service", "small-permit", *node), "c1"),
            (("case", "show", "c1", *node), "Full procedure"),
            (("case", "decisions", "c1", *node), "Art. 7"),
            (("case", "history", "c1", *node), "civil/li"),
            (("case", "export", "c1", *node), "<trace>"),
            (("case", "export", "--service", "small-permit", *node), "<trace>"),
            (("task", "list", "--role", "expert", *node), "c1"),
            (("task", "show", "c1/review", *node), "Agree"),
            (("decision", "replay", "c1", *node), "same"),
            (("audit", self.url, "--trust", "town/genesis.json"), "VALID"),
            (("doctor", self.url), "takes transactions"),
        ]

    def test_each_command(self):
        for args, word in self.reads():
            said = self.run_with(*args, "--key", self.keys["li"]).stdout
            self.assertIn(word, said, args)
            said = self.run_with(*args, env={"QIFENG_READ_KEY": str(self.keys["li"])}).stdout
            self.assertIn(word, said, args)
            refused = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True,
                                     cwd=self.work, timeout=60, check=False)
            self.assertNotEqual(refused.returncode, 0, args)
            self.assertIn("--key", refused.stderr, args)
            self.assertNotIn(word or "receipt", refused.stdout)
        # Its short health is open to all, and the log's hashes.
        self.run_with("witness", "status", self.url, "--key", self.keys["li"])
        # A host in capitals is the same host; so is an address with a slash behind it.
        shouted = self.url.replace("127.0.0.1", "LOCALHOST") + "/"
        self.run_with("evidence", "show", "p1", "--node", shouted, "--key", self.keys["li"])
        # What must be escaped, and dots that an address would lose, are signed as they are sent.
        self.act("li", "evidence", "record", "paper.txt", "--id", "x/../p1", "--source", "ü x&y=?")
        reader = ("--node", self.url, "--key", self.keys["li"])
        self.assertIn("x/../p1", self.run_with("evidence", "show", "x/../p1", *reader).stdout)
        self.assertIn("x/../p1", self.run_with("evidence", "find", "--source", "ü x&y=?",
                                               *reader).stdout)

    def test_keys_that_do_not_count(self):
        self.make_key("stranger")
        read = ("evidence", "show", "p1", "--node", self.url, "--key")
        self.assertIn("no such key", self.run_with(*read, self.keys["stranger"], code=1).stderr)
        self.hire("admin", "leaving", "clerk")
        self.run_with(*read, self.keys["leaving"])
        kid = json.loads(self.run_one("key", "show", self.keys["leaving"], "--json").stdout)["kid"]
        self.send("admin", {"op": "identity.key.revoke", "kid": kid})
        self.assertIn("revoked", self.run_with(*read, self.keys["leaving"], code=1).stderr)
        self.assertIn("none.pem", self.run_with(*read, "none.pem", code=3).stderr)
        # An encrypted one, with its passphrase.
        (self.work / "words").write_text("open it, please\n")
        secret = self.work / "secret.pem"
        self.run_one("key", "create", secret, "--passphrase-file", "words", *self.alg())
        jwk = json.loads(self.run_one("key", "show", secret, "--passphrase-file", "words",
                                      "--json").stdout)["jwk"]
        self.send("admin", {"op": "identity.key.add", "actor": "secret", "key": jwk,
                            "roles": ["clerk"]})
        self.run_with(*read, secret, "--passphrase-file", "words")
        self.run_with(*read, secret, env={"QIFENG_PASSPHRASE_FILE": "words"})
        self.assertIn("passphrase", self.run_with(*read, secret, code=1).stderr)

    def test_the_node_asks_for_it(self):
        for path in ("/v1/network", "/v1/evidence/p1", "/tile/entries/000.p/1"):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(self.url + path, timeout=10)
            self.assertEqual(caught.exception.code, 401)
            caught.exception.close()
        with urllib.request.urlopen(self.url + "/checkpoint", timeout=10) as answer:
            self.assertTrue(answer.read().startswith(b"town\n"))


class ReadsGm(Reads):
    suite = "gm"


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
