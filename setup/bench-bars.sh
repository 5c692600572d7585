#!/bin/sh
# SPDX-License-Identifier: MIT
# Measures what bench/bars.csv speaks of, and judges it. Exit status 1 if a bar fails.
# usage: setup/bench-bars.sh BUILD FOLDER
build=$1 folder=$2
bars=bench/bars.csv

# column NAME [SECOND]: the distinct values of the kernels' bars, joined by commas; two joined by x
column() {
    awk -F, -v wanted="$1" -v second="$2" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $(at["source"]) == "kernels" {
            value = $(at[wanted]) (second ? "x" $(at[second]) : "")
            if (!(value in seen)) { seen[value] = 1; printf "%s%s", comma, value; comma = "," }
        }' "$bars"
}

mkdir -p "$folder" || exit 2
"$build/balact" bench kernels --out "$folder" --case "$(column rows cols)" \
    --activation "$(column activation)" --op "$(column op)" \
    --dtype "$(column dtype)" --threads "$(column threads)"
# 1: somebody computed wrongly; if a peer, its bars are SKIP, if we, FAIL
[ $? -le 1 ] || exit 2
"$build/balact" bench head --out "$folder"
[ $? -le 1 ] || exit 2
"$build/balact" bench bars "$folder"
