#!/bin/sh
# make vm-kernels: a start on a kernel that has hardly anything (its modules are left out of the image, IPv6 is switched
# off), judged from inside by tests/vm/kernels.sh, which loads them later. A line for each check; at the end
# "N passed, N failed".
#
# ARCH and SUITE say which machine and kernel (vm/kernel.sh), LIMIT is how many seconds the whole may take (300).
set -eu
cd "$(dirname "$0")/.."
limit=${LIMIT:-300}
image=$(vm/build.sh)
console=$image/kernels.log
left="nft_masq nft_numgen nft_fib nft_fib_ipv4 nft_fib_ipv6 nft_fib_inet nft_reject nf_reject_ipv4 nf_reject_ipv6 nft_reject_inet
	nft_limit nft_log nft_objref nfnetlink_log nf_conntrack_netlink nf_flow_table nf_flow_table_inet nft_flow_offload sch_tbf veth"

dir=$(mktemp -d)
qemu=
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A layer cannot take a file away, but lay an empty one over it, which the kernel refuses.
layer=$dir/layer
mkdir -p "$layer/modules" "$layer/test/left"
for m in $left; do
	for file in "$image"/modules/*-"$m".ko; do
		[ -e "$file" ] || continue
		: >"$layer/modules/${file##*/}"
		cp "$file" "$layer/test/left/"
	done
done
install -m 755 tests/vm/kernels.sh "$layer/test/guest.sh"
(cd "$layer" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet) >"$dir/layer.cpio"
cat "$image/initramfs" "$image/test.initramfs" "$dir/layer.cpio" >"$dir/initramfs"

off=$(/usr/bin/python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
: >"$dir/verdict"
VERDICT=$dir/verdict vm/qemu.sh 256 "$off:9999" ipv6.disable=1 -initrd "$dir/initramfs" -monitor none -serial "file:$console" &
qemu=$!

begin=$(date +%s)
until grep -q '^end ' "$dir/verdict"; do
	if [ $(($(date +%s) - begin)) -ge "$limit" ] || ! kill -0 "$qemu" 2>/dev/null; then
		echo "failed: no end after $limit s" >>"$dir/verdict"
		break
	fi
	sleep 0.2
done
kill -9 "$qemu" 2>/dev/null || true
qemu=
if tr -d '\r' <"$console" | grep -q 'kernel: no pairs of virtual links (CONFIG_VETH): no pod can be attached'; then
	echo "ok the log names what is missing" >>"$dir/verdict"
else
	echo "failed the log names what is missing" >>"$dir/verdict"
fi
! grep -Eq 'Kernel panic|Oops|BUG:|segfault|Call Trace' "$console" || echo "failed the kernel complained" >>"$dir/verdict"
grep -v '^end ' "$dir/verdict"
passed=$(grep -c '^ok ' "$dir/verdict") || true
failed=$(grep -c '^failed' "$dir/verdict") || true
[ "$failed" -eq 0 ] || tr -d '\r' <"$console" | tail -n 40
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
