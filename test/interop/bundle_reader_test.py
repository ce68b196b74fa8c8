#!/usr/bin/env python3
"""spec/examples/verify_bundle.py, written from spec/ alone, accepts the bundles of a real node (both kinds of
keys, accepted and refused, an evidence record) and refuses each with a byte changed.
Arguments: qifeng, the folder spec/."""
import json
import os
import pathlib
import random
import sys

try:
    import cryptography  # noqa: F401  pylint: disable=unused-import
except ImportError:  # Debian's package belongs to Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("skipped: python3-cryptography is not installed")
    sys.exit(77)

sys.path[:0] = [str(pathlib.Path(sys.argv[2]) / "examples"),
                str(pathlib.Path(__file__).resolve().parent.parent / "api")]
from cryptography.exceptions import InvalidSignature  # noqa: E402  pylint: disable=wrong-import-position
from node import QIFENG, Node, check, run  # noqa: E402  pylint: disable=wrong-import-position
import verify_bundle  # noqa: E402  pylint: disable=wrong-import-position

JOSE = {"Content-Type": "application/jose"}
node = Node("alpha").start()


def post(jws, code=0):
    answer = json.loads(node.request("POST", "/v1/transactions", jws, JOSE)[2])
    check(answer["code"] == code, f"{answer}")
    return answer["id"]


def record(ident, **more):
    return {"op": "evidence.record", "id": ident, "hash": "sha-256:" + "ab" * 32, **more}


jwk = json.loads(run(QIFENG, "key", "create", "li.pem", "--alg", "EdDSA", "--no-passphrase", "--json"))["jwk"]
post(node.sign({"op": "identity.key.add", "actor": "li", "key": jwk, "roles": []}))
first = post(node.sign(record("e/1", source="\u4e0d\u52a8\u4ea7", attributes={"n": 1})))
again = post(node.sign(record("e/1")), code=14)
sign = [QIFENG, "tx", "sign", "--key", "li.pem", "--network", "alpha", "-"]
second = post(run(*sign, stdin=json.dumps([record("e/2")]).encode()).strip())
lines = b"\n".join(node.sign(record(f"many/{i}")) for i in range(20))  # for the proofs
check(node.request("POST", "/v1/transactions", lines, JOSE)[0] == 200, "lines")

genesis = json.loads((node.dir / "genesis.json").read_text(encoding="utf-8"))
changes = random.Random(20261121)
for path, says in ((f"/v1/transactions/{first}/bundle", "accepted, signed by admin of m-alpha"),
                   (f"/v1/transactions/{again}/bundle", "refused with code 14, signed by admin"),
                   (f"/v1/transactions/{second}/bundle", "accepted, signed by li of m-alpha"),
                   ("/v1/bundles/evidence/e/1", "accepted, signed by admin")):
    bundle = node.get(path)[2].rstrip(b"\n")
    told = verify_bundle.verify(bundle, genesis)
    check(says in told, told)
    for at in sorted(changes.sample(range(len(bundle)), 150)):
        spoilt = bytearray(bundle)
        spoilt[at] ^= 1 << changes.randrange(7)
        try:
            told = verify_bundle.verify(bytes(spoilt), genesis)
        except (verify_bundle.Wrong, InvalidSignature, ValueError, KeyError, TypeError, IndexError,
                AttributeError):
            continue
        sys.exit(f"{path}: byte {at} changed, and yet: {told}")
