#!/bin/sh
# Runs the unit tests given; each is a cmocka program. Ends in "N passed, N failed".
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for t; do
	timeout -k 5 120 "$t" >"$log" 2>&1 # a file: a process left behind cannot hold us up
	status=$?
	out=$(cat "$log")
	p=$(printf '%s\n' "$out" | sed -n 's/.*\[  PASSED  \] \([0-9]*\) test.*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
	f=$(printf '%s\n' "$out" | sed -n 's/.*\[  FAILED  \] [^:]*: \([0-9]*\) test.*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
	[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	if [ "$f" -gt 0 ]; then
		printf '%s\n' "$out" | tail -n 40
		echo "FAILED $(basename "$t")"
	else
		echo "ok $(basename "$t") ($p)"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
