#!/usr/bin/env python3
"""qifeng service check: what is ready, and everything that is wrong with what is not.
Usage: service_check_test.py PROGRAM SOURCE_ROOT"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
SOURCES = pathlib.Path(sys.argv[2])
SMALL = SOURCES / "test/data/service/small"


class Check(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="qf-check-"))
        self.dir = self.work / "small"
        shutil.copytree(SMALL, self.dir)
        self.addCleanup(shutil.rmtree, self.work)

    def change(self, name, old, new, count=1):
        path = self.dir / name
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, count), encoding="utf-8")

    def check(self, code):
        done = subprocess.run([PROGRAM, "service", "check", self.dir, "--json"], timeout=50,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def found(self, severity, name, text, line=None, element=None, code=None):
        report = self.check(code or (1 if severity == "error" else 0))
        for problem in report["problems"]:
            if problem["severity"] == severity and problem["file"] == name and \
                    text in problem["text"] and (line is None or problem.get("line") == line) and \
                    (element is None or problem["element"] == element):
                return
        self.fail(f"want {severity} {name}:{line} {element} {text!r} in\n"
                  + json.dumps(report["problems"], indent=1, ensure_ascii=False))

    def test_ready(self):
        report = self.check(0)
        self.assertEqual((report["ready"], report["errors"], report["warnings"]), (True, 0, 0))
        self.assertEqual((report["service"], report["version"]), ("small-permit", "1.0"))
        again = self.check(0)
        self.assertEqual(report["hash"], again["hash"])
        self.change("README.md", "smallest", "least")
        self.change("scenario.yaml", "four eyes", "two pairs of eyes")
        self.assertEqual(report["hash"], self.check(0)["hash"], "they are not deployed")
        self.change("texts/en.yaml", "sign: Sign", "sign: Sign it")
        self.assertNotEqual(report["hash"], self.check(0)["hash"])

    def test_operations_that_a_service_performs(self):
        shutil.rmtree(self.dir)
        shutil.copytree(SOURCES / "services/construction-permit", self.dir)
        process = (self.dir / "process.bpmn").read_text(encoding="utf-8")
        line = 1 + process[:process.index('<serviceTask id="record_permit"')].count("\n")
        field = '<qf:field name="source" value="construction-permit"/>'
        wrong = [("service.yaml", "capabilities: [evidence]\n", "",
                  "needs the capability evidence: add it to capabilities in service.yaml"),
                 ("process.bpmn", 'name="evidence.record"', 'name="evidence.recrod"',
                  "cannot perform evidence.recrod; it can: evidence.record, evidence.record_batch"),
                 ("process.bpmn", 'name="evidence.record"', 'name="member.admit"', "cannot perform member.admit"),
                 ("process.bpmn", field, field.replace("source", "sauce"), "takes no field sauce"),
                 ("process.bpmn", field, field.replace("source", "on_behalf"), "takes no field on_behalf"),
                 ("process.bpmn", '<qf:field name="hash" value="=permit_hash"/>', "",
                  'add <qf:field name="hash" value="=..."/>'),
                 ("process.bpmn", 'value="=permit_hash"', 'value="permit_hash"', "begins with ="),
                 ("process.bpmn", 'value="=permit_hash"', 'value="=permit_hsah"', "permit_hsah")]
        for name, old, new, words in wrong:
            with self.subTest(new or words):
                before = (self.dir / name).read_text(encoding="utf-8")
                self.change(name, old, new)
                self.found("error", "process.bpmn", words, line=line, element="record_permit")
                (self.dir / name).write_text(before, encoding="utf-8")
        self.check(0)

    def test_for_people(self):
        self.change("service.yaml", "category: collaboration", "category: other")
        done = subprocess.run([PROGRAM, "service", "check", self.dir], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("service.yaml:8: error: category: must be one of sharing", done.stdout)

    def test_all_at_once(self):
        self.change("service.yaml", 'version: "1.0"', "version: 1")
        self.change("texts/zh.yaml", "  sign: 签发\n", "")
        self.change("process.bpmn", 'way = "simple"', 'wey = "simple"')
        self.change("schemas/check.json", '"integer", "minimum": 0', '"number", "minimum": 0')
        self.change("rules.dmn", "<text>area</text>", "<text>area +</text>")
        files = {p["file"] for p in self.check(1)["problems"]}
        self.assertEqual(files, {"service.yaml", "texts/zh.yaml", "process.bpmn",
                                 "schemas/check.json", "rules.dmn"})

    def only(self, severity, name, element, words, line=None):
        """The one thing that is said of the folder: nothing that only follows from it."""
        problems = self.check(1 if severity == "error" else 0)["problems"]
        self.assertEqual([(p["severity"], p["file"], p["element"]) for p in problems],
                         [(severity, name, element)], problems)
        self.assertIn(words, problems[0]["text"])
        if line is not None:
            self.assertEqual(problems[0].get("line"), line)

    def test_each_mistake_is_told_once_with_its_cure(self):
        """Everything else is in order: what service.yaml asks for, it has."""
        operations = SOURCES / "services/construction-permit"
        for name, old, new, element, words in (
                ("service.yaml", 'version: "1.0"', "version: 1.0", "", '1.0: numbers are whole and decimal; '
                 'anything else goes in quotes: "1.0"'),
                ("service.yaml", "participants:", "participants: &p", "", "anchors are not taken"),
                ("service.yaml", "  - {role: window", "\t- {role: window", "", "a tab does not indent"),
                ("service.yaml", "en: Construction permit", "en: A: construction permit", "", "goes in quotes"),
                ("service.yaml", "category:", "categroy:", "categroy", "is it category that is meant?"),
                ("service.yaml", "baseline: {materials", "baseline: {material", "baseline.material",
                 "is it materials that is meant?"),
                ("service.yaml", "deadline: {days", "deadline: {weeks: 2, days", "deadline.weeks",
                 "is not known here; there may be: calendar, days"),
                ("service.yaml", "open: [applicant, window]", "open: window", "open", "such as [one, two]"),
                ("service.yaml", "open: [applicant, window]", "open: [windo]", "open[0]",
                 "windo is no role of a participant; there are: applicant, window, planning"),
                ("process.bpmn", 'targetRef="check_papers"', 'targetRef="check_paper"', "f_apply__check_papers",
                 'targetRef "check_paper" names no flow node'),
                ("process.bpmn", 'separate="check_papers examine"', 'separate="check_paper examine"', "sign",
                 "separate names check_paper, which is no task"),
                ("process.bpmn", 'ref="Verdict"', 'ref="Verdit"', "decide", "the name of one in rules.dmn"),
                ("process.bpmn", 'schema="sign.json"', 'schema="sing.json"', "sign",
                 "write the name of a file in schemas/"),
                ("process.bpmn", "</process>", "</proces>", "", "the closing tag is not that"),
                ("process.bpmn", 'xmlns:qf="https://qifeng.dev/bpmn/1"', "", "",
                 'add xmlns:qf="https://qifeng.dev/bpmn/1" to the first element')):
            with self.subTest(new):
                shutil.rmtree(self.dir)
                shutil.copytree(operations, self.dir)
                (self.dir / "scenario.yaml").write_text(
                    'start: "2026-03-02T09:00:00+08:00"\nactors: {a: {member: m}}\n'
                    "scenarios: [{name: s, steps: [{open: c, by: a}]}]\n")
                self.change(name, old, new)
                report = self.check(1)["problems"]
                errors = [p for p in report if p["severity"] == "error"]
                self.assertEqual([(p["file"], p["element"]) for p in errors], [(name, element)], errors)
                self.assertIn(words, errors[0]["text"])
                self.assertGreater(errors[0]["line"], 0)

    def test_a_namespace_that_is_not_ours(self):
        self.change("process.bpmn", "https://qifeng.dev/bpmn/1", "https://qifeng.dev/bpmn/2")
        self.found("error", "process.bpmn", 'qf:form is of the namespace https://qifeng.dev/bpmn/2 and says '
                   'nothing; write xmlns:qf="https://qifeng.dev/bpmn/1"', element="check")

    def test_capabilities_that_nothing_needs(self):
        self.change("service.yaml", "baseline:", "capabilities: [evidence]\nbaseline:")
        self.only("warning", "service.yaml", "capabilities[0]", "no service task needs evidence: take it out")

    def test_a_form_with_thousands_of_mistakes(self):
        self.change("schemas/check.json", '"type": "object"', '"type": "object", ' + ", ".join(
            f'"p{i}": 1' for i in range(40000)))
        began = time.monotonic()
        self.assertEqual(len(self.check(1)["problems"]), 1000)
        self.assertLess(time.monotonic() - began, 20, "minutes, when each place was looked for")

    def test_rules_that_cannot_be_read(self):
        self.change("rules.dmn", "<definitions", '<!DOCTYPE x [<!ENTITY a "aaaa">]><definitions')
        self.only("error", "rules.dmn", "", "document type declaration is refused", line=2)

    def test_names_in_rules(self):
        self.change("rules.dmn", '<text>"simple"</text>', "<text>simple</text>")
        self.found("error", "rules.dmn", 'nothing named "simple" here, but "area", "Work"; a text stands '
                                         'in "…"; and what the case gives', element="Route")
        self.setUp()
        self.change("rules.dmn", '<variable name="area" typeRef="number"/>',
                    '<variable name="area" typeRef="nunber"/>')
        self.found("error", "rules.dmn", 'there is no type "nunber": neither an item definition nor')
        self.setUp()  # editors made with dmn-js keep their column of annotations there
        self.change("rules.dmn", '<rule id="q3">', '<rule id="q3"><description>Art. 8</description>')
        self.change("rules.dmn", "<annotationEntry><text>Art. 8</text></annotationEntry>", "")
        self.assertEqual(self.check(0)["problems"], [])
        self.assertEqual(self.play(0)["failed"], 0)

    def test_what_other_engines_read(self):
        self.change("process.bpmn", "xmlns:qf=", 'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
                    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" xmlns:qf=')
        self.change("process.bpmn", 'name="Sign">\n      <extensionElements>',
                    'name="Sign" camunda:assignee="x">\n      <extensionElements>'
                    '<zeebe:formDefinition formId="f"/>')
        self.found("warning", "process.bpmn", "camunda:assignee is another engine's and says nothing "
                   "here; put the task into a lane, or say qf:who", element="sign")
        self.found("warning", "process.bpmn", "zeebe:formDefinition is another engine's and says "
                   "nothing here; say qf:form", element="sign")

    def test_a_file_too_large(self):
        with open(self.dir / "process.bpmn", "a", encoding="utf-8") as file:
            file.write(" " * 1100000)
        problems = self.check(1)["problems"]
        self.assertEqual([p["text"].split(";")[0].split()[0] for p in problems
                          if p["file"] == "process.bpmn"], ["has"], "not missing besides")

    def condition(self, text):
        """What is said of a gateway's condition; None: nothing."""
        shutil.rmtree(self.dir)
        shutil.copytree(SMALL, self.dir)
        self.change("process.bpmn", 'way = "simple"', text.replace("<", "&lt;"))
        done = subprocess.run([PROGRAM, "service", "check", self.dir, "--json"], timeout=50,
                              capture_output=True, text=True, check=False)
        problems = [p for p in json.loads(done.stdout)["problems"] if p["severity"] == "error"]
        for problem in problems:
            self.assertEqual((problem["file"], problem["element"], problem["line"]),
                             ("process.bpmn", "f-simple", 50), text)
        return problems[0]["text"] if problems else None

    def test_expressions_that_never_hold(self):
        for text, words in {
                "note.length > 3": "string length(",
                "area.foo = 1": 'a number has no "foo"',
                "received.yaer = 2026": "it has year, month, day, weekday",
                "received.year.foo = 1": 'a number has no "foo"',
                "colour = 1": 'nothing named "colour"',
                "foo(area) = 1": 'nothing named "foo"',
                "area": "the condition is a number, want a boolean; compare it",
                "way": "the condition is a string",
                "area and true": "and takes a boolean, this is a number",
                "not(area)": "not takes a boolean as negand, this is a number",
                "area in (\"a\", \"b\")": "number and string are not compared",
                "note in (1..5)": "string and number are not compared",
                'area between 1 and "x"': "number and string are not compared",
                "string length(area) > 1": "string length takes a string as string",
                "contains(note, 5)": "contains takes a string as match, this is a number",
                'floor(note) = 1': "floor takes a number as n, this is a string",
                "sum(note) = 1": "sum takes a number",
                'date("2026-13-01") = received': 'date makes nothing of "2026-13-01"',
                'some x in [1,2] satisfies x': "satisfies takes a boolean"}.items():
            self.assertIn(words, self.condition(text) or "nothing was said", text)
        for text in ('received.year = 2026', 'area in (1, [3..5], > 9)', 'note in ("a", "b")',
                     'string length(note) > 3 and not(area = 1)', "count([area]) = 1",
                     'received >= date("2026-02-28") or received = null', "area != null",
                     'substring(note, 1, 2) = "ab"', 'matches(note, "^a")', "sum([area, 1]) > 2",
                     'received + duration("P5D") < date("2027-01-01")',
                     'if area > 3 then true else false', 'abs(area) in [1..2]'):
            self.assertIsNone(self.condition(text), text)

    def test_types_in_the_process(self):
        decision = '<qf:decision ref="Route" result="way"/>'
        timer = '<messageEventDefinition messageRef="m-more"/>'
        for old, new, words, element in (
                ('value="deemed"', 'value="=area"', "how is a string and is given a number", "review"),
                ('name="how" value="deemed"', 'name="area" value="deemed"', 'area is a number, and '
                 '"deemed" is none', "review"),
                ('days="5"', 'days="=note"', "the number of days is a string, want a number",
                 "review"),
                ('result="way"', 'result="area"', "gives a string, and the field area is a number",
                 "route"),
                (decision, decision + '<qf:input name="aera" value="=area"/>', "has no input aera",
                 "route"),
                (decision, decision + '<qf:input name="area" value="=note"/>', "reads area as a number, "
                 "and is given a string", "route"),
                (decision, decision + '<qf:input name="area" value="wide"/>', '"wide" is none',
                 "route"),
                (timer, "<timerEventDefinition><timeDuration>P5X</timeDuration></timerEventDefinition>",
                 "the timer wants a duration, such as P5D", "waiting"),
                (timer, "<timerEventDefinition><timeDuration>=area</timeDuration>"
                 "</timerEventDefinition>", "the timer wants a duration", "waiting")):
            with self.subTest(new):
                self.change("process.bpmn", old, new)
                self.found("error", "process.bpmn", words, element=element)
                shutil.rmtree(self.dir)
                shutil.copytree(SMALL, self.dir)
        self.change("process.bpmn", 'result="way"', 'result="wey"')
        self.found("warning", "process.bpmn", "sets wey", element="route")

    def test_types_in_rules(self):
        for old, new, words in (
                ("<text>[0..300)</text>", '<text>"a"</text>', "number and string are not compared"),
                ('<text>"simple"</text>', "<text>5</text>",
                 "the entry is a number, and is declared as string"),
                ("<text>area</text>", "<text>area.x</text>", 'a number has no "x"'),
                ('<inputExpression typeRef="number"><text>area',
                 '<inputExpression typeRef="string"><text>area',
                 "the input is a number, and is declared as string"),
                ("if work = null then 0 else sum(for x in 1..work return x*x)", '"x"',
                 "what the decision gives is a string, and is declared as number")):
            with self.subTest(new):
                self.change("rules.dmn", old, new)
                self.found("error", "rules.dmn", words)
                shutil.rmtree(self.dir)
                shutil.copytree(SMALL, self.dir)
        self.change("rules.dmn", 'name="area"><variable name="area"', 'name="aera"><variable name="aera"')
        self.change("rules.dmn", "<text>area</text>", "<text>aera</text>")
        self.found("error", "process.bpmn", "reads aera, which is no field", element="route")

    def test_the_folder(self):
        for name, make in {
                "notes.txt": lambda p: p.write_text("x"), ".git": lambda p: p.mkdir(),
                "process.bpmn.bak": lambda p: p.write_text("x"),
                "schemas/more": lambda p: p.mkdir(), "texts/fr.yaml": lambda p: p.write_text("{}"),
                "schemas/a b.json": lambda p: p.write_text("{}")}.items():
            make(self.dir / name)
            self.found("error", name, "no part of a service")
        os.symlink("/etc/passwd", self.dir / "schemas/passwd.json")
        self.found("error", "schemas/passwd.json", "symbolic link")
        os.mkfifo(self.dir / "schemas/pipe.json")
        self.found("error", "schemas/pipe.json", "no regular file")
        (self.dir / "schemas/big.json").write_text(" " * (1 << 20) + "{}")
        self.found("error", "schemas/big.json", "at most 1048576")
        shutil.rmtree(self.dir / "texts")
        os.symlink(SMALL / "texts", self.dir / "texts")
        self.found("error", "texts", "symbolic link")

    def test_what_is_missing(self):
        for name, severity in (("README.md", "warning"), ("scenario.yaml", "warning"),
                               ("texts/en.yaml", "error"), ("process.bpmn", "error"),
                               ("service.yaml", "error")):
            os.unlink(self.dir / name)
            self.found(severity, name, "missing")

    def test_yaml(self):
        for text, words in (("a: &x 1\nb: *x\n", "anchors"), ("a: 1\na: 2\n", "twice"),
                            ("a: [1,\n", ""), ("a: !!binary x\n", "tags"),
                            ("a: 1.5\n", "whole")):
            (self.dir / "service.yaml").write_text(text)
            self.found("error", "service.yaml", words)

    def test_the_manifest(self):
        for old, new, line, words in (
                ("actor_role: clerk", "actor_rule: clerk", 16, "not known"),
                ("kinds: [authority]", "kinds: [ministry]", 15, "must be one of"),
                ("open: [applicant, desk]", "open: [aplicant]", 23, "no role"),
                ("from: [applicant]", "from: [citizen]", 28, "no role"),
                ("max: 40", "max: 0", 32, "1 to 4096"),
                ("type: number", "type: decimal", 30, "must be one of"),
                ("titles: {zh: 受理窗口, en: Front desk}", "titles: {zh: 受理窗口}", 14,
                 "en is missing"),
                ("  more-papers:", "  more-paper:", None, "nothing in")):
            with self.subTest(new):
                self.setUp()
                self.change("service.yaml", old, new)
                self.found("error" if line else "warning", "service.yaml", words, line, code=1)

    def test_forms(self):
        self.change("schemas/check.json", '"area": {', '"aera": {')
        self.found("error", "schemas/check.json", "no field", 7, "/properties/aera")
        self.found("error", "schemas/check.json", "must name", 5, "/required/0")
        self.setUp()
        self.change("schemas/check.json", '"format": "date"', '"format": "email"')
        self.found("error", "schemas/check.json", "format", 9, "/properties/received/format")
        self.setUp()
        self.change("schemas/check.json", '"note"', "note")
        self.found("error", "schemas/check.json", "", 8)
        self.setUp()
        self.change("schemas/check.json", ', "format": "date"', "")
        self.found("error", "schemas/check.json", "format date", 9, "/properties/received")
        (self.dir / "schemas/idle.json").write_text(
            '{"type":"object","additionalProperties":false,"properties":{}}')
        self.change("schemas/check.json", '"received": {"type": "string"}',
                    '"received": {"type": "string", "format": "date"}')
        self.found("warning", "schemas/idle.json", "no task")

    def test_words(self):
        for name, old, new, element in (
                ("texts/en.yaml", "  review: Review on the spot\n", "", "tasks.review"),
                ("texts/zh.yaml", "f-no: 不同意", "f-nope: 不同意", "choices.f-no"),
                ("texts/en.yaml", ", papers: More papers are needed", "", "outcomes.Route.papers"),
                ("texts/zh.yaml", "urgent: 加急, ", "", "values.note.urgent")):
            with self.subTest(element):
                self.setUp()
                self.change(name, old, new)
                self.found("error", name, "is missing", element=element)
        self.change("texts/en.yaml", "states:", "other: {}\nstates:")
        self.found("error", "texts/en.yaml", "not known", 10, "other")
        self.setUp()
        self.change("texts/en.yaml", "  sign: Sign", "  sign: Sign\n  gone: Gone")
        self.found("warning", "texts/en.yaml", "stands for nothing", 5, "tasks.gone")

    def test_what_people_read(self):
        self.change("texts/zh.yaml", "f-no: 不同意", "f-no: 同意")
        self.only("warning", "texts/zh.yaml", "choices.f-yes", "reads like f-no, which stands beside it")
        self.setUp()
        self.change("texts/zh.yaml", "route: 分流, ", "")
        self.only("warning", "texts/zh.yaml", "steps.route", "people would read Which way")
        self.setUp()
        self.change("texts/en.yaml", "states:", "steps: {check: Check}\nstates:")
        self.only("warning", "texts/en.yaml", "steps.check", "stands for nothing")

    def test_the_process(self):
        self.change("process.bpmn", 'targetRef="granted"', 'targetRef="check"')
        self.found("error", "process.bpmn", "", element="granted")
        self.setUp()
        self.change("process.bpmn", "<exclusiveGateway id=\"verdict\"/>",
                    "<parallelGateway id=\"verdict\"/>")
        self.change("process.bpmn", 'sourceRef="verdict" targetRef="refused"',
                    'sourceRef="verdict" targetRef="sign"/>'
                    '<sequenceFlow id="f-too" sourceRef="verdict" targetRef="refused"')
        self.found("error", "process.bpmn", "path: start → check")  # two tokens meet: the path is shown
        self.setUp()
        self.change("process.bpmn", "check.json", "chuck.json")
        self.found("error", "process.bpmn", "chuck.json", 24)
        self.setUp()
        self.change("process.bpmn", "<definitions",
                    '<!DOCTYPE x [<!ENTITY a "aaaa">]><definitions')
        self.found("error", "process.bpmn", "")

    def test_the_rules(self):
        self.change("scenario.yaml", ", clause: Art. 8", "")
        self.change("rules.dmn", "<text>Art. 8</text>", "<text> </text>")
        self.found("warning", "rules.dmn", "rule 3 of decision Route cites no clause", 21, "q3")
        self.change("rules.dmn", "<text>area</text>", "<text>area +</text>")
        self.found("error", "rules.dmn", "", 15)
        self.setUp()
        self.change("process.bpmn", 'ref="Route"', 'ref="Rout"')
        self.found("error", "process.bpmn", "Rout", element="route")

    def play(self, code, *options):
        done = subprocess.run([PROGRAM, "service", "test", self.dir, "--json", *options],
                              timeout=100, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_scenarios_go_as_told(self):
        report = self.play(0)
        self.assertEqual((report["scenarios"], report["failed"]), (4, 0))
        self.assertEqual(report, self.play(0), "the same again")
        self.assertEqual(self.play(0, "--only", "papers")["scenarios"], 1)

    def test_scenarios_that_do_not(self):
        for old, new, number, words in (
                ("outcome: simple", "outcome: full", 8, '"simple"; expected "full"'),
                ("clause: Art. 7 (1)", "clause: Art. 8", 8, "no rule that matched cites"),
                ("tasks: [sign], data: {way", "tasks: [sign, review], data: {way", 9, "open are [sign]"),
                ("area: 120, how: null", "area: 121, how: null", 9, "data.area is 120"),
                ("{complete: sign, by: wang}", "{complete: sign, by: li}", 11, ""),
                ("ends: [granted], tasks", "ends: [refused], tasks", 12, "has come to [granted]"),
                ("refused: {code: wrong-state, field: task}", "refused: {code: exists}", 4,
                 "was refused as wrong-state"),
                ("{complete: sign, by: li, refused: {code: not-allowed, field: actor}, note: four eyes}",
                 "{complete: sign, by: wang, refused: {code: not-allowed}}", 10, "was accepted")):
            with self.subTest(new):
                self.setUp()
                self.change("scenario.yaml", old, new)
                report = self.play(1, "--only", "simple-way")
                last = report["steps"][-1]
                self.assertEqual((report["failed"], last["number"], last["good"]), (1, number, False))
                self.assertIn(words, last["detail"])
                line = (self.dir / "scenario.yaml").read_text().splitlines()[last["line"] - 1]
                self.assertIn(new.split(",")[0].lstrip("- {").split(":")[0].split()[0], line)

    def test_scenarios_that_name_what_is_not_there(self):
        claim, steps = "{claim: check, by: li}", "scenarios[0].steps"
        decided = "{decided: Route, outcome: simple, clause: Art. 7 (1)}"
        expect = "expect: {status: done, ends: [granted], tasks: []}"
        for old, new, element, words in (
                (claim, "{claim: chek, by: li}", f"{steps}[2].claim",
                 "chek is no task of the process; there are: check, sign, review"),
                (claim, "{claim: check, by: lee}", f"{steps}[2].by",
                 "lee is not among the actors of this file; there are: citizen, li, wang, zhao"),
                (claim, "{claim: check}", f"{steps}[2]", "by is missing"),
                (claim, "{clam: check, by: li}", f"{steps}[2]", "is no step; it has to have one of open"),
                (claim, "{claim: check, release: check, by: li}", f"{steps}[2]",
                 "is both claim and release; make two steps of it"),
                (claim, "{claim: check, by: li, choos: [f-yes]}", f"{steps}[2].choos",
                 "is not known here; beside claim there may be: by case refused note"),
                (claim, "{claim: check, by: li, case: c2}", f"{steps}[2].case",
                 "c2 is no case that has been opened; there are: c1"),
                (claim, "{delegate: check, by: li}", f"{steps}[2]", "to is missing"),
                (claim, "{delegate: check, by: li, to: lee}", f"{steps}[2].to", "lee is not among"),
                (claim, "{complete: check, by: li, choose: [f-maybe]}", f"{steps}[2].choose[0]",
                 "f-maybe is no flow that somebody chooses; there are: f-yes, f-no"),
                (claim, "{complete: check, by: li, data: {aera: 1}}", f"{steps}[2].data.aera",
                 "aera is no field of service.yaml; there are: area"),
                (claim, "{message: papers, by: li}", f"{steps}[2].message",
                 "papers is no message of service.yaml; there are: more-papers"),
                (claim, "{decide: check, by: li}", f"{steps}[2].decide",
                 "no decision over sealed fields in the process; there is none"),
                (claim, "{withdraw: c7, by: li}", f"{steps}[2].withdraw", "c7 is no case"),
                (claim, "{appeal: c1, by: li}", f"{steps}[2]", "as must be the new case's id"),
                (claim, "{advance: {day: 3}}", f"{steps}[2].advance.day", "time goes by days"),
                (claim, "{advance: {to: tomorrow}}", f"{steps}[2].advance.to", "date and time"),
                (claim, "{advance: {days: 3, calendar: work}}", f"{steps}[2].advance.calendar",
                 "working or calendar"),
                (claim, "{claim: check, by: li, refused: {code: forbiden}}", f"{steps}[2].refused",
                 "forbiden is no code of a refusal"),
                (claim, "{claim: check, by: li, refused: true}", f"{steps}[2].refused", "{code: not-allowed}"),
                (decided, decided.replace("Route", "Rout"), f"{steps}[7].decided",
                 "Rout is no decision that the process calls; there are: Route"),
                (decided, decided.replace("7 (1)", "9"), f"{steps}[7].clause", "no rule of rules.dmn cites"),
                (expect, expect.replace("granted", "sign"), f"{steps}[11].expect.ends[0]",
                 "sign is no end event of the process; there are: granted, refused"),
                (expect, expect.replace("done", "finished"), f"{steps}[11].expect.status",
                 "running, done, failed or withdrawn"),
                (expect, expect.replace("tasks", "task"), f"{steps}[11].expect.task", "cannot be expected"),
                ("roles: {desk:", "roles: {dsk:", f"{steps}[1].expect.roles.dsk",
                 "dsk is no role of a participant; there are: desk, expert"),
                ("deemed\n", "simple-way\n", "scenarios[1]", "another scenario of this name"),
                ("09:00:00+08:00", "09:00", "start", "must be a date and time"),
                ('"2026-03-06"', '"6 March"', "calendar.holidays[0]", "must be a date")):
            with self.subTest(new):
                self.setUp()
                self.change("scenario.yaml", old, new)
                self.found("error", "scenario.yaml", words, element=element)
                errors = [p for p in self.check(1)["problems"] if p["severity"] == "error"]
                self.assertEqual(len(errors), 1, "it is said once")
                self.assertGreater(errors[0]["line"], 0)
        for old, new, words in (("roles: [expert]", "roles: [expart]", "asks for the role expart"),
                                ("zhao: {member: institute", "zhao: {member: instiute",
                                 "instiute is not under members: it is taken for an authority")):
            self.setUp()
            self.change("scenario.yaml", old, new)
            self.found("warning", "scenario.yaml", words, element="actors.zhao")
        self.setUp()  # whoever tries what is not there may say how he is refused
        self.change("scenario.yaml", claim, "{claim: chek, by: li, refused: {code: not-found}}")
        self.check(0)

    def test_what_is_no_folder(self):
        for path in (self.work / "none", SMALL / "service.yaml"):
            done = subprocess.run([PROGRAM, "service", "check", path], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
