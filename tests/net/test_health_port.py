"""Health ports of Services and kube-proxy's own /healthz: the cases of Kubernetes' healthcheck_test.go, over real sockets."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

DEFAULT = "/api/v1/namespaces/default"
SERVICES, NODE = DEFAULT + "/services", "/api/v1/nodes/node"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
MERGE = "application/merge-patch+json"
HEALTHZ = 10256


@pytest.fixture(scope="module")
def knetd():
    from daemon import Knetd
    with Knetd(ini=f"[service]\nhealthz = 127.0.0.1:{HEALTHZ}, [::1]:{HEALTHZ}") as daemon:
        yield daemon


class Refused(Exception):
    """Nobody listens there."""


def ask(knetd, port, path="/healthz", host="127.0.0.1", method="GET"):
    """Status, headers and body."""
    with inside(knetd.netns):
        c = http.client.HTTPConnection(host, port, timeout=5)
        try:
            c.connect()
        except ConnectionRefusedError:
            raise Refused from None
    try:
        c.request(method, path)
        r = c.getresponse()
        return r.status, r.headers, r.read().decode()
    finally:
        c.close()


def listens(knetd, port):
    try:
        ask(knetd, port)
        return True
    except Refused:
        return False


def service(knetd, name, port, **spec):
    body = {"metadata": {"name": name}, "spec": {
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": port,
        "ports": [{"port": 80}], "ipFamilyPolicy": "PreferDualStack", **spec}}
    status, made = knetd.api("POST", SERVICES, body)
    assert status == 201, made
    return made


def endpoints(knetd, name, local, remote=0, ready=True, family=4):
    """One slice with so many endpoints on this node and elsewhere."""
    text = "10.244.9.{}" if family == 4 else "fd00:10:244::9:{:x}"
    body = {"metadata": {"name": f"{name}-{family}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4" if family == 4 else "IPv6", "ports": [{"port": 8080}],
            "endpoints": [{"addresses": [text.format(i + 1)], "conditions": {"ready": ready},
                           "nodeName": "node" if i < local else "elsewhere"} for i in range(local + remote)]}
    path = f"{SLICES}/{name}-{family}"
    exists = knetd.api("GET", path)[0] == 200
    status, answer = knetd.api("PUT" if exists else "POST", path if exists else SLICES, body)
    assert status in (200, 201), answer


def check(knetd, name, port, status, count, healthy=True, **how):
    got, headers, body = ask(knetd, port, **how)
    assert got == status, body
    assert json.loads(body) == {"service": {"namespace": "default", "name": name}, "localEndpoints": count,
                                "serviceProxyHealthy": healthy}
    assert headers["Content-Type"] == "application/json" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Load-Balancing-Endpoint-Weight"] == str(count)


def delete(knetd, *names):
    for name in names:
        assert knetd.api("DELETE", f"{SERVICES}/{name}")[0] == 200
        for family in (4, 6):
            knetd.api("DELETE", f"{SLICES}/{name}-{family}")


def test_counts(knetd):
    endpoints(knetd, "b", 93)
    assert not listens(knetd, 31376), "endpoints of nobody"
    knetd.api("DELETE", SLICES + "/b-4")
    service(knetd, "b", 31376)
    check(knetd, "b", 31376, 503, 0)
    endpoints(knetd, "b", 18)
    check(knetd, "b", 31376, 200, 18)
    check(knetd, "b", 31376, 200, 18, host="::1", path="/any?thing", method="POST")
    endpoints(knetd, "b", 0)
    check(knetd, "b", 31376, 503, 0)
    endpoints(knetd, "b", 11, remote=5)
    check(knetd, "b", 31376, 200, 11)
    endpoints(knetd, "b", 11, ready=False)
    check(knetd, "b", 31376, 503, 0)
    endpoints(knetd, "b", 3)
    endpoints(knetd, "b", 3, family=6)
    check(knetd, "b", 31376, 200, 3)  # the same Pods in the other family
    knetd.api("DELETE", SLICES + "/b-4")
    knetd.api("DELETE", SLICES + "/b-6")
    check(knetd, "b", 31376, 503, 0)
    delete(knetd, "b")
    assert not listens(knetd, 31376)


def test_several_services(knetd):
    for name, port in (("b", 31376), ("d", 31909), ("f", 31113)):
        service(knetd, name, port)
    for name, port, n in (("b", 31376, 9), ("d", 31909, 3), ("f", 31113, 7)):
        check(knetd, name, port, 503, 0)
        endpoints(knetd, name, n)
        check(knetd, name, port, 200, n)
    delete(knetd, "b", "f")
    service(knetd, "f", 31376)  # its port was another's a moment ago
    endpoints(knetd, "f", 7)
    service(knetd, "h", 31878)
    assert not listens(knetd, 31113)
    check(knetd, "f", 31376, 200, 7)
    check(knetd, "d", 31909, 200, 3)
    check(knetd, "h", 31878, 503, 0)
    knetd.stop(9)
    knetd.start()
    check(knetd, "f", 31376, 200, 7)
    check(knetd, "d", 31909, 200, 3)
    delete(knetd, "d", "f", "h")


def test_who_has_one(knetd):
    service(knetd, "web", 31500)
    endpoints(knetd, "web", 1)
    check(knetd, "web", 31500, 200, 1)
    label = {"metadata": {"labels": {"service.kubernetes.io/service-proxy-name": "mine"}}}
    assert knetd.api("PATCH", SERVICES + "/web", label, MERGE)[0] == 200
    assert not listens(knetd, 31500), "another proxy's business"
    label["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": None}
    knetd.api("PATCH", SERVICES + "/web", label, MERGE)
    check(knetd, "web", 31500, 200, 1)
    policy = {"spec": {"externalTrafficPolicy": "Cluster", "healthCheckNodePort": None}}
    assert knetd.api("PATCH", SERVICES + "/web", policy, MERGE)[0] == 200
    assert not listens(knetd, 31500)
    delete(knetd, "web")


def test_a_pod_comes_and_goes(knetd):
    service(knetd, "pods", 31600, selector={"app": "counted"})
    check(knetd, "pods", 31600, 503, 0)
    pod = Pod(knetd, "counted", labels={"app": "counted"})
    try:
        check(knetd, "pods", 31600, 200, 1)
    finally:
        pod.remove()
    check(knetd, "pods", 31600, 503, 0)
    delete(knetd, "pods")


def test_a_port_in_use(knetd):
    with inside(knetd.netns):
        holder = socket.create_server(("0.0.0.0", 31700))
    service(knetd, "late", 31700)
    path = DEFAULT + "/events?fieldSelector=involvedObject.name%3Dlate"

    def told():
        return [e for e in knetd.api("GET", path)[1]["items"] if e["reason"] == "FailedToStartServiceHealthcheck"]
    event = eventually(told)[0]
    assert event["type"] == "Warning" and 'healthcheck "default/late" on port 31700' in event["message"]
    assert knetd.api("GET", "/readyz")[0] == 200, "nobody else's trouble"
    holder.close()
    eventually(lambda: listens(knetd, 31700))
    check(knetd, "late", 31700, 503, 0)
    delete(knetd, "late")


def test_bad_requests(knetd):
    service(knetd, "web", 31800)
    endpoints(knetd, "web", 1)
    with inside(knetd.netns):
        crowd = [socket.create_connection(("127.0.0.1", 31800), timeout=5) for _ in range(300)]
    check(knetd, "web", 31800, 200, 1)  # who says nothing keeps nobody out
    for c in crowd:
        c.close()

    def raw(sent):
        with inside(knetd.netns):
            c = socket.create_connection(("127.0.0.1", 31800), timeout=5)
        with c:
            c.sendall(sent)
            got = b""
            while more := c.recv(65536):
                got += more
        return got.split(b" ")[1]
    assert raw(b"GET / HTTP/1.0\r\n\r\n") == b"200"
    assert raw(b"GET / HTTP/1.1\r\n\r\n") == b"400", "no Host"
    assert raw(b"\x16\x03\x01\x02\r\n\r\n") == b"400"
    assert raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000 + b"\r\n\r\n") == b"431"
    assert raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nsome body") == b"200"
    status, headers, body = ask(knetd, 31800, method="HEAD")
    assert status == 200 and body == "" and int(headers["Content-Length"]) > 100
    delete(knetd, "web")


class Thief:
    """Somebody who owns the table, as nft can: nobody else may write it."""

    def __init__(self, knetd):
        self.process = subprocess.Popen(["ip", "netns", "exec", knetd.netns, "nft", "-i"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.process.stdin.write("delete table inet knetd; add table inet knetd { flags owner; }\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def metric(knetd, name, code):
    text = knetd.api("GET", "/metrics")[1]
    return int(re.search(rf'^kubeproxy_proxy_{name}_total{{code="{code}"}} (\d+)$', text, re.M)[1])


def healthz(knetd, path, status, eligible=True, host="127.0.0.1"):
    before = metric(knetd, path[1:], status)
    got, headers, body = ask(knetd, HEALTHZ, path, host)
    assert got == status, body
    assert headers["Content-Type"] == "application/json" and headers["X-Content-Type-Options"] == "nosniff"
    answer = json.loads(body)
    times = [answer.pop(key) for key in ("lastUpdated", "currentTime")]
    assert all(re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000 UTC", t) for t in times), times
    assert times[0] == times[1] if status == 200 else times[0] < times[1]
    assert answer == ({"nodeEligible": eligible} if path == "/healthz" else {})
    assert metric(knetd, path[1:], status) == before + 1


def test_a_proxy_that_fails(knetd):
    service(knetd, "web", 31900)
    endpoints(knetd, "web", 7)
    check(knetd, "web", 31900, 200, 7)
    healthz(knetd, "/healthz", 200)
    healthz(knetd, "/livez", 200, host="::1")
    with Thief(knetd):
        eventually(lambda: ask(knetd, 31900)[0] == 503)
        check(knetd, "web", 31900, 503, 7, healthy=False)
        healthz(knetd, "/healthz", 503)
        healthz(knetd, "/livez", 503)
    eventually(lambda: ask(knetd, 31900)[0] == 200, seconds=30)
    check(knetd, "web", 31900, 200, 7)
    healthz(knetd, "/healthz", 200)
    delete(knetd, "web")


def test_a_node_that_leaves(knetd):
    for key, eligible in (("other", True), ("ToBeDeletedByClusterAutoscaler", False), ("other", True)):
        taints = {"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}}
        assert knetd.api("PATCH", NODE, taints, MERGE)[0] == 200
        healthz(knetd, "/healthz", 200 if eligible else 503, eligible)
        healthz(knetd, "/livez", 200)
    held = {"metadata": {"finalizers": ["test/hold"]}}
    assert knetd.api("PATCH", NODE, held, MERGE)[0] == 200
    assert knetd.api("DELETE", NODE)[0] in (200, 202)
    healthz(knetd, "/healthz", 503, False)
    healthz(knetd, "/livez", 200)
    held["metadata"]["finalizers"] = None
    knetd.api("PATCH", NODE, held, MERGE)
    healthz(knetd, "/healthz", 200)  # made again
    assert ask(knetd, HEALTHZ, "/other")[0] == 404


@pytest.mark.parametrize("addresses,at", [("192.0.2.0/24", ["192.0.2.1"]), ("127.0.0.0/8, 2001:db8::/64", ["127.0.0.1", "2001:db8::1"]),
                                          ("primary", [])])
def test_where_node_ports_are_open(knetd_factory, addresses, at):
    def links(daemon):
        for argv in ("link add up0 type veth peer name down0", "addr add 192.0.2.1/24 dev up0",
                     "addr add 198.51.100.1/24 dev up0", "addr add 2001:db8::1/64 dev up0 nodad", "link set up0 up", "link set down0 up",
                     "route add default via 192.0.2.2"):
            subprocess.run(["ip", "-n", daemon.netns, *argv.split()], check=True)
    knetd = knetd_factory(before=links, ini=f"[service]\nnode_port_addresses = {addresses}")
    service(knetd, "web", 31960)
    if not at:
        at = [a["address"] for a in knetd.api("GET", NODE)[1]["status"]["addresses"] if a["type"] == "InternalIP"]
        assert "192.0.2.1" in at
    for host in ("127.0.0.1", "::1", "192.0.2.1", "198.51.100.1", "2001:db8::1"):
        if host in at:
            check(knetd, "web", 31960, 503, 0, host=host)
        else:
            with pytest.raises((Refused, ConnectionResetError, http.client.RemoteDisconnected)):
                ask(knetd, 31960, host=host)


def test_nothing_is_left(knetd):
    """Connections end and give their memory back."""
    def descriptors():
        return len(os.listdir(f"/proc/{knetd.process.pid}/fd"))
    before = eventually(descriptors)
    service(knetd, "web", 31950)
    for _ in range(300):
        ask(knetd, 31950)
    delete(knetd, "web")
    eventually(lambda: descriptors() <= before)
