"""The access log and the metrics by route: what a request looks like in them, and that neither can be made to grow."""

import contextlib
import json
import os
import signal
import socket
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from test_ingress import backend, route, service  # noqa: E402


@pytest.fixture(scope="module")
def node():
    with Knetd(ini="[ingress]\nhttp = 8080\ntimeout = 1\naccess_log = all\n") as knetd:
        pod = Pod(knetd, "one", labels={"app": "web"})
        try:
            backend(pod)
            for name in ("web", "empty"):
                service(knetd, name)
                route(knetd, name, f"{name}.example", name)
            knetd.pod = pod
            yield knetd
        finally:
            pod.remove()


def send(node, data, until=b""):
    """Everything that comes back, or as far as until."""
    with inside(node.netns):
        s = socket.create_connection(("127.0.0.1", 8080), timeout=20)
    got = b""
    with s, contextlib.suppress(ConnectionResetError):
        s.sendall(data)
        while not until or until not in got:
            more = s.recv(65536)
            if not more:
                break
            got += more
        return got, s.getsockname()[1]
    return got, 0


def get(path, host="web.example", more=""):
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode()


def lines(node):
    found = []
    for line in node.logged().splitlines():
        at = line.find('{"time"')
        if at >= 0:
            found.append(json.loads(line[at:]))
    return found


def line_of(node, target):
    return eventually(lambda: [x for x in lines(node) if x.get("target") == target])[0]


def switch(node, mode):
    with open(node.ini, encoding="utf-8") as f:
        text = f.read()
    before, _, rest = text.partition("access_log = ")
    with open(node.ini, "w", encoding="utf-8") as f:
        f.write(before + "access_log = " + mode + "\n" + rest.partition("\n")[2])
    node.process.send_signal(signal.SIGHUP)


def test_a_request_in_the_log(node):
    answer, port = send(node, get("/a/b?c=d&e", more="User-Agent: probe/1 \"quoted\" \xe4\r\n"))
    x = line_of(node, "/a/b?c=d&e")
    assert x["client"] == "127.0.0.1" and x["client_port"] == port
    assert (x["method"], x["host"], x["protocol"], x["status"]) == ("GET", "web.example", "HTTP/1.1", 200)
    assert x["upstream"] == f"{node.pod.ip4}:8080" and x["tries"] == 1 and x["backend"].startswith("default/web:")
    assert "default/web" in x["route"]
    assert x["user_agent"] == "probe/1 \"quoted\" \u00c3\u00a4"  # bytes, one by one
    assert x["bytes"] == len(answer.partition(b"\r\n\r\n")[2]) and x["bytes_received"] == 0
    assert 0 <= x["duration"] < 20 and x["time"].endswith("Z") and "cut" not in x and "tls" not in x


@pytest.mark.parametrize("data, target, want", [
    (get("/none", host="nobody.example"), "/none", {"status": 404, "tries": 0}),
    (get("/empty", host="empty.example"), "/empty", {"status": 503}),
    (get("/silent"), "/silent", {"status": 504, "tries": 1}),
    (get("/garbage"), "/garbage", {"status": 502}),
    (get("/a/../b"), "/a/../b", {"status": 400}),
    (get("/cut"), "/cut", {"status": 200, "cut": True, "bytes": 9}),
    (b"HEAD /head HTTP/1.0\r\nHost: web.example\r\n\r\n", "/head", {"method": "HEAD", "protocol": "HTTP/1.0", "bytes": 0}),
    (b"POST /size HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "/size",
     {"method": "POST", "bytes_received": 5, "bytes": 1}),
    (get("/" + "x" * 3000), "/" + "x" * 399, {"status": 200}),  # the rest of it is not logged
])
def test_what_becomes_of_requests(node, data, target, want):
    send(node, data)
    x = line_of(node, target)
    assert {k: x.get(k) for k in want} == want


def test_what_is_no_request(node):
    before = len(lines(node))
    send(node, b"\x16\x03\x01 nonsense\r\n\r\n")
    x = eventually(lambda: lines(node)[before:])[0]
    assert x["status"] == 400 and "target" not in x and "method" not in x and "upstream" not in x


def test_a_client_that_goes_away(node):
    with inside(node.netns):
        with socket.create_connection(("127.0.0.1", 8080)) as s:
            s.sendall(b"GET /big HTTP/1.1\r\nHost: web.example\r\n\r\n")
            s.recv(1000)
    x = line_of(node, "/big")
    assert x["cut"] and x["status"] == 200 and x["bytes"] < 64 << 20


