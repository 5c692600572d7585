#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the manual page: docs/balact.1.in with the commands as their --help tells them.
# usage: setup/man-page.sh PROGRAM VERSION PREFIX
program=$1
escape() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\\([.']\\)/\\\\\\&\\1/"; }

commands() {
    # A program for another processor cannot tell.
    if ! "$program" --help > /dev/null 2>&1; then
        printf 'Each explains itself:\n.B balact\n.I COMMAND\n.B \\-\\-help\n'
        return
    fi
    "$program" --help | sed -n 's/^  \([a-z][^ ]*\)  *\(.*\)/\1 \2/p' |
        while read -r name summary; do
            printf '.SS %s\n%s\n' "$(echo "$name" | escape)" "$(echo "$summary" | escape)."
            printf '.PP\n.nf\n'
            "$program" "$name" --help 2> /dev/null < /dev/null | escape
            printf '.fi\n'
        done
}

while IFS= read -r line; do
    if [ "$line" = @COMMANDS@ ]; then
        commands
    else
        printf '%s\n' "$line" | sed -e "s|@VERSION@|$2|" -e "s|@PREFIX@|$3|"
    fi
done < docs/balact.1.in
