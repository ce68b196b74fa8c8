#!/usr/bin/env python3
"""Too much for the moment: over a key's rate (429), more followers of events than there may be, and
a full disk (503). Each says when to come back, changes nothing, and is over when its cause is.
Argument: qifeng."""
import atexit
import json
import pathlib
import subprocess
import sys
import time

from system import PROGRAM, Key, Node, network, payload, work

HASH = "sha-256:" + "00112233" * 8
folder, admin = network()


def record(ident, size=0):
    op = {"op": "evidence.record", "id": ident, "hash": HASH}
    more = [{**op, "id": f"{ident}/{i}", "source": "s" * 4000} for i in range(size // 4000)]
    return admin.sign(payload([op, *more]))


def ask(node, body):
    """Status, problem (or result), Retry-After."""
    link = node.connect()
    link.request("POST", "/v1/transactions", body, {"Content-Type": "application/jose"})
    answer = link.getresponse()
    text = json.loads(answer.read())
    wait = answer.getheader("Retry-After")
    link.close()
    return answer.status, text.get("problem", text), wait


def want(got, status, kind, field):
    if got[0] != status or not got[1]["type"].endswith(":" + kind) or got[1].get("field") != field or \
            not got[1]["cure"] or got[2] is None or not 0 < int(got[2]) < 120:
        sys.exit(f"want {status} {kind} at {field} and when to come back, got {got}")


# A key's rate.
settings = (folder / "node.yaml").read_text()
(folder / "node.yaml").write_text(settings.replace("key_rate: 2000", "key_rate: 1")
                                  .replace("key_burst: 20000", "key_burst: 3"))
node = Node(folder, limited=True)
bodies = [record(f"rate/{i}") for i in range(6)]
got = [ask(node, body) for body in bodies]
assert [status for status, _, _ in got[:3]] == [200, 200, 200], got
before = node.where()
late = [one for one in got if one[0] != 200]
assert late, got
for one in late:
    want(one, 429, "rate-limited", "kid")
assert node.where() == before
other = Key(work / "other.pem", create=True)
want(ask(node, bodies[5]), 429, "rate-limited", "kid")
status, problem, _ = ask(node, other.sign(payload([{"op": "evidence.record", "id": "x", "hash": HASH}])))
assert status == 401 and problem["type"].endswith(":unknown-key"), "another key's rate is its own"
time.sleep(int(late[0][2]) + 0.2)
assert ask(node, bodies[5])[0] == 200, "after that time it is served"
node.stop()
(folder / "node.yaml").write_text(settings)

# Followers of events.
node = Node(folder)
streams = []
for i in range(256):
    link = node.connect()
    link.request("GET", "/v1/events")
    streams.append((link, link.getresponse()))
    assert streams[-1][1].status == 200, i
link = node.connect()
link.request("GET", "/v1/events")
answer = link.getresponse()
want((answer.status, json.loads(answer.read()), answer.getheader("Retry-After")), 503, "unavailable", None)
assert ask(node, record("beside"))[0] == 200
for stream, _ in streams:
    stream.close()
deadline = time.monotonic() + 60
while True:  # they are seen to be gone when something is sent to them
    ask(node, record(f"wake/{time.monotonic()}"))
    link = node.connect()
    link.request("GET", "/v1/events")
    status = link.getresponse().status
    link.close()
    if status == 200:
        break
    assert time.monotonic() < deadline, "the places are given to others"
    time.sleep(0.2)
node.stop()

# A full disk: the folder on a small file system of its own, where that may be made. A process that
# holds it stays while nodes come and go.
small = work / "small"
small.mkdir()
SCRIPT = ('mount -t tmpfs -o size=240m tmpfs "$0" && cp -r "$1"/. "$0" && '
          'dd if=/dev/zero of="$0/ballast" bs=1M count=164 status=none && echo mounted && exec sleep 600')
holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", SCRIPT, small, folder],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
if holder.stdout.readline() != b"mounted\n":
    print("429 and followers of events; no file system may be mounted here: the full disk was left out")
    sys.exit(0)
atexit.register(holder.kill)
within = ["nsenter", "--target", str(holder.pid), "--user", "--mount", "--preserve-credentials"]
inside = pathlib.Path(f"/proc/{holder.pid}/root{small}")
node = Node(small, within=within)
health = json.loads(node.get("/v1/health"))
assert health["status"] == "degraded" and health["ordering"], health
assert [p["field"] for p in health["problems"]] == ["disk"] and health["problems"][0]["cure"], health
free = int(node.get("/metrics").split(b"\nqifeng_disk_free_bytes ")[1].split(b"\n")[0])
assert 0 < free < 240 << 20, free
acknowledged, refused = [], None
for turn in range(1000):
    got = ask(node, record(f"fill/{turn}", 40000))
    if got[0] != 200:
        refused = got
        break
    acknowledged.append(got[1]["id"])
want(refused, 503, refused[1]["type"].rsplit(":", 1)[-1], refused[1].get("field"))
assert refused[1]["type"].endswith((":no-space", ":unavailable", ":io-error")), refused
# It stays, says why, and answers what is read; with space it goes on by itself.
deadline = time.monotonic() + 20
while True:
    link = node.connect()
    link.request("GET", "/v1/health")
    answer = link.getresponse()
    health = json.loads(answer.read())
    link.close()
    if health["status"] == "halted":
        break
    assert time.monotonic() < deadline, health
    time.sleep(0.1)
assert answer.status == 503 and health["ordering"] is False, health
assert health["problems"][0]["type"].endswith(":no-space") and health["problems"][0]["cure"], health
time.sleep(2.5)
assert node.process.poll() is None, "a node without space stays"
want(ask(node, record("while/full")), 503, "unavailable", None)
assert b"qifeng_halted 1" in node.get("/metrics")
assert json.loads(node.get(f"/v1/transactions/{acknowledged[0]}"))["status"] == "accepted"
(inside / "ballast").unlink()
deadline = time.monotonic() + 30
while True:
    try:
        if json.loads(node.get("/v1/health"))["ordering"]:
            break
    except OSError:
        pass  # it is starting, under the same address
    assert time.monotonic() < deadline, "it goes on"
    time.sleep(0.1)
assert node.process.poll() is None
for ident in acknowledged:
    assert json.loads(node.get(f"/v1/transactions/{ident}"))["status"] == "accepted", ident
assert ask(node, record("after"))[0] == 200, "with space it goes on"
node.stop()
subprocess.run([*within, PROGRAM, "audit", small], check=True, stdout=subprocess.DEVNULL)
print(f"429, followers of events, and a disk that was full after {len(acknowledged)} transactions")
