"""A load-balancer address is for its Services and Gateways alone: the node's own services do not answer there."""

import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
LB = {4: "192.0.2.100", 6: "2001:db8:2::100"}
NODE = {4: "192.0.2.1", 6: "2001:db8:2::1"}

# On all addresses of the node, TCP and UDP, as sshd or a resolver would.
OWN = """
import socket, threading
def udp():
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", 2222))
    while True:
        data, peer = u.recvfrom(99); u.sendto(data, peer)
s = socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
threading.Thread(target=udp, daemon=True).start()
print("ready", flush=True)
while True:
    s.accept()[0].close()
"""

TRY = """
import socket, sys
ip, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
s.settimeout(1)
try:
    s.connect((ip, port))
    if kind == "udp":
        s.send(b"x"); s.recv(9)
    print("answered")
except ConnectionRefusedError:
    print("refused")
except OSError as e:
    print(e)
"""


@pytest.fixture(scope="module")
def stage():
    ini = "[lb]\npools = 192.0.2.100-192.0.2.110, 2001:db8:2::100-2001:db8:2::110\nannounce = up2\n"
    with Knetd(ini) as knetd, Outside(knetd) as outside:
        own = subprocess.Popen([*knetd.enter, sys.executable, "-c", OWN], stdout=subprocess.PIPE, text=True)
        pod = Pod(knetd, "web", labels={"app": "web"})
        pod.serve(8080)
        try:
            assert own.stdout.readline() == "ready\n"
            status, answer = knetd.api("POST", SERVICES, {
                "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
                                                      "ipFamilyPolicy": "RequireDualStack",
                                                      "ports": [{"port": 80, "targetPort": 8080}]}})
            assert status == 201, answer
            eventually(lambda: all(h["state"] == "announced" for h in knetd.api("GET", "/knetd/v1/lb")[1]["held"]))
            yield knetd, outside, pod
        finally:
            own.kill()
            own.wait()
            pod.remove()


def tried(machine, ip, port, kind="tcp"):
    return machine.run(sys.executable, "-c", TRY, ip, str(port), kind).stdout.strip()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("source", ["outside", "pod"])
def test_the_nodes_services_do_not_answer(stage, family, kind, source):
    _, outside, pod = stage
    machine = outside if source == "outside" else pod
    if (source, kind) != ("pod", "udp"):  # a wildcard socket answers a pod from another address
        assert tried(machine, NODE[family], 2222, kind) == "answered"
    eventually(lambda: tried(machine, LB[family], 2222, kind) == "refused")  # the kernel sends few ICMP errors a second
    assert tried(machine, LB[family], 80) == "answered"


@pytest.mark.parametrize("family", [4, 6])
def test_ping(stage, family):
    assert stage[1].run("ping", f"-{family}", "-c", "1", "-W", "3", LB[family]).returncode == 0


@pytest.mark.parametrize("damage", ["delete table inet knetd_lb", "flush set inet knetd_lb held4",
                                    "flush chain inet knetd_lb input", "flush ruleset"])
def test_mended(stage, damage):
    knetd, outside, _ = stage
    knetd.exec("nft", *damage.split(), check=True)
    eventually(lambda: tried(outside, LB[4], 2222) == "refused")
    eventually(lambda: tried(outside, LB[4], 80) == "answered")


# ---- Gateways: the ports of their listeners, and no others

GATEWAY_API = "/apis/gateway.networking.k8s.io/v1"
OURS = f"{GATEWAY_API}/namespaces/default/gateways"
SETS = f"{GATEWAY_API}/namespaces/default/listenersets"


