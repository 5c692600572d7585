#!/bin/sh
# SPDX-License-Identifier: MIT
# setup/install.sh with a machine made up by scripts: it asks nothing when all is there, installs
# what is missing and nothing else, waits for another apt, and without rights prints the command.
. tests/script.sh
[ -z "$SANITIZE" ] || skip_all "the same without sanitizers"

# The made-up machine: only its own commands and those that any Debian has.
bin=$folder/bin
mkdir -p "$bin"
for tool in sh sed grep awk env mktemp rm cat tr dirname basename touch; do
    ln -s "$(command -v $tool)" "$bin/$tool"
done
# put NAME: a command of the machine, from standard input
put() { { echo '#!/bin/sh'; cat; } > "$bin/$1" && chmod +x "$bin/$1"; }
put sleep < /dev/null
put true < /dev/null
put id << 'END'
echo "${WHO:-0}"
END
put dpkg-query << 'END'
for package; do :; done
case " $INSTALLED $(cat "$STATE" 2> /dev/null) " in *" $package "*) printf installed ;; esac
END
put apt-cache << 'END'
echo "  Candidate: $([ "$2" = "${ABSENT:-}" ] && echo '(none)' || echo 1.0)"
END
put apt-get << 'END'
echo "apt-get $*" >> "$LOG"
if [ -n "${LOCKED:-}" ] && [ ! -e "$LOG.tried" ]; then
    touch "$LOG.tried"
    echo 'E: Could not get lock /var/lib/apt/lists/lock' >&2
    exit 100
fi
case "$*" in
*install*) [ -z "${BROKEN:-}" ] || { echo 'E: no network' >&2; exit 100; }
    echo "${*##*install }" >> "$STATE" ;;
esac
END
# The headers of the machine that runs the test must not stand in: a list without any.
mkdir "$folder/setup"
cp setup/install.sh "$folder/setup"
printf '# a comment\ngcc needed - compiler\nlibone-dev optional - one\nlibtwo-dev optional - two\n' \
    > "$folder/setup/packages.txt"
printf 'check test - tests\ntool ci my-tool found by its command\n' >> "$folder/setup/packages.txt"

# run GROUP...: output in $folder/output, exit status in $code, apt's calls in $LOG
run() {
    export LOG="$folder/log" STATE="$folder/state"
    rm -f "$LOG" "$LOG.tried" "$STATE"
    (cd "$folder" && PATH="$bin" sh setup/install.sh "$@") > "$folder/output" 2>&1 < /dev/null
    code=$?
    touch "$LOG"
}
expect() { # WHAT CODE [TEXT]: exit status, and a line that the output has
    if [ "$code" -eq "$2" ] && { [ -z "${3:-}" ] || grep -qF -- "$3" "$folder/output"; }; then
        pass
    else
        fail "$1: exit status $code, said: $(cat "$folder/output")"
    fi
}
calls() { # WHAT NUMBER [TEXT]: number of apt-get calls, and a part of one of them
    if [ "$(grep -c . "$LOG")" -eq "$2" ] && { [ -z "${3:-}" ] || grep -qF -- "$3" "$LOG"; }; then
        pass
    else
        fail "$1: $(cat "$LOG")"
    fi
}

export INSTALLED="gcc libone-dev libtwo-dev"
run needed optional
expect "all there" 0
check "all there, nothing said" test ! -s "$folder/output"
calls "all there" 0

INSTALLED="libone-dev"
run needed optional
expect "two missing, as root" 0 "installing gcc libtwo-dev"
calls "two missing, as root" 2 "install gcc libtwo-dev"

WHO=1000 run needed optional test
expect "no rights" 2 "apt-get update && apt-get install -y --no-install-recommends gcc libtwo-dev check"
calls "no rights" 0

put sudo << 'END'
[ "$1" = -n ] && shift
exec "$@"
END
WHO=1000 run needed
expect "by sudo" 0 "installing gcc"
calls "by sudo" 2 "install gcc"
put sudo << 'END'
echo 'sudo: a password is required' >&2
exit 1
END
WHO=1000 run needed
expect "sudo that wants a password, nobody to give it" 2 "Run this as root"
rm "$bin/sudo"

LOCKED=yes run needed
expect "another apt at work" 0 "waiting for it"
calls "another apt at work" 3 "install gcc"

ABSENT=libtwo-dev run needed optional
expect "a package that the archive lacks" 0 "no libtwo-dev"
calls "a package that the archive lacks" 2 "install gcc"
ABSENT=gcc run needed
expect "a needed package that the archive lacks" 2 "still missing and needed: gcc"

BROKEN=yes run needed
expect "no network" 2 "could not install"

INSTALLED="gcc"
put my-tool < /dev/null
run ci
expect "found by its command" 0
calls "found by its command" 0

rm "$bin/dpkg-query" "$bin/my-tool"
put cc < /dev/null
run needed optional
expect "not Debian, with a compiler" 0 "going on with what is there"
rm "$bin/cc"
run needed optional
expect "not Debian, without a compiler" 2 "install at least a C compiler"
run
expect "no group named" 2 "usage:"
finish
