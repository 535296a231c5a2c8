#!/bin/sh
# make vm-flows: nftables' flow tables, who answers whom (test_flows_*), cluster DNS, and policies, on the test machine's
# kernel: pytest and what it calls run inside, in a root of their own, with the daemon under test in network
# namespaces as on any machine. What pytest says is printed; its last line counts.
#
#   vm/flows.sh [TEST FILE...]
#   vm/flows.sh tests/bench/flow_tables.py     a benchmark, which has its own clock: it counts instructions
#
# SUITE says which kernel (vm/kernel.sh): this machine's processor alone, as Python and pytest are this machine's.
# LIMIT is how many seconds the whole may take (1200), CONSOLE where the kernel's words go.
set -eu
cd "$(dirname "$0")/.."
limit=${LIMIT:-1200}
if [ $# -eq 0 ]; then # not which endpoints are chosen: that does not depend on the kernel
	set -- tests/net/test_flow_tables.py tests/net/test_flows_cluster.py tests/net/test_flows_masquerade.py tests/net/test_flows_external.py \
		tests/net/test_flows_affinity.py tests/net/test_dns.py tests/net/test_dns_bundle.py tests/net/test_policy_truth.py \
		tests/soak/test_clock.py
fi
case $1 in tests/bench/*) clock="-icount shift=0,sleep=off" ;; *) clock="" ;; esac
image=$(vm/build.sh)
console=${CONSOLE:-$image/flows.log}

dir=$(mktemp -d)
qemu=
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

tests/vm/flows-layer.sh "$dir/layer" "$@"
cat "$image/initramfs" "$image/test.initramfs" "$dir/layer" >"$dir/initramfs"
rm "$dir/layer"
off=$(/usr/bin/python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
: >"$dir/verdict"
# shellcheck disable=SC2086  # two words or none
VERDICT=$dir/verdict vm/qemu.sh 1024 "$off:9999" '' $clock -initrd "$dir/initramfs" -monitor none -serial "file:$console" &
qemu=$!

begin=$(date +%s)
until grep -q '^end ' "$dir/verdict"; do
	if [ $(($(date +%s) - begin)) -ge "$limit" ] || ! kill -0 "$qemu" 2>/dev/null; then
		cat "$dir/verdict"
		tr -d '\r' <"$console" | tail -n 30
		echo "0 passed, 1 failed (no end after $limit s)"
		exit 1
	fi
	sleep 0.5
done
kill -9 "$qemu"
qemu=
grep -v '^end ' "$dir/verdict"
if grep -Eq 'Kernel panic|Oops|BUG:|segfault|Call Trace' "$console"; then
	tr -d '\r' <"$console" | tail -n 30
	echo "0 passed, 1 failed (the kernel complained)"
	exit 1
fi
grep -q '^end 0$' "$dir/verdict"
