"""The path of a query: untracked from and to pods of both families and the node, from the address that was asked, and
mended when somebody takes it apart."""

import json
import os
import re
import socket
import subprocess
import sys

import dns.message
import dns.query
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_dns import V4, V6, ZONE, ask, data, endpoints, rcode, service  # noqa: E402
from daemon import Knetd, inside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

WEB = f"web.default.svc.{ZONE}"
MANY = [f"192.0.2.{i}" for i in range(1, 201)]
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


class Node:
    def __init__(self):
        self.knetd = Knetd(ini="[dns]\nupstreams =\nlisten = 0.0.0.0:5300, [::]:5300\n")
        for address in ("198.18.0.1/32", "198.18.0.2/32", "2001:db8::1/128", "2001:db8::2/128"):
            self.knetd.exec("ip", "addr", "add", address, "dev", "lo", check=True)
        self.knetd.start()
        self.web = service(self.knetd, "web", ipFamilyPolicy="RequireDualStack", selector={"app": "web"},
                           ports=[{"port": 80, "targetPort": 8080}])
        service(self.knetd, "many", clusterIP="None")
        endpoints(self.knetd, "many", [(ip, None, True) for ip in MANY[:100]], name="many-a")
        endpoints(self.knetd, "many", [(ip, None, True) for ip in MANY[100:]], name="many-b")
        self.client = Pod(self.knetd, "client")
        self.server = Pod(self.knetd, "server", labels={"app": "web"})
        self.server.serve(8080)

    def close(self):
        self.client.remove()
        self.server.remove()
        self.knetd.close()

    def tracked(self):
        """The node's table of connections, both families."""
        return [line for family in ("ipv4", "ipv6") for line in
                self.knetd.exec("conntrack", "-L", "-f", family, check=True).stdout.splitlines()]


@pytest.fixture(scope="module")
def node():
    n = Node()
    yield n
    n.close()


def dig(run, server, *args):
    p = run("dig", "+time=5", "+tries=1", "+noall", "+answer", "+comments", f"@{server}", *args)
    assert p.returncode == 0, p.stdout + p.stderr
    assert "unexpected source" not in p.stdout + p.stderr
    return p.stdout


def addresses(out):
    return sorted(re.findall(r"\sIN\s+A{1,4}\s+(\S+)$", out, re.M))


ASKERS = [(who, server, how) for who in ("client", "node") for server in (V4, V6) for how in ("+notcp", "+tcp")]


def run_of(node, who):
    return node.client.run if who == "client" else node.knetd.exec


@pytest.mark.parametrize("who,server,how", ASKERS)
def test_pods_and_node_by_both_families_and_protocols(node, who, server, how):
    for rdtype, ip in zip(("A", "AAAA"), node.web["spec"]["clusterIPs"]):
        assert addresses(dig(run_of(node, who), server, how, WEB, rdtype)) == [ip]


@pytest.mark.parametrize("who,server", [(who, server) for who, server, how in ASKERS if how == "+tcp"])
def test_large_answers_come_whole_over_tcp(node, who, server):
    """No datagram is ever larger than 1232 bytes, so nothing depends on fragments; dig follows the TC bit."""
    run = run_of(node, who)
    cut = dig(run, server, "+ignore", "+bufsize=4096", f"many.default.svc.{ZONE}")
    assert re.search(r"flags: qr aa tc", cut) and 0 < len(addresses(cut)) < 100
    assert addresses(dig(run, server, "+bufsize=4096", f"many.default.svc.{ZONE}")) == sorted(MANY)


def test_no_query_is_tracked(node):
    """With tracking on, as other traffic of the same pod shows."""
    node.knetd.exec("conntrack", "-F")
    for who, server, how in ASKERS:
        for name in (WEB, f"none.default.svc.{ZONE}", f"many.default.svc.{ZONE}"):
            dig(run_of(node, who), server, how, name)
    assert node.client.curl(f"http://{node.web['spec']['clusterIP']}/") == "server /\n"
    tracked = node.tracked()
    assert any("dport=80 " in line for line in tracked), tracked
    assert not [line for line in tracked if "dport=53 " in line]


def test_other_addresses_are_tracked_as_usual_and_answer(node):
    """What shows that the test above can fail: the same worker at an address that is none of the cluster DNS'."""
    node.knetd.exec("conntrack", "-F")
    assert addresses(dig(node.client.run, "198.18.0.1", "-p", "5300", WEB))
    assert any("dport=5300 " in line for line in node.tracked())


