#!/bin/sh
# Builds qf-check and Tessera's fsck, both of the versions that go.sum pins, into a folder.
# Usage: build.sh FOLDER. Exit status 77: Go, or the modules, cannot be had here.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
command -v go >/dev/null 2>&1 || { echo "skipped: go is not installed"; exit 77; }
export GOCACHE="$folder/cache" GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off CGO_ENABLED=0
cd "$here"
go mod download >"$folder/download.log" 2>&1 || {
    echo "skipped: no modules: $(tail -1 "$folder/download.log")"
    exit 77
}
exec go build -trimpath -o "$folder/" . github.com/transparency-dev/tessera/cmd/fsck
