#!/usr/bin/env python3
"""pm4py, a process-mining library that knows nothing of ours, reads the event log that a node's
histories were exported to, and replays it on the model: it must fit. Arguments: program, source
folder, folder of a Python environment with pm4py (made here where CI is set; it has 550 MB)."""
import json
import os
import pathlib
import subprocess
import sys

source = pathlib.Path(sys.argv[2])
environment = pathlib.Path(sys.argv[3])
PM4PY = "pm4py==2.7.23.11"


def find_python():
    for python in (os.environ.get("QIFENG_PM4PY"), environment / "bin/python3", sys.executable):
        if python and pathlib.Path(python).exists() and subprocess.run(
                [python, "-c", "import pm4py"], capture_output=True, check=False).returncode == 0:
            return python
    if not os.environ.get("CI"):
        print(f"skipped: pm4py is not installed: python3 -m venv {environment} && "
              f"{environment}/bin/pip install {PM4PY}")
        sys.exit(77)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([environment / "bin/pip", "install", "-q", PM4PY], check=True)
    return environment / "bin/python3"


python = find_python()
sys.path.insert(0, str(source / "test/system"))
from system import PROGRAM, Node, network, run, work  # noqa: E402 pylint: disable=wrong-import-position

SCRIPT = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pm4py
log = pm4py.read_xes(sys.argv[1])
net, start, end = pm4py.convert_to_petri_net(pm4py.read_bpmn(sys.argv[2]))
print("result", json.dumps({
    "events": len(log), "cases": int(log["case:concept:name"].nunique()),
    "resources": int(log["org:resource"].nunique()),
    "activities": int(log["concept:name"].nunique()),
    "fitness": pm4py.fitness_token_based_replay(log, net, start, end)}))
"""


def mine(log):
    done = run(python, "-c", SCRIPT, log, service / "process.bpmn").decode()
    return json.loads(next(line for line in done.splitlines()
                           if line.startswith("result ")).removeprefix("result "))


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


service = source / "services/environmental-permit-receipt"
folder, admin = network("municipality")
node = Node(folder)
run(PROGRAM, "xes", "replay", source / "test/data/xes/receipt.xes.gz", "--service", service,
    "--node", node.url, "--admin-key", admin.path, "--export", work / "again.xes.gz")
found = mine(work / "again.xes.gz")
check((found["cases"], found["events"], found["activities"], found["resources"]) ==
      (1434, 8577, 27, 48), f"pm4py reads it: {found}")
check(found["fitness"]["log_fitness"] == 1.0 and
      found["fitness"]["percentage_of_fitting_traces"] == 100.0, f"it fits: {found}")
# What does not fit is seen: the same log with two steps of one case exchanged.
(work / "odd.xes").write_text(
    """<log xmlns="http://www.xes-standard.org/"><trace><string key="concept:name" value="x"/>""" +
    "".join(f"""<event><string key="concept:name" value="{name}"/>
<string key="org:resource" value="r"/><date key="time:timestamp" value="2012-01-0{day}T00:00:00Z"/>
</event>""" for day, name in enumerate(("T02 Check confirmation of receipt",
                                        "Confirmation of receipt", "Confirmation of receipt"), 1)) +
    "</trace></log>", encoding="utf-8")
run(PROGRAM, "xes", "replay", work / "odd.xes", "--service", service, "--node", node.url,
    "--admin-key", admin.path, "--export", work / "odd.xes.gz")
found = mine(work / "odd.xes.gz")
check(found["cases"] == 1 and found["fitness"]["log_fitness"] < 1.0, f"it does not fit: {found}")
print("2 logs")
