#!/usr/bin/env python3
"""Verifies a bundle (spec/bundle.md) of a network of suite intl, written from spec/ alone and with
nothing of Qifeng: Python's standard library, and `cryptography` for signatures.

usage: verify_bundle.py FILE.qfb GENESIS      exit status 0: it holds; 1: it does not, and why
"""
import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256


class Wrong(Exception):
    pass


def want(condition, what):
    if not condition:
        raise Wrong(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def base64_bytes(text, size=None):
    data = base64.b64decode(text, validate=True)
    want(base64.b64encode(data).decode() == text and size in (None, len(data)), "base64")
    return data


def base64url_bytes(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    want(base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text, "base64url")
    return data


def pairs(items):
    want(len({key for key, _ in items}) == len(items), "a key stands twice")
    return dict(items)


def canonical(text):
    """The value of canonical JSON; other text is refused (spec/canonical-json.md)."""
    value = json.loads(text, object_pairs_hook=pairs)
    again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    want(again == text, "it is not in canonical form")
    return value


def verifier_keys(texts):
    """Verifier keys by name and id."""
    keys = {}
    for verifier in texts:
        name, key_id, key = verifier.split("+", 2)
        keys[name, bytes.fromhex(key_id)] = base64_bytes(key, 33)
    return keys


def check_note(note, genesis, keys):
    """A checkpoint signed by a node whose key is known (spec/log.md): size, roots."""
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    lines = text.split("\n")
    want(lines[0] == genesis["network"], "the checkpoint is of another log")
    state = [line[6:] for line in lines[3:] if line.startswith("state ")]
    want(len(state) == 1, "want one state line")
    good = 0
    want(signatures.endswith("\n"), "the last signature line is cut")
    for line in signatures[:-1].split("\n"):
        dash, name, signature = line.split(" ")
        signature = base64_bytes(signature)
        key = keys.get((name, signature[:4]))
        want(dash == "\u2014", "a signature line begins with a dash")
        if key is not None and key[0] == 1 and sha256(name.encode() + b"\n" + key)[:4] == signature[:4]:
            ed25519.Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
            good += 1
    want(good > 0, "no node that is known has signed the checkpoint")
    return int(lines[1]), base64_bytes(lines[2], 32), base64_bytes(state[0], 32)


def check_inclusion(entry, leaf, proof, size, root):
    """RFC 9162 2.1.3.2."""
    want(0 <= leaf < size, "the entry is beyond the checkpoint")
    at, last, hashed = leaf, size - 1, sha256(b"\0" + entry)
    for sibling in proof:
        want(last > 0, "the proof is too long")
        sibling = base64_bytes(sibling, 32)
        if at & 1 or at == last:
            hashed = sha256(b"\1" + sibling + hashed)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            hashed = sha256(b"\1" + hashed + sibling)
        at, last = at >> 1, last >> 1
    want(last == 0 and hashed == root, "the entry is not in the log")


def check_consistency(old_size, old_root, size, root, proof):
    """RFC 9162 2.1.4.2."""
    want(0 < old_size <= size, "the checkpoint does not continue the older one")
    if old_size == size:
        want(not proof and old_root == root, "the checkpoint is not the older one")
        return
    path = [base64_bytes(item, 32) for item in proof]
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    want(path, "the proof is empty")
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        want(last > 0, "the proof is too long")
        if at & 1 or at == last:
            old, new = sha256(b"\1" + sibling + old), sha256(b"\1" + sibling + new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = sha256(b"\1" + new + sibling)
        at, last = at >> 1, last >> 1
    want(last == 0 and old == old_root and new == root, "the checkpoint does not continue the older one")


def check_introductions(introductions, genesis, keys, checkpoint):
    """Nodes that genesis does not name: adds their keys."""
    text = checkpoint.split("\n")
    size, root = int(text[1]), base64_bytes(text[2], 32)
    want(len(introductions) <= 8, "too many introductions")
    for one in introductions:
        want(set(one) == {"checkpoint", "consistency", "member", "trust"}, "an introduction has other members")
        old_size, old_root, state_root = check_note(one["checkpoint"], genesis, keys)
        check_consistency(old_size, old_root, size, root, one["consistency"])
        key, member = check_record(one["member"], state_root)
        want(key.startswith("consortium/member/") and member["status"] == "active", "no active member")
        trust_key, trust = check_record(one["trust"], state_root)
        want(trust_key == key.replace("/member/", "/trust/", 1), "keys of another member")
        keys.update(verifier_keys(trust.get("note_keys", [])))


def check_record(record, root):
    """A record of the state (spec/state-tree.md): its key and value."""
    key_hash = sha256(record["key"].encode())
    hashed = sha256(b"\0" + key_hash + sha256(record["value"].encode()))
    for depth in reversed(range(len(record["siblings"]))):
        sibling = base64_bytes(record["siblings"][depth], 32)
        bit = key_hash[depth // 8] >> (7 - depth % 8) & 1
        hashed = sha256(b"\1" + (sibling + hashed if bit else hashed + sibling))
    want(hashed == root, f"{record['key']} is not in the state")
    return record["key"], canonical(record["value"])


def check_signature(jws, records):
    """The transaction's signature by the key that the ledger has for its actor (spec/keys.md)."""
    signed, _, signature = jws.rpartition(".")
    header, payload = (canonical(base64url_bytes(part).decode()) for part in signed.split("."))
    key = records["identity/key/" + header["kid"]]
    public, signature = base64url_bytes(key["pub"]), base64url_bytes(signature)
    want(header["alg"] == key["alg"] and header["typ"] == "qf-tx" and len(signature) == 64, "the header")

    def text(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    if key["alg"] == "EdDSA":
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": text(public)}
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, signed.encode())
    else:
        want(key["alg"] == "ES256", "this program knows ES256 and EdDSA")
        jwk = {"crv": "P-256", "kty": "EC", "x": text(public[:32]), "y": text(public[32:])}
        parts = (int.from_bytes(signature[i:i + 32], "big") for i in (0, 32))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + public).verify(
            utils.encode_dss_signature(*parts), signed.encode(), ec.ECDSA(SHA256()))
    thumbprint = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    want(text(sha256(thumbprint)) == header["kid"], "kid names another key")
    return key, payload


def verify(data, trusted):
    """Steps 1 to 9 of spec/bundle.md, but for `witnessed`; a line that says what holds. The note and the token of
    `stamped` are for openssl ts -verify."""
    bundle = canonical(data.decode())
    want(bundle["format"] == "qf-bundle-1", "it is no bundle")
    want(set(bundle) <= {"format", "entry", "leaf", "checkpoint", "proof", "genesis", "introductions", "records",
                         "stamped", "state", "witnessed"}, "it has other members")
    genesis = canonical(bundle["genesis"])
    want(genesis == trusted, "it is of another network")
    want(genesis["suite"] == "intl", "this program knows suite intl")
    keys = verifier_keys(text for member in genesis["members"] for text in member.get("note_keys", []))
    check_introductions(bundle.get("introductions", []), genesis, keys, bundle["checkpoint"])
    size, root, state_root = check_note(bundle["checkpoint"], genesis, keys)
    check_inclusion(bundle["entry"].encode(), bundle["leaf"], bundle["proof"], size, root)
    entry = canonical(bundle["entry"])
    want(set(entry) == {"code", "h", "i", "t", "tx"} and entry["tx"], "the entry holds a transaction")
    records = dict(check_record(record, state_root)
                   for record in bundle["state"] + bundle.get("records", []))
    want(records["consortium/network"]["genesis"] == sha256(bundle["genesis"].encode()).hex(),
         "the ledger began with another genesis document")
    key, payload = check_signature(entry["tx"], records)
    want(payload["net"] == genesis["network"], "it was signed for another network")
    outcome = "accepted" if entry["code"] == 0 else f"refused with code {entry['code']}"
    return f"entry {bundle['leaf']} of {size}, {outcome}, signed by {key['actor']} of {key['member']}"


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        trusted = json.load(file)
    try:
        print("VALID:", verify(data[:-1] if data.endswith(b"\n") else data, trusted))
    except (Wrong, InvalidSignature, ValueError, KeyError, TypeError, IndexError) as problem:
        sys.exit(f"NOT VALID: {problem or type(problem).__name__}")


if __name__ == "__main__":
    main()
