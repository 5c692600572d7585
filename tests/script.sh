# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the test scripts share; read by ". tests/script.sh" from the root of the sources.
# Environment, set by the Makefile: BUILD, CC, MAKE, SANITIZE. A script's own files go to $folder.
BUILD=${BUILD:-build} CC=${CC:-cc} MAKE=${MAKE:-make} SANITIZE=${SANITIZE:-}
passed=0 failed=0 skipped=0
script=$(basename "$0")
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $script: $*"; }
skip() { skipped=$((skipped + 1)); echo "SKIP $script: $*"; }

# check WHAT COMMAND...: the command succeeds; its output is shown only if it does not
check() {
    what=$1
    shift
    if "$@" > "$folder/.output" 2>&1; then
        pass
    else
        fail "$what (exit status $?)"
        sed 's/^/    /' "$folder/.output"
    fi
}

# finish: prints the closing line and ends the script
finish() {
    echo "$script: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}

# skip_all REASON: the whole script counts as one skipped test
skip_all() {
    skip "$*"
    finish
}
