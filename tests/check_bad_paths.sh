#!/bin/sh
# SPDX-License-Identifier: MIT
# What every reader says of a path that is missing, empty, of the wrong kind or unreadable, and every
# writer of a full disk: exit status 2, the path in the message, and no file left behind. A limit of
# 0 on the size of files stands for the full disk.
. tests/script.sh
balact=$BUILD/balact
config=$BUILD/config.mk
for part in ARCHIVE JANSSON INIH; do
    grep -qs "HAVE_$part := 1" "$config" || skip_all "built without $part"
done
export OMP_NUM_THREADS=1

# expect_refusal TEXT ARGUMENT...: balact exits 2, says TEXT, and leaves nothing in $folder/out
expect_refusal() {
    text=$1
    shift
    said=$("$balact" "$@" 2>&1 > /dev/null)
    judge_refusal $? "$@"
}

# The same on a full disk.
expect_full() {
    text=$1
    shift
    said=$(trap '' XFSZ && ulimit -f 0 && "$balact" "$@" 2>&1 > /dev/null)
    judge_refusal $? "$@"
}

judge_refusal() {
    code=$1
    shift
    left=$(find "$folder/out" -type f 2> /dev/null)
    rm -rf "$folder/out"
    mkdir "$folder/out"
    case $code:$said:$left in
    2:*"$text"*:) pass ;;
    2:*"$text"*) fail "balact $*: left behind: $left" ;;
    *) fail "balact $*: exit status $code, wanted 2 and '$text': $said" ;;
    esac
}

out=$folder/out bad=$folder/bad
mkdir "$out" "$bad" "$bad/folder"
: > "$bad/empty"
echo 'neither this nor that' > "$bad/text"
echo secret > "$bad/shut"
chmod 000 "$bad/shut"

# ---- readers ----
archives='imagenet-lt places-lt cifar-lt features' texts='list counts'
for kind in $archives $texts; do
    expect_refusal "$bad/missing: cannot open: No such file" data "$kind" "$bad/missing" --csv "$out/f"
    expect_refusal "$bad/folder: " data "$kind" "$bad/folder" --csv "$out/f" --counts "$out/g"
    expect_refusal "$bad/empty: " data "$kind" "$bad/empty" --csv "$out/f" --counts "$out/g"
    expect_refusal "$bad/text: " data "$kind" "$bad/text" --csv "$out/f" --counts "$out/g"
done
for kind in $archives; do
    expect_refusal "$bad/empty: byte 0: the file is empty" data "$kind" "$bad/empty"
    expect_refusal "$bad/text: byte 0: not a folder, .tar" data "$kind" "$bad/text"
done
for kind in $texts; do
    expect_refusal "$bad/folder: cannot open: it is a folder" data "$kind" "$bad/folder"
done
for kind in imagenet-lt cifar-lt; do
    for what in missing folder empty text; do
        expect_refusal "$bad/$what: " train "$kind" --data "$bad/$what" --out "$out/run" --quiet
    done
done
if grep -qs 'HAVE_SIMDJSON := 1' "$config"; then
    expect_refusal "$bad/missing: cannot open: No such file" data lvis "$bad/missing"
    expect_refusal "$bad/folder: cannot open: it is a folder" data lvis "$bad/folder"
    for what in empty text; do
        expect_refusal "$bad/$what: byte 0: " data lvis "$bad/$what" --csv "$out/f" \
            --counts "$out/g" --priors "$out/h"
    done
    for option in csv counts priors; do
        expect_full "$out/f: cannot write: File too large" data lvis tests/data/ok_lvis_small.json \
            --$option "$out/f"
    done
else
    skip 'annotations of LVIS: built without SIMDJSON'
fi
for what in missing folder empty text; do
    expect_refusal "$bad/$what: " report "$bad/$what"
    expect_refusal "$bad/$what: " synth imagenet-lt --describe --classes 9 --against "$bad/$what"
done
if [ -r "$bad/shut" ]; then
    skip "no file is unreadable to root"
else
    for kind in $archives $texts; do
        expect_refusal "$bad/shut: " data "$kind" "$bad/shut" --csv "$out/f"
        expect_refusal "Permission denied" data "$kind" "$bad/shut" --csv "$out/f"
    done
fi

# ---- writers ----
set=$folder/set run=$folder/run
small='--classes 12 --dim 4 --train-factor 0.05 --val-per-class 2 --test-per-class 2'
# shellcheck disable=SC2086  # words
check "a small data set" "$balact" synth imagenet-lt $small --out "$set"
check "a small run" "$balact" train imagenet-lt --data "$set" --out "$run" --name small --epochs 1 \
    --seeds 1 --methods softmax --quiet
expect_refusal "$bad/folder: cannot write: Is a directory" verify --csv "$bad/folder"
expect_refusal "/no/such/f: cannot write: No such file" verify --csv "$out/no/such/f"
expect_full "$out/f: cannot write: File too large" verify --small --csv "$out/f"
for option in csv counts; do
    full="$out/f: cannot write: File too large"
    expect_full "$full" data counts "$set/class_counts.csv" --$option "$out/f"
    expect_full "$full" data list "$set/ImageNet_LT_train.txt" --$option "$out/f"
    expect_full "$full" data features "$set" --$option "$out/f"
done
for ending in '' .tar .tar.gz .zip; do
    # shellcheck disable=SC2086
    expect_full "cannot write: File too large" synth imagenet-lt $small --out "$out/set$ending"
done
expect_full "cannot write: File too large" train imagenet-lt --data "$set" --out "$out/run" \
    --epochs 1 --seeds 1 --methods softmax --quiet
cp -r "$run" "$folder/full"
expect_full "cannot write: File too large" report "$folder/full" --no-figures
check "a report that found no room left nothing" test "$(find "$run" -type f | wc -l)" -eq \
    "$(find "$folder/full" -type f | wc -l)"

if command -v gnuplot > /dev/null; then
    # Room for tables, not for pictures: gnuplot itself ends in 0 then.
    cp -r "$run" "$folder/short"
    (trap '' XFSZ; ulimit -f 8; exec "$balact" report "$folder/short") > "$folder/.said" 2>&1
    check "a report whose pictures do not fit fails" test $? -ne 0
    check "... and says so" grep -q 'full\|too large' "$folder/.said"
    for picture in "$folder"/short/figures/*.svg; do
        [ ! -e "$picture" ] || check "$picture is whole" grep -q '</svg>' "$picture"
    done
fi

# ---- standard output ----
if [ -c /dev/full ]; then
    for words in info --help --version 'data --help' "data counts $set/class_counts.csv"; do
        # shellcheck disable=SC2086
        said=$("$balact" $words 2>&1 > /dev/full)
        code=$?
        case $code:$said in
        2:*"cannot write to standard output: No space left on device"*) pass ;;
        *) fail "balact $words > /dev/full: exit status $code: $said" ;;
        esac
    done
    expect_refusal "/dev/full: cannot write: not a regular file" data counts \
        "$set/class_counts.csv" --csv /dev/full
else
    skip "no /dev/full"
fi
finish
