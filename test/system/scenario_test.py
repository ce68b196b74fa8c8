#!/usr/bin/env python3
"""Plays every scenario of a service on a running node, as people with keys would over HTTP; the node's
clock is moved by a preloaded library, so that deadlines of weeks pass. Every decision that is looked at is
made again from its record, and must leave the same trace.

    scenario_test.py QIFENG CLOCK_LIBRARY SERVICE_DIR [NAME...]"""
import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

import people
from people import Person, admission, check, decided, deploy, load, open_tasks, seal
from system import Node, Key, PROGRAM, qifeng, work

CHINA = datetime.timezone(datetime.timedelta(hours=8))
source = pathlib.Path(sys.argv[3])
manifest = load(source / "service.yaml")
book = load(source / "scenario.yaml")
roles = [p["role"] for p in manifest["participants"]]
fields = manifest["fields"]


class Clock:
    def __init__(self, start):
        self.file = work / "clock"
        self.now = start
        self.set(start)
        os.environ["CLOCK_OFFSET_FILE"] = str(self.file)

    def set(self, when):
        self.now = when
        new = self.file.with_suffix(".new")
        new.write_text(str(int(when.timestamp() - time.time())), encoding="ascii")
        new.rename(self.file)

    def exp(self):
        """For payload(), which counts from the clock of this program."""
        return int(self.now.timestamp() - time.time()) + 600


def is_working(day):
    calendar = book.get("calendar", {})
    text = day.isoformat()
    return text in calendar.get("workdays", []) or (
        day.weekday() < 5 and text not in calendar.get("holidays", []))


