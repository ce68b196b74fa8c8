#!/usr/bin/env python3
"""A service comes onto a running node by vote, a case is played over HTTP, and both are still there
after the node was killed."""
import json

from node import Node, check
from permit import propose

node = Node("alpha").start()


def send(*ops):
    status, _, body = node.request("POST", "/v1/transactions", node.sign(*ops),
                                   {"Content-Type": "application/jose"})
    return status, json.loads(body)


def done(*ops):
    status, answer = send(*ops)
    check(status == 200 and answer["status"] == "accepted", f"{ops}: {status} {answer}")
    return answer


propose(done, "m-alpha")
check(node.json("/v1/services")["items"] == [], "proposing is not deploying")
done({"op": "consortium.vote", "proposal": "p", "choice": "yes"})
check(node.json("/v1/services/permit")["status"] == "active", "deployed")

for name in ("c1", "c2"):
    done({"op": "service.case.open", "service": "permit", "case": name})
tasks = node.json("/v1/tasks?role=desk")["items"]
check([task["case"] for task in tasks] == ["c1", "c2"], f"work list: {tasks}")
page = node.json("/v1/tasks?role=desk&limit=1")
check(len(page["items"]) == 1, "a page")
status, answer = send({"op": "service.task.complete", "case": "c1", "task": tasks[0]["task"],
                        "data": {"area": "large"}})
check(status == 422 and answer["problem"]["field"] == "ops[0].data.area",
      f"refused: {status} {answer}")
done({"op": "service.task.complete", "case": "c1", "task": tasks[0]["task"],
      "data": {"area": 500}})
before = node.json("/v1/cases/c1")
check(before["data"]["way"] == "full" and before["status"] == "running", f"decided: {before}")

node.stop(hard=True)
node.start()
check(node.json("/v1/cases/c1") == before, "the case is as it was")
review = node.json("/v1/tasks?role=expert")["items"][0]
check(review["node"] == "review" and review["due"] > review["opened"], f"review: {review}")
done({"op": "service.task.complete", "case": "c1", "task": review["task"], "flows": ["f-no"]})
case = node.json("/v1/cases/c1")
check(case["status"] == "done" and case["decisions"] == before["decisions"], f"done: {case}")
check(len(node.json("/v1/cases")["items"]) == 2, "two cases")
history = node.json("/v1/cases/c1/history")
kinds = [(item["kind"], item.get("node"), item.get("actor")) for item in history["items"]]
check(kinds == [("opened", None, "admin"), ("completed", "check", "admin"),
                ("completed", "review", "admin")], f"history: {kinds}")
check(history["items"][1]["data"] == {"area": 500} and history["items"][1]["role"] == "desk"
      and history["items"][1]["activity"] == "Check the application"
      and history["items"][2]["flows"] == ["f-no"], f"history: {history}")
entry = node.json("/v1/transactions/" + history["items"][2]["tx"])
check(entry["ops"][history["items"][2]["op"]]["task"] == review["task"], "the entry is named")
pages, path = [], "/v1/cases/c1/history?limit=1"
while path:
    page = node.json(path)
    pages += page["items"]
    path = page.get("next") and f"/v1/cases/c1/history?limit=1&cursor={page['next']}"
check(pages == history["items"], "in pages")
check(node.get("/v1/cases/none/history")[0] == 404, "no such case")
check(node.get("/v1/cases/none")[0] == 404 and node.get("/v1/tasks")[0] == 400, "problems")
