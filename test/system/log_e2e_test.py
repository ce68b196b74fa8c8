#!/usr/bin/env python3
"""A real node's log under golang.org/x/mod/sumdb (qf-check) and Tessera's fsck: it grows in steps,
each growth is consistent with all checkpoints before, every entry is included, read over HTTP and
from the folder; what was changed in a copy is refused.
Arguments: qifeng, folder with interop sources, build folder of qf-check."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from system import Node, network, payload, qifeng, work

INTEROP, BUILT = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
made = subprocess.run([INTEROP / "go/build.sh", BUILT], check=False)
if made.returncode != 0:
    sys.exit(made.returncode)

# A step sends this many transactions, so that sizes fall before, on and after the edges of tiles.
STEPS = [1, 6, 120, 129, 1, 300, 250]
folder, admin = network()
node = Node(folder)
key = json.loads(node.get("/v1/network"))["note_keys"][0]


def check(good, *args, says=None):
    done = subprocess.run([BUILT / "qf-check", "-origin", "test", "-key", key, *map(str, args)], capture_output=True,
                          text=True, check=False)
    text = done.stdout + done.stderr
    if (done.returncode == 0) != good or (says is not None and says not in text):
        sys.exit(f"{'should succeed' if good else 'should be refused'}: {args}\n{text}")
    return text


def fsck(good, log, key=key):
    done = subprocess.run([INTEROP / "tessera-fsck.sh", BUILT / "fsck", log, key, "test"],
                          env={**os.environ, "FSCK_SECONDS": "60" if good else "8"},
                          capture_output=True, text=True, check=False)
    if (done.returncode == 0) != good:
        sys.exit(f"fsck of {log}: {done.returncode}\n{done.stdout}\n{done.stderr}")


def sign_many(first, count):
    ops = {"op": "evidence.record_batch", "root": "sha-256:" + "ab" * 32, "count": 3}
    return b"\n".join(admin.sign(payload([{**ops, "id": f"b/{at}"}], exp=3000))
                      for at in range(first, first + count))


link, old, size = node.connect(), [], 0
for step, count in enumerate(STEPS):
    link.request("POST", "/v1/transactions", sign_many(size, count),
                 {"Content-Type": "application/jose"})
    answer = link.getresponse()
    text = answer.read().decode()
    assert answer.status == 200 and text.count('"status":"accepted"') == count, text[:500]
    size += count
    note = node.get("/checkpoint")
    assert note.split(b"\n")[1] == str(size).encode(), note
    says = check(True, "-url", node.url + "/", *old, says=f"{size} of {size} included")
    assert says.count("consistent: ") == len(old), says
    saved = work / f"checkpoint.{step}"
    saved.write_bytes(note)
    old.append(f"-old={saved}")

# The folder follows within a second; then the node ends, and the folder alone is enough.
for _ in range(100):
    if (folder / "log/checkpoint").read_bytes().split(b"\n")[1] == str(size).encode():
        break
    time.sleep(0.1)
else:
    sys.exit("the folder's checkpoint does not follow")
check(True, "-dir", folder / "log", *old, says=f"{size} of {size} included")
node.stop()
check(True, "-dir", folder / "log", *old, says=f"{size} of {size} included")
fsck(True, folder / "log")
qifeng("audit", folder)

# With its tiles archived it is whole over HTTP, and in a folder into which both were copied.
away, archive, merged = work / "away", work / "archive", work / "merged"
shutil.copytree(folder, away)
qifeng("archive", away, "--to", archive, "--keep", 0, "--hashes")
assert not (away / "log/tile/entries/000").exists()
with open(away / "node.yaml", "a", encoding="utf-8") as settings:
    settings.write(f"archives: ['{archive}']\n")
node = Node(away)
check(True, "-url", node.url + "/", *old, says=f"{size} of {size} included")
node.stop()
qifeng("audit", away)
fsck(False, away / "log")
shutil.copytree(away / "log", merged)
shutil.copytree(archive, merged, dirs_exist_ok=True)
check(True, "-dir", merged, *old, says=f"{size} of {size} included")
fsck(True, merged)

# Any file of a copy changed by one bit.
files = sorted(p.relative_to(folder / "log") for p in (folder / "log/tile").rglob("*") if p.is_file())
needed = [p for p in files if ".p" not in str(p) or p.name == str(size % 256)]
assert len(needed) == 8
for path in [pathlib.Path("checkpoint"), *needed[::max(1, len(needed) // 6)]]:
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "log", copy)
    data = bytearray((copy / path).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / path).write_bytes(data)
    check(False, "-dir", copy)
    if path in (pathlib.Path("checkpoint"), needed[0]):
        fsck(False, copy)

# Suite gm: the SHA-256 tree beside that of SM3 is what others' tools read, from a node and a folder.
gm = work / "gm"
qifeng("init", gm, "--network", "test", "--member", "planning", "--suite", "gm", "--no-passphrase")
node = Node(gm)
key = json.loads(node.get("/v1/network"))["note_keys"][0]
link, old, total = node.connect(), [], 0
for count in (3, 20, 1):
    lines = [qifeng("tx", "sign", "--key", gm / "keys/admin.pem", "--network", "test", "-",
                    stdin=json.dumps([{"op": "evidence.record", "id": f"g/{total + at}",
                                       "hash": "sm3:" + "ab" * 32}]).encode()).strip()
             for at in range(count)]
    link.request("POST", "/v1/transactions", b"\n".join(lines), {"Content-Type": "application/jose"})
    text = link.getresponse().read().decode()
    assert text.count('"status":"accepted"') == count, text[:500]
    total += count
    check(True, "-url", node.url + "/", *old, says=f"{total} of {total} included")
    saved = work / f"gm.{total}"
    saved.write_bytes(node.get("/checkpoint"))
    old.append(f"-old={saved}")
node.stop()
check(True, "-dir", gm / "log", *old, says=f"{total} of {total} included")
fsck(True, gm / "log", key)
qifeng("audit", gm)
print(f"{size} entries in {len(STEPS)} growths, {len(files)} files")
