"""Node ports, load-balancer addresses and external IPs: nothing behind, nothing local behind, source ranges, addresses
that are not to be short-circuited, which of the node's addresses node ports have, Services that are not ours."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import EXT, LB, PORT, World, rows  # noqa: E402

FLOWS = rows("""
#  no endpoints at all: refused, under every policy
client  all      none          REJECT
client  tcp+udp  none/node     REJECT
client  all      none/lb       REJECT
client  tcp+udp  none/ext      REJECT
node    tcp+udp  none          REJECT
node    tcp+udp  none/node     REJECT
node    tcp+udp  none/lb       REJECT
node    tcp+udp  none/ext      REJECT
out     tcp+udp  none          REJECT
out     all      none/node     REJECT
out     all      none/lb       REJECT
out     tcp+udp  none/ext      REJECT
client  tcp+udp  enone/lb      REJECT
node    tcp+udp  enone/lb      REJECT
out     tcp+udp  enone/lb      REJECT
out     tcp+udp  enone/node    REJECT
client  tcp+udp  inone         REJECT
node    tcp+udp  inone         REJECT

#  externalTrafficPolicy Local and endpoints elsewhere alone: silence outside, a short circuit inside
client  all      efar          far   client
client  tcp+udp  efar/node     far   client
client  tcp+udp  efar/lb       far   client
client  tcp+udp  efar/ext      far   client
node    tcp+udp  efar          far   node
node    tcp+udp  efar/node     far   node
node    tcp+udp  efar/lb       far   node
out     all      efar          far   node
out     all      efar/node     DROP
out     all      efar/lb       DROP
out     tcp+udp  efar/ext      DROP

#  internalTrafficPolicy Local and endpoints elsewhere alone: silence at the ClusterIP
client  all      ifar          DROP
node    tcp+udp  ifar          DROP
out     tcp+udp  ifar          DROP
client  tcp      ifar/lb       far   node
client  tcp      ifar/node     far   node
node    tcp      ifar/node     far   node
out     tcp      ifar/lb       far   node
out     tcp      ifar/node     far   node

#  source ranges, and what passes by them
client  tcp      ranges        one   client
client  all      ranges/lb     DROP
client  tcp+udp  ranges/lb2    DROP
client  tcp      ranges/node   one   node
node    tcp+udp  ranges/lb     one   node
node    tcp      ranges/lb2    one   node
out     all      ranges/lb     one   node
out     tcp+udp  ranges/lb2    one   node
out     tcp      ranges/node   one   node
out@2   all      ranges/lb     DROP
out@2   tcp+udp  ranges/lb2    DROP
out@2   tcp+udp  ranges/node   one   node
out@2   tcp      ranges        one   node
out     tcp      eranges/lb    one   out
out@2   tcp      eranges/lb    DROP
out@2   tcp      eranges/node  one   out@2
#  the load balancer's own address as the source: allowed where the node is
node@own/lb     tcp+udp  own/lb     one   node
node@closed/lb  tcp+udp  closed/lb  DROP
out             tcp      closed/lb  one   node

#  ipMode Proxy: nothing of ours happens, the packet goes where routes say
client  tcp      proxy         one    client
client  tcp      proxy/node    one    node
client  tcp      proxy/lb      world  node
node    tcp      proxy/lb      world  node
out     tcp      proxy/lb      world  out

#  endpoints in the node's own namespace
client  tcp+udp  host/node     host   client
client  tcp+udp  host/lb       host   client
out     tcp+udp  host/node     host   out
out     tcp+udp  host/lb       host   out
node    tcp+udp  host/lb       host   node

#  a Service of another proxy: its ClusterIP is nobody's, its node port not open, its address goes by
client  tcp+udp  other         DROP
node    tcp      other         DROP
out     tcp      other/node    REJECT
out     tcp      other/lb      world  out
client  tcp+udp  headless      DROP
out     udp      headless/node REJECT

