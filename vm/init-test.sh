#!/bin/sh
# make init-test: what the first process of a machine owes it. Two machines, on a network whose router gives leases of DHCP
# and DHCPv6 and advertises itself (dnsmasq in a network namespace: as root). tests/vm/init.sh judges from inside.
#
#   one    uplink = dhcp, a disk that never comes; processes that die, an upgrade; the power button
#   two    uplink = slaac, a clock in 1970, a disk for the state; the rescue console, which starts it again and
#          at last switches it off
#
# A line for each check; at the end "N passed, N failed". LIMIT is how many seconds the whole may take (300).
set -eu
cd "$(dirname "$0")/.."
limit=${LIMIT:-300}
make -s dhcpcd >/dev/null
image=$(vm/build.sh)
console=$image/init.log
export PATH="$PATH:/usr/sbin:/sbin"

dir=$(mktemp -d)
net=kinit$$
qemu=''
router=''
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	[ -z "$router" ] || kill "$router" 2>/dev/null || true
	ip netns del $net 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

passed=0 failed=0
ok() { passed=$((passed + 1)); echo "ok      $*"; }
not_ok() { failed=$((failed + 1)); echo "FAILED  $*"; }
check() { # TEXT COMMAND...
	text=$1
	shift
	if "$@" >"$dir/said" 2>&1; then ok "$text"; else not_ok "$text: $(tail -n 3 "$dir/said")"; fi
}
begin=$(date +%s)
runs() { kill -0 "$qemu" 2>/dev/null; }
eventually() { # COMMAND...: until the limit, or the machine's end
	until "$@"; do
		if [ $(($(date +%s) - begin)) -ge "$limit" ] || ! runs; then
			"$@"
			return
		fi
		sleep 0.2
	done
}

# ---- the network ----------------------------------------------------------------------------------

ip netns add $net
ip netns exec $net sh -c 'ip link set lo up; ip tuntap add tap0 mode tap; ip link set tap0 up
	ip addr add 10.77.0.1/24 dev tap0; ip addr add fd00:77::1/64 dev tap0 nodad'
ip netns exec $net dnsmasq -k --conf-file=/dev/null --user=root --pid-file --interface=tap0 --bind-dynamic --no-resolv --no-hosts \
	--address=/known.up.test/192.0.2.55 --dhcp-leasefile="$dir/leases" --log-facility="$dir/router.log" --log-dhcp \
	--dhcp-range=10.77.0.100,10.77.0.150,2m --dhcp-option=option:domain-search,v4.up.test \
	--dhcp-range=fd00:77::100,fd00:77::1ff,slaac,64,2m --enable-ra --dhcp-option='option6:dns-server,[fd00:77::1]' \
	--dhcp-option=option6:domain-search,v6.up.test &
router=$!

# ---- machines --------------------------------------------------------------------------------------

