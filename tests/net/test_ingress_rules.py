"""Ingress v1: what the specification and the features of the ingress controllers' conformance suite say, as tables."""

import os
import re
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ingress_lab import (CORE, HTTP, HTTPS, INGRESSES, INI, ask, certificate, connect, create, events, ingress, path, pods, service, text_of, to)  # noqa: E402
from daemon import Knetd  # noqa: E402
from pods import eventually  # noqa: E402

SECRETS = f"{CORE}/secrets"
CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"


@pytest.fixture(scope="module")
def node():
    names = [f"{app}-1" for app in ("foo", "bar", "exact", "prefix", "slash", "deep", "default")]
    with Knetd(ini=INI) as knetd, pods(knetd, *names, *[f"many-{i}" for i in range(5)]):
        yield knetd


def served_by(answer):
    return answer.pod.rsplit("-", 1)[0] if answer.status == 200 else answer.status


# ---- paths -----------------------------------------------------------------------------------------

# The paths of an Ingress, then what is asked and who answers.
PATHS = {
    "exact": ([("/foo", "exact", "Exact")], [
        ("/foo", "exact"), ("/foo/", 404), ("/FOO", 404), ("/bar", 404), ("/", 404), ("/foo/x", 404), ("/foo?q=1", "exact")]),
    "prefix": ([("/foo", "prefix", "Prefix")], [
        ("/foo", "prefix"), ("/foo/", "prefix"), ("/foo/bar", "prefix"), ("/foobar", 404), ("/FOO", 404), ("/", 404)]),
    "prefix-with-slash": ([("/foo/", "prefix", "Prefix")], [
        ("/foo", "prefix"), ("/foo/", "prefix"), ("/foo/x", "prefix"), ("/foox", 404)]),
    "exact-with-slash": ([("/foo/", "exact", "Exact")], [("/foo/", "exact"), ("/foo", 404)]),
    "elements": ([("/aaa/bb", "prefix", "Prefix")], [
        ("/aaa/bbb", 404), ("/aaa/bb", "prefix"), ("/aaa/bb/", "prefix"), ("/aaa/bb/ccc", "prefix"), ("/aaa", 404)]),
    "all": ([("/", "slash", "Prefix")], [("/", "slash"), ("/a", "slash"), ("/a/b?c", "slash")]),
    "longest": ([("/", "slash", "Prefix"), ("/aaa", "prefix", "Prefix"), ("/aaa/bbb", "deep", "Prefix")], [
        ("/aaa/bbb", "deep"), ("/aaa/bbb/x", "deep"), ("/aaa/ccc", "prefix"), ("/ccc", "slash"), ("/aaabbb", "slash")]),
    "exact-first": ([("/foo", "prefix", "Prefix"), ("/foo", "exact", "Exact")], [
        ("/foo", "exact"), ("/foo/", "prefix"), ("/foo/x", "prefix")]),
    "exact-before-longer": ([("/foo/bar", "deep", "Prefix"), ("/foo", "exact", "Exact"), ("/", "slash", "Prefix")], [
        ("/foo", "exact"), ("/foo/bar/x", "deep"), ("/foo/x", "slash")]),
    "implementation": ([("/foo", "foo", "ImplementationSpecific")], [
        ("/foo", "foo"), ("/foo/x", "foo"), ("/fo", 404)]),
    "characters": ([("/a.b", "foo", "Prefix"), ("/a%20b", "bar", "Prefix")], [("/a.b", "foo"), ("/axb", 404), ("/a.b/c", "foo")]),
}


@pytest.fixture(scope="module")
def paths(node):
    for name, (rules, _) in PATHS.items():
        ingress(node, f"paths-{name}", f"{name}.paths.example", [path(*r) for r in rules])


@pytest.mark.parametrize("name, asked, who", [(n, a, w) for n, (_, rows) in PATHS.items() for a, w in rows])
def test_paths(node, paths, name, asked, who):
    assert served_by(ask(node, f"{name}.paths.example", asked)) == who


# ---- hosts -----------------------------------------------------------------------------------------

