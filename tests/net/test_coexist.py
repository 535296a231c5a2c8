"""Beside Docker, firewalld and whoever else owns rules on the machine: theirs are never touched or even
listed, ours come back when theirs are reloaded or everything is flushed, and the documented line lets
pods through a firewall that drops what it does not know."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from outside import Outside, seen_as  # noqa: E402
from pods import Pod, eventually  # noqa: E402

LEGACY = shutil.which("iptables-legacy")

# What `dockerd` makes of the IPv4 and IPv6 tables at its start (27.x), with one published port.
DOCKER = """
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""
DOCKER_NAT = """
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 18080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
"""
FIREWALLD = """
table inet firewalld {
	chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept;
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
	}
	chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_FORWARD_ZONES
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD_ZONES {
		goto filter_FWD_public
	}
	chain filter_FWD_public {
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain filter_FWD_trusted { accept; }
	chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; policy accept;
		oifname "none0" masquerade
	}
}
"""
# firewall-cmd --zone=trusted --add-source=10.244.0.0/24 --add-source=fd00:10:244::/64
TRUSTED = """
insert rule inet firewalld filter_FORWARD_ZONES ip saddr 10.244.0.0/24 goto filter_FWD_trusted
insert rule inet firewalld filter_FORWARD_ZONES ip6 saddr fd00:10:244::/64 goto filter_FWD_trusted
"""


def feed(knetd, text, *argv):
    subprocess.run(["ip", "netns", "exec", knetd.netns, *argv], input=text, text=True, check=True)


def docker(knetd, suffix="nft"):
    feed(knetd, DOCKER + DOCKER_NAT, f"iptables-{suffix}-restore", "--noflush")
    feed(knetd, DOCKER, f"ip6tables-{suffix}-restore", "--noflush")


def firewalld(knetd):
    feed(knetd, FIREWALLD, "nft", "-f", "-")


def ours(knetd):
    return sorted(re.findall(r"^table inet (knetd\S*)", knetd.exec("nft", "list", "tables").stdout, re.M))


def theirs(knetd):
    """Everything that is not ours, counters apart: they count."""
    out = []
    for line in knetd.exec("nft", "list", "tables").stdout.splitlines():
        if " knetd" not in line:
            out.append(knetd.exec("nft", "-s", "list", line.split()[0], *line.split()[1:]).stdout)
    if LEGACY:
        out.append(knetd.exec("iptables-legacy-save").stdout)
    return re.sub(r"counter packets \d+ bytes \d+|\[\d+:\d+\]|^#.*", "", "\n".join(out), flags=re.M)


def service(knetd, name="web", ip="10.96.5.5"):
    return knetd.api("POST", "/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"clusterIP": ip, "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})


@pytest.fixture
def beside(knetd_factory):
    made = []

    def make(*firewalls, names=("web", "client")):
        def prepare(daemon):
            made.append(Outside(daemon).serve())
            for firewall in firewalls:
                firewall(daemon)
        knetd = knetd_factory(before=prepare)
        outside = made[-1]
        pods = [Pod(knetd, name, labels={"app": name}) for name in names]
        made.extend(pods)
        for pod in pods[:1]:
            pod.serve(8080)
        return knetd, outside, *pods

    yield make
    for thing in reversed(made):
        thing.remove()


def test_theirs_are_not_touched(knetd_factory):
    seen = []

    def prepare(daemon):
        docker(daemon)
        if LEGACY:
            docker(daemon, "legacy")
        firewalld(daemon)
        seen.append(theirs(daemon))
        assert "DOCKER-USER" in seen[0] and "firewalld" in seen[0]

    knetd = knetd_factory(before=prepare)
    pod = Pod(knetd, "web", labels={"app": "web"})
    try:
        assert service(knetd)[0] == 201
        assert theirs(knetd) == seen[0]
        assert knetd.api("DELETE", "/api/v1/namespaces/default/services/web")[0] == 200
        pod.cni("DEL")
        knetd.stop(signal.SIGKILL)
        knetd.start()
        assert ours(knetd) and theirs(knetd) == seen[0]
        knetd.stop()
        # -x: everything of ours is taken away at the end
        knetd.start("-x")
        knetd.stop()
        assert not ours(knetd) and theirs(knetd) == seen[0]
    finally:
        pod.remove()


def test_theirs_are_not_even_listed(knetd_factory, tmp_path):
    """A list of everything costs what others have: every question names one of our tables."""
    knetd = knetd_factory(before=firewalld)
    knetd.stop()
    knetd.start("-x")
    log = tmp_path / "strace"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=sendmsg,sendto", "-s", "4096", "-xx", "-o", str(log),
                               "-p", str(knetd.process.pid)], stderr=subprocess.PIPE, text=True)
    pod = None
    try:
        eventually(lambda: tracer_is_on(knetd.process.pid))
        pod = Pod(knetd, "web", labels={"app": "web"})
        assert service(knetd)[0] == 201
        knetd.exec("nft", "flush", "ruleset")
        eventually(lambda: len(ours(knetd)) >= 2)
        pod.cni("DEL")
        knetd.stop()
    finally:
        tracer.wait(timeout=20)
        if pod:
            pod.remove()
    sent = list(nftables_messages(log.read_text()))
    assert NEWTABLE in [kind for kind, _ in sent]
    asked = [payload for kind, payload in sent if kind in LISTS]
    assert asked and all(b"knetd" in payload for payload in asked)


