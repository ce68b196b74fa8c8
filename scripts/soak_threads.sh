#!/bin/sh
# Builds the program with each sanitizer (clang) and runs test/system/threads_test.py on it.
# Usage: soak_threads.sh SECONDS
set -eu
seconds=$1
for kind in thread address,undefined; do
    folder=build-san-${kind%%,*}
    [ -f "$folder/build.ninja" ] || CC=clang-14 scripts/configure.sh "$folder" -Dbench=false \
        -Dbuildtype=debugoptimized -Db_sanitize="$kind" -Db_lundef=false
    ninja -C "$folder" qifeng >"$folder/soak-build.log" 2>&1 || { tail -30 "$folder/soak-build.log"; exit 3; }
    echo "$kind:"
    python3 test/system/threads_test.py "$folder/qifeng" "$seconds" 4
done
