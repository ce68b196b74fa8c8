#!/usr/bin/env python3
"""The construction permit on a running node: six members with keys of their own bring it into force by
vote and play a case over HTTP, from the developer's form to the signed decision; somebody listens to the
events all the while, the wrong person and the wrong form are refused, a second case is withdrawn, and at
the end the decision is proved without the node.

    permit_test.py QIFENG SERVICE_DIR"""
import http.client
import json
import pathlib
import sys
import subprocess
import threading
import time

import people
from people import Person, admission, check, deploy, seal
from system import Node, network, qifeng, run, work, PROGRAM

source = pathlib.Path(sys.argv[2])
ROLES = ("applicant", "window", "planning", "fire", "environment", "air_defence", "lead", "approver",
         "supervisor")


def open_tasks(case):
    return people.open_tasks(node, case, ROLES)


def task_of(case, where):
    """The open task of the case at this element of the process."""
    found = [task for task in open_tasks(case) if task["node"] == where]
    check(len(found) == 1, f"{case} has the task {where}: {open_tasks(case)}")
    return found[0]["task"]


def complete(person, case, where, data=None, flows=None, code=None):
    op = {"op": "service.task.complete", "case": case, "task": task_of(case, where)}
    if data is not None:
        op["data"] = data
    if flows is not None:
        op["flows"] = flows
    return person.do(op) if code is None else person.refused(code, op)


