#!/bin/sh
# Downloads packages of a Debian suite and unpacks them, installing nothing: apt works on lists and a
# package state of its own, signatures are checked as ever.
#
#   vm/fetch.sh SUITE OUT PACKAGE...      files to OUT/root; OUT/PACKAGE.done marks what is there
#
# PACKAGE+ stands for the package that PACKAGE, which is empty itself, depends on.
set -eu
suite=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2

want=
for p; do
	[ -e "$out/$p.done" ] || want="$want $p"
done
[ -n "$want" ] || exit 0

# The mirror is the one this machine already uses for its own suite.
. /etc/os-release
mirror=$(apt-get update --print-uris 2>/dev/null |
	sed -n "s#^'\(.*\)/dists/$VERSION_CODENAME/InRelease'.*#\1#p" | head -n 1)
[ -n "$mirror" ] || { echo "vm/fetch.sh: no apt source for $VERSION_CODENAME here" >&2; exit 1; }

apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
: >"$apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$apt/apt.conf"
echo "  fetch $suite:$want" >&2
apt-get update -qq

for p in $want; do
	case $p in
	*+) name=$(apt-cache depends "${p%+}" | awk '$1 == "Depends:" { print $2; exit }') ;;
	*) name=$p ;;
	esac
	[ -n "$name" ] || { echo "vm/fetch.sh: $suite has no ${p%+}" >&2; exit 1; }
	(cd "$apt/debs" && apt-get download -qq "$name")
	mkdir -p "$out/root"
	dpkg -x "$apt/debs/${name}"_*.deb "$out/root"
	touch "$out/$p.done"
done
