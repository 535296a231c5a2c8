#!/bin/sh
# flows-layer.sh OUT FILE... - a third layer for the test machine's initramfs: this machine's Python, pytest, ip, nft
# and sysctl under /debian, with build/knetd and tests/ in /debian/knetd, and tests/vm/flows.sh in the place of guest.sh.
# FILEs are tests, or one program of tests/bench/. (A root of its own: the static busybox would take plug-ins of another
# C library out of /lib.)
set -eu
cd "$(dirname "$0")/../.."
out=$1
shift
r=$(mktemp -d)
trap 'rm -rf "$r"' EXIT
d=$r/debian
mkdir -p "$d/bin" "$d/usr/bin" "$d/usr/lib/python3" "$d/lib64" "$d/dev" "$d/proc" "$d/sys" "$d/run" "$d/tmp" "$d/var" "$d/etc" \
	"$d/knetd/build" "$r/test"
ln -s /run "$d/var/run"
cp /etc/protocols /etc/services "$d/etc/"

with_libraries() { # FILE...: the libraries they are linked with, where they are here
	ldd "$@" 2>/dev/null | grep -o '/[^ :]*' | sort -u | while read -r lib; do
		case $lib in "$PWD"/*) continue ;; esac
		[ -e "$d$lib" ] || { mkdir -p "$d${lib%/*}"; cp -L "$lib" "$d$lib"; }
	done
}

for program in python3 ip nft sysctl conntrack curl sh tc nsenter mount sleep; do
	file=$(readlink -f "$(PATH=/usr/bin:/usr/sbin:/bin:/sbin command -v $program)")
	cp "$file" "$d/usr/bin/$program"
	with_libraries "$file"
done
version=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
mkdir -p "$d/usr/lib/$version"
(cd "/usr/lib/$version" && tar -c --exclude=test --exclude=idlelib --exclude=tkinter --exclude='config-*' --exclude=ensurepip .) |
	tar -x -C "$d/usr/lib/$version"
cp -R /usr/lib/python3/dist-packages "$r/all"
mkdir -p "$d/usr/lib/python3/dist-packages"
for module in pytest _pytest pluggy iniconfig packaging attr attrs py py.py dns; do
	[ ! -e "$r/all/$module" ] || mv "$r/all/$module" "$d/usr/lib/python3/dist-packages/"
done
cp -R "$r"/all/pytest-*info "$r"/all/pluggy-*info "$d/usr/lib/python3/dist-packages/" 2>/dev/null || true
rm -rf "$r/all"
with_libraries "$d/usr/lib/$version"/lib-dynload/*.so
cp build/knetd "$d/knetd/build/"
mkdir -p "$d/knetd/tests"
cp tests/*.py "$d/knetd/tests/"
cp -R tests/net tests/soak tests/bench "$d/knetd/tests/"
"${MUSL_CC:-build/deps/$(uname -m)/bin/musl-gcc}" -O2 -static -o "$d/knetd/tests/bench/flow_blast" tests/bench/flow_blast.c
echo "$*" >"$d/knetd/files"
install -m 755 tests/vm/flows.sh "$r/test/guest.sh"
(cd "$r" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet) >"$out"
