#!/usr/bin/env python3
"""Bad input over HTTP: each kind is refused with its documented status, type, field and cure. What
is not ordered leaves log and state as they were; what is ordered leaves its entry and the state as
it was. A good client beside it is served.
Then all of it over and over: memory stays as it is.
Arguments: qifeng, the folder of test data, how many refused requests (default 4,000)."""
import json
import pathlib
import socket
import statistics
import struct
import sys
import threading
import time

from system import Key, Node, network, payload, post, work

DATA = pathlib.Path(sys.argv[2])
REPEATS = int(sys.argv[3]) if len(sys.argv) > 3 else 4000
HASH = "sha-256:" + "00112233" * 8
folder, admin = network()
node = Node(folder)
link = node.connect()
checks = 0
refused = []  # what was refused without being ordered: (body, content type, status)


def record(ident, **more):
    return {"op": "evidence.record", "id": ident, "hash": HASH, **more}


def supersede(ident, replaces, **more):
    return {**record(ident, **more), "op": "evidence.supersede", "replaces": replaces}


def refuse(what, body, status, kind, field=None, ordered=False, content_type="application/jose"):
    """Sends and compares; the log grows by one when the refusal is ordered, else not at all, and
    the state is the same."""
    global checks
    before = node.where()
    got, answer = post(link, body, content_type)
    problem = answer.get("problem", answer)
    name = problem.get("type", "").rsplit(":", 1)[-1]
    if got != status or name != kind or (field is not None and problem.get("field") != field):
        sys.exit(f"{what}: want {status} {kind} at {field}, got {got} {name} at "
                 f"{problem.get('field')}: {problem.get('detail')}")
    if not problem.get("cure") or not problem.get("title"):
        sys.exit(f"{what}: the problem does not say what to do: {problem}")
    after = node.where()
    if after["state_root"] != before["state_root"] or \
            after["log_size"] - before["log_size"] != (1 if ordered else 0) or \
            not ordered and after != before:
        sys.exit(f"{what}: the ledger went from {before} to {after}")
    if not ordered and kind != "unknown-key":  # who is unknown now may be known later
        refused.append((body, content_type, status))
    checks += 1
    return answer


def accept(body):
    status, answer = post(link, body)
    if status != 200 or answer["status"] != "accepted":
        sys.exit(f"should be accepted: {status} {answer}")
    return answer


def spoil(jws):
    head, signature = jws.rsplit(b".", 1)
    return head + b"." + (b"B" if signature[:1] == b"A" else b"A") + signature[1:]


# A good client that goes on all the time: its transactions are made before, sent one by one.
GOOD = 220
prepared = [admin.sign(payload([record(f"good/{i}")], exp=3000)) for i in range(GOOD)]


def good_client(which, waits):
    connection = node.connect()
    for body in which:
        start = time.monotonic()
        status, answer = post(connection, body)
        waits.append(time.monotonic() - start)
        if status != 200 or answer["code"] != 0:
            waits.append(1e9)
        time.sleep(0.01)
    connection.close()


alone = []
good_client(prepared[:60], alone)

# Forms.
bodies = [admin.sign(path.read_bytes()) for path in sorted((DATA / "json").glob("n_*.json"))]
assert len(bodies) > 150
for body in bodies:
    refuse("a JSONTestSuite file", body, 400,
           "over-limit" if len(body) > 60000 else "malformed")
good = payload([record("x")])
for what, text in [("duplicate key", good.replace(b'{"exp":', b'{"exp":1,"exp":')),
                   ("duplicate key in an op", good.replace(b'"hash":', b'"hash":"","hash":')),
                   ("space", good.replace(b'{"exp":', b'{ "exp":')),
                   ("a fraction", good.replace(b'"ops"', b'"o":1.5,"ops"')),
                   ("depth", b"[" * 33 + b"]" * 33),
                   ("invalid UTF-8", good.replace(b'"x"', b'"\xff"'))]:
    refuse(what, admin.sign(text), 400, "malformed" if what != "depth" else "over-limit")
