#!/usr/bin/env python3
"""ETag and If-None-Match (RFC 9110 13): on every GET that may be stored, and only on those."""
import http.client
import json
import re

from node import Node, check

node = Node("alpha").start()
first = node.record("e-1")
document = node.json("/openapi.json")
known = {"transaction": first["id"], "evidence": "e-1", "tile": "entries/000.p/1", "member": "m-alpha",
         "actor": "admin", "kid": node.json("/v1/members/m-alpha/actors/admin")["keys"][0],
         "key": "evidence/record/e-1"}
fresh = {"/v1/events", "/v1/health", "/metrics"}
tagged = {}
for path, item in document["paths"].items():
    if "get" not in item:
        continue
    target = re.sub(r"\{(\w+)\}", lambda m: known.get(m[1], "none"), path)
    target += {"/v1/evidence": "?source=x", "/v1/tasks": "?role=x", "/v1/proof": "?leaf=0"}.get(path, "")
    if path == "/v1/events":
        continue
    status, headers, body = node.get(target)
    check(("304" in item["get"]["responses"]) == (path not in fresh), f"{path}: documented")
    if status != 200:
        check(headers["ETag"] is None, f"{target}: {status} has no tag")
        continue
    if path in fresh:
        check(headers["ETag"] is None and headers["Cache-Control"] == "no-store", target)
        continue
    tag = headers["ETag"]
    check(re.fullmatch(r'"[A-Za-z0-9_-]{22}"', tag), f"{target}: {tag}")
    cache = "public, max-age=31536000, immutable" if "tile" in path else "no-cache"
    check(headers["Cache-Control"] == cache, f"{target}: {headers['Cache-Control']}")
    tagged[target] = (tag, body)
check(len(tagged) > 12 and "/checkpoint" in tagged and "/tile/entries/000.p/1" in tagged, list(tagged))
for target, (tag, body) in tagged.items():
    for given in (tag, "W/" + tag, f'"x", {tag}', "*"):
        status, headers, got = node.request("GET", target, headers={"If-None-Match": given})
        check(status == 304 and got == b"" and headers["ETag"] == tag, f"{target} {given}: {status}")
        check("Cache-Control" in headers and "Content-Type" not in headers, f"{target}: {headers}")
    for given in ('"x"', tag.lower() if tag != tag.lower() else '"y"', tag[:-1], "nonsense", ""):
        status, headers, got = node.request("GET", target, headers={"If-None-Match": given})
        check(status == 200 and got == body and headers["ETag"] == tag, f"{target} {given}: {status}")

# HEAD as GET; a connection goes on after a 304.
connection = http.client.HTTPConnection(node.url[7:], timeout=10)
for method, given, wanted in (("HEAD", None, 200), ("HEAD", "tag", 304), ("GET", "tag", 304), ("GET", None, 200)):
    connection.request(method, "/checkpoint", headers={"If-None-Match": tagged["/checkpoint"][0]} if given else {})
    answer = connection.getresponse()
    body = answer.read()
    check(answer.status == wanted and answer.headers["ETag"] == tagged["/checkpoint"][0], f"{method} {wanted}")
    check((body != b"") == (method == "GET" and wanted == 200), f"{method} {wanted}: {body}")
connection.close()

# What changes has another tag; what does not keeps it.
node.record("e-2")
for target, (tag, body) in tagged.items():
    status, headers, got = node.request("GET", target, headers={"If-None-Match": tag})
    check((status == 304) == (node.get(target)[2] == body), f"{target}: {status}")
    if status == 200:
        check(headers["ETag"] != tag and got != body, target)
for target in ("/checkpoint", "/v1/network"):
    check(node.request("GET", target, headers={"If-None-Match": tagged[target][0]})[0] == 200, target)
for target in ("/v1/genesis", "/v1/evidence/e-1", "/v1/transactions/" + first["id"], "/openapi.json"):
    check(node.request("GET", target, headers={"If-None-Match": tagged[target][0]})[0] == 304, target)

# Writes and refusals are no matter of tags.
status, headers, body = node.request("POST", "/v1/transactions", node.sign({
    "op": "evidence.record", "id": "e-3", "hash": "sha-256:" + "ab" * 32}),
    {"Content-Type": "application/jose", "If-None-Match": "*"})
check(status == 200 and headers["ETag"] is None and json.loads(body)["status"] == "accepted", body)
status, headers, _ = node.request("GET", "/v1/evidence/none", headers={"If-None-Match": "*"})
check(status == 404 and headers["ETag"] is None, status)