@pytest.mark.parametrize("address", ["198.18.0.1", "198.18.0.2", "127.0.0.1", "2001:db8::1", "2001:db8::2", "::1"])
@pytest.mark.parametrize("tcp", [False, True])
def test_a_wildcard_answers_from_the_address_that_was_asked(node, address, tcp):
    """The node's own sockets are connected: the kernel gives them nothing from elsewhere. A pod's is not, so that a
    wrong source would be seen."""
    query = dns.message.make_query(WEB, "A")
    clients = [node.knetd.netns] + ([] if address in ("127.0.0.1", "::1") else [node.client.netns])
    for netns in clients:
        with inside(netns), socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                          socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            if tcp:
                s.connect((address, 5300))
                s.setblocking(False)
                answer = dns.query.tcp(query, address, timeout=5, sock=s)
            else:
                s.sendto(query.to_wire(), (address, 5300))
                wire, peer = s.recvfrom(1500)
                assert peer[:2] == (address, 5300)
                answer = dns.message.from_wire(wire)
        assert data(answer) == [node.web["spec"]["clusterIP"]]


def test_one_socket_for_many_addresses(node):
    """Both addresses from one unconnected socket: each answer has its own source."""
    with inside(node.client.netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        query = dns.message.make_query(WEB, "A").to_wire()
        for address in ("198.18.0.1", "198.18.0.2"):
            s.sendto(query, (address, 5300))
        assert {s.recvfrom(1500)[1][0] for _ in range(2)} == {"198.18.0.1", "198.18.0.2"}


def test_a_foreign_flush_is_mended(node):
    rules = node.knetd.exec("nft", "-s", "list", "table", "inet", "knetd_dns").stdout
    node.knetd.exec("nft", "flush", "ruleset", check=True)
    eventually(lambda: node.knetd.exec("nft", "-s", "list", "table", "inet", "knetd_dns").stdout == rules, 10)
    test_no_query_is_tracked(node)


@pytest.mark.parametrize("address", [V4 + "/32", V6 + "/128"])
def test_a_deleted_address_is_mended(node, address):
    node.knetd.exec("ip", "addr", "del", address, "dev", "lo", check=True)

    def there():
        links = json.loads(node.knetd.exec("ip", "-j", "addr", "show", "dev", "lo").stdout)
        return address.split("/", maxsplit=1)[0] in [a["local"] for a in links[0]["addr_info"]]
    eventually(there, 10)
    assert addresses(dig(node.client.run, address.split("/", maxsplit=1)[0], WEB))


def test_network_policies_of_egress_are_of_dns_too(node):
    """As of a pod of kube-system; test_policy.py has more."""
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny-all"},
              "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
    assert node.knetd.api("POST", POLICIES, policy)[0] == 201
    for server in (V4, V6):
        for how in ("+notcp", "+tcp"):
            assert node.client.run("dig", "+tries=1", "+time=1", f"@{server}", how, WEB).returncode != 0
    assert node.knetd.api("DELETE", POLICIES + "/deny-all")[0] == 200


def test_a_server_on_one_other_address_is_left_alone(node):
    """127.0.0.53 is a systemd-resolved's, 127.0.0.1 a dnsmasq's: both live beside ours. All addresses are not to be had
    for anybody while we hold one (test_dns.py shows the other order)."""
    with inside(node.knetd.netns):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as other, socket.socket(socket.AF_INET, kind) as all_of_them:
                other.bind(("127.0.0.53", 53))
                with pytest.raises(OSError):
                    all_of_them.bind(("0.0.0.0", 53))
    assert rcode(ask(node.knetd, WEB)) == "NOERROR"


def test_restart_and_death_of_workers_under_load_lose_nothing_but_what_is_in_their_hands(node):
    """A restart of the daemon loses no query; a killed worker those that the kernel had given to it."""
    def perf(during):
        path = os.path.join(node.knetd.dir, "load")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{name} A\n" for name in (WEB, f"none.default.svc.{ZONE}", f"dns-version.{ZONE}"))
        p = subprocess.Popen(["ip", "netns", "exec", node.client.netns, "dnsperf", "-s", V4, "-d", path, "-l", "3", "-Q", "2000",
                              "-q", "100", "-t", "2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        during()
        out = p.communicate(timeout=30)[0]
        sent, lost = (int(re.search(rf"Queries {what}: +(\d+)", out).group(1)) for what in ("sent", "lost"))
        assert sent > 1000 and "SERVFAIL" not in out, out
        return lost

    def restart():
        node.knetd.stop()
        node.knetd.start()

    def crash():
        node.knetd.process.kill()
        node.knetd.process.wait()
        node.knetd.start()

    def kill_worker():
        before = node.knetd.workers()["dns-0"]
        os.kill(before, 9)
        eventually(lambda: node.knetd.workers().get("dns-0", before) != before, 10)
    assert perf(restart) == 0
    assert perf(crash) == 0
    assert perf(kill_worker) <= 100, "more than were on their way at once"
