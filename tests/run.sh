#!/bin/bash
# Everything a change must pass. Each part ends in a line "N passed, N failed[, N skipped]"; the last
# line of this script adds them up, the one before it says what took how long.
#   tests/run.sh [PART...]     parts: unit fuzz net api ui soak containerd pkg vm arch lint (default: all)
#
# The linters, and then what is built and tested for another architecture, run beside all others on what these
# leave of the processors; the test machines (which use one of them) beside the parts that mostly wait. What
# they print comes when they are done.
#
# Tests of the pytest parts that failed run once more at the end, alone on the then quiet machine, when
# they are five at most: what passes then is told as "unsteady" and counts as passed.
set -u
cd "$(dirname "$0")/.."
parts=${*:-unit fuzz net api ui soak containerd pkg vm arch lint}
log=$(mktemp -d)
passed=0 failed=0 skipped=0 took='' beside=()

end() {
	local pid
	for pid in "${beside[@]}"; do
		kill -- "-$pid" 2>/dev/null
	done
	rm -rf "$log"
}
trap end EXIT
trap 'exit 130' INT TERM

# What one part printed, added to the sums. A part that ended badly without saying how many failed
# counts as one failure.
add() { # NAME
	local p f s said=$log/$1
	p=$(grep -oE '[0-9]+ passed' "$said" | tail -n 1 | cut -d' ' -f1)
	f=$(grep -oE '[0-9]+ (failed|errors?)' "$said" | awk '{ n[$2] = $1 } END { for (k in n) t += n[k]; print t + 0 }')
	s=$(grep -oE '[0-9]+ skipped' "$said" | tail -n 1 | cut -d' ' -f1)
	[ "$(cat "$said.status")" = 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + ${p:-0})) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
	took="$took $1 $(cat "$said.seconds"),"
}

run() { # NAME COMMAND...: leaves what there is to add
	local said=$log/$1 start=$SECONDS
	shift
	"$@" 2>&1
	echo $? >"$said.status"
	echo $((SECONDS - start)) >"$said.seconds"
}

part() { # NAME COMMAND...
	echo "== $1"
	run "$@" | tee "$log/$1"
	add "$1"
}

start() { # FUNCTION: beside what follows, in a process group of its own
	set -m
	"$1" &
	beside+=($!)
	set +m
}

tell() { # NAME...: what ran beside
	local name
	for name; do
		echo "== $name"
		cat "$log/$name"
		add "$name"
	done
}

wanted() { [[ " $parts " == *" $1 "* ]]; }

make_alone() { env -u MAKEFLAGS -u MAKELEVEL make -s "$@"; } # its own jobs, whoever called us

lint() { make_alone lint && echo "1 passed, 0 failed"; }

beside_idle() {
	chrt -i -p 0 $BASHPID 2>/dev/null || renice -n 19 $BASHPID >/dev/null
	wanted lint && run lint lint >"$log/lint"
	wanted arch || return 0
	run arch-unit make_alone check ARCH=aarch64 >"$log/arch-unit"
	run arch-same tests/pkg/reproducible.sh >"$log/arch-same"
}

beside_vm() {
	run vm env LIMIT=600 vm/test.sh >"$log/vm"
	run vm-newer env LIMIT=600 SUITE=trixie vm/test.sh >"$log/vm-newer"
	run vm-kernels env LIMIT=600 vm/kernels.sh >"$log/vm-kernels"
	run vm-init env LIMIT=900 vm/init-test.sh >"$log/vm-init"
	run vm-image env LIMIT=900 vm/image-test.sh >"$log/vm-image"
	run vm-pods env LIMIT=600 vm/pods-test.sh >"$log/vm-pods"
	run vm-flows vm/flows.sh >"$log/vm-flows"
	run vm-flows-newer env SUITE=trixie vm/flows.sh tests/net/test_flow_tables.py tests/net/test_flows_cluster.py \
		tests/net/test_policy_truth.py >"$log/vm-flows-newer"
}

vm_of_another() { make_alone ARCH=aarch64 all >&2 && LIMIT=600 ARCH=aarch64 vm/test.sh; }

pytests() { /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@"; }

failed_tests() { # their names, from the summaries of the parts that ran here
	for part in net api ui soak containerd pkg; do
		[ ! -e "$log/$part" ] || sed -n 's/^\(FAILED\|ERROR\) \(tests\/[^ ]*::.*\)$/\2/p' "$log/$part" | sed 's/ - .*//'
	done | sort -u
}

again() { # the files of what failed under load, without it
	local names=() file n
	mapfile -t names < <(failed_tests)
	[ "${#names[@]}" -gt 0 ] && [ "${#names[@]}" -le 5 ] || return 0
	echo "== again, alone"
	printf '%s\n' "${names[@]%%::*}" | sort | uniq -c >"$log/files"
	while read -r n file; do
		pytests "$file" >"$log/again" 2>&1 </dev/null || { tail -n 40 "$log/again"; continue; }
		echo "unsteady: $n in $file"
		failed=$((failed - n)) passed=$((passed + n))
	done <"$log/files"
}

for p in $parts; do
	case $p in
	unit | fuzz | net | api | ui | soak | containerd | pkg | vm | arch | lint) ;;
	*) echo "tests/run.sh: no part $p" >&2; exit 2 ;;
	esac
done
if wanted lint || wanted arch; then start beside_idle; fi
wanted unit && part unit make_alone check
wanted fuzz && part fuzz make_alone fuzz FUZZ_SECONDS=10
wanted vm && start beside_vm
wanted net && part net pytests tests/net tests/acceptance tests/conformance
wanted api && part api pytests tests/api
wanted ui && part ui pytests tests/ui
wanted soak && part soak pytests tests/soak
wanted containerd && part containerd pytests tests/containerd
wanted pkg && part pkg pytests tests/pkg
wait
beside=()
wanted vm && tell vm vm-newer vm-kernels vm-init vm-image vm-pods vm-flows vm-flows-newer
if wanted arch; then
	part arch-vm vm_of_another
	tell arch-unit arch-same
fi
wanted lint && tell lint
again

echo "seconds:${took%,}"
tail_line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || tail_line="$tail_line, $skipped skipped"
echo "$tail_line"
[ "$failed" -eq 0 ]
