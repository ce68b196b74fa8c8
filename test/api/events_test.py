#!/usr/bin/env python3
"""GET /v1/events: a client that comes back misses nothing and gets nothing twice."""
import http.client
import json
import threading
import time

from node import Node, check

node = Node("alpha").start()


class Stream:
    """An SSE client by the letter of the HTML standard, as far as it is used."""

    def __init__(self, query="", last=None):
        self.connection = http.client.HTTPConnection(node.url[7:], timeout=20)
        self.connection.request("GET", "/v1/events" + query,
                                headers={"Last-Event-ID": last} if last else {})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.last = last

    def next(self):
        event, data = None, None
        while True:
            line = self.answer.readline().decode()
            check(line != "", "the stream goes on")
            line = line.rstrip("\n")
            if line == "" and data is not None:
                return event, json.loads(data)
            name, _, value = line.partition(": ")
            if name == "id":
                self.last = value
            elif name == "event":
                event = value
            elif name == "data":
                data = value

    def close(self):
        self.connection.close()


for i in range(5):
    node.record(f"e-{i}", attributes={"n": i})
stream = Stream("?from=0")
check(stream.status == 200 and stream.answer.headers["Content-Type"] == "text/event-stream", "type")
for i in range(3):
    kind, event = stream.next()
    check(kind == event["type"] == "evidence.record", kind)
    check(event["specversion"] == "1.0" and event["source"] == "urn:qifeng:network:alpha", "envelope")
    check(event["data"]["op"]["id"] == f"e-{i}" and event["data"]["leaf"] == i, f"event {i}")
    check(event["data"]["member"] == "m-alpha" and event["time"].endswith("Z"), "who and when")
check(stream.last == "2", f"id is the position: {stream.last}")
stream.close()
again = Stream(last=stream.last)
for i in (3, 4):
    check(again.next()[1]["data"]["op"]["id"] == f"e-{i}", "resumes after the last id")

# A sleeping client is woken by the commit; several ops of one entry share the id of the last.
started = time.monotonic()
threading.Timer(0.3, lambda: node.record("e-5")).start()
check(again.next()[1]["data"]["op"]["id"] == "e-5", "wakes")
check(time.monotonic() - started < 3, "wakes at once")
ops = [{"op": "evidence.record", "id": f"m-{i}", "hash": "sha-256:" + "cd" * 32} for i in range(3)]
status, _, body = node.request("POST", "/v1/transactions", node.sign(*ops),
                               {"Content-Type": "application/jose"})
check(status == 200, body)
for i in range(3):
    check(again.next()[1]["id"] == f"6.{i}", "one event an op")
    check(again.last == ("6" if i == 2 else "5"), "the entry's id comes with its last event")

# Refused but ordered; filters.
status, _, body = node.request("POST", "/v1/transactions",
                               node.sign({**ops[0], "id": "m-0"}),
                               {"Content-Type": "application/jose"})
check(status == 422, body)
check(again.next()[0] == "transaction.refused", "refusals are events")
again.close()
stream = Stream("?from=0&type=transaction.refused&member=m-alpha")
check(stream.next()[1]["data"]["problem"] == "urn:qifeng:problem:exists", "filter by type")
stream.close()
stream = Stream("?from=4&type=evidence")
check(stream.next()[1]["id"] == "4.0", "filter by module")
stream.close()
for query, last in (("?from=999", None), ("?from=x", None), ("", "999"), ("", "-1")):
    bad = Stream(query, last)
    check(bad.status == 400, f"{query} {last}: {bad.status}")
    bad.close()

# Many clients, all told; then the node stops while they sleep, and says so.
many = [Stream() for _ in range(50)]
node.record("last")
for stream in many:
    check(stream.next()[1]["data"]["op"]["id"] == "last", "all hear it")
node.stop()
for stream in many:
    check(stream.next()[0] == "end", "the end is said")