HOSTS = [
    ("foo.hosts.example", "foo"), ("FOO.Hosts.Example", "foo"), ("foo.hosts.example.", "foo"),
    (f"foo.hosts.example:{HTTP}", "foo"), ("a.star.example", "bar"), ("b.star.example", "bar"), ("A.STAR.example", "bar"),
    ("a.b.star.example", 404), ("star.example", 404), ("exact.star.example", "exact"), ("other.example", 404),
    ("foo.hosts.example.org", 404), ("hosts.example", 404),
]


@pytest.fixture(scope="module")
def hosts(node):
    ingress(node, "host-exact", "foo.hosts.example", [path("/", "foo")])
    ingress(node, "host-star", "*.star.example", [path("/", "bar")])
    ingress(node, "host-in-star", "exact.star.example", [path("/", "exact")])


@pytest.mark.parametrize("host, who", HOSTS)
def test_hosts(node, hosts, host, who):
    assert served_by(ask(node, host)) == who


def test_wildcard_for_what_the_exact_host_has_not(node, hosts):
    ingress(node, "half", "half.star.example", [path("/only", "foo", "Exact")])
    assert served_by(ask(node, "half.star.example", "/only")) == "foo"
    assert served_by(ask(node, "half.star.example", "/")) == "bar"


# ---- backends --------------------------------------------------------------------------------------

def test_default_backend(node):
    create(node, INGRESSES, {"metadata": {"name": "default"}, "spec": {
        "ingressClassName": "knetd", "defaultBackend": to("default", "http")}})
    ingress(node, "own-default", "own.default.example", [path("/x", "foo")], defaultBackend=to("bar"))
    try:
        for host, where, who in (("anything.example", "/", "default"), ("anything.example", "/a/b", "default"),
                                 ("own.default.example", "/x", "foo"), ("own.default.example", "/y", "bar"),
                                 ("own.default.example", "/", "bar")):
            assert served_by(ask(node, host, where)) == who, (host, where)
        assert node.api("DELETE", f"{INGRESSES}/default")[0] == 200
        assert served_by(ask(node, "anything.example")) == "bar"  # of one with rules, behind those without
    finally:
        node.api("DELETE", f"{INGRESSES}/own-default")
    assert ask(node, "anything.example").status == 404


def test_named_and_missing_ports(node):
    for i, (port, who) in enumerate([("http", "foo"), (80, "foo"), ("https", 503), (81, 503)]):
        ingress(node, f"port-{i}", f"p{i}.ports.example", [{"path": "/", "pathType": "Prefix", "backend": to("foo", port)}])
        assert served_by(ask(node, f"p{i}.ports.example")) == who, port


def test_a_service_that_comes_later(node):
    ingress(node, "early", "early.example", [path("/", "early")])
    assert ask(node, "early.example").status == 503
    service(node, "early")
    assert ask(node, "early.example").status == 503  # no endpoints


def test_resource_backends_are_told(node):
    ingress(node, "resource", "resource.example", [{"path": "/", "pathType": "Prefix", "backend": {
        "resource": {"apiGroup": "k8s.example", "kind": "Bucket", "name": "b"}}}])
    assert ask(node, "resource.example").status == 500
    assert eventually(lambda: [m for r, m in events(node, "resource") if r == "NotServed" and "Bucket" in m])


def test_load_balancing(node):
    ingress(node, "many", "many.example", [path("/", "many")])
    assert len({ask(node, "many.example").pod for _ in range(100)}) == 5


def test_the_older_ingress_wins(node):
    ingress(node, "twice-a", "twice.example", [path("/", "foo")])
    ingress(node, "twice-b", "twice.example", [path("/", "bar"), path("/b", "bar")])
    assert served_by(ask(node, "twice.example")) == "foo"
    assert served_by(ask(node, "twice.example", "/b")) == "bar"
    assert node.api("DELETE", f"{INGRESSES}/twice-a")[0] == 200
    assert served_by(ask(node, "twice.example")) == "bar"


# ---- classes and status ------------------------------------------------------------------------------

def with_class(node, name, cls=None, annotation=None):
    body = {"metadata": {"name": name}, "spec": {"rules": [{"host": f"{name}.class.example", "http": {
        "paths": [path("/", "foo")]}}]}}
    if cls:
        body["spec"]["ingressClassName"] = cls
    if annotation:
        body["metadata"]["annotations"] = {"kubernetes.io/ingress.class": annotation}
    create(node, INGRESSES, body)
    return lambda: served_by(ask(node, f"{name}.class.example"))


