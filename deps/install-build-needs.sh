#!/bin/sh
# install-build-needs.sh [ARCH] - installs what building (for ARCH) needs and is not there yet, from
# the machine's own package registry.
set -eu
need="gcc make patch xz-utils linux-libc-dev libc6-dev curl binutils"
case ${1:-} in
"" | "$(uname -m)") ;;
aarch64) need="$need gcc-aarch64-linux-gnu linux-libc-dev-arm64-cross" ;;
armhf) need="$need gcc-arm-linux-gnueabihf linux-libc-dev-armhf-cross" ;;
riscv64) need="$need gcc-riscv64-linux-gnu linux-libc-dev-riscv64-cross" ;;
esac
missing=
for p in $need; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "not installed:$missing; as root: apt-get install$missing" >&2; exit 1; }
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing
