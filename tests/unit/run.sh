#!/bin/sh
# Runs the unit tests given, by EMULATOR if that is set, as many at once as there are processors; each is a cmocka program. Ends in
# "N passed, N failed".
export EMULATOR="${EMULATOR:-}"
passed=0 failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# into files: a process left behind cannot hold us up
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c \
	'timeout -k 5 240 $EMULATOR "$1" >"$2/${1##*/}" 2>&1; echo $? >"$2/${1##*/}.status"' one {} "$dir"
for t; do
	said=$dir/${t##*/}
	p=$(sed -n 's/.*\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$said" | awk '{ n += $1 } END { print n + 0 }')
	f=$(sed -n 's/.*\[  FAILED  \] [^:]*: \([0-9]*\) test.*/\1/p' "$said" | awk '{ n += $1 } END { print n + 0 }')
	[ "$(cat "$said.status")" = 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	if [ "$f" -gt 0 ]; then
		tail -n 40 "$said"
		echo "FAILED ${t##*/}"
	else
		echo "ok ${t##*/} ($p)"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
