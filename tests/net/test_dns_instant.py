"""A name is there when the call that makes it has returned, and gone when the call that takes it away has: asked once,
of whichever worker the kernel picks, a hundred times over."""

import os
import socket
import sys

import dns.message
import dns.query
import dns.rcode
import dns.reversename
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from pods import Pod  # noqa: E402

SERVER, ZONE = "10.96.0.10", "cluster.local"
NS = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
ROUNDS = 100


class Clients:
    """Sockets of several ports: the kernel deals them out to the workers."""

    def __init__(self, knetd, n=4):
        with inside(knetd.netns):
            self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
        for s in self.sockets:
            s.setblocking(False)

    def ask(self, name, rdtype):
        """What every one of them is told; an empty list is NXDOMAIN."""
        told = []
        for s in self.sockets:
            query = dns.message.make_query(name, rdtype)
            r = dns.query.udp(query, SERVER, timeout=10, sock=s)
            assert r.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and bool(r.answer) == (r.rcode() == 0)
            told.append(sorted(rr.to_text() for rrset in r.answer for rr in rrset))
        return told

    def all(self, name, rdtype, *want):
        told = self.ask(name, rdtype)
        assert told == [sorted(want)] * len(self.sockets), (name, told)

    def close(self):
        for s in self.sockets:
            s.close()


@pytest.fixture(scope="module")
def knetd():
    with Knetd(ini="[dns]\nupstreams =\npods = verified\n", workers=2) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def clients(knetd):
    made = Clients(knetd)
    yield made
    made.close()


def call(knetd, method, path, body=None):
    status, answer = knetd.api(method, path, body)
    assert status in (200, 201), answer
    return answer


def test_services(knetd, clients):
    for i in range(ROUNDS):
        name = f"now-{i}.default.svc.{ZONE}"
        made = call(knetd, "POST", NS + "/services", {"metadata": {"name": f"now-{i}"}, "spec": {
            "ipFamilyPolicy": "RequireDualStack", "ports": [{"name": "http", "port": 80}]}})
        v4, v6 = made["spec"]["clusterIPs"]
        clients.all(name, "A", v4)
        clients.all("_http._tcp." + name, "SRV", f"0 100 80 {name}.")
        clients.all(dns.reversename.from_address(v6), "PTR", f"{name}.")
        call(knetd, "DELETE", f"{NS}/services/now-{i}")
        clients.all(name, "AAAA")
        clients.all(dns.reversename.from_address(v4), "PTR")


def test_endpoints(knetd, clients):
    name = f"set.default.svc.{ZONE}"
    call(knetd, "POST", NS + "/services", {"metadata": {"name": "set"}, "spec": {"clusterIP": "None",
                                                                                "ports": [{"port": 80}]}})
    for i in range(ROUNDS):
        ip = f"192.0.2.{i + 1}"
        call(knetd, "POST", SLICES, {"metadata": {"name": "set-x", "labels": {"kubernetes.io/service-name": "set"}},
                                     "addressType": "IPv4", "endpoints": [{"addresses": [ip], "hostname": f"h-{i}"}]})
        clients.all(name, "A", ip)
        clients.all(f"h-{i}.{name}", "A", ip)
        call(knetd, "DELETE", SLICES + "/set-x")
        clients.all(name, "A")
        clients.all(f"h-{i}.{name}", "A")


def test_pods(knetd, clients):
    """Through CNI: the pod's own name, its Service's, and its address backwards."""
    service = f"web.default.svc.{ZONE}"
    call(knetd, "POST", NS + "/services", {"metadata": {"name": "web"}, "spec": {
        "clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}], "ipFamilyPolicy": "RequireDualStack"}})
    pod = Pod(knetd, "web", labels={"app": "web"})
    try:
        for _ in range(ROUNDS):
            ip4, ip6 = (ip["address"].split("/")[0] for ip in pod.result["ips"])
            dashes = ip4.replace(".", "-")
            clients.all(f"{dashes}.default.pod.{ZONE}", "A", ip4)
            clients.all(service, "A", ip4)
            clients.all(service, "AAAA", ip6)
            clients.all(dns.reversename.from_address(ip4), "PTR", f"{dashes}.{service}.")
            pod.cni("DEL")
            clients.all(f"{dashes}.default.pod.{ZONE}", "A")
            clients.all(service, "A")
            clients.all(dns.reversename.from_address(ip6), "PTR")
            pod.result = pod.cni("ADD")
    finally:
        pod.remove()
