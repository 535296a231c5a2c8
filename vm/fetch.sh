#!/bin/sh
# Downloads packages of a Debian suite for a processor and unpacks them, installing nothing; signatures are
# checked as ever.
#
#   vm/fetch.sh SUITE ARCH OUT PACKAGE...   files to OUT/root; OUT/PACKAGE.done marks what is there
#
# PACKAGE+ stands for the package that PACKAGE, which is empty itself, depends on.
set -eu
cd "$(dirname "$0")/.."
suite=$1 arch=$2 out=$3
shift 3
die() { echo "vm/fetch.sh: $*" >&2; exit 1; }
mkdir -p "$out/root" build/tarballs
out=$(cd "$out" && pwd)

want=
for p; do
	[ -e "$out/$p.done" ] || want="$want $p"
done
[ -n "$want" ] || exit 0

dest=$PWD/build/tarballs
. deps/apt.sh
echo "  fetch $suite $deb:$want" >&2
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
trap 'exit 130' INT TERM
cd "$debs"
for p in $want; do
	case $p in
	*+) name=$(apt apt-cache depends "${p%+}" | awk '$1 == "Depends:" { print $2; exit }') ;;
	*) name=$p ;;
	esac
	[ -n "$name" ] || die "$suite has no ${p%+} for $deb"
	apt apt-get download -qq "$name" >"$state/log" 2>&1 || die "$suite has no $name for $deb"
	dpkg -x "${name}"_*.deb "$out/root"
	touch "$out/$p.done"
done
