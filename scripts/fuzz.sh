#!/bin/sh
# Builds every fuzz driver with clang, AddressSanitizer and UBSan, and runs each for FUZZ_SECONDS
# (60) from its committed corpus. Ends in "N passed, N failed"; a crash, leak or time-out fails, and
# its input stays in build-fuzz/findings.
set -u
seconds=${FUZZ_SECONDS:-60}
folder=build-fuzz
if [ ! -f $folder/build.ninja ]; then
    CC=clang-14 scripts/configure.sh $folder -Dfuzz=true -Dbench=false -Dbuildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false || exit 3
fi
ninja -C $folder >$folder/fuzz-build.log 2>&1 || { tail -30 $folder/fuzz-build.log; exit 3; }
mkdir -p $folder/findings
passed=0
failed=0
for driver in $folder/fuzz/fuzz-*; do
    [ -x "$driver" ] && [ -f "$driver" ] || continue
    name=${driver##*/fuzz-}
    mkdir -p "$folder/corpus/$name"
    dict=""
    [ -f "fuzz/dict/$name.dict" ] && dict="-dict=fuzz/dict/$name.dict"
    seed=""
    [ -d "fuzz/corpus/$name" ] && seed="fuzz/corpus/$name"
    # shellcheck disable=SC2086
    if "$driver" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$folder/findings/$name-" $dict "$folder/corpus/$name" $seed \
        >"$folder/fuzz-$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "$name: $(sed -n 's/stat::number_of_executed_units: *//p' "$folder/fuzz-$name.log") runs"
    else
        failed=$((failed + 1))
        echo "$name: FAILED, see $folder/fuzz-$name.log"
        tail -5 "$folder/fuzz-$name.log"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
