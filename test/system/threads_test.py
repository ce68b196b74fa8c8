#!/usr/bin/env python3
"""The whole node under everything at once, for a build with a sanitizer: several clients that post lines
and single transactions, some of whom are gone before their answer, cases of a service, followers of
events, a receiver of webhooks, readers of bundles, lists, tiles and proofs, bad requests, and restarts in
between, some of them kills. What the sanitizer reports, a crash or a wrong answer fails.
Arguments: qifeng (built with -Db_sanitize=…), seconds, how many restarts."""
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from permit import propose  # noqa: E402
from receiver import SECRET, Receiver, secret_file  # noqa: E402

QIFENG = os.path.abspath(sys.argv[1])
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
RESTARTS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
work = pathlib.Path(tempfile.mkdtemp(prefix="qf-threads-"))
reports = work / "report"
ENV = {**os.environ, "TSAN_OPTIONS": f"log_path={reports} exitcode=66 second_deadlock_stack=1",
       "ASAN_OPTIONS": f"log_path={reports} exitcode=66 detect_leaks=1",
       "UBSAN_OPTIONS": f"log_path={reports} print_stacktrace=1 halt_on_error=1"}
KEYS = 4
counts, failures = {}, []
stop = threading.Event()


def qifeng(*args, stdin=None):
    done = subprocess.run([QIFENG, *map(str, args)], input=stdin, capture_output=True, env=ENV, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{args}: {done.returncode} {done.stderr.decode()[-2000:]}")
    return done.stdout


folder = work / "data"
qifeng("init", folder, "--network", "soak", "--member", "m", "--no-passphrase")
admin = folder / "keys/admin.pem"
receiver = Receiver()
secret_file(folder / "hook.secret", SECRET)
with open(folder / "node.yaml", "a", encoding="utf-8") as settings:
    settings.write(f"webhooks:\n  - {{id: all, url: '{receiver.url}', secret: hook.secret, from: 0}}\n")


def sign(key, ops):
    return qifeng("tx", "sign", "--key", key, "--network", "soak", "--ttl", "3600", "-",
                  stdin=json.dumps(ops).encode()).strip()


class Node:
    def __init__(self):
        self.process = subprocess.Popen([QIFENG, "node", folder, "--listen", "127.0.0.1:0", "--no-rate-limit"],
                                        stdout=subprocess.PIPE, env=ENV)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready "):
            raise SystemExit(f"the node did not start: {line} {found()}")
        self.port = int(line.rsplit(":", 1)[1])

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(120)
        if how == signal.SIGTERM and code != 0:
            failures.append(f"the node ended with {code}")


def found():
    return "\n".join(path.read_text(errors="replace")[:6000] for path in work.glob("report*"))


node = Node()
acknowledged = []


def client(name, step):
    """Repeats a step on a connection of its own, until it is told to stop; a restart is not an error."""
    def run():
        link = None
        generator = random.Random(name)
        while not stop.is_set():
            try:
                if link is None:
                    link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
                step(link, generator)
                counts[name.split("-")[0]] = counts.get(name.split("-")[0], 0) + 1
            except (OSError, http.client.HTTPException, ValueError):
                link = None
                time.sleep(0.1)
            except AssertionError as error:
                failures.append(f"{name}: {error}")
    thread = threading.Thread(target=run, name=name)
    thread.start()
    return thread


def ask(link, path, good=(200,)):
    link.request("GET", path)
    answer = link.getresponse()
    body = answer.read()
    assert answer.status in good, f"GET {path}: {answer.status} {body[:300]}"
    return body


def poster(bodies):
    bodies = list(bodies)

    def step(link, _):
        if not bodies:
            time.sleep(0.2)
            return
        body = bodies[-1]
        link.request("POST", "/v1/transactions", body, {"Content-Type": "application/jose"})
        answer = link.getresponse()
        text = answer.read()
        results = [json.loads(line) for line in text.splitlines()]
        bodies.pop()  # a restart in between: it is sent again, and is a repeat
        for result in results:
            kind = result.get("problem", {}).get("type", "")
            if kind.endswith(":unavailable"):
                bodies.append(body)  # the node is stopping
                raise OSError("stopping")
            assert result["code"] == 0, result
            acknowledged.append(result["id"])
    return step


def bundles(link, generator):
    if not acknowledged:
        time.sleep(0.1)
        return
    bundle = json.loads(ask(link, f"/v1/transactions/{generator.choice(acknowledged)}/bundle"))
    assert bundle["format"] == "qf-bundle-1", bundle


def lists(link, generator):
    for path in ("/v1/transactions?limit=50", "/v1/evidence?source=s&limit=20", "/v1/members", "/v1/health",
                 "/v1/members/m/actors?limit=3", "/metrics", "/checkpoint", "/v1/network", "/v1/genesis",
                 "/openapi.json", f"/v1/evidence?attributes.n={generator.randrange(40)}", "/v1/proposals"):
        ask(link, path)
    size = json.loads(ask(link, "/v1/network"))["log_size"]
    if size > 1:
        ask(link, f"/v1/proof?leaf={generator.randrange(size)}&size={size}", (200, 400))
        ask(link, f"/v1/proof?old={generator.randrange(1, size)}")
        ask(link, f"/tile/entries/000.p/{min(size, 200)}", (200, 404))
        ask(link, "/v1/state/evidence/record/s-0-0")


def bad(link, generator):
    ask(link, generator.choice(["/v1/nothing", "/v1/evidence?hash=x", "/v1/keys/x", "/tile/9/9"]), (400, 404))
    link.request("POST", "/v1/transactions", b"a.b.c\n" * generator.randrange(1, 50), {"Content-Type": "application/jose"})
    link.getresponse().read()


def follower(link, _):
    link.request("GET", "/v1/events?from=0")
    answer = link.getresponse()
    last = -1
    until = time.monotonic() + 3
    while time.monotonic() < until and not stop.is_set():
        line = answer.fp.readline()
        if not line:
            break
        if line.startswith(b"id: "):
            leaf = int(line[4:])
            assert leaf == last + 1, f"events go from {last} to {leaf}"
            last = leaf
    link.close()
    raise OSError("again")


def leaver(link, generator):
    """Gone before the answer, with a reset; what it sent is ordered, or not."""
    if not leaving:
        time.sleep(0.2)
        return
    body = leaving.pop() + b"\nx" * generator.randrange(100)
    with socket.create_connection(("127.0.0.1", link.port)) as client:
        client.sendall(b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(generator.random() / 200)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def post(link, body):
    link.request("POST", "/v1/transactions", body, {"Content-Type": "application/jose"})
    answer = link.getresponse()
    result = json.loads(answer.read())
    if result.get("problem", {}).get("type", "").endswith(":unavailable"):
        raise OSError("stopping")
    assert answer.status == 200 and result["status"] == "accepted", result
    acknowledged.append(result["id"])


def caseworker(link, generator):
    """A case from its opening to its end, or to a restart, which leaves it as it is."""
    name = f"case-{generator.getrandbits(64):x}"
    post(link, sign(admin, [{"op": "service.case.open", "service": "permit", "case": name}]))
    for more in ({"data": {"area": 500}}, {"flows": ["f-no"]}):
        case = json.loads(ask(link, f"/v1/cases/{name}"))
        task = case["tasks"][0]["task"]
        post(link, sign(admin, [{"op": "service.task.complete", "case": name, "task": task, **more}]))
    ask(link, "/v1/tasks?role=desk")
    ask(link, f"/v1/cases/{name}/history")
    assert json.loads(ask(link, f"/v1/cases/{name}"))["status"] == "done"


HASH = "sha-256:" + "ab" * 32
for i in range(KEYS):
    qifeng("key", "create", work / f"{i}.pem", "--no-passphrase", *(["--alg", "EdDSA"] if i % 2 else []))
    jwk = json.loads(qifeng("key", "show", work / f"{i}.pem", "--json"))["jwk"]
    link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    link.request("POST", "/v1/transactions", sign(admin, [{"op": "identity.key.add", "actor": f"a{i}", "key": jwk,
                                                           "roles": []}]), {"Content-Type": "application/jose"})
    assert link.getresponse().status == 200
plan = []
for i in range(KEYS):
    lines = [sign(work / f"{i}.pem", [{"op": "evidence.record", "id": f"s-{i}-{n}", "hash": HASH, "source": "s",
                                       "attributes": {"n": n}}]) for n in range(60)]
    plan.append([b"\n".join(lines[at:at + 10]) for at in range(0, 30, 10)] + lines[30:])
leaving = [sign(work / "0.pem", [{"op": "evidence.record", "id": f"l-{n}", "hash": HASH}]) for n in range(40)]
link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
propose(lambda *ops: post(link, sign(admin, list(ops))), "m")
post(link, sign(admin, [{"op": "consortium.vote", "proposal": "p", "choice": "yes"}]))
link.close()
threads = [client(f"poster-{i}", poster(bodies)) for i, bodies in enumerate(plan)]
threads += [client("leavers", leaver)] + [client(f"caseworkers-{i}", caseworker) for i in range(2)]
threads += [client(f"bundles-{i}", bundles) for i in range(2)] + [client(f"lists-{i}", lists) for i in range(2)]
threads += [client(f"followers-{i}", follower) for i in range(3)] + [client("bad", bad)]
start = time.monotonic()
for turn in range(RESTARTS):
    time.sleep(SECONDS / (RESTARTS + 1))
    node.end(signal.SIGKILL if turn % 2 else signal.SIGTERM)
    node = Node()
while time.monotonic() - start < SECONDS:
    time.sleep(0.5)
stop.set()
for thread in threads:
    thread.join(120)
link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
for ident in acknowledged:
    if json.loads(ask(link, f"/v1/transactions/{ident}"))["status"] != "accepted":
        failures.append(f"{ident} is not there")
link.close()
told = set()
end = time.monotonic() + 60
while not told.issuperset(acknowledged) and time.monotonic() < end:
    told = {ident.rsplit("-", 1)[0] for ident, _ in list(receiver.taken)}
    time.sleep(0.1)
if not told.issuperset(acknowledged):
    failures.append(f"webhooks: {len(set(acknowledged) - told)} of {len(acknowledged)} were not told")
node.end(signal.SIGTERM)
qifeng("audit", folder)
text = found()
if text:
    failures.append(text)
if len(acknowledged) < KEYS * 60 or not all(counts.get(name) for name in (
        "bundles", "lists", "bad", "leavers", "caseworkers")):
    failures.append(f"too little happened: {len(acknowledged)} acknowledged, {counts}")
shutil.rmtree(work)
if failures:
    sys.exit("\n".join(failures[:10]))
print(f"{len(acknowledged)} transactions, {len(receiver.taken)} webhooks, requests of readers {counts}, {RESTARTS} restarts: nothing found")