for body in [b"x", b"..", b"a.b", b"a.b.c.d", b"!.!.!"]:
    refuse("not a JWS", body, 400, "malformed")
refuse("no body", b"", 400, "malformed")
refuse("media type", b"{}", 415, "unsupported-media-type", content_type="application/json")

# Headers and fields.
for header, kind in [({"alg": "none", "kid": admin.kid, "typ": "qf-tx"}, "unsupported-algorithm"),
                     ({"alg": "SM2-SM3", "kid": admin.kid, "typ": "qf-tx"}, "unsupported-algorithm"),
                     ({"alg": "ES256", "kid": admin.kid, "typ": "JWT"}, "malformed"),
                     ({"alg": "ES256", "kid": admin.kid, "typ": "qf-tx", "b64": False}, "malformed"),
                     ({"alg": "ES256", "typ": "qf-tx"}, "malformed")]:
    refuse(f"header {header}", admin.sign(good, header), 400, kind)
refuse("wrong network", admin.sign(payload([record("x")], net="other")), 400, "wrong-network", "net")
refuse("no ops", admin.sign(payload([])), 400, "bad-field", "ops")
refuse("a further field", admin.sign(payload([record("x")], more=1)), 400, "bad-field")
for op, kind, field in [
        ({"op": "evidence.forget", "id": "x"}, "unknown-op", "ops[0].op"),
        ({"op": 1}, "bad-field", "ops[0].op"),
        (record(1), "bad-field", "ops[0].id"),
        (record("x" * 129), "bad-field", "ops[0].id"),
        (record("x", size="1"), "bad-field", "ops[0].size"),
        (record("x", size=-1), "bad-field", "ops[0].size"),
        (record("x", hash="sha-256:zz"), "bad-field", "ops[0].hash"),
        (record("x", colour="red"), "bad-field", "ops[0].colour"),
        ({"op": "evidence.record", "id": "x"}, "bad-field", "ops[0].hash")]:
    refuse(f"field {op}", admin.sign(payload([op])), 400, kind, field)
refuse("257 ops", admin.sign(payload([record(f"x{i}") for i in range(257)])), 400, "over-limit", "ops")
refuse("60,001 bytes", admin.sign(payload([record(f"y{i}", source="s" * 2000) for i in range(30)])),
       400, "over-limit")
refuse("expired", admin.sign(payload([record("x")], exp=-1)), 400, "expired", "exp")
refuse("clock behind", admin.sign(payload([record("x")], exp=-7200)), 400, "expired", "exp")
refuse("clock ahead", admin.sign(payload([record("x")], exp=3700)), 400, "expiry-too-far", "exp")

# Keys and rights.
stranger = Key(work / "stranger.pem", create=True)
clerk = Key(work / "clerk.pem", create=True)
refuse("unknown key", stranger.sign(good), 401, "unknown-key", "header.kid")
refuse("bad signature", spoil(admin.sign(good)), 401, "bad-signature", "signature")
refuse("another's signature", stranger.sign(good, {"alg": "ES256", "kid": admin.kid, "typ": "qf-tx"}),
       401, "bad-signature", "signature")
accept(admin.sign(payload([{"op": "identity.key.add", "actor": "clerk", "key": clerk.jwk,
                            "roles": ["recorder"]}])))
accept(clerk.sign(payload([record("clerk/1")])))
refuse("no right", clerk.sign(payload([{"op": "identity.key.revoke", "kid": admin.kid}])), 403,
       "not-allowed", ordered=True)
