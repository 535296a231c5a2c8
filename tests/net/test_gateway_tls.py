"""TLS of the Gateway API: certificateRefs, clients' certificates, misdirected requests, BackendTLSPolicy and its status."""

import contextlib
import os
import socket
import ssl
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd, inside  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from test_ingress_tls import CONFIGMAPS, GATEWAYS, POLICIES, ROUTES, SECRETS, SERVICES, Lab, ask, post, secret_of, service, start  # noqa: E402

GATEWAY = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway"}


def conditions(entries):
    return {c["type"]: (c["status"], c["reason"]) for c in entries}


def listener_conditions(knetd, name):
    answer = knetd.api("GET", f"{GATEWAYS}/{name}")[1]
    return {entry["name"]: conditions(entry["conditions"]) for entry in answer.get("status", {}).get("listeners", [])}


def gateway(knetd, name, listeners, tls=None):
    spec = {"gatewayClassName": "knetd", "listeners": listeners}
    if tls:
        spec["tls"] = tls
    post(knetd, GATEWAYS, {**GATEWAY, "metadata": {"name": name}, "spec": spec})


def https(name, port, host, *secrets):
    entry = {"name": name, "port": port, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": s} for s in secrets]}}
    if host:
        entry["hostname"] = host
    return entry


def route(knetd, name, parent, hosts, backend="web", port=80, section=None):
    ref = {"name": parent}
    if section:
        ref["sectionName"] = section
    post(knetd, ROUTES, {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name}, "spec": {
        "parentRefs": [ref], "hostnames": hosts, "rules": [{"backendRefs": [{"name": backend, "port": port}]}]}})


def config_map(knetd, name, pem):
    post(knetd, CONFIGMAPS, {"metadata": {"name": name}, "data": {"ca.crt": pem}})


class GatewayLab(Lab):
    def tcp(self, port=8443):
        """To the address that the Gateways are told to have."""
        with inside(self.knetd.netns):
            return socket.create_connection((self.address, port), timeout=20)


@pytest.fixture(scope="module")
def lab():
    with Knetd(ini="[ingress]\naddresses = 127.0.0.1\nhttp = 8080\nhttps =\ntimeout = 5\n") as knetd:
        pod = Pod(knetd, "web", labels={"app": "web"})
        try:
            lab = GatewayLab(knetd)
            lab.pod, lab.address = pod, "127.0.0.1"
            start(pod, 8080, "plain")
            start(pod, 8444, "secure", lab.file(*lab.ca.issue("backend", "backend.test", uris=["spiffe://lab/backend"])), lab.ca_file)
            service(knetd, "web")
            post(knetd, SECRETS, secret_of("many", lab.ca.issue("many", "a.test", "b.test", "*.wild.test", "other.test", "m.test")))
            post(knetd, SECRETS, secret_of("rsa", lab.ca.issue("rsa", "a.test", kind="rsa")))
            post(knetd, SECRETS, secret_of("ours", lab.ca.issue("our client", client=True)))
            config_map(knetd, "ca", lab.ca.pem.decode())
            config_map(knetd, "other-ca", lab.other.pem.decode())
            config_map(knetd, "broken-ca", "no certificate")
            yield lab
        finally:
            pod.remove()


def test_certificates_and_misdirected_requests(lab):
    knetd = lab.knetd
    gateway(knetd, "front", [https("any", 9443, None, "many", "rsa"), https("b", 9443, "b.test", "many"),
                             https("wild", 9443, "*.wild.test", "many"), https("x", 9443, "x.wild.test", "many")])
    for name, host in (("any", "a.test"), ("b", "b.test"), ("wild", "*.wild.test"), ("x", "x.wild.test")):
        route(knetd, f"front-{name}", "front", [host], section=name)
    rsa = lab.anyone()
    rsa.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert lab.shown("a.test", port=9443) == "many"
    assert lab.shown("a.test", rsa, port=9443) == "rsa"
    for sni, host, status in (
            ("a.test", "a.test", 200), ("a.test", "b.test", 421), ("a.test", "none.test", 404), ("b.test", "b.test", 200),
            ("b.test", "a.test", 421), ("b.test", "none.test", 421), ("y.wild.test", "y.wild.test", 200),
            ("y.wild.test", "z.wild.test", 200), ("y.wild.test", "x.wild.test", 421), ("x.wild.test", "x.wild.test", 200),
            ("x.wild.test", "y.wild.test", 421), ("none.test", "a.test", 200), ("none.test", "none.test", 404)):
        with lab.connect(sni, lab.anyone(), port=9443) as s:
            assert ask(s, host)[0] == status, (sni, host)


