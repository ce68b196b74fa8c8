"""A receiver of webhooks that verifies what it gets, for the tests of them."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from node import check

SECRET = bytes(range(32))


class Receiver:
    """Takes posts, verifies each, and answers as it is told: a list of (status, headers, wait)."""

    def __init__(self, secret=SECRET, context=None):
        self.secret, self.taken, self.seen, self.answers = secret, [], [], []
        self.slow_s = 0
        self.asked = 0  # posts that came, whatever became of them
        self.gate = threading.Event()  # closed: nothing is answered
        self.gate.set()
        self.lock = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = outer.take(self, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that go away are part of it
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server.server_port}/in"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request, body):
        self.asked += 1
        ident, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signatures = request.headers["webhook-signature"].split(" ")
        mac = hmac.new(self.secret, f"{ident}.{at}.".encode() + body, hashlib.sha256).digest()
        if "v1," + base64.b64encode(mac).decode() not in signatures:
            return 401, {}
        event = json.loads(body)
        time.sleep(self.slow_s)
        self.gate.wait(60)
        with self.lock:
            self.seen.append((ident, event, time.monotonic(), dict(request.headers)))
            status, headers = self.answers.pop(0) if self.answers else (200, {})
            if status < 300:
                self.taken.append((ident, event))
            self.lock.notify_all()
        return status, headers

    def wait(self, count, timeout=90):
        """The first `count` events that were taken."""
        end = time.monotonic() + timeout
        with self.lock:
            while len(self.taken) < count:
                left = end - time.monotonic()
                check(left > 0, f"{count} events come; {len(self.taken)} of {len(self.seen)} taken")
                self.lock.wait(left)
            return self.taken[:count]

    def names(self):
        with self.lock:
            return [event["data"].get("op", {}).get("id") for _, event in self.taken]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def secret_file(path, *secrets):
    path.write_text("".join(f"whsec_{base64.b64encode(s).decode()}\n" for s in secrets),
                    encoding="utf-8")
    path.chmod(0o600)


def health(node, name):
    whole = node.json("/v1/health")
    return next(h for h in whole["webhooks"] if h["id"] == name), whole


def until(what, condition, timeout=30):
    end = time.monotonic() + timeout
    while not condition():
        check(time.monotonic() < end, f"in time: {what}")
        time.sleep(0.02)
