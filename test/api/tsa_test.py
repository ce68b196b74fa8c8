#!/usr/bin/env python3
"""POST /tsa: openssl asks and verifies; each token's hash is on the ledger before it leaves."""
import hashlib
import json
import re

from node import Node, check, run, work

node = Node("alpha")
text = (node.dir / "node.yaml").read_text()
QUERY = {"Content-Type": "application/timestamp-query"}
node.start()
status, _, body = node.request("POST", "/tsa", b"x", QUERY)
check(status == 503 and b"actor_key" in body, f"without an actor none are issued: {status} {body}")
node.stop()
(node.dir / "node.yaml").write_text(text.replace("# actor_key: keys/clock.pem",
                                                 "actor_key: keys/admin.pem"))
node.start()
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
