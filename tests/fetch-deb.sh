#!/bin/sh
# fetch-deb.sh SUITE PACKAGE DIR - the package as it is in that suite of Debian, unpacked into DIR, nothing
# installed: tests want clients of more than one release. Done once; DIR then stands.
set -eu
suite=$1 package=$2 out=$3 arch=$(uname -m)
here=$(cd "$(dirname "$0")" && pwd)
die() { echo "tests/fetch-deb.sh: $*" >&2; exit 1; }
[ ! -e "$out/.done" ] || exit 0
mkdir -p "$out" "$here/../build/tarballs"
dest=$(cd "$here/../build/tarballs" && pwd)
out=$(cd "$out" && pwd)
. "$here/../deps/apt.sh"
cd "$out"
apt apt-get -qq download "$package" >"$state/log" 2>&1 || die "$package of $suite: not served"
dpkg -x "$package"_*.deb .
rm -f "$package"_*.deb
touch .done
