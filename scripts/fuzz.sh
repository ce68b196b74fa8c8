#!/bin/sh
# Builds every fuzz driver with clang, AddressSanitizer and UBSan, tries what it found before, and
# runs each for FUZZ_SECONDS (60) from its committed corpus. FUZZ_DRIVERS="json tx" names some.
#
# A line a driver: how many inputs, and how many places of the program (edges) its committed corpus
# reaches and were reached at the end. A crash, a leak, a time-out or a driver without a corpus is a
# finding; its input stays in build-fuzz/findings. Ends in "N drivers, N findings".
set -u
seconds=${FUZZ_SECONDS:-60}
folder=build-fuzz
if [ ! -f $folder/build.ninja ]; then
    CC=clang-14 scripts/configure.sh $folder -Dfuzz=true -Dbench=false -Dbuildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false || exit 3
fi
echo "building the drivers"
ninja -C $folder fuzz-drivers >$folder/fuzz-build.log 2>&1 || { grep -E -A8 'error|FAILED' $folder/fuzz-build.log | head -40; exit 3; }
# Those of this version; the folder may hold older ones.
names=${FUZZ_DRIVERS:-$(ninja -C $folder -t query fuzz-drivers | sed -n 's/^[ |]*fuzz\/fuzz-//p')}
findings=$folder/findings
mkdir -p $findings
# shellcheck disable=SC2086
set -- $names
total=$#
[ "$total" -gt 0 ] || { echo "no driver to run"; exit 3; }
echo "$total drivers, $seconds seconds each"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# report NAME WHAT: a finding, with the end of the driver's log.
found=0
report() {
    found=$((found + 1))
    echo "$1: FINDING: $2, see $folder/fuzz-$1.log"
    grep -E 'runtime error|broken invariant|ERROR|SUMMARY|Test unit written' "$folder/fuzz-$1.log" 2>/dev/null | tail -5
}

for name; do
    driver=$folder/fuzz/fuzz-$name
    log=$folder/fuzz-$name.log
    seed=fuzz/corpus/$name
    if [ ! -x "$driver" ]; then
        report "$name" "there is no such driver"
        continue
    fi
    if [ -z "$(ls "$seed" 2>/dev/null)" ]; then
        report "$name" "no corpus in $seed"
        continue
    fi
    mkdir -p "$folder/corpus/$name"
    old=$(find $findings -type f -name "$name-*" ! -name "$name-slow-unit-*")
    # shellcheck disable=SC2086
    if [ -n "$old" ] && ! "$driver" -timeout=10 -rss_limit_mb=2048 $old >"$log" 2>&1; then
        report "$name" "an input found before still fails"
        continue
    fi
    dict=""
    [ -f "fuzz/dict/$name.dict" ] && dict="-dict=fuzz/dict/$name.dict"
    # The committed corpus alone, for its coverage; then with what earlier runs gathered.
    # shellcheck disable=SC2086
    if "$driver" -runs=0 -timeout=10 "$seed" >"$log" 2>&1 &&
        start=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log") &&
        "$driver" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$findings/$name-" $dict "$folder/corpus/$name" "$seed" >"$log" 2>&1; then
        echo "$name: $(sed -n 's/stat::number_of_executed_units: *//p' "$log") inputs, edges" \
            "$start in the corpus, $(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log") reached"
    else
        report "$name" "it failed"
    fi
done
echo "$total drivers, $found findings"
[ "$found" -eq 0 ]
