#!/usr/bin/env python3
"""Witnesses that misbehave: whatever they answer, nothing wrong gets into a checkpoint, the log goes on,
and its operator reads what is the matter."""
import http.server
import json
import threading

from node import QIFENG, check, run, work
from witnesses import Log, vkey

MODES = {  # what is answered, and the state and words in which the operator is told
    "garbage": ("refused", "without a good cosignature"),
    "stranger": ("refused", "without a good cosignature"),
    "other-text": ("refused", "without a good cosignature"),
    "endless": ("unreachable", ""),
    "always-409": ("refused", "another size each time"),
    "409-words": ("forked", "two histories"),
    "422": ("forked", "does not continue"),
    "404": ("refused", "note_keys"),
    "403": ("refused", "note_keys"),
    "redirect": ("refused", "302"),
    "500": ("unreachable", "500"),
    "hang-up": ("unreachable", ""),
}
asked = []


class Bad(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", court.url + "/add-checkpoint")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        mode = self.path.split("/")[1]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked.append((mode, self.path.rsplit("/", 1)[1], body))
        old = int(body.split(b"\n")[0].split()[1])
        if mode == "garbage":
            self.answer(200, b"\x00\xff" * 1000)
        elif mode == "stranger":  # a good cosignature, by another key than is configured
            status, _, line = court.request("POST", "/add-checkpoint", body)
            check(status in (200, 409), f"court: {status}")
            self.answer(200, line)
        elif mode == "other-text":
            self.answer(200, b"\n\xe2\x80\x94 bad AAAAAAAA\n")
        elif mode == "endless":
            self.answer(200, b"\xe2\x80\x94 " + b"x" * (1 << 20))
        elif mode == "always-409":
            self.answer(409, b"1\n" if old != 1 else b"2\n", "text/x.tlog.size")
        elif mode == "409-words":
            self.answer(409, b"-1\n", "text/x.tlog.size")
        elif mode == "422":  # asks for a proof first, then finds it wrong
            self.answer(*((409, b"2\n", "text/x.tlog.size") if old != 2 else (422, b"")))
        elif mode == "hang-up":
            self.close_connection = True
            self.connection.close()
        elif mode == "redirect":
            self.answer(302, b"")
        else:
            self.answer(int(mode), b"")


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # connections that the node gives up


server = Server(("127.0.0.1", 0), Bad)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
log = Log()
court = log.witness("court")
url = f"http://127.0.0.1:{server.server_port}/"
pairs = []
for mode in MODES:
    run(QIFENG, "key", "create", work / f"{mode}.pem", "--witness", mode, "--no-passphrase")
    pairs.append((url + mode + "/", vkey(work / f"{mode}.pem", mode)))
log.configure(court, *pairs)
log.start()
log.grow(3)
log.until("court cosigns", lambda: log.checkpoint() == (3, {"alpha", "court.example/w"}))
for mode, (state, says) in MODES.items():
    log.until(f"{mode} is found out", lambda: log.states()[mode]["state"] == state and  # pylint: disable=cell-var-from-loop
              says in log.states()[mode].get("detail", ""))  # pylint: disable=cell-var-from-loop
log.grow(2)
log.until("court goes on", lambda: log.checkpoint() == (5, {"alpha", "court.example/w"}))
check({name for _, name, _ in asked} == {"add-checkpoint"}, "one address, behind the prefix")
counts = {mode: sum(m == mode for m, _, _ in asked) for mode in MODES}
check(all(0 < n < 60 for n in counts.values()), f"none is asked over and over: {counts}")
problems = json.dumps(log.json("/v1/health")["problems"])
check("two histories" in problems and "note_keys" in problems, problems)
metrics = log.get("/metrics")[2].decode()
check('qifeng_witness_contradicts{witness="422"} 1' in metrics, "metrics")
log.stop()
log.configure(court, *pairs, quorum=2)
log.start()
check(log.get("/checkpoint")[0] == 503 and b"witness_quorum" in log.get("/checkpoint")[2], "no quorum, nothing")
log.stop()
server.shutdown()

# A witness behind mutual TLS: without the right certificate it is not reached.
ca = (court.dir / "keys/ca.crt", court.dir / "keys/ca.pem")
(work / "ext").write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
                          "subjectAltName=IP:127.0.0.1\n")
for name in ("server", "client"):
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.pem")
    run("openssl", "req", "-new", "-key", f"{name}.pem", "-subj", f"/CN={name}", "-out", f"{name}.csr")
    run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", ca[0], "-CAkey", ca[1], "-CAcreateserial",
        "-days", "1", "-extfile", "ext", "-out", f"{name}.crt")
court.stop()
court.settings(f"tls:\n  certificate: {work}/server.crt\n  key: {work}/server.pem\n  clients: required\n")
court.start()
for tls, good in (("", False), (f", roots: {ca[0]}", False),
                  (f", roots: {ca[0]}, certificate: {work}/client.crt, certificate_key: {work}/client.pem", True)):
    (log.dir / "node.yaml").write_text(
        log.whole + f"witnesses:\n  - {{url: '{court.url}', key: {court.vkey}{tls}}}\n")
    log.start()
    log.until(f"TLS {tls}", lambda: log.states()["court"]["state"] not in ("waiting",))
    check((log.states()["court"]["state"] == "good") == good, f"{tls}: {log.states()}")
    log.stop()
