"""NetworkPolicies in force: real packets of both families, what passes and what does not, and that nothing opens and
nothing breaks when policies, pods, the daemon or the table change. What policies mean in all their combinations is
test_policy_truth.py's."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from outside import Outside  # noqa: E402
from pods import HostPod, Pod, eventually  # noqa: E402

SILENCE = 0.4  # seconds after which nobody answers any more
PATIENCE = 0.9  # on a busy machine; a SYN that was lost is sent again after a second
TABLE = ("nft", "-j", "list", "table", "inet", "knetd_policy")
DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
DENY_IN = {"podSelector": {}, "policyTypes": ["Ingress"]}
DENY_OUT = {"podSelector": {}, "policyTypes": ["Egress"]}
FAMILIES = ("ip4", "ip6")


def app(name):
    return {"matchLabels": {"app": name}}


def space(name):
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


def policy_path(name="", ns="default"):
    return f"/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies" + (f"/{name}" if name else "")


def connect(netns, ip, port, timeout=SILENCE):
    """An open TCP connection from that namespace, or None."""
    with inside(netns):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
    s.settimeout(timeout)
    try:
        s.connect((ip, port))
    except OSError:
        s.close()
        return None
    return s


def tcp(netns, ip, port, timeout=SILENCE):
    s = connect(netns, ip, port, timeout)
    if s:
        s.close()
    return s is not None


def udp(netns, ip, port):
    with inside(netns):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.settimeout(SILENCE)
        try:
            s.sendto(b"who", (ip, port))
            return bool(s.recv(100))
        except OSError:
            return False


def ask(s, host="x"):
    """One more request on an open connection of Pod.serve(); False: no answer any more."""
    try:
        s.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return bool(s.recv(1000))
    except OSError:
        return False


class Lab:
    """Pods web, client and other in default, guest in the namespace away; web serves 80 and 81."""

    def __init__(self, ini=""):
        self.stack = contextlib.ExitStack()
        self.knetd = self.stack.enter_context(Knetd(ini))
        for name, labels in (("away", {"team": "a"}), ("kube-system", {})):
            self.knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.web = self.pod("web", labels={"app": "web"}, annotations={"knetd.io/ports": "second=81"})
        self.client, self.other = (self.pod(x, labels={"app": x}) for x in ("client", "other"))
        self.guest = self.pod("guest", namespace="away", labels={"app": "client"})
        for port in (80, 81):
            self.web.serve(port)
        self.named = set()

    def pod(self, *args, kind=Pod, **kw):
        pod = kind(self.knetd, *args, **kw)
        self.stack.callback(pod.remove)
        return pod

    def policy(self, name, spec, ns="default"):
        code, answer = self.knetd.api("PATCH", policy_path(name, ns) + "?fieldManager=test&force=true", {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec},
            "application/apply-patch+yaml")
        assert code in (200, 201), answer
        self.named.add((ns, name))

    def drop(self, name, ns="default"):
        assert self.knetd.api("DELETE", policy_path(name, ns))[0] == 200
        self.named.remove((ns, name))

    def label(self, pod, **labels):
        code, answer = self.knetd.api("PATCH", f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}",
                                      {"metadata": {"labels": labels}}, "application/merge-patch+json")
        assert code == 200, answer

    def clean(self):
        for ns, name in list(self.named):
            self.drop(name, ns)

    def table(self):
        """The table's objects by kind, {} without it."""
        p = self.knetd.exec(*TABLE)
        found = {}
        for entry in json.loads(p.stdout)["nftables"] if p.returncode == 0 else []:
            for kind, value in entry.items():
                found.setdefault(kind, []).append(value)
        return found


@pytest.fixture(scope="module", name="shared")
def make_lab():
    lab = Lab("[lb]\npools = 198.51.100.8-198.51.100.9\nannounce = none\n")
    with lab.stack:
        yield lab


@pytest.fixture
def lab(shared):
    yield shared
    shared.clean()


def reach(source, target, port=80, how=tcp):
    """Whether each family gets there; both must agree."""
    netns = source.netns
    got = {how(netns, getattr(target, family), port) for family in FAMILIES}
    assert len(got) == 1, f"{source.netns} to {target.netns}: the families differ"
    return got.pop()


