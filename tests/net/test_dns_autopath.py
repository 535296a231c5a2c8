"""The search path: a pod's resolver finds an outside name with its first question, and everybody else gets what the
specification says. Real pods, glibc's own resolver with what ADD wrote into resolv.conf, an upstream that counts."""

import os
import re
import subprocess
import sys

import dns.message
import dns.query
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd, inside  # noqa: E402
from pods import Pod  # noqa: E402
from test_dns import V4, V6, rcode, service  # noqa: E402

ZONE = "cluster.local"
UPSTREAM = "127.0.0.3"

# Knows what ends in example.com (an A record each) and here.lan.example; says each name it is asked.
WORLD = r"""
import socket, sys
import dns.message, dns.rrset
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    wire, peer = s.recvfrom(4096)
    q = dns.message.from_wire(wire)
    name = q.question[0].name
    text = name.to_text().lower()
    print(text, flush=True)
    r = dns.message.make_response(q)
    if not text.endswith((".example.com.", "here.lan.example.")):
        r.set_rcode(3)
    elif q.question[0].rdtype == 1:
        r.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
    if not r.answer:
        r.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", "ns.example. h.example. 1 2 3 4 30"))
    s.sendto(r.to_wire(), peer)
"""


class World:
    def __init__(self, netns):
        self.process = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", WORLD, UPSTREAM],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        os.set_blocking(self.process.stdout.fileno(), False)

    def asked(self):
        """Names since the last call, without the daemon's own probes."""
        names = [line.strip() for line in self.process.stdout.readlines()]
        return [name for name in names if name != "." and not name.endswith(".knetd.")]  # health, loops

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def knetd(tmp_path_factory):
    resolv = tmp_path_factory.mktemp("autopath") / "resolv.conf"
    resolv.write_text(f"search lan.example cluster.local\nnameserver {UPSTREAM}\n")
    with Knetd(f"[dns]\nupstreams = {resolv}") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def world(knetd):
    one = World(knetd.netns)
    yield one
    one.close()


