#!/usr/bin/env python3
"""/openapi.json is an OpenAPI 3.1 document (the OpenAPI Initiative's own schema says so), and every
answer of the running server, to what is asked well and badly, is documented: status, content type,
and a body that its closed schema describes to the last member."""
import json
import os
import pathlib
import re
import sys
import urllib.parse
import urllib.request
import warnings

try:
    import jsonschema
except ImportError:  # Debian's package belongs to Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

from node import QIFENG, Node, check, run, work
from permit import propose
from receiver import SECRET, Receiver, secret_file, until

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
JOSE = {"Content-Type": "application/jose"}
HASH = "sha-256:" + "ab" * 32
node = Node("alpha")
run(QIFENG, "key", "create", work / "witness.pem", "--witness", "w", "--no-passphrase")
log_key = json.loads((node.dir / "genesis.json").read_text())["members"][0]["note_keys"][0]
node.settings(f"witness:\n  key: {work}/witness.pem\n  name: w\n"
              f"  logs:\n    - {{origin: alpha, key: {log_key}}}\n")
receiver = Receiver()
secret_file(node.dir / "s", SECRET)
node.settings(f"webhooks: [{{id: hook, url: '{receiver.url}', secret: s}}]\n")
node.settings("stamps: {tsa: own, every: 1h}\n")
node.start()
document = node.json("/openapi.json")
schemas, parameters = (document["components"][name] for name in ("schemas", "parameters"))

# ---- the document ----

official = json.loads((DATA / "openapi/schema-3.1.json").read_text(encoding="utf-8"))
problems = list(jsonschema.Draft202012Validator(official).iter_errors(document))
check(not problems, f"an OpenAPI 3.1 document: {problems[:3]}")
for name, schema in schemas.items():
    jsonschema.Draft202012Validator.check_schema(schema)
warnings.simplefilter("ignore", DeprecationWarning)  # of the resolver; Debian 12 has no other
resolver = jsonschema.RefResolver("", document)
operations = [(path, method, operation) for path, item in document["paths"].items()
              for method, operation in item.items()]
check(len({operation["operationId"] for _, _, operation in operations}) == len(operations), "ids")


def follow(value):
    """What a reference leads to."""
    if "$ref" not in value:
        return value
    with resolver.resolving(value["$ref"]) as target:
        return follow(target)


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


used = set(references(document))
check(all("security" not in operation for _, _, operation in operations), "a public node")
for ref in used:
    follow({"$ref": ref})
for kind in ("schemas", "parameters"):
    for name in document["components"][kind]:
        check(f"#/components/{kind}/{name}" in used or name in ("event", "op", "action"),
              f"{kind}/{name} is used")

OPEN = {"openapi", "components", "info", "paths", "webhooks", "data"}  # whose members are not ours to list


def closed(schema, where):
    """No object without a list of its members, no value without a type."""
    schema = follow(schema)
    if where.rsplit(".", 1)[-1] in OPEN and schema.get("type") == "object":
        return
    kinds = {"type", "enum", "const", "oneOf"} & set(schema)
    check(kinds, f"{where} says what it is: {schema}")
    for part in schema.get("oneOf", []):
        closed(part, where)
    if schema.get("type") == "object":
        check("additionalProperties" in schema, f"{where} is closed: {schema}")
        for name, member in schema.get("properties", {}).items():
            closed(member, f"{where}.{name}")
    if schema.get("type") == "array":
        closed(schema["items"], where + "[]")


for path, method, operation in operations:
    for status, answer in operation["responses"].items():
        for media, content in answer.get("content", {}).items():
            closed(content["schema"], f"{method} {path} {status} {media}")
for name, schema in schemas.items():
    if not name.startswith(("op.", "action.")) and name != "openapi":
        closed(schema, name)
for name, parameter in parameters.items():
    check(follow(parameter)["description"] and follow(parameter)["schema"], f"parameter {name}")

# ---- the answers ----

answered = {}


def conforms(schema, value, what):
    errors = list(jsonschema.Draft202012Validator(schema, resolver=resolver).iter_errors(value))
    check(not errors, f"{what}: {[(list(e.path), e.message[:300]) for e in errors[:2]]}")


