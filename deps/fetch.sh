#!/bin/sh
# fetch.sh DIR NAME [ARCH] - brings the pinned files of one library into DIR and checks them.
#
# They come from whatever Debian archive this machine is set up to use, found in apt's own
# configuration; a private apt state is kept in DIR/.apt, the machine's lists and cache are not
# touched. Sources are found in the signed index by their hash, so a .dsc that is missing does not
# matter. A file that is there with the right hash is not fetched again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd) name=$2 arch=${3:-x86_64}
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() { echo "deps/fetch.sh: $*" >&2; exit 1; }
sum() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }
pins() { awk -v n="$name" -v a="$arch" '$1 == n && ($3 == "tar" || $3 == "diff" || $3 == a) { print $3, $4, $5, $6 }' "$here/pins"; }
missing() { pins | while read -r kind pkg file sha; do
	[ "$(sum "$dest/$file")" = "$sha" ] || echo "$kind $pkg $file $sha"; done; }

[ -n "$(pins)" ] || die "no pin for $name on $arch"
[ -n "$(missing)" ] || exit 0

case $arch in x86_64) deb=amd64 ;; aarch64) deb=arm64 ;; *) die "no Debian name for $arch" ;; esac
state=$dest/.apt-$deb
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts"
: >"$state/status"
apt() { cmd=$1; shift; "$cmd" -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/parts" \
	-o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
	-o APT::Architecture=$deb -o APT::Architectures=$deb -o APT::Sandbox::User= -o Acquire::Retries=3 \
	-o Acquire::Languages=none -o APT::Update::Error-Mode=any "$@"; }

# Where does this machine get its own release from? The first archive that has our suite, signed.
update() {
	. /etc/os-release
	for base in $(apt-get update --print-uris 2>/dev/null |
			sed -n "s#^'\(.*\)/dists/$VERSION_CODENAME/InRelease'.*#\1#p" | sort -u); do
		printf 'deb [signed-by=%s] %s %s main\ndeb-src [signed-by=%s] %s %s main\n' \
			"$keyring" "$base" "$suite" "$keyring" "$base" "$suite" >"$state/sources.list"
		apt apt-get -qq update >"$state/log" 2>&1 && return
	done
	sed 's#[a-z+]*://[^ ]*/##' "$state/log" >&2 || :
	die "no usable Debian archive with $suite in apt's configuration"
}

# Two libraries may be fetched at once by a parallel make: one apt at a time.
exec 9>"$state/lock"
flock 9
[ -s "$state/fresh" ] && [ -z "$(find "$state/fresh" -mmin +600)" ] || { update; date >"$state/fresh"; }

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