def test_classes(node):
    create(node, CLASSES, {"metadata": {"name": "mine"}, "spec": {"controller": "knetd.io/ingress"}})
    create(node, CLASSES, {"metadata": {"name": "theirs"}, "spec": {"controller": "example.com/other"}})
    for name, kw, who in (("c1", {"cls": "mine"}, "foo"), ("c2", {"cls": "theirs"}, 404), ("c3", {"annotation": "knetd"}, "foo"),
                          ("c4", {"annotation": "nginx"}, 404), ("c5", {"cls": "nowhere"}, 404)):
        assert with_class(node, name, **kw)() == who, name
    plain = with_class(node, "c6")
    assert plain() == "foo"
    default = {"metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}}
    merge = "application/merge-patch+json"
    assert node.api("PATCH", f"{CLASSES}/theirs", default, merge)[0] == 200
    assert plain() == 404  # without a class it is the default one's
    assert with_class(node, "c7")() == 404
    assert node.api("DELETE", f"{CLASSES}/theirs")[0] == 200
    assert plain() == "foo"
    assert node.api("DELETE", f"{CLASSES}/mine")[0] == 200


def status_of(node, name):
    return node.api("GET", f"{INGRESSES}/{name}")[1].get("status", {}).get("loadBalancer", {}).get("ingress", [])


def test_status(node):
    with Knetd(ini=f"{INI}addresses = 127.0.0.1, 127.0.0.2\n") as knetd:
        service(knetd, "web")
        ingress(knetd, "a", "a.example", [path("/", "web")])
        ports = [{"port": HTTP, "protocol": "TCP"}, {"port": HTTPS, "protocol": "TCP"}]
        want = [{"ip": ip, "ports": ports} for ip in ("127.0.0.1", "127.0.0.2")]
        assert status_of(knetd, "a") == want
        version = knetd.api("GET", f"{INGRESSES}/a")[1]["metadata"]["resourceVersion"]
        ingress(knetd, "b", "b.example", [path("/", "web")])
        assert knetd.api("GET", f"{INGRESSES}/a")[1]["metadata"]["resourceVersion"] == version
        patch = {"spec": {"ingressClassName": "other"}}
        assert knetd.api("PATCH", f"{INGRESSES}/a", patch, "application/merge-patch+json")[0] == 200
        assert status_of(knetd, "a") == [] and status_of(knetd, "b") == want
        foreign = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        assert knetd.api("PATCH", f"{INGRESSES}/a/status", foreign, "application/merge-patch+json")[0] == 200
        assert status_of(knetd, "a") == [{"ip": "192.0.2.1"}]  # somebody else's business
        assert knetd.api("PATCH", f"{INGRESSES}/b/status", foreign, "application/merge-patch+json")[0] == 200
        assert status_of(knetd, "b") == want  # ours is ours alone
        knetd.stop()
        knetd.start()
        assert status_of(knetd, "b") == want and status_of(knetd, "a") == [{"ip": "192.0.2.1"}]


# ---- certificates ------------------------------------------------------------------------------------

def tls_secret(node, name, pair):
    create(node, SECRETS, {"metadata": {"name": name}, "type": "kubernetes.io/tls",
                           "data": {"tls.crt": text_of(pair[0]), "tls.key": text_of(pair[1])}})


def shown(node, name):
    """The names in the certificate that a client gets who asks for that one."""
    c = connect(node, tls=name)
    der = c.sock.getpeercert(binary_form=True)
    c.close()
    out = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-ext", "subjectAltName"], input=der,
                         capture_output=True, check=False).stdout.decode()
    return re.findall(r"DNS:([^,\s]+)", out)


def test_certificates(node, tmp_path):
    tls_secret(node, "one", certificate(tmp_path, "one", "one.tls.example"))
    tls_secret(node, "star", certificate(tmp_path, "star", "*.wild.example"))
    ingress(node, "tls-one", "one.tls.example", [path("/", "foo")], tls=[{"hosts": ["one.tls.example"], "secretName": "one"}])
    ingress(node, "tls-star", "a.wild.example", [path("/", "bar")], tls=[{"hosts": ["*.wild.example"], "secretName": "star"}])
    assert shown(node, "one.tls.example") == ["one.tls.example"]
    assert shown(node, "a.wild.example") == ["*.wild.example"]
    assert shown(node, "nobody.example") not in (["one.tls.example"], ["*.wild.example"])
    assert served_by(ask(node, "one.tls.example", tls="one.tls.example")) == "foo"
    answer = ask(node, "a.wild.example", tls="a.wild.example")
    assert answer.pod == "bar-1" and answer.json["headers"]["x-forwarded-proto"] == "https"
    assert ask(node, "a.wild.example", "/x").status == 308