def ask(path, method, target, body=None, headers=None):
    """Sends, and holds the answer against the operation `method` of `path`."""
    operation = document["paths"][path][method]
    status, got, content = node.request(method.upper(), target, body, headers)
    media = got["Content-Type"]
    what = f"{method} {target}: {status} {media} {content[:300]}"
    check(str(status) in operation["responses"], f"status is documented: {what}")
    answer = operation["responses"][str(status)]
    check(media in answer["content"], f"type is documented: {what}")
    schema = answer["content"][media]["schema"]
    if media.endswith("ndjson"):
        for line in content.decode().splitlines():
            conforms(schema, json.loads(line), what)
    elif media.endswith("json"):
        value = json.loads(content)
        conforms(schema, value, what)
        if media.endswith("problem+json"):
            check(value["status"] == status and value["cure"], what)
        if "items" in value:
            check(("next" in value) == ("Link" in got), f"Link: {what}")
    else:
        conforms(schema, content.decode("latin-1"), what)
    check(status not in (429, 503) or "json" in media and "health" in path or "Retry-After" in got,
          f"Retry-After: {what}")
    answered.setdefault((path, method), set()).add(status)
    return status, content


def send(*ops, key=None, headers=None):
    """One transaction; (status, answer)."""
    jws = node.sign(*ops) if key is None else run(
        QIFENG, "tx", "sign", "--key", key, "--network", "alpha", "-",
        stdin=json.dumps(ops).encode()).strip()
    status, body = ask("/v1/transactions", "post", "/v1/transactions", jws, {**JOSE, **(headers or {})})
    return status, json.loads(body)


def done(*ops):
    status, answer = send(*ops)
    check(status == 200 and answer["status"] == "accepted", f"{ops}: {status} {answer}")
    return answer


# The check itself: what is not described is found.
network = node.json("/v1/network")
for wrong in ({**network, "more": 1}, {**network, "height": "1"}, {**network, "state_root": "x"}, {}):
    check(not jsonschema.Draft202012Validator(schemas["network"], resolver=resolver).is_valid(wrong),
          f"{wrong} is refused")

# A ledger with something of every kind on it.
def jwk(name):
    run(QIFENG, "key", "create", work / name, "--no-passphrase")
    return json.loads(run(QIFENG, "key", "show", work / name, "--json"))["jwk"]


record = done({"op": "evidence.record", "id": "e-1", "hash": HASH, "source": "register", "size": 3,
               "media_type": "text/plain", "attributes": {"kind": "deed", "n": 7}})
done({"op": "evidence.record_batch", "id": "batch/1", "root": HASH, "count": 5})
done({"op": "evidence.supersede", "id": "e-2", "hash": HASH, "replaces": "e-1", "reason": "newer"})
check(send({"op": "evidence.record", "id": "e-1", "hash": HASH})[0] == 422, "refused, and in the log")
repeat = node.sign({"op": "evidence.record", "id": "e-3", "hash": HASH})
check([ask("/v1/transactions", "post", "/v1/transactions", repeat, JOSE)[0] for _ in range(2)]
      == [200, 409], "a repeat")
lines = [node.sign({"op": "evidence.record", "id": f"line/{i}", "hash": HASH}) for i in range(3)]
ask("/v1/transactions", "post", "/v1/transactions", b"\n".join([*lines, b"x", repeat]), JOSE)
later = {**JOSE, "Prefer": "respond-async"}
check(send({"op": "evidence.record", "id": "later", "hash": HASH}, headers=later)[0] == 202, "202")
ask("/v1/transactions", "post", "/v1/transactions",
    b"\n".join([node.sign({"op": "evidence.record", "id": "later/2", "hash": HASH}), b"x"]), later)
for name in ("clerk", "next", "other"):
    done({"op": "identity.key.add", "actor": "clerk", "key": jwk(name), "roles": ["recorder"]})
