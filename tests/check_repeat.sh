#!/bin/sh
# SPDX-License-Identifier: MIT
# The main path as a person runs it, twice with one seed, on one and on two threads, with and without
# a locale: synthetic archive, training, report. Everything but times must be the same bytes.
. tests/script.sh
balact=$BUILD/balact
config=$BUILD/config.mk
for part in ARCHIVE JANSSON INIH; do
    grep -qs "HAVE_$part := 1" "$config" || skip_all "built without $part"
done

for threads in 1 2; do
    run=$folder/run$threads
    export LC_ALL=C.UTF-8
    [ "$threads" -ne 1 ] || LC_ALL=C
    check "synth, $threads threads" env OMP_NUM_THREADS=$threads "$balact" synth imagenet-lt \
        --classes 40 --dim 8 --train-factor 0.5 --out "$folder/data$threads.tar"
    check "train, $threads threads" env OMP_NUM_THREADS=$threads "$balact" train imagenet-lt \
        --data "$folder/data$threads.tar" --name repeat --epochs 3 --seeds 2 --out "$run"
    # The claims about the full-size set do not hold for this small one: only verify's are judged.
    grep -E '^(id|verify-)' bench/expected.csv > "$folder/expected.csv"
    check "report, $threads threads" env OMP_NUM_THREADS=$threads "$balact" report "$run" \
        --expected "$folder/expected.csv"
done

check "the archives are the same" cmp "$folder/data1.tar" "$folder/data2.tar"
compared=0
for file in $(cd "$folder/run1" &&
    find . -name '*.csv' -o -name '*.md' -o -name '*.tex' -o -name '*.svg' | sort); do
    case $file in *throughput*) continue ;; esac
    cmp "$folder/run1/$file" "$folder/run2/$file" || fail "$file differs between 1 and 2 threads"
    compared=$((compared + 1))
done
check "at least 10 files were compared" test "$compared" -ge 10
if command -v gnuplot > /dev/null; then
    check "figures are among them" test -n "$(find "$folder/run1" -name '*.svg')"
fi
finish
