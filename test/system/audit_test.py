#!/usr/bin/env python3
"""The audit of a folder that kill -9 left: the journal's tail is read as it is, not a byte changes,
and what the audit says is what the node then comes up with. Damage is named with its place; a last
record that is not whole is told and is none.

usage: audit_test.py PROGRAM XES
"""
import hashlib
import http.client
import json
import pathlib
import secrets
import shutil
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from system import Node, PROGRAM, network, payload, post, run, work  # noqa: E402  pylint: disable=wrong-import-position

XES = sys.argv[2]
PAGE = 4096
checks = 0


def check(good, what):
    global checks
    checks += 1
    if not good:
        sys.exit(f"failed: {what}")


def audit(folder, code=0):
    done = subprocess.run([PROGRAM, "audit", str(folder), "--json"], capture_output=True, text=True,
                          check=False)
    check(done.returncode == code,
          f"audit ends with {done.returncode}, not {code}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def contents(folder):
    """Every byte and every time of change; not LMDB's table of readers, which holds no data."""
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns,
                                         hashlib.sha256(p.read_bytes()).hexdigest())
            for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "lock.mdb"}


class Record:
    """A record of the journal, and the bytes that it was read from."""

    def __init__(self, path, data, at):
        self.path, self.at = path, at
        (_, self.body_size, self.sequence, self.height, self.time, self.first, self.count,
         self.durable) = struct.unpack(">4sIQQQQII", data[at:at + 48])
        self.fixed = data[at:at + 48]
        self.hash = data[at + 48:at + 80]
        self.size = (80 + self.body_size + PAGE - 1) // PAGE * PAGE
        self.entries, offset = [], at + 80
        for _ in range(self.count):
            size = struct.unpack(">H", data[offset:offset + 2])[0]
            self.entries.append(bytearray(data[offset + 2:offset + 2 + size]))
            offset += 2 + size

    def hash_after(self, previous):
        leaves = b"".join(hashlib.sha256(b"\0" + entry).digest() for entry in self.entries)
        return hashlib.sha256(previous + self.fixed + leaves).digest()

    @property
    def place(self):
        return f"at byte {self.at}"


def journal(folder):
    """The records of all segments in order, read by what spec/on-disk.md says alone."""
    segments = []
    for path in (folder / "journal").glob("segment-*"):
        data = path.read_bytes()
        if data[:16] == b"qf-journal-seg1\n" and hashlib.sha256(data[:56]).digest() == data[56:88]:
            segments.append((struct.unpack(">Q", data[16:24])[0], data[24:56], path, data))
    records, last = [], None
    for sequence, previous, path, data in sorted(segments, key=lambda s: s[0]):
        check(last is None or previous == last, "the segments form a chain")
        at, last = PAGE, previous
        while data[at:at + 4] == b"QFJ1" and struct.unpack(">Q", data[at + 8:at + 16])[0] == sequence:
            record = Record(path, data, at)
            record.previous = last
            if record.hash_after(last) != record.hash:
                break
            records.append(record)
            last, at = record.hash, at + record.size
    return records


def copy(folder, name):
    other = work / name
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(folder, other)
    return other


def in_copy(record, folder):
    return folder / "journal" / record.path.name


