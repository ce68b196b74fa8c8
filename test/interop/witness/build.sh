#!/bin/sh
# Builds qf-witness and litewitness, both of the versions that go.sum pins, into a folder.
# Usage: build.sh FOLDER. Exit status 77: Go, or the modules, cannot be had here.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
command -v go >/dev/null 2>&1 || { echo "skipped: go is not installed"; exit 77; }
# The user's cache, where there can be one: litewitness's database takes over a minute to compile.
[ -n "${HOME:-}" ] || export GOCACHE="$folder/cache"
export GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off CGO_ENABLED=0
cd "$here"
# Not go mod download, which wants what only the tests of the modules need.
go list -deps . filippo.io/torchwood/cmd/litewitness >"$folder/download.log" 2>&1 || {
    echo "skipped: no modules: $(tail -1 "$folder/download.log")"
    exit 77
}
exec go build -trimpath -o "$folder/" . filippo.io/torchwood/cmd/litewitness