@pytest.fixture(scope="module")
def pods(knetd):
    status, answer = knetd.api("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                                              "metadata": {"name": "apps"}})
    assert status == 201, answer
    for name, spec in {"asks": {}, "two": {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}}}.items():
        status, answer = knetd.api("POST", "/api/v1/namespaces/apps/pods", {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": "i"}], **spec}})
        assert status == 201, answer
    made = {name: Pod(knetd, name, namespace="apps") for name in ("asks", "two")}
    for pod in made.values():
        pod.cni("DEL")
        pod.cni("ADD", files=True)
    service(knetd, "db", clusterIP="10.96.0.33", ipFamilies=["IPv4"], ports=[{"port": 5432}])
    yield made
    for pod in made.values():
        pod.remove()


def data(answer, section="answer"):
    return sorted(rrset.to_text() for rrset in getattr(answer, section))


def ask(netns, name, rdtype="A", server=V4, tcp=False):
    query = dns.message.make_query(name, rdtype)
    with inside(netns):
        return (dns.query.tcp if tcp else dns.query.udp)(query, server, timeout=10)


@pytest.mark.parametrize("server", [V4, V6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_first_question_has_the_answer(world, pods, server, tcp):
    name = f"www{len(server)}{'ut'[tcp]}.example.com."
    asked = f"{name}apps.svc.{ZONE}."
    world.asked()
    answer = ask(pods["asks"].netns, asked, server=server, tcp=tcp)
    assert rcode(answer) == "NOERROR"
    assert data(answer) == sorted([f"{asked} 5 IN CNAME {name}", f"{name} 60 IN A 192.0.2.1"])
    assert world.asked() == [f"{name}lan.example.", name]
    answer = ask(pods["asks"].netns, asked, server=server, tcp=tcp)
    assert rcode(answer) == "NOERROR" and len(data(answer)) == 2
    assert world.asked() == []  # all of the path is remembered


def test_the_nodes_own_search_list(world, pods):
    asked = f"got.here.apps.svc.{ZONE}."
    assert data(ask(pods["asks"].netns, asked)) == sorted(
        [f"{asked} 5 IN CNAME got.here.lan.example.", "got.here.lan.example. 60 IN A 192.0.2.1"])


def test_no_address_of_that_family(world, pods):
    asked = f"v4only.example.com.apps.svc.{ZONE}."
    answer = ask(pods["asks"].netns, asked, "AAAA")
    assert rcode(answer) == "NOERROR"
    assert data(answer) == [f"{asked} 5 IN CNAME v4only.example.com."]


def test_other_namespaces_services(world, pods):
    world.asked()
    asked = f"db.default.apps.svc.{ZONE}."
    assert data(ask(pods["asks"].netns, asked)) == sorted(
        [f"{asked} 5 IN CNAME db.default.svc.{ZONE}.", f"db.default.svc.{ZONE}. 5 IN A 10.96.0.33"])
    assert world.asked() == []


def test_nowhere(world, pods):
    answer = ask(pods["asks"].netns, f"no.such.name.apps.svc.{ZONE}.")
    assert rcode(answer) == "NXDOMAIN" and not answer.answer
    assert data(answer, "authority")[0].startswith(f"{ZONE}. 5 IN SOA")


@pytest.mark.parametrize("who,asked", [
    ("two", f"www.example.com.apps.svc.{ZONE}."),  # ndots:2: its resolver would not ask that
    ("asks", f"www.example.com.default.svc.{ZONE}."),  # another namespace's
    ("asks", f"www.example.com.svc.{ZONE}."),
    ("asks", f"nothing.apps.svc.{ZONE}."),  # one label
    ("node", f"www.example.com.apps.svc.{ZONE}."),
])
def test_left_to_the_resolver(knetd, world, pods, who, asked):
    world.asked()
    answer = ask(knetd.netns if who == "node" else pods[who].netns, asked)
    assert rcode(answer) == "NXDOMAIN" and not answer.answer
    assert world.asked() == []


def requests(knetd):
    status, text = knetd.api("GET", "/metrics")
    assert status == 200
    return sum(int(float(n)) for n in re.findall(r"^coredns_dns_requests_total\{.*\} (\S+)$", text, re.M))


def resolve(pod, name):
    """glibc's resolver, with the resolv.conf that ADD wrote."""
    files = os.path.join(pod.knetd.dir, "run", "pods", pod.container)
    script = f"mount --bind {files}/resolv.conf $(readlink -f /etc/resolv.conf) && exec getent ahosts {name}"
    return subprocess.run(["ip", "netns", "exec", pod.netns, "unshare", "-m", "sh", "-c", script],
                          capture_output=True, text=True, timeout=30)


def test_glibc_asks_once(knetd, world, pods):
    before = requests(knetd)
    found = resolve(pods["asks"], "once.example.com")
    assert found.stdout.split()[0] == "192.0.2.1", found
    assert requests(knetd) - before == 2  # A and AAAA
    before = requests(knetd)
    found = resolve(pods["two"], "twice.example.com")
    assert found.stdout.split()[0] == "192.0.2.1", found
    assert requests(knetd) - before == 2  # ndots:2: the name itself comes first
    assert resolve(pods["asks"], "db.default").stdout.split()[0] == "10.96.0.33"
    assert resolve(pods["asks"], "no.such.name").returncode == 2


def test_world_that_does_not_answer(knetd, world, pods):
    """The resolver goes on alone, and hears at its last question that nobody answers."""
    world.close()
    asked = f"late.example.com.apps.svc.{ZONE}."
    answer = ask(pods["asks"].netns, asked)
    assert rcode(answer) == "NXDOMAIN" and not answer.answer
    assert rcode(ask(pods["asks"].netns, "late.example.com.")) == "SERVFAIL"
    assert data(ask(pods["asks"].netns, f"db.default.apps.svc.{ZONE}."))
