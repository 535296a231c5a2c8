#!/bin/sh
# runtime-layer.sh OUT IMAGE - a third layer for the test machine's initramfs: containerd with runc and crun
# of Debian 12, the libraries they want, IMAGE (an OCI archive) and tests/vm/runtime.sh in the place of
# guest.sh. Nothing is installed on this machine.
set -eu
cd "$(dirname "$0")/../.."
out=$1 image=$2
cache=$PWD/build/containerd
for p in containerd runc crun libyajl2; do
	tests/fetch-deb.sh bookworm $p $cache/$p-bookworm
done
r=$(mktemp -d)
trap 'rm -rf "$r"' EXIT
mkdir -p "$r/runtime/bin" "$r/lib/$(uname -m)-linux-gnu" "$r/lib64" "$r/test" "$r/etc/cni/net.d"
cp $cache/containerd-bookworm/usr/bin/containerd $cache/containerd-bookworm/usr/bin/containerd-shim-runc-v2 \
	$cache/containerd-bookworm/usr/bin/ctr $cache/runc-bookworm/usr/sbin/runc $cache/crun-bookworm/usr/bin/crun "$r/runtime/bin"
for f in "$r"/runtime/bin/*; do
	LD_LIBRARY_PATH=$(echo $cache/libyajl2-bookworm/usr/lib/*-linux-gnu) ldd "$f" | grep -o '/[^ ]*' | while read -r lib; do
		cp -L "$lib" "$r/lib/$(uname -m)-linux-gnu/"
	done
done
cp -L /lib64/ld-linux-x86-64.so.2 "$r/lib64/"
cp "$image" "$r/runtime/image.tar"
cp etc/containerd/10-knet.conflist "$r/etc/cni/net.d/"
install -m 755 tests/vm/runtime.sh "$r/test/guest.sh"
(cd "$r" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet) >"$out"
