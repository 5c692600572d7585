#!/bin/sh
# SPDX-License-Identifier: MIT
# The build does again what must be done again, and nothing else: in a copy whose path has a space.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "the same without sanitizers"

copy=$folder/"a copy"
mkdir -p "$copy/tests" "$copy/reference" "$copy/bench/commands"
cp -r Makefile setup include "$copy"
cat > "$copy/reference/one.c" << 'END'
#include "reference/one.h"
int balact_one(void) { return ONE; }
END
echo '#define ONE 1' > "$copy/reference/one.h"
echo 'int balact_two(void); int balact_two(void) { return 2; }' > "$copy/reference/two.c"
cat > "$copy/bench/balact.c" << 'END'
int main(void) { return 0; }
END

# made ARGUMENT...: what a make compiles, archives and links, on one line
made() {
    (cd "$copy" && env -i PATH="$PATH" "$MAKE" --no-print-directory -j2 CC="$CC" \
        WITHOUT='check openmp' "$@" 2>&1) |
        sed -n 's/^  \(compile\|archive\|link\)  *\([^ ]*\)$/\2/p' | sed 's/.*\///' | sort | tr '\n' ' '
}
# expect WHAT WANTED GOT
expect() {
    if [ "$2" = "$3" ]; then
        pass
    else
        fail "$1: made '$3', not '$2'"
    fi
}
later() { sleep 1.1; } # file times of one second must differ

shared=$(sed -n 's/^VERSION := //p' Makefile)
libraries="libbalact.a libbalact.so.$shared"
everything="balact balact.o $libraries one.o two.o "
expect "first build" "$everything" "$(made)"
expect "nothing new" "" "$(made)"
later
echo '#define ONE 11' > "$copy/reference/one.h"
expect "a header changed" "balact $libraries one.o " "$(made)"
expect "other flags" "$everything" "$(made CFLAGS=-DOTHER)"
expect "the same other flags" "" "$(made CFLAGS=-DOTHER)"
expect "linker flags" "$everything" "$(made CFLAGS=-DOTHER LDFLAGS=-Wl,-O1)"
expect "a library left out" "$everything" "$(made WITHOUT='check openmp archive')"
expect "back to the first flags" "$everything" "$(made)"
later
rm "$copy/reference/two.c"
expect "a source file removed" "balact $libraries " "$(made)"
members=$(ar t "$copy/build/libbalact.a" | tr '\n' ' ')
expect "its object is gone from the archive" "one.o " "$members"
rm "$copy/reference/one.h"
echo 'int balact_one(void); int balact_one(void) { return 1; }' > "$copy/reference/one.c"
expect "a header removed" "balact $libraries one.o " "$(made)"
printf '#!/bin/sh\n# another compiler\nexec %s "$@"\n' "$CC" > "$copy/mycc"
chmod +x "$copy/mycc"
expect "another compiler" "balact balact.o $libraries one.o " "$(made CC=./mycc)"
later
printf '#!/bin/sh\n# ... upgraded in place, as a package does\nexec %s "$@"\n' "$CC" > "$copy/mycc"
expect "the compiler upgraded" "balact balact.o $libraries one.o " "$(made CC=./mycc)"
finish
