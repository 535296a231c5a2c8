"""A UDP client that keeps one source port follows the endpoints of its Service at once: the flow to
an endpoint that is gone is forgotten, the flows to the others are not."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

# Asks once from a port of its own: the same flow every time.
ASK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(2)
s.bind(("", int(sys.argv[2])))
s.connect((sys.argv[1], 80))
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
        yield made
    finally:
        for pod in made:
            pod.remove()


def ask(pod, ip, port):
    return pod.run(sys.executable, "-c", ASK, ip, str(port)).stdout.strip()


@pytest.mark.parametrize("family", [0, 1])
def test_a_flow_follows_the_endpoints(knetd, pods, family):
    one, two, client = pods
    name = f"stale-{family}"
    address = ("ip4", "ip6")[family]
    status, answer = knetd.api("POST", SERVICES, {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80, "protocol": "UDP"}]}})
    assert status == 201, answer
    ip = answer["spec"]["clusterIPs"][family]

    def endpoints(of, method="PUT"):
        body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                "addressType": ("IPv4", "IPv6")[family], "ports": [{"port": 8080, "protocol": "UDP"}],
                "endpoints": [{"addresses": [getattr(pod, address)]} for pod in of]}
        status, answer = knetd.api(method, SLICES + ("" if method == "POST" else f"/{name}"), body)
        assert status in (200, 201), answer

    endpoints([one], "POST")
    assert ask(client, ip, 5353) == "stale-one"
    endpoints([one, two])
    assert {ask(client, ip, 5353) for _ in range(8)} == {"stale-one"}, "its endpoint is still there"
    endpoints([two])
    assert ask(client, ip, 5353) == "stale-two"
    endpoints([])
    assert ask(client, ip, 5353) == "ConnectionRefusedError"
    endpoints([one])
    assert ask(client, ip, 5353) == "stale-one"
    assert knetd.api("DELETE", f"{SERVICES}/{name}")[0] == 200
    assert ask(client, ip, 5353) == "TimeoutError"
