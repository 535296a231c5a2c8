#!/bin/sh
# Runs inside the test machine of vm/init-test.sh, which says with init_test=WORD on the kernel's command line what is
# to be judged.
set -u
ln -s knetd /sbin/knetctl 2>/dev/null
. /test/words.sh

ready() { knetctl get namespaces >/dev/null; }
child_of_init() { # PROGRAM WORD: the pid of the child of process 1 that is it, and was told so
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/exe")" = "$1" ] && grep -q '^PPid:[[:space:]]*1$' "$p/status" && grep -qw -e "$2" "$p/cmdline" &&
			echo "${p#/proc/}"
	done 2>/dev/null
}
control() { child_of_init /sbin/knetd knetd.ini; }
client() { child_of_init /sbin/dhcpcd dhcpcd; }
another() { # FUNCTION PID: there is one that is not PID
	now=$("$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

# ---- the uplink -----------------------------------------------------------------------------------

link() { ip -o addr show dev eth0; }
leased4() { link | grep -q 'inet 10\.77\.0\.1[0-9][0-9]/24 .*dynamic'; }
leased6() { link | grep -q 'inet6 fd00:77::1[0-9a-f][0-9a-f]/128 .*dynamic'; }
advertised() { link | grep 'inet6 fd00:77::.*/64 .*dynamic' | grep -v tentative; }
route4() { ip route show default | grep -q 'via 10\.77\.0\.1 '; }
route6() { ip -6 route show default | grep -q 'via fe80:'; }
told() { grep -qx "$1" /etc/resolv.conf || { cat /etc/resolv.conf; false; }; }
resolves() { nslookup -type=a known.up.test 10.96.0.10 | grep -q '^Address.*192\.0\.2\.55$'; }

# ---- processes ------------------------------------------------------------------------------------

orphans() { # twenty, whose parent does not wait for them
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		(sleep 0.1 &)
	done
}
zombies() { awk '{ sub(/.*\) /, "") } $1 == "Z"' /proc/[0-9]*/stat 2>/dev/null; }
no_zombies() { [ -z "$(zombies)" ] || { zombies; false; }; }

lease() {
	check "knetd is ready" eventually 30 ready
	check "DHCP: a lease" eventually 30 leased4
	check "DHCP: the default route" eventually 30 route4
	check "DHCPv6: a lease" eventually 30 leased6
	check "router advertisements beside it: the default route" eventually 30 route6
	check "DHCP: its name server" eventually 30 told 'nameserver 10\.77\.0\.1'
	check "DHCPv6: its name server" eventually 30 grep -qx 'nameserver fd00:77::1' /run/knetd/uplink/dhcp.dhcp6
	check "one list of all domains" eventually 30 told 'search v4\.up\.test v6\.up\.test'
	check "the cluster DNS asks them" eventually 30 resolves
	old=$(client)
	check "the client is a user of its own" grep -q '^Uid:[[:space:]]100[[:space:]]100[[:space:]]100' "/proc/$old/status"
	check "with three capabilities" grep -q '^CapBnd:[[:space:]]*0*3400$' "/proc/$old/status"
	check "asked to, the client renews the lease" kill -USR1 "$old"
	check "the lease is still there" leased4
	kill -9 "$old"
	check "the client dies: it is started again" eventually 30 another client "$old"
	check "the lease outlives it" leased4
	check "and the default route" route4
	check "and the name server" told 'nameserver 10\.77\.0\.1'
}

processes() {
	orphans
	check "orphans are reaped" eventually 30 no_zombies
	knetctl create -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: kept}
YAML
	old=$(control)
	kill -9 "$old"
	check "the control process dies: it is started again" eventually 30 another control "$old"
	check "it answers" eventually 30 ready
	check "with what it had" knetctl get namespace kept
	check "the machine's name servers are still the network's" told 'nameserver 10\.77\.0\.1'
	old=$(control)
	check "an upgrade in place" knetctl upgrade
	check "in the same process" [ "$(control)" = "$old" ]
	check "it answers after that" eventually 30 ready
	check "nothing is left over" eventually 30 no_zombies
	check "a name is resolved after all that" eventually 30 resolves
}

# ---- disks and the clock --------------------------------------------------------------------------

STATE=/var/lib/knetd
FAR=4102444800 # 2100, which is farther than any release
mounted() { grep "^/dev/vd[a-z] $STATE ext4 " /proc/mounts | grep -q noatime || { cat /proc/mounts; false; }; }
at_least() { [ "$(date +%s)" -ge "$1" ] || { date; false; }; }

clock() {
	check "knetd is ready" eventually 30 ready
	check "the disk of that label is mounted" mounted
	check "the clock is not in 1970" at_least 1750000000
	check "router advertisements: an address" eventually 30 advertised
	check "router advertisements: the default route" eventually 30 route6
	check "router advertisements: their name server" eventually 30 told 'nameserver fd00:77::1'
	check "router advertisements: their domain" eventually 30 told 'search v6\.up\.test'
	check "the cluster DNS asks it" eventually 30 resolves
	knetctl create -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: kept}
YAML
	date -s "@$FAR" >/dev/null
	touch $STATE/test-was-here
}

again() {
	check "started again: knetd is ready" eventually 30 ready
	check "the clock is where it was" at_least $FAR
	check "an object is where it was" knetctl get namespace kept
}

case $(sed 's/.*init_test=\([a-z]*\).*/\1/' /proc/cmdline) in
lease)
	lease
	processes
	;;
clock)
	if [ -e $STATE/test-was-here ]; then again; else clock; fi
	;;
esac