def change(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def flip(path, at):
    change(path, at, bytes([path.read_bytes()[at] ^ 4]))


def rewrite(folder, records, at, entry, data):
    """Another entry at a place, and every hash after it made anew: only what the entries say can
    tell."""
    records[at].entries[entry][:] = data
    previous = records[at].previous
    for record in records[at:]:
        previous = record.hash_after(previous)
        body = b"".join(struct.pack(">H", len(e)) + bytes(e) for e in record.entries)
        change(in_copy(record, folder), record.at + 48, previous + body)


def refuses_to_start(folder, *words):
    before = contents(folder)
    done = subprocess.run([PROGRAM, "node", str(folder), "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=20, check=False)
    check(done.returncode != 0, "a node does not start on a damaged journal")
    for word in words:
        check(word in done.stderr, f"{word}: {done.stderr}")
    check(contents(folder) == before, "and changes nothing")


def kill(node, load):
    node.process.kill()
    node.process.wait()
    load.kill()
    load.wait()


def kill_under_load(folder, key, entries):
    """SIGKILL while an import sends lines of a hundred: blocks are large."""
    node = Node(folder)
    size = node.log_size()
    load = subprocess.Popen(
        [PROGRAM, "import", "xes", XES, "--keys", str(work / "officials"), "--admin-key",
         str(key.path), "--no-passphrase", "--node", node.url], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while node.log_size() < size + entries and load.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    kill(node, load)


def kill_among_checkpoints(folder, key, seconds):
    """SIGKILL while one by one is sent: a block each, some under a checkpoint, some not. Every
    transaction that was acknowledged is returned."""
    node = Node(folder)
    acknowledged = []

    def send():
        connection = node.connect()
        try:
            while True:
                ops = [{"op": "evidence.record", "id": secrets.token_hex(8),
                        "hash": "sha-256:" + secrets.token_hex(32)}]
                status, answer = post(connection, key.sign(payload(ops)))
                if status == 200:
                    acknowledged.append(answer["leaf"])
        except (OSError, http.client.HTTPException, ValueError):
            return

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    time.sleep(seconds)
    check(audit(folder)["valid"], "the folder of a node that is at work")
    time.sleep(0.1)
    node.process.kill()
    node.process.wait()
    for sender in senders:
        sender.join()
    return acknowledged


def comes_up_as(folder, report):
    node = Node(folder)
    where = node.where()
    node.stop()
    check((where["log_size"], where["app_hash"], where["log_root"]) ==
          (report["log_size"], report["app_hash"], report["log_root"]),
          f"the node comes up as the audit said: {where} {report}")


def damages(folder, report):
    """Each on a copy. The tail has several blocks."""
    records = journal(folder)
    size = report["checkpoint_size"]
    tail = [r for r in records if r.first >= size]
    covered = [r for r in records if r.first + r.count <= size]
    check(len(tail) == report["journal_blocks"] and
          sum(r.count for r in tail) == report["journal_entries"], "the tail is that of the journal")

    # A byte of any promised record, of the first that stands behind the checkpoint and of others.
    durable = max(r.durable * PAGE for r in records if r.path == tail[-1].path)
    promised = [r for r in records if r.path == tail[-1].path and r.at < durable]
    check(len(promised) > 2, "most of the journal was durable")
    for record in (promised[0], promised[len(promised) // 2], promised[-1]):
        for at in (0, 17, 33, 50, 84):
            bad = copy(folder, "damaged")
            flip(in_copy(record, bad), record.at + at)
            found = audit(bad, 1)
            check(found["field"] == f"journal/{record.path.name}" and record.place in found["detail"],
                  f"{record.place}: {found}")
    refuses_to_start(bad, record.path.name, record.place)

    # The last record was being written: it is told, and is no error.
    last = tail[-1]
    bad = copy(folder, "torn")
    flip(in_copy(last, bad), last.at + last.size // 2 if last.body_size > last.size // 2 else
         last.at + 85)
    found = audit(bad)
    check(found["journal_torn"] == f"journal/{last.path.name} {last.place}" and
          found["log_size"] == last.first, f"a torn last record: {found}")
    text = run(PROGRAM, "audit", bad).decode()
    check("is not whole" in text and last.place in text, text)
    comes_up_as(bad, found)

    # The same where a checkpoint that was published covers it: it was promised.
    bad = copy(folder, "short")
    cut = covered[-1]
    for record in [cut, *tail]:
        change(in_copy(record, bad), record.at, bytes(PAGE))
    found = audit(bad, 1)
    check(found["field"] == "journal" or record.path.name in found["field"], f"lost: {found}")

    # A header.
    bad = copy(folder, "header")
    flip(in_copy(last, bad), 30)
    found = audit(bad, 1)
    check("journal" in found["field"], f"a header: {found}")

    # Somebody who can compute hashes: an entry of the tail with another signature.
    bad, forged = copy(folder, "forged"), journal(folder)
    at = next(i for i, r in enumerate(forged) if r.first >= size)
    entry = forged[at].entries[0]
    place = entry.rindex(b'"') - 20
    entry = entry[:place] + (b"A" if entry[place:place + 1] != b"A" else b"B") + entry[place + 1:]
    rewrite(bad, forged, at, 0, entry)
    found = audit(bad, 1)
    check(found["field"] == f"entry {forged[at].first}" and "signature" in found["detail"],
          f"forged: {found}")
    # An entry of the tail with another result.
    bad, forged = copy(folder, "result"), journal(folder)
    entry = forged[at].entries[0]
    check(entry.startswith(b'{"code":0,'), "the first of the tail was accepted")
    rewrite(bad, forged, at, 0, entry.replace(b'{"code":0,', b'{"code":7,', 1))
    check(audit(bad, 1)["field"] == f"entry {forged[at].first}", "another result")
    # An entry that the checkpoint covers: the log says otherwise.
    bad, forged = copy(folder, "fork"), journal(folder)
    at = forged.index(next(r for r in forged if r.first == covered[-1].first))
    entry = forged[at].entries[0]
    rewrite(bad, forged, at, 0, entry.replace(b'{"code":0,', b'{"code":7,', 1))
    found = audit(bad, 1)
    check(found["field"] == "journal" and f"entry {forged[at].first}" in found["detail"],
          f"another log: {found}")

    # No journal at all.
    bad = copy(folder, "empty")
    for path in (bad / "journal").iterdir():
        path.unlink()
    found = audit(bad, 1)
    check(found["field"] == "journal" and "no segment" in found["detail"], f"emptied: {found}")
    # Without the folder it is a copy of the log: nothing is said of a journal.
    (bad / "journal").rmdir()
    found = audit(bad)
    check(found["journal_entries"] is None and found["log_size"] == size, f"log alone: {found}")


def main():
    folder, key = network()
    damaged = False
    for number in range(8):
        acknowledged = []
        if number < 2:
            kill_under_load(folder, key, 1000 + 700 * number)
        else:
            # The folder's checkpoint is renewed with the stored state, every five seconds.
            acknowledged = kill_among_checkpoints(folder, key, 6.3 if number % 2 == 0 else 0.8)
            check(acknowledged, "something was acknowledged")
        before = contents(folder)
        report = audit(folder)
        now = contents(folder)
        check(now == before, f"the audit changes nothing: "
              f"{[n for n in {**before, **now} if now.get(n) != before.get(n)]}")
        # The first kill comes before anything was stored.
        check(report["valid"] and report["state_compared"] == (number > 0), f"a killed node's folder: {report}")
        check(report["log_size"] - report["checkpoint_size"] == report["journal_entries"],
              f"what is not under the checkpoint is the journal's: {report}")
        check(not acknowledged or max(acknowledged) < report["log_size"],
              "all that was acknowledged is there")
        records = journal(folder)
        if records:
            last = records[-1]
            check(report["log_size"] == last.first + last.count, "every whole record counts")
        whole = report["journal_torn"] is None
        if not damaged and whole and report["journal_blocks"] > 6 and \
                [r for r in records if r.first + r.count <= report["checkpoint_size"]]:
            damages(folder, report)
            damaged = True
        comes_up_as(folder, report)
        # Stopped in order, nothing stands in the journal alone.
        after = audit(folder)
        check(after["journal_entries"] == 0 and after["log_size"] == report["log_size"],
              f"after a stop: {after}")
        if damaged and number >= 3:
            break
    check(damaged, "one of the kills left a tail of several blocks")
    print(f"{checks} checks")


main()
