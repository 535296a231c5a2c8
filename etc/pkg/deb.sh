#!/bin/sh
# deb.sh ARCH VERSION BINARY OUT.deb - a Debian package of one architecture, with dpkg-deb alone. The same bytes each
# time: dates come from SOURCE_DATE_EPOCH, owners are root's.
set -eu
umask 022
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")/../.."
arch=$1 version=$2 binary=$3 out=$4
case $arch in x86_64) deb=amd64 ;; aarch64) deb=arm64 ;; *) deb=$arch ;; esac
date=$(date -u -R -d "@$SOURCE_DATE_EPOCH")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

FOR=deb PREFIX=/usr DESTDIR=$root BINARY=$binary etc/pkg/install.sh install

# Debian's own places and forms
doc=$root/usr/share/doc/knetd
mkdir -p "$root/DEBIAN" "$root/usr/share/lintian/overrides"
cp etc/pkg/debian/copyright "$doc/"
cp etc/pkg/debian/overrides "$root/usr/share/lintian/overrides/knetd"
mv "$doc/CHANGELOG.md" "$doc/NEWS.md"
{
	echo "knetd ($version) unstable; urgency=medium"
	echo
	echo "  * Release $version: NEWS.md.gz tells what changed."
	echo
	echo " -- knetd <knetd@localhost.localdomain>  $date"
} >"$doc/changelog"
gzip -9n "$doc/changelog" "$doc/NEWS.md" "$root"/usr/share/man/man?/*
find "$doc" -type f -exec chmod 644 {} +
chmod 644 "$root/usr/share/lintian/overrides/knetd"

(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs md5sum) >"$root/DEBIAN/md5sums"
FOR=deb PREFIX=/usr BINARY=$binary etc/pkg/install.sh list | awk '$1 == "conf" { print $3 }' >"$root/DEBIAN/conffiles"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$deb/" \
	-e "s/@SIZE@/$(find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ n += int(($1 + 1023) / 1024) } END { print n + 30 }')/" \
	etc/pkg/debian/control >"$root/DEBIAN/control"
for s in postinst prerm postrm; do
	install -m 755 "etc/pkg/debian/$s" "$root/DEBIAN/$s"
done
chmod 644 "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums" "$root/DEBIAN/control"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
