#!/bin/sh
# SPDX-License-Identifier: MIT
# Copies what the program reads at run time: experiments, expected values, figure scripts.
# usage: setup/install-share.sh FOLDER
for file in bench/experiments/*.ini bench/expected.csv bench/bars.csv bench/peers/*.py plots/*.gp; do
    [ -e "$file" ] || continue
    to=$1/${file#bench/}
    mkdir -p "$(dirname "$to")" && cp "$file" "$to" && chmod 644 "$to" || exit 1
done