def gateway(knetd, *ports):
    """Gateway gw with those listeners, whether it is there or not; its addresses by family."""
    listeners = [{"name": f"l{port}", "port": port, "protocol": "HTTP"} for port in ports]
    spec = {"gatewayClassName": "knetd", "listeners": listeners, "allowedListeners": {"namespaces": {"from": "All"}}}
    if knetd.api("GET", OURS + "/gw")[0] == 404:
        answer = knetd.api("POST", OURS, {"metadata": {"name": "gw"}, "spec": spec})
    else:
        answer = knetd.api("PATCH", OURS + "/gw", {"spec": spec}, "application/merge-patch+json")
    assert answer[0] in (200, 201), answer
    return {6 if ":" in a["value"] else 4: a["value"] for a in knetd.api("GET", OURS + "/gw")[1]["status"]["addresses"]}


def doors(knetd):
    listed = json.loads(knetd.exec("nft", "-j", "list", "table", "inet", "knetd_lb").stdout)["nftables"]
    return sorted(tuple(e["concat"]) for s in listed if s.get("set", {}).get("name") in ("doors4", "doors6") for e in s["set"].get("elem", []))


def test_a_gateways_ports_alone(stage):
    knetd, outside, pod = stage
    at = gateway(knetd, 80)
    try:
        eventually(lambda: all(h["state"] == "announced" for h in knetd.api("GET", "/knetd/v1/lb")[1]["held"]))
        assert set(at) == {4, 6}
        assert doors(knetd) == sorted((ip, "tcp", 80) for ip in at.values())
        for ip in at.values():
            for machine in (outside, pod):
                assert tried(machine, ip, 80) == "answered"
                assert tried(machine, ip, 2222) == "refused"
            eventually(lambda ip=ip: tried(outside, ip, 2222, "udp") == "refused")
        gateway(knetd, 81)
        assert [(tried(outside, at[4], port)) for port in (80, 81, 2222)] == ["refused", "answered", "refused"]
        assert doors(knetd) == sorted((ip, "tcp", 81) for ip in at.values())
        # what it asks for and does not get is the other's: the port is not opened for that one
        gateway(knetd, 81, 2222)
        assert tried(outside, at[4], 2222) == "refused"
        assert doors(knetd) == sorted((ip, "tcp", 81) for ip in at.values())
        knetd.exec("nft", "flush", "ruleset", check=True)
        eventually(lambda: tried(outside, at[4], 2222) == "refused" and tried(outside, at[4], 81) == "answered")
    finally:
        knetd.api("DELETE", OURS + "/gw")
    assert doors(knetd) == []


def test_ports_of_listener_sets(stage):
    knetd, outside, _ = stage
    at = gateway(knetd, 80)
    try:
        eventually(lambda: all(h["state"] == "announced" for h in knetd.api("GET", "/knetd/v1/lb")[1]["held"]))
        assert knetd.api("POST", SETS, {"metadata": {"name": "more"}, "spec": {
            "parentRef": {"name": "gw"}, "listeners": [{"name": "more", "port": 8090, "protocol": "HTTP"}]}})[0] == 201
        assert tried(outside, at[4], 8090) == "answered"
        assert knetd.api("PATCH", OURS + "/gw", {"spec": {"allowedListeners": {"namespaces": {"from": "None"}}}},
                         "application/merge-patch+json")[0] == 200
        assert doors(knetd) == sorted((ip, "tcp", 80) for ip in at.values())
        gateway(knetd, 80)
        assert ("tcp", 8090) in {d[1:] for d in doors(knetd)}
        assert knetd.api("DELETE", SETS + "/more")[0] == 200
        assert doors(knetd) == sorted((ip, "tcp", 80) for ip in at.values())
    finally:
        knetd.api("DELETE", SETS + "/more")
        knetd.api("DELETE", OURS + "/gw")


def test_gone_with_the_last_address():
    with Knetd("[lb]\npools = 192.0.2.100\nannounce = none\n") as knetd:
        def tables():
            return knetd.exec("nft", "list", "tables").stdout
        made = {"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ipFamilies": ["IPv4"], "ports": [{"port": 80}]}}
        assert knetd.api("POST", SERVICES, made)[0] == 201
        assert "table inet knetd_lb" in tables()
        assert knetd.api("DELETE", SERVICES + "/web")[0] == 200
        eventually(lambda: "knetd_lb" not in tables())
