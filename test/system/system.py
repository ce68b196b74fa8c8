"""What tests of the whole program share: a network in a temporary folder, its node as a child, and
transactions signed by the openssl program, so that a payload can be any bytes."""
import atexit
import base64
import http.client
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
work = pathlib.Path(tempfile.mkdtemp(prefix="qf-system-"))
nodes = []


@atexit.register
def _end():
    for node in nodes:
        node.stop()
    shutil.rmtree(work)


def run(*args, stdin=None, check=True):
    done = subprocess.run([str(a) for a in args], input=stdin, capture_output=True, check=False)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(str(a) for a in args)}: {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def qifeng(*args, **more):
    return run(PROGRAM, *args, **more)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Key:
    """A key file of the network's suite intl (ES256)."""

    def __init__(self, path, create=False):
        self.path = path
        if create:
            qifeng("key", "create", path, "--no-passphrase")
        shown = json.loads(qifeng("key", "show", path, "--json"))
        self.kid, self.jwk = shown["kid"], shown["jwk"]

    def signature(self, message):
        der = run("openssl", "dgst", "-sha256", "-sign", self.path, stdin=message)
        at, parts = 2, []
        for _ in range(2):
            size = der[at + 1]
            parts.append(int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big"))
            at += 2 + size
        return parts[0] + parts[1]

    def sign(self, payload, header=None):
        header = {"alg": "ES256", "kid": self.kid, "typ": "qf-tx"} if header is None else header
        if not isinstance(header, bytes):
            header = canonical(header)
        signing_input = base64url(header) + b"." + base64url(payload)
        return signing_input + b"." + base64url(self.signature(signing_input))


def canonical(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def payload(ops, exp=600, net="test", **more):
    return canonical({"exp": int(time.time()) + exp, "net": net, "ops": ops,
                      "nonce": base64url(secrets.token_bytes(16)).decode(), **more})


class Node:
    def __init__(self, folder, limited=False, within=()):
        """`within`: a command that starts the program, such as unshare with its options."""
        self.process = subprocess.Popen(
            [*within, PROGRAM, "node", folder, "--listen", "127.0.0.1:0",
             *([] if limited else ["--no-rate-limit"])],
            stdout=subprocess.PIPE)
        nodes.append(self)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready "):
            sys.exit(f"the node did not start: {line}")
        self.url = line.split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, path):
        connection = self.connect()
        connection.request("GET", path)
        data = connection.getresponse().read()
        connection.close()
        return data

    def where(self):
        """Size and root of the log, root of the state, and what replicas agree on."""
        network = json.loads(self.get("/v1/network"))
        return {name: network[name] for name in ("log_size", "log_root", "state_root", "app_hash")}

    def log_size(self):
        return self.where()["log_size"]

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        return 0


def post(connection, body, content_type="application/jose"):
    """HTTP status and the answer as JSON."""
    connection.request("POST", "/v1/transactions", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def network(member="planning"):
    """A data directory with its admin's key."""
    folder = work / "network"
    qifeng("init", folder, "--network", "test", "--member", member, "--no-passphrase")
    return folder, Key(folder / "keys/admin.pem")