def test_switched_live(node):
    switch(node, "errors")
    eventually(lambda: "access log: errors" in node.logged())
    send(node, get("/fine"))
    send(node, get("/wrong", host="nobody.example"))
    line_of(node, "/wrong")
    assert not [x for x in lines(node) if x.get("target") == "/fine"]
    switch(node, "no")
    eventually(lambda: "access log: no" in node.logged())
    send(node, get("/wrong-2", host="nobody.example"))
    switch(node, "some")  # refused, and told; what was before stays
    eventually(lambda: "no, errors or all is expected" in node.logged())
    switch(node, "all")
    eventually(lambda: "access log: all" in node.logged())
    send(node, get("/fine-2"))
    line_of(node, "/fine-2")
    assert not [x for x in lines(node) if x.get("target") == "/wrong-2"]


def test_a_worker_that_is_new_logs_too(node):
    os.kill(node.workers()["ingress-0"], signal.SIGKILL)
    send(node, get("/ok"))
    eventually(lambda: send(node, get("/after"))[0] and [x for x in lines(node) if x.get("target") == "/after"])


def metric(node, name):
    text = node.api("GET", "/metrics")[1]
    return [line for line in text.splitlines() if line.startswith(name)]


def test_metrics_by_route(node):
    for _ in range(3):
        send(node, get("/ok"))
    ours = [x for x in metric(node, "knetd_ingress_route_requests_total{") if "default/web" in x and 'code="2xx"' in x]
    assert ours and int(ours[0].split()[-1]) >= 3
    name = ours[0].split('"')[1]
    buckets = [x for x in metric(node, "knetd_ingress_route_duration_seconds_bucket{") if f'"{name}"' in x]
    counts = [int(x.split()[-1]) for x in buckets]
    assert len(buckets) == 12 and counts == sorted(counts) and 'le="+Inf"' in buckets[-1]
    total = [x for x in metric(node, "knetd_ingress_route_duration_seconds_count{") if f'"{name}"' in x]
    assert int(total[0].split()[-1]) == counts[-1] >= 3
    assert metric(node, "knetd_ingress_log_lost_total ")


def test_routes_without_end_have_no_series_without_end(node):
    """540 routes come, are asked and go: 512 have a place of their own, the places of those that left are given on."""
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    for at in range(0, 540, 270):
        for i in range(at, at + 270):
            body = {"metadata": {"name": f"many-{i}"}, "spec": {"ingressClassName": "knetd", "rules": [
                {"host": f"many-{i}.example", "http": {"paths": [path]}}]}}
            assert node.api("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", body)[0] == 201
        asked = b"".join(f"GET /ok HTTP/1.1\r\nHost: many-{i}.example\r\n\r\n".encode() for i in range(at, at + 270))
        answer, _ = send(node, asked + get("/ok"), until=b"never")
        assert answer.count(b"HTTP/1.1 200 ") == 271
    series = {x.split('"')[1] for x in metric(node, "knetd_ingress_route_requests_total{")}
    assert len(series) <= 513 and any(x.endswith("many-0") for x in series)
    assert "other" in series
    for i in range(500):
        assert node.api("DELETE", f"/apis/networking.k8s.io/v1/namespaces/default/ingresses/many-{i}")[0] == 200
    send(node, get("/ok", host="many-530.example"))
    series = {x.split('"')[1] for x in metric(node, "knetd_ingress_route_requests_total{")}
    assert len(series) < 100 and any(x.endswith("many-530") for x in series)


def test_more_than_is_read_is_lost_and_counted(node):
    """The control process is held: the worker goes on, what it cannot leave is lost, nothing grows."""
    worker = node.workers()["ingress-0"]
    before = private_kb(worker)
    os.kill(node.process.pid, signal.SIGSTOP)
    try:
        answer, _ = send(node, b"GET /ok HTTP/1.1\r\nHost: web.example\r\n\r\n" * 1500 + get("/ok"), until=b"never")
        assert answer.count(b"HTTP/1.1 200 ") == 1501
        assert private_kb(worker) - before < 2048
    finally:
        os.kill(node.process.pid, signal.SIGCONT)
    eventually(lambda: int(metric(node, "knetd_ingress_log_lost_total ")[0].split()[-1]) > 900)
    eventually(lambda: "not in the access log" in node.logged())
