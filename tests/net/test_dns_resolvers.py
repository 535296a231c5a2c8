"""Real resolvers in a pod, with the resolv.conf that ADD wrote: glibc, musl, c-ares, Go's own where there is a Go."""

import os
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_dns import ZONE, Stub, endpoints, service  # noqa: E402
from daemon import ROOT, Knetd  # noqa: E402
from pods import Pod, eventually  # noqa: E402

# Each prints "NAME: ADDRESS ..." for every name of its arguments, and an empty list when there is none. COUNT times.
GLIBC = r"""
import socket, sys
for _ in range(int(sys.argv[1])):
    for name in sys.argv[2:]:
        try:
            found = {x[4][0] for x in socket.getaddrinfo(name, None)}
        except socket.gaierror:
            found = ()
        print(name + ":", *sorted(found))
"""
CARES = r"""
import select, socket, sys
import pycares
channel = pycares.Channel(timeout=20)
def lookup(name):
    found, done = set(), []
    def told(result, error):
        done.append(error)
        if not error:
            found.update(n.addr[0].decode() if isinstance(n.addr[0], bytes) else n.addr[0] for n in result.nodes)
    channel.getaddrinfo(name, None, told, family=socket.AF_UNSPEC)
    while not done:
        r, w = channel.getsock()
        timeout = channel.timeout()
        r, w, _ = select.select(r, w, [], min(timeout or 0.1, 1))
        if not r and not w:
            channel.process_fd(pycares.ARES_SOCKET_BAD, pycares.ARES_SOCKET_BAD)
        for fd in r:
            channel.process_fd(fd, pycares.ARES_SOCKET_BAD)
        for fd in w:
            channel.process_fd(pycares.ARES_SOCKET_BAD, fd)
    return found
for _ in range(int(sys.argv[1])):
    for name in sys.argv[2:]:
        print(name + ":", *sorted(lookup(name)))
"""
MUSL = r"""
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all, *a;
	char text[64];

	for (int n = atoi(argv[1]); n; n--)
		for (int i = 2; i < argc; i++) {
			printf("%s:", argv[i]);
			if (!getaddrinfo(argv[i], NULL, &hints, &all)) {
				for (a = all; a; a = a->ai_next)
					printf(" %s", inet_ntop(a->ai_family, a->ai_family == AF_INET
						? (void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr
						: (void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr, text, sizeof(text)));
				freeaddrinfo(all);
			}
			printf("\n");
		}
	return 0;
}
"""
GO = r"""
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
)

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	for ; n > 0; n-- {
		for _, name := range os.Args[2:] {
			found, _ := (&net.Resolver{PreferGo: true}).LookupHost(context.Background(), name)
			fmt.Print(name + ":")
			for _, a := range found {
				fmt.Print(" " + a)
			}
			fmt.Println()
		}
	}
}
"""
MANY = [f"192.0.2.{i}" for i in range(1, 201)]


class Node:
    def __init__(self, directory):
        self.directory = directory
        resolv = directory / "node-resolv.conf"
        resolv.write_text("nameserver 127.0.0.53\n")
        self.knetd = Knetd(ini=f"[dns]\nupstreams = {resolv}\n").start()
        self.stub = Stub(self.knetd, "127.0.0.53")
        self.web = service(self.knetd, "web", ipFamilyPolicy="RequireDualStack", ports=[{"name": "http", "port": 80}])
        service(self.knetd, "many", clusterIP="None")
        endpoints(self.knetd, "many", [(ip, None, True) for ip in MANY[:100]], name="many-a")
        endpoints(self.knetd, "many", [(ip, None, True) for ip in MANY[100:]], name="many-b")
        service(self.knetd, "ext", type="ExternalName", externalName=f"web.default.svc.{ZONE}")
        self.pod = FilePod(self.knetd, "client")

    def asked(self):
        text = self.knetd.api("GET", "/metrics")[1]
        return sum(int(x.split()[-1]) for x in text.splitlines() if x.startswith("coredns_dns_requests_total{"))

    def asked_since(self, before, at_least):
        """musl does not wait for its second name server."""
        eventually(lambda: self.asked() - before >= at_least, 5)
        return self.asked() - before

    def resolve(self, argv, *names, times=1):
        """In the pod, with its resolv.conf in place of the machine's: what was found, name by name, and how many
        questions had been asked before."""
        files = os.path.join(self.knetd.dir, "run", "pods", self.pod.container)
        before = self.asked()
        p = self.pod.run("unshare", "-m", "sh", "-ec", 'mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"\n'
                         'mount --bind "$1/hosts" /etc/hosts\nshift\nexec "$@"', "sh", files, *argv, str(times), *names,
                         timeout=60)
        assert p.returncode == 0, p.stderr
        found = [line.split(": ") if ": " in line else (line.rstrip(":"), "") for line in p.stdout.splitlines()]
        assert len(found) == times * len(names)
        return [sorted(set(ips.split())) for _, ips in found], before

    def close(self):
        self.pod.remove()
        self.stub.close()
        self.knetd.close()


