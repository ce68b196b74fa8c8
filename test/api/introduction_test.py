#!/usr/bin/env python3
"""Nodes whose keys genesis does not name: a member admitted by vote, one that he admits in turn, a key that was
changed. Their bundles verify from genesis.json alone; spoilt ones, and ones of a fork, do not. Arguments: qifeng, bundle-flip."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

from node import QIFENG, Node, check, run, work

FLIP = os.path.abspath(sys.argv[2])
JOSE = {"Content-Type": "application/jose"}


def qifeng(*args, code=0, says=""):
    done = subprocess.run([QIFENG, *map(str, args)], capture_output=True, text=True, check=False)
    check(done.returncode == code and says in done.stdout + done.stderr,
          f"{args}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


def note_key(name):
    """Makes a note key; its verifier key."""
    shown = json.loads(run(QIFENG, "key", "create", work / f"{name}.note", "--log", name, "--no-passphrase",
                           "--json"))
    return shown["vkey"]


def actor_key(name):
    run(QIFENG, "key", "create", work / f"{name}.pem", "--no-passphrase")
    return json.loads(run(QIFENG, "key", "show", work / f"{name}.pem", "--json"))["jwk"]


def send(node, key, *ops):
    jws = run(QIFENG, "tx", "sign", "--key", key, "--network", "alpha", "-", stdin=json.dumps(ops).encode()).strip()
    status, _, body = node.request("POST", "/v1/transactions", jws, JOSE)
    check(status == 200, f"{ops}: {status} {body}")
    return json.loads(body)


def vote(node, name, action, *keys):
    send(node, keys[0], {"op": "consortium.propose", "proposal": name, "action": action})
    for key in keys:
        if node.json(f"/v1/proposals/{name}")["status"] == "open":
            send(node, key, {"op": "consortium.vote", "proposal": name, "choice": "yes"})
    check(node.json(f"/v1/proposals/{name}")["status"] == "passed", f"{name} passed")


def handed_over(node, name, key, introductions):
    """The log goes on under another node: a copy of the folder, with a key of its own."""
    other = Node.__new__(Node)
    other.name, other.dir, other.process, other.listen = name, work / name, None, "127.0.0.1:0"
    shutil.copytree(node.dir, other.dir)
    shutil.copy(work / f"{key}.note", other.dir / "keys/note.pem")
    text = "".join(line for line in (other.dir / "node.yaml").read_text().splitlines(keepends=True)
                   if not line.startswith("introductions"))
    if introductions:
        text += f"introductions: [{', '.join(str(work / i) for i in introductions)}]\n"
    (other.dir / "node.yaml").write_text(text)
    return other


def bundle(node, ident, name):
    run(QIFENG, "bundle", ident, "--node", node.url, "-o", work / name)
    return work / name


def member(node, ident, name):
    run(QIFENG, "bundle", "--member", ident, "--node", node.url, "-o", work / name)
    return work / name


alpha = Node("alpha").start()
TRUST = ("--trust", alpha.dir / "genesis.json")
admin = alpha.dir / "keys/admin.pem"
alpha.record("first")
alpha.stop()
before = work / "before"
shutil.copytree(alpha.dir, before)
alpha.start()
court_key, uni_key = note_key("court"), note_key("uni")
vote(alpha, "court", {"do": "member.admit", "id": "court", "kind": "court", "name": "法院", "weight": 1,
                      "note_keys": [court_key], "admin": {"actor": "clerk", "key": actor_key("court")}}, admin)
intro = member(alpha, "court", "court.qfb")
qifeng("verify", intro, *TRUST, says="record   consortium/trust/court")
check(alpha.get("/v1/bundles/member/nobody")[0] == 404, "no such member")
alpha.record("between")
alpha.stop()

# The court's node goes on. Without an introduction readers of genesis cannot tell.
bare = handed_over(alpha, "bare", "court", [])
bare.start()
qifeng("verify", bundle(bare, send(bare, work / "court.pem", {
    "op": "evidence.record", "id": "x", "hash": "sha-256:" + "ab" * 32})["id"], "bare.qfb"), *TRUST, code=4,
    says="no node has signed it that genesis or an introduction")
qifeng("doctor", bare.dir, code=1, says="no note key that genesis or an introduction names")
bare.stop()
court = handed_over(alpha, "court", "court", ["court.qfb"]).start()
sent = send(court, work / "court.pem", {"op": "evidence.record", "id": "y", "hash": "sha-256:" + "cd" * 32})
good = bundle(court, sent["id"], "good.qfb")
out = qifeng("verify", good, *TRUST, says="VALID")
check("clerk of court" in out and "signed   by node court" in out and "key      of a node of court" in out, out)
report = json.loads(qifeng("verify", good, *TRUST, "--json"))
check(report["signers"] == ["court"] and [i["member"] for i in report["introduced"]] == ["court"], f"{report}")
qifeng("verify", good, says="taken from the file")
qifeng("doctor", court.dir, says="under a key that is introduced")
court.record("more")
court.stop()
qifeng("audit", court.dir, says="by 1 node key that the log itself names")
court.start()

# ---- spoilt ----

flipped = subprocess.run([FLIP, good, alpha.dir / "genesis.json"], capture_output=True, text=True, check=False)
check(flipped.returncode == 0, f"every byte, changed in several ways: {flipped.stderr}")

whole = json.loads(good.read_bytes())


def spoilt(change, says, code=1):
    changed = json.loads(json.dumps(whole))
    change(changed, changed["introductions"][0])
    path = work / "spoilt.qfb"
    path.write_text(json.dumps(changed, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
    return qifeng("verify", path, *TRUST, code=code, says=says)


spoilt(lambda f, i: f.pop("introductions"), "no node has signed it", code=4)
spoilt(lambda f, i: f.update(introductions=[]), "want 1 to 8")
spoilt(lambda f, i: f.update(introductions=[i] * 9), "want 1 to 8")
spoilt(lambda f, i: i.update(more=1), "introductions[0]: want")
spoilt(lambda f, i: i.pop("trust"), "introductions[0]")
spoilt(lambda f, i: i.update(checkpoint=f["checkpoint"]), "introductions[0].checkpoint", code=4)  # by the key itself
spoilt(lambda f, i: i.update(checkpoint=i["checkpoint"].replace("alpha\n", "beta\n", 1)), "another network")
spoilt(lambda f, i: i.update(checkpoint=i["checkpoint"][:-6] + "AAA=\n"), "introductions[0].checkpoint")
spoilt(lambda f, i: i.update(consistency=[]), "introductions[0].consistency")
spoilt(lambda f, i: i["trust"].update(value=i["trust"]["value"].replace("court+", "cours+")), "introductions[0].trust")
spoilt(lambda f, i: i["member"].update(value=i["member"]["value"].replace("active", "passive")),
       "introductions[0].member")
spoilt(lambda f, i: i.update(trust=i["member"]), "introductions[0].trust: it proves another record")
spoilt(lambda f, i: i.update(member=i["trust"]), "introductions[0].member: it proves another record")
spoilt(lambda f, i: i["trust"]["siblings"].append(base64.b64encode(b"x" * 32).decode()), "introductions[0].trust")
# Keys and standing of two members do not mix.
alpha_intro = json.loads(member(court, "m-alpha", "m-alpha.qfb").read_bytes())
records = {r["key"]: r for r in alpha_intro["records"]}
check(set(records) == {"consortium/member/m-alpha", "consortium/trust/m-alpha"}, "a member of genesis has one too")
spoilt(lambda f, i: i.update(member=records["consortium/member/m-alpha"]), "introductions[0].member")

# Somebody with the introduced key forks the log from before it: what was before cannot be changed.
old = Node.__new__(Node)
old.name, old.dir, old.process, old.listen = "old", before, None, "127.0.0.1:0"
fork = handed_over(old, "fork", "court", ["court.qfb"]).start()
forged = [fork.record(f"forged/{n}")["id"] for n in range(9)]
status, _, body = fork.get(f"/v1/transactions/{forged[0]}/bundle")
check(status >= 400 and b"does not continue" in body, f"the node sees it itself: {status} {body}")
fork.stop()
(fork.dir / "node.yaml").write_text((fork.dir / "node.yaml").read_text().replace("introductions", "# introductions"))
fork.start()
whole = json.loads(bundle(fork, forged[0], "fork.qfb").read_bytes())
fork.stop()
for size in (1, 2, 3):  # and lies
    whole["introductions"] = json.loads(good.read_bytes())["introductions"]
    whole["introductions"][0]["consistency"] = [base64.b64encode(bytes([size]) * 32).decode()] * size
    spoilt(lambda f, i: None, "introductions[0].consistency")
shutil.copy(work / "good.qfb", work / "forged.qfb")

# ---- one after another ----

vote(court, "uni", {"do": "member.admit", "id": "uni", "kind": "auditor", "name": "University", "weight": 1,
                    "note_keys": [uni_key], "admin": {"actor": "auditor", "key": actor_key("uni")}},
     admin, work / "court.pem")
member(court, "uni", "uni.qfb")
qifeng("verify", work / "uni.qfb", *TRUST, says="key      of a node of court")
court.stop()
for wrong, says in ((["court.qfb", "good.qfb"], "not the bundle of a member"), (["nothing.qfb"], "nothing.qfb"),
                    (["forged.qfb"], "introductions[0]")):
    node = handed_over(court, "wrong", "uni", wrong)
    done = subprocess.run([QIFENG, "node", node.dir, "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                          timeout=20, check=False)
    check(done.returncode != 0 and says in done.stderr, f"{wrong}: {done.stderr}")
    shutil.rmtree(node.dir)
uni = handed_over(court, "uni", "uni", ["uni.qfb"]).start()  # it brings the court's along
last = send(uni, work / "uni.pem", {"op": "evidence.record", "id": "z", "hash": "sha-256:" + "ef" * 32})["id"]
chain = bundle(uni, last, "chain.qfb")
out = qifeng("verify", chain, *TRUST, says="VALID")
check("signed   by node uni" in out and out.count("key      of a node of") == 2, out)
# The verifier in Python that was written from spec/ alone agrees, where its library is there.
READER = pathlib.Path(__file__).resolve().parent.parent.parent / "spec/examples/verify_bundle.py"
python = next((p for p in ("/usr/bin/python3", sys.executable) if os.path.exists(p) and subprocess.run(
    [p, "-c", "import cryptography"], capture_output=True, check=False).returncode == 0), None)


def reads(path, good):
    if python is not None:
        done = subprocess.run([python, READER, path, alpha.dir / "genesis.json"], capture_output=True, text=True,
                              check=False)
        check((done.returncode == 0) == good, f"{path}: {done.stdout}{done.stderr}")


reads(good, True)
reads(chain, True)
reads(work / "bare.qfb", False)
reads(work / "fork.qfb", False)
whole = json.loads(chain.read_bytes())
spoilt(lambda f, i: f["introductions"].pop(0), "introductions[0].checkpoint", code=4)
spoilt(lambda f, i: f["introductions"].reverse(), "introductions[0].checkpoint", code=4)
reads(work / "spoilt.qfb", False)
spoilt(lambda f, i: i.update(consistency=[i["consistency"][0]] * 2), "introductions[0].consistency")
reads(work / "spoilt.qfb", False)

# Who is suspended is introduced by nobody; a key that was changed is introduced like a new one.
vote(uni, "away", {"do": "member.suspend", "member": "court"}, admin, work / "uni.pem",
     work / "court.pem")
qifeng("verify", member(uni, "court", "away.qfb"), *TRUST)
rotated = note_key("rotated")
vote(uni, "rotate", {"do": "member.change", "member": "m-alpha", "note_keys": [rotated]}, admin, work / "uni.pem")
member(uni, "m-alpha", "rotated.qfb")
uni.stop()
node = handed_over(uni, "suspended", "court", ["court.qfb", "uni.qfb", "away.qfb"])
done = subprocess.run([QIFENG, "node", node.dir, "--listen", "127.0.0.1:0"], capture_output=True, text=True,
                      timeout=20, check=False)
check(done.returncode != 0 and "not active" in done.stderr, f"{done.stderr}")
new = handed_over(uni, "new", "rotated", ["court.qfb", "uni.qfb", "rotated.qfb"]).start()
out = qifeng("verify", bundle(new, new.record("after")["id"], "rotated-1.qfb"), *TRUST, says="VALID")
check("signed   by node rotated" in out, out)
new.stop()
qifeng("audit", new.dir, says="that the log itself names")