kids = node.json("/v1/members/m-alpha/actors/clerk")["keys"]
check(send({"op": "identity.key.rotate", "key": jwk("newer")}, key=work / "clerk")[0] == 200, "rotate")
done({"op": "identity.key.revoke", "kid": kids[1]})
check(send({"op": "evidence.record", "id": "x", "hash": HASH}, key=work / "next")[0] == 401, "revoked")
check(send({"op": "identity.key.revoke", "kid": kids[2]}, key=work / "newer")[0] in (200, 403), "own key")
propose(done, "m-alpha")
ask("/v1/proposals", "get", "/v1/proposals")
done({"op": "consortium.vote", "proposal": "p", "choice": "yes"})
done({"op": "consortium.propose", "proposal": "no/1", "action": {
    "do": "parameters.set", "proposal_ttl_s": 3600}})
done({"op": "consortium.vote", "proposal": "no/1", "choice": "no"})
done({"op": "consortium.propose", "proposal": "open", "action": {"do": "member.admit", "id": "court",
      "kind": "court", "name": "法院", "weight": 0, "admin": {"actor": "clerk", "key": jwk("court")}}})
for case in ("c1", "c2", "c3"):
    done({"op": "service.case.open", "service": "permit", "case": case})
tasks = node.json("/v1/tasks?role=desk")["items"]
done({"op": "service.task.claim", "case": "c2", "task": tasks[1]["task"]})
done({"op": "service.task.complete", "case": "c1", "task": tasks[0]["task"], "data": {"area": 500}})
done({"op": "service.case.withdraw", "case": "c3"})
(work / "data").write_bytes(b"a document\n")
run("openssl", "ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq")
query = (work / "q.tsq").read_bytes()
stamped, _ = ask("/tsa", "post", "/tsa", query, {"Content-Type": "application/timestamp-query"})
check(stamped == 200, "a time-stamp")
for code in (200, 409):
    request = b"old 0\n\n" + node.get("/checkpoint")[2]
    check(ask("/add-checkpoint", "post", "/add-checkpoint", request)[0] == code, "a witness")

# `security` stands there where reading is for members; the document is open.
private = Node("private")
private.settings("api:\n  read: members\n")
private.start()
other = private.json("/openapi.json")
check(not list(jsonschema.Draft202012Validator(official).iter_errors(other)), "a valid document, too")
for path, method, operation in operations:
    asked = other["paths"][path][method]
    status, got, body = private.request(method.upper(), re.sub(r"\{\w+\}", "x", path), b"" if method == "post" else None)
    check(("security" in asked) == (status == 401), f"{method} {path}: {status}, {asked.get('security')}")
    if got["Content-Type"].endswith("problem+json"):
        conforms(schemas["problem"], json.loads(body), f"{method} {path}")
conforms(schemas["health"], private.json("/v1/health"), "the short form of health")

until("the log is time-stamped", lambda: node.json("/v1/stamps")["items"])
size = str(node.json("/v1/stamps")["items"][0]["size"])
known = {"size": size, "stamp": size + ".note", "transaction": record["id"], "evidence": "e-1", "tile": "0/000.p/1", "member": "m-alpha",
         "actor": "clerk", "kid": kids[0], "proposal": "p", "service": "permit", "case": "c1",
         "key": "evidence/record/e-1"}
more = {"evidence": ["batch/1", "e-2"], "kid": kids[1:], "stamp": [size + ".tsr"], "proposal": ["no/1", "open"], "tile": ["entries/000.p/2"],
        "case": ["c2", "c3"], "key": ["no/such/key", "consortium/network"], "actor": ["admin"]}
good = {"/v1/evidence": [f"hash={HASH}", "source=register", "member=m-alpha&limit=2", "actor=m-alpha/admin",
                         "attributes.kind=deed&attributes.n=7"],
        "/v1/transactions": ["", "limit=3", "cursor=2&limit=1"], "/v1/proof": ["leaf=0", "old=1", "leaf=1&size=2"],
        "/v1/tasks": ["role=desk", "role=expert", "role=nobody", "service=permit&holder=none", "role=desk&holder=some",
                      "holder=m-alpha/clerk&due_before=1&limit=1"],
        "/v1/tasks/count": ["role=desk", "service=permit&holder=none"],
        "/v1/cases": ["", "limit=1", "service=permit&status=running", "status=withdrawn&member=m-alpha"]}