def test_a_certificate_that_comes_later(node, tmp_path):
    ingress(node, "tls-late", "late.tls.example", [path("/", "foo")], tls=[{"hosts": ["late.tls.example"], "secretName": "late"}])
    assert eventually(lambda: [m for _, m in events(node, "tls-late") if "late" in m])
    assert shown(node, "late.tls.example") != ["late.tls.example"]
    tls_secret(node, "late", certificate(tmp_path, "late", "late.tls.example"))
    assert shown(node, "late.tls.example") == ["late.tls.example"]


def test_client_certificates(node, tmp_path):
    authority = certificate(tmp_path, "authority", authority=True)
    other = certificate(tmp_path, "other", authority=True)
    good, named = (certificate(tmp_path, n, signer=authority) for n in ("good", "named"))
    bad = certificate(tmp_path, "bad", signer=other)
    create(node, SECRETS, {"metadata": {"name": "clients"}, "data": {"ca.crt": text_of(authority[0])}})
    base = {"auth-tls-secret": "clients", "auth-tls-pass-certificate-to-upstream": "true"}
    for name, more in (("must", {}), ("may", {"auth-tls-verify-client": "optional"}), ("cn", {"auth-tls-match-cn": "CN=named"})):
        host = f"{name}.mtls.example"
        ingress(node, f"mtls-{name}", host, [path("/", "foo")], {**base, "auth-tls-verify-client": "on", **more},
                tls=[{"hosts": [host]}])
    rows = [("must", None, 400), ("must", good, 200), ("must", bad, 400), ("may", None, 200), ("may", good, 200),
            ("cn", good, 403), ("cn", named, 200)]
    for name, cert, status in rows:
        host = f"{name}.mtls.example"
        answer = ask(node, host, tls=host, cert=cert, headers={"ssl-client-verify": "SUCCESS", "ssl-client-subject-dn": "CN=x"})
        assert answer.status == status, (name, cert)
        if status == 200:
            told = answer.json["headers"]
            assert told["ssl-client-verify"] == ("SUCCESS" if cert else "NONE")
            assert told.get("ssl-client-subject-dn") == (f"CN={os.path.basename(cert[0])[:-4]}" if cert else None)
    host = "must.mtls.example"  # who named another host to connect was asked for nothing
    assert ask(node, host, tls="one.tls.example", cert=good).status in (400, 421)


# ---- proxies before us --------------------------------------------------------------------------------

def test_trusted_proxies():
    with Knetd(ini=f"{INI}trusted = 127.0.0.0/30\n") as knetd, pods(knetd, "web-1"):
        ingress(knetd, "a", "a.example", [path("/", "web")], {"allowlist-source-range": "192.0.2.1"})
        ingress(knetd, "b", "b.example", [path("/", "web")], {"force-ssl-redirect": "true"})
        for said, status in (("192.0.2.1", 200), ("192.0.2.9", 403), ("192.0.2.1, 192.0.2.9", 403),
                             ("192.0.2.9, 192.0.2.1", 200), ("192.0.2.9, 192.0.2.1, 127.0.0.2", 200),
                             ("192.0.2.1, junk", 403), ("192.0.2.1:4711", 200)):
            assert ask(knetd, "a.example", headers={"X-Forwarded-For": said}).status == status, said
        assert ask(knetd, "a.example", headers={"X-Forwarded-For": "192.0.2.1"}, source="127.0.0.9").status == 403
        told = ask(knetd, "b.example", headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https",
                                                "X-Forwarded-Host": "outer.example"}).json["headers"]
        assert told["x-forwarded-for"] == "192.0.2.1, 127.0.0.1" and told["x-real-ip"] == "192.0.2.1"
        assert told["x-forwarded-proto"] == "https" and told["x-forwarded-host"] == "outer.example"
        assert ask(knetd, "b.example", headers={"X-Forwarded-Proto": "https"}, source="127.0.0.9").status == 308
