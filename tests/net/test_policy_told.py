"""What people are told of NetworkPolicies: denied packets in the log and in the counters, Events on policies."""

import contextlib
import os
import re
import socket
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

FAMILIES = ("ip4", "ip6")
DENY_IN = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}
DENY_OUT = {"podSelector": {"matchLabels": {"app": "shut"}}, "policyTypes": ["Egress"]}
DENIED = re.compile(r'knetd_policy_denied_packets_total\{namespace="(.*?)",policy="(.*?)",direction="(.*?)"\} (\d+)')


class Lab:
    def __init__(self, **kw):
        self.stack = contextlib.ExitStack()
        self.knetd = self.stack.enter_context(Knetd(**kw))
        self.named = set()

    def pod(self, name, **kw):
        pod = Pod(self.knetd, name, labels={"app": name}, **kw)
        self.stack.callback(pod.remove)
        return pod

    def policy(self, name, spec):
        code, answer = self.knetd.api("POST", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
                                      {"metadata": {"name": name}, "spec": spec})
        assert code == 201, answer
        self.named.add(name)

    def drop(self, name):
        self.named.remove(name)
        assert self.knetd.api("DELETE", f"/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/{name}")[0] == 200

    def metrics(self):
        return self.knetd.api("GET", "/metrics")[1]

    def metric(self, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", self.metrics(), re.M)[1])

    def denied(self):
        """Packets by policy and direction."""
        return {(policy, way): int(n) for _, policy, way, n in DENIED.findall(self.metrics())}

    def lines(self):
        return re.findall(r"policy: denied .*", self.knetd.logged())

    def events(self, name):
        items = self.knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"]
        return {(e["type"], e["reason"], e["message"]): e["count"] for e in items
                if e["involvedObject"]["kind"] == "NetworkPolicy" and e["involvedObject"]["name"] == name}


@pytest.fixture(scope="module", name="shared")
def make_lab():
    lab = Lab(ini="[policy]\nlog = yes\n[ingress]\nhttp = 0\n")
    with lab.stack:
        lab.web, lab.client, lab.shut = (lab.pod(name) for name in ("web", "client", "shut"))
        yield lab


@pytest.fixture
def lab(shared):
    yield shared
    for name in list(shared.named):
        shared.drop(name)


def send(pod, ip, port, n=1):
    """n datagrams to a port where nobody may go; returns the port that they come from."""
    with inside(pod.netns):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.connect((ip, port))
        for _ in range(n):
            s.send(b"x")
        return s.getsockname()[1]


def ask(pod, ip):
    """An echo request; the checksum of the one for IPv6 is the kernel's."""
    six = ":" in ip
    with inside(pod.netns):
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                          socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
    with s:
        head = bytes([128 if six else 8, 0])
        s.sendto(head + (b"\0\0" if six else (0xffff - 0x0800 - 0x0101).to_bytes(2, "big")) + b"\1\1\0\0", (ip, 0))


def end(ip, port):
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def test_a_line_says_who_whom_and_why(lab):
    """Direction, protocol, addresses and ports, pods, the policies that isolate: of both families, both ways."""
    lab.policy("deny", DENY_IN)
    lab.policy("none", DENY_OUT)
    lab.policy("other", {**DENY_OUT, "egress": [{"ports": [{"port": 9999}]}]})
    for family in FAMILIES:
        web, client, shut = (getattr(pod, family) for pod in (lab.web, lab.client, lab.shut))
        port = send(lab.client, web, 53)
        want = f"policy: denied ingress udp {end(client, port)} (default/client) -> {end(web, 53)} (default/web) by default/deny"
        eventually(lambda w=want: w in lab.lines())
        port = send(lab.shut, client, 80)
        want = f"policy: denied egress udp {end(shut, port)} (default/shut) -> {end(client, 80)} (default/client) by default/none, default/other"
        eventually(lambda w=want: w in lab.lines())
        with inside(lab.client.netns):
            s = socket.socket(socket.AF_INET6 if ":" in web else socket.AF_INET)
        with s:
            s.setblocking(False)
            s.connect_ex((web, 80))
            port = s.getsockname()[1]
            want = f"policy: denied ingress tcp {end(client, port)} (default/client) -> {end(web, 80)} (default/web) by default/deny"
            eventually(lambda w=want: w in lab.lines())
        ask(lab.client, web)
        want = f"policy: denied ingress icmp{'v6' if ':' in web else ''} {client} (default/client) -> {web} (default/web) by default/deny"
        eventually(lambda w=want: w in lab.lines())


def test_packets_are_counted_for_each_policy(lab):
    """All of them, also those that the log leaves out; what was counted stays when classes change, and goes with the policy."""
    lab.policy("deny", DENY_IN)
    before = len(lab.lines())
    send(lab.client, lab.web.ip4, 53, 2000)
    assert lab.denied() == {("deny", "ingress"): 2000}
    send(lab.client, lab.web.ip6, 53, 3)
    assert lab.denied() == {("deny", "ingress"): 2003}
    eventually(lambda: len(lab.lines()) > before)
    assert len(lab.lines()) - before < 1000
    lab.policy("too", DENY_IN)
    send(lab.client, lab.web.ip4, 53, 5)
    assert lab.denied() == {("deny", "ingress"): 2008, ("too", "ingress"): 5}
    lab.drop("deny")
    send(lab.client, lab.web.ip4, 53)
    assert lab.denied() == {("too", "ingress"): 6}
    assert lab.metric("knetd_policy_policies") == 1 and lab.metric('knetd_policy_classes{direction="ingress"}') == 1
    assert lab.metric("knetd_policy_addresses") == 6 and lab.metric('knetd_policy_isolated_addresses{direction="ingress"}') == 2
    lab.drop("too")
    assert not lab.denied() and lab.metric("knetd_policy_policies") == 0
    assert lab.metric("knetd_policy_transactions_total") > 3 and lab.metric("knetd_policy_sync_failures_total") == 0


def test_counters_begin_anew(lab):
    """With the daemon, which has no numbers of an earlier one; not when somebody takes the table away."""
    lab.policy("deny", DENY_IN)
    send(lab.client, lab.web.ip4, 53, 4)
    assert lab.denied() == {("deny", "ingress"): 4}
    lab.knetd.stop()
    send(lab.client, lab.web.ip4, 53, 2)
    lab.knetd.start()
    assert lab.denied() == {("deny", "ingress"): 0}
    send(lab.client, lab.web.ip4, 53)
    assert lab.denied() == {("deny", "ingress"): 1}
    lab.knetd.exec("nft", "delete", "table", "inet", "knetd_policy")  # where the kernel lets anybody
    eventually(lambda: "counter in" in lab.knetd.exec("nft", "list", "table", "inet", "knetd_policy").stdout)
    send(lab.client, lab.web.ip4, 53, 3)
    assert lab.denied() == {("deny", "ingress"): 4}


def test_a_policy_that_selects_nobody(lab):
    """An Event, once, and no more when pods come."""
    lab.policy("lost", {"podSelector": {"matchLabels": {"app": "nobody"}}})
    want = {("Normal", "NoPodsSelected", "selects no pod yet"): 1}
    eventually(lambda: lab.events("lost") == want)
    pod = lab.pod("nobody")
    lab.policy("found", {"podSelector": {"matchLabels": {"app": "nobody"}}, "ingress": [{"ports": [{"port": "http"}]}]})
    eventually(lambda: lab.events("found"))
    assert lab.events("lost") == want
    pod.remove()


def test_what_cannot_be_met(lab):
    """Names of ports that no pod has, in both directions; names that some pod has are fine."""
    named = lab.pod("named", annotations={"knetd.io/ports": "http=8080"})
    select = {"podSelector": {"matchLabels": {"app": "named"}}}
    lab.policy("in", {**select, "ingress": [{"ports": [{"port": "http"}, {"port": "https"}]}]})
    lab.policy("out", {**select, "policyTypes": ["Egress"], "egress": [
        {"to": [{"podSelector": {}}], "ports": [{"port": "http"}, {"port": "sip", "protocol": "UDP"}]}]})
    eventually(lambda: lab.events("in") == {("Warning", "PortNotFound", "no pod that it selects has a port named https (TCP)"): 1})
    eventually(lambda: lab.events("out") == {
        ("Warning", "PortNotFound", "no pod that it allows to be reached has a port named sip (UDP)"): 1})
    named.remove()


def test_a_family_that_the_node_has_not():
    lab = Lab(ini="[ingress]\nhttp = 0\n", pod_cidr="10.244.0.0/24", service_cidr="10.96.0.0/16")
    with lab.stack:
        lab.pod("web")
        lab.policy("both", {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}},
                                                                   {"ipBlock": {"cidr": "2001:db8::/32"}}]}]})
        eventually(lambda: lab.events("both") == {
            ("Warning", "FamilyNotFound", "ipBlock 2001:db8::/32: this node's pods have no IPv6"): 1})
        assert not lab.lines()
