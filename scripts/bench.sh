#!/bin/sh
# Runs benchmarks of a build folder, prints their tables and writes FOLDER/bench/<name>.json.
# Usage: bench.sh FOLDER NAME...
set -eu
folder=$1
shift
ninja -C "$folder" >/dev/null
QIFENG="$PWD/$folder/qifeng"
export QIFENG
mkdir -p "$folder/bench"
for name in "$@"; do
    "$folder/bench/qifeng-bench" "$name" --folder "$folder/bench"
done
