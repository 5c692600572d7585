#!/bin/sh
# SPDX-License-Identifier: MIT
# setup/reproduce.sh with a made-up balact: the steps in order, going on after an interruption, runs
# moved aside, data that is missing, and the exit status of the claims.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "the same without sanitizers"

mkdir "$folder/build" "$folder/real"
# It notes its arguments, makes the output of synth, and fails in the command that $BREAK names.
program() { # COMMENT, which tells one build from another
    cat > "$folder/build/balact" << END
#!/bin/sh
# $1
echo "\$*" >> "$folder/calls"
[ "\$1" != synth ] || touch "\$4"
[ "\$1 \$2" != "\${BREAK:-}" ] || exit "\${CODE:-2}"
END
    chmod +x "$folder/build/balact"
}
run=$folder/results/run
# reproduce ARGUMENT...: exit status in $code, the commands' first words in $calls
reproduce() {
    rm -f "$folder/calls"
    sh setup/reproduce.sh "$folder/build" "$run" "$@" > "$folder/output" 2>&1
    code=$?
    calls=$(awk '{ printf "%s %s;", $1, $2 }' "$folder/calls" 2> /dev/null |
        sed "s,--csv,,; s,$run,RUN,")
}
# expect WHAT CODE CALLS [TEXT]
expect() {
    if [ "$code" -eq "$2" ] && [ "$calls" = "$3" ] &&
        { [ -z "${4:-}" ] || grep -qF -- "$4" "$folder/output"; }; then
        pass
    else
        fail "$1: exit status $code, called $calls"
        cat "$folder/output"
    fi
}
runs() { find "$folder/results" -mindepth 1 -maxdepth 1 | wc -l; }
unset BREAK CODE IMAGENET_LT CIFAR10_LT CIFAR100_LT
short="verify ;synth imagenet-lt;train imagenet-lt;synth lvis;train lvis;train sample-size;report RUN;"

program one
reproduce
expect "a new run" 0 "$short" "650 MB of disk"
reproduce
expect "a second one" 0 "$short" "the earlier run is now in"
check "the first is kept" test "$(runs)" -eq 2

BREAK="train sample-size" CODE=143
export BREAK CODE
reproduce
expect "an interrupted run" 143 \
    "verify ;synth imagenet-lt;train imagenet-lt;synth lvis;train lvis;train sample-size;" \
    "ended in exit status 143"
BREAK="train nothing"
reproduce
expect "... goes on" 0 "train sample-size;report RUN;" "going on"
check "... in its folder" test "$(runs)" -eq 3

BREAK="train sample-size"
reproduce
rm -r "$folder"/build/data/*
BREAK="train nothing"
reproduce
expect "the data of an interrupted run is gone" 0 \
    "synth imagenet-lt;synth lvis;train sample-size;report RUN;"

BREAK="train sample-size"
reproduce
program two
BREAK="train nothing"
reproduce
expect "another build starts again" 0 "$short" "run-unfinished-"

BREAK="report $run" CODE=1
reproduce
expect "a claim fails" 1 "$short"
BREAK="train nothing"
reproduce
expect "... which is a finished run" 0 "$short" "the earlier run is now in"

CIFAR10_LT=$folder/real IMAGENET_LT=$folder/real
export CIFAR10_LT IMAGENET_LT
reproduce full
steps="verify ;synth imagenet-lt;train imagenet-lt;synth lvis;train lvis;train sample-size;"
steps="${steps}train cifar-lt;"
expect "real data" 0 "${steps}train imagenet-lt;report RUN;" \
    "SKIP cifar-100-lt: no CIFAR100_LT=; fetch"
CIFAR10_LT=$folder/nowhere reproduce full
expect "data that is not there" 2 "" "$folder/nowhere: there is no such file"
finish
