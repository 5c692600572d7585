#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs test programs and scripts and closes with "N passed, N failed, N skipped". Each must end in
# "NAME: N passed, N failed, N skipped"; one that crashes or hangs counts as a failure.
# usage: tests/run.sh PROGRAM|SCRIPT.sh...     environment: TEST_SECONDS, the longest one may take
passed=0 failed=0 skipped=0 troubled=
# Idle OpenMP threads sleep: spinning ones slow everything down on a machine with other work.
# No result depends on it.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
limit=
if command -v timeout > /dev/null; then
    limit="timeout --foreground -k 10 ${TEST_SECONDS:-900}"
fi

# count LINE: assigns the three numbers of a closing line to p f s
p=0 f=0 s=0
count() {
    echo "$1" | sed 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped/p=\1 f=\2 s=\3/'
}

for program in "$@"; do
    case $program in
    *.sh) $limit sh "$program" > "$log" 2>&1 < /dev/null ;;
    *) $limit "$program" > "$log" 2>&1 < /dev/null ;;
    esac
    code=$?
    cat "$log"
    line=$(grep -E '^[^ ]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        case $code in
        124 | 137) echo "$program: stopped after ${TEST_SECONDS:-900} s" ;;
        *) echo "$program: died with exit status $code before it had counted its tests" ;;
        esac
        failed=$((failed + 1)) troubled="$troubled $program"
        continue
    fi
    eval "$(count "$line")"
    if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then
        echo "$program: exit status $code after its tests"
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    [ "$f" -eq 0 ] || troubled="$troubled $program"
done
[ -z "$troubled" ] || echo "failed in:$troubled"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
