#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the header build_info.h: which sources and which compiler made this build.
# usage: setup/build-info.sh CFLAGS     environment: CC
set -u
escape() { printf '%s' "$1" | tr '\n' ' ' | sed 's/[\\"]/\\&/g'; }

commit=unknown dirty=0
# Outside a clone (an unpacked tarball) a git repository further up would be the wrong one.
if [ -e .git ] && found=$(git rev-parse HEAD 2> /dev/null); then
    commit=$found
    [ -z "$(git status --porcelain --untracked-files=no 2> /dev/null)" ] || dirty=1
fi
cat << END
/* Made by setup/build-info.sh. */
#define BALACT_BUILD_COMMIT "$commit"
#define BALACT_BUILD_DIRTY $dirty
#define BALACT_BUILD_COMPILER "$(escape "$($CC --version 2> /dev/null | head -n 1)")"
#define BALACT_BUILD_CFLAGS "$(escape "$1")"
END
