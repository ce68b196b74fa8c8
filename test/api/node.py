"""Real nodes for tests: argument 1 is the program. Each node has a data directory of its own."""
import atexit
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

QIFENG = os.path.abspath(sys.argv[1])
work = pathlib.Path(tempfile.mkdtemp(prefix="qf-api-"))
nodes = []
checks = 0


@atexit.register
def _end():
    for node in nodes:
        node.stop()
    shutil.rmtree(work, ignore_errors=True)
    print(f"{checks} checks")


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"failed: {what}")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def run(*args, good=True, env=None, stdin=None):
    done = subprocess.run([str(a) for a in args], capture_output=True, cwd=work, input=stdin,
                          env={**os.environ, **(env or {})}, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    check((done.returncode == 0) == good, f"{' '.join(map(str, args))}: exit {done.returncode}\n{text}")
    return done.stdout


class Node:
    def __init__(self, name, network=None, suite="intl"):
        self.name = name
        self.dir = work / name
        self.process = None
        self.listen = "127.0.0.1:0"
        run(QIFENG, "init", self.dir, "--network", network or name, "--member", "m-" + name,
            "--suite", suite, "--no-passphrase")

    def settings(self, text):
        with open(self.dir / "node.yaml", "a", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        log = open(self.dir / "stderr.txt", "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [QIFENG, "node", str(self.dir), "--listen", self.listen], stdout=subprocess.PIPE,
            stderr=log, text=True)
        log.close()
        line = self.process.stdout.readline()
        check(line.startswith("ready "), f"{self.name} starts: {line}{self.errors()}")
        self.url = line.split()[1]
        self.listen = self.url.split("://")[1]  # where others find it after a restart
        if self not in nodes:
            nodes.append(self)
        return self

    def errors(self):
        return (self.dir / "stderr.txt").read_text(errors="replace")

    def stop(self, hard=False):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        code = self.process.wait(20)
        self.process.stdout.close()
        self.process = None
        check(hard or code == 0, f"{self.name} ends with {code}: {self.errors()}")

    def request(self, method, path, body=None, headers=None, timeout=15):
        """(status, headers, body)"""
        request = urllib.request.Request(self.url + path, data=body, method=method,
                                         headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def get(self, path):
        return self.request("GET", path)

    def json(self, path):
        status, _, body = self.get(path)
        check(status == 200, f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def sign(self, *ops):
        return run(QIFENG, "tx", "sign", "--key", self.dir / "keys/admin.pem", "--network",
                   self.json("/v1/network")["id"], "-", stdin=json.dumps(ops).encode()).strip()

    def record(self, ident, **fields):
        """Records evidence; the result object."""
        op = {"op": "evidence.record", "id": ident, "hash": "sha-256:" + "ab" * 32, **fields}
        status, _, body = self.request("POST", "/v1/transactions", self.sign(op),
                                       {"Content-Type": "application/jose"})
        check(status == 200, f"evidence.record: {status} {body}")
        return json.loads(body)
