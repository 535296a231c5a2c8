#!/bin/sh
# build.sh NAME OUT TARBALLS ARCH - builds one pinned library into OUT: OUT/lib/libNAME.a and
# OUT/include. CC, AR, STRIP and CFLAGS come from the environment. Every library is plain C files: no
# configure, cmake or meson but for musl itself.
set -eu
name=$1 tarballs=$(cd "$3" && pwd) arch=$4
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2/src" "$2/lib" "$2/include"
out=$(cd "$2" && pwd)
src=$out/src/$name
jobs=$(nproc)
# What a compiler writes of where a file lay: the same wherever the tree is.
map=-ffile-prefix-map=$out=deps

unpack() { # every pinned file of the library, patches listed in PATCHES applied ("all" for the series)
	rm -rf "$src"
	mkdir -p "$src"
	awk -v n="$name" -v a="$arch" '$1 == n && ($3 == "tar" || $3 == "diff" || $3 == a) { print $3, $5 }' "$here/pins" |
	while read -r kind file; do
		case $kind in
		tar) tar -xf "$tarballs/$file" -C "$src" --strip-components=1 ;;
		diff) tar -xf "$tarballs/$file" -C "$src" ;;
		*) dpkg -x "$tarballs/$file" "$src" ;;
		esac
	done
	for p in ${PATCHES:-}; do
		patch -s -p1 -d "$src" <"$src/debian/patches/$p"
	done
}

compile() { # FLAGS... -- FILES...: into libNAME.a
	flags=
	while [ "$1" != -- ]; do flags="$flags $1"; shift; done
	shift
	rm -rf "$src/o"
	mkdir "$src/o"
	i=0
	for f; do i=$((i + 1)); printf '%s %s\n' "$f" "$src/o/$i-$(basename "$f" .c).o"; done |
		xargs -P "$jobs" -n 2 sh -c "$CC $CFLAGS $map -w $flags -c \"\$1\" -o \"\$2\"" sh
	rm -f "$out/lib/lib$name.a"
	$AR rcs "$out/lib/lib$name.a" "$src"/o/*.o
}

headers() { cp "$@" "$out/include/"; }

prebuilt() { # the static library and the headers out of a .deb
	cp "$src"/usr/lib/*/lib"$name".a "$out/lib/"
	cp -R "$src/usr/include/." "$out/include/"
}

case $name in
musl)
	PATCHES= unpack
	grep -v '^ *#' "$src/debian/patches/series" | while read -r p _; do
		[ -z "$p" ] || patch -s -p1 -d "$src" <"$src/debian/patches/$p"
	done
	triple=$arch-linux-musl uapi=/usr/$arch-linux-gnu/include asm=$uapi/asm
	case $arch in
	x86_64) uapi=/usr/include asm=/usr/include/x86_64-linux-gnu/asm ;;
	armhf) triple=arm-linux-musleabihf uapi=/usr/arm-linux-gnueabihf/include asm=$uapi/asm ;;
	esac
	cd "$src"
	CC=$CC ./configure --prefix="$out" --target="$triple" --disable-shared --enable-wrapper=gcc \
		CFLAGS="-Os -pipe -w -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables $map" >"$out/src/musl.log"
	env -u MAKEFLAGS make -s -j"$jobs" AR="$AR" RANLIB="${AR%ar}ranlib" >>"$out/src/musl.log" 2>&1 || { tail -n 20 "$out/src/musl.log"; exit 1; }
	env -u MAKEFLAGS make -s install >>"$out/src/musl.log"
	# the kernel's user headers, nothing of the host C library's
	for d in linux asm-generic mtd rdma; do rm -rf "$out/include/$d"; [ ! -d "$uapi/$d" ] || cp -RL "$uapi/$d" "$out/include/"; done
	rm -rf "$out/include/asm"
	cp -RL "$asm" "$out/include/asm" ;;
bearssl)
	unpack
	compile -I"$src/inc" -I"$src/src" -DBR_USE_URANDOM=1 -DBR_USE_UNIX_TIME=1 -- "$src"/src/*.c "$src"/src/*/*.c
	headers "$src"/inc/*.h ;;
inih)
	unpack
	compile -DINI_HANDLER_LINENO=1 -DINI_ALLOW_MULTILINE=0 -DINI_STOP_ON_FIRST_ERROR=0 -DINI_MAX_LINE=1024 -- "$src/ini.c"
	headers "$src/ini.h" ;;
yyjson)
	unpack
	compile -DYYJSON_DISABLE_NON_STANDARD=1 -- "$src/src/yyjson.c"
	headers "$src/src/yyjson.h" ;;
yaml)
	unpack
	compile -I"$src/include" -DYAML_VERSION_STRING='\"0.2.5\"' -DYAML_VERSION_MAJOR=0 -DYAML_VERSION_MINOR=2 \
		-DYAML_VERSION_PATCH=5 -- "$src"/src/*.c
	headers "$src/include/yaml.h" ;;
lmdb)
	unpack
	d=$(dirname "$(find "$src" -name mdb.c)")
	compile -I"$d" -- "$d/mdb.c" "$d/midl.c"
	headers "$d/lmdb.h" ;;
nghttp2)
	unpack
	mkdir -p "$out/include/nghttp2"
	headers -R "$src/lib/includes/nghttp2"
	sed -e 's/@PACKAGE_VERSION@/1.64.0/' -e 's/@PACKAGE_VERSION_NUM@/0x014000/' \
		"$src/lib/includes/nghttp2/nghttp2ver.h.in" >"$out/include/nghttp2/nghttp2ver.h"
	compile -I"$out/include" -I"$src/lib" -DNGHTTP2_STATICLIB -DBUILDING_NGHTTP2 -DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H \
		-DHAVE_CLOCK_GETTIME -DHAVE_DECL_CLOCK_MONOTONIC=1 -- "$src"/lib/*.c ;;
z) # deflate and inflate of memory; none of the gz* file functions
	unpack
	compile -DZLIB_CONST -DHAVE_UNISTD_H -- $(printf "$src/%s.c " adler32 crc32 deflate trees zutil inflate inftrees inffast)
	headers "$src/zlib.h" "$src/zconf.h" ;;
cmocka) # includes are looked up without config.h; what it would say is said here
	unpack
	compile -I"$src/include" -D_UINTPTR_T -DHAVE_STRUCT_TIMESPEC -DHAVE_CLOCK_GETTIME -DHAVE_CLOCK_REALTIME -DHAVE_INTTYPES_H -DHAVE_STRINGS_H \
		-DHAVE_UNISTD_H -DHAVE_SIGNAL_H -DHAVE_TIME_H -DHAVE_SNPRINTF -DHAVE_VSNPRINTF -DHAVE_STRSIGNAL \
		-DHAVE_GCC_THREAD_LOCAL_STORAGE -- "$src/src/cmocka.c"
	headers "$src"/include/cmocka*.h ;;
mnl | nftnl)
	unpack
	prebuilt ;;
*) echo "deps/build.sh: no recipe for $name" >&2; exit 2 ;;
esac
