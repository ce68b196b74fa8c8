#!/usr/bin/env python3
"""Bundles and receipts of a witnessed log: verified offline with the witnesses' keys, under a policy,
with keys that the reader does not know, and changed."""
import json
import shutil
import subprocess

from node import QIFENG, Node, check, run, work
from witnesses import Log, vkey

log = Log()
court, uni = log.witness("court"), log.witness("uni")
log.configure(court, uni)
log.start()
first = log.grow(3)["id"]
BOTH = {"alpha", "court.example/w", "uni.example/w"}
log.until("both cosign", lambda: log.checkpoint() == (3, BOTH))
TRUST = ["--trust", log.dir / "genesis.json"]
WITNESSES = ["--witness", court.vkey, "--witness", uni.vkey]
names = {"court.example/w", "uni.example/w"}


def fetch(ident, name, *args):
    run(QIFENG, "bundle", ident, "--node", log.url, "-o", work / name, *args)
    return work / name


def verify(path, *args, code=0, says=""):
    done = subprocess.run([QIFENG, "verify", path, *args], capture_output=True, text=True, check=False)
    check(done.returncode == code and says in done.stdout + done.stderr,
          f"verify {path.name} {args[2:]}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout


def report(path, *args):
    return json.loads(verify(path, *args, "--json"))


# A log at rest: the cosignatures are on the bundle's own checkpoint.
bundle = fetch(first, "rest.qfb", "--cosigned", "2")
check("witnessed" not in json.loads(bundle.read_bytes()), "one checkpoint is enough")
text = verify(bundle, *TRUST, *WITNESSES, says="VALID")
check(all(f"cosigned by witness {name}" in text for name in names) and "not checked" not in text, text)
good = report(bundle, *TRUST, *WITNESSES)
check({c["name"] for c in good["cosigners"]} == names and good["signers"] == ["alpha"] and
      not good["unknown_signers"] and all(c["log_size"] == 3 for c in good["cosigners"]), str(good))
# Keys that the reader does not know say nothing, and spoil nothing.
alone = report(bundle, *TRUST)
check(not alone["cosigners"] and set(alone["unknown_signers"]) == names, str(alone))
one = report(bundle, *TRUST, "--witness", uni.vkey)
check([c["name"] for c in one["cosigners"]] == ["uni.example/w"] and
      one["unknown_signers"] == ["court.example/w"], str(one))
# A policy: some of those whom the reader trusts.
run(QIFENG, "key", "create", work / "third.pem", "--witness", "third", "--no-passphrase")
third = ["--witness", vkey(work / "third.pem", "third")]
verify(bundle, *TRUST, *WITNESSES, *third, code=4, says="--cosigned 3")
verify(bundle, *TRUST, *WITNESSES, *third, "--quorum", "2")
verify(bundle, *TRUST, "--witness", court.vkey, "--quorum", "2", code=2)
verify(bundle, *TRUST, "--witness", log.key, code=2, says="type 04")
verify(bundle, *TRUST, "--quorum", "x", code=2)
# One key under two names is one witness.
twice = ["--witness", court.vkey, "--witness", vkey(court.dir / "keys/witness.pem", "other")]
verify(bundle, *TRUST, *twice, code=4)
# A known key's bad signature spoils the note; so does a changed text.
data = json.loads(bundle.read_bytes())


def changed(what, note, name="changed.qfb"):
    """With another checkpoint, in `what` or for its own."""
    copy = json.loads(bundle.read_bytes())
    (copy if what is None else copy[what])["checkpoint"] = note
    (work / name).write_text(json.dumps(copy, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
    return work / name


lines = data["checkpoint"].split("\n")
cosigned = next(i for i, line in enumerate(lines) if "court" in line)
bad = lines[cosigned][:-4] + ("A" if lines[cosigned][-4] != "A" else "B") + lines[cosigned][-3:]
spoiled = changed(None, "\n".join([*lines[:cosigned], bad, *lines[cosigned + 1:]]))
verify(spoiled, *TRUST, *WITNESSES, code=1, says="cosignature does not verify")
verify(spoiled, *TRUST, "--witness", uni.vkey)  # to whom that key means nothing
signature = next(line for line in lines if line.startswith("\u2014 alpha "))
doubled = changed(None, data["checkpoint"] + signature + "\n")
check(report(doubled, *TRUST, *WITNESSES)["signers"] == ["alpha"], "two lines by one key are one signer")
verify(changed(None, data["checkpoint"].replace(signature + "\n", "")), *TRUST, *WITNESSES, code=4)

# A node's key that genesis does not name is taken from the reader.
shutil.copytree(log.dir, work / "joined")
(work / "joined/keys/note.pem").unlink()
run(QIFENG, "key", "create", work / "joined/keys/note.pem", "--log", "alpha", "--no-passphrase")
new_key = run(QIFENG, "key", "show", work / "joined/keys/note.pem", "--log", "alpha").decode().split("vkey ")[1].strip()
joined = Node.__new__(Node)
joined.name, joined.dir, joined.process, joined.listen = "joined", work / "joined", None, "127.0.0.1:0"
(joined.dir / "node.yaml").write_text(log.whole)
joined.start()
run(QIFENG, "bundle", first, "--node", joined.url, "-o", work / "joined.qfb")
verify(work / "joined.qfb", *TRUST, code=4, says="--log-key")
check(report(work / "joined.qfb", *TRUST, "--log-key", new_key)["signers"] == ["alpha"], "named by the reader")
joined.stop()

# While no witness answers, the bundle has an older checkpoint that both have cosigned.
court.stop()
uni.stop()
last = log.grow(4)["id"]
bundle = fetch(first, "older.qfb", "--cosigned", "2")
inner = json.loads(bundle.read_bytes())["witnessed"]
check(sorted(inner) == ["checkpoint", "consistency", "proof"], str(inner))
good = report(bundle, *TRUST, *WITNESSES)
check({(c["name"], c["log_size"]) for c in good["cosigners"]} == {(n, 3) for n in names} and
      good["log_size"] == 7, str(good))
status, headers, body = log.get(f"/v1/transactions/{last}/bundle?cosigned=1")
check(status == 503 and b"cosigned by 1" in body and headers["Retry-After"], f"not yet: {status} {body}")
fresh = fetch(last, "fresh.qfb")
verify(fresh, *TRUST)
verify(fresh, *TRUST, *WITNESSES, code=4, says="0 of the 2")
raw = bundle.read_bytes()
start = raw.index(b'"witnessed"')
for at in range(start, len(raw) - 1, 7):
    flipped = work / "flipped.qfb"
    flipped.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])
    done = subprocess.run([QIFENG, "verify", flipped, *TRUST, *WITNESSES], capture_output=True, check=False)
    check(done.returncode in (1, 4), f"byte {at} changed: {done}")
other = json.loads(fetch(last, "fresh.qfb").read_bytes())
inner["proof"] = other["proof"]
flipped.write_text(json.dumps({**json.loads(raw), "witnessed": inner}, separators=(",", ":"), sort_keys=True,
                              ensure_ascii=False))
verify(flipped, *TRUST, *WITNESSES, code=1, says="witnessed")

# Receipts for others' tools, with the entry in them.
receipt = fetch(first, "first.tlog-proof", "--receipt", "--cosigned", "2")
check(receipt.read_bytes().startswith(b"c2sp.org/tlog-proof@v1\nextra "), "its form")
text = verify(receipt, *TRUST, *WITNESSES, says="VALID")
check("e-3" in text and "cosigned by witness court.example/w" in text and "a receipt does not prove" in text, text)
good = report(receipt, *TRUST, *WITNESSES)
check(good["leaf"] == 2 and good["log_size"] == 3 and good["id"] == first and "actor" not in good, str(good))
verify(receipt, *WITNESSES, code=4, says="--trust")
raw = receipt.read_bytes()
for at in range(24, len(raw) - 1, 5):
    (work / "flipped").write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])
    done = subprocess.run([QIFENG, "verify", work / "flipped", *TRUST, *WITNESSES], capture_output=True, check=False)
    check(done.returncode in (1, 4), f"byte {at} of the receipt changed: {done}")
verify(fetch(last, "last.tlog-proof", "--receipt"), *TRUST)

# The command line says how the witnesses stand.
done = subprocess.run([QIFENG, "witness", "status", log.url], capture_output=True, text=True, check=False)
check(done.returncode == 1 and "unreachable" in done.stdout and "4 behind" in done.stdout, done.stdout)
court.start()
uni.start()
log.until("both again", lambda: log.checkpoint() == (7, BOTH))
text = run(QIFENG, "witness", "status", log.url).decode()
check(text.count("  good") == 2 and "the log has 7 entries" in text, text)
doctor = subprocess.run([QIFENG, "doctor", court.dir], capture_output=True, text=True, check=False).stdout
check("cosigns as court.example/w: logs of 1 keys" in doctor, doctor)
check(f"this node witnesses as {court.vkey}\n  alpha: 7 entries" in
      run(QIFENG, "witness", "status", court.url).decode(), "the witness's side")
shown = json.loads(run(QIFENG, "witness", "status", log.url, "--json"))
check(len(shown["witnesses"]) == 2 and shown["cosigned"]["size"] == 7, str(shown))
verify(fetch(last, "last.qfb", "--cosigned", "2"), *TRUST, *WITNESSES)
