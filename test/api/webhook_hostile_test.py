#!/usr/bin/env python3
"""Webhooks whose receivers hang, lie, flood or are somebody else; and settings that are refused."""
import json
import socket
import ssl
import threading
import time

from node import QIFENG, Node, check, run, skip, work
from receiver import SECRET, Receiver, health, secret_file, until
import shutil

if shutil.which("openssl") is None:
    skip("openssl is not installed")


def openssl(*args):
    run("openssl", *args)


def certificate(name, ca=None, san=None):
    """A key and a certificate; self-signed without `ca`."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".pem"]
    if ca is None:
        openssl("req", "-x509", *key, "-subj", "/CN=" + name, "-days", "2", "-out", name + ".crt")
        return
    openssl("req", *key, "-subj", "/CN=" + name, "-out", name + ".csr")
    (work / (name + ".ext")).write_text(f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".pem",
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".crt")


class Raw:
    """Answers every connection with whatever `script` does with it."""

    def __init__(self, script):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/in"
        self.script = script
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            with connection:
                while connection.recv(65536):
                    self.script(connection)
        except OSError:
            pass


def flood(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
    while True:
        time.sleep(0.2)
        connection.sendall(b"x")


def endless_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Filler: " + b"y" * 8000 + b"\r\n")


certificate("ca")
certificate("other-ca")
certificate("server", "ca", "IP:127.0.0.1")
certificate("wrong-name", "ca", "DNS:elsewhere.example")
certificate("client", "ca")


def tls(name, client_roots=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(work / (name + ".crt"), work / (name + ".pem"))
    if client_roots:
        context.load_verify_locations(work / (client_roots + ".crt"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


node = Node("beta")
secret_file(node.dir / "s", SECRET)
good = Receiver(context=tls("server"))
mutual = Receiver(context=tls("server", "ca"))
misnamed = Receiver(context=tls("wrong-name"))
raws = {"flood": Raw(flood), "drip": Raw(drip), "headers": Raw(endless_headers),
        "hang": Raw(lambda c: None), "garbage": Raw(lambda c: c.sendall(b"\x00\xff nonsense\r\n\r\n")),
        "shut": Raw(lambda c: c.close())}
stranger = Receiver(secret=b"another secret that nobody knows")
closed = socket.create_server(("127.0.0.1", 0))
closed_port = closed.getsockname()[1]
closed.close()
hooks = {"tls": (good.url, f"roots: {work}/ca.crt"),
         "foreign": (good.url, f"roots: {work}/other-ca.crt"),
         "unknown": (good.url, ""),
         "misnamed": (misnamed.url, f"roots: {work}/ca.crt"),
         "mutual": (mutual.url, f"roots: {work}/ca.crt, certificate: {work}/client.crt, "
                                f"certificate_key: {work}/client.pem"),
         "nameless": (mutual.url, f"roots: {work}/ca.crt"),
         "closed": (f"http://localhost:{closed_port}/", ""),
         "stranger": (stranger.url, "")}
hooks.update({name: (raw.url, "timeout_s: 1" if name in ("hang", "drip") else "")
              for name, raw in raws.items()})
node.settings("webhooks:\n" + "".join(
    f"  - {{id: {name}, url: '{url}', secret: s{', ' + more if more else ''}}}\n"
    for name, (url, more) in hooks.items()))
node.start()
started = time.monotonic()
for i in range(5):
    node.record(f"e-{i}")
check(time.monotonic() - started < 15, "receivers that hang do not slow the node")
takes = {"tls", "mutual", "flood", "drip"}  # a status that came counts, whatever follows it
for name in sorted(takes):
    until(f"{name} takes", lambda n=name: health(node, n)[0]["delivered"] == 5)
for name in sorted(hooks.keys() - takes):
    until(f"{name} fails", lambda n=name: health(node, n)[0]["failures"] > 0)
    hook, _ = health(node, name)
    check(hook["delivered"] == 0 and hook["position"] == 0 and hook["lag"] == 5, hook)
check(len(good.taken) == 5 and len(mutual.taken) == 5 and not misnamed.taken, "over TLS")
check(health(node, "stranger")[0]["last_status"] == 401, "another secret")
check(health(node, "hang")[0]["last_status"] == 0, "no answer")


def listed(name):
    items = json.loads(run(QIFENG, "webhook", "list", node.dir, "--json"))["items"]
    return next(i["state"] for i in items if i["id"] == name)


for name, word in (("foreign", "certificate"), ("unknown", "certificate"), ("misnamed", "127.0.0.1"),
                   ("hang", "timed out"), ("stranger", "401"), ("headers", "header")):
    until(f"{name}: {word} in {listed(name)}", lambda n=name, w=word: w in listed(n))
status = open(f"/proc/{node.process.pid}/status", encoding="ascii").read()
rss_kb = int(status.split("VmRSS:")[1].split()[0])
check(rss_kb < 200_000, f"memory is bounded: {rss_kb} KiB")
started = time.monotonic()
node.stop()
check(time.monotonic() - started < 10, "a stop is quick")

# Settings that cannot be meant are refused, with the line and the cure.
bad = Node("gamma")
secret_file(bad.dir / "s", SECRET)
(bad.dir / "open").write_text("whsec_" + "A" * 44 + "\n")
(bad.dir / "open").chmod(0o640)
(bad.dir / "short").write_text("whsec_" + "A" * 8 + "\n")
(bad.dir / "short").chmod(0o600)
keep = (bad.dir / "node.yaml").read_text(encoding="utf-8")
for hook, says in (("url: 'http://example.org/', secret: s", "allow_http"),
                   ("url: 'http://127.0.0.1.example.org/', secret: s", "allow_http"),
                   ("url: 'https://u:p@h/', secret: s", "no user and password"),
                   ("url: 'https://h/#x', secret: s", "never sent"),
                   ("url: 'ftp://h/', secret: s", "want https"),
                   ("url: 'https://h/'", "secret is missing"),
                   ("url: 'https://h/', secret: none", "No such file"),
                   ("url: 'https://h/', secret: open", "can be read by others"),
                   ("url: 'https://h/', secret: short", "24 to 64 bytes"),
                   ("url: 'https://h/', key: keys/admin.pem", "Ed25519"),
                   ("url: 'https://h/', secret: s, events: [evidence.recrod]", "want the name of an op"),
                   ("url: 'https://h/', secret: s, roots: none.pem", "cannot be read"),
                   ("url: 'https://h/', secret: s, certificate: s", "go together"),
                   ("url: 'https://h/', secret: s, timeout_s: 61", "1 to 60"),
                   ("url: 'https://h/', secret: s, from: 7", "the log has 0 entries")):
    (bad.dir / "node.yaml").write_text(f"{keep}webhooks:\n  - {{id: a, {hook}}}\n", encoding="utf-8")
    done = run("sh", "-c", f"'{QIFENG}' node '{bad.dir}' --listen 127.0.0.1:0 2>&1; test $? -ne 0")
    check(says in done.decode(), f"{hook}: {done.decode()}")
    check("AAAA" not in done.decode(), "no secret in a message")
# What was lost is said, and only the operator goes on.
(bad.dir / "node.yaml").write_text(f"{keep}webhooks:\n  - {{id: a, url: '{raws['shut'].url}', secret: s}}\n",
                                   encoding="utf-8")
(bad.dir / "webhooks").mkdir(exist_ok=True)
(bad.dir / "webhooks/a.json").write_text("{\"leaf\":")
bad.start()
hook, whole = health(bad, "a")
check(hook["state"] == "disabled" and whole["status"] == "degraded", hook)
run(QIFENG, "webhook", "enable", bad.dir, "a", good=False)
run(QIFENG, "webhook", "enable", bad.dir, "a", "--from", "now")
check(health(bad, "a")[0]["state"] == "idle", "goes on")
bad.stop()
stored = json.loads((bad.dir / "webhooks/a.json").read_text())
(bad.dir / "webhooks/a.json").write_text(json.dumps({**stored, "leaf": 10}, separators=(",", ":")))
bad.start()
until("an older backup is noticed", lambda: "older backup" in health(bad, "a")[0]["detail"])
