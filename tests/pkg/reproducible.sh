#!/bin/sh
# reproducible.sh [ARCH...]: builds this tree again, libraries included, in another directory with another locale,
# time zone, umask and number of jobs, and compares the binaries with those in build/ byte by byte. Ends in
# "N passed, N failed".
set -eu
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- "$(uname -m)"
unset MAKEFLAGS MAKELEVEL
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
there=$dir/somewhere/else/with/a/longer/name

mkdir -p "$there/build"
git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c --ignore-failed-read 2>/dev/null | tar -x -C "$there"
cp -R build/tarballs "$there/build/"

passed=0 failed=0
for arch; do
	make -s ARCH="$arch" all >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; exit 1; }
	(umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Tokyo HOME=$dir make -s -C "$there" -j3 ARCH="$arch" all) >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; exit 1; }
	if cmp "build/$arch/knetd" "$there/build/$arch/knetd"; then
		echo "ok      $arch $(sha256sum <"build/$arch/knetd" | cut -c1-64)"
		passed=$((passed + 1))
	else
		echo "FAILED  $arch is not the same"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
