"""A UDP client that keeps one source port follows the endpoints of its Service at once: the flow to
an endpoint that is gone is forgotten, the flows to the others are not, and nobody else's are."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from outside import Outside  # noqa: E402
from pods import Pod  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

# Asks from a port of its own: the same flow every time.
ASK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(2)
s.bind(("", int(sys.argv[3])))
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    s.send(b"who")
    print(s.recv(100).decode())
except OSError as e:
    print(type(e).__name__)
"""


@pytest.fixture(scope="module")
def pods(knetd):
    made = []
    try:
        for name in ("stale-one", "stale-two", "stale-client"):
            made.append(Pod(knetd, name))
        for pod in made[:2]:
            pod.serve(8080)
            pod.serve(8081)
        yield made
    finally:
        for pod in made:
            pod.remove()


@pytest.fixture(scope="module")
def outside(knetd):
    with Outside(knetd) as machine:
        yield machine


class Node:
    """The node itself as a client."""

    def __init__(self, knetd):
        self.run = knetd.exec


class Service:
    """One UDP Service whose endpoints are written by hand."""

    serial = 0

    def __init__(self, knetd, family=0, port=8080, **spec):
        Service.serial += 1
        self.knetd, self.family, self.port = knetd, family, port
        self.name = f"stale-{Service.serial}"
        self.written = False
        status, answer = knetd.api("POST", SERVICES, {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name},
            "spec": {"ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80, "protocol": "UDP"}], **spec}})
        assert status == 201, answer
        self.ip = answer["spec"]["clusterIPs"][family]
        self.node_port = answer["spec"]["ports"][0].get("nodePort")

    def endpoints(self, *pods, node="node", **conditions):
        body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": self.name, "labels": {"kubernetes.io/service-name": self.name}},
                "addressType": ("IPv4", "IPv6")[self.family], "ports": [{"port": self.port, "protocol": "UDP"}],
                "endpoints": [{"addresses": [(pod.ip4, pod.ip6)[self.family]], "nodeName": node,
                               "conditions": conditions.get(pod.name.replace("-", "_"), {})} for pod in pods]}
        status, answer = self.knetd.api(*(("PUT", f"{SLICES}/{self.name}") if self.written else ("POST", SLICES)), body)
        assert status in (200, 201), answer
        self.written = True

    def delete(self):
        assert self.knetd.api("DELETE", f"{SERVICES}/{self.name}")[0] == 200

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.knetd.api("DELETE", f"{SERVICES}/{self.name}")
        self.knetd.api("DELETE", f"{SLICES}/{self.name}")


def ask(client, ip, source, port=80):
    return client.run(sys.executable, "-c", ASK, ip, str(port), str(source)).stdout.strip()


def tracked(knetd, port, ip=None, answered_from=None):
    """Does the node track a UDP flow that was sent to this port?"""
    options = ["-p", "udp", "--orig-port-dst", str(port), *(["--orig-dst", ip] if ip else []),
               *(["--reply-port-src", str(answered_from)] if answered_from else [])]
    return any(knetd.exec("conntrack", "-L", "-f", family, *options, check=True).stdout.strip()
               for family in (["ipv4"] if ip else ["ipv4", "ipv6"]))


@pytest.mark.parametrize("family", [0, 1])
def test_a_flow_follows_the_endpoints(knetd, pods, family):
    one, two, client = pods
    with Service(knetd, family) as service:
        service.endpoints(one)
        assert ask(client, service.ip, 5353) == "stale-one"
        service.endpoints(one, two)
        assert {ask(client, service.ip, 5353) for _ in range(8)} == {"stale-one"}, "its endpoint is still there"
        service.endpoints(two)
        assert ask(client, service.ip, 5353) == "stale-two"
        service.endpoints()
        assert ask(client, service.ip, 5353) == "ConnectionRefusedError"
        service.endpoints(one)
        assert ask(client, service.ip, 5353) == "stale-one"
        service.delete()
        assert ask(client, service.ip, 5353) == "TimeoutError"


# What Kubernetes' own conntrack tests cycle a server's pod behind.
@pytest.mark.parametrize("family", [0, 1])
@pytest.mark.parametrize("kind", ["ClusterIP", "ClusterIP from the node", "internalTrafficPolicy Local", "NodePort",
                                  "NodePort from the node"])
def test_a_server_cycles(knetd, pods, outside, kind, family):
    one, two, client = pods
    spec, port = {}, 80
    if "NodePort" in kind:
        spec["type"] = "NodePort"
        client = outside
    if "Local" in kind:
        spec["internalTrafficPolicy"] = "Local"
    if "from the node" in kind:
        client = Node(knetd)
    with Service(knetd, family, **spec) as service:
        ip = service.ip
        if "NodePort" in kind:
            ip, port = (outside.node4, outside.node6)[family], service.node_port
        service.endpoints(one)
        assert ask(client, ip, 5400, port) == "stale-one"
        service.endpoints(two)
        assert ask(client, ip, 5400, port) == "stale-two"
        service.endpoints()
        assert ask(client, ip, 5400, port) in ("ConnectionRefusedError", "PermissionError")
        service.endpoints(one)
        assert ask(client, ip, 5400, port) == "stale-one"


def test_an_endpoint_gets_ready(knetd, pods):
    one, _, client = pods
    with Service(knetd) as service:
        service.endpoints(one, stale_one={"ready": False, "serving": False})
        assert ask(client, service.ip, 5401) == "ConnectionRefusedError"
        service.endpoints(one, stale_one={"ready": True})
        assert ask(client, service.ip, 5401) == "stale-one"


def test_the_target_port_changes(knetd, pods, outside):
    one = pods[0]
    with Service(knetd, type="NodePort") as service:
        for service.port in (8080, 8081):
            service.endpoints(one)
            assert ask(outside, outside.node4, 5402, service.node_port) == "stale-one"
            assert tracked(knetd, service.node_port, answered_from=service.port)


def test_who_terminates_keeps_its_flows(knetd, pods):
    one, two, client = pods
    leaving = {"ready": False, "serving": True, "terminating": True}
    with Service(knetd) as service:
        service.endpoints(one)
        assert ask(client, service.ip, 5403) == "stale-one"
        service.endpoints(one, two, stale_one=leaving)
        assert ask(client, service.ip, 5403) == "stale-one"
        assert {ask(client, service.ip, port) for port in range(5500, 5508)} == {"stale-two"}
        service.endpoints(two)
        assert ask(client, service.ip, 5403) == "stale-two"


@pytest.mark.parametrize("family", [0, 1])
def test_flows_from_before_the_service(knetd, pods, outside, family):
    """A node port that was nobody's, and one that stays nobody's."""
    one = pods[0]
    node = (outside.node4, outside.node6)[family]
    assert ask(outside, node, 5404, 30999) == "ConnectionRefusedError"
    assert ask(outside, node, 5404, 30998) == "ConnectionRefusedError"
    assert tracked(knetd, 30999) and tracked(knetd, 30998)
    ports = [{"port": 80, "protocol": "UDP", "nodePort": 30999}]
    with Service(knetd, family, type="NodePort", ports=ports) as service:
        service.endpoints(one)
        assert ask(outside, node, 5404, 30999) == "stale-one"
        assert tracked(knetd, 30998)


def test_others_are_left_alone(knetd, pods):
    one, two, client = pods
    with Service(knetd) as service, Service(knetd) as other:
        service.endpoints(one, two)
        other.endpoints(one, two)
        first = ask(client, other.ip, 5405)
        assert ask(client, two.ip4, 5405, 8080) == "stale-two"  # straight to the pod
        for pods_now in ((one,), (two,), ()):
            service.endpoints(*pods_now)
            assert {ask(client, other.ip, 5405) for _ in range(4)} == {first}
            assert tracked(knetd, 8080, two.ip4)


def test_what_went_while_the_daemon_was_down(knetd_factory):
    knetd = knetd_factory()
    pod = Pod(knetd, "late")
    try:
        pod.serve(8080)
        with Outside(knetd, 7) as machine, Service(knetd, type="NodePort") as service:
            service.endpoints(pod)
            node, port = machine.node4, service.node_port
            assert ask(machine, node, 5406, port) == "late"
            knetd.stop()
            knetd.exec("nft", "delete", "table", "inet", "knetd", check=True)
            knetd.exec("conntrack", "-F", check=True)
            assert ask(machine, node, 5406, port) == "ConnectionRefusedError"
            assert ask(machine, node, 5406, 9) == "ConnectionRefusedError"
            assert tracked(knetd, port) and tracked(knetd, 9)
            knetd.start()
            assert ask(machine, node, 5406, port) == "late"
            assert tracked(knetd, 9)
    finally:
        pod.remove()
