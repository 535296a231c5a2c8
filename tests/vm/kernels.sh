#!/bin/sh
# Inside the test machine of vm/kernels.sh: most of what knetd uses of the kernel was left out of /modules, and IPv6 is
# off. What is missing is named and the rest works; then the modules of /test/left are loaded, and all of it does.
set -u
. /test/words.sh

fails_with() { # TEXT COMMAND...
	words=$1
	shift
	! "$@" >/tmp/said 2>&1 && grep -q "$words" /tmp/said
}
told() { /sbin/knetd -k >/tmp/table; grep -A 1 "^MISSING  $1" /tmp/table | grep -q "$2"; }
status_tells() { /sbin/knetd ctl status | grep -q "$1"; }
gets() { [ "$(in_pod client timeout 5 wget -q -O - "$1")" = "hello from web" ]; }
refused() { in_pod client timeout 5 wget -O - "$1" 2>&1 | grep -q refused; }
lists() { nft list table inet "$1" | grep -q "$2"; }
service() { # NAME ADDRESS LABEL
	post /api/v1/namespaces/default/services '{"apiVersion":"v1","kind":"Service","metadata":{"name":"'"$1"'"},"spec":{"clusterIP":"'"$2"'",
		"selector":{"app":"'"$3"'"},"ports":[{"port":80,"targetPort":8080}]}}'
}
policy() {
	post /apis/networking.k8s.io/v1/namespaces/default/networkpolicies '{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",
		"metadata":{"name":"shut"},"spec":{"podSelector":{"matchLabels":{"app":"web"}},"policyTypes":["Ingress"]}}'
}
no_policy() { /sbin/knetd ctl delete networkpolicy shut -n default; }

# ---- with hardly anything ---------------------------------------------------------------------------

eventually 60 ready
check "without all that is optional knetd gets ready" ready
while read -r name option; do
	check "$option is named" told "$(echo "$name" | tr _ ' ')" "$option"
done <<X
pairs_of_virtual_links CONFIG_VETH
masquerading CONFIG_NFT_MASQ
random_numbers_in_rules CONFIG_NFT_NUMGEN
refusals CONFIG_NFT_REJECT
routes_looked_up_by_rules CONFIG_NFT_FIB
limits_in_rules CONFIG_NFT_LIMIT
token_buckets CONFIG_NET_SCH_TBF
logged_packets_that_can_be_read CONFIG_NETFILTER_NETLINK_LOG
connections_that_can_be_listed CONFIG_NF_CT_NETLINK
IPv6 ipv6.disable=1
X
check "something necessary is missing, says its status" fails_with "of them necessary" /sbin/knetd -k
check "knetctl status tells it" status_tells "CONFIG_NFT_NUMGEN"
check "asking leaves no table" not sh -c 'nft list tables | grep -q probe'

mkdir -p /run/netns /tmp/testwww
[ -e /var/run ] || { mkdir -p /var; ln -s /run /var/run; }
echo "hello from web" >/tmp/testwww/index.html
ip netns add web
ip netns add client
check "a pod is refused by the name of the option" fails_with CONFIG_VETH cni ADD web
cni DEL web >/dev/null 2>&1

# ---- with links for pods ----------------------------------------------------------------------------

insmod /test/left/*-veth.ko
check "CNI ADD web" cni ADD web
check "CNI ADD client" cni ADD client
in_pod web httpd -p 8080 -h /tmp/testwww
check "a Service" service web 10.96.7.7 web
check "a Service of nobody" service empty 10.96.7.8 nobody
check "pod to Service" eventually 10 gets http://10.96.7.7/
check "the Service's name" eventually 10 resolves web.default.svc.cluster.local 10.96.7.7
check "a NetworkPolicy" policy
check "is in force" eventually 10 not gets http://10.96.7.7/
check "and taken away" no_policy
check "lets through again" eventually 10 gets http://10.96.7.7/
check "who has nobody is not refused" not refused http://10.96.7.8/

# ---- with the rest ----------------------------------------------------------------------------------

for m in /test/left/*.ko; do
	insmod "$m" 2>/dev/null
done
kill -TERM "$(pidof knetd | tr ' ' '\n' | grep -vx 1 | sort -n | head -n 1)"
check "another start" eventually 60 sh -c '! /sbin/knetd ctl status 2>/dev/null | grep -q CONFIG_NFT_NUMGEN && /sbin/knetd ctl status >/dev/null'
check "nothing necessary is missing" /sbin/knetd -k
check "none of them is named any more" not sh -c 'grep ^MISSING /tmp/out | grep -v -e IPv6 -e flush'
check "pod to Service" eventually 10 gets http://10.96.7.7/
check "who has nobody is refused" eventually 10 refused http://10.96.7.8/
check "endpoints are chosen by chance" lists knetd "numgen random"
check "no pod borrows an address" lists knetd_podnet "fib saddr . iif oif missing drop"
for pod in web client; do
	check "CNI DEL $pod" cni DEL $pod
done
