#!/usr/bin/env python3
"""/openapi.json has the form of OpenAPI 3.1, and the running server answers every path, asked well
and badly, only with statuses and content types that it documents."""
import json
import re
import urllib.parse

from node import Node, check

node = Node("alpha").start()
node.record("e-1")
document = node.json("/openapi.json")
check(document["openapi"].startswith("3.1.") and document["info"]["title"], "head")
schemas = document["components"]["schemas"]
check("op.evidence.record" in schemas and "problem" in schemas, "schemas")


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


for ref in references(document):
    target = document
    for part in ref.removeprefix("#/").split("/"):
        check(part in target, f"{ref} leads somewhere")
        target = target[part]

answered = set()


def ask(operation, method, path, body=None, headers=None):
    status, got, content = node.request(method, path, body, headers)
    documented = operation["responses"]
    what = f"{method} {path}: {status} {got['Content-Type']} {content[:200]}"
    check(str(status) in documented, f"status is documented: {what}")
    check(got["Content-Type"] in documented[str(status)]["content"], f"type is documented: {what}")
    if got["Content-Type"].endswith("problem+json"):
        problem = json.loads(content)
        known = schemas["problem"]["properties"]
        check(problem["status"] == status and problem["type"] in known["type"]["enum"] and
              set(problem) <= set(known) and problem["cure"], f"a good problem: {what}")
    answered.add((method, path.partition("?")[0], status))
    return status


evidence = node.json("/v1/transactions")["items"][0]
good = {"/v1/transactions/{p1}": evidence["id"], "/v1/transactions/{p1}/bundle": evidence["id"],
        "/v1/evidence/{p1}": "e-1", "/tile/{p1}": "0/000.p/1", "/v1/members/{p1}": "m-alpha",
        "/v1/keys/{p1}": evidence["kid"]}
bad = ["x", "%00", "0" * 64, "a/b/c", "%E9%AA%91", "x" * 300, "..%2f", "-1"]
for path, item in document["paths"].items():
    for method, operation in item.items():
        check(operation["summary"] and operation["responses"], f"{path} is described")
        names = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
        check(names == re.findall(r"\{(\w+)\}", path), f"path parameters of {path}")
        method = method.upper()
        if method == "POST":
            for body in (b"", b"x", b"a.b.c\n" * 3, b"\0" * 100, b"{}" * 1000):
                for kind in [*operation["requestBody"]["content"], "text/plain", ""]:
                    ask(operation, method, path, body, {"Content-Type": kind})
            continue
        if path == "/v1/events":
            for query in ("from=x", "from=99", "from=-1"):
                ask(operation, method, f"{path}?{query}")
            continue
        if path in good:
            check(ask(operation, method, path.replace("{p1}", good[path])) == 200, f"{path} works")
        for value in bad if names else [""]:
            ask(operation, method, re.sub(r"\{\w+\}", value, path))
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                for value in ("0", "1", "-1", "x", "9" * 30, "%FF", "sha-256:" + "ab" * 32):
                    name = urllib.parse.quote(parameter["name"])
                    ask(operation, method, re.sub(r"\{\w+\}", "m-alpha", path) + f"?{name}={value}")
check(len({s for _, _, s in answered}) >= 4, "answers of many kinds were seen")
status, _, _ = node.request("DELETE", "/v1/network")
check(status == 405, f"other methods: {status}")
