#!/usr/bin/env python3
"""A node whose checkpoints are time-stamped: by its own authority, by the openssl program as a foreign one, by a
hostile one; stamped again before a certificate ends, with a clock that is moved; and what openssl says of the files.
Arguments: qifeng, the clock to preload."""
import base64
import json
import os
import shutil
import subprocess
import time

from authority import Authority
from moved_clock import DAY, FILE, move
from node import QIFENG, Node, check, run, work


def wait(what, condition, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    check(False, what)


def health(node):
    return node.json("/v1/health")


def stamps(node):
    return node.json("/v1/stamps")["items"]


def openssl_accepts(node, name, text, ca, at=None, good=True):
    folder = node.dir / "log/stamp"
    run("openssl", "ts", "-verify", "-data", folder / text, "-in", folder / f"{name}.tsr", "-CAfile", ca,
        *(["-attime", str(at)] if at else []), good=good)


def bundle_of(node, ident, name, *more):
    path = work / name
    run(QIFENG, "bundle", ident, "--node", node.url, "-o", path, *more)
    return path


def qifeng(*args, code=0, says=""):
    done = subprocess.run([QIFENG, *map(str, args)], capture_output=True, text=True, check=False)
    check(done.returncode == code and says in done.stdout + done.stderr,
          f"{args}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


# ---- its own authority ----

own = Node("own")
own.settings("stamps:\n  tsa: own\n  every: 1s\n")
own.start()
check(health(own)["stamps"]["state"] == "waiting" and stamps(own) == [], "an empty log has none")
own.record("a")
wait("the first stamp", lambda: len(stamps(own)) == 1)
check(stamps(own)[0]["size"] == 1 and "time-stamps" in stamps(own)[0]["authority"], str(stamps(own)))
openssl_accepts(own, "1", "1.note", own.dir / "keys/ca.crt")
token = json.loads(own.get("/v1/stamps/1")[2])["token"]
(work / "own.der").write_bytes(base64.b64decode(token))
shown = run("openssl", "ts", "-reply", "-token_in", "-in", work / "own.der", "-token_out", "-text").decode()
serial = shown.split("Serial number: 0x")[1].split("\n")[0].lower()
record = own.json(f"/v1/evidence/timestamp/{serial}")
check(record["actor"] == "clock" and record["leaf"] == 1, f"the token's hash is on the ledger: {record}")
time.sleep(2.5)
check([item["size"] for item in stamps(own)] == [1], "that record alone is no growth")
own.stop()
shutil.copytree(own.dir, work / "early")
own.start()
own.record("b")
wait("the second", lambda: len(stamps(own)) == 2)
check([item["size"] for item in stamps(own)] == [1, 3], f"{stamps(own)}")
for name in ("1.note", "1.tsr", "3.note", "3.tsr"):
    status, headers, body = own.get(f"/stamp/{name}")
    check(status == 200 and body == (own.dir / "log/stamp" / name).read_bytes(), f"{name} is served as it is")
    check("immutable" in headers["Cache-Control"], "and may be kept")
for name in ("2.note", "1.txt", "../checkpoint", "renewal-1.txt", "request", "%2e%2e/checkpoint"):
    check(own.get(f"/stamp/{name}")[0] == 404, f"{name} is not there")
for size in ("2", "0", "x", "01", "99999999999999999999"):
    check(own.get(f"/v1/stamps/{size}")[0] == 404, f"no stamp {size}")
page = own.json("/v1/stamps?limit=1")
check(page["items"][0]["size"] == 1 and own.json(f"/v1/stamps?cursor={page['next']}")["items"][0]["size"] == 3,
      "pages")
note = own.dir / "log/stamp/1.note"
good = note.read_bytes()
note.write_bytes(good.replace(b"own\n1\n", b"own\n2\n"))
openssl_accepts(own, "1", "1.note", own.dir / "keys/ca.crt", good=False)
note.write_bytes(good)
own.stop()
own.start()
wait("found again after a restart", lambda: health(own)["stamps"]["size"] == 3)
metrics = own.get("/metrics")[2].decode()
check("\nqifeng_stamps 2\n" in metrics and "\nqifeng_stamp_failures 0\n" in metrics, "metrics")
own.stop()
# An old copy of the log beside the newest time-stamps: entries were lost, and everybody is told.
shutil.rmtree(work / "early/log/stamp")
shutil.copytree(own.dir / "log/stamp", work / "early/log/stamp")
qifeng("audit", work / "early", code=1, says="stamp/3.note: the log has only 2 entries")
early = Node.__new__(Node)
early.name, early.dir, early.process, early.listen = "early", work / "early", None, "127.0.0.1:0"
early.start()
wait("entries were lost", lambda: "entries were lost" in health(early)["stamps"].get("detail", ""))
for n in range(3):
    last = early.record(f"again/{n}")["id"]
ident = early.json("/v1/transactions?cursor=2&limit=1")["items"][0]["id"]
check("stamped" not in json.loads(bundle_of(early, ident, "early.qfb").read_bytes()), "no proof of another history")
qifeng("verify", work / "early.qfb", "--trust", own.dir / "genesis.json")
early.stop()
qifeng("audit", work / "early", code=1, says="stamp/3.note")

# Suite gm: the token is P-256's under an SM2 authority.
gm = Node("gm", suite="gm")
gm.settings("stamps: {tsa: own, every: 1s}\n")
gm.start()
ident = json.loads(gm.request("POST", "/v1/transactions", gm.sign(
    {"op": "evidence.record", "id": "a", "hash": "sm3:" + "ab" * 32}), {"Content-Type": "application/jose"})[2])["id"]
wait("a stamp in suite gm", lambda: len(stamps(gm)) == 1)
qifeng("verify", bundle_of(gm, ident, "gm.qfb", "--stamped"), "--trust", gm.dir / "genesis.json", "--tsa-ca",
       gm.dir / "keys/ca.crt", says="existed  before")
qifeng("verify", work / "gm.qfb", "--trust", gm.dir / "genesis.json", "--tsa-ca", gm.dir / "keys/tsa-ca.crt",
       says="existed  before")
gm.stop()
qifeng("audit", gm.dir, says="1 time-stamped checkpoints")

# ---- a foreign one, and how it may answer ----

tsa = Authority(work / "tsa")
tsa.certify("first", 100)
node = Node("alpha")
SETTINGS = f"stamps: {{tsa: '{tsa.url}', ca: '{tsa.root}', every: 2s, renew: 30d}}\n"
plain = (node.dir / "node.yaml").read_text()
for wrong, told in (("tsa: own2", "stamps.tsa"), (f"tsa: '{tsa.url}'", "ca is missing"),
                    (f"tsa: '{tsa.url}', ca: /nowhere", "stamps.ca"), ("every: 1h", "tsa is missing"),
                    (f"tsa: '{tsa.url}', ca: '{tsa.root}', every: 5", "unit"),
                    (f"tsa: '{tsa.url}', ca: '{tsa.root}', renew: 4000d", "3650d")):
    (node.dir / "node.yaml").write_text(plain + f"stamps: {{{wrong}}}\n")
    done = subprocess.run([QIFENG, "node", node.dir, "--listen", "127.0.0.1:0"],
                                        capture_output=True, timeout=20, check=False)
    check(done.returncode != 0 and told in done.stderr.decode(), f"{wrong}: {done.stderr.decode()}")
(node.dir / "node.yaml").write_text(plain)
node.settings(SETTINGS)
qifeng("doctor", node.dir, says="none was made yet")
node.start()
first = node.record("before")["id"]
wait("the foreign stamp", lambda: len(stamps(node)) == 1)
check(stamps(node)[0]["authority"] == "CN=first", str(stamps(node)))
openssl_accepts(node, "1", "1.note", tsa.root)
openssl_accepts(node, "1", "1.note", own.dir / "keys/ca.crt", good=False)
time.sleep(2.5)
asked_once = tsa.asked
check(asked_once == 1, f"a log at rest is not stamped again: {tsa.asked}")

# A bundle says since when the record is there, with the roots of the authority.
GENESIS = ("--trust", node.dir / "genesis.json")
TSA = ("--tsa-ca", tsa.root)
bundle = bundle_of(node, first, "first.qfb", "--stamped")
qifeng("verify", bundle, *GENESIS, says="not checked,")
out = qifeng("verify", bundle, *GENESIS, *TSA, says="says time-stamp authority CN=first")
check("existed  before 20" in out, out)
report = json.loads(qifeng("verify", bundle, *GENESIS, *TSA, "--json"))["stamp"]
check(report["checked"] and report["log_size"] == 1 and report["renewals"] == 0 and
      report["time"] == stamps(node)[0]["time"], f"{report}")
qifeng("verify", bundle, *GENESIS, "--tsa-ca", own.dir / "keys/ca.crt", code=1, says="unknown issuer")
qifeng("verify", bundle, *GENESIS, "--tsa-ca", work / "nothing", code=3)
move(101 * DAY)
qifeng("verify", bundle, *GENESIS, *TSA, code=4, says="has ended")
move(0)
fresh = node.record("fresh")["id"]
unstamped = bundle_of(node, fresh, "fresh.qfb")
if "stamped" not in json.loads(unstamped.read_bytes()):
    qifeng("verify", unstamped, *GENESIS)
    qifeng("verify", unstamped, *GENESIS, *TSA, code=4, says="--stamped")
wait("the next", lambda: len(stamps(node)) == 2)
second = bundle_of(node, fresh, "second.qfb", "--stamped")
qifeng("verify", second, *GENESIS, *TSA, says="log of 2")
plain_bundle, later = json.loads(bundle.read_bytes()), json.loads(second.read_bytes())


def spoilt(change, says, code=1, base=later):
    changed = json.loads(json.dumps(base))
    change(changed["stamped"])
    path = work / "spoilt.qfb"
    path.write_text(json.dumps(changed, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
    return qifeng("verify", path, *GENESIS, *TSA, code=code, says=says)


der = bytearray(base64.b64decode(later["stamped"]["token"]))
der[-1] ^= 1
spoilt(lambda s: s.update(token=base64.b64encode(der).decode()), "stamped.links[0].token")
spoilt(lambda s: s.update(token=plain_bundle["stamped"]["token"]), "it is over other bytes")
spoilt(lambda s: s.update(token="!"), "stamped.token")
spoilt(lambda s: s.update(checkpoint=plain_bundle["stamped"]["checkpoint"]), "stamped.checkpoint")
spoilt(lambda s: s.update(checkpoint=s["checkpoint"].replace("alpha\n2\n", "alpha\n1\n")), "stamped.checkpoint")
spoilt(lambda s: s.update(checkpoint=s["checkpoint"].replace("alpha\n2\n", "beta\n2\n")), "another network")
spoilt(lambda s: s.update(proof=[]), "stamped.proof")
spoilt(lambda s: s.update(consistency=s["proof"] * 3), "stamped.consistency")
spoilt(lambda s: s.update(more=1), "stamped: want checkpoint")
spoilt(lambda s: s.pop("renewals"), "stamped: want checkpoint")
spoilt(lambda s: s.update(renewals=[{}]), "stamped.renewals[0]")
spoilt(lambda s: s.update(renewals=[{"index": 0, "proof": [], "text": "x", "token": s["token"]}]), "stamped.links[1]")

# The folder, audited: a token for a forged checkpoint is good, and not of this log.
qifeng("audit", node.dir, says="2 time-stamped checkpoints are of this log")
qifeng("stamp", "verify", node.dir, says="VALID: 2 time-stamps")
check(json.loads(qifeng("stamp", "list", node.url, "--json"))["items"] ==
      json.loads(qifeng("stamp", "list", node.dir, "--json"))["items"] == stamps(node), "lists agree")
qifeng("doctor", node.dir, says="the newest is of 2 entries")
copy = work / "copy"
shutil.copytree(node.dir, copy)
forged = (copy / "log/stamp/2.note").read_text().split("\n")
forged[2] = base64.b64encode(b"x" * 32).decode()
(copy / "log/stamp/2.note").write_text("\n".join(forged))
qifeng("stamp", "verify", copy, code=1, says="stamp/2.tsr: token: it is over other bytes")
qifeng("audit", copy, code=1, says="stamp/2.tsr")
run("openssl", "ts", "-query", "-data", copy / "log/stamp/2.note", "-sha256", "-cert", "-out", work / "forged.tsq")
(copy / "log/stamp/2.tsr").write_bytes(tsa.reply((work / "forged.tsq").read_bytes()))
qifeng("stamp", "verify", copy, says="VALID")
qifeng("audit", copy, code=1, says="stamp/2.note: its root is not that of the entries")
shutil.copy(node.dir / "log/stamp/2.note", copy / "log/stamp/2.note")
shutil.copy(node.dir / "log/stamp/2.tsr", copy / "log/stamp/2.tsr")
qifeng("audit", copy, "--tsa-ca", own.dir / "keys/ca.crt", code=1, says="unknown issuer")
(copy / "log/stamp/1.tsr").unlink()
qifeng("audit", copy, says="1 time-stamped checkpoints")

asked_before = tsa.asked
qifeng("stamp", "now", node.dir, says="the newest covers 2 entries")
check(tsa.asked == asked_before, "nothing new, nothing asked")
qifeng("stamp", "now", copy, code=3, says="does not run")
tsa.mode = "error"
node.record("wanted-now")
qifeng("stamp", "now", node.dir, code=1, says="answers 500")
tsa.mode = "good"
qifeng("stamp", "now", node.dir, says="the newest covers 3 entries")

other = Authority(work / "other")
other.certify("first", 100)
expected = {"error": "answers 500", "page": "content type text/html", "garbage": "TimeStampResp",
            "flood": "stamps.tsa", "old": "over something else", "refusing": "refused with status 2"}
for mode, told in expected.items():
    tsa.mode = mode
    node.record(f"while {mode}".replace(" ", "-"))
    wait(f"{mode} is told", lambda: told in health(node)["stamps"].get("detail", ""))
    check(len(list((node.dir / "log/stamp").glob("*.tsr"))) == len(stamps(node)), "and nothing kept")
    before = len(stamps(node))
    tsa.mode = "good"
    wait(f"works again after {mode}", lambda: len(stamps(node)) == before + 1)
    check(health(node)["stamps"]["state"] == "good" and "detail" not in health(node)["stamps"], "good again")
    time.sleep(1)

# Signed by a root that the operator does not trust; by a certificate for something else.
tsa.answer, kept = other.answer, tsa.answer
node.record("foreign-root")
wait("a foreign root", lambda: "unknown issuer" in health(node)["stamps"].get("detail", ""))
wait("is a problem of the node", lambda: any("unknown issuer" in p["detail"] for p in health(node)["problems"]))
check(health(node)["status"] == "degraded" and health(node)["ordering"], "transactions go on")
tsa.answer = kept
before = len(stamps(node))
wait("works again", lambda: len(stamps(node)) == before + 1)
# The authority's clock is a day off.
tsa.mode = "error"
node.record("another-day")
(work / "elsewhere").write_text(str(DAY))
os.environ["CLOCK_OFFSET_FILE"] = str(work / "elsewhere")
tsa.mode = "good"
wait("another clock", lambda: "s ahead of this node" in health(node)["stamps"].get("detail", ""))
os.environ["CLOCK_OFFSET_FILE"] = str(FILE)
before = len(stamps(node))
wait("works again", lambda: len(stamps(node)) == before + 1)
other.stop()

# ---- stamped again before the certificate ends ----

sizes = [item["size"] for item in stamps(node)]
renewal = node.dir / "log/stamp/renewal-1.txt"
start = int(time.time())
move(71 * DAY)
wait("the authority has no later certificate", lambda: health(node)["stamps"]["state"] == "ending")
check(any("its operator must renew it" in p["detail"] for p in health(node)["problems"]), "a problem")
check(not renewal.exists(), "a renewal that ends no later is not kept")
tsa.certify("second", 200)
wait("the renewal", lambda: health(node)["stamps"]["renewals"] == 1)
check(health(node)["stamps"]["state"] == "good" and health(node)["problems"] == [], f"good: {health(node)}")
text = renewal.read_text().split("\n")
check(text[:4] == ["qifeng stamp renewal v1", "alpha", "1", str(len(sizes))], f"{text}")
openssl_accepts(node, "renewal-1", "renewal-1.txt", tsa.root)
listed = [int(line.split()[0]) for line in (node.dir / "log/stamp/renewal-1.list").read_text().splitlines()]
check(listed == sizes, f"{listed} {sizes}")
chain = node.json(f"/v1/stamps/{sizes[0]}")
check(len(chain["renewals"]) == 1 and chain["renewals"][0]["authority"] == "CN=second", str(chain["renewals"]))
node.stop()
node.start()
node.record("after")
wait("a stamp by the second", lambda: stamps(node)[-1]["authority"] == "CN=second")

# After the first certificate's end its tokens are nothing by themselves.
move(120 * DAY)
openssl_accepts(node, "1", "1.note", tsa.root, good=False)
openssl_accepts(node, "1", "1.note", tsa.root, at=start)
openssl_accepts(node, "renewal-1", "renewal-1.txt", tsa.root)
bundle = bundle_of(node, first, "renewed.qfb")
out = qifeng("verify", bundle, *GENESIS, *TSA, says="says time-stamp authority CN=first")
check("renewed 1 time, last by CN=second" in out, out)
renewed = json.loads(bundle.read_bytes())
spoilt(lambda s: s["renewals"][0].update(index=1), "stamped.links[1].proof", base=renewed)
spoilt(lambda s: s["renewals"][0].update(text=s["renewals"][0]["text"].replace("\n1\n", "\n2\n")),
       "stamped.links[1]", base=renewed)
spoilt(lambda s: s["renewals"][0].update(token=s["token"]), "stamped.links[1].token", base=renewed)
spoilt(lambda s: s.update(renewals=[]), "has ended", code=4, base=renewed)
qifeng("stamp", "verify", node.dir, says="VALID")
qifeng("audit", node.dir, says="with 1 renewals")
move(250 * DAY)
tsa.certify("third", 400)
wait("the second renewal", lambda: health(node)["stamps"]["renewals"] == 2)
lines = (node.dir / "log/stamp/renewal-2.list").read_text().splitlines()
check(lines[0].startswith("renewal 1 ") and len(lines) == 2, f"{lines}")
chain = node.json(f"/v1/stamps/{sizes[0]}")
check([r["authority"] for r in chain["renewals"]] == ["CN=second", "CN=third"], str(chain["renewals"]))
bundle = bundle_of(node, first, "twice.qfb")
report = json.loads(qifeng("verify", bundle, *GENESIS, *TSA, "--json"))["stamp"]
check(report["renewals"] == 2 and report["authority"] == "CN=first" and report["ended"] == 0, f"{report}")
check(report["time"] == stamps(node)[0]["time"], "the first time is still shown")
qifeng("audit", node.dir, says="with 2 renewals")
list_file = node.dir / "log/stamp/renewal-1.list"
kept = list_file.read_text()
list_file.write_text(kept.replace(kept.split()[1][:8], "AAAAAAAA", 1))
qifeng("audit", node.dir, code=1, says="renewal-1.list")
list_file.write_text(kept)
(node.dir / "log/stamp/renewal-1.tsr").rename(work / "lost.tsr")
qifeng("audit", node.dir, code=1, says="renewal")
(work / "lost.tsr").rename(node.dir / "log/stamp/renewal-1.tsr")
node.stop()
move(660 * DAY)
qifeng("stamp", "verify", node.dir, code=4, says="ENDED")
qifeng("verify", bundle, *GENESIS, *TSA, code=4, says="has ended")
move(0)
tsa.stop()
