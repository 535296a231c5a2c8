#!/bin/bash
# Everything a change must pass, in the order of what fails soonest. Each part ends in a line
# "N passed, N failed[, N skipped]"; the last line of this script adds them up.
#   tests/run.sh [PART...]     parts: unit fuzz net api containerd vm lint (default: all)
set -u
cd "$(dirname "$0")/.."
parts=${*:-unit fuzz net api containerd vm lint}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
passed=0 failed=0 skipped=0

# What one part printed, added to the sums. A part that ended badly without saying how many failed
# counts as one failure.
add() { # LOG STATUS
	local p f s
	p=$(grep -oE '[0-9]+ passed' "$1" | tail -n 1 | cut -d' ' -f1)
	f=$(grep -oE '[0-9]+ (failed|errors?)' "$1" | awk '{ n[$2] = $1 } END { for (k in n) t += n[k]; print t + 0 }')
	s=$(grep -oE '[0-9]+ skipped' "$1" | tail -n 1 | cut -d' ' -f1)
	[ "$2" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + ${p:-0})) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
}

part() { # NAME COMMAND...
	local name=$1 status
	shift
	echo "== $name"
	"$@" 2>&1 | tee "$log/$name"
	status=${PIPESTATUS[0]}
	add "$log/$name" "$status"
}

lint() { env -u MAKEFLAGS -u MAKELEVEL make -s lint && echo "1 passed, 0 failed"; }

pytests() { /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@"; }

for p in $parts; do
	case $p in
	unit) part unit env -u MAKEFLAGS -u MAKELEVEL make -s check ;; # its own jobs, whoever called us
	fuzz) part fuzz env -u MAKEFLAGS -u MAKELEVEL make -s fuzz FUZZ_SECONDS=10 ;;
	net) part net pytests tests/net tests/acceptance ;;
	api) part api pytests tests/api ;;
	containerd) part containerd pytests tests/containerd ;;
	vm) part vm vm/test.sh; part vm-flows vm/flows.sh ;;
	lint) part lint lint ;;
	*) echo "tests/run.sh: no part $p" >&2; exit 2 ;;
	esac
done

tail_line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || tail_line="$tail_line, $skipped skipped"
echo "$tail_line"
[ "$failed" -eq 0 ]
