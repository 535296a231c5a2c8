"""What the objects of Gateway API say of themselves, through the API: conditions, addresses, counts. Everything is said
when the call that caused it returns, so nothing here waits but for what the kernel has to give."""

import contextlib
import http.client
import os
import signal
import socket
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from pods import eventually  # noqa: E402

API = "/apis/gateway.networking.k8s.io/v1"
GATEWAYS, SETS, ROUTES = (f"{API}/namespaces/%s/{kind}" for kind in ("gateways", "listenersets", "httproutes"))
POOL = "[lb]\npools = 198.51.100.8-198.51.100.9\nannounce = none\n"


def ok(answer):
    assert answer[0] in (200, 201), answer
    return answer[1]


def put(knetd, path, name, spec, **meta):
    """Made, or its spec replaced."""
    body = {"metadata": {"name": name, **meta}, "spec": spec}
    if knetd.api("GET", f"{path}/{name}")[0] == 404:
        return ok(knetd.api("POST", path, body))
    return ok(knetd.api("PATCH", f"{path}/{name}", [{"op": "replace", "path": "/spec", "value": spec}],
                        "application/json-patch+json"))


def get(knetd, path, name):
    return ok(knetd.api("GET", f"{path}/{name}"))


def conditions(obj, where=None):
    """{type: "True Reason"} of the object's status or a part of it; each is of its latest generation."""
    found = (where or obj["status"])["conditions"]
    for c in found:
        assert c["observedGeneration"] == obj["metadata"]["generation"], c
        assert c["lastTransitionTime"]
    return {c["type"]: f"{c['status']} {c['reason']}" for c in found}


def listener(obj, name):
    return next(x for x in obj["status"]["listeners"] if x["name"] == name)


def web(name="http", port=80, **more):
    return {"name": name, "port": port, "protocol": "HTTP", **more}


def gateway(knetd, name, *listeners, ns="default", **more):
    put(knetd, GATEWAYS % ns, name, {"gatewayClassName": "knetd", "listeners": list(listeners), **more})
    return get(knetd, GATEWAYS % ns, name)


def route(knetd, name, *refs, ns="default", backends=({"name": "web", "port": 80},), **more):
    put(knetd, ROUTES % ns, name, {"parentRefs": list(refs), "rules": [{"backendRefs": list(backends)}], **more})
    return get(knetd, ROUTES % ns, name)


def asked(knetd, address, port):
    """The status of an answer there."""
    c = http.client.HTTPConnection(address, port, timeout=10)
    with inside(knetd.netns):
        c.connect()
    try:
        c.request("GET", "/")
        return c.getresponse().status
    finally:
        c.close()


def refused(knetd, address, port):
    with contextlib.suppress(ConnectionResetError, http.client.HTTPException):
        try:
            asked(knetd, address, port)
        except ConnectionRefusedError:
            return True
    return False


def parents(obj):
    return [conditions(obj, p) for p in obj["status"]["parents"] if p["controllerName"] == "knetd.io/gateway"]


def service(knetd, name, ns="default"):
    ok(knetd.api("POST", f"/api/v1/namespaces/{ns}/services", {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}))


