# What the scripts that judge inside the test machines say; laid beside them as /test/words.sh (vm/build.sh) and sourced.
# Verdicts on standard output, a line each: ok TEXT | failed TEXT
# shellcheck shell=sh disable=SC2034
API=http://10.0.2.15:8080
SOCKET=/run/knetd/knetd.sock

ip() { /bin/ip "$@"; } # busybox's shell would take its own

check() { # TEXT COMMAND...
	text=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		echo "ok $text"
	else
		echo "failed $text: $(tail -n 3 /tmp/out | tr '\n' ' ')"
	fi
}
not() { ! "$@"; }
eventually() { # SECONDS COMMAND...
	n=$(($1 * 5))
	shift
	while ! "$@" 2>/dev/null; do
		n=$((n - 1))
		[ $n -gt 0 ] || { "$@"; return; }
		sleep 0.2
	done
}

# not wget -T: this busybox, built static, crashes in it
get() { timeout 5 wget -q -O - "$API$1"; }
post() { timeout 10 wget -q -O - --header 'Content-Type: application/json' --post-data "$2" "$API$1"; }
ready() { get /readyz >/dev/null; }

in_pod() { n=$1; shift; ip netns exec "$n" "$@"; }
cni() { # VERB POD: its label app is its name
	printf '{"cniVersion":"1.0.0","name":"knet","type":"knet","socket":"%s","runtimeConfig":{"io.kubernetes.cri.pod-annotations":{"knetd.io/labels":"app=%s"}}}' \
		"$SOCKET" "$2" |
		CNI_COMMAND=$1 CNI_CONTAINERID="vm-$2" CNI_NETNS="/var/run/netns/$2" CNI_IFNAME="${IFNAME:-eth0}" CNI_PATH=/opt/cni/bin \
			CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=$2" /opt/cni/bin/knet
}
resolves() { in_pod client nslookup -type=a "$1" 10.96.0.10 | grep -q "^Address.*$2\$"; }
