#!/usr/bin/env python3
"""Every byte of a bundle of each suite, changed in several ways, is found, and the part named; some of
them through the program as a reader runs it. Arguments: qifeng, bundle-flip, `all` for every value."""
import json
import subprocess
import sys

from system import PROGRAM, Node, payload, post, qifeng, run, work

FLIP = sys.argv[2]
for suite, hash_name in (("intl", "sha-256"), ("gm", "sm3")):
    folder = work / suite
    qifeng("init", folder, "--network", "test", "--member", "planning", "--suite", suite, "--no-passphrase")
    node = Node(folder)
    link = node.connect()
    for i in range(5):
        ops = [{"op": "evidence.record", "id": f"permit/{i}", "hash": f"{hash_name}:" + "ab" * 32,
                "source": "窗口 \"3\"\n", "attributes": {"案号": "2026-17", "pages": i}}]
        jws = qifeng("tx", "sign", "--key", folder / "keys/admin.pem", "--network", "test", "-",
                     stdin=json.dumps(ops).encode()).strip()
        status, answer = post(link, jws)
        assert status == 200, answer
        if i == 2:
            wanted = answer["id"]
    bundle = work / f"{suite}.qfb"
    qifeng("bundle", wanted, "--node", node.url, "-o", bundle)
    node.stop()
    trust = ("--trust", folder / "genesis.json")
    qifeng("verify", bundle, *trust)
    done = subprocess.run([FLIP, bundle, folder / "genesis.json", *sys.argv[3:]], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{suite}: {done.stderr}")
    print(suite, done.stdout.replace("\n", "; "))
    data = bundle.read_bytes()
    for at in range(3, len(data), len(data) // 6):
        changed = work / "changed.qfb"
        changed.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        found = subprocess.run([PROGRAM, "verify", changed, *trust, "--json"], capture_output=True, check=False)
        assert found.returncode in (1, 4), (at, found)
        answer = json.loads(found.stdout)
        assert not answer["valid"] and answer["detail"], answer