@pytest.fixture(scope="module")
def node():
    with Knetd("[ingress]\naddresses = 127.0.0.1\nhttps = 0\n") as knetd:
        for ns in ("shop", "data"):
            ok(knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": ns, "labels": {"is": ns}}}))
        service(knetd, "web")
        service(knetd, "db", "data")
        yield knetd


@pytest.fixture
def knetd(node):
    yield node
    for kind in ("gateways", "listenersets", "httproutes", "grpcroutes", "referencegrants"):
        for ns in ("default", "shop", "data"):
            assert node.api("DELETE", f"{API}/namespaces/{ns}/{kind}")[0] == 200


def test_the_class_is_there_and_accepted(knetd):
    obj = get(knetd, f"{API}/gatewayclasses", "knetd")
    assert obj["spec"]["controllerName"] == "knetd.io/gateway"
    assert conditions(obj) == {"Accepted": "True Accepted", "SupportedVersion": "True SupportedVersion"}
    names = [f["name"] for f in obj["status"]["supportedFeatures"]]
    assert names == sorted(names) and {"Gateway", "HTTPRoute", "ReferenceGrant"} <= set(names)


def test_a_gateway_and_its_route(knetd):
    obj = gateway(knetd, "g", web())
    assert conditions(obj) == {"Accepted": "True Accepted", "Programmed": "True Programmed", "ResolvedRefs": "True ResolvedRefs"}
    assert obj["status"]["addresses"] == [{"type": "IPAddress", "value": "127.0.0.1"}]
    assert listener(obj, "http")["attachedRoutes"] == 0
    made = route(knetd, "r", {"name": "g"})
    assert parents(made) == [{"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}]
    assert made["status"]["parents"][0]["parentRef"] == {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g"}
    assert listener(get(knetd, GATEWAYS % "default", "g"), "http")["attachedRoutes"] == 1
    ok(knetd.api("DELETE", ROUTES % "default" + "/r"))
    assert listener(get(knetd, GATEWAYS % "default", "g"), "http")["attachedRoutes"] == 0


def test_generations_are_observed(knetd):
    gateway(knetd, "g", web())
    route(knetd, "r", {"name": "g"})
    for n in range(2):
        obj = gateway(knetd, "g", web(), web("more", 8080 + n))
        assert obj["metadata"]["generation"] == 2 + n
        conditions(obj)
        for each in obj["status"]["listeners"]:
            conditions(obj, each)
        obj = route(knetd, "r", {"name": "g"}, hostnames=[f"a{n}.example.com"])
        assert obj["metadata"]["generation"] == 2 + n
        parents(obj)


# A listener of port 80 for a.example.com, of its own namespace; one of port 81 for *.example.com, of all namespaces.
@pytest.mark.parametrize("ns,ref,hosts,says,counts", [
    ("default", {}, [], "True Accepted", (1, 1)),
    ("default", {"sectionName": "a"}, [], "True Accepted", (1, 0)),
    ("default", {"sectionName": "c"}, [], "False NoMatchingParent", (0, 0)),
    ("default", {"port": 81}, [], "True Accepted", (0, 1)),
    ("default", {"port": 82}, [], "False NoMatchingParent", (0, 0)),
    ("default", {"sectionName": "a", "port": 81}, [], "False NoMatchingParent", (0, 0)),
    ("shop", {"namespace": "default"}, [], "True Accepted", (0, 1)),
    ("shop", {"namespace": "default", "sectionName": "a"}, [], "False NotAllowedByListeners", (0, 0)),
    ("default", {}, ["b.example.com"], "True Accepted", (0, 1)),
    ("default", {}, ["example.com"], "False NoMatchingListenerHostname", (0, 0)),
    ("default", {}, ["*.com", "x.example.org"], "True Accepted", (1, 1)),
])
def test_which_listeners_take_a_route(knetd, ns, ref, hosts, says, counts):
    gateway(knetd, "g", web("a", hostname="a.example.com"),
            web("b", 81, hostname="*.example.com", allowedRoutes={"namespaces": {"from": "All"}}))
    obj = route(knetd, "r", {"name": "g", **ref}, ns=ns, hostnames=hosts)
    assert parents(obj)[0]["Accepted"] == says
    obj = get(knetd, GATEWAYS % "default", "g")
    assert (listener(obj, "a")["attachedRoutes"], listener(obj, "b")["attachedRoutes"]) == counts


def test_namespaces_by_label(knetd):
    gateway(knetd, "g", web(allowedRoutes={"namespaces": {"from": "Selector", "selector": {"matchLabels": {"is": "shop"}}}}))
    assert parents(route(knetd, "r", {"name": "g", "namespace": "default"}, ns="shop"))[0]["Accepted"] == "True Accepted"
    assert parents(route(knetd, "r", {"name": "g"}))[0]["Accepted"] == "False NotAllowedByListeners"
    for label, says in (("other", "False NotAllowedByListeners"), ("shop", "True Accepted")):
        ok(knetd.api("PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": {"is": label}}}, "application/merge-patch+json"))
        assert parents(get(knetd, ROUTES % "shop", "r"))[0]["Accepted"] == says


def test_grants_come_and_go(knetd):
    gateway(knetd, "g", web())
    far = {"name": "db", "namespace": "data", "port": 80}
    assert parents(route(knetd, "r", {"name": "g"}, backends=[far]))[0]["ResolvedRefs"] == "False RefNotPermitted"
    grants = f"{API}/namespaces/data/referencegrants"
    put(knetd, grants, "shop", {"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "default"}],
                                "to": [{"group": "", "kind": "Service", "name": "db"}]})
    assert parents(get(knetd, ROUTES % "default", "r"))[0] == {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}
    ok(knetd.api("DELETE", grants + "/shop"))
    assert parents(get(knetd, ROUTES % "default", "r"))[0]["ResolvedRefs"] == "False RefNotPermitted"


def test_backends_come_and_go(knetd):
    gateway(knetd, "g", web())
    obj = route(knetd, "r", {"name": "g"}, backends=[{"name": "later", "port": 80}])
    assert parents(obj)[0] == {"Accepted": "True Accepted", "ResolvedRefs": "False BackendNotFound"}
    service(knetd, "later")
    assert parents(get(knetd, ROUTES % "default", "r"))[0]["ResolvedRefs"] == "True ResolvedRefs"
    ok(knetd.api("DELETE", "/api/v1/namespaces/default/services/later"))
    assert parents(get(knetd, ROUTES % "default", "r"))[0]["ResolvedRefs"] == "False BackendNotFound"
    obj = route(knetd, "r", {"name": "g"}, backends=[{"name": "x", "kind": "Bucket", "group": "example.com"}])
    assert parents(obj)[0]["ResolvedRefs"] == "False InvalidKind"


def test_listeners_in_each_others_way(knetd):
    obj = gateway(knetd, "g", web("a", 83), {"name": "b", "port": 83, "protocol": "TCP"}, web("c", 81),
                  {"name": "d", "port": 81, "protocol": "UDP"}, {"name": "e", "port": 82, "protocol": "ODD"})
    assert conditions(obj)["Accepted"] == "True ListenersNotValid"
    for name in "ab":
        assert conditions(obj, listener(obj, name))["Conflicted"] == "True ProtocolConflict"
        assert conditions(obj, listener(obj, name))["Accepted"].startswith("False")
    for name in "cd":
        assert conditions(obj, listener(obj, name))["Programmed"] == "True Programmed"
    assert conditions(obj, listener(obj, "e"))["Accepted"] == "False UnsupportedProtocol"
    assert listener(obj, "e")["supportedKinds"] == []
    obj = gateway(knetd, "g", {"name": "e", "port": 82, "protocol": "ODD"})
    assert conditions(obj)["Accepted"] == "False ListenersNotValid"


def test_gateways_on_one_address(knetd):
    gateway(knetd, "a", web())
    obj = gateway(knetd, "b", web(), web("own", hostname="b.example.com"))
    assert conditions(obj, listener(obj, "http"))["Conflicted"] == "True HostnameConflict"
    assert conditions(obj, listener(obj, "own"))["Programmed"] == "True Programmed"
    ok(knetd.api("DELETE", GATEWAYS % "default" + "/a"))
    obj = get(knetd, GATEWAYS % "default", "b")
    assert conditions(obj, listener(obj, "http"))["Conflicted"] == "False NoConflicts"


def test_listener_sets(knetd):
    gateway(knetd, "g", web(hostname="g.example.com"), allowedListeners={"namespaces": {"from": "Same"}})
    parent = {"parentRef": {"name": "g", "namespace": "default"}}
    put(knetd, SETS % "default", "s", {**parent, "listeners": [web(hostname="g.example.com"), web("own", hostname="s.example.com")]})
    put(knetd, SETS % "shop", "t", {**parent, "listeners": [web(hostname="t.example.com")]})
    obj = get(knetd, SETS % "default", "s")
    assert conditions(obj)["Programmed"] == "True Programmed"
    assert conditions(obj, listener(obj, "http"))["Conflicted"] == "True HostnameConflict"
    assert conditions(get(knetd, SETS % "shop", "t")) == {"Accepted": "False NotAllowed", "Programmed": "False NotAllowed"}
    assert get(knetd, GATEWAYS % "default", "g")["status"]["attachedListenerSets"] == 1
    obj = route(knetd, "r", {"name": "g", "sectionName": "own"}, {"name": "s", "kind": "ListenerSet", "sectionName": "own"})
    assert [p["Accepted"] for p in parents(obj)] == ["False NoMatchingParent", "True Accepted"]
    assert listener(get(knetd, SETS % "default", "s"), "own")["attachedRoutes"] == 1


def test_what_others_say_stays(knetd):
    gateway(knetd, "g", web())
    route(knetd, "r", {"name": "g"}, {"name": "theirs"})
    theirs = {"parentRef": {"name": "theirs"}, "controllerName": "example.com/c",
              "conditions": [{"type": "Accepted", "status": "True", "reason": "Mine", "message": "",
                              "lastTransitionTime": "2020-01-01T00:00:00Z", "observedGeneration": 1}]}
    patch = {"status": {"parents": [theirs]}}
    obj = ok(knetd.api("PATCH", ROUTES % "default" + "/r/status", patch, "application/merge-patch+json"))
    obj = get(knetd, ROUTES % "default", "r")
    assert obj["status"]["parents"][0] == theirs and len(obj["status"]["parents"]) == 2
    ok(knetd.api("DELETE", GATEWAYS % "default" + "/g"))
    assert get(knetd, ROUTES % "default", "r")["status"]["parents"] == [theirs]


def test_foreign_classes_are_left_alone(knetd):
    ok(knetd.api("POST", f"{API}/gatewayclasses", {"metadata": {"name": "theirs"}, "spec": {"controllerName": "example.com/c"}}))
    put(knetd, GATEWAYS % "default", "g", {"gatewayClassName": "theirs", "listeners": [web()]})
    route(knetd, "r", {"name": "g"})
    assert "status" not in get(knetd, f"{API}/gatewayclasses", "theirs")
    assert "status" not in get(knetd, GATEWAYS % "default", "g")
    assert "status" not in get(knetd, ROUTES % "default", "r")
    ok(knetd.api("DELETE", f"{API}/gatewayclasses/theirs"))


def test_addresses_that_are_asked_for(knetd):
    obj = gateway(knetd, "g", web(), addresses=[{"value": "127.0.0.1"}])
    assert conditions(obj)["Programmed"] == "True Programmed"
    obj = gateway(knetd, "g", web(), addresses=[{"value": "203.0.113.7"}, {"value": "127.0.0.1"}])
    assert conditions(obj)["Accepted"] == "True Accepted" and conditions(obj)["Programmed"] == "False AddressNotUsable"
    assert [a["value"] for a in obj["status"]["addresses"]] == ["127.0.0.1"]
    obj = gateway(knetd, "g", web(), addresses=[{"type": "example.com/kind", "value": "x"}])
    assert conditions(obj)["Accepted"] == "False UnsupportedAddress"


def test_nothing_is_written_twice_nor_after_a_restart():
    with Knetd("[ingress]\naddresses = 127.0.0.1\nhttps = 0\n") as knetd:
        gateway(knetd, "g", web())
        route(knetd, "r", {"name": "g"}, {"name": "none"})

        def versions():
            return [get(knetd, path, name)["metadata"]["resourceVersion"] for path, name in
                    ((f"{API}/gatewayclasses", "knetd"), (GATEWAYS % "default", "g"), (ROUTES % "default", "r"))]
        before = versions()
        service(knetd, "unrelated")
        assert versions() == before
        knetd.process.send_signal(signal.SIGKILL)
        knetd.process.wait()
        knetd.start()
        assert versions() == before


def test_addresses_of_pools():
    with Knetd("[ingress]\naddresses = 127.0.0.1\nhttps = 0\n" + POOL) as knetd:
        one, two = gateway(knetd, "a", web()), gateway(knetd, "b", web())
        assert [a["value"] for g in (one, two) for a in g["status"]["addresses"]] == ["198.51.100.8", "198.51.100.9"]
        assert conditions(two, listener(two, "http"))["Conflicted"] == "False NoConflicts"
        assert one["metadata"]["annotations"]["knetd.io/allocated-from-pool"] == "knetd.ini"
        assert asked(knetd, "198.51.100.8", 80) == 404
        assert refused(knetd, "198.51.100.8", 81)
        three = gateway(knetd, "c", web())
        assert conditions(three)["Programmed"] == "False AddressNotAssigned"
        assert not three["status"]["addresses"]
        ok(knetd.api("DELETE", GATEWAYS % "default" + "/a"))
        three = get(knetd, GATEWAYS % "default", "c")
        assert [a["value"] for a in three["status"]["addresses"]] == ["198.51.100.8"]
        assert conditions(three)["Programmed"] == "True Programmed"
        own = gateway(knetd, "d", web(), addresses=[{"value": "127.0.0.1"}])
        assert conditions(own)["Programmed"] == "True Programmed"
        taken = gateway(knetd, "e", web(), addresses=[{"value": "198.51.100.9"}])
        assert conditions(taken)["Programmed"] == "False AddressNotUsable"
        knetd.process.send_signal(signal.SIGKILL)
        knetd.process.wait()
        knetd.start()
        assert [a["value"] for a in get(knetd, GATEWAYS % "default", "b")["status"]["addresses"]] == ["198.51.100.9"]
        ok(knetd.api("PATCH", GATEWAYS % "default" + "/b", {"spec": {"gatewayClassName": "other"}}, "application/merge-patch+json"))
        assert "198.51.100.9" in [a["value"] for a in get(knetd, GATEWAYS % "default", "e")["status"]["addresses"]]


def test_a_port_that_is_not_to_be_had(knetd):
    with inside(knetd.netns), socket.socket() as s:
        s.bind(("127.0.0.1", 8088))
        s.listen()
        obj = gateway(knetd, "g", web(), web("taken", 8088))
        assert conditions(obj)["Accepted"] == "True ListenersNotValid"
        assert conditions(obj)["Programmed"] == "True Programmed"
        assert conditions(obj, listener(obj, "taken"))["Accepted"] == "False PortUnavailable"
        assert conditions(obj, listener(obj, "taken"))["Programmed"] == "False PortUnavailable"
    eventually(lambda: conditions(o := get(knetd, GATEWAYS % "default", "g"), listener(o, "taken"))["Programmed"] == "True Programmed")
    assert asked(knetd, "127.0.0.1", 8088) == 404


def test_without_ports_of_the_ingresses():
    with Knetd("[ingress]\naddresses = 127.0.0.1\nhttp =\nhttps =\n") as knetd:
        assert conditions(get(knetd, f"{API}/gatewayclasses", "knetd"))["Accepted"] == "True Accepted"
        for _ in range(2):
            obj = gateway(knetd, "g", web("a", 8080))
            assert conditions(obj)["Programmed"] == "True Programmed"
            assert asked(knetd, "127.0.0.1", 8080) == 404
            ok(knetd.api("DELETE", GATEWAYS % "default" + "/g"))
            eventually(lambda: refused(knetd, "127.0.0.1", 8080))  # workers close it when they come to it


def test_counters(knetd):
    gateway(knetd, "g", web(), {"name": "odd", "port": 82, "protocol": "ODD"})
    route(knetd, "r", {"name": "g"})
    text = knetd.api("GET", "/metrics")[1]
    assert "knetd_gateway_gateways 1\n" in text
    assert 'knetd_gateway_listeners{programmed="true"} 1\n' in text
    assert 'knetd_gateway_listeners{programmed="false"} 1\n' in text
    assert 'knetd_gateway_attached_routes{kind="HTTPRoute"} 1\n' in text