def pings(source, target):
    """Whether each family's ping is answered; both must agree."""
    got = {subprocess.run(["ip", "netns", "exec", source.netns, "ping", "-c1", "-W1", getattr(target, family)],
                          stdout=subprocess.DEVNULL, check=False).returncode == 0 for family in FAMILIES}
    assert len(got) == 1, f"{source.netns} to {target.netns}: the families differ"
    return got.pop()


# ---- whom policies let through -------------------------------------------------------------------------------------


def test_without_policies_there_is_no_table(lab):
    assert not lab.table() and reach(lab.guest, lab.web)
    lab.policy("deny", DENY_IN)
    assert lab.table() and not reach(lab.guest, lab.web)
    lab.drop("deny")
    assert not lab.table() and reach(lab.guest, lab.web)


def test_default_deny(lab):
    """The namespace's pods are shut; the node, its probes and what the pods begin are not."""
    lab.policy("deny", DENY_IN)
    for source in (lab.client, lab.guest):
        assert not reach(source, lab.web) and not reach(source, lab.web, how=udp) and not pings(source, lab.web)
    assert reach(lab.knetd, lab.web) and reach(lab.knetd, lab.web, how=udp) and pings(lab.knetd, lab.web)
    assert pings(lab.web, lab.guest)
    lab.policy("deny", DENY_OUT)
    assert reach(lab.guest, lab.web) and not pings(lab.web, lab.guest) and not reach(lab.client, lab.web)
    lab.policy("deny", DENY)
    assert not reach(lab.guest, lab.web) and not reach(lab.client, lab.web) and reach(lab.knetd, lab.web)


def test_labels_of_pods(lab):
    lab.policy("web", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": app("client")}]}]})
    assert reach(lab.client, lab.web) and pings(lab.client, lab.web)
    assert not reach(lab.other, lab.web) and not reach(lab.guest, lab.web)
    lab.label(lab.other, app="client")
    assert reach(lab.other, lab.web)
    lab.label(lab.other, app="other")
    assert not reach(lab.other, lab.web)
    lab.label(lab.web, app="open")
    assert reach(lab.other, lab.web) and reach(lab.guest, lab.web)
    lab.label(lab.web, app="web")
    assert not reach(lab.other, lab.web)


def test_labels_of_namespaces(lab):
    lab.policy("web", {"podSelector": app("web"), "ingress": [
        {"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": app("client")}]}]})
    assert reach(lab.guest, lab.web) and not reach(lab.client, lab.web)
    for team, passes in (("b", False), ("a", True)):
        code, _ = lab.knetd.api("PATCH", "/api/v1/namespaces/away", {"metadata": {"labels": {"team": team}}},
                                "application/merge-patch+json")
        assert code == 200 and reach(lab.guest, lab.web) is passes


def test_ports(lab):
    """By number, by range, by name; protocols apart; what names no port takes any."""
    rule = {"from": [{"podSelector": {}}]}
    lab.policy("web", {"podSelector": app("web"), "ingress": [{**rule, "ports": [{"port": 80}]}]})
    assert reach(lab.client, lab.web) and not reach(lab.client, lab.web, 81)
    assert not reach(lab.client, lab.web, how=udp) and not pings(lab.client, lab.web)
    lab.policy("web", {"podSelector": app("web"), "ingress": [{**rule, "ports": [{"port": 81, "endPort": 90}]}]})
    assert not reach(lab.client, lab.web) and reach(lab.client, lab.web, 81)
    lab.policy("web", {"podSelector": app("web"), "ingress": [{**rule, "ports": [{"port": "second", "protocol": "UDP"}]}]})
    assert reach(lab.client, lab.web, 81, udp) and not reach(lab.client, lab.web, 81)
    lab.policy("web", {"podSelector": app("web"), "ingress": [{**rule, "ports": [{"protocol": "UDP"}]}]})
    assert reach(lab.client, lab.web, 81, udp) and reach(lab.client, lab.web, how=udp) and not reach(lab.client, lab.web)


