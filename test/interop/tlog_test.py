#!/usr/bin/env python3
"""A log in tlog-tiles layout under golang.org/x/mod/sumdb (qf-check) and Tessera's fsck: a good one
passes, whatever was changed in a copy is refused. Arguments: qf-check, the folder of test data."""
import base64
import functools
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

import harness

here = pathlib.Path(__file__).resolve().parent
build = subprocess.run([here / "go" / "build.sh", os.path.dirname(harness.TOOL)], check=False)
if build.returncode != 0:
    sys.exit(build.returncode)

DATA = pathlib.Path(sys.argv[2]).resolve() / "tlog"
KEY = re.search(r"`(\S+\+[0-9a-f]{8}\+\S+)`", (DATA.parent / "README.md").read_text())[1]
FSCK = pathlib.Path(harness.TOOL).parent / "fsck"
OLD = [f"-old={DATA / f'checkpoint.{size}'}" for size in range(16)]


def check(good, folder, *args, key=KEY, says=None):
    return harness.tool(good, "-dir", folder, "-key", key, *args, says=says)


def fsck(good, folder, key=KEY):
    says = "Successfully fsck'd" if good else None
    harness.expect(good, here / "tessera-fsck.sh", FSCK, folder, key, says=says)


def changed(path, change):
    """A copy of the log with one file changed by the function, or without it."""
    copy = harness.work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(DATA, copy)
    (copy / path).chmod(0o600)
    data = change(bytearray((copy / path).read_bytes()))
    (copy / path).unlink()
    if data is not None:
        (copy / path).write_bytes(data)
    return copy


def flip(at):
    def change(data):
        data[at] ^= 1
        return data
    return change


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


says = check(True, DATA, *OLD, says="15 of 15 included")
assert says.count("consistent: ") == 16, says
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                         functools.partial(Quiet, directory=DATA))
threading.Thread(target=server.serve_forever, daemon=True).start()
harness.tool(True, "-url", f"http://127.0.0.1:{server.server_port}/", "-key", KEY, *OLD,
             says="15 of 15 included")
server.shutdown()
fsck(True, DATA)

TILE, BUNDLE = "tile/0/000.p/15", "tile/entries/000.p/15"
name, key_id, public = KEY.split("+", 2)
other_key = bytearray(base64.b64decode(public))
other_key[-1] ^= 1
check(False, DATA, key=f"{name}+{key_id}+{base64.b64encode(other_key).decode()}")
for path, change, reason in [
        ("checkpoint", flip(-10), "checkpoint"),
        ("checkpoint", lambda data: data.replace(b"\n15\n", b"\n14\n"), "checkpoint"),
        ("checkpoint", lambda data: data.replace(b"rKbD", b"rKbE"), "checkpoint"),
        (TILE, lambda data: None, "p/15"),
        (TILE, lambda data: data[:-1], "bytes, want 480"),
        (BUNDLE, lambda data: None, "p/15"),
        (BUNDLE, lambda data: data[:-1], "ends in entry 14"),
]:
    copy = changed(path, change)
    check(False, copy, says=reason)
    fsck(False, copy)
for entry in range(15):
    copy = changed(TILE, flip(32 * entry + entry))
    check(False, copy, says="its hash is not the one in the tile")
    if entry == 7:
        fsck(False, copy)
bundle = (DATA / BUNDLE).read_bytes()
at = 0
while at < len(bundle):
    size = int.from_bytes(bundle[at:at + 2], "big")
    check(False, changed(BUNDLE, flip(at + 2)), says="its hash is not the one in the tile")
    if at == 0:
        fsck(False, changed(BUNDLE, flip(2)))
    at += 2 + size

# Neither a larger tree nor a changed checkpoint is an earlier state of the log.
later = changed("checkpoint", lambda data: (DATA / "checkpoint.9").read_bytes())
check(False, later, f"-old={DATA / 'checkpoint.12'}", says="had 12 entries and now has 9")
broken = harness.work / "old"
broken.write_bytes((DATA / "checkpoint.12").read_bytes().replace(b"\n12\n", b"\n11\n"))
check(False, DATA, f"-old={broken}", says="old")