@pytest.mark.parametrize("name, refs, reason", [
    ("missing", [{"name": "nothere"}], "InvalidCertificateRef"),
    ("kind", [{"kind": "ConfigMap", "name": "ca"}], "InvalidCertificateRef"),
    ("group", [{"group": "wrong.io", "name": "many"}], "InvalidCertificateRef"),
    ("untyped", [{"name": "opaque"}], "InvalidCertificateRef"),
    ("elsewhere", [{"namespace": "kube-system", "name": "many"}], "RefNotPermitted"),
])
def test_certificates_that_will_not_do(lab, name, refs, reason):
    if name == "untyped":
        post(lab.knetd, SECRETS, {"metadata": {"name": "opaque"}, "data": {"x": ""}})
    entry = https("l", 9500, None)
    entry["tls"]["certificateRefs"] = refs
    gateway(lab.knetd, f"bad-{name}", [entry])
    try:
        said = listener_conditions(lab.knetd, f"bad-{name}")["l"]
        assert said["ResolvedRefs"] == ("False", reason)
        assert said["Programmed"][0] == "False"
    finally:
        lab.knetd.api("DELETE", f"{GATEWAYS}/bad-{name}")


def test_a_secret_that_comes_later(lab):
    gateway(lab.knetd, "later", [https("l", 9501, None, "later")])
    assert listener_conditions(lab.knetd, "later")["l"]["ResolvedRefs"] == ("False", "InvalidCertificateRef")
    post(lab.knetd, SECRETS, secret_of("later", lab.ca.issue("later", "a.test")))
    assert listener_conditions(lab.knetd, "later")["l"]["ResolvedRefs"] == ("True", "ResolvedRefs")
    assert lab.shown("a.test", port=9501) == "later"
    lab.knetd.api("DELETE", f"{SECRETS}/later")
    assert listener_conditions(lab.knetd, "later")["l"]["ResolvedRefs"] == ("False", "InvalidCertificateRef")
    lab.knetd.api("DELETE", f"{GATEWAYS}/later")


# ---- clients' certificates ------------------------------------------------------------------------------

def frontend(ca, mode=None, kind="ConfigMap"):
    validation = {"caCertificateRefs": [{"group": "", "kind": kind, "name": ca}]}
    if mode:
        validation["mode"] = mode
    return {"validation": validation}


def tried(lab, port, pair):
    """The status of a request, or None when there is no connection to be had."""
    context = lab.anyone()
    if pair:
        context.load_cert_chain(lab.file(*pair))
    with contextlib.suppress(ssl.SSLError, ConnectionError, AssertionError):
        with lab.connect("m.test", context, port=port) as s:
            return ask(s, "m.test")[0]
    return None


def test_clients_must_be_vouched_for(lab):
    gateway(lab.knetd, "mutual", [https("strict", 9601, None, "many"), https("easy", 9602, None, "many"),
                                  https("others", 9603, None, "many")],
            {"frontend": {"default": frontend("ca"), "perPort": [
                {"port": 9602, "tls": frontend("ca", "AllowInsecureFallback")}, {"port": 9603, "tls": frontend("other-ca")}]}})
    route(lab.knetd, "mutual", "mutual", ["m.test"])
    good, stranger = lab.ca.issue("alice", client=True), lab.other.issue("bob", client=True)
    rows = {9601: (200, None, None), 9602: (200, 200, 200), 9603: (None, None, 200)}
    for port, (ours, nobody, theirs) in rows.items():
        assert tried(lab, port, good) == ours
        assert tried(lab, port, None) == nobody
        assert tried(lab, port, stranger) == theirs


@pytest.mark.parametrize("name, ca, kind, reason", [
    ("missing", "nothere", "ConfigMap", "InvalidCACertificateRef"), ("broken", "broken-ca", "ConfigMap", "InvalidCACertificateRef"),
    ("kind", "ca", "Service", "InvalidCACertificateKind"),
])
def test_authorities_that_will_not_do(lab, name, ca, kind, reason):
    gateway(lab.knetd, f"ca-{name}", [https("l", 9700, None, "many"), {"name": "clear", "port": 9701, "protocol": "HTTP"}],
            {"frontend": {"default": frontend(ca, kind=kind)}})
    try:
        said = listener_conditions(lab.knetd, f"ca-{name}")
        assert said["l"]["ResolvedRefs"] == ("False", reason)
        assert said["l"]["Accepted"] == ("False", "NoValidCACertificate")
        assert said["l"]["Programmed"][0] == "False"
        assert said["clear"]["Programmed"][0] == "True"
    finally:
        lab.knetd.api("DELETE", f"{GATEWAYS}/ca-{name}")


# ---- towards backends -----------------------------------------------------------------------------------------

POLICY = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy"}


def policy(knetd, name, target, validation, section=None):
    ref = {"group": "", "kind": "Service", "name": target}
    if section:
        ref["sectionName"] = section
    post(knetd, POLICIES, {**POLICY, "metadata": {"name": name}, "spec": {"targetRefs": [ref], "validation": validation}})


