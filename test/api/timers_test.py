#!/usr/bin/env python3
"""What falls due does so on a node that nobody sends anything, across restarts, and the audit sees why."""
import base64
import hashlib
import json
import time

from node import Node, check, run, QIFENG

PROCESS = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="t"
 xmlns:qf="https://qifeng.dev/bpmn/1"><process id="p" isExecutable="true"><laneSet id="ls"><lane id="desk">
 <extensionElements><qf:lane role="desk"/></extensionElements><flowNodeRef>start</flowNodeRef>
 <flowNodeRef>work</flowNodeRef><flowNodeRef>late</flowNodeRef><flowNodeRef>remind</flowNodeRef>
 <flowNodeRef>end</flowNodeRef></lane></laneSet>
 <startEvent id="start"/><userTask id="work" name="Work"/><endEvent id="end"/>
 <boundaryEvent id="late" attachedToRef="work"><timerEventDefinition><timeDuration>PT2S</timeDuration>
 </timerEventDefinition></boundaryEvent><userTask id="remind" name="Remind"/>
 <sequenceFlow id="f1" sourceRef="start" targetRef="work"/>
 <sequenceFlow id="f2" sourceRef="work" targetRef="end"/>
 <sequenceFlow id="f3" sourceRef="late" targetRef="remind"/>
 <sequenceFlow id="f4" sourceRef="remind" targetRef="end"/></process></definitions>"""

node = Node("alpha").start()


def done(*ops):
    status, _, body = node.request("POST", "/v1/transactions", node.sign(*ops),
                                   {"Content-Type": "application/jose"})
    answer = json.loads(body)
    check(status == 200 and answer["status"] == "accepted", f"{ops}: {status} {answer}")
    return answer


def open_nodes(case):
    return [task["node"] for task in node.json(f"/v1/cases/{case}")["tasks"]]


def comes_to_remind(case, seconds):
    end = time.time() + seconds
    while time.time() < end:
        if open_nodes(case) == ["remind"]:
            return True
        time.sleep(0.1)
    return False


package = json.dumps({"files": {"process.bpmn": PROCESS}, "id": "timed", "version": "1", "manifest": {
    "participants": [{"role": "desk", "members": ["m-alpha"]}], "fields": {}}},
    sort_keys=True, separators=(",", ":")).encode()
digest = "sha-256:" + hashlib.sha256(package).hexdigest()
done({"op": "service.part", "hash": digest, "part": 0, "data": base64.b64encode(package).decode()})
done({"op": "consortium.propose", "proposal": "p", "action": {
    "do": "service.deploy", "hash": digest, "member": "m-alpha", "service": "timed", "version": "1"}})
done({"op": "consortium.vote", "proposal": "p", "choice": "yes"})

opened = done({"op": "service.case.open", "service": "timed", "case": "c1"})
case = node.json("/v1/cases/c1")
network, waiting = node.json("/v1/network"), open_nodes("c1")
if time.time() * 1000 < opened["time"] + 2000:  # else the machine was too slow to see it wait
    check(waiting == ["work"] and case["timer"] == opened["time"] + 2000, f"it waits: {case}")
    check(network["height"] == opened["height"], "no block before something falls due")
height = opened["height"]
check(comes_to_remind("c1", 10), "the timer fires though nobody sends anything")
network = node.json("/v1/network")
check((network["height"], network["log_size"]) == (height + 1, opened["leaf"] + 2),
      f"one block, one entry: {network}")
time.sleep(1.5)
check(node.json("/v1/network")["height"] == height + 1, "and no block after it")
listed = [item["leaf"] for item in node.json("/v1/transactions")["items"]]
check(listed == list(range(opened["leaf"] + 1)), "it is no transaction")

# It falls due while the node is not there; what was acknowledged stays, whichever way it ended.
for case, hard in (("c2", True), ("c3", False)):
    done({"op": "service.case.open", "service": "timed", "case": case})
    node.stop(hard=hard)
    time.sleep(2.2)
    node.start()
    check(comes_to_remind(case, 10), f"{case} is taken up after the start")
before = node.json("/v1/cases/c2")
node.stop(hard=True)
node.start()
check(node.json("/v1/cases/c2") == before, "the same after one more start")
for case in ("c1", "c2", "c3"):
    task = node.json(f"/v1/cases/{case}")["tasks"][0]
    done({"op": "service.task.complete", "case": case, "task": task["task"]})
check(node.json("/v1/cases?status=done")["items"][2]["case"] == "c3", "all are done")
node.stop()
report = json.loads(run(QIFENG, "audit", node.dir, "--json"))
check(report, f"the audit follows it all: {report}")
