#!/bin/sh
# Fetches Debian's kernel for the test machine and for images, into build/vm/ARCH-SUITE (-FLAVOUR):
#
#   kernel     what QEMU is given: x86_64: uncompressed, entered directly (PVH); aarch64: the Image
#   vmlinuz    as Debian packs it, for boot loaders
#   modules/   NNN-NAME.ko, plain, in the order in which they can be loaded; modules.test/: the tests' own
#   release    what uname -r says
#   absent     modules of the lists that this kernel neither has nor has built in
#
#   ARCH       x86_64 or aarch64 (this machine's)
#   SUITE      bookworm: 6.1 (default); trixie: 6.12
#   FLAVOUR    cloud (default): virtual machines; generic: hardware too
#
# The lists are vm/modules.list and, for FLAVOUR=generic, vm/modules.hardware too; vm/modules.test. Nothing is installed on this
# machine. The last line printed is the directory.
set -eu
cd "$(dirname "$0")/.."
ARCH=${ARCH:-$(uname -m)} SUITE=${SUITE:-bookworm} FLAVOUR=${FLAVOUR:-cloud}
export LC_ALL=C
die() { echo "vm/kernel.sh: $*" >&2; exit 1; }

case $ARCH in x86_64) deb=amd64 ;; aarch64) deb=arm64 ;; *) die "no kernel for ARCH=$ARCH: x86_64, aarch64" ;; esac
case $FLAVOUR in
cloud) package=linux-image-cloud-$deb out=build/vm/$ARCH-$SUITE lists=vm/modules.list ;;
generic) package=linux-image-$deb out=build/vm/$ARCH-$SUITE-generic lists="vm/modules.list vm/modules.hardware" ;;
*) die "no FLAVOUR=$FLAVOUR: cloud, generic" ;;
esac
words() { sed 's/#.*//' "$@" | tr -s ' \t\n' ' '; }
# shellcheck disable=SC2086  # a list of files
modules=$(words $lists vm/modules.test)

mkdir -p "$out"
exec 8>"$out.lock"
flock 8
if [ -e "$out/kernel" ] && [ "$(cat "$out/modules.list" 2>/dev/null)" = "$modules" ]; then
	echo "$out"
	exit 0
fi
for tool in depmod modprobe xz lz4; do
	command -v $tool >/dev/null || die "no $tool: run tests/install-needs.sh"
done

vm/fetch.sh "$SUITE" "$ARCH" "$out" "$package+"
root=$out/root
# Debian 13 has the modules in usr/lib; kmod looks in lib.
[ -e "$root/lib/modules" ] || { mkdir -p "$root/lib" && ln -sfn ../usr/lib/modules "$root/lib/modules"; }
release=$(basename "$(echo "$root"/lib/modules/*)")
depmod -b "$root" "$release"

# In load order: modprobe names what each one needs before itself. (crc32c-intel is only a faster way, and not
# for QEMU's processor.)
: >"$out/absent"
n=100
place() { # FOLDER LIST...: modules not placed before
	folder=$out/$1
	shift
	rm -rf "$folder"
	mkdir "$folder"
	for m in $(words "$@"); do
		modprobe -C /dev/null -d "$root" -S "$release" --show-depends "$m" 2>/dev/null || echo "$m" >>"$out/absent"
	done | awk '$1 == "insmod" && $2 !~ /crc32c-intel/ { print $2 }' >"$out/order"
	while read -r file; do
		name=$(basename "${file%.ko*}").ko
		[ -z "$(find "$out" -maxdepth 2 -name "[0-9][0-9][0-9]-$name")" ] || continue
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -qdc "$file" ;;
		*) cat "$file" ;;
		esac >"$folder/$n-$name"
		n=$((n + 1))
	done <"$out/order"
	rm "$out/order"
}
rm -rf "$out/modules" "$out/modules.test"
# shellcheck disable=SC2086  # a list of files
place modules $lists
place modules.test vm/modules.test

cp "$root/boot/vmlinuz-$release" "$out/vmlinuz"
vm/extract-kernel.py "$out/vmlinuz" "$out/kernel.new"
mv "$out/kernel.new" "$out/kernel"
echo "$release" >"$out/release"
echo "$modules" >"$out/modules.list"
[ ! -s "$out/absent" ] || echo "  kernel $release has no module" $(cat "$out/absent") >&2
echo "$out"
