#!/bin/sh
# install.sh install|uninstall|list - does what etc/pkg/files says. From the environment: BINARY, PREFIX, DESTDIR, UNITDIR
# and FOR (words of the fourth column that count; "local" unless told). Paths given a language or a umask
# of their own come out the same.
set -eu
umask 022
cd "$(dirname "$0")/../.."
: "${PREFIX:=/usr/local}" "${DESTDIR:=}" "${BINARY:=build/knetd}" "${FOR:=local}"
[ "$PREFIX" = /usr ] && where=/usr/lib/systemd/system || where=/etc/systemd/system
: "${UNITDIR:=$where}"

entries() { # KIND SOURCE TARGET of each file there is, patterns resolved
	grep -v '^#' etc/pkg/files | while read -r kind source target only; do
		case " $FOR " in *" ${only:-${FOR%% *}} "*) ;; *) continue ;; esac
		case $source in BINARY) source=$BINARY ;; PREFIX/*) source=$PREFIX${source#PREFIX} ;; esac
		case $target in PREFIX/*) target=$PREFIX${target#PREFIX} ;; UNITDIR/*) target=$UNITDIR${target#UNITDIR} ;; esac
		case $source in
		*\**) for f in $source; do [ ! -e "$f" ] || echo "$kind $f $target/${f##*/}"; done ;;
		*) echo "$kind $source $target" ;;
		esac
	done
}

put() { # MODE SOURCE TARGET: what names the place of the daemon names the right one
	install -d -m 755 "$(dirname "$3")"
	rm -f "$3"
	case $2 in
	etc/systemd/* | etc/openrc/* | etc/containerd/*) sed "s#/usr/local/#$PREFIX/#g" "$2" >"$3" && chmod "$1" "$3" ;;
	*) install -m "$1" "$2" "$3" ;;
	esac
}

put_conf() { # SOURCE TARGET
	if [ ! -e "$2" ] || cmp -s "$1" "$2"; then
		put 644 "$1" "$2"
	else
		put 644 "$1" "$2.new"
		echo "install: $2 was changed here and stays; the new one is $2.new" >&2
	fi
}

install_one() { # KIND SOURCE TARGET
	case $1 in
	link) install -d -m 755 "$(dirname "$3")" && ln -sfn "$2" "$3" ;;
	dir) install -d -m 755 "$3" ;;
	conf) put_conf "$2" "$3" ;;
	*) put "$1" "$2" "$3" ;;
	esac
}

uninstall_one() { # KIND SOURCE TARGET
	case $1 in
	link) [ "$(readlink "$3")" != "$2" ] || rm -f "$3" ;;
	dir) ;;
	conf)
		rm -f "$3.new"
		if [ -e "$3" ] && ! cmp -s "$2" "$3"; then
			echo "uninstall: $3 was changed here and stays" >&2
		else
			rm -f "$3"
		fi ;;
	*) rm -f "$3" ;;
	esac
}

case ${1:-} in
list) entries ;;
install) entries | while read -r kind source target; do install_one "$kind" "$source" "$DESTDIR$target"; done ;;
uninstall)
	entries | while read -r kind source target; do uninstall_one "$kind" "$source" "$DESTDIR$target"; done
	# folders that are knetd's alone
	for d in "$PREFIX/share/doc/knetd" /etc/knetd/manifests /etc/knetd; do
		[ ! -d "$DESTDIR$d" ] || rmdir "$DESTDIR$d" 2>/dev/null || echo "uninstall: $d is not empty and stays" >&2
	done ;;
*) echo "usage: install.sh install|uninstall|list" >&2; exit 2 ;;
esac
