#!/bin/sh
# clang-tidy over some sources with the flags they are compiled with.
#   tests/tidy.sh INCLUDE FILE...    INCLUDE: the libraries' headers
include=$1
shift
exec clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -DINI_HANDLER_LINENO=1 \
	-DKNETD_VERSION='""' -DNGHTTP2_STATICLIB -Iinclude -isystem "$include" 2>/dev/null
