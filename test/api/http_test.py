#!/usr/bin/env python3
"""The frame of the HTTP interface, at a real node: methods, media types, addresses, pages, sizes."""
import json
import socket
import subprocess
import time
import urllib.parse

from node import QIFENG, Node, check

JOSE = {"Content-Type": "application/jose"}


def resident():
    """Memory of the node in KiB."""
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status_file:
        return next(int(line.split()[1]) for line in status_file if line.startswith("VmRSS"))


node = Node("frame").start()

second = subprocess.run([QIFENG, "node", node.dir, "--listen", "127.0.0.1:0", "--json"], timeout=20,
                        capture_output=True, check=False)
check(second.returncode == 3 and b"another node" in second.stderr, f"one node a folder: {second}")

status, headers, body = node.request("DELETE", "/v1/transactions")
check(status == 405 and headers["Allow"] == "POST, GET, HEAD", f"405 {status} {headers}")

for media_type, wanted in (("application/jose", 200), ("Application/JOSE; charset=utf-8", 200),
                           ("application/jose+json", 415), ("text/plain", 415)):
    jws = node.sign({"op": "evidence.record", "id": f"type-{len(media_type)}",
                     "hash": "sha-256:" + "01" * 32})
    status, headers, body = node.request("POST", "/v1/transactions", jws + b"\r\n\n",
                                         {"Content-Type": media_type})
    check(status == wanted, f"{media_type}: {status} {body}")
    check(wanted != 200 or headers["Content-Type"] == "application/json", f"one alone: {headers}")

status, _, body = node.request("POST", "/v1/transactions", b"x" * (5 << 20), JOSE)
check(status == 413 and json.loads(body)["type"].endswith(":body-too-large"), f"413: {status}")

for path in ("/v1/state/%ff", "/v1/evidence?%ff=1", "/v1/evidence?source=%ff", "/v1/keys/%c0%80"):
    status, _, body = node.get(path)
    check(status == 400 and json.loads(body)["field"] == "path", f"{path}: {status} {body}")

SOURCE = 'register "east" &=+%'
for i in range(5):
    node.record(f"page/{i}", source=SOURCE, attributes={"kind of": "a b"})
node.record("page/other", source="another")
path, seen = "/v1/evidence?source=register%20%22east%22%20%26%3D%2B%25&attributes.kind%20of=a%20b&limit=2", []
while path is not None:
    status, headers, body = node.get(path)
    page = json.loads(body)
    check(status == 200 and ("next" in page) == ("Link" in headers), f"{path}: {status} {body}")
    seen += [item["id"] for item in page["items"]]
    check(len(seen) <= 5, f"a page repeats: {seen}")
    path = headers["Link"].split(">")[0][1:] if "Link" in headers else None
check(seen == [f"page/{i}" for i in range(5)], f"pages: {seen}")
for path in ("/v1/evidence?member=m-frame&limit=0", "/v1/transactions?limit=0", "/v1/members?limit=0"):
    status, _, body = node.get(path)
    check(status == 400 and json.loads(body)["field"] == "limit", f"{path}: {status} {body}")

# A method that is no text comes back in no answer.
for method in (b"G\xbdT", b"\xff", b"GET\xc0\x80"):
    address = urllib.parse.urlsplit(node.url)
    with socket.create_connection((address.hostname, address.port), timeout=15) as raw:
        raw.sendall(method + b" /v1/network HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 400") and json.loads(body.decode())["field"] == "path", f"{answer}")

# An empty cursor is the beginning; of a member that there is not there are no actors; and who waits for
# more witnesses than are asked would wait for ever.
for path in ("/v1/transactions?cursor=", "/v1/evidence?member=m-frame&cursor=", "/v1/members?cursor="):
    status, _, body = node.get(path)
    check(status == 200 and json.loads(body)["items"], f"{path}: {status} {body}")
check(node.get("/v1/members/m-frame/actors")[0] == 200, "actors")
check(node.get("/v1/members/nobody/actors")[0] == 404, "actors of nobody")
known = node.json("/v1/transactions?limit=1")["items"][0]["id"]
for path in (f"/v1/transactions/{known}/bundle", f"/v1/transactions/{known}/receipt",
             "/v1/bundles/evidence/page/0", "/v1/bundles/member/m-frame"):
    status, _, body = node.get(path + "?cosigned=1")
    check(status == 400 and json.loads(body)["field"] == "cosigned", f"{path}: {status} {body}")

# Who sends large bodies on many connections and finishes none does not fill the node's memory, and a
# transaction still finds room. Bodies hold 256 MiB, all together; each connection here wants 3.9.
address = urllib.parse.urlsplit(node.url)
piece, held = b"x" * 3_900_000, []
for _ in range(80):
    raw = socket.create_connection((address.hostname, address.port), timeout=30)
    raw.sendall(b"POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\n"
                b"Content-Length: 3900001\r\n\r\n" + piece)
    held.append(raw)
memory, before, waited = resident(), 0, 0
while waited < 60 and (memory != before or memory < 200 * 1024):  # it reads what the sockets have taken
    time.sleep(0.5)
    before, memory, waited = memory, resident(), waited + 1
check(memory < 600 * 1024, f"resident: {memory} KiB")
node.record("beside", source="while others send")
answers = []
for raw in held:
    raw.sendall(b"x")
    answers.append(raw.recv(65536).split()[1])
    raw.close()
check(b"503" in answers and set(answers) <= {b"400", b"413", b"503"}, f"{answers}")
node.record("after", source="when they have gone")
for value in ("", "-x", "a%20b", "x" * 49):
    status, _, body = node.get(f"/v1/evidence?member={value}")
    check(status == 400 and json.loads(body)["field"] == "member", f"member={value}: {status} {body}")
