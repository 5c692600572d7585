#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts the tables and figures of a finished reproduction into README.md (between its markers) and
# docs/figures/, so that no number there was typed.
# usage: setup/update-docs.sh [RUN]
set -eu
cd "$(dirname "$0")/.."
run=${1:-results/reproduce}
for file in "$run/tables/accuracy_imagenet-lt-synthetic_test.md" \
    "$run/tables/accuracy_sample-size_test.md" "$run/tables/lvis_bbox_lvis_val.md"; do
    [ -e "$file" ] || { echo "$file is missing: make reproduce first" >&2; exit 2; }
done
mkdir -p docs/figures
block=$(mktemp)
trap 'rm -f "$block"' EXIT

figure() { # NAME ALTERNATIVE-TEXT
    cp "$run/figures/$1.svg" docs/figures/
    printf '\n![%s](docs/figures/%s.svg)\n' "$2" "$1"
}

{
    # shellcheck disable=SC2016  # a command to show, not to run
    printf 'Made by `make reproduce`, the CIFAR tables with `CIFAR10_LT=` and `CIFAR100_LT=` given.\n\n'
    cat "$run/tables/accuracy_imagenet-lt-synthetic_test.md"
    figure accuracy_by_rank_imagenet-lt-synthetic_test \
        "Accuracy by class frequency, four methods and the Bayes optimum"
    printf '\nThe distance of Balanced Softmax to the Bayes optimum is estimation error: with more samples '
    printf 'of the\nsame prior it goes, while softmax keeps its bias.\n'
    figure accuracy_by_size_sample-size_test \
        "Accuracy of softmax and Balanced Softmax against the number of training images"
    printf '\nSynthetic LVIS by the LVIS protocol, boxes and masks, and what others published on the '
    printf 'real set.\n\n'
    for table in lvis_bbox_lvis_val lvis_segm_lvis_val lvis_published_lvis; do
        cat "$run/tables/$table.md"
        printf '\n'
    done
    figure ap_by_rank_lvis_val \
        "Box AP by category frequency, four methods and the Bayes optimum"
    for classes in 10 100; do
        table=$run/tables/accuracy_cifar-$classes-lt_test.md
        [ -e "$table" ] || continue
        printf '\nReal images, CIFAR-%s-LT: raw pixels, a weak feature on purpose.\n\n' "$classes"
        cat "$table"
    done
} > "$block"

awk -v block="$block" '
    /^<!-- results: begin/ { print; while ((getline line < block) > 0) print line; inside = 1 }
    /^<!-- results: end/ { inside = 0 }
    !inside || /^<!-- results: end/ { if (!/^<!-- results: begin/) print }
' README.md > README.md.new
mv README.md.new README.md
echo "README.md and docs/figures/ now show $run"
