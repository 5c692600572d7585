#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs test programs and closes with "N passed, N failed, N skipped". A crash is a failure.
# usage: tests/run.sh PROGRAM...
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    "$program" > "$log" 2>&1
    code=$?
    cat "$log"
    line=$(grep -E '^[^ ]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        echo "$program: died with exit status $code before it had counted its tests"
        failed=$((failed + 1))
        continue
    fi
    # shellcheck disable=SC2086
    set -- $(echo "$line" | sed 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped/\1 \2 \3/')
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    if [ "$code" -ne 0 ] && [ "$2" -eq 0 ]; then
        echo "$program: exit status $code after its tests"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
