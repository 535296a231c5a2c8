#!/bin/sh
# Runs each fuzzer given for FUZZ_SECONDS over its corpus (tests/fuzz/corpus/NAME; what is found new is
# kept in build/fuzz/corpus/NAME), as many at once as there are processors. Ends in "N passed, N failed".
cd "$(dirname "$0")/../.." || exit 1
export FUZZ_SECONDS="${FUZZ_SECONDS:-30}"
passed=0 failed=0
mkdir -p build/fuzz/crash
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c '
	name=${1##*/fuzz_}
	mkdir -p "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name"
	"$1" -max_total_time="$FUZZ_SECONDS" -max_len=8192 -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="build/fuzz/crash/$name-" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" \
		>"build/fuzz/$name.log" 2>&1
	echo $? >"build/fuzz/$name.status"' one {}
for f; do
	name=${f##*/fuzz_}
	if [ "$(cat "build/fuzz/$name.status")" = 0 ]; then
		passed=$((passed + 1))
		echo "ok fuzz_$name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "build/fuzz/$name.log")"
	else
		failed=$((failed + 1))
		tail -n 30 "build/fuzz/$name.log"
		echo "FAILED fuzz_$name"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