class Follower(threading.Thread):
    """Follows the events of the module service from the beginning of the log."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
        self.seen = []
        self.start()

    def run(self):
        self.connection.request("GET", "/v1/events?from=0&type=service")
        answer = self.connection.getresponse()
        for line in answer:
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                if event.get("type", "").startswith("service."):
                    self.seen.append(event["data"])

    def wait_for(self, what, good, seconds=15):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if any(good(data) for data in self.seen):
                check(True, what)
                return
            time.sleep(0.05)
        check(False, f"no event: {what}; {len(self.seen)} were seen")


def admit(member, kind, name, roles):
    person = Person(node, name)
    council.do(*admission(person, member, kind, roles))
    return person


def application(**more):
    return {"project_code": "2405-110105-04-01-123456", "project_name": "望京商场", "site": "朝阳区望京街道",
            "building_use": "hotel_or_market", "floor_area": 30000, "height": 48, "investment": 26000,
            "environment_class": "report_form", "new_civil_building": True, "in_planned_area": True,
            "drawings_hash": "sha-256:" + "5e" * 32, "contact_name": seal("contact_name", "陈晓明"),
            "contact_phone": seal("contact_phone", "01084720000"), **more}


folder, admin = network("housing")
node = Node(folder)
council = Person(node, "admin", admin)
follower = Follower(node)

developer = admit("huaxin", "enterprise", "developer", [])
window = admit("gov-services", "authority", "wang", ["window", "supervisor"])
planner = admit("planning-bureau", "authority", "zhou", ["planning"])
ecologist = admit("ecology", "authority", "sun", ["environment"])
defender = admit("civil-defence", "authority", "qian", ["air-defence"])
officers = {}
for name, roles in (("xu", ["fire"]), ("li", ["housing"]), ("zhao", ["housing", "housing-approver"])):
    officers[name] = Person(node, name)
    council.do({"op": "identity.key.add", "actor": name, "key": officers[name].key.jwk,
                "roles": roles})
deploy(council, "housing", source)
check(json.loads(node.get("/v1/services/construction-permit"))["status"] == "active", "in force")

# From the form to the departments.
planner.refused("not-allowed", {"op": "service.case.open", "service": "construction-permit",
                                "case": "mall"})
developer.do({"op": "service.case.open", "service": "construction-permit", "case": "mall"})
complete(developer, "mall", "apply", application(contact_name="陈晓明"), code="bad-field")
complete(developer, "mall", "apply", application(floor_area=0), code="bad-field")
complete(developer, "mall", "apply", application())
complete(developer, "mall", "check_papers", flows=["f_accept"], code="not-allowed")
complete(window, "mall", "check_papers", flows=["f_accept"])
case = json.loads(node.get("/v1/cases/mall"))
tasks = open_tasks("mall")
check(sorted(t["node"] for t in tasks) == ["air_defence_review", "environment_review", "fire_review",
                                           "planning_review"], tasks)
check("陈晓明" not in json.dumps(case, ensure_ascii=False), "the contact's name is not on the ledger")
due = {t["node"]: t["due"] - t["opened"] for t in tasks}
DAY = 86400000
check(4 * DAY < due["planning_review"] < 20 * DAY < due["environment_review"], f"deadlines: {due}")
work_list = json.loads(node.get("/v1/tasks?role=fire"))["items"]
check([t["case"] for t in work_list] == ["mall"], f"fire's work list: {work_list}")
follower.wait_for("the window accepted", lambda d: d.get("op", {}).get("op") == "service.task.complete"
                  and d["op"].get("flows") == ["f_accept"] and d["member"] == "gov-services")

# The departments, the conditions, the signature.
complete(planner, "mall", "fire_review", {"fire_opinion": "agree"}, code="not-allowed")
complete(planner, "mall", "planning_review", {"planning_opinion": "agree",
                                                   "planning_reason": "符合规划条件"})
complete(ecologist, "mall", "environment_review", {"environment_opinion": "agree",
                                                        "environment_reason": "符合审批原则"})
complete(defender, "mall", "air_defence_review", {"air_defence_opinion": "agree",
                                                       "air_defence_reason": "面积符合标准"})
complete(officers["xu"], "mall", "fire_review", {"fire_opinion": "agree", "fire_reason": "符合技术标准"})
conditions = dict.fromkeys(("land_approved", "planning_permit", "demolition_ok", "contractor_named",
                            "funds_and_drawings", "safety_measures"), True)
complete(officers["zhao"], "mall", "examine", conditions)
complete(officers["zhao"], "mall", "sign", {"decision_note": "符合法定条件"}, ["f_signed"],
                          code="not-allowed")
complete(officers["li"], "mall", "sign", {"decision_note": "符合法定条件"}, ["f_signed"],
                        code="not-allowed")
council.do({"op": "identity.role.grant", "actor": "li", "roles": ["housing-approver"]})
permit = "sha-256:" + "9a" * 32
complete(officers["li"], "mall", "sign", {"decision_note": "符合法定条件",
                                          "permit_no": "110105202603020101"}, ["f_signed"], code="bad-field")
signed = complete(officers["li"], "mall", "sign", {"decision_note": "符合法定条件", "permit_hash": permit,
                                                  "permit_no": "110105202603020101"}, ["f_signed"])
case = json.loads(node.get("/v1/cases/mall"))
check(case["status"] == "done", f"granted: {case['status']}")
check([d["decision"] for d in case["decisions"]] == ["Scope", "Verdict"], case["decisions"])
follower.wait_for("the signature", lambda d: d.get("op", {}).get("op") == "service.task.complete"
                  and d["op"].get("data", {}).get("permit_no") == "110105202603020101" and d["actor"] == "li")

# The permit document's hash was recorded by the service, and is found as every evidence is.
record = json.loads(node.get("/v1/evidence/service/mall/permit"))
check(record["by"] == {"case": "mall", "node": "record_permit", "service": "construction-permit",
                       "version": "1.0"} and record["member"] == "housing", record)
check(record["content"]["hash"] == permit and record["tx"] == signed["id"] and record["leaf"] == signed["leaf"]
      and "actor" not in record, record)
for query in (f"hash={permit}", "attributes.permit_no=110105202603020101", "source=construction-permit",
              f"member=housing&hash={permit}"):
    check(json.loads(node.get(f"/v1/evidence?{query}"))["items"] == [record], query)
check(json.loads(node.get(f"/v1/evidence?hash={permit}&member=huaxin"))["items"] == [], "not the applicant's")
connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
connection.request("GET", f"/v1/events?from={signed['leaf']}&type=evidence&member=housing")
line = next(line for line in connection.getresponse() if line.startswith(b"data: "))
event = json.loads(line[6:])
connection.close()
check(event["type"] == "evidence.record" and event["id"] == f"{signed['leaf']}.0.0"
      and event["data"]["op"] == record["content"] and event["data"]["node"] == "record_permit", event)

# The history says who did what, and one of its entries stands without the node.
history = json.loads(node.get("/v1/cases/mall/history"))["items"]
check([(h["kind"], h.get("node"), h["actor"]) for h in history if "actor" in h] == [
    ("opened", None, "developer"), ("completed", "apply", "developer"),
    ("completed", "check_papers", "wang"), ("completed", "planning_review", "zhou"),
    ("completed", "environment_review", "sun"), ("completed", "air_defence_review", "qian"),
    ("completed", "fire_review", "xu"), ("completed", "examine", "zhao"),
    ("completed", "sign", "li")], history)
automatic = [h["node"] for h in history if h["kind"] == "automatic"]
check(automatic == ["notify_accepted", "find_scope", "decide", "record_permit", "notify_granted"],
      f"what rules decided and the applicant was told: {automatic}")
bundle = work / "decision.qfb"
qifeng("bundle", signed["id"], "--node", node.url, "-o", bundle)
proof = work / "permit.qfb"
qifeng("bundle", "--evidence", "service/mall/permit", "--node", node.url, "-o", proof)

# Another case is withdrawn; nobody can act on it afterwards.
developer.do({"op": "service.case.open", "service": "construction-permit", "case": "shed"})
planner.refused("not-allowed", {"op": "service.case.withdraw", "case": "shed"})
task = task_of("shed", "apply")
developer.do({"op": "service.case.withdraw", "case": "shed"})
developer.refused("wrong-state", {"op": "service.task.complete", "case": "shed", "task": task,
                                  "data": application()})
check(json.loads(node.get("/v1/tasks?role=applicant"))["items"] == [], "nothing is left to do")
follower.wait_for("the withdrawal", lambda d: d.get("op", {}).get("op") == "service.case.withdraw")

node.stop()
verified = run(PROGRAM, "verify", bundle, "--trust", folder / "genesis.json").decode()
check("valid" in verified.lower(), verified)
verified = run(PROGRAM, "verify", proof, "--trust", folder / "genesis.json").decode()
check("record   evidence/record/service/mall/permit" in verified and permit in verified
      and '"case":"mall"' in verified, verified)
changed = proof.read_text(encoding="utf-8").replace("9a9a", "9b9a", 1)
check(changed != proof.read_text(encoding="utf-8"), "changed")
proof.write_text(changed, encoding="utf-8")
done = subprocess.run([PROGRAM, "verify", proof, "--trust", folder / "genesis.json"], capture_output=True,
                      text=True, check=False)
check(done.returncode == 1 and "records[0]" in done.stdout, done)
print(f"{people.checks} checks, {len(follower.seen)} events")
