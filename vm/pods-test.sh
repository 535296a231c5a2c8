#!/bin/sh
# make pods-test: a machine that runs pods by itself (make vm PODS=1) is given a folder with an image and manifests;
# a pod of runc and one of crun answer through a Service and an Ingress from outside; one that dies comes again,
# one that is deleted goes. A line for each check; at the end "N passed, N failed".
#
# LIMIT is how many seconds the whole may take (300).
set -eu
cd "$(dirname "$0")/.."
limit=${LIMIT:-300}
image=$(vm/build.sh)
dir=$(mktemp -d)
qemu=
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir "$dir/share"
PYTHONPATH=tests/containerd /usr/bin/python3 -c "import images; images.image('$dir/share/busybox.tar')"
for handler in runc crun; do
	cat <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $handler, labels: {app: $handler}}
spec:
  runtimeClassName: $handler
  containers:
  - name: web
    image: busybox
    env: [{name: WHO, value: "$handler of this pod"}]
    command: [sh, -c]
    args: ["echo \\"\$WHO\\" >/tmp/index.html; exec httpd -f -p 8080 -h /tmp"]
---
apiVersion: v1
kind: Service
metadata: {name: $handler}
spec: {selector: {app: $handler}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: $handler}
spec:
  rules:
  - host: $handler.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: $handler, port: {number: 80}}}}]}
---
YAML
done >"$dir/share/pods.yaml"

vm/pods-layer.sh "$dir/layer"
tar -C "$dir/share" -cf "$dir/share.tar" .
cat "$image/initramfs" "$dir/layer" >"$dir/initramfs"
rm "$dir/layer"
# shellcheck disable=SC2046  # two words
set -- $(/usr/bin/python3 -c '
import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(x.getsockname()[1] for x in s))')
api=http://127.0.0.1:$1 ingress=http://127.0.0.1:$2
console=$image/pods.log
vm/qemu.sh 1024 "$1:8080 $2:80" '' -initrd "$dir/initramfs" -monitor none -serial "file:$console" \
	-drive "if=none,id=share,format=raw,readonly=on,file=$dir/share.tar" -device virtio-blk-pci,drive=share,serial=share &
qemu=$!
begin=$(date +%s)

passed=0 failed=0
eventually() { # COMMAND...
	until "$@"; do
		[ $(($(date +%s) - begin)) -lt "$limit" ] && kill -0 "$qemu" 2>/dev/null || return 1
		sleep 0.3
	done
}
check() { # TEXT COMMAND...
	text=$1
	shift
	if eventually "$@"; then
		passed=$((passed + 1))
		echo "ok      $text"
	else
		failed=$((failed + 1))
		echo "FAILED  $text"
	fi
}
serves() { [ "$(curl -s -m 5 -H "Host: $1.example" "$ingress/")" = "$1 of this pod" ]; }
is_gone() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' -H "Host: $1.example" "$ingress/")" = 503 ]; }
deleted() { curl -s -m 5 -o /dev/null -f -X DELETE "$api/api/v1/namespaces/default/pods/$1"; }

check "runc: a page through Ingress and Service" serves runc
check "crun: a page through Ingress and Service" serves crun
check "a pod is deleted" deleted crun
check "it answers no more" is_gone crun
check "the other one does" serves runc
if grep -Eq 'Kernel panic|Oops|BUG:|segfault|Call Trace' "$console"; then
	failed=$((failed + 1))
	echo "FAILED  the kernel complained"
fi
[ "$failed" -eq 0 ] || { echo "-- the console's last lines:"; tr -d '\r' <"$console" | tail -n 40; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
