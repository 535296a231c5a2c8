#!/bin/sh
# make vm-test: boots the test machine unattended, judges it from outside (API and Ingress through
# forwarded ports) and from inside (tests/vm/guest.sh), and ends it. A line for each check; at the end
# "N passed, N failed". What the machine said is kept in build/vm/ARCH-SUITE/console.log.
#
# ARCH and SUITE say which machine and kernel (vm/kernel.sh). LIMIT is how many seconds the whole may take (300):
# an emulated machine on a busy host is slow.
set -eu
cd "$(dirname "$0")/.."
limit=${LIMIT:-300}
image=$(vm/build.sh)
console=$image/console.log

dir=$(mktemp -d)
qemu=
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok      $*"; }
not_ok() { failed=$((failed + 1)); echo "FAILED  $*"; }
finish() {
	[ "$failed" -eq 0 ] || { echo "-- the console's last lines:"; tr -d '\r' <"$console" | tail -n 30; }
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

now() { date +%s; }
begin=$(now)
time_left() { [ $(($(now) - begin)) -lt "$limit" ] && kill -0 "$qemu" 2>/dev/null; }

ports=$(/usr/bin/python3 -c '
import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(x.getsockname()[1] for x in s))')
# shellcheck disable=SC2086  # three words
set -- $ports
api=http://127.0.0.1:$1 ingress=http://127.0.0.1:$2 off=$3

cat "$image/initramfs" "$image/test.initramfs" >"$dir/initramfs"
: >"$dir/verdict"
VERDICT=$dir/verdict vm/qemu.sh 256 "$1:8080 $2:80 $off:9999" '' -initrd "$dir/initramfs" -monitor none \
	-serial "file:$console" &
qemu=$!

# ---- from outside -----------------------------------------------------------------------------------

status= body=
call() { # METHOD PATH [JSON]: fills $status and $body
	if [ $# -gt 2 ]; then
		set -- "$1" "$2" -H 'Content-Type: application/json' --data-binary "$3"
	fi
	method=$1 path=$2
	shift 2
	status=$(curl -s -m 20 -X "$method" "$@" -o "$dir/body" -w '%{http_code}' "$api$path") || true
	body=$(cat "$dir/body" 2>/dev/null || true)
}

expect() { # NAME STATUS PATTERN: the last call had this status, and a body that holds the pattern
	if [ "$status" = "$2" ] && printf '%s' "$body" | grep -Eq "$3"; then
		ok "$1"
	else
		not_ok "$1: status $status, $(printf '%s' "$body" | head -c 300)"
	fi
}

# QEMU takes connections before there is anybody to answer: ask until somebody does.
start=$(date +%s%N)
until [ "$(curl -s -m 2 -o /dev/null -w '%{http_code}' "$api/readyz")" = 200 ]; do
	time_left || { not_ok "the machine does not get ready"; finish; }
	sleep 0.1
done
ok "ready $((($(date +%s%N) - start) / 1000000)) ms after power on"

call GET /version
expect "GET /version" 200 '"gitVersion"'
call POST /api/v1/namespaces '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}'
expect "POST a Namespace" 201 '"shop"'
call POST /api/v1/namespaces/shop/services '{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},
	"spec":{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}}'
expect "POST a Service: it gets a clusterIP" 201 '"clusterIP": *"10\.96\.'
call GET /api/v1/namespaces/shop
expect "the Namespace is there" 200 '"shop"'
call GET /api/v1/namespaces/shop/services/web
expect "the Service is there" 200 '"targetPort": *8080'
call DELETE /api/v1/namespaces/shop/services/web
expect "DELETE the Service" 200 .
call GET /api/v1/namespaces/shop/services/web
expect "the Service is gone" 404 NotFound
call GET /readyz
expect "still ready" 200 ok
if curl -s -m 10 -o /dev/null -H 'Host: nobody.example' "$ingress/"; then
	ok "the Ingress port answers"
else
	not_ok "the Ingress port does not answer"
fi

# ---- from inside ------------------------------------------------------------------------------------

until grep -q '^end ' "$dir/verdict"; do
	time_left || { not_ok "tests/vm/guest.sh came to no end"; break; }
	sleep 0.2
done
while read -r verdict text; do
	case $verdict in
	ok) ok "inside: $text" ;;
	failed) not_ok "inside: $text" ;;
	end) [ "$text" = 0 ] || not_ok "tests/vm/guest.sh ended with status $text" ;;
	*) echo "        $verdict $text" ;;
	esac
done <"$dir/verdict"

# ---- the end ----------------------------------------------------------------------------------------

curl -s -m 5 "http://127.0.0.1:$off/" >/dev/null || true
while kill -0 "$qemu" 2>/dev/null && [ $(($(now) - begin)) -lt "$limit" ]; do
	sleep 0.1
done
if kill -0 "$qemu" 2>/dev/null; then
	not_ok "the machine does not power off"
elif wait "$qemu"; then
	ok "powered off"
else
	not_ok "QEMU ended with status $?"
fi
qemu=
if tr -d '\r' <"$console" | grep -q '/sbin/knetd ended with status 0'; then
	ok "knetd ended well when told to"
else
	not_ok "knetd did not end with status 0 when told to"
fi
if grep -Eq 'Kernel panic|Oops|BUG:|segfault|Call Trace' "$console"; then
	not_ok "the kernel complained"
else
	ok "nothing from the kernel"
fi
finish
