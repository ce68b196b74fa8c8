#!/bin/sh
# Installs the Debian packages that a purpose needs and that are missing; without the right to do so,
# prints the one command that does. Usage: deps.sh build|test|lint|bench|fuzz
set -eu
build="ca-certificates gcc make patch meson ninja-build pkg-config libssl-dev liblmdb-dev libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev
 libyaml-dev libexpat1-dev libpcre2-dev zlib1g-dev"
test="libcmocka-dev libjansson-dev openssh-client softhsm2 libengine-pkcs11-openssl opensc openssl curl python3 python3-cryptography python3-jsonschema python3-yaml"
command -v node >/dev/null 2>&1 || test="$test nodejs npm"
lint="clang-14 clang-format-14 clang-tidy-14 cppcheck libclang-rt-14-dev"
bench="postgresql-15"
fuzz="clang-14 libclang-rt-14-dev llvm-14"
case "${1:-build}" in
    build) want="$build" ;;
    test) want="$build $test" ;;
    lint) want="$build $test $lint" ;;
    bench) want="$build $bench" ;;
    fuzz) want="$build $fuzz" ;;
    *) echo "usage: deps.sh build|test|lint|bench|fuzz" >&2; exit 2 ;;
esac
command -v dpkg-query >/dev/null 2>&1 || exit 0 # not Debian: Meson says what is missing
missing=""
for package in $want; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
# scripts/vendor.sh needs cargo from 1.68 on (Debian 12: cargo-web; its plain cargo is older and
# wants a clone of the whole index), as long as the sources have not been fetched.
if [ ! -f "$(dirname "$0")/../vendor/stamp" ]; then
    cargo=$(cargo --version 2>/dev/null | sed -nE 's/^cargo 1\.([0-9]+).*/\1/p')
    [ "${cargo:-0}" -ge 68 ] || missing="$missing cargo-web"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    echo "installing:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
        apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null
    }
else
    echo "Packages are missing. Please run:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y$missing" >&2
    exit 3
fi
