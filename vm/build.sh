#!/bin/sh
# Builds what the test machine boots from, in build/vm:
#
#   vmlinux        Debian's cloud kernel 6.1, uncompressed: QEMU enters it directly (PVH)
#   initramfs      rootfs/ + knetd + the kernel's modules, as one would ship it
#   test.initramfs busybox, ip, nft and tests/vm/guest.sh: a second layer, for tests only
#
# KNETD is the daemon to put in (build/knetd), MUSL_CC the compiler for rootfs/*.c.
# Nothing is installed on this machine. The archives are the same bytes for the same inputs.
set -eu
cd "$(dirname "$0")/.."
KNETD=${KNETD:-build/knetd}
MUSL_CC=${MUSL_CC:-build/deps/$(uname -m)/bin/musl-gcc}
[ -x "$MUSL_CC" ] || MUSL_CC=gcc
out=build/vm
export LC_ALL=C

# What knetd needs of the kernel beyond what is built in; their own needs are found below.
modules="
	virtio_pci virtio_net
	nft_chain_nat nft_nat nft_masq nft_redir nft_ct nft_numgen nft_hash nft_fib_inet nft_reject_inet
	nft_limit nft_log nft_objref nft_quota nft_connlimit nf_conntrack_netlink
	veth
"

[ "$(uname -m)" = x86_64 ] || { echo "vm/build.sh: the test machine is an x86_64 one" >&2; exit 1; }
for tool in cpio depmod modprobe lz4 /bin/busybox nft ip; do
	command -v $tool >/dev/null || { echo "vm/build.sh: no $tool: run tests/install-needs.sh" >&2; exit 1; }
done
[ -x "$KNETD" ] || { echo "vm/build.sh: no $KNETD: run make" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# ---- kernel and modules, once -------------------------------------------------------------------

kernel() {
	vm/fetch.sh bookworm $out linux-image-cloud-amd64+
	release=$(basename "$(echo $out/root/lib/modules/*)")
	depmod -b $out/root "$release"
	vm/extract-vmlinux.py "$out/root/boot/vmlinuz-$release" "$work/vmlinux"

	# In load order: modprobe names what each one needs before itself. (crc32c-intel is only a faster way,
	# and not for QEMU's processor.)
	rm -rf $out/modules
	mkdir -p $out/modules
	n=100
	for m in $modules; do
		modprobe -C /dev/null -d $out/root -S "$release" --show-depends "$m"
	done | awk '$1 == "insmod" && $2 !~ /crc32c-intel/ && !seen[$2]++ { print $2 }' | while read -r file; do
		cp "$file" "$out/modules/$n-$(basename "$file")"
		n=$((n + 1))
	done
	mv "$work/vmlinux" $out/vmlinux
	echo "$modules" >$out/modules.list
}

[ -e $out/vmlinux ] && [ "$(cat $out/modules.list 2>/dev/null)" = "$modules" ] || kernel

# ---- the two layers ------------------------------------------------------------------------------

pack() { # DIRECTORY ARCHIVE
	find "$1" -exec touch -h -d @0 {} +
	(cd "$1" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$2.new"
	mv "$2.new" "$2"
}

image() {
	r=$work/image
	mkdir -p "$r/sbin" "$r/etc" "$r/opt/cni/bin" "$r/modules" "$r/dev" "$r/proc" "$r/sys" "$r/run" "$r/tmp"
	"$MUSL_CC" -Os -static -Wall -Wextra -D_GNU_SOURCE -s -o "$r/init" rootfs/init.c
	"$MUSL_CC" -Os -static -Wall -Wextra -D_GNU_SOURCE -s -o "$r/sbin/relay" rootfs/relay.c
	cp -L "$KNETD" "$r/sbin/knetd"
	chmod 755 "$r/sbin/knetd"
	ln -s /sbin/knetd "$r/opt/cni/bin/knet"
	ln -s /sbin/knetd "$r/opt/cni/bin/loopback"
	cp -R rootfs/etc/. "$r/etc/"
	cp $out/modules/*.ko "$r/modules/"
	pack "$r" $out/initramfs
}

# The program and the libraries it is linked with in a folder of their own, started through their own
# loader: the static busybox would take plug-ins of another C library out of /lib, and crash.
with_libraries() { # PROGRAM ROOT
	file=$(readlink -f "$(command -v "$1")")
	mkdir -p "$2/bin" "$2/test/lib"
	cp "$file" "$2/test/lib/$1"
	ldd "$file" | grep -o '/[^ ]*' | while read -r lib; do
		cp -L "$lib" "$2/test/lib/"
	done
	printf '#!/bin/sh\nexec /test/lib/ld-linux-x86-64.so.2 --library-path /test/lib /test/lib/%s "$@"\n' "$1" >"$2/bin/$1"
	chmod 755 "$2/bin/$1"
}

test_layer() {
	t=$work/test
	mkdir -p "$t/bin" "$t/test"
	cp /bin/busybox "$t/bin/busybox"
	for applet in $(/bin/busybox --list | grep -vx -e busybox -e ip); do
		ln -s busybox "$t/bin/$applet"
	done
	with_libraries ip "$t"
	with_libraries nft "$t"
	install -m 755 vm/test-hook.sh "$t/test/run"
	install -m 755 tests/vm/guest.sh "$t/test/guest.sh"
	pack "$t" $out/test.initramfs
}

image
test_layer
