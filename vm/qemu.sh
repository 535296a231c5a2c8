#!/bin/sh
# qemu.sh MEMORY FORWARDS CMDLINE [QEMU ARGUMENT...] - becomes the QEMU process of the test machine.
#
# FORWARDS is a list of HOSTPORT:GUESTPORT, on 127.0.0.1. Always TCG: it works everywhere, and a machine
# that offers /dev/kvm may still hang with it. The kernel's arguments and the plain q35 with nothing on
# it are there to boot fast; +rdrand saves the wait for random numbers.
set -eu
memory=$1 forwards=$2 cmdline=$3
shift 3
net=user,id=net
for f in $forwards; do
	net=$net,hostfwd=tcp:127.0.0.1:${f%:*}-:${f#*:}
done
exec qemu-system-x86_64 -accel tcg -machine q35 -cpu qemu64,+rdrand -m "$memory" \
	-nodefaults -no-user-config -no-reboot -display none \
	-netdev "$net" -device virtio-net-pci,netdev=net,romfile= \
	-kernel build/vm/vmlinux \
	-append "console=ttyS0 panic=-1 quiet nokaslr mitigations=off audit=0 no_timer_check tsc=reliable 8250.nr_uarts=2 random.trust_cpu=on rcupdate.rcu_expedited=1 cryptomgr.notests $cmdline" \
	"$@"
