#!/bin/sh
# Sets up a build folder, with ccache where there is one. Usage: configure.sh FOLDER [meson options]
set -eu
folder=$1
shift
if [ -z "${CC:-}" ]; then
    CC=gcc
    if command -v ccache >/dev/null 2>&1; then CC="ccache gcc"; fi
fi
export CC
"$(dirname "$0")/vendor.sh" || echo "configure.sh: going on without the sources of vendor.sh" >&2
exec meson setup "$folder" "$@" >/dev/null
