#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs balact under an emulated processor: what it finds there, that the kernels verify, and that a
# backend the processor lacks is refused instead of ending in an illegal instruction.
# usage: setup/check-emulated.sh PROGRAM EMULATOR [OPTION...]
program=$1
shift
if ! command -v "$1" > /dev/null; then
    echo "SKIP: no $1 (package qemu-user)"
    exit 0
fi
echo "== $* balact info"
"$@" "$program" info || exit 1
echo "== $* balact verify --small"
"$@" "$program" verify --small | tail -n 1
"$@" "$program" verify --small > /dev/null 2>&1 || exit 1
for backend in avx2 avx512; do
    message=$(BALACT_BACKEND=$backend "$@" "$program" verify --backend $backend --small 2>&1)
    code=$?
    if [ "$code" -ne 2 ]; then
        echo "FAIL: $backend, which this processor lacks, ends in exit status $code: $message"
        exit 1
    fi
done
echo "PASS: ${program##*/} under $*"
