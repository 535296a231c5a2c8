"""ClusterIPs: pods, the node and outside clients; hairpin, three protocols on one port, several ports, nothing behind."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import PORT, World, rows  # noqa: E402

FLOWS = rows("""
client  all   web        one,far  client
one     all   single     one      node      #  hairpin
one     all   web        one,far  one=node,far=one
node    all   web        one,far  node
out     all   web        one,far  node
far     tcp   web        one,far  node
client  all   many:53    one,far  client
client  tcp   many:443   one,far  client    #  another target port
client  tcp   many:80    one,far  client
node    tcp   many:443   one,far  node
out     tcp   many:443   one,far  node
client  udp   many:80    REJECT             #  TCP alone
client  sctp  many:80    REJECT
client  tcp   single:443 REJECT             #  a port of another Service
node    tcp   single:443 REJECT
out     tcp   single:443 REJECT
out     udp   single:443 REJECT
client  all   empty      REJECT
node    all   empty      REJECT
out     all   empty      REJECT
client  all   host       host     client    #  a pod to an endpoint in the node's namespace
out     tcp   host       host     out
""") + rows("""
client  all   10.96.200.200  DROP
node    tcp   10.96.200.200  DROP
out     all   10.96.200.200  DROP
""", families=[4]) + rows("""
client  all   fd00:10:96::c8c8  DROP
node    tcp   fd00:10:96::c8c8  DROP
out     all   fd00:10:96::c8c8  DROP
""", families=[6])


@pytest.fixture(scope="module")
def world():
    with World() as made:
        for family in (4, 6):
            made.agents["node"].tell(serve=[[p, made.ip("node", family), PORT, "host"] for p in ("tcp", "udp", "sctp")])
        made.service("web", ["one", "far"])
        made.service("single", ["one"])
        made.service("empty", [])
        made.service("host", ["host"])
        made.service("many", ["one", "far"], ports=[
            {"name": "http", "protocol": "TCP", "port": 80, "targetPort": PORT},
            {"name": "https", "protocol": "TCP", "port": 443, "targetPort": PORT + 1},
            {"name": "dns-udp", "protocol": "UDP", "port": 53, "targetPort": PORT},
            {"name": "dns-tcp", "protocol": "TCP", "port": 53, "targetPort": PORT + 1},
            {"name": "dns-sctp", "protocol": "SCTP", "port": 53, "targetPort": PORT}])
        yield made


@pytest.fixture(scope="module")
def found(world):
    return world.ask(FLOWS)


@pytest.mark.parametrize("row", FLOWS, ids=str)
def test_flow(row, found):
    row.judge(found[row])


def test_first_packets_arrive(world, found):
    world.judge_losses()
