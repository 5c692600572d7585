#!/bin/sh
# SPDX-License-Identifier: MIT
# balact lvis-eval as a person runs it: the official lines, refusals with their reasons, and outputs
# that do not depend on threads.
. tests/script.sh
balact=$BUILD/balact
grep -qs 'HAVE_SIMDJSON := 1' "$BUILD/config.mk" || skip_all 'built without SIMDJSON'
annotations=tests/data/ok_lvis_small.json
found=$folder/found.json

# refused TEXT ARGUMENT...: lvis-eval exits 2 and says TEXT
refused() {
    text=$1
    shift
    said=$("$balact" lvis-eval "$@" 2>&1 > /dev/null)
    code=$?
    case $code:$said in
    2:*"$text"*) pass ;;
    *) fail "lvis-eval $*: exit status $code, wanted 2 and '$text': $said" ;;
    esac
}

# bad TEXT RECORD: a results file of one good record and this one is refused
bad() {
    echo "[{\"image_id\": 10, \"category_id\": 9, \"bbox\": [0, 0, 5, 5], \"score\": 1}, $2]" > "$found"
    refused "$found: $1" --gt "$annotations" --dt "$found" --iou-type bbox
}

cat > "$found" << 'END'
[{"image_id": 10, "category_id": 9, "bbox": [1, 2, 3.5, 4.25], "score": 0.9},
{"image_id": 30, "category_id": 5, "bbox": [0, 0, 2, 2], "score": 0.8},
{"image_id": 10, "category_id": 2, "bbox": [0, 0, 1, 1], "score": 0.7}]
END
for threads in 1 3; do
    check "an evaluation on $threads threads" "$balact" lvis-eval --gt "$annotations" --dt "$found" \
        --iou-type bbox --threads $threads --per-class "$folder/class$threads.csv" \
        --pr-curves "$folder/curve$threads.csv"
    cp "$folder/.output" "$folder/said$threads" 2> /dev/null
done
"$balact" lvis-eval --gt "$annotations" --dt "$found" --iou-type bbox > "$folder/said"
# Category 9 has a second object, which is not found: 51 of 101 recall points; the others have none.
line=' Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=300 catIds=all] = 0.835'
check 'the official line of AP' grep -qxF -- "$line" "$folder/said"
check '13 of them' test "$(grep -c '^ Average ' "$folder/said")" -eq 13
check 'per category, whatever the threads' cmp "$folder/class1.csv" "$folder/class3.csv"
check 'curves, whatever the threads' cmp "$folder/curve1.csv" "$folder/curve3.csv"

gt="--gt $annotations"
# shellcheck disable=SC2086  # words
{
    refused 'wants --gt ANNOTATIONS and --dt RESULTS' $gt
    refused '--protocol coco is not offered: COCO marks every' $gt --dt "$found" --protocol coco
    refused "--protocol wants lvis or coco, not 'voc'" $gt --dt "$found" --protocol voc
    refused "--iou-type wants bbox or segm, not 'box'" $gt --dt "$found" --iou-type box
    refused '--max-dets wants 1 or more' $gt --dt "$found" --max-dets 0
    refused "$folder/none: cannot open" $gt --dt "$folder/none"
    refused "$folder: cannot open: it is a folder" $gt --dt "$folder"
    refused 'are these annotations?' $gt --dt "$annotations"
}
refused 'bad_lvis_coco.json: byte' --gt tests/data/bad_lvis_coco.json --dt "$found"
refused 'is it a COCO file? LVIS marks only some' --gt tests/data/bad_lvis_coco.json --dt "$found"
refused 'an array, as detections are' --gt "$found" --dt "$found"

start='{"image_id": 10, "category_id": 9, "bbox": [0, 0, 5, 5]'
bad 'byte 71: [1].image_id: ' '{"image_id": 11, "category_id": 9, "bbox": [0, 0, 5, 5], "score": 1}'
bad 'byte 71: [1].category_id: ' '{"image_id": 10, "category_id": 6, "bbox": [0, 0, 5, 5], "score": 1}'
bad 'byte 71: [1].bbox: ' '{"image_id": 10, "category_id": 9, "bbox": [0, 0, -5, 5], "score": 1}'
bad 'byte 71: [1]: the detection has no "score"' "$start}"
bad 'byte 71: [1].score: ' "$start, \"score\": \"high\"}"
bad 'byte 137: [1]: NaN is no JSON number' "$start, \"score\": NaN}"
bad 'byte 137: [1]: a number too large' "$start, \"score\": 1e999}"
bad 'byte 140: [2]: wants a value here' "$start, \"score\": 1},"
bad 'byte 71: [1]' '7'
finish
