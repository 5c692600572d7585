#!/bin/sh
# SPDX-License-Identifier: MIT
# balact bench json: verified before it is timed, and nothing else in its table. No duration is judged.
. tests/script.sh
balact=$BUILD/balact
grep -qs 'HAVE_SIMDJSON := 1' "$BUILD/config.mk" || skip_all 'built without SIMDJSON'
small=tests/data/ok_lvis_small.json

check 'a small file is timed' "$balact" bench json "$small" --rounds 1 --threads 2 --out "$folder/out"
table=$folder/out/json.csv
header='what,threads,file_bytes,seconds_p10,seconds_p50,seconds_p90,samples,processor_seconds_p50'
check 'the table begins with its columns' grep -q "^$header,bytes_per_second,peak_bytes,verified\$" "$table"
check 'seven ways' test "$(wc -l < "$table")" -eq 8
bytes=$(wc -c < "$small")
for way in read,1 parse,1 load,1 load_boxes,1; do
    check "$way is of the whole file, and verified" grep -q "^$way,$bytes,.*,yes\$" "$table"
done

# One box more in the text than annotations: something was not read, so nothing is timed.
sed 's/"licenses": \[\]/"licenses": [{"bbox": 1}]/' "$small" > "$folder/more.json"
said=$("$balact" bench json "$folder/more.json" --rounds 1 --out "$folder/none" 2>&1)
check 'what is wrong ends with status 1' test $? -eq 1
check 'and is named' test "${said#*WRONG: 6 times}" != "$said"
check 'and leaves no table' test ! -e "$folder/none/json.csv"

# refused TEXT ARGUMENT...: exits 2 and says TEXT
refused() {
    text=$1
    shift
    said=$("$balact" bench json "$@" 2>&1 > /dev/null)
    code=$?
    case $code:$said in
    2:*"$text"*) pass ;;
    *) fail "bench json $*: exit status $code, wanted 2 and '$text': $said" ;;
    esac
}

gzip -c "$small" > "$folder/small.json.gz"
refused 'wants annotations as plain JSON' "$folder/small.json.gz"
refused "$folder/missing: cannot open" "$folder/missing"
refused 'wants one file of annotations'
refused '--rounds must lie in 1..255' "$small" --rounds 0
refused 'is it a COCO file?' tests/data/bad_lvis_coco.json
finish
