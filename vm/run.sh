#!/bin/sh
# make vm: boots kernel + initramfs + knetd in QEMU, console here. Ctrl-C ends it.
#
#   vm/run.sh       as shipped: there is no shell in the image
#   vm/run.sh -s    with a busybox shell, ip and nft; Ctrl-A X ends it
#
# MEMORY (256), API_PORT (8001) and HTTP_PORT (8080) may be set.
set -eu
cd "$(dirname "$0")/.."
api=${API_PORT:-8001} http=${HTTP_PORT:-8080}
shell=
[ "${1:-}" != -s ] || shell=yes
vm/build.sh

cat <<TEXT
The API of the machine will answer here, and its Ingress:
  curl http://127.0.0.1:$api/readyz
  curl http://127.0.0.1:$api/api/v1/services
  curl -H 'Host: web.example' http://127.0.0.1:$http/
TEXT
if [ -n "$shell" ]; then
	both=$(mktemp)
	trap 'rm -f "$both"' EXIT
	cat build/vm/initramfs build/vm/test.initramfs >"$both"
	vm/qemu.sh "${MEMORY:-256}" "$api:8080 $http:80" test_shell -initrd "$both" -serial mon:stdio
else
	exec vm/qemu.sh "${MEMORY:-256}" "$api:8080 $http:80" '' -initrd build/vm/initramfs -serial stdio -monitor none
fi
