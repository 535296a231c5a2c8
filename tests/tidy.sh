#!/bin/bash
# clang-tidy over some sources with the flags they are compiled with.
#   tests/tidy.sh FLAG... -- FILE...
# Nearly all the time is the analyzer's, which follows each function's paths until it has seen so many
# states; what it found here at its default of 225,000 it also found at 30,000. One call's words
# come together.
budget=(-Xclang -analyzer-config -Xclang max-nodes=40000)
flags=()
while [ "$1" != -- ]; do
	flags+=("$1")
	shift
done
shift
said=$(clang-tidy --quiet "$@" -- "${flags[@]}" "${budget[@]}" 2>/dev/null)
status=$?
[ -z "$said" ] || printf '%s\n' "$said"
exit $status
