# libraries.sh - to be sourced: libraries FILE PACKAGES OUT copies what FILE is linked with, and what that is, out of the
# unpacked packages (vm/fetch.sh) to the folder OUT. ldd knows only this machine's processor and libraries.
libraries() {
	for name in $(readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
		[ ! -e "$3/$name" ] || continue
		lib=$(find -L "$2/lib" "$2/usr/lib" -name "$name" 2>/dev/null | head -n 1)
		[ -n "$lib" ] || { echo "$0: no $name for $1" >&2; exit 1; }
		cp -L "$lib" "$3/"
		libraries "$lib" "$2" "$3"
	done
}
