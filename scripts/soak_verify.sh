#!/bin/sh
# Random and mutated signatures through both implementations, each curve in a process of its own.
# The seed is printed, so that a difference can be had again. Usage: soak_verify.sh BUILD COUNT [SEED]
set -eu
folder=$1
count=$2
seed=${3:-$(date +%s)}
ninja -C "$folder" src/crypto/verify/verify-agree >/dev/null
pids=""
for curve in es256 sm2 eddsa; do
    "$folder/src/crypto/verify/verify-agree" "$curve" "$count" "$seed" &
    pids="$pids $!"
done
status=0
for pid in $pids; do
    wait "$pid" || status=1
done
exit "$status"