def test_egress(lab):
    lab.policy("client", {"podSelector": app("client"), "policyTypes": ["Egress"],
                          "egress": [{"to": [{"podSelector": app("web")}], "ports": [{"port": "second"}]}]})
    assert reach(lab.client, lab.web, 81) and not reach(lab.client, lab.web) and reach(lab.other, lab.web)
    assert not pings(lab.client, lab.other) and pings(lab.other, lab.client) and reach(lab.guest, lab.web)
    assert pings(lab.client, type("Node", (), {"netns": "node", "ip4": "169.254.1.1", "ip6": "fe80::1%eth0"}))


def test_services_are_judged_by_the_pods_behind_them(lab):
    """The endpoint's port and labels count; a pod reaches itself by its own Service."""
    made = lab.knetd.api("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": {
        "selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": 80}], "ipFamilyPolicy": "PreferDualStack"}})[1]
    ips = made["spec"]["clusterIPs"]

    def by_service(pod):
        got = {tcp(pod.netns, ip, 8080) for ip in ips}
        assert len(got) == 1
        return got.pop()
    try:
        assert by_service(lab.client) and by_service(lab.web)
        lab.policy("deny", DENY)
        assert not by_service(lab.client) and by_service(lab.web)
        lab.policy("in", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": app("client")}], "ports": [{"port": 80}]}]})
        assert not by_service(lab.client)
        lab.policy("out", {"podSelector": app("client"), "policyTypes": ["Egress"],
                           "egress": [{"to": [{"podSelector": app("web")}], "ports": [{"port": 80}]}]})
        assert by_service(lab.client) and not by_service(lab.other) and by_service(lab.knetd)
    finally:
        lab.knetd.api("DELETE", "/api/v1/namespaces/default/services/web")


def test_dns_follows_egress(lab):
    """The cluster DNS is a pod of kube-system with the label k8s-app: kube-dns."""
    def asks(pod, *how):
        return {"1.1.0" in pod.run("dig", "+short", "+time=1", "+tries=1", *how, f"@{at}", "dns-version.cluster.local", "TXT").stdout
                for at in ("10.96.0.10", "fd00:10:96::a")}
    assert asks(lab.client) == {True}
    lab.policy("deny", DENY_OUT)
    assert asks(lab.client) == {False} and asks(lab.guest) == {True}
    lab.policy("dns", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"namespaceSelector": space("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
         "ports": [{"port": 53, "protocol": "UDP"}]}]})
    assert asks(lab.client) == {True} and asks(lab.client, "+tcp") == {False}
    lab.policy("dns", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 53, "protocol": "TCP"}]}]})
    assert asks(lab.client) == {False} and asks(lab.client, "+tcp") == {True}


def test_gateways_are_not_the_node(lab):
    """What a pod may send to an address that is a Gateway's alone, its egress policies say."""
    path, at = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways", "198.51.100.8"
    code, answer = lab.knetd.api("POST", path, {"metadata": {"name": "g"}, "spec": {
        "gatewayClassName": "knetd", "addresses": [{"value": at}], "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}})
    assert code == 201, answer
    try:
        eventually(lambda: tcp(lab.client.netns, at, 80))
        lab.policy("deny", DENY_OUT)
        assert not tcp(lab.client.netns, at, 80) and tcp(lab.guest.netns, at, 80)
        lab.policy("gateway", {"podSelector": app("client"), "policyTypes": ["Egress"],
                               "egress": [{"to": [{"ipBlock": {"cidr": at + "/32"}}], "ports": [{"port": 80}]}]})
        assert tcp(lab.client.netns, at, 80) and not tcp(lab.other.netns, at, 80)
        held = connect(lab.client.netns, at, 80)
        assert ask(held)
        lab.drop("gateway")
        held.settimeout(SILENCE)
        assert not ask(held)
        held.close()
    finally:
        lab.knetd.api("DELETE", path + "/g")
    eventually(lambda: not [s for s in lab.table()["set"] if s["name"] == "held4" and s.get("elem")])


def test_clients_outside(lab):
    """ipBlock and except see who came, by host port and node port too."""
    with Outside(lab.knetd) as out:
        out.routes_to("10.244.0.0/24", "fd00:10:244::/64")
        out.ip("addr", "add", "192.0.2.200/24", "dev", "eth0")
        pod = lab.pod("host", (8800, 80, "TCP", ""), kind=HostPod, labels={"app": "host"})
        pod.serve(80)
        made = lab.knetd.api("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "host"}, "spec": {
            "type": "NodePort", "selector": {"app": "host"}, "ports": [{"port": 80}]}})[1]
        ways = [(pod.ip4, 80), (out.node4, 8800), (out.node4, made["spec"]["ports"][0]["nodePort"])]

        def passes(source):
            with inside(out.netns):
                socks = [socket.socket() for _ in ways]
            got = []
            for s, way in zip(socks, ways):
                with s:
                    s.settimeout(SILENCE)
                    s.bind((source, 0))
                    got.append(s.connect_ex(way) == 0)
            return got
        assert eventually(lambda: passes(out.ip4) == [True] * 3)
        lab.policy("out", {"podSelector": app("host"), "ingress": [
            {"from": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}}]}]})
        assert passes(out.ip4) == [True] * 3 and passes("192.0.2.200") == [False] * 3
        assert not tcp(out.netns, pod.ip6, 80)
        lab.knetd.api("DELETE", "/api/v1/namespaces/default/services/host")
        pod.remove()


