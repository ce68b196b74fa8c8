#!/usr/bin/env python3
"""What happens without an operation of its own is among the events: timers, deadlines that pass, messages
between cases, cases brought to another version. Over HTTP, with a clock that is moved."""
import base64
import hashlib
import http.client
import json
import time
import warnings

try:
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonschema
except ImportError:
    jsonschema = None

from moved_clock import DAY, move
from node import QIFENG, Node, check, run, work
from receiver import SECRET, Receiver, secret_file

HEAD = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="t"
 xmlns:qf="https://qifeng.dev/bpmn/1"><message id="m" name="ping"/>
 <process id="p" isExecutable="true"><startEvent id="s"/><endEvent id="e"/>"""


def task(ident, role, inner=""):
    return (f'<userTask id="{ident}"><extensionElements><qf:who role="{role}"/>{inner}'
            "</extensionElements></userTask>")


def flows(*pairs):
    return "".join(f'<sequenceFlow id="{a}-{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in pairs)


WAITING = (HEAD + '<parallelGateway id="fork"/><parallelGateway id="join"/>'
           + task("approve", "desk", '<qf:deadline days="1" calendar="calendar" then="approved"/>')
           + task("watch", "desk", '<qf:deadline days="1" calendar="calendar" then="escalate" to="chief"/>')
           + '<intermediateCatchEvent id="tick"><timerEventDefinition><timeDuration>PT1S</timeDuration>'
             '</timerEventDefinition></intermediateCatchEvent>'
             '<sendTask id="tell" messageRef="m"><extensionElements><qf:to case="=other"/>'
             '</extensionElements></sendTask>'
           + flows(("s", "fork"), ("fork", "approve"), ("fork", "watch"), ("fork", "tick"),
                   ("approve", "join"), ("watch", "join"), ("tick", "join"), ("join", "tell"), ("tell", "e"))
           + "</process></definitions>")
HEARING = HEAD + '<receiveTask id="hear" messageRef="m"/>' + flows(("s", "hear"), ("hear", "e")) + \
    "</process></definitions>"
HEARING_2 = HEARING.replace('id="hear"', 'id="hear" name="Hear"')

node = Node("alpha")
secret_file(node.dir / "hook.secret", SECRET)
receiver = Receiver()
node.settings(f"webhooks:\n  - {{id: all, url: '{receiver.url}', secret: hook.secret, from: 0}}\n")
node.start()


def done(*ops):
    status, _, body = node.request("POST", "/v1/transactions", node.sign(*ops),
                                   {"Content-Type": "application/jose"})
    answer = json.loads(body)
    check(status == 200 and answer["status"] == "accepted", f"{ops}: {status} {answer}")
    return answer


def deploy(service, version, process, capabilities=()):
    package = json.dumps({"files": {"process.bpmn": process}, "id": service, "version": version, "manifest": {
        "fields": {"other": {"type": "string"}}, "open": ["desk"], "capabilities": list(capabilities),
        "messages": {"ping": {"services": ["waiting"]}},
        "participants": [{"role": "desk", "members": ["m-alpha"]},
                         {"role": "chief", "members": ["m-alpha"]}]}},
        sort_keys=True, separators=(",", ":")).encode()
    digest = "sha-256:" + hashlib.sha256(package).hexdigest()
    done({"op": "service.part", "hash": digest, "part": 0, "data": base64.b64encode(package).decode()})
    vote(service + version, {"do": "service.deploy", "hash": digest, "member": "m-alpha", "service": service,
                             "version": version, "capabilities": list(capabilities)})


def vote(proposal, action):
    done({"op": "consortium.propose", "proposal": proposal, "action": action})
    return done({"op": "consortium.vote", "proposal": proposal, "choice": "yes"})


def read(query, count, last=None):
    """So many events of a stream, each with the id that came with it."""
    connection = http.client.HTTPConnection(node.url[7:], timeout=20)
    connection.request("GET", "/v1/events" + query, headers={"Last-Event-ID": last} if last else {})
    answer, events, ident, name = connection.getresponse(), [], None, None
    while len(events) < count:
        line = answer.readline().decode()
        check(line != "", f"the stream goes on after {len(events)} events")
        key, _, value = line.rstrip("\n").partition(": ")
        if key == "id":
            ident = value
        elif key == "event":
            name = value
        elif key == "data":
            event = json.loads(value)
            check(event["type"] == name, "event: is the type")
            events.append((ident, event))
            ident = None
    connection.close()
    return events


def await_task(case, nodes, seconds=15):
    end = time.time() + seconds
    while time.time() < end:
        if sorted(t["node"] for t in node.json(f"/v1/cases/{case}")["tasks"]) == sorted(nodes):
            return
        time.sleep(0.1)
    check(False, f"{case} has {node.json(f'/v1/cases/{case}')['tasks']}, not {nodes}")


deploy("waiting", "1", WAITING)
deploy("hearing", "1", HEARING)
done({"op": "service.case.open", "service": "hearing", "case": "h1"})
done({"op": "service.case.open", "service": "hearing", "case": "h2"})
opened = done({"op": "service.case.open", "service": "waiting", "case": "c1", "data": {"other": "h1"}})

# An entry of time alone: the timer, and its place in the log as the event's id.
(ident, tick), = read(f"?from={opened['leaf'] + 1}", 1)
data = tick["data"]
check(tick["type"] == "service.case-timer" and (data["case"], data["node"]) == ("c1", "tick"), tick)
check(ident == str(opened["leaf"] + 1) and tick["id"] == f"{opened['leaf'] + 1}.t.0", tick["id"])
check(data["service"] == "waiting" and data["version"] == "1" and data["member"] == "m-alpha" and
      data["leaf"] == opened["leaf"] + 1 and "id" not in data, f"what it says: {data}")
check(data["time"] >= opened["time"] + 1000, "the block's time")

# Deadlines of a day: one task is deemed approved, the other one escalated; both in one entry.
move(5 * DAY)
await_task("c1", ["watch"])
passed = read("", 2, last=ident)
kinds = sorted(event["type"] for _, event in passed)
check(kinds == ["service.task-deemed", "service.task-escalated"], f"{passed}")
check([i for i, _ in passed] == [None, str(opened["leaf"] + 2)], "the entry's id comes with its last event")
by_type = {event["type"]: event["data"] for _, event in passed}
check(by_type["service.task-deemed"]["node"] == "approve" and by_type["service.task-deemed"]["as"] == "approved"
      and by_type["service.task-escalated"]["role"] == "chief"
      and by_type["service.task-escalated"]["task"] > 0, by_type)

# A client that broke off in the middle of an entry gets all of it again; filters.
again = read("", 2, last=ident)
check(again == passed, "the same events again")
check(read("?from=0&type=service.task-deemed", 1)[0][1] == [e for _, e in passed if e["type"].endswith("deemed")][0],
      "a filter by type")
check(read(f"?from={opened['leaf'] + 1}&type=service&member=m-alpha", 1)[0][1] == tick, "by module and member")

# What a case tells another one follows the operation that brought it about.
watch = node.json("/v1/cases/c1")["tasks"][0]["task"]
told = done({"op": "service.task.complete", "case": "c1", "task": watch})
events = [e for _, e in read(f"?from={told['leaf']}", 3)]
check([e["type"] for e in events] == ["service.task.complete", "service.case-message", "service.case-done"], events)
check([e["id"] for e in events] == [f"{told['leaf']}.{n}" for n in ("0", "0.0", "0.1")], "ids")
check(events[1]["data"]["case"] == "h1" and events[1]["data"]["from"] == "c1" and
      events[1]["data"]["message"] == "ping" and events[1]["data"]["id"] == told["id"], events[1])
check(node.json("/v1/cases/h1")["status"] == "done", "it came")

# Nobody takes it; and in a block with transactions, time's events come before theirs.
lost = done({"op": "service.case.open", "service": "waiting", "case": "c2", "data": {"other": "nobody"}})
(_, tick2), = read(f"?from={lost['leaf'] + 1}", 1)
check(tick2["data"]["case"] == "c2", tick2)
tasks = {t["node"]: t["task"] for t in node.json("/v1/cases/c2")["tasks"]}
ended = done({"op": "service.task.complete", "case": "c2", "task": tasks["approve"]},
             {"op": "service.task.complete", "case": "c2", "task": tasks["watch"]})
events = [e for _, e in read(f"?from={ended['leaf']}", 3)]
check([(e["type"], e["id"]) for e in events] == [
    ("service.task.complete", f"{ended['leaf']}.0"), ("service.task.complete", f"{ended['leaf']}.1"),
    ("service.message-undelivered", f"{ended['leaf']}.1.0")], events)
check(events[2]["data"]["code"] == "not-found" and events[2]["data"]["to"] == "nobody", events[2])

# Cases are brought to another version, by time alone where nobody sends anything.
deploy("hearing", "2", HEARING_2)
voted = vote("mig", {"do": "service.migrate", "service": "hearing", "from": "1", "to": "2"})
moved = [e for _, e in read(f"?from={voted['leaf']}&type=service", 2)]
check([e["type"] for e in moved] == ["service.case-migrated", "service.migrated"], moved)
check(moved[0]["data"]["case"] == "h2" and (moved[0]["data"]["from"], moved[0]["data"]["to"]) == ("1", "2") and
      moved[1]["data"]["moved"] == 1 and moved[1]["data"]["leaf"] == voted["leaf"] + 1, moved)

# Time alone brings a service to record something: found by its hash, an event, and proved without a transaction.
deploy("sealing", "1", HEAD + '<intermediateCatchEvent id="wait"><timerEventDefinition><timeDuration>PT1S'
       '</timeDuration></timerEventDefinition></intermediateCatchEvent><serviceTask id="seal"><extensionElements>'
       '<qf:op name="evidence.record"><qf:field name="hash" value="=other"/><qf:field name="id" value="seal"/>'
       '<qf:field name="attributes" value="={kind: &quot;seal&quot;}"/></qf:op></extensionElements></serviceTask>'
       + flows(("s", "wait"), ("wait", "seal"), ("seal", "e")) + "</process></definitions>", ["evidence"])
sealed = "sha-256:" + "5e" * 32
opened_3 = done({"op": "service.case.open", "service": "sealing", "case": "s1", "data": {"other": sealed}})
events = [e for _, e in read(f"?from={opened_3['leaf'] + 1}", 3)]
check([e["type"] for e in events] == ["evidence.record", "service.case-timer", "service.case-done"], events)
record = node.json("/v1/evidence/service/s1/seal")
check(record["by"] == {"case": "s1", "node": "seal", "service": "sealing", "version": "1"} and
      record["leaf"] == opened_3["leaf"] + 1 and "tx" not in record and "op" not in record, record)
check(events[0]["data"]["op"] == record["content"] and events[0]["data"]["member"] == record["member"], events[0])
for query in (f"hash={sealed}", "attributes.kind=seal", f"member=m-alpha&hash={sealed}", "case=s1",
              f"case=s1&hash={sealed}", f"hash={sealed}&case=s1"):
    check(node.json(f"/v1/evidence?{query}")["items"] == [record], query)
check(node.json("/v1/evidence?case=c1")["items"] == [] and
      node.json(f"/v1/evidence?hash={sealed}&case=c1")["items"] == [], "of another case nothing")
found = json.loads(run(QIFENG, "evidence", "find", "--case", "s1", "--node", node.url, "--json"))
check(found["items"] == [record], found)
shown = run(QIFENG, "evidence", "show", "service/s1/seal", "--node", node.url).decode()
check("service sealing, case s1, task seal" in shown and sealed in shown, shown)
bundle = work / "seal.qfb"
run(QIFENG, "bundle", "--evidence", "service/s1/seal", "--node", node.url, "-o", bundle)
trust = ["--trust", node.dir / "genesis.json"]
report = run(QIFENG, "verify", bundle, *trust).decode()
check("time alone" in report and sealed in report, report)
whole = json.loads(bundle.read_text(encoding="utf-8"))
other = done({"op": "evidence.record", "id": "mine", "hash": sealed})
run(QIFENG, "bundle", "--evidence", "mine", "--node", node.url, "-o", work / "mine.qfb")
mine = json.loads((work / "mine.qfb").read_text(encoding="utf-8"))
check("of m-alpha" in run(QIFENG, "verify", work / "mine.qfb", *trust).decode(), "a person's record likewise")
for change in ({"records": mine["records"]}, {"state": mine["state"]}, {"entry": mine["entry"]},
               {"leaf": whole["leaf"] - 1}, {"state": []}, {"records": []}):
    bundle.write_text(json.dumps({**whole, **change}, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
                      encoding="utf-8")
    run(QIFENG, "verify", bundle, *trust, good=False)
status, _, body = node.get("/v1/bundles/evidence/nothing")
check(status == 404, body)

# The same after a crash and a start, for a receiver as for a stream; each has an id of its own.
everything = read("?from=0", node.json("/v1/network")["log_size"] + 8)
node.stop(hard=True)
node.start()
check(read("?from=0", len(everything)) == everything, "the same after a crash")
types = [e["type"] for _, e in everything]
end = time.time() + 20
while time.time() < end and len({i for i, _ in receiver.taken}) < len(types):
    time.sleep(0.1)
first = {}
for name, event in receiver.taken:
    check(first.setdefault(name, event) == event and "." not in name, name)
check([e["type"] for e in first.values()] == types, f"{[e['type'] for e in first.values()]}\n{types}")
check(any(name == f"time-{opened['leaf'] + 1}-t-0" for name in first), "an id for what time did")

# The published schemas hold for each of them.
document = node.json("/openapi.json")
if jsonschema is not None:
    schemas = document["components"]["schemas"]
    resolver = jsonschema.RefResolver("", document)
    for name, values in (("event", [e for _, e in everything] + list(first.values())),
                         ("evidence", node.json(f"/v1/evidence?hash={sealed}")["items"])):
        check(values, name)
        for value in values:
            errors = list(jsonschema.Draft202012Validator(schemas[name], resolver=resolver).iter_errors(value))
            check(not errors, f"{name}: {value}: {errors[:1]}")
