"""Answers of one batch to one client leave as few packets, and all of them arrive."""

import os
import signal
import socket
import sys

import dns.message
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from pods import Pod  # noqa: E402

QUESTIONS = 40
NODE = ("198.51.100.1", "2001:db8::1")


@pytest.fixture(scope="module")
def knetd():
    with Knetd(ini="[dns]\nlisten = 0.0.0.0:5353, [::]:5353\n") as daemon:
        for ip in NODE:
            daemon.exec("ip", "addr", "add", ip, "dev", "lo", check=True)
        for i in range(QUESTIONS):
            address = 100 + i
            status, answer = daemon.api("POST", "/api/v1/namespaces/default/services", {
                "metadata": {"name": f"web{'x' * (i % 3)}{i}"},
                "spec": {"ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80}], "clusterIP": f"10.96.1.{address}"}})
            assert status == 201, answer
        status, answer = daemon.api("POST", "/api/v1/namespaces/default/services",
                                    {"metadata": {"name": "many"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
        assert status == 201, answer
        status, answer = daemon.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
            "metadata": {"name": "many-x", "labels": {"kubernetes.io/service-name": "many"}}, "addressType": "IPv4",
            "endpoints": [{"addresses": [f"192.0.2.{i + 1}"]} for i in range(50)]})
        assert status == 201, answer
        yield daemon


@pytest.fixture(scope="module")
def pod(knetd):
    p = Pod(knetd, "client")
    yield p
    p.remove()


def received(pod):
    """Packets on its link."""
    with inside(pod.netns), open("/proc/thread-self/net/dev", encoding="ascii") as f:
        return int(next(line for line in f if line.strip().startswith("eth0:")).split(":")[1].split()[1])


def burst(knetd, pod, to, queries):
    """All of them in the worker's socket before it reads the first; answers by id, and packets they took."""
    worker = knetd.workers()["dns-0"]
    with inside(pod.netns):
        s = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.settimeout(10)
        s.connect(to)
        s.send(dns.message.make_query("web0.default.svc.cluster.local", "A", id=0).to_wire())  # the neighbour is known then
        s.recv(4096)
        os.kill(worker, signal.SIGSTOP)
        before = received(pod)
        for i, (name, kind) in enumerate(queries, 1):
            s.send(dns.message.make_query(name, kind, id=i, use_edns=0).to_wire())
        os.kill(worker, signal.SIGCONT)
        answers = [dns.message.from_wire(s.recv(4096)) for _ in queries]
    return {a.id: a for a in answers}, received(pod) - before


def names(kind):
    return [(f"web{'x' * (i % 3)}{i}.default.svc.cluster.local", kind) for i in range(QUESTIONS)]


@pytest.mark.parametrize("to", [("10.96.0.10", 53), ("fd00:10:96::a", 53), (NODE[0], 5353), (NODE[1], 5353)])
def test_few_packets(knetd, pod, to):
    """Port 5353 is a socket on any address: there the answers must say which one was asked."""
    queries = names("A") + names("AAAA")[:20]
    answers, packets = burst(knetd, pod, to, queries)
    assert sorted(answers) == list(range(1, len(queries) + 1))
    for i, (name, kind) in enumerate(queries, 1):
        (rrset,) = answers[i].answer
        assert str(rrset.name) == name + "."
        if kind == "A":
            assert rrset[0].address == f"10.96.1.{100 + i - 1}"
    assert packets < len(queries) / 3


def test_small_mtu(knetd, pod):
    """What is larger than the way's MTU cannot go as a bundle, and arrives all the same."""
    peer = pod.run("ip", "-o", "link", "show", "eth0", check=True).stdout.split("@if")[1].split(":")[0]
    name = next(line.split(": ")[1].split("@")[0] for line in knetd.exec("ip", "-o", "link").stdout.splitlines()
                if line.startswith(f"{peer}:"))
    knetd.exec("ip", "link", "set", name, "mtu", "600", check=True)
    answers, _ = burst(knetd, pod, ("10.96.0.10", 53), [("many.default.svc.cluster.local", "A")] * 10)
    assert sorted(answers) == list(range(1, 11))
    assert all(len(a.answer[0]) == 50 for a in answers.values())
