#!/usr/bin/env python3
"""Plays a service's rules over a table of examples: inputs, the outcome, and the clauses that must be
among the rules that matched. Every rule of every decision table must be matched by one row at least,
so that a rule that nobody tried, or that no input can reach, is found.

    rules_test.py QIFENG SERVICE_DIR TABLE.json

TABLE.json: {"decision": {"common": {input: value, ...},
                          "rows": [{"input": {...}, "outcome": ..., "clauses": ["..."], "not": ["..."]}, ...]}, ...}"""
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"


def evaluate(qifeng, model, decision, values):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values, file, ensure_ascii=False)
        file.flush()
        run = subprocess.run([qifeng, "rules", "eval", model, "--decision", decision, "--input",
                              file.name, "--trace", "--now", "1772413200", "--zone",
                              "Asia/Shanghai"], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    if run.returncode != 0 or len(lines) < 2:
        raise SystemExit(f"{decision} {values}: exit {run.returncode}\n{run.stdout}{run.stderr}")
    return json.loads(lines[-1])


def play(qifeng, model, table, seen):
    failures = 0
    count = 0
    for decision, part in table.items():
        for row in part["rows"]:
            count += 1
            trace = evaluate(qifeng, model, decision, {**part.get("common", {}), **row["input"]})
            matched = [m for t in trace["tables"] for m in t["matched"]]
            clauses = [a for m in matched for a in m["annotations"]]
            seen.update(m["id"] for m in matched)
            wrong = [f"no rule that cites {c!r} matched" for c in row.get("clauses", [])
                     if c not in clauses]
            wrong += [f"a rule that cites {c!r} matched" for c in row.get("not", []) if c in clauses]
            if trace["outcome"] != row["outcome"]:
                wrong.append(f"outcome {json.dumps(trace['outcome'])}, expected "
                             f"{json.dumps(row['outcome'])}")
            for text in wrong:
                print(f"FAILED {decision} {json.dumps(row['input'], ensure_ascii=False)}: {text}")
            failures += bool(wrong)
    return count, failures


def main():
    qifeng, folder, path = sys.argv[1:]
    model = folder + "/rules.dmn"
    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    seen = set()
    count, failures = play(qifeng, model, table, seen)
    rules = [rule.get("id") for rule in ElementTree.parse(model).iter(DMN + "rule")]
    unannotated = [rule.get("id") for rule in ElementTree.parse(model).iter(DMN + "rule")
                   if not (rule.findtext(f"{DMN}annotationEntry/{DMN}text") or "").strip()]
    untried = [rule for rule in rules if rule not in seen]
    for rule in untried:
        print(f"FAILED no row matches {rule}")
    for rule in unannotated:
        print(f"FAILED {rule} cites no clause")
    print(f"{count - failures} rows passed, {failures} failed; {len(rules) - len(untried)} of "
          f"{len(rules)} rules tried")
    return 1 if failures or untried or unannotated or count == 0 else 0


sys.exit(main())
