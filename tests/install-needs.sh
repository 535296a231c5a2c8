#!/bin/sh
# Installs the Debian packages the tests of knetd need; only the missing ones.
#
#   tests/install-needs.sh        as root, on Debian 12
#   tests/install-needs.sh -n     only print what is missing
#
# The Python modules are the distribution's: run tests with
# "/usr/bin/python3 -m pytest", never with another python3 of the PATH.
set -eu

packages="
	clang libclang-rt-14-dev clang-format clang-tidy cppcheck
	libcmocka-dev libmnl-dev libnftnl-dev
	python3 python3-pip python3-pytest python3-yaml python3-dnspython python3-requests python3-cryptography
	python3-prometheus-client python3-pycares python3-h2
	python3-grpcio python3-grpc-tools python3-seccomp
	nftables iproute2 conntrack curl procps dnsutils iputils-ping socat
	netcat-openbsd wrk dnsperf dnsmasq-base haproxy nghttp2-client strace
	gcc-aarch64-linux-gnu linux-libc-dev-arm64-cross qemu-user-static
	qemu-system-x86 qemu-system-arm busybox-static kmod cpio zstd lz4 xz-utils e2fsprogs
	qemu-utils mtools ovmf fdisk grub-common
	containernetworking-plugins iptables openssl groff-base
	chromium-headless-shell
	systemd lintian shellcheck
"

missing=
for p in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) || state=
	[ "$state" = installed ] || missing="$missing $p"
done

if [ -z "$missing" ]; then
	echo "install-needs: nothing is missing"
	exit 0
fi
echo "install-needs: missing:$missing"
[ "${1:-}" = -n ] && exit 0

DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
apt-get update -qq
# shellcheck disable=SC2086  # a list of words on purpose
apt-get install -y -qq --no-install-recommends $missing
