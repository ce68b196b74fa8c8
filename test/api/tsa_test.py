#!/usr/bin/env python3
"""POST /tsa: openssl asks and verifies; each token's hash is on the ledger before it leaves."""
import hashlib
import json
import re

from node import QIFENG, Node, check, run, work

node = Node("alpha")
text = (node.dir / "node.yaml").read_text()
QUERY = {"Content-Type": "application/timestamp-query"}
(node.dir / "node.yaml").write_text(text.replace("actor_key:", "# actor_key:"))
node.start()
status, _, body = node.request("POST", "/tsa", b"x", QUERY)
check(status == 503 and b"actor_key" in body, f"without an actor none are issued: {status} {body}")
node.stop()
(node.dir / "node.yaml").write_text(text)
node.start()
clock = node.json("/v1/members/m-alpha/actors/clock")
check(clock["roles"] == [] and len(clock["keys"]) == 1, f"who records them has no role: {clock}")
(work / "data").write_bytes(b"a document\n")
(work / "other").write_bytes(b"another document\n")
serials = set()
for i in range(3):
    run("openssl", "ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq")
    run("curl", "-sSf", "--max-time", "10", "-H", "Content-Type: application/timestamp-query",
        "--data-binary", "@q.tsq", "-o", "r.tsr", node.url + "/tsa")
    verify = ["openssl", "ts", "-verify", "-in", "r.tsr", "-CAfile", node.dir / "keys/ca.crt"]
    run(*verify, "-queryfile", "q.tsq")
    run(*verify, "-data", "data")
    run(*verify, "-data", "other", good=False)
    shown = run("openssl", "ts", "-reply", "-in", "r.tsr", "-text").decode()
    serial = re.search(r"Serial number: 0x([0-9A-F]+)", shown).group(1).lower()
    check(serial not in serials, "serial numbers are not used twice")
    serials.add(serial)
    run("openssl", "ts", "-reply", "-in", "r.tsr", "-token_out", "-out", "token.der")
    record = node.json(f"/v1/evidence/timestamp/{serial}")
    check(record["actor"] == "clock" and record["kid"] == clock["keys"][0], f"by the clock: {record}")
    check(hashlib.sha256((work / "token.der").read_bytes()).hexdigest() in json.dumps(record),
          f"the token's hash is on the ledger: {record}")
size = node.json("/v1/network")["log_size"]
check(size == 3, f"one entry a token: {size}")

status, headers, body = node.request("POST", "/tsa", b"not a request", QUERY)
check(status == 200 and headers["Content-Type"] == "application/timestamp-reply", "refusal's form")
(work / "bad.tsr").write_bytes(body)
check(b"rejected" in run("openssl", "ts", "-reply", "-in", "bad.tsr", "-text").lower(), "rejected")
status, _, body = node.request("POST", "/tsa", b"x", {"Content-Type": "text/plain"})
check(status == 415, f"content type: {status}")
check(node.json("/v1/network")["log_size"] == size, "what is refused leaves nothing")

# The clock may record and nothing else; without it the node says so, and stamps nothing.
for op in ({"op": "identity.role.grant", "actor": "clock", "roles": ["admin"]},
           {"op": "identity.role.revoke", "actor": "admin", "roles": ["council"]},
           {"op": "consortium.propose", "proposal": "p", "action": {
               "do": "parameters.set", "quorum_members": 1}}):
    jws = run(QIFENG, "tx", "sign", "--key", node.dir / "keys/clock.pem", "--network", "alpha", "-",
              stdin=json.dumps([op]).encode()).strip()
    status, _, body = node.request("POST", "/v1/transactions", jws, {"Content-Type": "application/jose"})
    check(status == 403, f"the clock may not: {status} {body}")
status, _, body = node.request("POST", "/v1/transactions", node.sign(
    {"op": "identity.key.revoke", "kid": clock["keys"][0]}), {"Content-Type": "application/jose"})
status, _, body = node.request("POST", "/tsa", (work / "q.tsq").read_bytes(), QUERY)
check(status == 503 and b"revoked" in body, f"a revoked clock stamps nothing: {status} {body}")

# Suite gm: the token is P-256's, the record SM2's.
gm = Node("gamma", suite="gm").start()
status, _, body = gm.request("POST", "/tsa", (work / "q.tsq").read_bytes(), QUERY)
(work / "gm.tsr").write_bytes(body)
check(b"Status: Granted" in run("openssl", "ts", "-reply", "-in", "gm.tsr", "-text"), "granted")
check(gm.json("/v1/network")["log_size"] == 1, "recorded")
# The openssl program verifies it under the authority's P-256 root; the member's SM2 CA, which it cannot
# check, has certified the same key, and the token carries that, too.
run("openssl", "ts", "-verify", "-in", "gm.tsr", "-queryfile", "q.tsq", "-CAfile", gm.dir / "keys/tsa-ca.crt")
run("openssl", "ts", "-verify", "-in", "gm.tsr", "-queryfile", "q.tsq", "-CAfile", node.dir / "keys/ca.crt",
    good=False)
run("openssl", "verify", "-vfyopt", "distid:1234567812345678", "-CAfile", gm.dir / "keys/ca.crt",
    gm.dir / "keys/tsa-chain.crt")
run("openssl", "verify", "-CAfile", gm.dir / "keys/tsa-ca.crt", gm.dir / "keys/tsa.crt")
