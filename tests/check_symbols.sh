#!/bin/sh
# SPDX-License-Identifier: MIT
# The libraries define balact_* and nothing else that another program could clash with, and neither
# prints, exits nor aborts.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "sanitizers add symbols of their own"
command -v nm > /dev/null || skip_all "no nm (package binutils)"

# foreign FILE NM-OPTIONS: defined global symbols that do not begin with balact_
foreign() {
    nm "$2" --defined-only --extern-only "$1" | awk 'NF == 3 && $3 !~ /^balact_/ { print $3 }'
}

for library in libbalact.so libbalact.a; do
    option=-g
    [ "$library" != libbalact.so ] || option=-D
    nm "$option" --defined-only "$BUILD/$library" > "$folder/all" 2> "$folder/errors"
    if grep -q ' T balact_' "$folder/all"; then
        pass
    else
        fail "$library has no public function at all"
    fi
    names=$(foreign "$BUILD/$library" "$option")
    if [ -z "$names" ]; then
        pass
    else
        fail "$library defines $names"
    fi
done

# A library never ends or talks over its caller.
calls=$(nm --undefined-only "$BUILD/libbalact.a" 2> /dev/null |
    awk '$2 ~ /^(exit|_exit|abort|__assert_fail|printf|puts|putchar|perror|__printf_chk)(@|$)/ { print $2 }')
if [ -z "$calls" ]; then
    pass
else
    fail "libbalact.a calls $calls"
fi

soname=$(objdump -p "$BUILD/libbalact.so" | awk '$1 == "SONAME" { print $2 }')
if [ "$soname" = libbalact.so.0 ]; then
    pass
else
    fail "the shared library's name is '$soname'"
fi
finish
