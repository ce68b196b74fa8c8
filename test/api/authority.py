"""A time-stamp authority for tests that is nobody of ours: the openssl program behind HTTP, with a root and
certificates made by it. `mode` makes it a hostile one."""
import http.server
import pathlib
import subprocess
import threading

CONFIG = """
[tsa]
dir = {dir}
serial = {dir}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
clock_precision_digits = 0
[stamp]
keyUsage = critical,digitalSignature
extendedKeyUsage = {usage}
"""


def openssl(*args, cwd):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, cwd=cwd, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Authority:
    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir()
        self.mode = "good"
        self.asked = 0
        self.last = b""
        self.signer = None
        (self.dir / "serial").write_text("01\n")
        self.root = self.dir / "root.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                "root.key", "-out", "root.pem", "-days", "7000", "-subj", "/CN=Test root", cwd=self.dir)
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                authority.asked += 1
                authority.answer(self, body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/tsr"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def certify(self, name, days, usage="critical,timeStamping"):
        """From now on it signs as NAME, with a certificate that ends after so many days."""
        (self.dir / "tsa.cnf").write_text(CONFIG.format(dir=self.dir, usage=usage))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=self.dir)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key",
                "-set_serial", str(abs(hash(name)) % 10**9 + 1), "-days", str(days), "-extfile", "tsa.cnf",
                "-extensions", "stamp", "-out", f"{name}.pem", cwd=self.dir)
        self.signer = name

    def reply(self, body):
        query, reply = self.dir / f"{self.asked}.tsq", self.dir / f"{self.asked}.tsr"
        query.write_bytes(body)
        openssl("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", query, "-signer",
                f"{self.signer}.pem", "-inkey", f"{self.signer}.key", "-out", reply, cwd=self.dir)
        return reply.read_bytes()

    def answer(self, handler, body):
        status, kind, data = 200, "application/timestamp-reply", b""
        if self.mode == "error":
            status, kind, data = 500, "text/plain", b"no"
        elif self.mode == "page":
            kind, data = "text/html", b"<html>welcome</html>"
        elif self.mode == "garbage":
            data = b"\x30\x82\x01\x00" + b"\xff" * 256
        elif self.mode == "flood":
            data = b"\x30" * 3_000_000
        elif self.mode == "old":
            data = self.last
        elif self.mode == "refusing":
            data = self.reply(b"no request")
        else:
            data = self.last = self.reply(body)
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            pass  # whom the flood is for hangs up

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