accept(admin.sign(payload([{"op": "identity.key.revoke", "kid": clerk.kid}])))
refuse("revoked key", clerk.sign(payload([record("clerk/2")])), 401, "key-revoked", "header.kid")
first = admin.sign(payload([record("once")]))
result = accept(first)
again = refuse("a repeat", first, 409, "duplicate")
assert all(again[name] == result[name] for name in ("id", "leaf", "height", "index", "time", "code"))
refuse("an id taken", admin.sign(payload([record("once")])), 422, "exists", "ops[0].id", ordered=True)
refuse("nothing to supersede", admin.sign(payload([{"op": "evidence.supersede", "id": "s", "hash": HASH,
                                                    "replaces": "none"}])), 422, "not-found",
       ordered=True)

# Evidence that is superseded.
accept(admin.sign(payload([record("old")])))
accept(admin.sign(payload([supersede("new", "old")])))
refuse("superseded twice", admin.sign(payload([supersede("newer", "old")])), 422, "wrong-state",
       "ops[0].replaces", ordered=True)
refuse("by itself", admin.sign(payload([supersede("new", "new")])), 422, "exists", "ops[0].id", ordered=True)
refuse("the id of another", admin.sign(payload([supersede("once", "new")])), 422, "exists", "ops[0].id",
       ordered=True)
refuse("not a reference", admin.sign(payload([supersede("s", 7)])), 400, "bad-field", "ops[0].replaces")
refuse("all or nothing", admin.sign(payload([record("first"), record("once")])), 422, "exists",
       "ops[1].id", ordered=True)
accept(admin.sign(payload([record("first")])))

# Subjects and mandates.
SUBJECTS = ["ab" * 16, "cd" * 16, "ef" * 16]
for subject in SUBJECTS[:2]:
    accept(admin.sign(payload([{"op": "identity.subject.register", "subject": subject}])))
for what, subject, kind in [("a name", "Zhang San", "bad-field"), ("too short", "ab" * 15, "bad-field")]:
    refuse(what, admin.sign(payload([{"op": "identity.subject.register", "subject": subject}])), 400,
           kind, "ops[0].subject")
refuse("registered twice", admin.sign(payload([{"op": "identity.subject.register",
                                                "subject": SUBJECTS[0]}])), 422, "exists",
       "ops[0].subject", ordered=True)
merge = {"op": "identity.subject.merge", "subject": SUBJECTS[0], "into": SUBJECTS[1]}
refuse("merged into nobody", admin.sign(payload([{**merge, "into": SUBJECTS[2]}])), 422, "not-found",
       "ops[0].into", ordered=True)
refuse("merged into itself", admin.sign(payload([{**merge, "into": SUBJECTS[0]}])), 422, "bad-field", "ops[0].into",
       ordered=True)
accept(admin.sign(payload([merge])))
refuse("merged twice", admin.sign(payload([merge])), 422, "wrong-state", "ops[0].subject", ordered=True)
accept(admin.sign(payload([{"op": "identity.key.add", "actor": "helper", "key": stranger.jwk,
                            "roles": ["recorder"]}])))
mandate = {"op": "identity.mandate.grant", "mandate": "md", "scope": ["evidence.record"],
           "to_actor": "helper", "to_member": "planning", "until": int(time.time()) + 3600}
refuse("a mandate of one who may not", stranger.sign(payload([mandate])), 403, "not-allowed",
       ordered=True)
refuse("a mandate without scope", admin.sign(payload([{**mandate, "scope": []}])), 400, "bad-field",
       "ops[0].scope")
refuse("a mandate to nobody", admin.sign(payload([{**mandate, "to_actor": "nobody"}])), 422, "not-found",
       "ops[0].to_actor", ordered=True)
refuse("a mandate that has ended", admin.sign(payload([{**mandate, "until": 1}])), 422, "bad-field",
       "ops[0].until", ordered=True)
accept(admin.sign(payload([mandate])))
refuse("a mandate twice", admin.sign(payload([mandate])), 422, "exists", "ops[0].mandate", ordered=True)
refuse("under no mandate", stranger.sign(payload([record("m/1", on_behalf="none")])), 422, "not-found",
       "ops[0].on_behalf", ordered=True)
