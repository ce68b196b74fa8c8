#!/bin/sh
# Builds every fuzz driver with clang, without sanitizers and optimisation, and has each read its
# committed corpus once: shows in a minute that they can be built and run. Usage: fuzz_build.sh FOLDER
set -eu
folder=$1
if [ ! -f "$folder/build.ninja" ]; then
    CC=clang-14 scripts/configure.sh "$folder" -Dfuzz=true -Dbench=false -Dbuildtype=plain
fi
ninja -C "$folder" fuzz-drivers >"$folder/fuzz-build.log" 2>&1 || {
    grep -E -A8 'error|FAILED' "$folder/fuzz-build.log" | head -40
    exit 1
}
count=0
for name in $(ninja -C "$folder" -t query fuzz-drivers | sed -n 's/^[ |]*fuzz\/fuzz-//p'); do
    [ -n "$(ls "fuzz/corpus/$name" 2>/dev/null)" ] || { echo "$name: no corpus in fuzz/corpus/$name"; exit 1; }
    "$folder/fuzz/fuzz-$name" -runs=0 -timeout=20 "fuzz/corpus/$name" >"$folder/fuzz-$name.log" 2>&1 || {
        tail -20 "$folder/fuzz-$name.log"
        echo "fuzz-$name: failed on its corpus"
        exit 1
    }
    count=$((count + 1))
done
[ "$count" -gt 0 ] || { echo "there is no fuzz driver"; exit 1; }
echo "$count fuzz drivers: built, corpora read"
