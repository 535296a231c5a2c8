"""Which endpoints take new connections: readiness and termination under each policy, hints, several slices, changes of a
living Service; dual stack and each family alone."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import SERVICES, SLICES, World  # noqa: E402

MERGE = "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def world():
    with World("[service]\nexternal_ips = yes\n") as made:
        made.service("cluster", lb=[1])
        made.service("elocal", lb=[2], externalTrafficPolicy="Local")
        made.service("ilocal", lb=[3], internalTrafficPolicy="Local")
        yield made


# Endpoints, and who answers a pod and the outside under: Cluster, external Local, internal Local (its ClusterIP).
CASES = {
    "ready ones": (["one", "two", "far"], "one,two,far", "one,two,far", "one,two", "one,two"),
    "ready ones go before terminating ones": (
        ["one", "two terminating", "far"], "one,far", "one,far", "one", "one"),
    "terminating ones where nothing local is ready": (
        ["one terminating", "two gone", "far"], "far", "far", "one", "one"),
    "all terminating": (["one terminating", "two terminating", "far terminating"],
                        "one,two,far", "one,two,far", "one,two", "one,two"),
    "not ready is never used": (["one unready", "far"], "far", "far", "DROP", "DROP"),
    "terminating elsewhere": (["far terminating"], "far", "far", "DROP", "DROP"),
    "elsewhere alone": (["far"], "far", "far", "DROP", "DROP"),
    "none usable": (["one gone", "far gone"], "REJECT", "REJECT", "REJECT", "REJECT"),
    "none ready": (["one unready", "far unready"], "REJECT", "REJECT", "REJECT", "REJECT"),
    "none at all": ([], "REJECT", "REJECT", "REJECT", "REJECT"),
}


@pytest.mark.parametrize("case", CASES)
def test_conditions(world, case):
    endpoints, pod, inside, outside, internal = CASES[case]

    def line(asker, target, answer, seen):
        return f"{asker}  tcp+udp  {target}  {answer}  {'' if answer in ('REJECT', 'DROP') else seen}"

    for name in ("cluster", "elocal", "ilocal"):
        world.endpoints(name, *endpoints)
    world.expect("\n".join([
        line("client", "cluster", pod, "client"), line("client", "cluster/lb", pod, "node"),
        line("out", "cluster/lb", pod, "node"), line("out", "cluster/node", pod, "node"),
        line("client", "elocal", pod, "client"), line("client", "elocal/lb", inside, "client"),
        line("node", "elocal/node", inside, "node"),
        line("out", "elocal/lb", outside, "out"), line("out", "elocal/node", outside, "out"),
        line("client", "ilocal", internal, "client"), line("node", "ilocal", internal, "node"),
        line("client", "ilocal/lb", pod, "node"), line("out", "ilocal/node", pod, "node")]))
    for name in ("cluster", "elocal", "ilocal"):
        world.endpoints(name)
    world.expect("client tcp cluster REJECT\nout tcp elocal/lb REJECT\nclient tcp ilocal REJECT")


def test_no_node_name_is_elsewhere(world):
    """kube-proxy's: an endpoint without a nodeName is local to nobody."""
    for family in (4, 6):
        endpoint = world.endpoint("one", family)
        del endpoint["nodeName"]
        world.api("POST", SLICES, {"metadata": {"name": f"elocal-{family}", "labels": {"kubernetes.io/service-name": "elocal"}},
                                   "addressType": f"IPv{family}", "ports": world._slice_ports("elocal"), "endpoints": [endpoint]})
    world.expect("client tcp elocal one client\nout tcp elocal/lb DROP")
    world.endpoints("elocal")


def test_several_slices(world):
    world.endpoints("cluster", "one")
    made = []
    for family in (4, 6):
        made.append(world.api("POST", SLICES, {
            "metadata": {"name": f"more-{family}", "labels": {"kubernetes.io/service-name": "cluster"}},
            "addressType": f"IPv{family}", "ports": world._slice_ports("cluster"),
            "endpoints": [world.endpoint("two", family), world.endpoint("one", family)]}))
    world.expect("client all cluster one,two client")
    world.endpoints("cluster")
    world.expect("client tcp+udp cluster one,two client")
    for one in made:
        world.api("DELETE", f"{SLICES}/{one['metadata']['name']}")
    world.expect("client tcp+udp cluster REJECT")


