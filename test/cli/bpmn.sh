#!/bin/sh
# Exit codes and reports of `qifeng bpmn` over the reference models. Usage: bpmn.sh QIFENG DATA
set -u
qifeng=$1
data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
expect() { # status, then the command
    want=$1
    shift
    "$@" >"$work/out" 2>"$work/err"
    got=$?
    if [ "$got" != "$want" ]; then
        echo "exit $got, want $want: $*" >&2
        cat "$work/out" "$work/err" >&2
        failed=1
    fi
}
has() {
    grep -q -- "$1" "$work/out" "$work/err" || {
        echo "not said: $1" >&2
        failed=1
    }
}
expect 0 "$qifeng" bpmn check "$data/xes/receipt.bpmn"
has executable
for name in A.1.0 A.2.0 A.4.0 A.4.1 C.2.0 C.9.1; do
    expect 0 "$qifeng" bpmn check "$data/bpmn-miwg/$name.bpmn"
done
expect 1 "$qifeng" bpmn check "$data/bpmn-miwg/A.3.0.bpmn"
has 'A.3.0.bpmn:19: unsupported: <boundaryEvent> _178e16eb-4c9e-4ea0-9644-7c5fb2b71825: '
expect 1 "$qifeng" bpmn check --json "$data/bpmn-miwg/B.2.0.bpmn"
has '"executable":false'
for file in "$data"/bpmn-miwg/*.bpmn; do
    expect 0 "$qifeng" bpmn roundtrip "$file"
    cp "$work/out" "$work/again.bpmn"
    "$qifeng" bpmn check --json "$file" >"$work/first"
    "$qifeng" bpmn check --json "$work/again.bpmn" >"$work/second"
    # Lines move when a document is written again; nothing else may.
    sed 's/\(line"*[: ]\)[0-9]*/\1/g' "$work/first" >"$work/a"
    sed 's/\(line"*[: ]\)[0-9]*/\1/g' "$work/second" >"$work/b"
    cmp -s "$work/a" "$work/b" || {
        echo "another report after a round trip: $file" >&2
        failed=1
    }
done
printf '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' >"$work/bomb.bpmn"
expect 1 "$qifeng" bpmn check "$work/bomb.bpmn"
has 'document type'
expect 3 "$qifeng" bpmn check "$work/none.bpmn"
expect 2 "$qifeng" bpmn check
expect 2 "$qifeng" bpmn guess "$work/bomb.bpmn"
exit $failed
