#!/bin/bash
# make demo: knetd in a network namespace of its own, two pods (namespaces attached by the CNI plugin),
# a Service, its name, an Ingress; each step is shown. Everything is removed at the end.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "make demo needs root: it makes network namespaces" >&2; exit 1; }

id=knd$$
dir=$(mktemp -d)
node=$id-node
pids=()

cleanup() {
	set +e
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	for f in "$dir"/run/workers/*.pid; do [ -e "$f" ] && kill "$(cat "$f")" 2>/dev/null; done
	for n in $(ip netns list | awk -v id="$id" 'index($1, id) == 1 { print $1 }'); do
		ip netns pids "$n" | xargs -r kill 2>/dev/null
		ip netns del "$n"
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@" || true; }
api() { curl -sS --unix-socket "$dir/run/knetd.sock" "$@"; }
in_node() { ip netns exec "$node" "$@"; }

cat >"$dir/knetd.ini" <<INI
[node]
name = demo
state_dir = $dir/state
run_dir = $dir/run
manifests = $dir/none
workers = 1
INI

say "1. knetd starts in the network namespace $node"
ip netns add "$node"
in_node ip link set lo up
ip netns exec "$node" build/knetd -c "$dir/knetd.ini" 2>"$dir/log" &
pids+=($!)
for _ in $(seq 100); do
	api -f http://localhost/readyz >/dev/null 2>&1 && break
	sleep 0.05
done
api http://localhost/version; echo

say "2. Two pods: namespaces, attached by the CNI plugin as containerd would"
ln -s "$(realpath build/knetd)" "$dir/knet"
attach() { # NAME LABELS
	ip netns add "$id-$1"
	printf '{"cniVersion":"1.0.0","name":"demo","type":"knet","socket":"%s","runtimeConfig":{"io.kubernetes.cri.pod-annotations":{"knetd.io/labels":"%s"}}}' \
		"$dir/run/knetd.sock" "$2" |
		CNI_COMMAND=ADD CNI_CONTAINERID="$id-$1" CNI_NETNS="/var/run/netns/$id-$1" CNI_IFNAME=eth0 CNI_PATH="$dir" \
			CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=$1" in_node "$dir/knet"
	echo
}
attach web app=web
attach client app=client

say "3. The pod web serves a page"
ip netns exec "$id-web" /usr/bin/python3 - <<'PY' &
import http.server
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"hello from pod web, path %s\n" % self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
class S(http.server.ThreadingHTTPServer):
    import socket
    address_family = socket.AF_INET6
S(("::", 8080), H).serve_forever()
PY
pids+=($!)

say "4. A Service and an Ingress, applied with one curl"
cat >"$dir/app.yaml" <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.example
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]
YAML
cat "$dir/app.yaml"
api -X POST -H 'Content-Type: application/yaml' --data-binary @"$dir/app.yaml" http://localhost/apply; echo

say "5. From the pod client: name -> Service -> pod"
show ip netns exec "$id-client" dig +short @10.96.0.10 web.default.svc.cluster.local
address=$(ip netns exec "$id-client" dig +short @10.96.0.10 web.default.svc.cluster.local)
for _ in $(seq 50); do
	ip netns exec "$id-client" curl -s -m 1 "http://$address/" >/dev/null && break
	sleep 0.1
done
show ip netns exec "$id-client" curl -sS -m 5 "http://$address/through-the-service"

say "6. From the node: host -> Ingress -> Service -> pod"
show in_node curl -sS -m 5 -H 'Host: web.example' http://127.0.0.1/through-the-ingress

say "7. What is in the kernel"
show in_node nft list table inet knetd

say "8. kill -9 of knetd: kernel and workers go on serving"
kill -9 "${pids[0]}"
show ip netns exec "$id-client" curl -sS -m 5 "http://$address/still-here"
show ip netns exec "$id-client" dig +short @10.96.0.10 web.default.svc.cluster.local
