#!/bin/sh
# Fetches and builds the official clients into build/clients, each once. Fails, saying so, when a registry is away.
#   fetch-client.sh go | js | python | cnitool
set -eu
here=$(cd "$(dirname "$0")" && pwd)
go=$here/api/informers/go out=$here/../build/clients
mkdir -p "$out"
exec 9>"$out/.$1.lock"
flock 9
case $1 in
go)
	stamp=$out/.go-$(cat "$go"/*.go "$go"/go.* | sha256sum | cut -c1-16)
	[ -e "$stamp" ] && exit 0
	PATH=$PATH:/usr/local/go/bin
	rm -rf "$out/go" && cp -r "$go" "$out/go"
	cd "$out/go" && go build -p 1 -o informer . ;;
cnitool)
	stamp=$out/.cnitool@v1.3.0
	[ -e "$stamp" ] && exit 0
	PATH=$PATH:/usr/local/go/bin GOBIN=$(cd "$out" && pwd) go install -p 1 github.com/containernetworking/cni/cnitool@v1.3.0 ;;
js)
	stamp=$out/.@kubernetes-client-node@1.4.0
	[ -e "$stamp" ] && exit 0
	npm install --silent --no-audit --no-fund --prefix "$out/js" @kubernetes/client-node@1.4.0 ;;
python)
	stamp=$out/.kubernetes==30.1.0
	[ -e "$stamp" ] && exit 0
	/usr/bin/python3 -m pip install -q --root-user-action=ignore --target "$out/python" kubernetes==30.1.0 ;;
esac
: >"$stamp"
