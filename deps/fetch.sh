#!/bin/sh
# fetch.sh DIR NAME [ARCH] - brings the pinned files of one library into DIR and checks them.
#
# Sources are found in the signed index by their hash, so a .dsc that is missing does not matter. A
# file that is there with the right hash is not fetched again. Where from: apt.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd) name=$2 arch=${3:-x86_64}
suite=trixie

die() { echo "deps/fetch.sh: $*" >&2; exit 1; }
sum() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }
pins() { awk -v n="$name" -v a="$arch" '$1 == n && ($3 == "tar" || $3 == "diff" || $3 == a) { print $3, $4, $5, $6 }' "$here/pins"; }
missing() { pins | while read -r kind pkg file sha; do
	[ "$(sum "$dest/$file")" = "$sha" ] || echo "$kind $pkg $file $sha"; done; }

[ -n "$(pins)" ] || die "no pin for $name on $arch"
[ -n "$(missing)" ] || exit 0

. "$here/apt.sh"

source_version() { # PACKAGE FILE SHA: which revision in the index holds exactly this file?
	apt /usr/lib/apt/apt-helper cat-file $(apt apt-get indextargets --format '$(FILENAME)' 'Created-By: Sources') |
		awk -v RS= -v p="$1" -v f="$2" -v s="$3" '
			index($0, "Package: " p "\n") == 1 && index($0, " " s " ") && index($0, " " f) {
				match($0, /\nVersion: [^\n]*/); print substr($0, RSTART + 10, RLENGTH - 10); exit }'
}

cd "$dest"
missing | while read -r kind pkg file sha; do
	case $kind in
	tar | diff)
		version=$(source_version "$pkg" "$file" "$sha")
		[ -n "$version" ] || die "$file: not in the index of $suite with the pinned hash"
		apt apt-get -qq source --download-only --only-source --$kind-only "$pkg=$version" >"$state/log" 2>&1 || : ;;
	*)
		apt apt-get -qq download "$pkg" >"$state/log" 2>&1 || : ;;
	esac
	[ "$(sum "$file")" = "$sha" ] || die "$file: not served, or its hash is not the pinned one"
	echo "fetched $file"
done
[ -z "$(missing)" ] || exit 1
