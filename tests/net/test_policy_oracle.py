"""The oracle of the policies' truth table against cases judged by hand, most of them the documentation's own."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from policy_oracle import End, allows  # noqa: E402

NAMED = {("TCP", "web"): 80, ("UDP", "talk"): 81}
SPACES = {"x": {"ns": "x", "team": "one"}, "y": {"ns": "y"}}
XA = End("10.0.0.1", "x", {"pod": "a"}, NAMED)
XB = End("10.0.0.2", "x", {"pod": "b"}, NAMED)
YA = End("10.0.0.3", "y", {"pod": "a"})
NEW = End("10.0.0.4", "x", None)  # its labels are not known yet
OUT = End("192.0.2.2")
NODE = End("192.0.2.1", node=True)
X6 = End("fd00::1", "x", {"pod": "a"})


def policy(spec, namespace="x"):
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": spec}


def one(**spec):
    return [policy({"podSelector": {}, **spec})]


A = {"matchLabels": {"pod": "a"}}
IN_A = {"podSelector": A, "ingress": []}


def expression(operator, *values, key="pod"):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def from_(*peers):
    return one(ingress=[{"from": list(peers)}])


CASES = [  # policies, from, to, protocol, port, passes
    ([], XA, XB, "TCP", 80, True),
    # who is isolated
    (one(), XA, XB, "TCP", 80, False), (one(), XA, YA, "TCP", 80, True), (one(), YA, XA, "ICMP", None, False),
    (one(), XA, XA, "TCP", 80, True), (one(), NODE, XA, "TCP", 80, True), (one(policyTypes=["Egress"]), XA, NODE, "UDP", 9, True),
    (one(policyTypes=["Egress"]), XA, YA, "TCP", 80, False), (one(policyTypes=["Egress"]), YA, XA, "TCP", 80, True),
    (one(egress=[{}]), YA, XA, "TCP", 80, False), (one(egress=[{}]), XA, YA, "TCP", 80, True),
    (one(egress=[{"ports": [{"port": 80}]}]), XA, YA, "TCP", 81, False), (one(egress=[]), XA, YA, "TCP", 81, True),
    ([policy(IN_A)], XA, XB, "TCP", 80, True), ([policy(IN_A)], XB, XA, "TCP", 80, False), ([policy(IN_A, "y")], XB, XA, "TCP", 80, True),
    # both must agree
    (one(ingress=[{}]), YA, XA, "SCTP", 81, True),
    (one(ingress=[{}]) + [policy({"podSelector": {}, "policyTypes": ["Egress"]}, "y")], YA, XA, "TCP", 80, False),
    # they add up
    (one() + one(ingress=[{}]), YA, XA, "TCP", 80, True),
    # peers
    (from_({"podSelector": {}}), XB, XA, "TCP", 80, True), (from_({"podSelector": {}}), YA, XA, "TCP", 80, False),
    (from_({"podSelector": A}), XB, XA, "TCP", 80, False), (from_({"namespaceSelector": {}}), YA, XA, "TCP", 80, True),
    (from_({"namespaceSelector": {}}), OUT, XA, "TCP", 80, False),
    (from_({"namespaceSelector": {"matchLabels": {"ns": "y"}}}), YA, XA, "TCP", 80, True),
    (from_({"namespaceSelector": {"matchLabels": {"ns": "y"}}}), XB, XA, "TCP", 80, False),
    (from_({"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": {"matchLabels": {"pod": "b"}}}), YA, XA, "TCP", 80, False),
    (from_({"namespaceSelector": {"matchLabels": {"ns": "y"}}}, {"podSelector": {"matchLabels": {"pod": "b"}}}), XB, XA, "TCP", 80, True),
    (from_({"podSelector": expression("In", "a", "b")}), XB, XA, "TCP", 80, True),
    (from_({"podSelector": expression("NotIn", "b")}), XB, XA, "TCP", 80, False),
    (from_({"podSelector": expression("NotIn", "c", key="other")}), XB, XA, "TCP", 80, True),
    (from_({"podSelector": expression("Exists")}), XB, XA, "TCP", 80, True),
    (from_({"podSelector": expression("DoesNotExist")}), XB, XA, "TCP", 80, False),
    (from_({"namespaceSelector": expression("DoesNotExist", key="team")}), YA, XA, "TCP", 80, True),
    (from_({"ipBlock": {"cidr": "192.0.2.0/24"}}), OUT, XA, "TCP", 80, True),
    (from_({"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.2/32"]}}), OUT, XA, "TCP", 80, False),
    (from_({"ipBlock": {"cidr": "10.0.0.2/32"}}), XB, XA, "TCP", 80, True), (from_({"ipBlock": {"cidr": "0.0.0.0/0"}}), X6, XA, "TCP", 80, False),
    (from_({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.2/32"]}}, {"ipBlock": {"cidr": "10.0.0.2/31"}}), XB, XA, "TCP", 80, True),
    (from_(), YA, XA, "TCP", 80, True),  # an empty list restricts nobody
    # ports
    *((one(ingress=[{"ports": [entry]}]), XB, XA, protocol, port, passes) for entry, protocol, port, passes in [
        ({}, "TCP", 80, True), ({}, "UDP", 80, False), ({}, "ICMP", None, False), ({"protocol": "UDP"}, "UDP", 9, True),
        ({"port": 80}, "TCP", 80, True), ({"port": 80}, "TCP", 81, False), ({"port": 80, "protocol": "SCTP"}, "SCTP", 80, True),
        ({"port": 79, "endPort": 80}, "TCP", 80, True), ({"port": 79, "endPort": 80}, "TCP", 81, False),
        ({"port": "web"}, "TCP", 80, True), ({"port": "web"}, "TCP", 81, False), ({"port": "talk"}, "TCP", 81, False),
        ({"port": "talk", "protocol": "UDP"}, "UDP", 81, True), ({"port": "none"}, "TCP", 80, False)]),
    (one(ingress=[{"ports": []}]), XB, XA, "ICMP", None, True),
    (one(policyTypes=["Egress"], egress=[{"ports": [{"port": "web"}]}]), XA, XB, "TCP", 80, True),
    (one(policyTypes=["Egress"], egress=[{"ports": [{"port": "web"}]}]), XA, YA, "TCP", 80, False),  # its names, not ours
    (one(ingress=[{"from": [{"podSelector": A}], "ports": [{"port": 80}]}, {"ports": [{"port": 81}]}]), XB, XA, "TCP", 80, False),
    # labels not known yet
    ([policy(IN_A)], XB, NEW, "TCP", 80, False), ([policy(IN_A)], NEW, XB, "TCP", 80, True),
    ([policy({**IN_A, "ingress": [{}]})], XB, NEW, "TCP", 80, False), (one(ingress=[{}]), XB, NEW, "TCP", 80, True),
    (from_({"podSelector": {}}), NEW, XA, "TCP", 80, True), (from_({"podSelector": expression("DoesNotExist", key="z")}), NEW, XA, "TCP", 80, False),
    ([policy(IN_A, "y")], XB, NEW, "TCP", 80, True),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_case(number):
    policies, source, to, protocol, port, passes = CASES[number]
    assert allows(policies, SPACES, source, to, protocol, port) == passes, CASES[number]