mkdir -p "$dir/layer/test" "$dir/layer/etc"
install -m 755 tests/vm/init.sh "$dir/layer/test/guest.sh"
cat >"$dir/layer/etc/knetd.ini" <<INI
[node]
name = box
workers = 1
uplink = dhcp
[init]
run = /test/run
INI
(cd "$dir/layer" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >"$dir/layer.cpio"
cat "$image/initramfs" "$image/test.initramfs" "$dir/layer.cpio" >"$dir/initramfs"
: >"$console"

boot() { # CMDLINE [QEMU ARGUMENT...]
	words=$1
	shift
	: >"$dir/verdict"
	: >"$dir/console"
	VERDICT=$dir/verdict NETDEV=tap,id=net,ifname=tap0,script=no,downscript=no ip netns exec $net vm/qemu.sh 256 '' "$words" \
		-initrd "$dir/initramfs" -monitor "unix:$dir/monitor,server=on,wait=off" \
		-chardev "socket,id=console,path=$dir/tty,server=on,wait=off,logfile=$dir/console" -serial chardev:console "$@" &
	qemu=$!
}
ended() { grep -q '^end ' "$dir/verdict"; }
judged() { # NAME: what was said inside, from the start to its end
	eventually ended || not_ok "$1: tests/vm/init.sh came to no end"
	while read -r verdict text; do
		case $verdict in
		ok) ok "$1: $text" ;;
		failed) not_ok "$1: $text" ;;
		end) [ "$text" = 0 ] || not_ok "$1: tests/vm/init.sh ended with status $text" ;;
		esac
	done <"$dir/verdict"
	: >"$dir/verdict"
}
is_off() { ! runs; }
off() {
	eventually is_off || { echo "it runs on"; return 1; }
	wait "$qemu" || return
	qemu=
}
said() { tr -d '\r' <"$dir/console" | grep -q "$1"; }
unsaid() { ! said "$1"; }
ends_well() { # NAME: QEMU has ended, and before that
	check "$1: switched off" off
	check "$1: knetd ended well when told to" said '/sbin/knetd ended with status 0'
	check "$1: nothing had to be killed" unsaid 'do not end'
	check "$1: nothing from the kernel" unsaid 'Kernel panic\|Oops\|BUG:\|segfault\|Call Trace'
	tr -d '\r' <"$dir/console" >>"$console"
}

# ---- one ------------------------------------------------------------------------------------------

boot 'init_test=lease knetd.init.mount="LABEL=nowhere /mnt"'
judged one
check "one: a disk that does not come is no reason to stop" said 'mount /mnt: LABEL=nowhere did not come within'
renewed() { [ "$(grep -c DHCPACK "$dir/router.log")" -ge "$1" ]; }
check "one: the router has seen the renewal, and the new client" renewed 3
echo system_powerdown | socat - "unix-connect:$dir/monitor" >/dev/null
check "one: the power button is seen" eventually said 'init: .* powering off'
ends_well one

# ---- two ------------------------------------------------------------------------------------------

truncate -s 32M "$dir/disk"
mke2fs -q -F -t ext4 -L knetd-state "$dir/disk"
boot 'init_test=clock knetd.node.uplink=slaac knetd.init.mount="LABEL=knetd-state /var/lib/knetd ext4 noatime" knetd.rescue' \
	-rtc base=1970-01-01 -action reboot=reset -drive "if=none,id=state,format=raw,file=$dir/disk" -device virtio-blk-pci,drive=state
judged two

types() { # LINE PATTERN: the rescue console is told, and answers
	echo "$1" | socat -t 0.3 - "unix-connect:$dir/tty" >/dev/null
	eventually said "$2"
}
check "two: rescue: help" types help '^  addresses .*their addresses'
check "two: rescue: links" types links ' eth0 up carrier mtu 1500 52:54:00:'
check "two: rescue: addresses" types addresses '^eth0 fd00:77::.*/64'
check "two: rescue: routes" types routes '^default via fe80:.* dev eth0'
check "two: rescue: mount" types mount '^/dev/vda /var/lib/knetd ext4'
check "two: rescue: ls" types 'ls /' '^l0777 .* init -> sbin/knetd'
check "two: rescue: cat" types 'cat /etc/knetd.ini' '^run = /test/run'
check "two: rescue: dmesg" types dmesg 'Linux version'
check "two: rescue: knetctl's words" types 'get namespaces' '^kube-system '
check "two: rescue: no file" types 'cat /nowhere' '^/nowhere: No such file'
check "two: rescue: reboot" types reboot 'init: .* starting again'
judged two
check "two: rescue: poweroff" types poweroff 'init: .* power off'
ends_well two
put_away() { # no journal to be read again
	dumpe2fs -h "$dir/disk" >"$dir/super"
	grep -q 'state: *clean' "$dir/super" && ! grep -q needs_recovery "$dir/super"
}
check "two: the disk was put away" put_away

[ "$failed" -eq 0 ] || { echo "-- the console's last lines:"; tail -n 60 "$console"; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
