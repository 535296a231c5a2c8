#!/bin/sh
# Runs each fuzzer given for FUZZ_SECONDS over its corpus (tests/fuzz/corpus/NAME; what is found new is
# kept in build/fuzz/corpus/NAME). Ends in "N passed, N failed".
cd "$(dirname "$0")/../.." || exit 1
seconds=${FUZZ_SECONDS:-30}
passed=0 failed=0
for f; do
	name=$(basename "$f")
	name=${name#fuzz_}
	mkdir -p "build/fuzz/corpus/$name" "build/fuzz/crash" "tests/fuzz/corpus/$name"
	if "$f" -max_total_time="$seconds" -max_len=8192 -timeout=5 -rss_limit_mb=1024 -artifact_prefix="build/fuzz/crash/$name-" \
		"build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
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
