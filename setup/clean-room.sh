#!/bin/sh
# SPDX-License-Identifier: MIT
# Proves that a fresh Debian needs nothing but git and make: sets up a minimal one in a folder with
# debootstrap, from the mirror that this machine's apt uses, clones the committed sources into it and
# runs there, as root, the commands given (.ci/run if none). For people; needs root, debootstrap,
# about 4 GB and the mirror.
# usage: setup/clean-room.sh FOLDER [COMMAND...]      e.g. setup/clean-room.sh /tmp/room make test
# environment: SUITE (bookworm), KEEP=1 leaves the folder behind
set -eu
[ $# -gt 0 ] || { sed -n '3,8s/^# //p' "$0" >&2; exit 2; }
room=$1
shift
[ $# -gt 0 ] || set -- .ci/run
suite=${SUITE:-bookworm}
sources=$(cd "$(dirname "$0")/.." && pwd)

[ "$(id -u)" -eq 0 ] || { echo "clean-room: a chroot needs root" >&2; exit 2; }
command -v debootstrap > /dev/null || { echo "clean-room: apt-get install debootstrap" >&2; exit 2; }
[ ! -e "$room" ] || { echo "clean-room: $room is there already; remove it first" >&2; exit 2; }
# shellcheck disable=SC2016  # apt's own variables
mirror=$(apt-get indextargets --format '$(CREATED_BY) $(CODENAME) $(REPO_URI)' |
    sed -n "s/^Packages $suite //p" | head -n 1)
[ -n "$mirror" ] || { echo "clean-room: apt knows no mirror of $suite here" >&2; exit 2; }

if [ -z "${KEEP:-}" ]; then
    trap 'rm -rf --one-file-system "$room"' EXIT
fi
mkdir -p "$room"
echo "clean-room: Debian $suite with git and make, into $room"
debootstrap --variant=minbase --include=git,make "$suite" "$room" "$mirror" > "$room.log" 2>&1 ||
    { tail -n 20 "$room.log" >&2; exit 2; }
mv "$room.log" "$room/var/log/clean-room.log"
# How this machine's apt reaches its mirror (a proxy, certificates) holds in there as well.
for file in /etc/apt/apt.conf.d/*; do
    if grep -qsi 'Acquire::.*Proxy\|CaInfo' "$file"; then
        cp "$file" "$room/etc/apt/apt.conf.d/"
    fi
done
git clone -q "file://$sources" "$room/root/balact"
git -C "$room/root/balact" checkout -q "$(git -C "$sources" rev-parse HEAD)"
echo "clean-room: $(git -C "$room/root/balact" log -1 --oneline)"
echo "clean-room: running $*"

# /proc and /dev in a mount namespace of their own, which goes with its last process; where that is
# not allowed the command runs without them.
cat > "$room/enter" << 'END'
room=$1
shift
mount -t proc proc "$room/proc" 2> /dev/null || echo "clean-room: no /proc in there" >&2
mount --rbind /dev "$room/dev" 2> /dev/null || echo "clean-room: no /dev in there" >&2
exec env -i HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${http_proxy:+"http_proxy=$http_proxy"} chroot "$room" \
    sh -c 'cd /root/balact && exec "$@"' sh "$@"
END
separate="unshare --mount --propagation private"
$separate true 2> /dev/null || separate=
code=0
$separate sh "$room/enter" "$room" "$@" < /dev/null || code=$?
echo "clean-room: exit status $code"
exit "$code"
