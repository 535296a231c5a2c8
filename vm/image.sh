#!/bin/sh
# make image: what boots machines of metal and of clouds, in build/image/ARCH:
#
#   vmlinuz, initramfs.xz   Debian's kernel for hardware too; knetd, dhcpcd, modules and vm/image/knetd.ini
#   knetd.img               a disk: GPT, GRUB for UEFI (and for BIOS on x86_64), a boot partition KNETD (FAT) with
#                           these two, an ext4 partition knetd-state that becomes /var/lib/knetd
#   knetd.qcow2             the same, where qemu-img is
#
# ARCH and SUITE as for vm/kernel.sh; KNETD is the daemon to put in; CONF the configuration (vm/image/knetd.ini);
# PODS=1 adds containerd, runc and crun, and the images and manifests of the folder SHARE; STATE_MB is the size of
# knetd-state (256). Needs no root, installs nothing, and makes the same bytes of the same inputs.
set -eu
cd "$(dirname "$0")/.."
ARCH=${ARCH:-$(uname -m)} SUITE=${SUITE:-bookworm} FLAVOUR=generic
export ARCH SUITE FLAVOUR LC_ALL=C SOURCE_DATE_EPOCH=315532800 MTOOLS_SKIP_CHECK=1 TZ=UTC PATH="$PATH:/usr/sbin:/sbin"
KNETD=${KNETD:-build/$ARCH/knetd} conf=${CONF:-vm/image/knetd.ini}
die() { echo "vm/image.sh: $*" >&2; exit 1; }
for tool in cpio xz mformat mcopy sfdisk mke2fs grub-mkimage; do
	command -v $tool >/dev/null || die "no $tool: run tests/install-needs.sh"
done
dhcpcd=${DHCPCD:-build/$ARCH/dhcpcd}
[ -x "$KNETD" ] || die "no $KNETD: run make ARCH=$ARCH"
[ -x "$dhcpcd" ] || die "no $dhcpcd: run make ARCH=$ARCH dhcpcd"

kernel=$(vm/kernel.sh)
out=${OUT:-build/image/$ARCH}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# ---- kernel and initramfs ------------------------------------------------------------------------

initramfs() {
	r=$work/root
	mkdir -p "$r/sbin" "$r/etc" "$r/opt/cni/bin" "$r/modules"
	cp -L "$KNETD" "$r/sbin/knetd"
	chmod 755 "$r/sbin/knetd"
	install -m 755 "$dhcpcd" "$r/sbin/dhcpcd"
	ln -s sbin/knetd "$r/init"
	ln -s knetd "$r/sbin/knetctl"
	ln -s /sbin/knetd "$r/opt/cni/bin/knet"
	ln -s /sbin/knetd "$r/opt/cni/bin/loopback"
	cp "$conf" "$r/etc/knetd.ini"
	cp "$kernel"/modules/*.ko "$r/modules/"
	find "$r" -exec touch -h -d @0 {} +
	(cd "$r" && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) >"$work/initramfs"
	if [ -n "${PODS:-}" ]; then
		INI=$conf vm/pods-layer.sh "$work/layer" "${SHARE:-}"
		cat "$work/layer" >>"$work/initramfs"
	fi
	xz --check=crc32 -T 1 -c "$work/initramfs" >"$out/initramfs.xz"
	cp "$kernel/vmlinuz" "$out/vmlinuz"
}

# ---- GRUB ----------------------------------------------------------------------------------------

grub() { # FORMAT OUT MODULE...
	format=$1 file=$2
	shift 2
	grub-mkimage -d "$work/grub/$format" -O "$format" -o "$file" -p / -c vm/image/early.cfg "$@" \
		part_gpt fat search search_label configfile normal linux test echo ls cat all_video gzio serial
}

loaders() {
	case $ARCH in
	x86_64)
		options="console=tty0 console=ttyS0,115200 panic=10" efi=BOOTX64.EFI format=x86_64-efi
		vm/fetch.sh bookworm "$ARCH" build/vm/grub-$ARCH grub-efi-amd64-bin grub-pc-bin
		;;
	aarch64)
		options="panic=10" efi=BOOTAA64.EFI format=arm64-efi
		vm/fetch.sh bookworm "$ARCH" build/vm/grub-$ARCH grub-efi-arm64-bin
		;;
	*) die "no loader for ARCH=$ARCH" ;;
	esac
	ln -s "$PWD/build/vm/grub-$ARCH/root/usr/lib/grub" "$work/grub"
	grub $format "$work/$efi"
	sed "s/@OPTIONS@/$options/" vm/image/grub.cfg >"$work/grub.cfg"
}

# ---- the disk, in sectors of 512 bytes ------------------------------------------------------------

bios=64 bios_size=1984 esp=2048 esp_size=393216 # 192 MiB
state=$((esp + esp_size)) state_size=$((${STATE_MB:-256} * 2048))

boot_partition() {
	fat="$disk@@$((esp * 512))"
	mformat -i "$fat" -F -T $esp_size -h 64 -s 32 -v KNETD -N 4b4e4554 ::
	mmd -i "$fat" ::/EFI ::/EFI/BOOT
	touch -d @315532800 "$work/$efi" "$work/grub.cfg" "$out/vmlinuz" "$out/initramfs.xz"
	mcopy -m -i "$fat" "$work/$efi" ::/EFI/BOOT/
	mcopy -m -i "$fat" "$work/grub.cfg" "$out/vmlinuz" "$out/initramfs.xz" ::/
}

disk() {
	disk=$work/knetd.img
	truncate -s $(((state + state_size + 2048) * 512)) "$disk"
	sfdisk --quiet --no-reread --no-tell-kernel "$disk" <<TABLE
label: gpt
label-id: 6b6e6574-6400-4000-8000-000000000000
first-lba: $bios
start=$bios, size=$bios_size, type=21686148-6449-6E6F-744E-656564454649, uuid=6b6e6574-6400-4000-8000-000000000001, name=bios
start=$esp, size=$esp_size, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=6b6e6574-6400-4000-8000-000000000002, name=boot
start=$state, size=$state_size, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=6b6e6574-6400-4000-8000-000000000003, name=state
TABLE
	boot_partition
	E2FSPROGS_FAKE_TIME=315532800 mke2fs -q -F -t ext4 -L knetd-state -U 6b6e6574-6400-4000-8000-000000000004 \
		-E "offset=$((state * 512)),hash_seed=6b6e6574-6400-4000-8000-000000000005,root_owner=0:0" "$disk" $((state_size / 2))k
	if [ "$ARCH" = x86_64 ]; then
		grub i386-pc "$work/core.img" biosdisk
		vm/image/biosboot.py "$disk" $bios "$work/grub/i386-pc/boot.img" "$work/core.img"
	fi
	mv "$disk" "$out/knetd.img"
	! command -v qemu-img >/dev/null || qemu-img convert -O qcow2 "$out/knetd.img" "$out/knetd.qcow2"
}

initramfs
loaders
disk
ls -l "$out" | awk 'NR > 1 { printf "%12d  %s\n", $5, "'"$out"'/" $9 }'
