#!/bin/sh
# Brings the sources that third_party/Cargo.lock pins into vendor/ (which git ignores):
#   vendor/s2n-bignum   x86_att/, arm/, include/: optional, without it OpenSSL checks signatures
#   vendor/decnumber    decNumber, needed by the rule languages; with third_party/decnumber.patch
# Does nothing when they are there already. cargo checks the checksums and keeps its own download
# cache. Usage: vendor.sh
set -eu
cd "$(dirname "$0")/.."
out=vendor
stamp=$out/stamp
want=$(cat third_party/Cargo.lock third_party/decnumber.patch scripts/vendor.sh | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi
command -v cargo >/dev/null 2>&1 || {
    echo "vendor.sh: cargo is missing (scripts/deps.sh build installs it)" >&2
    exit 3
}
mkdir -p "$out"
work=$(mktemp -d "$out/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fetching sources of third_party/Cargo.lock" >&2
cargo vendor --quiet --locked --versioned-dirs --manifest-path third_party/Cargo.toml \
    "$work/crates" >/dev/null 2>"$work/said" || {
    cat "$work/said" >&2
    echo "vendor.sh: the sources could not be fetched. They are wanted once, from crates.io or a mirror that" >&2
    echo "    cargo is told of (CARGO_HOME/config.toml); or copy vendor/ from where they were fetched." >&2
    exit 3
}
from=$(echo "$work"/crates/aws-lc-sys-*)/aws-lc/third_party/s2n-bignum/s2n-bignum-imported
mkdir "$work/s2n-bignum"
cp -R "$from/include" "$work/s2n-bignum/"
for machine in x86_att arm; do
    for part in p256 sm2 curve25519 generic; do
        [ -d "$from/$machine/$part" ] || continue
        mkdir -p "$work/s2n-bignum/$machine"
        cp -R "$from/$machine/$part" "$work/s2n-bignum/$machine/"
    done
done
# The sources ask for a header of the library that carries them; it may be empty.
mkdir -p "$work/s2n-bignum/include/openssl"
: >"$work/s2n-bignum/include/openssl/boringssl_prefix_symbols_asm.h"
cp -R "$(echo "$work"/crates/decnumber-sys-*)/decnumber" "$work/decnumber"
patch -s -p1 -d "$work/decnumber" <third_party/decnumber.patch
for name in s2n-bignum decnumber; do
    rm -rf "${out:?}/$name"
    mv "$work/$name" "$out/$name"
done
echo "$want" >"$stamp"
