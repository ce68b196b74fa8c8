#!/bin/sh
# Serves a folder in tlog-tiles layout with Python's web server and lets Tessera's fsck read all of it.
# Usage: tessera-fsck.sh FSCK DIR VERIFIER_KEY [ORIGIN], where FSCK is the program that go/build.sh made.
# Exit status 0: fsck found the log whole; 1: it did not.
set -eu
fsck=$1
dir=$2
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
printf '%s' "$3" >"$work/key"
: >"$work/server"
# Port 0: the system chooses a free one, and the server's first line says which.
python3 -u -m http.server --bind 127.0.0.1 --directory "$dir" 0 >"$work/server" 2>/dev/null &
server=$!
port=
for _ in $(seq 100); do
    port=$(sed -nE 's/^Serving HTTP on .* port ([0-9]+) .*/\1/p' "$work/server")
    [ -z "$port" ] || break
    sleep 0.1
done
[ -n "$port" ] || { echo "the web server did not start" >&2; exit 1; }
# What is missing it asks for over and over: a minute is enough for what is there.
timeout "${FSCK_SECONDS:-60}" "$fsck" --storage_url="http://127.0.0.1:$port/" --public_key="$work/key" --origin="${4:-}" --ui=false \
    >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
cat "$work/out"
# Its exit status is 0 even when the check failed; only this line says that it went through.
grep -q "Successfully fsck'd log" "$work/out" && ! grep -q 'fsck failed' "$work/out"
