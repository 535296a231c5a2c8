# apt.sh - to be sourced: a private apt state for SUITE and ARCH under DIR, fed from whatever Debian archive
# this machine is set up to use, found in apt's own configuration; the machine's lists and cache are not
# touched. Wants $dest (where the state lives), $suite, $arch and die(); gives apt().
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

case $arch in x86_64) deb=amd64 ;; aarch64) deb=arm64 ;; armhf | riscv64) deb=$arch ;; *) die "no Debian name for $arch" ;; esac
state=$dest/.apt-$suite-$deb
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
