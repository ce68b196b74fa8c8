#!/usr/bin/env python3
"""Two witnesses of a real node's log, real nodes themselves: cosigned checkpoints come by themselves,
through kills and restarts of either side; a log that lost entries, or shows another history, is not
cosigned, and its operator reads it in /v1/health."""
import json
import shutil
import time

from node import QIFENG, Node, check, run, work
from witnesses import Log

log = Log()
court, uni = log.witness("court"), log.witness("uni")
configure, grow, until = log.configure, log.grow, log.until
checkpoint, states = log.checkpoint, log.states
BOTH = {"alpha", "court.example/w", "uni.example/w"}
configure(court, uni)
log.start()
check(log.json("/v1/health")["status"] == "ok" and checkpoint()[0] == 0, "an empty log is no problem")
grow(5)
check(checkpoint()[0] == 5, "the newest is published at once")
until("both cosign", lambda: checkpoint() == (5, BOTH))
now = log.json("/v1/health")
check(now["status"] == "ok" and now["cosigned"]["size"] == 5 and now["cosigned"]["lag"] == 0, str(now))
for w in now["witnesses"]:
    check(w["state"] == "good" and w["reachable"] and w["size"] == 5 and w["lag"] == 0 and
          abs(w["time"] / 1000 - time.time()) < 60, str(w))
published = log.dir / "log/checkpoint"
until("the folder follows", lambda: published.exists() and
      published.read_bytes().count("— ".encode()) == 3)
seen = court.json("/v1/health")["witnessing"]
check(seen["key"] == court.vkey and seen["logs"][0]["size"] == 5, str(seen))

# One witness is killed: the other goes on; it comes back and catches up.
court.stop(hard=True)
grow(3)
until("uni alone", lambda: checkpoint() == (8, {"alpha", "uni.example/w"}))
until("told", lambda: any("court" in p["detail"] for p in log.json("/v1/health")["problems"]))
check(log.json("/v1/health")["status"] == "degraded" and not states()["court"]["reachable"], "told")
metrics = log.get("/metrics")[2].decode()
check('qifeng_witness_up{witness="court.example/w"} 0' in metrics and
      'qifeng_witness_lag_entries{witness="court.example/w"} 3' in metrics and
      'qifeng_witness_entries{witness="uni.example/w"} 8' in metrics, metrics)
check('qifeng_witnessing_entries{log="alpha"} 8' in uni.get("/metrics")[2].decode(), "uni's metrics")
court.start()
until("court again", lambda: checkpoint() == (8, BOTH))
until("all well", lambda: log.json("/v1/health")["status"] == "ok")

# The log is killed between rounds, again and again, and goes on.
for _ in range(3):
    grow(2)
    time.sleep(0.05 * _)
    log.stop(hard=True)
    log.start()
until("after kills", lambda: checkpoint() == (14, BOTH))
copy = work / "copy"

# With a quorum what is published has it, and does not shrink; a start has it before any witness.
log.stop()
configure(court, uni, quorum=2)
court.stop()
uni.stop()
log.start()
check(checkpoint() == (14, BOTH), f"what was cosigned is there: {checkpoint()}")
grow(2)
failed = {name: state["failures"] for name, state in states().items()}
until("both are asked for it", lambda: all(state["failures"] > failed[name] for name, state in states().items()))
check(checkpoint() == (14, BOTH), "nothing newer is published without the witnesses")
court.start()
until("one of two", lambda: states()["court"]["size"] == 16)
check(checkpoint() == (14, BOTH), "one of two is not enough")
uni.start()
until("both", lambda: checkpoint() == (16, BOTH))
grow(1)
until("both", lambda: checkpoint() == (17, BOTH))
# In the folder, too: what is published there is cosigned, and its tiles stay while the log goes on.
until("the folder follows", lambda: b"\n17\n" in (log.dir / "log/checkpoint").read_bytes())
uni.stop()
grow(2)
until("court alone", lambda: states()["court"]["size"] == 19)
until("a flush, and the tiles stay",
      lambda: {"17", "19"} <= {p.name for p in (log.dir / "log/tile/0/000.p").iterdir()})
check(b"\n17\n" in (log.dir / "log/checkpoint").read_bytes(), "the folder's checkpoint stays")
run(QIFENG, "audit", log.dir)
uni.start()
until("both", lambda: checkpoint() == (19, BOTH))
until("the folder follows", lambda: b"\n19\n" in (log.dir / "log/checkpoint").read_bytes())
run(QIFENG, "audit", log.dir)
log.stop()
shutil.copytree(log.dir, copy)

# An older copy of the log is restored: it lacks what was cosigned, then contradicts it.
log.start()
grow(4)
until("cosigned", lambda: checkpoint() == (23, BOTH))
log.stop()
shutil.rmtree(log.dir)
shutil.copytree(copy, log.dir)
configure(court, uni)
log.start()
until("entries are missing", lambda: {w["state"] for w in states().values()} == {"ahead"})
text = json.dumps(log.json("/v1/health")["problems"])
check("23 entries" in text and "only 19" in text and "restore" in text, text)
log.at += 100
grow(4)
until("another history", lambda: {w["state"] for w in states().values()} == {"forked"})
grow(3)
until("another history", lambda: any("does not continue" in w["detail"] for w in states().values()))
check(checkpoint() == (26, {"alpha"}), f"nobody cosigns it: {checkpoint()}")
check('qifeng_witness_contradicts{witness="uni.example/w"} 1' in log.get("/metrics")[2].decode(), "told")
seen = uni.json("/v1/health")["witnessing"]["logs"][0]
check(seen["refused"] > 0 and seen["size"] == 23 and seen["refusal"], str(seen))
check(list((uni.dir / "witness").glob("*.refused")), "the evidence is kept")

# A witness that was given another key for the log refuses, and one that does not know it.
log.stop()
stranger = Node("stranger")
stranger.settings((court.dir / "node.yaml").read_text()[
    (court.dir / "node.yaml").read_text().index("witness:"):].replace("origin: alpha", "origin: gamma"))
shutil.copy(court.dir / "keys/witness.pem", stranger.dir / "keys/witness.pem")
stranger.vkey = court.vkey
configure(stranger.start())
log.start()
until("not known", lambda: states()["court"]["state"] == "refused")
check("404" in states()["court"]["detail"], str(states()))
log.stop()
configure(court, court)
run(QIFENG, "node", log.dir, good=False)
configure(court, quorum=2)
run(QIFENG, "node", log.dir, good=False)