class World:
    """A network of its own for one scenario, with the service deployed."""

    def __init__(self, name):
        self.name = name
        self.clock = Clock(datetime.datetime.fromisoformat(book["start"]))
        folder = work / name
        qifeng("init", folder, "--network", "test", "--member", "council", "--no-passphrase")
        self.node = Node(folder)
        self.council = Person(self.node, "admin", Key(folder / "keys/admin.pem"))
        self.people, self.cases, self.secrets, self.last_task, self.decisions = {}, [], {}, {}, 0
        self.bring_in()

    def bring_in(self):
        more = {"exp": self.clock.exp()}
        calendar = book.get("calendar", {})
        ops = decided("calendar", {
            "do": "calendar.set", "year": self.clock.now.year,
            "holidays": sorted(calendar.get("holidays", [])),
            "workdays": sorted(calendar.get("workdays", []))})
        firsts, others = {}, {}
        for name, actor in book["actors"].items():
            member, own = actor["member"], actor.get("roles", [])
            kind = book.get("members", {}).get(member, {}).get("kind", "authority")
            person = self.people[name] = Person(self.node, name)
            if firsts.setdefault(member, person) is person:
                ops += admission(person, member, kind, own)
            else:
                others.setdefault(member, []).append({
                    "op": "identity.key.add", "actor": name, "key": person.key.jwk, "roles": own})
        self.council.do(*ops, **more)
        for member, keys in others.items():
            firsts[member].do(*keys, **more)
        deploy(self.council, "council", source, **more)

    # ---- steps that act

    def case(self, step):
        return step.get("case") or self.cases[-1]

    def act(self, step, op):
        """Sends `op` as the step says, and checks that a refusal is the one that is expected."""
        person = self.people[step["by"]]
        more = {"exp": self.clock.exp()}
        if "refused" in step:
            before = self.node.get(f"/v1/cases/{op['case']}")
            person.refused(step["refused"]["code"], op, field=step["refused"].get("field", ""), **more)
            check(self.node.get(f"/v1/cases/{op['case']}") == before, f"{step}: nothing has changed")
        else:
            person.do(op, **more)
        self.look(op["case"])

    def look(self, case):
        """Remembers the numbers of open tasks, for who comes too late."""
        for task in open_tasks(self.node, case, roles):
            self.last_task[task["node"]] = task["task"]

    def data(self, step):
        """Form data; sealed values become commitments, and are remembered with them."""
        out = {}
        for name, value in step.get("data", {}).items():
            if fields.get(name, {}).get("sealed"):
                commitment = seal(name, value)
                self.secrets[commitment] = value
                value = commitment
            out[name] = value.isoformat() if isinstance(value, datetime.date) else value
        return out

    def answer(self, step, op):
        if "data" in step:
            op["data"] = self.data(step)
        if "choose" in step:
            op["flows"] = step["choose"]
        self.act(step, op)

    def task(self, step, where):
        found = [t for t in open_tasks(self.node, self.case(step), roles) if t["node"] == where]
        if not found and "refused" in step:
            return self.last_task[where]
        check(found, f"{step}: no such open task")
        return found[0]["task"]

    def step_open(self, step):
        if "refused" not in step:
            self.cases.append(step["open"])
        self.answer(step, {"op": "service.case.open", "service": manifest["id"],
                           "case": step["open"]})

    def step_task(self, verb, step):
        op = {"op": "service.task." + verb, "case": self.case(step), "task": self.task(step, step[verb])}
        if verb == "complete":
            self.answer(step, op)
        else:
            if verb == "delegate":
                op["to"] = step["to"]
            self.act(step, op)

    def step_message(self, step):
        self.answer(step, {"op": "service.case.message", "case": self.case(step),
                           "name": step["message"]})

    def step_withdraw(self, step):
        self.act(step, {"op": "service.case.withdraw", "case": step["withdraw"]})

    def step_appeal(self, step):
        self.answer(step, {"op": "service.case.appeal", "case": step["appeal"], "appeal": step["as"]})
        if "refused" not in step:
            self.cases.append(step["as"])

    # ---- sealed decisions

    def step_decide(self, step):
        """Whoever holds the values decides, and records outcome and trace."""
        found = [t for t in open_tasks(self.node, self.case(step), roles) if t["node"] == step["decide"]]
        check(found and "decision" in found[0], f"{step}: no decision waits")
        name = found[0]["decision"]
        data = json.loads(self.node.get(f"/v1/cases/{self.case(step)}"))["data"]
        inputs = {n: data[n] for n in self.inputs_of(name) if data.get(n) is not None}
        now_ms = int(self.clock.now.timestamp()) * 1000
        trace = self.evaluate(name, inputs, now_ms)
        outcome = trace["outcome"]
        result = self.result_of(step["decide"])
        if fields[result].get("sealed"):
            outcome = seal(result, outcome)
            self.secrets[outcome] = trace["outcome"]
        self.act(step, {"op": "service.decision.record", "case": self.case(step),
                        "task": found[0]["task"], "inputs": inputs, "outcome": outcome,
                        "time": now_ms, "trace": "sha-256:" + trace["hash"]})

    @staticmethod
    def result_of(node):
        text = (source / "process.bpmn").read_text(encoding="utf-8")
        own = text[text.index(f'id="{node}"'):]
        own = own[own.index("<qf:decision "):]
        return own[own.index('result="') + 8:].split('"')[0]

    @staticmethod
    def inputs_of(decision):
        """Input data that a decision can come to read."""
        import xml.etree.ElementTree as tree
        dmn = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
        root = tree.parse(source / "rules.dmn").getroot()
        elements = {e.get("id"): e for e in root}
        todo = [e for e in root if e.get("name") == decision]
        names = set()
        while todo:
            element = todo.pop()
            for need in element.iter(dmn + "informationRequirement"):
                todo.append(elements[need[0].get("href")[1:]])
            if element.tag == dmn + "inputData":
                names.add(element.get("name"))
        return sorted(names)

    def evaluate(self, decision, inputs, now_ms):
        """The trace, with its hash; commitments are replaced by what they stand for."""
        values = {n: self.secrets.get(v, v) if isinstance(v, str) else v for n, v in inputs.items()}
        file = work / "inputs.json"
        file.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        done = subprocess.run(
            [PROGRAM, "rules", "eval", source / "rules.dmn", "--decision", decision, "--input", file,
             "--trace", "--zone", "Asia/Shanghai", "--now", str(now_ms // 1000)],
            capture_output=True, check=True)
        text = done.stdout.splitlines()[-1]
        return {**json.loads(text), "hash": hashlib.sha256(text).hexdigest()}

    # ---- looking

    def step_decided(self, step):
        record = json.loads(self.node.get(f"/v1/cases/{self.case(step)}"))
        item = [d for d in record["decisions"] if d["decision"] == step["decided"]][-1]
        inputs = {**item.get("inputs", {}), **item.get("sealed", {})}
        trace = self.evaluate(step["decided"], inputs, item["time"])
        check(trace["hash"] == item["trace"], f"{step}: made again it leaves another trace")
        self.decisions += 1
        if "outcome" in step:
            check(trace["outcome"] == step["outcome"], f"{step}: {trace['outcome']}")
        clauses = [a for t in trace["tables"] for m in t["matched"] for a in m["annotations"]]
        if "clause" in step:
            check(step["clause"] in clauses, f"{step}: the rules cite {clauses}")

    def step_expect(self, want):
        case = want.get("case") or self.cases[-1]
        record = json.loads(self.node.get(f"/v1/cases/{case}"))
        tasks = open_tasks(self.node, case, roles)
        if "status" in want:
            check(record["status"] == want["status"], f"{want}: {record['status']}")
        if "tasks" in want:
            found = sorted(t["node"] for t in tasks if "decision" not in t)
            check(found == sorted(want["tasks"]), f"{want}: {found}")
        for name, value in want.get("data", {}).items():
            if not record.get("data_omitted"):
                check(record["data"].get(name) == value, f"{want}: {record['data'].get(name)}")
        for name, value in want.get("evidence", {}).items():
            if value is None:
                items = json.loads(self.node.get("/v1/evidence?source=" + manifest["id"]))["items"]
                check(not [i for i in items if i["by"]["case"] == case], f"{want}: {items}")
                continue
            found = json.loads(self.node.get(f"/v1/evidence/service/{case}/{name}"))
            check(found["content"]["hash"] == value and found["by"]["case"] == case, f"{want}: {found}")
        for role, nodes in want.get("roles", {}).items():
            found = sorted(t["node"] for t in open_tasks(self.node, case, [role]))
            check(found == sorted(nodes), f"{want}: {role} has {found}")

    def step_advance(self, by):
        end = self.clock.now + datetime.timedelta(hours=by.get("hours", 0), minutes=by.get("minutes", 0))
        if "to" in by:
            end = datetime.datetime.fromisoformat(str(by["to"]))
        days = by.get("days", 0)
        while days > 0:
            end += datetime.timedelta(days=1)
            days -= by.get("calendar") != "working" or is_working(end.astimezone(CHINA).date())
        while self.clock.now < end:
            # Not more than ten days at a time, so that what follows from a deadline begins in time.
            step = datetime.timedelta(days=1 if end - self.clock.now < datetime.timedelta(days=40) else 10)
            self.clock.set(min(end, self.clock.now + step))
            self.tick()

    def tick(self):
        """A block, before which what is due falls due."""
        self.council.do({"op": "evidence.record", "id": "tick/" + self.clock.now.isoformat().replace("+", "-"),
                         "hash": "sha-256:" + "00" * 32}, exp=self.clock.exp())

    def play(self, steps):
        for step in steps:
            verbs = [v for v in ("open", "claim", "release", "complete", "delegate", "message", "withdraw",
                                 "appeal", "decide", "decided", "expect", "advance") if v in step]
            check(len(verbs) == 1, f"{step} is a step")
            verb = verbs[0]
            if verb in ("claim", "release", "complete", "delegate"):
                self.step_task(verb, step)
            elif verb in ("expect", "advance"):
                getattr(self, "step_" + verb)(step[verb])
            else:
                getattr(self, "step_" + verb)(step)
        self.node.stop()


os.environ["LD_PRELOAD"] = os.path.abspath(sys.argv[2])
wanted = sys.argv[4:]
for scenario in book["scenarios"]:
    if wanted and scenario["name"] not in wanted:
        continue
    world = World(scenario["name"])
    world.play(scenario["steps"])
    print(f"{manifest['id']} {scenario['name']}: {len(scenario['steps'])} steps, "
          f"{world.decisions} decisions made again", flush=True)
print(f"{people.checks} checks")
