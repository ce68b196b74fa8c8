"""A small service (test/data/service/permit), brought onto a node's ledger by vote."""
import base64
import hashlib
import json
import pathlib

source = pathlib.Path(__file__).resolve().parent.parent / "data/service/permit"


def package(member):
    """The package as canonical JSON, in which `member` works at the desk."""
    manifest = json.loads((source / "manifest.json").read_text(encoding="utf-8"))
    manifest["participants"] = [{"members": [member], "role": "desk"},
                                {"kinds": ["authority"], "role": "expert"}]
    return json.dumps({
        "files": {"process.bpmn": (source / "process.bpmn").read_text(encoding="utf-8"),
                  "rules.dmn": (source / "rules.dmn").read_text(encoding="utf-8"),
                  "schemas/check.json": json.loads((source / "schemas/check.json").read_text())},
        "id": "permit", "manifest": manifest, "version": "1"},
        sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def propose(done, member):
    """Sends all parts and proposes to deploy them, as proposal p; `done` sends ops."""
    bytes_ = package(member)
    digest = "sha-256:" + hashlib.sha256(bytes_).hexdigest()
    for at in range(0, len(bytes_), 4000):
        done({"op": "service.part", "hash": digest, "part": at // 4000,
              "data": base64.b64encode(bytes_[at:at + 4000]).decode()})
    done({"op": "consortium.propose", "proposal": "p", "action": {
        "do": "service.deploy", "hash": digest, "member": member, "service": "permit",
        "version": "1"}})
