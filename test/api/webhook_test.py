#!/usr/bin/env python3
"""Webhooks of a real node: in order, at least once, over crashes; each failure as it must be."""
import base64
import json
import os
import stat
import time

from node import QIFENG, Node, check, run
from receiver import SECRET, Receiver, health, secret_file, until

node = Node("alpha")
secret_file(node.dir / "hook.secret", SECRET)
all_of_it, picky, slow = Receiver(), Receiver(), Receiver()
node.settings(f"""webhooks:
  - {{id: all, url: '{all_of_it.url}?token=abc', secret: hook.secret, from: 0}}
  - {{id: picky, url: '{picky.url}', secret: hook.secret, events: [evidence.supersede, transaction.refused],
     members: [m-alpha]}}
  - {{id: slow, url: '{slow.url}', secret: hook.secret, events: [evidence]}}
""")
node.start()

# In order, each op an event, filters, one receiver that is slow and nobody who waits for it.
slow.gate.clear()
for i in range(20):
    node.record(f"e-{i}")
events = all_of_it.wait(20)
check(all_of_it.names() == [f"e-{i}" for i in range(20)], all_of_it.names())
check(not slow.taken, "while another one gives no answer")
ident, first = events[0]
check(first["specversion"] == "1.0" and first["type"] == "evidence.record" and
      first["source"] == "urn:qifeng:network:alpha" and first["id"] == "0.0", "a CloudEvent")
check(ident == first["data"]["id"] + "-0" and "." not in ident, ident)
headers = all_of_it.seen[0][3]
check(headers["Content-Type"].startswith("application/cloudevents+json"), "content type")
check(abs(int(headers["webhook-timestamp"]) - time.time()) < 30, "time of the attempt")
ops = [{"op": "evidence.record", "id": f"m-{i}", "hash": "sha-256:" + "cd" * 32} for i in range(5)]
ops.insert(3, {"op": "evidence.supersede", "id": "n-0", "replaces": "e-0", "hash": "sha-256:" + "cd" * 32})
status, _, body = node.request("POST", "/v1/transactions", node.sign(*ops), {"Content-Type": "application/jose"})
check(status == 200, body)
events = all_of_it.wait(26)
check([e["id"] for _, e in events[20:]] == [f"20.{i}" for i in range(6)], "one an op, in order")
check(picky.wait(1)[0][1]["type"] == "evidence.supersede", "a filter by type")
status, _, body = node.request("POST", "/v1/transactions", node.sign(ops[0]), {"Content-Type": "application/jose"})
check(status == 422, body)
check(picky.wait(2)[1][1]["data"]["problem"] == "urn:qifeng:problem:exists", "refusals are events")
until("all is delivered", lambda: health(node, "all")[0]["state"] == "idle")
hook, whole = health(node, "all")
check(hook["position"] == 22 and hook["lag"] == 0 and hook["last_status"] == 200 and
      hook["delivered"] == 27 and whole["status"] == "ok", hook)
until("a position passes what is not wanted", lambda: health(node, "picky")[0]["position"] == 22)
check(health(node, "slow")[0]["state"] in ("delivering", "waiting"), "and the slow one waits")
metrics = node.get("/metrics")[2].decode()
check('qifeng_webhook_delivered_total{webhook="all"} 27\n' in metrics and
      'qifeng_webhook_lag_entries{webhook="all"} 0\n' in metrics, metrics)
slow.gate.set()
slow.wait(26)
check(slow.names() == all_of_it.names()[:26], "it gets the same, later")

# Failures: tried again with growing pauses, the same id, nothing behind it goes first.
seen = len(all_of_it.seen)
all_of_it.answers = [(302, {"Location": picky.url}), (503, {"Retry-After": "2"})]
node.record("f-0")
node.record("f-1")
until("it says so", lambda: health(node, "all")[0]["state"] == "waiting")
hook, whole = health(node, "all")
check(hook["lag"] == 2 and "answered" in hook["detail"] and hook["next"] > 0, hook)
events = all_of_it.wait(29)
check([e["data"]["op"]["id"] for _, e in events[27:]] == ["f-0", "f-1"], "in order after failures")
tries = all_of_it.seen[seen:]
check(len({t[0] for t in tries[:3]}) == 1, "a repeat has the same id")
pauses = [b[2] - a[2] for a, b in zip(tries, tries[1:3])]
check(pauses[0] >= 0.45 and pauses[1] >= 1.9, f"pauses: {pauses}")
check(len(picky.taken) == 2, "redirects are not followed")
check(len({t[3]["webhook-signature"] for t in tries[:3]}) > 1, "each attempt has its own time")

# A kill in the middle: all comes, in order, and what comes twice has the same id.
for i in range(30):
    node.record(f"k-{i}")
    if i == 15:
        node.stop(hard=True)
        node.start()
until("all comes", lambda: "k-29" in all_of_it.names())
names = [n for n in all_of_it.names() if n and n.startswith("k-")]
unique = list(dict.fromkeys(names))
check(unique == [f"k-{i}" for i in range(30)], f"after a kill: {names}")
for name in set(names):
    ids = {i for i, e in all_of_it.taken if e["data"].get("op", {}).get("id") == name}
    check(len(ids) == 1, "a repeat is known by its id")
until("all is delivered again", lambda: health(node, "all")[0]["lag"] == 0)

# A clean stop repeats nothing.
before, taken = len(all_of_it.seen), len(all_of_it.taken)
node.stop()
node.start()
node.record("s-0")
all_of_it.wait(taken + 1)
check(len(all_of_it.seen) == before + 1, "nothing comes again after a clean stop")

