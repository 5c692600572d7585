#!/bin/sh
# SPDX-License-Identifier: MIT
# The rules of form: what compilers do not see. Exit status 1 if one is broken.
# usage: setup/lint.sh BUILD
build=$1
bad=0
complain() { echo "$*"; bad=1; }
sources() { git ls-files "$@" 2> /dev/null; }

for file in $(sources '*.c' '*.h' '*.sh' '*.cu' '*.gp' Makefile .ci/run); do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line"
    ! grep -nE '[[:space:]]+$' "$file" /dev/null || complain "$file: blanks at the end of lines"
    case $file in *.gp) continue ;; esac
    # 100 columns are the aim; what must not be torn apart may be a little longer
    ! grep -nE '.{111,}' "$file" /dev/null || complain "$file: lines of more than 110 columns"
done
for file in $(sources '*.c' '*.h' '*.sh' '*.cu'); do
    ! grep -n "$(printf '\t')" "$file" /dev/null || complain "$file: tabs"
done
if command -v shellcheck > /dev/null; then
    # shellcheck disable=SC2046
    shellcheck -x -e SC1091,SC2154,SC2016,SC2317 $(sources '*.sh' .ci/run) || bad=1
else
    echo "SKIP: no shellcheck"
fi
if command -v clang-tidy > /dev/null; then
    features=$(sed -n 's/^FEATURE_CPPFLAGS := *//p' "$build/config.mk")
    # shellcheck disable=SC2086,SC2046
    clang-tidy --quiet $(sources 'reference/*.c' 'optimized/*.c' 'datasets/*.c' 'bench/*.c' \
        'plots/*.c') -- -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Iinclude -I. \
        -I"$build/generated" -DBALACT_VERSION='"0"' -mavx2 -mfma -mf16c $features 2> /dev/null || bad=1
else
    echo "SKIP: no clang-tidy"
fi
[ "$bad" -eq 0 ] && echo "lint: clean"
exit "$bad"
