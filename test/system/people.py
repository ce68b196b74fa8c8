"""People of several members at one node, each with a key, and a service that they bring into force."""
import base64
import hashlib
import json
import secrets
import sys

try:
    import yaml
except ImportError:
    print("skipped: Python has no yaml (python3-yaml)")
    sys.exit(77)

from system import Key, base64url, payload, post, work

checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"failed: {what}")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def package(source):
    """What goes onto the ledger (spec/service.md, "Package"), made by somebody else's YAML and JSON."""
    manifest = load(source / "service.yaml")
    files = {"process.bpmn": (source / "process.bpmn").read_text(encoding="utf-8"),
             **{path.name: path.read_text(encoding="utf-8") for path in source.glob("rules.dmn")}}
    for schema in sorted(source.glob("schemas/*")):
        files["schemas/" + schema.name] = json.loads(schema.read_text(encoding="utf-8"))
    texts = {lang: load(source / f"texts/{lang}.yaml") for lang in ("en", "zh")}
    whole = {"files": files, "id": manifest.pop("id"), "version": manifest.pop("version"),
             "manifest": manifest, "texts": texts}
    return json.dumps(whole, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def seal(name, value):
    """spec/sealed.md, by the letter."""
    salt = base64url(secrets.token_bytes(16)).decode()
    text = json.dumps([salt, name, value], separators=(",", ":"), ensure_ascii=False)
    return "sha-256:" + hashlib.sha256(text.encode()).hexdigest()


def open_tasks(node, case, roles):
    """From the work lists of all roles, each task once."""
    found = {}
    for role in roles:
        for task in json.loads(node.get(f"/v1/tasks?role={role}&limit=1000"))["items"]:
            if task["case"] == case:
                found[task["task"]] = task
    return [found[number] for number in sorted(found)]


class Person:
    """Somebody with a key, of a member."""

    def __init__(self, node, name, key=None):
        self.node, self.name = node, name
        file = work / f"{name}.pem"
        self.key = key or Key(file, create=not file.exists())
        self.connection = node.connect()

    def send(self, *ops, **more):
        return post(self.connection, self.key.sign(payload(list(ops), **more)))

    def do(self, *ops, **more):
        status, answer = self.send(*ops, **more)
        check(status == 200 and answer["status"] == "accepted",
              f"{self.name} {ops}: {status} {json.dumps(answer, ensure_ascii=False)}")
        return answer

    def refused(self, code, *ops, field="", **more):
        status, answer = self.send(*ops, **more)
        found = answer.get("problem", answer)
        check(status != 200 and found.get("type", "").endswith(":" + code) and
              found.get("field", "").endswith(field),
              f"{self.name} {ops}: wanted {code} {field}: {status} "
              f"{json.dumps(answer, ensure_ascii=False)}")


def decided(proposal, action):
    """The ops of who proposes something and has the votes to pass it."""
    return [{"op": "consortium.propose", "proposal": proposal, "action": action},
            {"op": "consortium.vote", "proposal": proposal, "choice": "yes"}]


def admission(person, member, kind, roles):
    """The ops by which a member, without votes, comes in with its first actor."""
    return decided("admit-" + member, {
        "do": "member.admit", "id": member, "kind": kind, "name": member, "weight": 0,
        "admin": {"actor": person.name, "key": person.key.jwk, "roles": roles}})


def deploy(council, member, source, **more):
    whole = package(source)
    digest = "sha-256:" + hashlib.sha256(whole).hexdigest()
    for part, at in enumerate(range(0, len(whole), 30000)):
        council.do({"op": "service.part", "hash": digest, "part": part,
                    "data": base64.b64encode(whole[at:at + 30000]).decode()}, **more)
    manifest = load(source / "service.yaml")
    council.do(*decided("deploy", {
        "do": "service.deploy", "hash": digest, "member": member, "service": manifest["id"],
        "version": manifest["version"], "capabilities": manifest.get("capabilities", [])}), **more)
