#!/bin/sh
# make vm: boots kernel + initramfs + knetd in QEMU, console here. vm/README.md tells more.
#
#   vm/run.sh       as shipped: there is no shell in the image; Ctrl-C ends it
#   vm/run.sh -s    with a busybox shell, ip and nft; Ctrl-A X ends it
#
# MEMORY (256; 1024 with PODS), API_PORT (8001), HTTP_PORT (8080), CMDLINE (more for the kernel), ARCH and SUITE
# (vm/kernel.sh), PODS=1 (containerd, runc, crun), SHARE (a folder that the machine gets a copy of) may be set.
set -eu
cd "$(dirname "$0")/.."
api=${API_PORT:-8001} http=${HTTP_PORT:-8080}
image=$(vm/build.sh)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

shell=
[ "${1:-}" != -s ] || shell=yes
cmdline=${CMDLINE:-} memory=256 serial="-serial stdio -monitor none"
cp "$image/initramfs" "$dir/initramfs"
if [ -n "${PODS:-}" ]; then
	memory=1024
	vm/pods-layer.sh "$dir/layer"
	cat "$dir/layer" >>"$dir/initramfs"
	rm "$dir/layer"
fi
if [ -n "$shell" ]; then
	cmdline="test_shell $cmdline" serial="-serial mon:stdio"
	cat "$image/test.initramfs" >>"$dir/initramfs"
fi
set --
if [ -n "${SHARE:-}" ]; then
	tar -C "$SHARE" -cf "$dir/share.tar" .
	set -- -drive "if=none,id=share,format=raw,readonly=on,file=$dir/share.tar" -device virtio-blk-pci,drive=share,serial=share
fi

cat <<TEXT
The API of the machine will answer here, and its Ingress:
  curl http://127.0.0.1:$api/readyz
  curl http://127.0.0.1:$api/api/v1/services
  curl -H 'Host: web.example' http://127.0.0.1:$http/
TEXT
# As shipped this process becomes QEMU: who ends it ends the machine.
[ -n "${PODS:-}${SHARE:-}" ] || [ -n "$shell" ] || {
	rm -r "$dir"
	exec vm/qemu.sh "${MEMORY:-$memory}" "$api:8080 $http:80" "$cmdline" -initrd "$image/initramfs" -serial stdio -monitor none
}
# shellcheck disable=SC2086  # several words
vm/qemu.sh "${MEMORY:-$memory}" "$api:8080 $http:80" "$cmdline" -initrd "$dir/initramfs" $serial "$@"
