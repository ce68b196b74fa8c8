"""A real node's log with witnesses that are real nodes, for tests."""
import json
import time

from node import QIFENG, Node, check, run


def vkey(path, name):
    return run(QIFENG, "key", "show", path, "--witness", name).decode().split("vkey ")[1].strip()


class Log(Node):
    def __init__(self, name="alpha", network=None):
        super().__init__(name, network)
        self.key = json.loads((self.dir / "genesis.json").read_text())["members"][0]["note_keys"][0]
        self.whole = (self.dir / "node.yaml").read_text()
        self.at = 0

    def witness(self, name):
        """A node that witnesses this log, started."""
        node = Node(name)
        key = node.dir / "keys/witness.pem"
        run(QIFENG, "key", "create", key, "--witness", f"{name}.example/w", "--no-passphrase")
        node.settings(f"witness:\n  key: keys/witness.pem\n  name: {name}.example/w\n"
                      f"  logs:\n    - {{origin: {self.name}, key: {self.key}}}\n")
        node.vkey = vkey(key, f"{name}.example/w")
        return node.start()

    def configure(self, *witnesses, quorum=0):
        """Witnesses are nodes, or pairs of URL and verifier key."""
        pairs = [(w.url, w.vkey) if isinstance(w, Node) else w for w in witnesses]
        (self.dir / "node.yaml").write_text(
            self.whole + f"witness_quorum: {quorum}\nwitness_interval_ms: 50\nwitnesses:\n" +
            "".join(f"  - {{url: '{url}', key: {key}}}\n" for url, key in pairs))

    def grow(self, count):
        for _ in range(count):
            self.at += 1
            result = self.record(f"e-{self.at}")
        return result

    def until(self, what, condition):
        for _ in range(600):
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        check(False, f"{what}: {self.request('GET', '/v1/health')[2]}")
        return None

    def checkpoint(self):
        """(size, names of those who signed) of what the log publishes."""
        status, _, note = self.get("/checkpoint")
        if status != 200:
            return status, set()
        text, _, lines = note.decode().rpartition("\n\n")
        return int(text.split("\n")[1]), {line.split()[1] for line in lines.splitlines()}

    def states(self):
        health = self.request("GET", "/v1/health")[2]
        return {w["name"].split(".")[0]: w for w in json.loads(health)["witnesses"]}
