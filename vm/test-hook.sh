#!/bin/sh
# /test/run in the test machine: runs guest.sh, its verdicts to the port called "verdict" (vm/qemu.sh), everything
# else it says to the console; then waits for a connection to port 9999 and powers off.
export PATH=/bin:/sbin
/bin/busybox --install -s /bin 2>/dev/null # what is there already stays: ip

if grep -qw test_shell /proc/cmdline; then
	exec setsid cttyhack sh </dev/console >/dev/console 2>&1
fi
until port=$(grep -lx verdict /sys/class/virtio-ports/*/name 2>/dev/null); do
	sleep 0.1
done
port=${port%/name}
/test/guest.sh >"/dev/${port##*/}" 2>/dev/console </dev/null
echo "end $?" >"/dev/${port##*/}"
nc -l -p 9999 </dev/null >/dev/null
kill -TERM 1
