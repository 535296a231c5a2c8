#!/bin/bash
# clang-tidy over some sources with the flags they are compiled with.
#   tests/tidy.sh FLAG... -- FILE...
flags=()
while [ "$1" != -- ]; do
	flags+=("$1")
	shift
done
shift
exec clang-tidy --quiet "$@" -- "${flags[@]}" 2>/dev/null
