#!/bin/sh
# pods-layer.sh OUT [FOLDER] - what a machine of knetd needs to run pods by itself, as an archive to lay over its
# initramfs: containerd with runc and crun of Debian 12, busybox, vm/pods/run, and FOLDER as /share. ARCH as for
# vm/kernel.sh; INI is the configuration that the programs are added to. Nothing is installed on this machine.
set -eu
cd "$(dirname "$0")/.."
ARCH=${ARCH:-$(uname -m)} INI=${INI:-rootfs/etc/knetd.ini}
out=$1 share=${2:-}
export LC_ALL=C
packages=build/vm/pods-$ARCH/root
vm/fetch.sh bookworm "$ARCH" build/vm/pods-$ARCH busybox-static containerd runc crun \
	libc6 libyajl2 libseccomp2 libcap2 libsystemd0 libgcrypt20 libgpg-error0 liblzma5 libzstd1 liblz4-1
. vm/libraries.sh

r=$(mktemp -d)
trap 'rm -rf "$r"' EXIT
trap 'exit 130' INT TERM
triplet=$ARCH-linux-gnu
mkdir -p "$r/bin" "$r/usr/bin" "$r/lib/$triplet" "$r/etc/containerd" "$r/etc/cni/net.d" "$r/pods" "$r/share" "$r/sbin"
cp $packages/bin/busybox "$r/bin/"
ln -s busybox "$r/bin/sh"
ln -s knetd "$r/sbin/knetctl"
for f in usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc usr/bin/crun; do
	cp $packages/$f "$r/usr/bin/"
	libraries $packages/$f $packages "$r/lib/$triplet"
done
# The loader has to be where the programs say.
loader=$(readelf -l "$r/usr/bin/runc" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
mkdir -p "$r/${loader%/*}"
cp -L "$(find -L $packages/lib -name "${loader##*/}" | head -n 1)" "$r/$loader"
cp vm/pods/config.toml "$r/etc/containerd/"
cp etc/containerd/10-knet.conflist "$r/etc/cni/net.d/"
install -m 755 vm/pods/run "$r/pods/run"
[ -z "$share" ] || cp -R "$share/." "$r/share/"
# [init] stands last in the file
{
	cat "$INI"
	echo "run = /usr/bin/containerd -c /etc/containerd/config.toml"
	echo "run = /pods/run"
} >"$r/etc/knetd.ini"
find "$r" -exec touch -h -d @0 {} +
(cd "$r" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$out"
