#!/bin/sh
# SPDX-License-Identifier: MIT
# The reproduction: nothing but balact commands, in order, each of which a person can run alone. An
# interrupted one goes on where it stood; a finished one is moved aside. The exit status is that of
# the claims.
# usage: setup/reproduce.sh BUILD RUN [full]
# environment: IMAGENET_LT, CIFAR10_LT, CIFAR100_LT: archives or folders of real data
set -u
build=$1
run=$2
tier=${3:-short}
balact=$build/balact
data=$build/data
state=$run/state # lines: program CKSUM, done STEP SECONDS, finished DATE
begin=$(date +%s)

say() { printf '%s\n' "$*"; }
done_already() { grep -qs "^done $1 " "$state"; }

# A wrong path is said now, not after minutes.
for given in "${IMAGENET_LT:-}" "${CIFAR10_LT:-}" "${CIFAR100_LT:-}"; do
    if [ -n "$given" ] && [ ! -e "$given" ]; then
        say "$given: there is no such file or folder (IMAGENET_LT=, CIFAR10_LT=, CIFAR100_LT=)" >&2
        exit 2
    fi
done

# What it takes, said before it is taken.
if [ "$tier" = full ]; then
    say "balact reproduce-full: about 15 minutes on 2 cores, 2 GB of disk and 4 GiB of memory, and" \
        "for real ImageNet-LT features of 2048 columns about 2 hours, 2 GB and 6 GiB more"
else
    say "balact reproduce: at most 10 minutes on 2 cores, 650 MB of disk, 4 GiB of memory"
fi
mkdir -p "$run" "$data" || exit 2
free=$(df -Pk "$run" | awk 'NR == 2 { print int($4 / 1024) }')
if [ "${free:-650}" -lt 650 ]; then
    say "only $free MB are free in $run: make room, or give RESULTS= a folder on another disk" >&2
    exit 2
fi

# A finished run stays, under the time it finished; one of another program cannot be gone on with.
program=$(cksum < "$balact" | tr ' ' '-')
if [ -e "$state" ] && { grep -qs '^finished ' "$state" || ! grep -qsx "program $program" "$state"; }; then
    when=$(sed -n 's/^finished //p' "$state")
    aside=$run-${when:-unfinished-$(date -u +%Y%m%dT%H%M%SZ)}
    base=$aside number=2
    while [ -e "$aside" ]; do
        aside=$base-$number
        number=$((number + 1))
    done
    mv "$run" "$aside" || exit 2
    say "the earlier run is now in $aside"
    mkdir -p "$run"
fi
if [ -e "$state" ]; then
    say "going on with the run in $run"
else
    echo "program $program" > "$state"
fi

# step NAME ARGUMENT...: one balact command, unless done already; any failure ends the run
step() {
    name=$1
    shift
    if done_already "$name"; then
        say "" "== $name: done already"
        return
    fi
    printf '\n== %s: balact %s\n' "$name" "$*"
    start=$(date +%s)
    "$balact" "$@"
    code=$?
    seconds=$(($(date +%s) - start))
    if [ "$code" -ne 0 ]; then
        say "== $name ended in exit status $code after $seconds s; the same make goes on from here" >&2
        exit "$code"
    fi
    echo "done $name $seconds" >> "$state"
    say "== $name: $seconds s"
}

# real NAME VARIABLE PATH WHAT-TO-FETCH ARGUMENT...: a step on real data, or what is missing for it
real() {
    name=$1 variable=$2 path=$3 fetch=$4
    shift 4
    if [ -z "$path" ]; then
        [ "$tier" != full ] || printf '\n== SKIP %s: no %s=; %s\n' "$name" "$variable" "$fetch"
    else
        step "$name" "$@" --data "$path"
    fi
}

step verify verify --csv "$run/verify.csv"
synthetic=$data/imagenet-lt-synthetic.tar
# The archive appears whole or not at all, so that one which is there is good; its seed is fixed.
[ -e "$synthetic" ] || sed -i '/^done synth /d' "$state"
step synth synth imagenet-lt --out "$synthetic"
step imagenet-lt-synthetic train imagenet-lt --data "$synthetic" --name imagenet-lt-synthetic \
    --out "$run" --resume
lvis=$data/lvis-synthetic
[ -e "$lvis" ] || sed -i '/^done synth-lvis /d' "$state"
step synth-lvis synth lvis --out "$lvis"
step lvis-synthetic train lvis --data "$lvis" --out "$run" --resume
step sample-size train sample-size --out "$run" --resume
real cifar-10-lt CIFAR10_LT "${CIFAR10_LT:-}" \
    "fetch the binary version of CIFAR-10 (cifar-10-binary.tar.gz, 170 MB) from its home page" \
    train cifar-lt --classes 10 --imbalance 100 --features pixels --out "$run" --resume
real cifar-100-lt CIFAR100_LT "${CIFAR100_LT:-}" \
    "fetch the binary version of CIFAR-100 (cifar-100-binary.tar.gz, 170 MB) from its home page" \
    train cifar-lt --classes 100 --imbalance 100 --features pixels --out "$run" --resume
real imagenet-lt IMAGENET_LT "${IMAGENET_LT:-}" \
    "fetch ImageNet-LT's lists and extract features of its images (README.md, Use real data)" \
    train imagenet-lt --out "$run" --resume

printf '\n== seconds:'
awk '$1 == "done" { printf " %s %s,", $2, $3 }' "$state"
printf ' in all %s\n' $(($(date +%s) - begin))

# Last, so that the run ends in its claims.
printf '\n== report: balact report %s\n' "$run"
"$balact" report "$run"
code=$?
[ "$code" -gt 1 ] || echo "finished $(date -u +%Y%m%dT%H%M%SZ)" >> "$state"
exit "$code"
