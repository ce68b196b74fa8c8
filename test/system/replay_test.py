#!/usr/bin/env python3
"""The permit log of a municipality on a running node: every official signs his events, the histories
equal the log, a second run sends nothing, a run that was cut short goes on, and what deviates is
recorded and explained. Arguments: program, source folder, cases of the log that are taken."""
import gzip
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

from system import PROGRAM, Key, Node, network, post, qifeng, payload, run, work

source = pathlib.Path(sys.argv[2])
cases = int(sys.argv[3])
log = source / "test/data/xes/receipt.xes.gz"
service = source / "services/environmental-permit-receipt"
NS = "{http://www.xes-standard.org/}"


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def read(path):
    """Traces as (name, [attributes of each event])"""
    root = ElementTree.fromstring(gzip.open(path).read())
    out = []
    for trace in root.findall(NS + "trace"):
        name = next(a.get("value") for a in trace if a.get("key") == "concept:name")
        out.append((name, [{a.get("key"): (a.tag, a.get("value")) for a in event}
                           for event in trace.findall(NS + "event")]))
    return out


folder, admin = network("municipality")
node = Node(folder)


def replay(path, *more, good=True, folder=service):
    done = run(PROGRAM, "xes", "replay", path, "--service", folder, "--node", node.url,
               "--admin-key", admin.path, "--json", *more, check=good)
    report = json.loads(done) if done.strip() else None
    return report


# ---- the log as it is ----

