#!/bin/sh
# Installs the pinned packages into the build folder and runs a Node script against a program.
# Usage: node_test.sh BUILD_FOLDER SCRIPT PROGRAM. Exit status 77: Node or its packages cannot be
# had here.
set -eu
folder=$1
script=$2
tool=$3
here=$(cd "$(dirname "$0")" && pwd)
for program in node npm; do
    command -v "$program" >/dev/null 2>&1 || { echo "skipped: $program is not installed"; exit 77; }
done
mkdir -p "$folder"
if ! cmp -s "$here/package-lock.json" "$folder/package-lock.json" || [ ! -d "$folder/node_modules" ]; then
    cp "$here/package.json" "$folder/"
    rm -f "$folder/package-lock.json"
    cp "$here/package-lock.json" "$folder/package-lock.tmp"
    mv "$folder/package-lock.tmp" "$folder/package-lock.json"
    if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1); then
        rm -f "$folder/package-lock.json"
        echo "skipped: npm ci failed: $(tail -1 "$folder/npm.log")"
        exit 77
    fi
fi
cp "$here/$script" "$here/tool.mjs" "$here/node.mjs" "$folder/"
# Before version 20 Node keeps WebCrypto, which jose needs, behind a flag.
flag=
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || flag=--experimental-global-webcrypto
exec node $flag "$folder/$script" "$tool"