#  one node port, three protocols; another target port; hairpin by every front
out     all      same:53/node  one    node
client  tcp+udp  clash:30053   one    client   #  a port that is somebody else's node port
client  tcp+udp  eclash:30053/lb one  client
client  all      same:53/lb    one    node
one     tcp+udp  same:53/node  one    node
one     tcp+udp  same:53/lb    one    node
one     tcp+udp  eone/lb       one    node
one     tcp+udp  eone/node     one    node
""")
HOST = ["192.0.2.2/32", " 192.0.3.0/24", "2001:db8:2::2/128 ", " 2001:db8:3::/64 "]
WITH_NODE = ["192.0.3.0/24", "2001:db8:3::/64"]


@pytest.fixture(scope="module")
def world():
    with World("[service]\nexternal_ips = yes\n") as made:
        for family in (4, 6):
            made.agents["node"].tell(serve=[[p, made.ip("node", family), PORT, "host"] for p in ("tcp", "udp", "sctp")])
            for n in (8, 9):  # a load balancer's address that is the node's too
                subprocess.run(["ip", "-n", made.knetd.netns, "addr", "add", LB[family] % n, "dev", "lo"], check=True)
            for n in (20, 21):
                subprocess.run(["ip", "-n", made.far.netns, "addr", "add", LB[family] % n, "dev", "lo"], check=True)
        made.learn()
        made.agents["far"].tell(serve=[[p, "::", 80, "world"] for p in ("tcp", "udp")])
        local = {"externalTrafficPolicy": "Local"}
        made.service("none", [], lb=[1], ext=[1])
        made.service("enone", [], lb=[2], **local)
        made.service("inone", [], internalTrafficPolicy="Local")
        made.service("efar", ["far"], lb=[3], ext=[3], **local)
        made.service("ifar", ["far"], lb=[4], internalTrafficPolicy="Local")
        made.service("ranges", ["one"], lb=[5, 6], loadBalancerSourceRanges=HOST)
        made.service("eranges", ["one"], lb=[7], loadBalancerSourceRanges=HOST, **local)
        made.service("own", ["one"], lb=[8], loadBalancerSourceRanges=WITH_NODE)
        made.service("closed", ["one"], lb=[9], loadBalancerSourceRanges=HOST[::2])
        made.service("proxy", ["one"], lb=[20], ip_mode="Proxy")
        made.service("host", ["host"], lb=[10], **local)
        made.service("other", ["one"], lb=[21], labels={"service.kubernetes.io/service-proxy-name": "another"})
        made.service("headless", ["one"], labels={"service.kubernetes.io/headless": ""}, type="NodePort")
        made.service("eone", ["one"], lb=[11], **local)
        made.service("same", ["one"], lb=[12], ports=[
            {"name": p.lower(), "protocol": p, "port": 53, "targetPort": PORT + 1, "nodePort": 30053} for p in ("TCP", "UDP", "SCTP")])
        clash = [{"name": p.lower(), "protocol": p, "port": 30053, "targetPort": PORT} for p in ("TCP", "UDP")]
        made.service("clash", ["one"], ports=clash)
        made.service("eclash", ["one"], ports=clash, lb=[13], **local)
        yield made


@pytest.fixture(scope="module")
def found(world):
    return world.ask(FLOWS)


@pytest.mark.parametrize("row", FLOWS, ids=str)
def test_flow(row, found):
    row.judge(found[row])


def test_first_packets_arrive(world, found):
    world.judge_losses()


# ---- which addresses have node ports --------------------------------------------------------------------

ADDRESSES = {
    "all": """
        out     tcp+udp  np/node   one  node
        out     tcp+udp  np/node9  one  node
        client  tcp      np/node9  one  node
        node    tcp      np/node9  one  node
        node    tcp+udp  np/local  REJECT""",
    "primary": """
        out     tcp+udp  np/main   one  node
        client  tcp      np/main   one  node
        node    tcp      np/main   one  node
        out     tcp      np/node   REJECT
        out     tcp+udp  np/node9  REJECT
        client  tcp      np/node9  REJECT
        node    tcp      np/node9  REJECT""",
    "192.0.2.8/29, 2001:db8:2::8/125": """
        out     tcp+udp  np/node9  one  node
        client  tcp      np/node9  one  node
        node    tcp      np/node9  one  node
        out     tcp+udp  np/node   REJECT
        client  tcp      np/node   REJECT
        node    tcp      np/node   REJECT""",
}


@pytest.mark.parametrize("addresses", ADDRESSES)
def test_addresses_of_node_ports(addresses):
    with World(f"[service]\nnode_port_addresses = {addresses}\n") as world:
        world.service("np", ["one"], type="NodePort")
        world.expect(ADDRESSES[addresses])
        world.expect("client tcp np one client")


def test_node_ports_at_localhost_when_asked_for():
    with World("[service]\nnode_port_localhost = yes\n") as world:
        world.service("np", ["one"], type="NodePort")
        world.service("cluster", ["one"])
        world.expect("""
            node  tcp+udp  np/local  one  node
            out   tcp      np/node   one  node""")


def test_external_ips_are_off_unless_asked_for():
    with World() as world:
        for family in (4, 6):
            subprocess.run(["ip", "-n", world.far.netns, "addr", "add", EXT[family] % 1, "dev", "lo"], check=True)
        world.agents["far"].tell(serve=[["tcp", "::", 80, "world"]])
        world.service("web", ["one"], ext=[1])
        world.expect("""
            client  tcp  web      one    client
            client  tcp  web/ext  world  node
            node    tcp  web/ext  world  node
            out     tcp  web/ext  world  out""")
