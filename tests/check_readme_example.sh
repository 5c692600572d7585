#!/bin/sh
# SPDX-License-Identifier: MIT
# The first C block of README.md compiles without a warning with the flags of the installed
# balact.pc, against the static and the shared library, runs, and prints what README.md says.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "the same without sanitizers"
[ -e README.md ] || skip_all "no README.md"
command -v pkg-config > /dev/null || skip_all "no pkg-config"

awk '/^```c$/ { inside = 1; next } /^```/ && inside { exit } inside' README.md > "$folder/example.c"
if ! [ -s "$folder/example.c" ]; then
    fail "README.md has no block that begins with \`\`\`c"
    finish
fi
check "make install" "$MAKE" --no-print-directory -s BUILD="$BUILD" PREFIX="$folder/there" install
export PKG_CONFIG_PATH="$folder/there/lib/pkgconfig"
# shellcheck disable=SC2046,SC2086  # flags are words
check "the example against the shared library" $CC -std=c11 -Wall -Wextra -Wpedantic -Werror \
    "$folder/example.c" -o "$folder/shared" $(pkg-config --cflags --libs balact)
check "... runs" env LD_LIBRARY_PATH="$folder/there/lib" "$folder/shared"
said=$(sed -n 's/.*It prints `\([^`]*\)`.*/\1/p' README.md)
check "... and prints '$said'" test "$(LD_LIBRARY_PATH="$folder/there/lib" "$folder/shared")" = "$said"
rm "$folder"/there/lib/libbalact.so*
# shellcheck disable=SC2046,SC2086
check "the example against the static library" $CC -std=c11 "$folder/example.c" \
    -o "$folder/static" $(pkg-config --static --cflags --libs balact)
check "... runs" "$folder/static"
finish
