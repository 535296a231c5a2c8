#!/bin/sh
# image-conf.sh IMAGE KNETD.INI - puts a configuration on the boot partition of a disk image (raw) or of a disk; it is
# in force at the next boot, in the place of the one built in.
set -eu
[ $# -eq 2 ] && [ -r "$2" ] || { echo "usage: vm/image-conf.sh IMAGE KNETD.INI" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/etc"
cp "$2" "$dir/etc/knetd.ini"
chmod 644 "$dir/etc/knetd.ini"
(cd "$dir" && printf 'etc\netc/knetd.ini\n' | cpio -o -H newc -R 0:0 --quiet >conf.img)
MTOOLS_SKIP_CHECK=1 mcopy -o -i "$1@@1M" "$dir/conf.img" ::/
