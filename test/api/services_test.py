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
rest = node.json(f"/v1/tasks?role=desk&limit=1&cursor={page['next']}")
check([task["case"] for task in rest["items"]] == ["c2"] and "next" not in rest, f"rest: {rest}")
check(node.json("/v1/tasks/count?role=desk") == {"count": 2, "whole": True}, "counted")
done({"op": "service.task.claim", "case": "c2", "task": tasks[1]["task"]})
held = {who: [task["case"] for task in node.json(f"/v1/tasks?role=desk&holder={who}")["items"]]
        for who in ("any", "none", "some", "m-alpha/admin", "m-alpha/other")}
check(held == {"any": ["c1", "c2"], "none": ["c1"], "some": ["c2"], "m-alpha/admin": ["c2"],
               "m-alpha/other": []}, f"by holder: {held}")
check([task["case"] for task in node.json("/v1/tasks?holder=m-alpha/admin")["items"]] == ["c2"],
      "a person's own list")
check(len(node.json("/v1/tasks?service=permit")["items"]) == 2, "by service")
check(node.json("/v1/tasks?service=permit&due_before=9999999999999")["items"] == [],
      "nothing has an end")
for wrong in ("role=../x", "role=desk&holder=me", "service=permit&due_before=soon",
              "role=desk&cursor=" + 200 * "x"):
    check(node.get("/v1/tasks?" + wrong)[0] == 400, wrong)
check(node.json("/v1/services")["items"][0]["titles"]["en"] == "Permit", "titles")
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
history = node.json("/v1/cases/c1/history")
kinds = [(item["kind"], item.get("node"), item.get("actor")) for item in history["items"]]
check(kinds == [("opened", None, "admin"), ("completed", "check", "admin"),
                ("automatic", "route", None), ("completed", "review", "admin")],
      f"history: {kinds}")
check(history["items"][1]["data"] == {"area": 500} and history["items"][1]["role"] == "desk"
      and history["items"][1]["activity"] == "Check the application"
      and history["items"][3]["flows"] == ["f-no"], f"history: {history}")
check(history["items"][2]["tx"] == history["items"][1]["tx"], "the step that led to it")
entry = node.json("/v1/transactions/" + history["items"][3]["tx"])
check(entry["ops"][history["items"][3]["op"]]["task"] == review["task"], "the entry is named")
pages, path = [], "/v1/cases/c1/history?limit=1"
while path:
    page = node.json(path)
    pages += page["items"]
    path = page.get("next") and f"/v1/cases/c1/history?limit=1&cursor={page['next']}"
check(pages == history["items"], "in pages")
check(node.get("/v1/cases/none/history")[0] == 404, "no such case")
why = node.json("/v1/cases/c1/decisions")
check(len(why["items"]) == 1 and "next" not in why, f"why: {why}")
decided = why["items"][0]
check((decided["outcome"], decided["same"], decided["decision"]) == ("full", True, "Route"),
      f"why: {decided}")
check(decided["tx"] == history["items"][1]["tx"] and decided["version"] == case["version"]
      and decided["trace"] == case["decisions"][0]["trace"], f"the step that led to it: {decided}")
check(decided["inputs"][0]["name"] == "area" and decided["inputs"][0]["value"] == 500,
      f"inputs: {decided}")
check(decided["rules"] and decided["rules"][0]["table"] == "Route"
      and decided["rules"][0]["clauses"] == ["Art. 7 (2)"], f"rules: {decided}")
check(node.json("/v1/cases/c2/decisions") == {"items": []}, "nothing decided yet")
check(node.json("/v1/cases/c1/decisions?cursor=1") == {"items": []}, "no more")
check(node.get("/v1/cases/none/decisions")[0] == 404
      and node.get("/v1/cases/c1/decisions?cursor=x")[0] == 400, "problems")
check([case["case"] for case in node.json("/v1/cases")["items"]] == ["c1", "c2"], "two cases")
check(case["tasks"] == [] and before["tasks"][0]["due"] == review["due"], "where it stood")
for query, wanted in (("status=done", ["c1"]), ("status=running&service=permit", ["c2"]),
                      ("status=failed", []), ("member=m-alpha", ["c1", "c2"]),
                      ("service=none", []), ("member=m-beta", [])):
    found = [case["case"] for case in node.json("/v1/cases?" + query)["items"]]
    check(found == wanted, f"{query}: {found}")
first = node.json("/v1/cases?limit=1")
second = node.json("/v1/cases?limit=1&cursor=" + first["next"])
check(second["items"][0]["case"] == "c2" and "next" not in second, f"pages: {first} {second}")
check(node.get("/v1/cases?status=open")[0] == 400, "no such status")
check(node.get("/v1/cases/none")[0] == 404 and node.get("/v1/tasks")[0] == 400, "problems")