def tracer_is_on(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return "TracerPid:\t0" not in f.read()


# <linux/netfilter/nf_tables.h>: NEWTABLE, and what lists tables, chains, rules, sets, elements, objects, flowtables
NEWTABLE, LISTS = 0, (1, 4, 7, 10, 13, 19, 21, 23)
NFTABLES = 10 << 8


def nftables_messages(text):
    """Type and payload of each, as strace writes netlink messages with -xx."""
    for kind, payload in re.findall(r'nlmsg_type=(0xa[0-9a-f]{2}) [^}]*}(?:, "([^"]*)")?', text):
        yield int(kind, 16) - NFTABLES, bytes.fromhex(payload.replace("\\x", ""))


def test_order_means_nothing_for_a_drop(beside):
    """An accept of ours never overrides another table's drop, and the other way round."""
    knetd, _, web, client = beside()
    assert client.curl(f"http://{web.ip4}:8080/") == "web /\n"
    for priority in ("-400", "400"):
        feed(knetd, "table inet wall { chain f { type filter hook forward priority %s; tcp dport 8080 drop; }; }" % priority,
             "nft", "-f", "-")
        assert client.curl(f"http://{web.ip4}:8080/", "-m", "1") is None
        assert client.curl(f"http://[{web.ip6}]:8080/", "-m", "1") is None
        knetd.exec("nft", "delete", "table", "inet", "wall", check=True)
        assert client.curl(f"http://{web.ip4}:8080/") == "web /\n"


@pytest.mark.parametrize("suffix", ["nft"] + (["legacy"] if LEGACY else []))
def test_docker_lets_pods_through_by_the_documented_lines(beside, suffix):
    knetd, outside, web, client = beside(lambda daemon: docker(daemon, suffix))
    assert service(knetd)[0] == 201
    assert client.curl(f"http://{web.ip4}:8080/", "-m", "1") is None, "Docker's policy is drop"
    assert seen_as(client, outside.ip4) is None
    for family in ("iptables", "ip6tables"):
        for way in ("-i", "-o"):
            knetd.exec(f"{family}-{suffix}", "-I", "DOCKER-USER", way, "knet+", "-j", "ACCEPT", check=True)
    eventually(lambda: client.curl("http://10.96.5.5/") == "web /\n")
    assert client.curl(f"http://[{web.ip6}]:8080/") == "web /\n"
    assert (seen_as(client, outside.ip4), seen_as(client, outside.ip6)) == (outside.node4, outside.node6)


def test_firewalld_lets_pods_through_as_a_trusted_source(beside):
    knetd, outside, web, client = beside(firewalld)
    assert service(knetd)[0] == 201
    assert client.curl(f"http://{web.ip4}:8080/", "-m", "1") is None
    assert seen_as(client, outside.ip6) is None
    feed(knetd, TRUSTED, "nft", "-f", "-")
    eventually(lambda: client.curl("http://10.96.5.5/") == "web /\n")
    assert client.curl(f"http://[{web.ip6}]:8080/") == "web /\n"
    assert (seen_as(client, outside.ip4), seen_as(client, outside.ip6)) == (outside.node4, outside.node6)
    # a reload: the table is deleted and made again
    before = knetd.exec("nft", "-s", "list", "table", "inet", "knetd_podnet").stdout
    feed(knetd, "delete table inet firewalld\n" + FIREWALLD + TRUSTED, "nft", "-f", "-")
    assert knetd.exec("nft", "-s", "list", "table", "inet", "knetd_podnet").stdout == before
    assert client.curl("http://10.96.5.5/") == "web /\n"


def test_flushes_of_others(beside):
    knetd, outside, web, client = beside(docker)
    assert service(knetd)[0] == 201
    have = ours(knetd)
    for family in ("iptables", "ip6tables"):
        for argv in (["-P", "FORWARD", "ACCEPT"], ["-F"], ["-X"], ["-t", "nat", "-F"], ["-t", "nat", "-X"]):
            knetd.exec(f"{family}-nft", *argv, check=True)
    assert ours(knetd) == have, "iptables -F sees its own tables alone"
    assert client.curl("http://10.96.5.5/") == "web /\n"
    knetd.exec("nft", "flush", "ruleset", check=True)
    eventually(lambda: ours(knetd) == have)
    eventually(lambda: client.curl("http://10.96.5.5/") == "web /\n")
    assert seen_as(client, outside.ip6) == outside.node6
