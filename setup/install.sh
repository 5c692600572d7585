#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages of the named groups that are missing (setup/packages.txt). Asks and
# does nothing when all are there. Without root or sudo it prints the one command to run and exits 2.
# usage: setup/install.sh GROUP...     groups: needed optional test ci
set -u
list=$(dirname "$0")/packages.txt

# The fields of the packages of the groups asked for: package, group, found as.
chosen() {
    while read -r package group found _; do
        case $package in '' | '#'*) continue ;; esac
        case " $groups " in *" $group "*) echo "$package $group $found" ;; esac
    done < "$list"
}

have_dpkg() { command -v dpkg-query > /dev/null && command -v apt-get > /dev/null; }

installed() { # PACKAGE
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

# found_as WHAT: is there a command or a header of that name?
found_as() {
    case $1 in
    -) return 1 ;;
    *.h)
        for folder in /usr/include /usr/include/*-linux-gnu* /usr/local/include; do
            [ ! -e "$folder/$1" ] || return 0
        done
        return 1
        ;;
    *) command -v "$1" > /dev/null ;;
    esac
}

missing() { # names of the packages that nothing stands in for
    chosen | while read -r package _ found; do
        { have_dpkg && installed "$package"; } || found_as "$found" || echo "$package"
    done
}

# apt COMMAND...: apt-get that asks nothing and waits for another apt to finish
apt() {
    tries=0
    while :; do
        $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
            apt-get -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=0 "$@" 2> "$errors" < /dev/null
        code=$?
        [ "$code" -ne 0 ] || return 0
        # The lock of the package lists has no timeout of its own.
        if grep -q 'Could not get lock' "$errors" && [ "$tries" -lt 60 ]; then
            [ "$tries" -ne 0 ] || echo "set-up: another apt is running, waiting for it" >&2
            tries=$((tries + 1))
            sleep 5
            continue
        fi
        cat "$errors" >&2
        return "$code"
    done
}

[ $# -gt 0 ] || { echo "usage: setup/install.sh needed|optional|test|ci ..." >&2; exit 2; }
groups=$*
wanted=$(missing | tr '\n' ' ')
wanted=${wanted% }
[ -n "$wanted" ] || exit 0

if ! have_dpkg; then
    echo "set-up: this is not a Debian system; missing here (named as Debian names them): $wanted" >&2
    if found_as cc || found_as gcc || found_as clang; then
        echo "set-up: going on with what is there" >&2
        exit 0
    fi
    echo "set-up: install at least a C compiler by your system's means" >&2
    exit 2
fi

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo > /dev/null && { sudo -n true 2> /dev/null || [ -t 0 ]; }; then
    as_root=sudo
else
    echo "set-up: missing packages, and neither root nor sudo to install them. Run this as root:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends $wanted" >&2
    echo "or go on without them: add SETUP=skip to the make command." >&2
    exit 2
fi

errors=$(mktemp) || exit 2
trap 'rm -f "$errors"' EXIT
echo "set-up: installing $wanted"
apt -q update || echo "set-up: apt-get update failed; trying with the lists that are there" >&2

# What this system's archive does not carry (another release or processor) is left out, if it may be.
install=
for package in $wanted; do
    if apt-cache policy "$package" 2> /dev/null | grep 'Candidate:' | grep -qv '(none)'; then
        install="$install $package"
    else
        echo "set-up: this system's archive has no $package; going on without it" >&2
    fi
done
# shellcheck disable=SC2086
if [ -n "$install" ] && ! apt -q -y install $install; then
    echo "set-up: apt-get could not install:$install" >&2
    echo "mend that (network, disk, package sources), or go on without: add SETUP=skip" >&2
    exit 2
fi
groups=needed
wanted=$(missing | tr '\n' ' ')
if [ -n "$wanted" ]; then
    echo "set-up: still missing and needed: $wanted" >&2
    exit 2
fi
