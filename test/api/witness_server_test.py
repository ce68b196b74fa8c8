#!/usr/bin/env python3
"""POST /add-checkpoint of a real node: every status of the C2SP witness protocol, requests that race,
kill -9 between them, and a memory that outlives all of it. The cosignatures are checked by openssl."""
import base64
import hashlib
import struct
import threading

from node import QIFENG, Node, check, run, work

NAME = "court.example/witness"
log = Node("alpha").start()
fork = Node("fork", network="alpha")
key = work / "court.pem"
run(QIFENG, "key", "create", key, "--witness", NAME, "--no-passphrase")
log_key = log.json("/v1/network")["note_keys"][0]
court = Node("court")
court.settings(f"""witness:
  key: {key}
  name: {NAME}
  logs:
    - {{origin: alpha, key: {log_key}}}
""")
# The fork signs with the log's own key: a log that shows two histories.
(fork.dir / "keys/note.pem").write_bytes((log.dir / "keys/note.pem").read_bytes())
(fork.dir / "genesis.json").write_bytes((log.dir / "genesis.json").read_bytes())
(fork.dir / "keys/admin.pem").write_bytes((log.dir / "keys/admin.pem").read_bytes())
fork.start()
other = Node("beta").start()


def grow(node, count):
    for _ in range(count):
        grow.at += 1
        node.record(f"e-{grow.at}")


grow.at = 0


def body(node, old, proof=None):
    note = node.get("/checkpoint")[2]
    size = int(note.split(b"\n")[1])
    if proof is None:
        proof = node.json(f"/v1/proof?old={old}&size={size}")["proof"] if 0 < old <= size else []
    return b"old %d\n" % old + b"".join(p.encode() + b"\n" for p in proof) + b"\n" + note


def post(content):
    status, headers, answer = court.request("POST", "/add-checkpoint", content)
    return status, headers["Content-Type"], answer


def refused(content, want, says):
    status, kind, answer = post(content)
    check((status, kind) == (want, "application/problem+json") and says.encode() in answer,
          f"{want} {says}: {status} {kind} {answer}")


def verify(content, answer):
    """openssl checks the cosignature over cosignature/v1, time and text; the time."""
    note = content[content.index(b"\n\n") + 2:]
    text = note[:note.rindex(b"\n\n") + 1]
    check(answer.startswith(f"\u2014 {NAME} ".encode()) and answer.count(b"\n") == 1, f"one line: {answer}")
    raw = base64.b64decode(answer.split()[2])
    vkey = run(QIFENG, "key", "show", key, "--witness", NAME).decode().split("vkey ")[1].strip()
    public = base64.b64decode(vkey.split("+", 2)[2])
    check(public[0] == 4 and raw[:4] == hashlib.sha256(NAME.encode() + b"\n" + public).digest()[:4], "key id")
    time = struct.unpack(">Q", raw[4:12])[0]
    (work / "message").write_bytes(b"cosignature/v1\ntime %d\n" % time + text)
    (work / "signature").write_bytes(raw[12:])
    run("openssl", "pkeyutl", "-verify", "-rawin", "-inkey", key, "-in", "message", "-sigfile", "signature")
    return time


court.start()
grow(log, 3)
first = body(log, 0)
status, kind, answer = post(first)
check(status == 200 and kind.startswith("text/plain"), f"cosigned: {status} {answer}")
verify(first, answer)
grow(log, 4)
status, kind, answer = post(body(log, 0))
check((status, kind, answer) == (409, "text/x.tlog.size", b"3\n"), f"told the size: {status} {kind} {answer}")

# Killed between remembering and the next request, it goes on from what it let out.
court.stop(hard=True)
court.start()
good = body(log, 3)
refused(body(log, 3, proof=[]), 422, "only grew")
status, _, answer = post(good)
check(status == 200, f"cosigned after a kill: {status} {answer}")
verify(good, answer)
again = body(log, 7)
status, _, answer = post(again)
check(status == 200 and verify(again, answer) > 0, f"the same again: {status} {answer}")

# What is refused, in the order in which it is looked at.
refused(b"", 400, "old")
refused(b"old 07\n\n" + log.get("/checkpoint")[2], 400, "decimal")
refused(b"old 7\n" + b"x\n" + log.get("/checkpoint")[2], 400, "proof")
refused(b"old 7\n" + base64.b64encode(bytes(32)) + b"\n" * 2, 400, "note")
refused(b"old 7\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n", 400, "63")
refused(b"old 0\n\n" + b"x" * (1 << 20) + b"\n" * 9000, 413, "at most")
refused(body(other, 0), 404, "does not know")
unsigned = bytearray(good)
unsigned[-10] = ord("B") if unsigned[-10] == ord("A") else ord("A")
refused(bytes(unsigned), 403, "trusted key")
refused(body(log, 9, proof=[]), 400, "above")

# A fork, of the same size and longer; nothing moves.
grow(fork, 7)
refused(body(fork, 7, proof=[]), 409, "another checkpoint")
grow(fork, 5)
refused(body(fork, 7), 422, "only grew")
evidence = [p for p in (court.dir / "witness").iterdir() if p.suffix == ".refused"]
check(len(evidence) == 1 and b"alpha" in evidence[0].read_bytes(), "the evidence is kept")
check(len(run(QIFENG, "key", "show", key)) > 0, "the key is there")

# Two histories race from one size, again and again: never are both cosigned.
answers = []


def send(content):
    answers.append((content, post(content)[0]))


for _ in range(4):
    grow(log, 1)
    old = 7 + _
    threads = [threading.Thread(target=send, args=(c,)) for c in (body(log, old), body(fork, old)) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = {c for c, code in answers if code == 200}
    check(len(won) == 1 and won == {body(log, old)}, f"one history: {[code for _, code in answers]}")
    answers.clear()
court.stop(hard=True)
court.start()
check(post(body(log, 11))[0] == 200, "the last one is remembered")

# A memory that somebody changed is not believed.
court.stop()
memory = next(p for p in (court.dir / "witness").iterdir() if p.suffix == ".note")
whole = memory.read_bytes()
memory.write_bytes(whole.replace(b"\n11\n", b"\n10\n"))
done = run(QIFENG, "node", court.dir, "--listen", "127.0.0.1:0", good=False)
memory.write_bytes(whole)
court.start()

# A node that witnesses nothing says so.
status, _, answer = log.request("POST", "/add-checkpoint", first)
check(status == 404 and b"node.yaml" in answer, f"not a witness: {status} {answer}")