def test_a_pod_without_labels_is_shut_in(lab):
    """Nobody has said its labels: what any policy of the namespace isolates, it is isolated from."""
    lab.policy("web", {"podSelector": app("web"), "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]})
    nobody = lab.pod("nobody")
    assert not pings(lab.guest, nobody) and not reach(nobody, lab.web) and pings(lab.knetd, nobody)
    lab.label(nobody, app="other")
    assert pings(lab.guest, nobody) and reach(nobody, lab.web)
    nobody.remove()


# ---- connections that are there ------------------------------------------------------------------------------------

# Sends a byte each 50 ms to whoever comes, from the first moment on; what it gets it throws away.
PUSHER = """
import socket, sys, time
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
held = []
while True:
    s.settimeout(0.05)
    try:
        held.append(s.accept()[0])
    except OSError:
        pass
    for c in held:
        c.setblocking(False)
        try:
            c.send(b".")
            c.recv(1000)
        except OSError:
            pass
"""


def test_tightening_cuts_and_loosening_opens(lab):
    """Whichever end speaks next, a connection that is forbidden by now goes nowhere; those that are not stay."""
    p = subprocess.Popen(["ip", "netns", "exec", lab.web.netns, sys.executable, "-c", PUSHER, "90"], stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    try:
        for family in FAMILIES:
            ip = getattr(lab.web, family)
            quiet, kept, pushed = connect(lab.client.netns, ip, 80, 2), connect(lab.other.netns, ip, 80, 2), connect(lab.client.netns, ip, 90, 2)
            by_node = connect(lab.knetd.netns, ip, 80, 2)
            assert ask(quiet) and ask(kept) and ask(by_node) and pushed.recv(1)
            lab.policy("web", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": app("other")}]}]})
            assert ask(kept) and ask(by_node)
            quiet.settimeout(SILENCE)
            assert not ask(quiet)
            with pytest.raises(OSError):  # what was on its way may still come
                pushed.settimeout(1.5)
                while pushed.recv(1000):
                    pass
            lab.policy("web", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": {}}]}]})
            assert reach(lab.client, lab.web)
            for s in (quiet, kept, pushed, by_node):
                s.close()
            lab.drop("web")
    finally:
        p.kill()
        p.wait()


def datagrams(netns, ip, port):
    with inside(netns):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, port))
    s.settimeout(SILENCE)
    return s


def gets(to, sent, *target):
    """Does the socket get what another one sends?"""
    sent.sendto(b"word", target)
    try:
        return to.recv(100) == b"word"
    except OSError:
        return False


@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_datagrams_that_were_cut_are_not_taken_up_from_their_other_end(lab, way):
    """What may not be said is not let through as the answer to what the other end says next, which by itself it may."""
    judged = "web" if way == "ingress" else "client"
    rule = {"podSelector": app(judged), "policyTypes": [way.capitalize()]}
    for family in FAMILIES:
        a, b = (getattr(pod, family) for pod in (lab.client, lab.web))
        with datagrams(lab.client.netns, a, 4444) as client, datagrams(lab.web.netns, b, 5353) as server:
            lab.policy("word", {**rule, way: [{}]})
            assert gets(server, client, b, 5353) and gets(client, server, a, 4444)
            lab.policy("word", rule)
            for _ in range(3):
                assert not gets(server, client, b, 5353)
                assert not gets(client, server, a, 4444)
            with datagrams(lab.web.netns, b, 5354) as another:
                assert gets(client, another, a, 4444) and gets(another, client, b, 5354)  # the server's own to begin
            lab.policy("word", {**rule, way: [{}]})
            assert gets(server, client, b, 5353) and gets(client, server, a, 4444)
            lab.drop("word")


class Traffic:
    """New connections all the time; how often each kind got an answer, and how often not."""

    def __init__(self, source, ips, port=80):
        self.source, self.ips, self.port = source, ips, port
        self.passed = self.failed = 0
        self.over = False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over:
            for ip in self.ips:
                if tcp(self.source.netns, ip, self.port, PATIENCE):
                    self.passed += 1
                else:
                    self.failed += 1
            time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def test_death_and_return_under_traffic(lab):
    """kill -9, a start, SIGTERM, a start: nothing opens, nothing that may breaks."""
    lab.policy("web", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": app("client")}]}]})
    held = [connect(lab.client.netns, getattr(lab.web, family), 80, 2) for family in FAMILIES]
    ips = [lab.web.ip4, lab.web.ip6]
    with Traffic(lab.client, ips) as may, Traffic(lab.other, ips) as may_not:
        for sig in (signal.SIGKILL, signal.SIGTERM):
            before = may.passed
            lab.knetd.stop(sig)
            eventually(lambda: may.passed > before + 20)  # pylint: disable=cell-var-from-loop
            lab.knetd.start()
            before = may.passed
            eventually(lambda: may.passed > before + 20)  # pylint: disable=cell-var-from-loop
    assert (may.failed, may_not.passed) == (0, 0)
    assert all(ask(s) for s in held)
    for s in held:
        s.close()


def test_what_others_do_to_the_table_is_mended(lab):
    lab.policy("web", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": app("client")}, {"ipBlock": {"cidr": "192.0.2.0/24"}}]}]})

    def shape():
        found = lab.table()
        return {kind: sorted(str({k: v for k, v in x.items() if k not in ("handle", "expr")}) for x in found.get(kind, []))
                for kind in ("map", "set", "chain", "rule")}
    right = shape()
    name = next(x["name"] for x in lab.table()["set"] if x["name"].startswith("in") and "net" in x["name"])
    for change in ("flush ruleset", "delete table inet knetd_policy", "flush chain inet knetd_policy forward",
                   f"flush set inet knetd_policy {name}", "flush map inet knetd_policy ingress4",
                   "add element inet knetd_policy selves4 { 10.0.0.1 . 10.0.0.2 }",
                   "add chain inet knetd_policy forward { policy drop; }"):
        done = lab.knetd.exec("nft", change)
        assert done.returncode == 0 or "Operation not permitted" in done.stderr, done.stderr  # the table is ours alone
        eventually(lambda: shape() == right)
        assert reach(lab.client, lab.web) and not reach(lab.other, lab.web), change


def test_policies_switched_off(lab):
    lab.policy("deny", DENY)
    assert not reach(lab.client, lab.web)
    lab.knetd.stop()
    with open(lab.knetd.ini, encoding="utf-8") as f:
        ini = f.read()
    try:
        with open(lab.knetd.ini, "a", encoding="utf-8") as f:
            f.write("\n[policy]\nenabled = no\n")
        lab.knetd.start()
        assert not lab.table() and reach(lab.client, lab.web)
        lab.policy("deny", DENY_IN)
        assert "not in force" in lab.knetd.headers["Warning"] and not lab.table()
    finally:
        lab.knetd.stop()
        with open(lab.knetd.ini, "w", encoding="utf-8") as f:
            f.write(ini)
        lab.knetd.start()
    assert not reach(lab.client, lab.web)


def test_exit_with_remove_takes_the_table_away():
    with Knetd() as knetd:
        knetd.api("POST", policy_path(), {"metadata": {"name": "deny"}, "spec": DENY})
        assert knetd.exec(*TABLE).returncode == 0
        knetd.stop()
        assert knetd.exec(*TABLE).returncode == 0
        knetd.start("-x")
        knetd.stop()
        assert knetd.exec(*TABLE).returncode != 0