refuse("under another's mandate", admin.sign(payload([record("m/1", on_behalf="md")])), 403,
       "not-allowed", "ops[0].on_behalf", ordered=True)
accept(stranger.sign(payload([record("m/1", on_behalf="md")])))
refuse("outside its scope", stranger.sign(payload([supersede("m/2", "m/1", on_behalf="md")])), 403,
       "not-allowed", "ops[0].on_behalf", ordered=True)
accept(admin.sign(payload([{"op": "identity.mandate.revoke", "mandate": "md"}])))
refuse("a mandate that was revoked", stranger.sign(payload([record("m/3", on_behalf="md")])), 422,
       "wrong-state", "ops[0].on_behalf", ordered=True)

# Proposals and votes; a second member, which is suspended, with all its keys, at once.
court, judge = (Key(work / f"{name}.pem", create=True) for name in ("court", "judge"))
admit = {"do": "member.admit", "id": "court", "kind": "court", "name": "Court", "weight": 0,
         "admin": {"actor": "root", "key": court.jwk}}
propose = {"op": "consortium.propose", "proposal": "admit", "action": admit}
vote = {"op": "consortium.vote", "proposal": "admit", "choice": "yes"}
refuse("a vote on nothing", admin.sign(payload([vote])), 422, "not-found", "ops[0].proposal", ordered=True)
refuse("no such action", admin.sign(payload([{**propose, "action": {"do": "member.bribe"}}])), 400, "bad-field",
       "ops[0].action.do")
refuse("an action without its fields", admin.sign(payload([{**propose, "action": {"do": "member.admit"}}])),
       400, "bad-field", "ops[0].action.admin")
refuse("no council", stranger.sign(payload([propose])), 403, "not-allowed", ordered=True)
accept(admin.sign(payload([propose])))
refuse("proposed twice", admin.sign(payload([propose])), 422, "exists", "ops[0].proposal", ordered=True)
refuse("neither yes nor no", admin.sign(payload([{**vote, "choice": "maybe"}])), 400, "bad-field",
       "ops[0].choice")
accept(admin.sign(payload([vote])))
refuse("a vote after the decision", admin.sign(payload([vote])), 422, "wrong-state", "ops[0].proposal",
       ordered=True)
accept(court.sign(payload([{"op": "identity.key.add", "actor": "judge", "key": judge.jwk, "roles": []}])))
accept(judge.sign(payload([record("judge/1")])))
refuse("without a quorum", admin.sign(payload([{"op": "consortium.propose", "proposal": "alone", "action": {
    "do": "member.suspend", "member": "planning"}}])), 422, "no-quorum", "ops[0].action", ordered=True)


def decide(name, action):
    accept(admin.sign(payload([{"op": "consortium.propose", "proposal": name, "action": action},
                               {"op": "consortium.vote", "proposal": name, "choice": "yes"}])))


decide("stop", {"do": "member.suspend", "member": "court"})
for key, who in ((court, "its admin"), (judge, "its actor")):
    refuse(f"suspended: {who}", key.sign(payload([record("judge/2")])), 403, "member-suspended",
           "header.kid")
decide("resume", {"do": "member.resume", "member": "court"})
accept(judge.sign(payload([record("judge/2")])))


def in_one_request(first, second, kind):
    """Both pass the checks before ordering, since neither had happened; the second is refused in
    its turn, and is not ordered."""
    global checks
    before = node.log_size()
    connection = node.connect()
    connection.request("POST", "/v1/transactions", first + b"\n" + second,
                       {"Content-Type": "application/jose"})
    a, b = (json.loads(line) for line in connection.getresponse().read().splitlines())
    connection.close()
    if a["status"] != "accepted" or b["status"] != "refused" or "leaf" in b or \
            not b["problem"]["type"].endswith(":" + kind) or b["problem"]["field"] != "header.kid":
        sys.exit(f"{kind}: {a} {b}")
    if node.log_size() != before + 1:
        sys.exit(f"{kind}: the log went from {before} to {node.log_size()}")
    checks += 1