bad = ["x", "%00", "0" * 64, "a/b/c", "%E9%AA%91", "%ff", "x" * 300, "..%2f", "-1"]
for path, method, operation in operations:
    names = [follow(p)["name"] for p in operation["parameters"] if follow(p)["in"] == "path"]
    check(operation["summary"] and names == re.findall(r"\{(\w+)\}", path), f"{path} is described")
    if method == "post":
        for body in (b"", b"x", b"a.b.c\n" * 3, b"\0" * 100, b"{}" * 1000, b"x" * (5 << 20)):
            for kind in [*operation["requestBody"]["content"], "text/plain", ""]:
                ask(path, method, path, body, {"Content-Type": kind})
        continue
    if path == "/v1/events":
        for query in ("from=x", "from=99999", "from=-1", "from=%ff"):
            check(ask(path, method, f"{path}?{query}")[0] == 400, query)
        continue
    target = path
    for name in names:
        target = target.replace("{" + name + "}", known[name])
    target = target.replace("entries/0/", "entries/")
    for query in good.get(path, [""]):
        check(ask(path, method, target + (query and "?" + query))[0] == 200, f"{target} {query} works")
    if names:
        for value in more.get(names[-1], []):
            target = re.sub(r"\{\w+\}$", value, path.replace("{member}", "m-alpha"))
            target = target.replace("entries/entries/", "entries/")
            check("{" in target or ask(path, method, target)[0] == 200, f"{target} works")
        for value in bad:
            ask(path, method, re.sub(r"\{\w+\}", value, path))
    for parameter in map(follow, operation["parameters"]):
        if parameter["in"] == "query":
            for value in ("", "0", "1", "-1", "x", "9" * 30, "%FF", HASH, "a/b"):
                name = urllib.parse.quote(parameter["name"])
                ask(path, method, f"{target if '{' not in target else path}?{name}={value}")
    ask(path, method, target if "{" not in target else re.sub(r"\{\w+\}", "x", path), b"x" * (5 << 20))

# Events: each is an object of the schema, from the first entry on.
size = node.json("/v1/network")["log_size"]
with urllib.request.urlopen(node.url + "/v1/events?from=0", timeout=15) as stream:
    check(stream.headers["Content-Type"] in
          document["paths"]["/v1/events"]["get"]["responses"]["200"]["content"], "a stream")
    answered[("/v1/events", "get")].add(200)
    last, kinds = -1, set()
    while last < size - 1:
        line = stream.readline().decode().rstrip("\n")
        if line.startswith("id: "):
            last = int(line[4:])
        if line.startswith("data: "):
            event = json.loads(line[6:])
            conforms(schemas["event"], event, line[:300])
            kinds.add(event["type"])
check(len(kinds) > 10 and "transaction.refused" in kinds, f"events of many types: {kinds}")

# The same, posted to a receiver, as `webhooks` describes it.
until("all are posted", lambda: node.json("/v1/health")["webhooks"][0]["lag"] == 0)
run(QIFENG, "webhook", "test", node.dir, "hook")
posted = document["webhooks"]["event"]["post"]
content = posted["requestBody"]["content"]["application/cloudevents+json"]["schema"]
for ident, event, _, headers in receiver.seen:
    conforms(content, event, f"a posted event: {event}")
    for header in posted["parameters"]:
        conforms(header["schema"], headers[header["name"]], header["name"])
posted_kinds = {event["type"] for _, event, _, _ in receiver.seen}
check(posted_kinds >= kinds | {"qifeng.webhook.test"}, f"all types: {posted_kinds ^ kinds}")

for (path, method), statuses in answered.items():
    check(any(s < 300 for s in statuses), f"{method} {path} was seen to work: {statuses}")
check(set(answered) == {(path, method) for path, method, _ in operations}, "every operation was asked")
seen = set().union(*answered.values())
check(seen >= {200, 202, 400, 401, 404, 409, 413, 415, 422}, f"statuses seen: {seen}")
status, _, _ = node.request("DELETE", "/v1/network")
check(status == 405, f"other methods: {status}")