class Musl(list):
    """Asks all name servers at once, of which a pod of both families has two, and takes the first answer; keeps at most
    48 addresses."""


def share(resolver):
    return 2 if isinstance(resolver, Musl) else 1


class FilePod(Pod):
    def cni(self, command, **extra):
        return super().cni(command, files=True, **extra)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    n = Node(tmp_path_factory.mktemp("resolvers"))
    yield n
    n.close()


@pytest.fixture(scope="module", params=["glibc", "musl", "c-ares", "go"])
def resolver(request, node):
    kind = request.param
    source = node.directory / f"{kind}.{'c' if kind == 'musl' else 'go' if kind == 'go' else 'py'}"
    source.write_text({"glibc": GLIBC, "musl": MUSL, "c-ares": CARES, "go": GO}[kind])
    program = str(node.directory / kind)
    if kind in ("glibc", "c-ares"):
        return ["/usr/bin/python3", str(source)]
    if kind == "musl":
        compiler = os.path.join(ROOT, "build", "deps", os.uname().machine, "bin", "musl-gcc")
        subprocess.run([compiler, "-static", "-o", program, str(source)], check=True)
        return Musl([program])
    if not shutil.which("go"):
        pytest.skip("there is no Go")
    subprocess.run(["go", "build", "-o", program, str(source)], check=True, cwd=node.directory,
                   env={**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": ""})
    return [program]


def test_names_of_the_cluster_by_every_length(node, resolver):
    ips = sorted(node.web["spec"]["clusterIPs"])
    names = ["web", "web.default", "web.default.svc", f"web.default.svc.{ZONE}", f"web.default.svc.{ZONE}.", "ext"]
    found, _ = node.resolve(resolver, *names)
    assert found == [ips] * len(names)


def test_what_does_not_exist(node, resolver):
    found, _ = node.resolve(resolver, "nxname", "nxname.default", f"nowhere.default.svc.{ZONE}.", "nx.example.")
    assert found == [[]] * 4


def test_two_questions_a_name_and_none_is_asked_twice(node, resolver):
    """A and AAAA leave together, from one socket where the resolver does so: the race in connection tracking that costs
    five seconds elsewhere would show as a question repeated."""
    for _ in range(3):  # a machine that stands still for seconds repeats one too: then not each time
        found, before = node.resolve(resolver, f"web.default.svc.{ZONE}.", times=200)
        assert found == [sorted(node.web["spec"]["clusterIPs"])] * 200
        asked = node.asked_since(before, 400 * share(resolver))
        if asked == 400 * share(resolver):
            break
    assert asked == 400 * share(resolver)


def test_an_outside_name_takes_one_round_trip(node, resolver):
    """ndots:5 and the search path: the first candidate is answered with what the last one would be."""
    found, before = node.resolve(resolver, "www.example.com", times=20)
    assert found == [["192.0.2.1"]] * 20
    assert node.asked_since(before, 40 * share(resolver)) == 40 * share(resolver)


def test_large_answers_come_whole(node, resolver):
    """By TCP, as the resolvers take less from a datagram than 200 addresses."""
    found, _ = node.resolve(resolver, f"many.default.svc.{ZONE}.")
    if isinstance(resolver, Musl):
        assert len(found[0]) == 48 and set(found[0]) < set(MANY)
    else:
        assert found == [sorted(MANY)]


def test_service_records_by_a_library(node):
    """SRV as programs ask for it, with the pod's own search path."""
    script = ("import dns.resolver; r = dns.resolver.resolve('_http._tcp.web', 'SRV', search=True)\n"
              "print(r.canonical_name, *[x.to_text() for x in r])")
    files = os.path.join(node.knetd.dir, "run", "pods", node.pod.container)
    p = node.pod.run("unshare", "-m", "sh", "-ec", f'mount --bind "{files}/resolv.conf" "$(readlink -f /etc/resolv.conf)"\n'
                     'exec "$@"', "sh", "/usr/bin/python3", "-c", script)
    assert p.stdout == f"_http._tcp.web.default.svc.{ZONE}. 0 100 80 web.default.svc.{ZONE}.\n", p.stderr


def test_what_the_resolver_was_told(node):
    with open(os.path.join(node.knetd.dir, "run", "pods", node.pod.container, "resolv.conf"), encoding="ascii") as f:
        text = f.read()
    assert re.search(r"^options .*ndots:5", text, re.M) and f"search default.svc.{ZONE} svc.{ZONE} {ZONE}" in text
