#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs balact under an emulated processor: what it finds there, that the kernels verify, and that a
# backend the processor lacks is refused instead of ending in an illegal instruction.
# usage: setup/check-emulated.sh PROGRAM EMULATOR [OPTION...]
program=$1
shift
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
if ! command -v "$1" > /dev/null; then
    echo "SKIP: no $1 (package qemu-user)"
    exit 0
fi
echo "== $* balact info"
"$@" "$program" info || exit 1
echo "== $* balact verify --small --dtype f32"
"$@" "$program" verify --small --dtype f32 > "$log"
code=$?
tail -n 1 "$log"
[ "$code" -eq 0 ] || exit 1
for backend in avx2 avx512; do
    "$@" "$program" verify --backend $backend --small > "$log" 2>&1
    code=$?
    if [ "$code" -eq 0 ] || [ "$code" -gt 2 ] || ! grep -q $backend "$log"; then
        echo "FAIL: $backend, which this processor lacks, ends in exit status $code:"
        cat "$log"
        exit 1
    fi
done
echo "PASS: ${program##*/} under $*"
