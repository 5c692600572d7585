#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every fuzzer for some seconds, one per processor at a time, from the corpus in tests/fuzz.
# New inputs go to BUILD/corpus, what crashes to BUILD/crashes. Exit status 1 if one found anything.
# usage: setup/fuzz.sh BUILD SECONDS
build=$1
seconds=$2
jobs=$(nproc 2> /dev/null || echo 1)
mkdir -p "$build/crashes" "$build/logs"

fuzz_one() { # NAME
    log=$build/logs/$1.log
    seeds=
    for folder in "tests/fuzz/corpus/$1" "tests/fuzz/corpus/${1#fuzz_}"; do
        [ ! -d "$folder" ] || seeds=$folder
    done
    mkdir -p "$build/corpus/$1"
    # shellcheck disable=SC2086
    if "$build/fuzzers/$1" "$build/corpus/$1" $seeds -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$build/crashes/$1-" > "$log" 2>&1 < /dev/null; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        found=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        echo "ok   $1: ${runs:-0} runs, ${found:-0} edges, seeds ${seeds:-none}"
    else
        echo "FAIL $1: see $log"
        grep -E '^(==|SUMMARY|artifact_prefix|    #[0-9] )' "$log" | head -n 20
        touch "$build/logs/failed"
    fi
}

rm -f "$build/logs/failed"
count=0
for fuzzer in tests/fuzz/fuzz_*.c; do
    [ -e "$fuzzer" ] || break
    name=$(basename "$fuzzer" .c)
    fuzz_one "$name" &
    count=$((count + 1))
    [ $((count % jobs)) -ne 0 ] || wait
done
wait
echo "fuzz: $count fuzzers, $seconds s each"
[ ! -e "$build/logs/failed" ]
