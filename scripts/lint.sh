#!/bin/sh
# Formatting, layer rules, compiler-independent static checks. Usage: lint.sh BUILD_FOLDER
set -eu
folder=$1
sources=$(git ls-files -co --exclude-standard 'src/*.c' 'src/*.h' 'fuzz/*.c' 'bench/*.c' 'test/*.c')
# shellcheck disable=SC2086
clang-format-14 --dry-run -Werror $sources
python3 scripts/layers.py
# shellcheck disable=SC2086
cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j2 \
    --enable=warning,portability --suppress=missingIncludeSystem --suppress=readdirCalled \
    --library=posix -Isrc $(echo "$sources" | tr ' ' '\n' | grep '\.c$')
if [ "${LINT_TIDY:-1}" = 1 ]; then
    ninja -C "$folder" >/dev/null
    echo "$sources" | tr ' ' '\n' | grep '^src/.*\.c$' | grep -vE '_(test|fuzz|bench)\.c$' |
        xargs -P 2 -n 8 clang-tidy-14 -p "$folder" --quiet --warnings-as-errors='*' 2>/dev/null
fi
# Drivers are built with clang alone, which no test does.
if [ "${LINT_FUZZ:-1}" = 1 ]; then scripts/fuzz_build.sh "$folder/fuzz-check"; fi
echo "lint: clean"