def policy_conditions(knetd, name):
    answer = knetd.api("GET", f"{POLICIES}/{name}")[1]
    entries = answer.get("status", {}).get("ancestors", [])
    assert [e["ancestorRef"]["name"] for e in entries] == ["back"], answer
    assert entries[0]["controllerName"] == "knetd.io/gateway"
    assert {c["observedGeneration"] for c in entries[0]["conditions"]} == {answer["metadata"]["generation"]}
    return conditions(entries[0]["conditions"])


def refs(*names, kind="ConfigMap"):
    return [{"group": "", "kind": kind, "name": n} for n in names]


@pytest.fixture(scope="module")
def back(lab):
    gateway(lab.knetd, "back", [{"name": "http", "port": 9080, "protocol": "HTTP"}],
            {"backend": {"clientCertificateRef": {"name": "ours"}}})
    return lab


GOOD = {"hostname": "backend.test", "caCertificateRefs": refs("ca")}


@pytest.mark.parametrize("name, validation, status, accepted, resolved", [
    ("good", GOOD, 200, "Accepted", "ResolvedRefs"),
    ("name", {**GOOD, "hostname": "wrong.test"}, 502, "Accepted", "ResolvedRefs"),
    ("stranger", {**GOOD, "caCertificateRefs": refs("other-ca")}, 502, "Accepted", "ResolvedRefs"),
    ("two", {**GOOD, "caCertificateRefs": refs("nothere", "ca")}, 200, "Accepted", "InvalidCACertificateRef"),
    ("missing", {**GOOD, "caCertificateRefs": refs("nothere")}, 502, "NoValidCACertificate", "InvalidCACertificateRef"),
    ("broken", {**GOOD, "caCertificateRefs": refs("broken-ca")}, 502, "NoValidCACertificate", "InvalidCACertificateRef"),
    ("kind", {**GOOD, "caCertificateRefs": refs("ca", kind="Service")}, 502, "NoValidCACertificate", "InvalidKind"),
    ("system", {"hostname": "backend.test", "wellKnownCACertificates": "System"}, 502, None, "ResolvedRefs"),
    ("unknown", {"hostname": "backend.test", "wellKnownCACertificates": "knetd.io/none"}, 502, "Invalid", "ResolvedRefs"),
    ("san", {**GOOD, "hostname": "any.test", "subjectAltNames": [{"type": "Hostname", "hostname": "backend.test"}]}, 200, "Accepted", "ResolvedRefs"),
    ("uri", {**GOOD, "hostname": "any.test", "subjectAltNames": [{"type": "URI", "uri": "spiffe://lab/backend"}]}, 200, "Accepted", "ResolvedRefs"),
    ("several", {**GOOD, "subjectAltNames": [{"type": "URI", "uri": "spiffe://lab/x"}, {"type": "Hostname", "hostname": "backend.test"}]},
     200, "Accepted", "ResolvedRefs"),
    ("nosan", {**GOOD, "subjectAltNames": [{"type": "URI", "uri": "spiffe://lab/other"}]}, 502, "Accepted", "ResolvedRefs"),
])
def test_policies(back, name, validation, status, accepted, resolved):
    knetd = back.knetd
    service(knetd, f"b-{name}", 443, 8444)
    route(knetd, f"b-{name}", "back", [f"{name}.test"], f"b-{name}", 443)
    policy(knetd, f"b-{name}", f"b-{name}", validation)
    said = policy_conditions(knetd, f"b-{name}")
    if accepted:
        assert said["Accepted"] == (str(accepted == "Accepted"), accepted)
    assert said["ResolvedRefs"] == (str(resolved == "ResolvedRefs"), resolved)
    with back.tcp(9080) as s:
        got, body = ask(s, f"{name}.test")
        assert got == status
        if status == 200:
            assert body.startswith(f"secure sni={validation['hostname']} client=our client ".encode())


