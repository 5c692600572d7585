#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, twice in one file, as C11 and as C++17.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "the same without sanitizers"

alone() { # COMPILER STANDARD LANGUAGE
    for header in include/balact/*.h; do
        name=${header#include/}
        printf '#include <%s>\n#include <%s>\n' "$name" "$name" > "$folder/alone.$3"
        # shellcheck disable=SC2086  # a compiler may be several words
        check "$header alone as $2" $1 -std="$2" -Wall -Wextra -Wpedantic -Werror -Iinclude \
            -fsyntax-only "$folder/alone.$3"
    done
}

alone "$CC" c11 c
if command -v "${CXX:-c++}" > /dev/null; then
    alone "${CXX:-c++}" c++17 cc
else
    skip "no C++ compiler (package g++)"
fi
finish
