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
root=$(dirname "$0")/..
"$root/scripts/vendor.sh" || {
    # decNumber is needed, s2n-bignum is not.
    [ -d "$root/vendor/decnumber" ] || exit 3
    echo "configure.sh: going on with the sources that are there" >&2
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
meson setup "$folder" "$@" >"$log" 2>&1 || {
    status=$?
    tail -15 "$log" >&2
    exit "$status"
}
