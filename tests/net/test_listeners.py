"""Listening sockets that come and go with Gateways: who is there already does not notice."""

import os
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

GW = "/apis/gateway.networking.k8s.io/v1/namespaces/default"

# New connections to a port, one after the other, until standard input ends: how many, and what went wrong.
LOAD = r"""
import select, socket, sys
port, asked, wrong = int(sys.argv[1]), 0, []
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.001)[0]:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as c:
            c.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            c.shutdown(socket.SHUT_WR)
            got = c.makefile("rb").read()
            if not got.startswith(b"HTTP/1.1 200"):
                wrong.append(got[:40])
    except OSError as e:
        wrong.append(repr(e))
    asked += 1
print(asked, wrong)
"""


class Load:
    def __init__(self, node, port):
        self.argv = [*node.enter, sys.executable, "-c", LOAD, str(port)]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "begun\n"

    def __exit__(self, kind, *_):
        out, _ = self.process.communicate(timeout=60)
        asked, wrong = out.split(" ", 1)
        if kind is None:
            assert wrong.strip() == "[]"
            assert int(asked) > 0


def put(node, path, body):
    name = body["metadata"]["name"]
    status, said = node.api("POST", path, body)
    if status == 409:
        body["metadata"]["resourceVersion"] = node.api("GET", f"{path}/{name}")[1]["metadata"]["resourceVersion"]
        status, said = node.api("PUT", f"{path}/{name}", body)
    assert status in (200, 201), said


def gateway(node, *ports, protocol="TCP"):
    put(node, GW + "/gateways", {"metadata": {"name": "gw"}, "spec": {
        "gatewayClassName": "knetd",
        "listeners": [{"name": f"p{p}", "port": p, "protocol": protocol} for p in ports]}})


def open_to(node, port):
    with inside(node.netns):
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return True
        except ConnectionRefusedError:
            return False


def programmed(node, listener):
    status = node.api("GET", GW + "/gateways/gw")[1]["status"]
    found = [c for x in status["listeners"] if x["name"] == listener for c in x["conditions"] if c["type"] == "Programmed"]
    assert len(found) == 1, status
    return found[0]["status"], found[0]["reason"]


@pytest.fixture
def node(knetd_factory):
    node = knetd_factory(workers=2)
    pod = Pod(node, "a", labels={"app": "a"})
    pod.serve(8080)
    put(node, "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
        {"metadata": {"name": "knetd"}, "spec": {"controllerName": "knetd.io/gateway"}})
    put(node, "/api/v1/namespaces/default/services",
        {"metadata": {"name": "a"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 8080}]}})
    put(node, GW + "/tcproutes", {"metadata": {"name": "r"}, "spec": {
        "parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "a", "port": 8080}]}]}})
    gateway(node, 7000)
    yield node
    pod.remove()


def test_others_come_and_go(node):
    before = node.workers()
    with Load(node, 7000):
        for i in range(10):
            gateway(node, 7000, 7001 + i, 7100 + i)
            assert open_to(node, 7001 + i) and open_to(node, 7100 + i)
            gateway(node, 7000)
            eventually(lambda i=i: not open_to(node, 7001 + i))
    assert node.workers() == before


def test_many_at_once(node):
    """A Gateway has 64 at most; its node's addresses are shared by several."""
    before = node.workers()
    with Load(node, 7000):
        gateway(node, 7000, *range(7300, 7363))
        assert open_to(node, 7300) and open_to(node, 7362)
        gateway(node, 7000)
    eventually(lambda: not open_to(node, 7362))
    assert node.workers() == before


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_the_daemon_ends_and_comes_again(node, sig):
    before = node.workers()
    with Load(node, 7000):
        node.stop(sig)
        node.start()
        gateway(node, 7000, 7001)
        assert open_to(node, 7001)
    assert node.workers() == before


def test_workers_die(node):
    gateway(node, 7000, 7001)
    for name in ("ingress-0", "ingress-1"):
        pid = node.workers()[name]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda name=name, pid=pid: node.workers().get(name, pid) != pid)
        with Load(node, 7001):
            gateway(node, 7000, 7001, 7002)
            assert open_to(node, 7002)
            gateway(node, 7000, 7001)


def test_a_port_in_use_is_tried_again(node):
    with inside(node.netns):
        squatter = socket.create_server(("127.0.0.1", 7050))
    with Load(node, 7000):
        gateway(node, 7000, 7050)
        assert "port 7050 (TCP)" in node.logged()
        assert programmed(node, "p7050") == ("False", "PortUnavailable")
        squatter.close()
        with Load(node, 7000):
            eventually(lambda: open_to(node, 7050))
        assert programmed(node, "p7050") == ("True", "Programmed")