def hinted(world, endpoints, zone=None):
    """Writes the slices of `cluster` with hints: name -> hints."""
    world.api("PATCH", "/api/v1/nodes/node", {"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}, ctype=MERGE)
    world.endpoints("cluster")
    for family in (4, 6):
        made = [{**world.endpoint(name, family), "hints": hints} for name, hints in endpoints.items()]
        world.api("POST", SLICES, {"metadata": {"name": f"cluster-{family}", "labels": {"kubernetes.io/service-name": "cluster"}},
                                   "addressType": f"IPv{family}", "ports": world._slice_ports("cluster"), "endpoints": made})


def test_hints(world):
    here, there = {"forNodes": [{"name": "node"}]}, {"forNodes": [{"name": "elsewhere"}]}
    east, west = {"forZones": [{"name": "east"}]}, {"forZones": [{"name": "west"}]}
    hinted(world, {"one": east, "two": west, "far": west}, "east")
    world.expect("client tcp+udp cluster one client\nnode tcp cluster one node\nout tcp cluster/lb one node")
    hinted(world, {"one": east, "two": west, "far": {**west, **here}}, "west")
    world.expect("client tcp+udp cluster two,far client")
    hinted(world, {"one": {**east, **here}, "two": {**east, **there}, "far": {**east, **there}}, "east")
    world.expect("client tcp+udp cluster one client")
    hinted(world, {"one": east, "two": {}, "far": east}, "east")
    world.expect("client tcp+udp cluster one,two,far client")
    hinted(world, {"one": east, "two": east}, "north")
    world.expect("client tcp+udp cluster one,two client")
    hinted(world, {"one": east, "two": west})
    world.expect("client tcp cluster one,two client")
    world.endpoints("cluster")


def test_unready_pods_that_are_published(world):
    world.api("PATCH", f"{PODS}/one", {"metadata": {"labels": {"app": "early"}}}, ctype=MERGE)
    world.service("early", selector={"app": "early"})
    world.service("eager", selector={"app": "early"}, publishNotReadyAddresses=True)
    world.expect("client tcp early one client\nclient tcp eager one client")
    for status, answer in (("False", "REJECT"), ("True", "one client")):
        world.api("PATCH", f"{PODS}/one/status", {"status": {"conditions": [{"type": "Ready", "status": status}]}}, ctype=MERGE)
        world.expect(f"client tcp+udp early {answer}\nclient tcp+udp eager one client")
    world.delete("early")
    world.delete("eager")


# ---- a Service that changes -----------------------------------------------------------------------------

def patch(world, name, **spec):
    world.services[name] = world.api("PATCH", f"{SERVICES}/{name}", {"spec": spec}, ctype=MERGE)


def test_a_service_changes(world):
    ports = [{"name": "a", "port": 80, "protocol": "TCP", "targetPort": 8080}]
    world.service("change", ["one", "far"], ports=ports)
    world.expect("client tcp change one,far client")
    patch(world, "change", type="NodePort")
    world.expect("client tcp change/node one,far node\nout tcp change/node one,far node\nclient tcp change one,far client")
    patch(world, "change", externalTrafficPolicy="Local")
    world.expect("client tcp change/node one,far client\nout tcp change/node one out")
    patch(world, "change", internalTrafficPolicy="Local")
    world.expect("client tcp change one client\nclient tcp change/node one,far client")
    patch(world, "change", externalTrafficPolicy="Cluster", internalTrafficPolicy="Cluster")
    world.expect("client tcp change one,far client\nout tcp change/node one,far node")
    old = [p["nodePort"] for p in world.services["change"]["spec"]["ports"]][0]
    patch(world, "change", ports=[{**ports[0], "nodePort": 31999}])
    world.expect("out tcp change/node one,far node\n" + f"out tcp 192.0.2.1#{old} REJECT")
    patch(world, "change", type="ClusterIP", ports=ports)
    world.expect("out tcp 192.0.2.1#31999 REJECT\nclient tcp change one,far client")
    ips = world.services["change"]["spec"]["clusterIPs"]
    patch(world, "change", ports=[{**ports[0], "port": 8000}])
    world.expect(f"client tcp change:8000 one,far client\nclient tcp {ips[0]}#80 REJECT")
    world.delete("change")
    world.expect(f"client tcp {ips[0]}#8000 DROP")


def test_load_balancer_addresses_come_and_go(world):
    world.service("balanced", ["one"], lb=[11])
    world.expect("out tcp balanced/lb one node")
    made = world.api("GET", f"{SERVICES}/balanced")
    before = [i["ip"] for i in made["status"]["loadBalancer"]["ingress"]]
    made["status"]["loadBalancer"]["ingress"] = [{"ip": ip} for ip in ("198.51.100.12", "2001:db8:51::12", *before)]
    world.services["balanced"] = world.api("PUT", f"{SERVICES}/balanced/status", made)
    world.expect("out tcp balanced/lb one node\nout tcp balanced/lb2 one node\nclient udp balanced/lb2 one node")
    made = world.api("GET", f"{SERVICES}/balanced")
    made["status"]["loadBalancer"]["ingress"] = []
    world.services["balanced"] = world.api("PUT", f"{SERVICES}/balanced/status", made)
    world.expect("out tcp balanced/node one node\nclient tcp balanced one client")
    found = world.agents["out"].tell(ask=[["tcp", None, ip, 80, 1, False] for ip in before], patience=2, silence=0.1)
    assert "one" not in str(found)
    world.delete("balanced")


def ruleset(world):
    return world.knetd.exec("nft", "-s", "list", "table", "inet", "knetd", check=True).stdout


def test_what_has_no_address_makes_nothing(world):
    before = ruleset(world)
    world.service("headless", ["one"], clusterIP="None")
    world.api("POST", SERVICES, {"metadata": {"name": "alias"}, "spec": {
        "type": "ExternalName", "externalName": "example.com", "ports": [{"port": 80}], "externalIPs": ["203.0.113.7"]}})
    assert ruleset(world) == before
    world.delete("headless")
    world.api("DELETE", f"{SERVICES}/alias")


def test_a_single_family_of_two(world):
    world.service("four", ["one"], ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"], lb=[14])
    world.service("six", ["one"], ipFamilyPolicy="SingleStack", ipFamilies=["IPv6"], type="NodePort")
    four = world.services["four"]["spec"]["clusterIP"]
    six = world.services["six"]["spec"]["clusterIP"]
    world.expect(f"client tcp {four} one client\nclient tcp {six} one client")
    port = [p["nodePort"] for p in world.services["six"]["spec"]["ports"] if p["protocol"] == "TCP"][0]
    world.expect(f"out tcp 2001:db8:2::1#{port} one node\nout tcp 192.0.2.1#{port} REJECT")
    world.delete("four")
    world.delete("six")


@pytest.mark.parametrize("family", [4, 6])
def test_one_family_alone(family):
    with World("[service]\nexternal_ips = yes\n", families=(family,)) as world:
        world.service("web", ["one", "far"], lb=[1], ext=[1])
        world.service("elocal", ["one", "far"], lb=[2], externalTrafficPolicy="Local")
        world.service("none", [], lb=[3])
        world.expect("""
            client  all      web        one,far  client
            one     tcp      web        one,far  one=node,far=one
            node    tcp+udp  web        one,far  node
            out     tcp      web        one,far  node
            client  tcp+udp  web/lb     one,far  node
            out     tcp+udp  web/lb     one,far  node
            out     tcp+udp  web/node   one,far  node
            out     tcp      web/ext    one,far  node
            out     tcp+udp  elocal/lb  one      out
            client  tcp+udp  elocal/lb  one,far  client
            client  all      none       REJECT
            out     tcp+udp  none/lb    REJECT
            out     tcp      none/node  REJECT""")
