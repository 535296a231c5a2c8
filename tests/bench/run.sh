#!/bin/sh
# make bench: every figure beside its peer's, in the same run.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes network namespaces" >&2; exit 1; }
echo "== machine: $(nproc) processors, Linux $(uname -r), $(date -u +%F)"
echo "== binary"
stat -L -c '%n %s bytes' build/knetd
echo "== Services"
/usr/bin/python3 tests/bench/services.py
echo "== CNI"
/usr/bin/python3 tests/bench/cni.py
for more in tests/bench/api.py tests/bench/dns.py tests/bench/ingress.py tests/bench/gateway_routes.py tests/bench/doors.py tests/bench/watch.py tests/bench/policy.py tests/bench/containerd.py tests/bench/boot.py; do
	[ ! -f "$more" ] || { echo "== $(basename "$more" .py)"; /usr/bin/python3 "$more"; }
done
echo "== flow tables, in the test machine"
vm/flows.sh tests/bench/flow_tables.py
