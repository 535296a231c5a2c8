#!/bin/sh
# make image-test: the disk image boots by UEFI (virtio) and then by BIOS (AHCI, e1000e), each time with a lease of
# DHCP; a configuration put on its boot partition is in force; what was written before the power button was
# pressed is there afterwards; the same inputs make the same bytes, and no more than there should be. A line for each check; at the end "N passed, N failed".
#
# LIMIT is how many seconds each boot may take (240).
set -eu
cd "$(dirname "$0")/.."
ARCH=x86_64 limit=${LIMIT:-240}
KNETD=${KNETD:-build/$ARCH/knetd}
export ARCH KNETD PATH="$PATH:/usr/sbin:/sbin"
MUSL_CC=${MUSL_CC:-build/deps/$ARCH/bin/musl-gcc}
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
not_ok() {
	failed=$((failed + 1))
	echo "FAILED  $*"
}
check() { # TEXT COMMAND...
	text=$1
	shift
	if "$@" >"$dir/said" 2>&1; then ok "$text"; else not_ok "$text: $(tail -n 3 "$dir/said")"; fi
}

# ---- the image, and what this test lays on its boot partition ------------------------------------------

OUT=$dir/first vm/image.sh >/dev/null
OUT=$dir/second vm/image.sh >/dev/null
for f in initramfs.xz knetd.img; do
	check "the same bytes: $f" cmp "$dir/first/$f" "$dir/second/$f"
done
rm -r "$dir/second"
size=$(cat "$KNETD" "build/$ARCH/dhcpcd" vm/image/knetd.ini | xz --check=crc32 -T 1 | wc -c)
check "without kernel modules it is 2 MB at most: $size bytes" [ "$size" -le 2097152 ]
disk=$dir/first/knetd.img
mkdir -p "$dir/extra/sbin"
"$MUSL_CC" -Os -static -D_GNU_SOURCE -s -o "$dir/extra/sbin/relay" rootfs/relay.c
(cd "$dir/extra" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >"$dir/extra.img"
cat >"$dir/knetd.ini" <<INI
[node]
name = from-the-boot-partition
uplink = dhcp
[init]
mount = LABEL=knetd-state /var/lib/knetd ext4 noatime
run = /sbin/relay 10.0.2.15 8080 /run/knetd/knetd.sock
INI
mcopy -i "$disk@@1M" "$dir/extra.img" ::/
vm/image-conf.sh "$disk" "$dir/knetd.ini"

# ---- boots -----------------------------------------------------------------------------------------------

port=$(/usr/bin/python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
api=http://127.0.0.1:$port

boot() { # QEMU ARGUMENT...
	qemu-system-x86_64 -accel tcg -machine q35 -cpu qemu64,+rdrand -m 512 -nodefaults -no-user-config -display none \
		-netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:8080" -drive "if=none,id=disk,format=raw,file=$disk" \
		-serial "file:$dir/console" -monitor "unix:$dir/monitor,server=on,wait=off" "$@" &
	qemu=$!
	begin=$(date +%s)
}
time_left() { [ $(($(date +%s) - begin)) -lt "$limit" ] && kill -0 "$qemu" 2>/dev/null; }
answers() {
	until [ "$(curl -s -m 2 -o /dev/null -w '%{http_code}' "$api/readyz")" = 200 ]; do
		time_left || return 1
		sleep 0.3
	done
}
pressed() { # the power button
	echo system_powerdown | socat - "unix-connect:$dir/monitor"
	while kill -0 "$qemu" 2>/dev/null; do
		time_left || return 1
		sleep 0.3
	done
	qemu=
}
call() { curl -s -m 20 -f "$@"; }

cp /usr/share/OVMF/OVMF_VARS_4M.fd "$dir/vars"
boot -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd -drive "if=pflash,format=raw,file=$dir/vars" \
	-device virtio-blk-pci,drive=disk -device virtio-net-pci,netdev=net,romfile=
check "UEFI, virtio: the API answers" answers
check "the configuration put on it is in force" call "$api/api/v1/nodes/from-the-boot-partition"
check "an object is written" call -H 'Content-Type: application/json' "$api/api/v1/namespaces" \
	-d '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kept"}}'
check "the power button switches it off" pressed

boot -device ide-hd,drive=disk -device e1000e,netdev=net,romfile=
check "BIOS, AHCI, e1000e: the API answers" answers
check "the object is still there" call "$api/api/v1/namespaces/kept"
check "the power button switches it off" pressed
if grep -Eq 'Kernel panic|Oops|BUG:|segfault|Call Trace' "$dir/console"; then
	not_ok "the kernel complained"
else
	ok "nothing from the kernel"
fi
[ "$failed" -eq 0 ] || { echo "-- the console's last lines:"; tr -d '\r' <"$dir/console" | tail -n 30; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
