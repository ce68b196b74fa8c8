#!/usr/bin/env python3
"""Bad input over HTTP: each kind is refused with its documented status, type and field; what must
not be ordered leaves the log as it was; memory does not grow; a good client beside it is served.
Arguments: qifeng, the folder of test data."""
import pathlib
import statistics
import sys
import threading
import time

from system import Key, Node, network, payload, post, work

DATA = pathlib.Path(sys.argv[2])
HASH = "sha-256:" + "00112233" * 8
folder, admin = network()
node = Node(folder)
link = node.connect()
checks = 0


def record(ident, **more):
    return {"op": "evidence.record", "id": ident, "hash": HASH, **more}


def refuse(what, body, status, kind, field=None, ordered=False, content_type="application/jose"):
    """Sends and compares; the log grows by one when the refusal is ordered, else not at all."""
    global checks
    before = node.log_size()
    got, answer = post(link, body, content_type)
    problem = answer.get("problem", answer)
    name = problem.get("type", "").rsplit(":", 1)[-1]
    if got != status or name != kind or (field is not None and problem.get("field") != field):
        sys.exit(f"{what}: want {status} {kind} at {field}, got {got} {name} at "
                 f"{problem.get('field')}: {problem.get('detail')}")
    if not problem.get("cure") or not problem.get("title"):
        sys.exit(f"{what}: the problem does not say what to do: {problem}")
    if node.log_size() - before != (1 if ordered else 0):
        sys.exit(f"{what}: the log went from {before} to {node.log_size()}")
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

# Over and over, beside a good client: nothing grows, and the good one is served.
bad = [*bodies[:40], spoil(admin.sign(good)), stranger.sign(good), b"x" * 3_000_000]
size = node.log_size()
for body in bad * 3:
    post(link, body)
memory = node.memory()
beside = []
client = threading.Thread(target=good_client, args=(prepared[60:], beside))
client.start()
rounds = 0
while client.is_alive():
    for body in bad:
        status, _ = post(link, body)
        assert status in (400, 401), status
    rounds += 1
client.join()
assert node.log_size() == size + GOOD - 60
grown = node.memory() - memory
before, during = statistics.median(alone), statistics.median(beside)
assert grown < 24 << 20, f"memory grew by {grown} bytes in {rounds} rounds"
assert max(beside) < 30 and during < max(10 * before, 0.1), (before, during)
print(f"{checks} refusals as documented; {rounds * len(bad)} bad requests beside a good client: "
      f"median {1000 * before:.1f} ms alone, {1000 * during:.1f} ms beside them; memory {grown:+}")
