#!/bin/sh
# Runs all tests of a build folder and ends in one line that counts them:
#   N passed, N failed, N skipped
# With CI=true a skipped test is a failure. Usage: test.sh FOLDER
set -u
folder=$1
echo "building the program and its tests"
if [ -t 1 ]; then ninja -C "$folder"; else ninja -C "$folder" >/dev/null; fi ||
    { ninja -C "$folder" | tail -40; echo "0 passed, 1 failed"; exit 1; }
status=0
meson test -C "$folder" --no-rebuild --print-errorlogs || status=$?
log=$folder/meson-logs/testlog.json
count() { grep -c "\"result\": \"$1\"" "$log" 2>/dev/null || true; }
passed=$(count OK)
skipped=$(count SKIP)
failed=$(($(wc -l <"$log") - passed - skipped))
if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
    echo "skipped tests count as failures here:"
    grep '"result": "SKIP"' "$log" | sed -E 's/.*"name": "([^"]*)".*/  \1/'
    failed=$((failed + skipped))
    skipped=0
    status=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && exit "$status"
exit 1
