#!/bin/sh
# Builds what the test machine boots from, in build/vm/ARCH-SUITE beside the kernel (vm/kernel.sh):
#
#   initramfs      knetd, which is the first process too, with rootfs/etc/knetd.ini, the relay to its API and
#                  the kernel's modules
#   test.initramfs busybox, ip, nft and tests/vm/guest.sh: a second layer, for tests only
#
# KNETD is the daemon to put in (build/ARCH/knetd), MUSL_CC the compiler for rootfs/relay.c.
# Nothing is installed on this machine. The archives are the same bytes for the same inputs.
# The last line printed is the directory.
set -eu
cd "$(dirname "$0")/.."
ARCH=${ARCH:-$(uname -m)} SUITE=${SUITE:-bookworm}
export ARCH SUITE LC_ALL=C
KNETD=${KNETD:-build/$ARCH/knetd}
MUSL_CC=${MUSL_CC:-build/deps/$ARCH/bin/musl-gcc}
[ -x "$MUSL_CC" ] || MUSL_CC=gcc

for tool in cpio readelf; do
	command -v $tool >/dev/null || { echo "vm/build.sh: no $tool: run tests/install-needs.sh" >&2; exit 1; }
done
[ -x "$KNETD" ] || { echo "vm/build.sh: no $KNETD: run make ARCH=$ARCH" >&2; exit 1; }

out=$(vm/kernel.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

pack() { # DIRECTORY ARCHIVE
	find "$1" -exec touch -h -d @0 {} +
	(cd "$1" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$2.new"
	mv "$2.new" "$2"
}

image() {
	r=$work/image
	mkdir -p "$r/sbin" "$r/etc" "$r/opt/cni/bin" "$r/modules"
	"$MUSL_CC" -Os -static -Wall -Wextra -D_GNU_SOURCE -s -o "$r/sbin/relay" rootfs/relay.c
	cp -L "$KNETD" "$r/sbin/knetd"
	chmod 755 "$r/sbin/knetd"
	ln -s sbin/knetd "$r/init"
	[ ! -x "build/$ARCH/dhcpcd" ] || cp "build/$ARCH/dhcpcd" "$r/sbin/" # make dhcpcd: for uplink = dhcp
	ln -s /sbin/knetd "$r/opt/cni/bin/knet"
	ln -s /sbin/knetd "$r/opt/cni/bin/loopback"
	cp -R rootfs/etc/. "$r/etc/"
	cp "$out"/modules/*.ko "$r/modules/"
	pack "$r" "$out/initramfs"
}

# Debian 12's programs for the tests: the same ones whatever runs here.
tools=build/vm/tools-$ARCH
tool_packages="busybox-static iproute2 nftables
	libc6 libbpf1 libelf1 libmnl0 libcap2 libbsd0 libmd0 libselinux1 libpcre2-8-0 libxtables12 zlib1g
	libnftables1 libnftnl11 libedit2 libtinfo6 libjansson4 libgmp10"

. vm/libraries.sh

# The program and the libraries it is linked with in a folder of their own, started through their own
# loader: the static busybox would take plug-ins of another C library out of /lib, and crash.
with_libraries() { # PROGRAM ROOT
	mkdir -p "$2/bin" "$2/test/lib"
	cp -L $tools/root/"$1" "$2/test/lib/"
	libraries $tools/root/"$1" $tools/root "$2/test/lib"
	program=${1##*/} loader=$(cd "$2/test/lib" && echo ld-linux-*)
	printf '#!/bin/sh\nexec /test/lib/%s --library-path /test/lib /test/lib/%s "$@"\n' "$loader" "$program" >"$2/bin/$program"
	chmod 755 "$2/bin/$program"
}

test_layer() {
	# shellcheck disable=SC2086  # a list of packages
	vm/fetch.sh bookworm "$ARCH" $tools $tool_packages
	t=$work/test
	mkdir -p "$t/bin" "$t/test" "$t/modules"
	cp "$out"/modules.test/*.ko "$t/modules/"
	cp $tools/root/bin/busybox "$t/bin/busybox"
	ln -s busybox "$t/bin/sh" # and the others at the start: vm/test-hook.sh
	with_libraries bin/ip "$t"
	with_libraries usr/sbin/nft "$t"
	install -m 755 vm/test-hook.sh "$t/test/run"
	mkdir -p "$t/etc" # the hook is one more program of [init], which stands last in the file
	{ cat rootfs/etc/knetd.ini; echo "run = /test/run"; } >"$t/etc/knetd.ini"
	install -m 755 tests/vm/guest.sh tests/vm/words.sh "$t/test/"
	pack "$t" "$out/test.initramfs"
}

image
test_layer
echo "$out"