@pytest.mark.parametrize("protocol", [None, "kubernetes.io/h2c"])
def test_a_policy_that_cannot_be_met_is_not_gone_around(back, protocol):
    """The endpoint would answer in clear, but is never asked so: 502 until the policy goes."""
    knetd, name = back.knetd, "clear-" + (protocol or "http1").rsplit("/", maxsplit=1)[-1]
    ports = [{"port": 80, "targetPort": 8080, **({"appProtocol": protocol} if protocol else {})}]
    post(knetd, SERVICES, {"metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": ports}})
    route(knetd, name, "back", [f"{name}.test"], name)
    policy(knetd, name, name, {**GOOD, "caCertificateRefs": refs("nothere")})
    assert policy_conditions(knetd, name)["Accepted"] == ("False", "NoValidCACertificate")
    for verb in ("GET", "POST"):
        with back.tcp(9080) as s:
            s.sendall(f"{verb} / HTTP/1.1\r\nHost: {name}.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            assert s.makefile("rb").readline().startswith(b"HTTP/1.1 502 ")
    assert knetd.api("DELETE", f"{POLICIES}/{name}")[0] == 200
    if not protocol:
        with back.tcp(9080) as s:
            assert ask(s, f"{name}.test")[0] == 200


def test_the_older_policy_counts(back):
    knetd = back.knetd
    service(knetd, "twice", 443, 8444)
    route(knetd, "twice", "back", ["twice.test"], "twice", 443)
    policy(knetd, "twice-a", "twice", GOOD)
    policy(knetd, "twice-b", "twice", {**GOOD, "hostname": "wrong.test"})
    assert policy_conditions(knetd, "twice-a")["Accepted"] == ("True", "Accepted")
    assert policy_conditions(knetd, "twice-b")["Accepted"] == ("False", "Conflicted")
    with back.tcp(9080) as s:
        assert ask(s, "twice.test")[0] == 200
    policy(knetd, "twice-c", "twice", {**GOOD, "hostname": "wrong.test"}, section="web")  # one port counts more
    assert policy_conditions(knetd, "twice-c")["Accepted"] == ("True", "Accepted")
    with back.tcp(9080) as s:
        assert ask(s, "twice.test")[0] == 502
    knetd.api("DELETE", f"{POLICIES}/twice-c")
    knetd.api("DELETE", f"{POLICIES}/twice-a")
    assert policy_conditions(knetd, "twice-b")["Accepted"] == ("True", "Accepted")
    knetd.api("PATCH", f"{POLICIES}/twice-b", {"spec": {"validation": {"hostname": "backend.test"}}}, "application/merge-patch+json")
    assert policy_conditions(knetd, "twice-b")["Accepted"] == ("True", "Accepted")
    with back.tcp(9080) as s:
        assert ask(s, "twice.test")[0] == 200


def test_an_authority_that_changes(back):
    knetd = back.knetd
    config_map(knetd, "moving", back.other.pem.decode())
    service(knetd, "moving", 443, 8444)
    route(knetd, "moving", "back", ["moving.test"], "moving", 443)
    policy(knetd, "moving", "moving", {**GOOD, "caCertificateRefs": refs("moving")})
    with back.tcp(9080) as s:
        assert ask(s, "moving.test")[0] == 502
        knetd.api("PATCH", f"{CONFIGMAPS}/moving", {"data": {"ca.crt": back.ca.pem.decode()}}, "application/merge-patch+json")
        assert eventually(lambda: ask(s, "moving.test")[0] == 200)


@pytest.mark.parametrize("name, ref, reason", [
    ("missing", {"name": "nothere"}, "InvalidClientCertificateRef"), ("kind", {"kind": "ConfigMap", "name": "ca"}, "InvalidClientCertificateRef"),
    ("elsewhere", {"namespace": "kube-system", "name": "ours"}, "RefNotPermitted"),
])
def test_our_own_certificate_that_will_not_do(lab, name, ref, reason):
    gateway(lab.knetd, f"own-{name}", [{"name": "http", "port": 9090, "protocol": "HTTP"}], {"backend": {"clientCertificateRef": ref}})
    try:
        said = conditions(lab.knetd.api("GET", f"{GATEWAYS}/own-{name}")[1]["status"]["conditions"])
        assert said["ResolvedRefs"] == ("False", reason)
        assert said["Accepted"] == ("True", "Accepted")
    finally:
        lab.knetd.api("DELETE", f"{GATEWAYS}/own-{name}")


# ---- TLSRoutes whose TLS is ended here, and begun again -----------------------------------------------------------

def test_a_terminated_route_to_a_backend_with_tls(back):
    knetd = back.knetd
    gateway(knetd, "ended", [{"name": "tls", "port": 9800, "protocol": "TLS", "tls": {"mode": "Terminate", "certificateRefs": [{"name": "many"}]}}])
    for name, validation in (("ended", GOOD), ("refused", {**GOOD, "hostname": "wrong.test"})):
        service(knetd, name, 443, 8444)
        policy(knetd, name, name, validation)
        post(knetd, ROUTES.replace("httproutes", "tlsroutes"), {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "TLSRoute", "metadata": {"name": name}, "spec": {
                "parentRefs": [{"name": "ended"}], "hostnames": [f"{name}.wild.test"], "rules": [{"backendRefs": [{"name": name, "port": 443}]}]}})
    with back.connect("ended.wild.test", port=9800) as s:
        assert ask(s, "x")[1].startswith(b"secure sni=backend.test ")
        status, body = ask(s, "x", "/big")
        assert status == 200 and len(body) == 8 << 20
    with pytest.raises((OSError, AssertionError)):
        with back.connect("refused.wild.test", port=9800) as s:
            ask(s, "x")
