"""A node that runs out of addresses, or whose knetd is away: what a kubelet is told, and when it ends."""

import grpc
import pytest
from kit import VERSIONS
from leftovers import Leftovers
from node import CriPod, Node
from pods import eventually


@pytest.fixture(scope="module", params=VERSIONS)
def small(request):
    """Room for few pods."""
    made = Node(request.param, pod_cidr="10.244.0.0/29")
    try:
        yield made
    finally:
        made.close()


def ready(node):
    return node.runtime.conditions()["NetworkReady"]


def fill(node):
    """Pods until one is refused; the refusal."""
    pods = []
    try:
        while True:
            pods.append(CriPod(node.runtime, f"p{len(pods)}"))
            assert len(pods) < 10
    except grpc.RpcError as refusal:
        return pods, refusal


def test_addresses_run_out(small):
    state = Leftovers(small)
    pods, refusal = fill(small)
    assert len(pods) >= 4 and "no IPv4 address" in refusal.details(), refusal.details()
    if small.runtime.version == "2":  # the others never ask
        status, _, message = eventually(lambda: None if ready(small)[0] else ready(small))
        assert not status and "no IPv4 address is left" in message
    pods.pop().remove()
    eventually(lambda: ready(small)[0])
    pods.append(CriPod(small.runtime, f"p{len(pods)}"))  # the name that was refused, and is free
    for pod in pods:
        pod.remove()
    state.gone()


def test_knetd_is_away(small):
    small.knetd.stop()
    if small.runtime.version == "2":
        status, reason, message = eventually(lambda: None if ready(small)[0] else ready(small))
        assert (status, reason) == (False, "NetworkPluginNotReady") and "is the daemon running" in message
    small.knetd.start()
    eventually(lambda: ready(small)[0])
    CriPod(small.runtime, "then").remove()
