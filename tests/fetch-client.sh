#!/bin/sh
# Fetches and builds the official clients into build/clients, each once. Fails, saying so, when a registry is away.
#   fetch-client.sh go | js | python | spdx | cnitool | conformance | conformance-policy
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
conformance) # the suite of the Gateway API as a program, and the servers its Pods run
	suite=$here/conformance
	stamp=$out/.conformance-$(cat "$suite"/*.go "$suite"/whoami/*.go "$suite"/go.* | sha256sum | cut -c1-16)
	[ -e "$stamp" ] && exit 0
	PATH=$PATH:/usr/local/go/bin
	rm -rf "$out/conformance" && mkdir "$out/conformance"
	cd "$suite"
	go test -c -o "$out/conformance/suite" .
	go build -o "$out/conformance/whoami" ./whoami
	go build -o "$out/conformance/echo-basic" sigs.k8s.io/gateway-api/conformance/echo-basic ;;
conformance-policy) # that of network-policy-api, and the processes of its Pods, in one program
	suite=$here/conformance/policy
	stamp=$out/.conformance-policy-$(cat "$suite"/*.go "$suite"/go.* | sha256sum | cut -c1-16)
	[ -e "$stamp" ] && exit 0
	PATH=$PATH:/usr/local/go/bin
	mkdir -p "$out/conformance-policy"
	cd "$suite"
	go test -c -p 1 -o "$out/conformance-policy/suite" . ;;
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
spdx) # the judge of SPDX documents
	stamp=$out/.spdx-tools==0.8.5
	[ -e "$stamp" ] && exit 0
	/usr/bin/python3 -m pip install -q --root-user-action=ignore --target "$out/spdx" spdx-tools==0.8.5 ;;
esac
: >"$stamp"