first = replay(log, "--cases", str(max(1, cases // 4)), "--keys", work / "keys", "--no-passphrase")
check(first["compared"]["equal"] and first["refused_cases"] == 0, f"a part: {first}")
wanted = read(log)[:cases]
events = sum(len(trace) for _, trace in wanted)
report = replay(log, "--cases", str(cases), "--keys", work / "keys", "--no-passphrase",
                "--report", work / "report.json", "--export", work / "again.xes.gz")
check(json.loads((work / "report.json").read_text()) == report, "the report's file is the report")
check(report["cases"] == cases and report["events"] == events, f"sizes: {report}")
check(report["there_already"] == first["events"] and
      report["recorded"] == events - first["events"], f"goes on: {report}")
check(report["conforming"] == cases and report["deviating"] == 0, f"all conform: {report}")
check(report["compared"] == {"differences": 0, "equal": True, "events": events, "first": []},
      f"equal: {report['compared']}")
got = read(work / "again.xes.gz")
check([name for name, _ in got] == [name for name, _ in wanted], "the same cases")
for (name, here), (_, there) in zip(wanted, got):
    check(len(here) == len(there), f"{name}: as many events")
    for a, b in zip(here, there):
        check(a.items() <= b.items(), f"{name}: {a} is {b}")
size = node.log_size()
again = replay(log, "--cases", str(cases), "--keys", work / "keys", "--no-passphrase")
check(again["transactions"] == 0 and node.log_size() == size, "a second run sends nothing")

# Each event is signed by its official, and is in his own name on the ledger.
name, trace = wanted[0]
history = json.loads(node.get(f"/v1/cases/{name}/history"))["items"]
steps = [item for item in history if item["kind"] == "completed"]
for item, event in zip(steps, trace):
    check(item["actor"] == event["org:resource"][1] and
          item["activity"] == event["concept:name"][1] and
          item["imported"]["time"] == event["time:timestamp"][1], f"signed: {item}")
entry = json.loads(node.get(f"/v1/transactions/{steps[-1]['tx']}"))
key = json.loads(node.get(f"/v1/keys/{entry['kid']}"))
check(key["actor"] == trace[-1]["org:resource"][1], "the key is the official's")
kids = {json.loads(node.get(f"/v1/transactions/{item['tx']}"))["kid"] for item in steps}
check(len(kids) == len({event["org:resource"][1] for event in trace}), "a key for each official")

# ---- what deviates ----

EVENT = """<event><string key="concept:name" value="{}"/><string key="org:resource" value="{}"/>
<date key="time:timestamp" value="2012-01-{:02d}T10:00:00.000+01:00"/></event>"""
CONFIRM, CHECK = "Confirmation of receipt", "T02 Check confirmation of receipt"


def make_log(path, traces):
    text = '<?xml version="1.0"?><log xmlns="http://www.xes-standard.org/">'
    for trace, names in traces.items():
        text += f'<trace><string key="concept:name" value="{trace}"/>'
        for day, activity in enumerate(names, 1):
            text += EVENT.format(activity, "Müller &amp; Söhne" if day == 2 else "Resource01", day)
        text += "</trace>"
    path.write_text(text + "</log>", encoding="utf-8")
    return path


ends = [event["concept:name"][1] for event in trace]
odd = make_log(work / "odd.xes", {
    "odd-1": [CONFIRM, "Coffee", *ends[1:]],  # nothing that the process knows
    "odd-2": [CONFIRM, CONFIRM, *ends[1:]],   # the same again
    "odd-3": [*ends, CONFIRM],                # after the end
    "odd 5/ä": ends,                          # a name that is no id
})
report = replay(odd, "--export", work / "odd.xes.gz")
check(report["compared"]["equal"] and report["refused_cases"] == 0, f"recorded: {report}")
check((report["conforming"], report["deviating"], report["unplanned"], report["open"]) ==
      (1, 3, 3, 0), f"counted: {report}")
told = {case["case"]: case for case in report["deviations"]}
check(told["odd-1"]["unplanned"][0]["activity"] == "Coffee" and
      told["odd-1"]["unplanned"][0]["event"] == 2 and
      told["odd-1"]["unplanned"][0]["actor"] == "Müller & Söhne" and
      told["odd-1"]["unplanned"][0]["expected"] == [CHECK], f"explained: {told['odd-1']}")
check(told["odd-3"]["ended"] and told["odd-3"]["unplanned"][0]["expected"] == [],
      f"after the end: {told['odd-3']}")
case = json.loads(node.get("/v1/cases/odd-1"))
check([d["activity"] for d in case["deviations"]] == ["Coffee"] and
      case["deviations"][0]["actor"].startswith("municipality/"), f"a deviation stands: {case}")
check(json.loads(node.get("/v1/cases/odd-3"))["status"] == "done", "as the model has it")
exported = dict(read(work / "odd.xes.gz"))
check(exported["odd-1"][1]["qifeng:deviation"][1] == "unplanned" and
      exported["odd-1"][1]["org:resource"][1] == "Müller & Söhne" and
      "qifeng:deviation" not in exported["odd-1"][0], "marked in the log that is exported")
check("odd 5/ä" in exported, "the name of the log")

# A process that does not end by itself, and permits nothing off the way.
small = work / "small"
(small / "texts").mkdir(parents=True)
(small / "service.yaml").write_text("""id: small
version: "1"
titles: {zh: 小, en: Small}
category: collaboration
legal_basis: [{titles: {zh: 法, en: Law}}]
participants: [{role: desk, titles: {zh: 窗口, en: Desk}, actor_role: clerk}]
baseline: {materials: 1, visits: 1, days: 1}
imported: true
""", encoding="utf-8")
for language in ("zh", "en"):
    (small / f"texts/{language}.yaml").write_text(
        "tasks: {a: A, b: B, c: C}\nstates: {running: r, done: d, failed: f, withdrawn: w}\n",
        encoding="utf-8")
(small / "README.md").write_text("# Small\n", encoding="utf-8")
flows = [("s", "a"), ("a", "x"), ("x", "b"), ("x", "c"), ("b", "j"), ("c", "j"), ("j", "e")]
(small / "process.bpmn").write_text(
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="t">'
    '<process id="p" isExecutable="true"><laneSet id="l"><lane id="desk">' +
    "".join(f"<flowNodeRef>{n}</flowNodeRef>" for n in "sabcxje") + "</lane></laneSet>"
    '<startEvent id="s"/><parallelGateway id="x"/><parallelGateway id="j"/><endEvent id="e"/>' +
    "".join(f'<userTask id="{n}" name="{n.upper()}"/>' for n in "abc") +
    "".join(f'<sequenceFlow id="f{i}" sourceRef="{a}" targetRef="{b}"/>'
            for i, (a, b) in enumerate(flows)) + "</process></definitions>", encoding="utf-8")
report = replay(make_log(work / "small.xes", {"s1": ["A", "C", "B"], "s2": ["A", "C"]}),
                folder=small)
check((report["conforming"], report["deviating"], report["open"], report["unplanned"]) ==
      (1, 1, 1, 0), f"not brought to its end: {report}")
check(report["deviations"][0]["open"] == ["B"] and not report["deviations"][0]["ended"],
      f"what is open: {report['deviations']}")
check(json.loads(node.get("/v1/cases/s2"))["status"] == "running", "it waits")
report = replay(make_log(work / "off.xes", {"s3": ["A", "A", "C", "B"], "s4": ["A", "B", "C"]}),
                folder=small, good=False)
check(report["refused_cases"] == 1 and report["refusals"][0]["case"] == "s3" and
      report["refusals"][0]["code"] == "not-allowed" and
      report["refusals"][0]["events_recorded"] == 1, f"not permitted: {report['refusals']}")
check(not report["compared"]["equal"] and report["recorded"] == 4, f"told: {report['compared']}")

# ---- histories as event logs ----

done = json.loads(qifeng("case", "export", "--service", "environmental-permit-receipt", "--node",
                         node.url, "--xes", "-o", work / "all.xes.gz", "--json"))
every = dict(read(work / "all.xes.gz"))
check((done["cases"], done["events"]) == (len(every), sum(map(len, every.values()))) and
      len(every) == cases + 4, f"all cases of a service: {done}")
check(all(every[name] == trace for name, trace in got), "as the replay read them")
one = ElementTree.fromstring(qifeng("case", "export", name, "--node", node.url, "--all"))
kinds = [next(a.get("value") for a in event if a.get("key") == "concept:name")
         for event in one.iter(NS + "event")]
check(kinds == ["case opened", *ends], f"with what completes nothing: {kinds}")
check(run(PROGRAM, "case", "export", "nobody", "--node", node.url, "-o", work / "no.xes",
          check=False) == b"" and not (work / "no.xes").exists() and
      not (work / "no.xes.new").exists(), "no such case, no file")

# ---- what is refused ----

bad = work / "bad.xes"
for text in ("", "<log>", "<log><trace><event/></trace></log>",
             '<!DOCTYPE x [<!ENTITY a "a">]><log>&a;</log>'):
    bad.write_text(text, encoding="utf-8")
    check(replay(bad, good=False)["problem"]["detail"], f"refused: {text}")
make_log(bad, {"twice": ends})
bad.write_text(bad.read_text(encoding="utf-8").replace(
    "</log>", '<trace><string key="concept:name" value="twice"/></trace></log>'), encoding="utf-8")
check("problem" in replay(bad, good=False), "two cases of one name")
stranger = Key(work / "stranger.pem", create=True)
check(run(PROGRAM, "xes", "replay", odd, "--service", service, "--node", node.url, "--admin-key",
          stranger.path, check=False) == b"", "an admin whom nobody knows")
op = {"op": "service.case.unplanned", "case": "odd-3", "activity": CHECK}
connection = node.connect()
status, answer = post(connection, admin.sign(payload([op])))
check(status == 403 or answer["status"] == "refused", f"who plays no part: {status} {answer}")
print(f"{cases} cases, {events} events")
