#!/bin/sh
# SPDX-License-Identifier: MIT
# make install, seen by a user: files in their places, a C program built with pkg-config against the
# shared and the static library, the manual page, a staged install, and uninstall leaving nothing.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "the same without sanitizers"

prefix=$folder/"pre fix" # a space on purpose
make_it() {
    "$MAKE" --no-print-directory -s BUILD="$BUILD" "$@"
}
check "make install" make_it PREFIX="$prefix" install
version=$("$BUILD/balact" --version | sed 's/balact //')
for file in bin/balact lib/libbalact.a lib/libbalact.so lib/libbalact.so.0 \
    "lib/libbalact.so.$version" lib/pkgconfig/balact.pc include/balact/activations.h \
    share/man/man1/balact.1; do
    check "installed $file" test -s "$prefix/$file"
done
check "the installed program starts" "$prefix/bin/balact" --version
# Away from the sources it finds what was installed: a claim is read before the lack of results is
# seen, and a definition before the lack of data.
mkdir "$folder/empty"
said=$(cd "$folder/empty" && "$prefix/bin/balact" report . 2>&1;
    "$prefix/bin/balact" train imagenet-lt --data "$folder/nowhere" --out "$folder/empty" 2>&1)
case $said in
*expected.csv* | *'no definition imagenet-lt.ini'*) fail "the installed program lacks its files: $said" ;;
*"$folder/nowhere"*) pass ;;
*) fail "the installed program says: $said" ;;
esac

cat > "$folder/use.c" << 'END'
#include <balact/status.h>
#include <string.h>
int main(void) { return strcmp(balact_status_name(BALACT_OK), "ok") != 0; }
END
if command -v pkg-config > /dev/null; then
    # pkg-config escapes spaces with backslashes: eval reads them as a shell would.
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
    check "balact.pc names the version" test "$(pkg-config --modversion balact)" = "$version"
    check "a program against the shared library" eval "$CC" "$folder/use.c" -o "$folder/shared" \
        "$(pkg-config --cflags --libs balact)"
    check "... which runs" env LD_LIBRARY_PATH="$prefix/lib" "$folder/shared"
    check "... and needs the library by its name" sh -c \
        "objdump -p '$folder/shared' | grep -q 'NEEDED *libbalact.so.0'"
    cp -r "$prefix" "$folder/static only"
    rm "$folder/static only"/lib/libbalact.so*
    check "a program against the static library" eval "$CC" "$folder/use.c" -o "$folder/static" \
        "$(pkg-config --static --define-variable=prefix="$folder/static only" --cflags --libs balact)"
    check "... which runs by itself" "$folder/static"
else
    skip "no pkg-config"
fi

page="$prefix/share/man/man1/balact.1"
if command -v groff > /dev/null; then
    warnings=$(groff -man -Tutf8 -ww -z "$page" 2>&1)
    if [ -z "$warnings" ]; then
        pass
    else
        fail "the manual page: $warnings"
    fi
else
    skip "no groff"
fi
# The page knows every command of the program.
for name in $("$BUILD/balact" --help | awk '/^  [a-z]/ { print $1 }'); do
    check "the manual page explains $name" grep -qxF ".SS $(echo "$name" | sed 's/-/\\-/g')" "$page"
done

check "make uninstall" make_it PREFIX="$prefix" uninstall
left=$(find "$prefix" -type f -o -type l | head -n 5)
if [ -z "$left" ]; then
    pass
else
    fail "uninstall leaves $left"
fi

check "a staged install" make_it PREFIX=/usr DESTDIR="$folder/stage" install
check "... goes under DESTDIR" test -x "$folder/stage/usr/bin/balact"
check "... and names the final place" grep -q '^prefix=/usr$' \
    "$folder/stage/usr/lib/pkgconfig/balact.pc"
finish
