#!/bin/sh
# check-symbols.sh - the two prebuilt archives may need nothing that musl and the shim do not give.
# Prints what is missing and fails; MUSL is the directory the libraries were built into, CROSS the prefix of the
# compiler's tools, whose own library counts as well.
set -eu
NM=${CROSS-}nm
here=$(cd "$(dirname "$0")" && pwd)
for a in libc libmnl libnftnl; do
	[ -s "$MUSL/lib/$a.a" ] || { echo "check-symbols: no $MUSL/lib/$a.a" >&2; exit 1; }
done
have=$(mktemp)
trap 'rm -f "$have"' EXIT
{
	"$NM" -g --defined-only "$MUSL/lib/libc.a" "$MUSL/lib/libmnl.a" "$MUSL/lib/libnftnl.a" "$("${CROSS-}gcc" -print-libgcc-file-name)" 2>/dev/null | awk 'NF == 3 { print $3 }'
	sed -n 's/^\(int\|ssize_t\) \(__[a-z0-9_]*\)(.*;$/\2/p' "$here/fortify_shim.c"
	echo _GLOBAL_OFFSET_TABLE_
} | sort -u >"$have"
missing=$("$NM" -u "$MUSL/lib/libmnl.a" "$MUSL/lib/libnftnl.a" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u | comm -23 - "$have")
[ -z "$missing" ] || { echo "libmnl and libnftnl need what neither musl nor the shim has:" $missing >&2; exit 1; }
