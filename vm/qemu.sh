#!/bin/sh
# qemu.sh MEMORY FORWARDS CMDLINE [QEMU ARGUMENT...] - becomes the QEMU process of the test machine.
#
# FORWARDS is a list of HOSTPORT:GUESTPORT, on 127.0.0.1. ARCH and SUITE say which kernel (vm/kernel.sh), KERNEL
# another file. VERDICT is the file that what is written inside to the port called "verdict" goes to, which the
# console's lines never reach. NETDEV is QEMU's network (of the id net), in the place of its user network.
#
# Always TCG: it works everywhere, and a machine that offers /dev/kvm may still hang with it. The kernel's
# arguments and the plain machine with nothing on it are there to boot fast; +rdrand saves the wait for random
# numbers.
set -eu
memory=$1 forwards=$2 cmdline=$3
shift 3
ARCH=${ARCH:-$(uname -m)} SUITE=${SUITE:-bookworm}
net=${NETDEV:-user,id=net}
for f in $forwards; do
	net=$net,hostfwd=tcp:127.0.0.1:${f%:*}-:${f#*:}
done
[ -z "${VERDICT:-}" ] || set -- -device virtio-serial-pci -chardev "file,id=verdict,path=$VERDICT" \
	-device virtserialport,chardev=verdict,name=verdict "$@"
case $ARCH in
x86_64)
	machine="q35 -cpu qemu64,+rdrand"
	arguments="console=ttyS0 no_timer_check tsc=reliable 8250.nr_uarts=1"
	;;
aarch64)
	machine="virt -cpu cortex-a57"
	arguments="console=ttyAMA0"
	;;
*) echo "vm/qemu.sh: no machine for ARCH=$ARCH: x86_64, aarch64" >&2; exit 1 ;;
esac
# shellcheck disable=SC2086  # several words
exec qemu-system-$ARCH -accel tcg -machine $machine -m "$memory" \
	-nodefaults -no-user-config -no-reboot -display none \
	-netdev "$net" -device virtio-net-pci,netdev=net,romfile= \
	-kernel "${KERNEL:-build/vm/$ARCH-$SUITE/kernel}" \
	-append "$arguments panic=-1 quiet nokaslr mitigations=off audit=0 random.trust_cpu=on rcupdate.rcu_expedited=1 cryptomgr.notests $cmdline" \
	"$@"