# 410 disables, for good: a restart does not forget it; the operator has it go on.
picky.answers = [(410, {})]
node.request("POST", "/v1/transactions", node.sign(ops[0]), {"Content-Type": "application/jose"})
until("it is disabled", lambda: health(node, "picky")[0]["state"] == "disabled")
hook, whole = health(node, "picky")
check(whole["status"] == "degraded" and "410" in hook["detail"] and
      whole["problems"][0]["field"] == "webhooks.picky", whole)
check("url" not in hook and "127.0.0.1" not in json.dumps(whole), "health does not tell addresses")
node.stop()
node.start()
node.request("POST", "/v1/transactions", node.sign(ops[0]), {"Content-Type": "application/jose"})
until("another one has it", lambda: health(node, "all")[0]["lag"] == 0)
check(health(node, "picky")[0]["state"] == "disabled" and len(picky.taken) == 2, "after a restart")
check('qifeng_webhook_disabled{webhook="picky"} 1\n' in node.get("/metrics")[2].decode(), "metrics")
check("disabled by" not in node.errors() and "webhook picky: disabled" in node.errors(), "the log says it")
listed = json.loads(run(QIFENG, "webhook", "list", node.dir, "--json"))
check(listed["running"] and [i["disabled"] for i in listed["items"]] == [False, True, False], listed)
check(listed["items"][0]["url"] == all_of_it.url, "no query")
text = run(QIFENG, "webhook", "list", node.dir).decode()
check("disabled: the receiver answered 410" in text and "v1 (1 secret)" in text, text)
text = run("sh", "-c", f"'{QIFENG}' doctor '{node.dir}' --json || true").decode()
found = {f["detail"].split()[0]: f for f in json.loads(text)["findings"] if f["check"] == "webhooks"}
check(found["picky"]["status"] == "bad" and "webhook enable" in found["picky"]["cure"] and
      found["all"]["status"] == "ok", found)
done = json.loads(run(QIFENG, "webhook", "enable", node.dir, "picky", "--json"))
check(done["done"], done)
check([e["data"]["code"] for _, e in picky.wait(4)[2:]] == [14, 14], "nothing was lost")
run(QIFENG, "webhook", "enable", node.dir, "nobody", good=False)
run(QIFENG, "webhook", "enable", node.dir, "picky", "--from", "999999", good=False)
count = len(picky.taken)
run(QIFENG, "webhook", "enable", node.dir, "picky", "--from", "20")
check([e["id"] for _, e in picky.wait(count + 2)[count:]] == ["20.3", "21.0"], "from an entry on, again")

# Trying out; secrets; rotation without a restart.
done = json.loads(run(QIFENG, "webhook", "test", node.dir, "all", "--json"))
check(done["status"] == 200 and all_of_it.taken[-1][1]["type"] == "qifeng.webhook.test", done)
all_of_it.answers = [(500, {})]
run(QIFENG, "webhook", "test", node.dir, "all", good=False)
fresh = os.urandom(32)
run(QIFENG, "webhook", "secret", node.dir / "hook.secret", good=False)
run(QIFENG, "webhook", "secret", node.dir / "hook.secret", "--add")
lines = (node.dir / "hook.secret").read_text(encoding="utf-8").splitlines()
check(len(lines) == 2 and stat.S_IMODE((node.dir / "hook.secret").stat().st_mode) == 0o600, "two secrets")
both = len(all_of_it.taken)
for secret in (SECRET, base64.b64decode(lines[1].removeprefix("whsec_"))):
    all_of_it.secret = secret
    node.record("r-" + secret.hex()[:8])
    both += 1
    all_of_it.wait(both)
secret_file(node.dir / "hook.secret", fresh)
all_of_it.secret = picky.secret = fresh
node.record("r-new")
all_of_it.wait(both + 1)
(node.dir / "hook.secret").chmod(0o644)
node.record("r-open")
until("a secret that others can read is not used", lambda: health(node, "all")[0]["failures"] > 0)
text = run(QIFENG, "webhook", "list", node.dir).decode()
check("can be read by others" in text and "whsec_" not in text, text)
(node.dir / "hook.secret").chmod(0o600)
run(QIFENG, "webhook", "enable", node.dir, "all")
until("and again when it is private", lambda: "r-open" in all_of_it.names())
everything = (node.errors() + json.dumps(health(node, "all")[1]) +
              "".join(p.read_text() for p in (node.dir / "webhooks").iterdir()))
for secret in (SECRET, fresh):
    check(base64.b64encode(secret).decode() not in everything, "secrets stay where they are")

# With the node stopped, a request waits for its start.
node.stop()
done = json.loads(run(QIFENG, "webhook", "enable", node.dir, "picky", "--from", "0", "--json"))
check(not done["done"], done)
count = len(picky.taken)
node.start()
check(picky.wait(count + 1)[count][1]["id"] == "20.3", "from the beginning, once it runs")
run(QIFENG, "webhook", "enable", node.dir, "picky", "--from", "now")

# A stop does not wait for a receiver that hangs, and one that says nonsense harms nothing.
all_of_it.slow_s = 30
asked = all_of_it.asked
node.record("h-0")
until("it hangs", lambda: all_of_it.asked > asked)
started = time.monotonic()
node.stop()
check(time.monotonic() - started < 10, "a stop is quick")
for receiver in (all_of_it, picky, slow):
    receiver.close()
