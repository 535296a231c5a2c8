#!/bin/sh
# Inside the test machine: the tests (or the one program) named in /debian/knetd/files, in the root /debian. Everything pytest says goes to
# standard output, which is the verdict.
set -eu
root=/debian
mkdir -p /run/netns
mount --bind $root $root
for d in dev proc sys run tmp; do
	mount --rbind /$d $root/$d
done
mount --make-rshared /run 2>/dev/null || true
export PATH=/usr/bin:/bin HOME=/tmp KNET_SLOW="${KNET_SLOW:-6}" PYTHONDONTWRITEBYTECODE=1
export KNETD_SOAK_CLOCK=1 KNETD_SOAK_SECONDS="${KNETD_SOAK_SECONDS:-45}" # the soak sets the clock here, and nowhere else
files=$(cat $root/knetd/files)
case $files in
tests/bench/*) run="/usr/bin/python3" ;;
*) run="/usr/bin/python3 -m pytest -q -p no:cacheprovider --color=no" ;;
esac
exec chroot $root /usr/bin/sh -c "cd /knetd && exec $run $files"
