#!/bin/sh
# dhcpcd.sh OUT TARBALLS ARCH - builds the pinned dhcpcd as the static program OUT. It is no part of the binary,
# but a program of images whose uplink is dhcp. Without plug-ins, and its hook is knetd, not a shell script;
# dhcpcd.patch mends its DHCPv6.
# CC and STRIP come from the environment.
set -eu
mkdir -p "${1%/*}"
out=$(cd "${1%/*}" && pwd)/${1##*/} tarballs=$(cd "$2" && pwd) arch=$3
here=$(cd "$(dirname "$0")" && pwd)
src=$(mktemp -d)
trap 'rm -rf "$src"' EXIT
trap 'exit 130' INT TERM
tar -xf "$tarballs/$(awk '$1 == "dhcpcd" { print $5 }' "$here/pins")" -C "$src" --strip-components=1
cd "$src"
{
	patch -s -p1 <"$here/dhcpcd.patch"
	CC=$CC CFLAGS="-Os -w -ffunction-sections -fdata-sections" LDFLAGS="-static -Wl,--gc-sections" ./configure --os=linux \
		--host="$arch-linux-musl" --disable-privsep --without-udev --without-dev --sysconfdir=/etc --rundir=/run/dhcpcd \
		--dbdir=/var/lib/dhcpcd --libexecdir=/sbin
	env -u MAKEFLAGS make -s -C src
} >log 2>&1 || { tail -n 20 log >&2; exit 1; }
$STRIP -s -o "$out.new" src/dhcpcd
mv "$out.new" "$out"
