#!/bin/sh
# Runs inside the test machine (busybox, ip, nft): real packets between pods on a kernel that has
# nothing but what knetd's image brings. What is said on standard error goes to the console.
set -u
. /test/words.sh

second() { IFNAME=net1 cni "$1" web; }
second_answers() {
	address=$(in_pod web ip -4 -o addr show net1 | grep -o '10\.244\.[0-9.]*' | head -n 1)
	gets client "http://$address:8080/" "hello from web"
}

gets() { # POD URL TEXT: the pod gets the text from there
	[ "$(in_pod "$1" timeout 5 wget -q -O - "$2")" = "$3" ]
}

eventually 60 ready
check "knetd is ready" ready

links=$(ls /sys/class/net)
mkdir -p /run/netns /tmp/testwww
[ -e /var/run ] || { mkdir -p /var; ln -s /run /var/run; }
echo "hello from web" >/tmp/testwww/index.html
for pod in web client; do
	check "a namespace for $pod" ip netns add $pod
	check "CNI ADD $pod" cni ADD $pod
done
in_pod web httpd -p 8080 -h /tmp/testwww
check "a Service" post /api/v1/namespaces/default/services \
	'{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"clusterIP":"10.96.7.7","selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}}'
check "the table is in the kernel" nft list table inet knetd
check "no pod borrows an address" sh -c 'nft list table inet knetd_podnet | grep -q "fib saddr . iif oif missing drop"'
check "a second interface" second ADD
check "its address answers by its own link" second_answers
check "CNI DEL of the second interface" second DEL
check "pod to Service" eventually 10 gets client http://10.96.7.7/ "hello from web"
check "pod to its own Service" gets web http://10.96.7.7/ "hello from web"
check "node to Service" eventually 5 sh -c 'timeout 5 wget -q -O - http://10.96.7.7/ | grep -q hello'
check "the Service's name" eventually 10 resolves web.default.svc.cluster.local 10.96.7.7

kill -9 "$(pidof knetd | tr ' ' '\n' | grep -vx 1 | sort -n | head -n 1)"
check "after kill -9 the kernel goes on serving" gets client http://10.96.7.7/ "hello from web"
eventually 60 ready
check "after kill -9 it is there again" ready
check "and the Service with it" get /api/v1/namespaces/default/services/web
check "pod to Service after the restart" gets client http://10.96.7.7/ "hello from web"

for pod in web client; do
	check "CNI DEL $pod" cni DEL $pod
	check "CNI DEL $pod again" cni DEL $pod
	ip netns del $pod
done
no_links() { [ "$(ls /sys/class/net)" = "$links" ]; }
check "no link is left" eventually 5 no_links