# A revoked key and a suspended member in the block of their end.
spare = Key(work / "spare.pem", create=True)
accept(admin.sign(payload([{"op": "identity.key.add", "actor": "spare", "key": spare.jwk, "roles": []}])))
in_one_request(admin.sign(payload([{"op": "identity.key.revoke", "kid": spare.kid}])),
                 spare.sign(payload([record("spare/1")])), "key-revoked")
in_one_request(
    admin.sign(payload([{"op": "consortium.propose", "proposal": "now", "action": {
        "do": "member.suspend", "member": "court"}},
        {"op": "consortium.vote", "proposal": "now", "choice": "yes"}])),
    judge.sign(payload([record("judge/3")])), "member-suspended")
refuse("suspended in the block before", judge.sign(payload([record("judge/3")])), 403, "member-suspended",
       "header.kid")

# Over and over, beside a good client: nothing grows, and the good one is served.
nobody = Key(work / "nobody.pem", create=True)
refused.append((nobody.sign(good), "application/jose", 401))
refused.append((b"x" * 3_000_000, "application/jose", 400))
refused.append((b"x" * 5_000_000, "application/jose", 413))
ASKED = [("/v1/evidence", 400), ("/v1/evidence?hash=x", 400), ("/v1/nothing", 404), ("/v1/transactions/x", 400),
         ("/v1/transactions/" + "0" * 64, 404), ("/v1/keys/x", 404), ("/tile/0/999", 404), ("/v1/state/%ff", 400),
         ("/v1/proof?leaf=999999999", 400), ("/v1/tasks", 400), ("/v1/events?from=x", 400)]


def bad_round():
    """Everything once; how many requests."""
    for body, content_type, status in refused:
        got, answer = post(link, body, content_type)
        if got != status:
            sys.exit(f"again: want {status}, got {got} {answer}")
    for path, status in ASKED:
        link.request("GET", path)
        answer = link.getresponse()
        answer.read()
        if answer.status != status:
            sys.exit(f"GET {path}: want {status}, got {answer.status}")
    return len(refused) + len(ASKED)


before = node.where()
count = 0
while count < REPEATS // 4:  # pools and tables of keys fill
    count += bad_round()
assert node.where() == before
memory = node.memory()
beside = []
client = threading.Thread(target=good_client, args=(prepared[60:], beside))
client.start()
while client.is_alive() or count < REPEATS:
    count += bad_round()
client.join()
assert node.log_size() == before["log_size"] + GOOD - 60
grown = node.memory() - memory
alone, during = statistics.median(alone), statistics.median(beside)
assert grown < 16 << 20, f"memory grew by {grown} bytes in {count} requests"
assert max(beside) < 30 and during < max(10 * alone, 0.1), (alone, during)
# Clients that are gone when their answer is ready: what was kept for them is given back.
GONE = 150
bodies = [admin.sign(payload([record(f"gone/{i}")])) + b"\nx" * 1999 for i in range(GONE)]


def go_away(body, after):
    with socket.create_connection(("127.0.0.1", node.port)) as client:
        client.sendall(b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(after)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset


for i in range(GONE):
    if i == 20:
        memory = node.memory()
    go_away(bodies[i], (i % 10) / 2000)
gone = node.memory() - memory
assert gone < 16 << 20, f"memory grew by {gone} bytes in {GONE - 20} requests whose clients had gone"
assert node.log_size() > before["log_size"] + GONE - 60
print(f"{checks} refusals as documented; {count} requests refused beside a good client: median "
      f"{1000 * alone:.1f} ms alone, {1000 * during:.1f} ms beside them; memory {grown:+} of {memory}; "
      f"{GONE} clients went away: {gone:+}")
