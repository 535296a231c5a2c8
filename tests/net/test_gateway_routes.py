"""HTTPRoutes as packets: what needs many requests, time, or a look at what backends saw. The tables of single requests
are in gateway_table.py."""

import collections
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402

# Answers with what it saw, as JSON. The query says how: status, delay (ms), and for requests that share an id how many
# of them fail first: fail=N with that status, drop=N closed without an answer, stall=N answered after delay.
# /seen?id=X tells which requests of that id came; they are kept with their bodies' size and the time.
BACKEND = r"""
import json, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
name, seen, lock = sys.argv[1], {}, threading.Lock()

class Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # else each answer waits for the acknowledgement of its own head
    protocol_version = "HTTP/1.1"

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            out = b""
            while True:
                n = int(self.rfile.readline(), 16)
                out += self.rfile.read(n)
                self.rfile.readline()
                if not n:
                    return out
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        url = urlsplit(self.path)
        q = {k: v[-1] for k, v in parse_qs(url.query).items()}
        if url.path == "/seen":
            with lock:
                return self.say(200, seen.get(q["id"], []))
        if "hangs" in q and name == "two":  # a mirror that does not read
            time.sleep(3600)
        body = self.body()
        report = {"pod": name, "method": self.command, "path": self.path, "body": len(body),
                  "headers": [[k.lower(), v] for k, v in self.headers.items()], "time": time.monotonic()}
        with lock:
            list_ = seen.setdefault(q.get("id", ""), [])
            list_.append(report)
            nth = len(list_)
        status = int(q.get("status", 200))
        if nth <= int(q.get("drop", 0)):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if nth <= int(q.get("stall", 1000000)):
            time.sleep(int(q.get("delay", 0)) / 1000)
        if "fail" in q:
            status = status if nth <= int(q["fail"]) else 200
        if "trickle" in q:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.1)
            return
        self.say(status, report)

    def say(self, status, what):
        data = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Pod", name)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = answer

    def log_message(self, *_):
        pass

class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 256

s = Server(("::", 8080), Handler)
print("ready", flush=True)
s.serve_forever()
"""

GATEWAY = "/apis/gateway.networking.k8s.io/v1"
ROUTES = f"{GATEWAY}/namespaces/default/httproutes"
SERVICES = "/api/v1/namespaces/default/services"
PORT = 8085


def must(answer, status=201):
    assert answer[0] == status, answer
    return answer[1]


def service(knetd, name, app=None):
    must(knetd.api("POST", SERVICES, {"metadata": {"name": name}, "spec": {
        "selector": {"app": app or name}, "ports": [{"port": 80, "targetPort": 8080}]}}))


def ref(name, **more):
    return {"name": name, "port": 80, **more}


def rule(path, *refs, **more):
    return {"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": list(refs), **more}


def route_body(name, host, *rules):
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name},
            "spec": {"parentRefs": [{"name": "gw"}], "hostnames": [host], "rules": list(rules)}}


def route(knetd, name, *rules):
    """A route for the host NAME.test, replaced when it is there."""
    path = f"{ROUTES}/{name}"
    if knetd.api("GET", path)[0] == 200:
        must(knetd.api("DELETE", path), 200)
    return must(knetd.api("POST", ROUTES, route_body(name, f"{name}.test", *rules)))


def gateway(knetd):
    knetd.api("POST", f"{GATEWAY}/gatewayclasses", {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "knetd"},
        "spec": {"controllerName": "knetd.io/gateway"}})
    must(knetd.api("POST", f"{GATEWAY}/namespaces/default/gateways", {
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
        "spec": {"gatewayClassName": "knetd", "listeners": [{"name": "http", "port": PORT, "protocol": "HTTP"}]}}))


@pytest.fixture(scope="module")
def node():
    with Knetd(ini="[ingress]\nhttp = 8080\ntimeout = 20\n") as knetd:
        pods = [Pod(knetd, name, labels={"app": name}) for name in ("one", "two", "three", "deaf")]
        try:
            for pod in pods[:3]:
                p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", BACKEND, pod.name],
                                     stdout=subprocess.PIPE, text=True)
                pod.processes.append(p)
                assert p.stdout.readline() == "ready\n"
            for pod in pods:
                service(knetd, pod.name)
            service(knetd, "empty")
            gateway(knetd)
            yield knetd
        finally:
            for pod in pods:
                pod.remove()


class Client(http.client.HTTPConnection):
    """A connection to the Gateway; asks under the host NAME.test."""

    def __init__(self, knetd, name):
        super().__init__("127.0.0.1", PORT, timeout=30)
        self.name, self.netns = name, knetd.netns

    def connect(self):
        with inside(self.netns):
            super().connect()

    def ask(self, path, method="GET", body=None, chunked=False, **headers):
        """Status, headers, body."""
        self.request(method, path, body, {"Host": f"{self.name}.test", **headers}, encode_chunked=chunked)
        r = self.getresponse()
        return r.status, r.headers, r.read()


def ask(knetd, name, path, *args, **kw):
    c = Client(knetd, name)
    try:
        return c.ask(path, *args, **kw)
    finally:
        c.close()


def seen(knetd, service_name, ident):
    """The requests of that id as the Service's pod saw them."""
    route(knetd, f"look-{service_name}", rule("/", ref(service_name)))
    return json.loads(ask(knetd, f"look-{service_name}", f"/seen?id={ident}")[2])


def ident():
    return uuid.uuid4().hex


# ---- weights --------------------------------------------------------------------------------------------------------

def shares(knetd, name, n):
    c, got = Client(knetd, name), collections.Counter()
    for _ in range(n):
        status, headers, _ = c.ask("/")
        got[headers["X-Pod"] if status == 200 else status] += 1
    return got


def test_weights(node):
    route(node, "weights", rule("/", ref("one", weight=70), ref("two", weight=30), ref("three", weight=0)))
    got = shares(node, "weights", 600)
    assert set(got) == {"one", "two"}
    assert abs(got["one"] - 420) < 5 * 11.3, got  # five standard deviations


@pytest.mark.parametrize("refs, statuses", [
    ([ref("one", weight=0)], {500}), ([ref("one", weight=0), ref("two", weight=0)], {500}), ([], {500}),
    ([ref("nobody")], {500}), ([ref("empty")], {503}), ([ref("one"), ref("nobody", weight=0)], {"one"}),
    ([ref("one"), ref("nobody")], {"one", 500}), ([ref("one"), ref("empty", weight=3)], {"one", 503}),
])
def test_shares_of_what_is_not_there(node, refs, statuses):
    route(node, "shares", rule("/", *refs))
    got = shares(node, "shares", 1 if len(statuses) == 1 else 200)
    assert set(got) == statuses
    if 500 in got and "one" in got:
        assert abs(got[500] - 100) < 5 * 7.1, got


def test_filters_of_one_backend(node):
    def named(value):
        return [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-For", "value": value}]}},
                {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "X-By", "value": value}]}}]

    route(node, "own", rule("/", ref("one", filters=named("first")), ref("two", filters=named("second"))))
    c, pods = Client(node, "own"), set()
    for _ in range(40):
        _, headers, body = c.ask("/", **{"X-For": "client"})
        want = {"one": "first", "two": "second"}[headers["X-Pod"]]
        assert headers["X-By"] == want and ["x-for", want] in json.loads(body)["headers"]
        pods.add(want)
    assert len(pods) == 2


def test_sessions(node):
    route(node, "session", rule("/", ref("one"), ref("two"), ref("three"), sessionPersistence={
        "sessionName": "kept", "type": "Cookie"}))
    c, pods = Client(node, "session"), set()
    for _ in range(20):
        _, headers, _ = c.ask("/")
        cookie = headers["Set-Cookie"].split(";")[0]
        assert cookie.startswith("kept=")
        pods.add(headers["X-Pod"])
        for _ in range(5):
            assert c.ask("/", Cookie=cookie)[1]["X-Pod"] == headers["X-Pod"]
    assert len(pods) > 1


# ---- mirrors --------------------------------------------------------------------------------------------------------

def mirror(name, **more):
    return {"type": "RequestMirror", "requestMirror": {"backendRef": ref(name), **more}}


def test_mirrors_get_what_the_backend_gets(node):
    route(node, "mirrored", rule("/m", ref("one"), filters=[
        mirror("two"), {"type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{"name": "X-Set", "value": "1"}], "remove": ["X-Gone"]}},
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/n"}}},
        mirror("three")]))
    for body, chunked in ((None, False), (b"x" * 300000, False), (iter([b"a" * 1000, b"b" * 70000]), True)):
        i = ident()
        headers = {"X-Gone": "1", **({"Transfer-Encoding": "chunked"} if chunked else {})}
        status, _, answer = ask(node, "mirrored", f"/m/a%20b?id={i}", "POST", body, chunked, **headers)
        sent = json.loads(answer)
        assert status == 200 and sent["pod"] == "one" and sent["path"] == f"/n/a%20b?id={i}"
        for pod in ("two", "three"):
            copies = eventually(lambda pod=pod, i=i: seen(node, pod, i))
            assert len(copies) == 1
            assert [copies[0][k] for k in ("method", "path", "body", "headers")] == [
                sent[k] for k in ("method", "path", "body", "headers")]


def test_part_of_the_requests_is_mirrored(node):
    route(node, "part", rule("/", ref("one"), filters=[
        mirror("two", percent=20), mirror("three", fraction={"numerator": 1, "denominator": 2})]))
    c, i = Client(node, "part"), ident()
    for _ in range(400):
        assert c.ask(f"/?id={i}")[0] == 200
    for pod, mean, deviation in (("two", 80, 8.0), ("three", 200, 10.0)):
        n = eventually(lambda pod=pod: settled(lambda: len(seen(node, pod, i))))
        assert abs(n - mean) < 5 * deviation, (pod, n)


def settled(count):
    before = count()
    time.sleep(0.2)
    return count() == before and before


@pytest.mark.parametrize("bad", ["deaf", "empty"])
def test_a_mirror_that_cannot_be_reached_is_nobody_s_trouble(node, bad):
    route(node, "nobody", rule("/", ref("one"), filters=[mirror(bad)]))
    c = Client(node, "nobody")
    for _ in range(50):
        assert c.ask("/", "POST", b"x" * 1000)[0] == 200


def test_a_mirror_that_does_not_read_holds_nobody_up(node):
    route(node, "slow", rule("/", ref("one"), filters=[mirror("two")]), )
    worker = node.workers()["ingress-0"]
    before = private_kb(worker)
    c = Client(node, "slow")
    c.connect()
    for _ in range(5):
        status, _, body = c.ask("/?hangs=1", "POST", b"x" * (8 << 20))
        assert status == 200 and json.loads(body)["body"] == 8 << 20
    assert private_kb(worker) - before < 8192


def test_a_mirror_that_is_not_there_is_said(node):
    route(node, "unsaid", rule("/", ref("one"), filters=[mirror("nobody")]))
    assert ask(node, "unsaid", "/")[0] == 200
    parents = node.api("GET", f"{ROUTES}/unsaid")[1]["status"]["parents"]
    refs = next(c for c in parents[0]["conditions"] if c["type"] == "ResolvedRefs")
    assert refs["status"] == "False" and refs["reason"] == "BackendNotFound"


# ---- retries --------------------------------------------------------------------------------------------------------

def retried(**retry):
    return rule("/", ref("one"), retry=retry)


@pytest.mark.parametrize("query, retry, status, tries", [
    ("status=500&fail=2", {"codes": [500], "attempts": 3}, 200, 3),
    ("status=500&fail=3", {"codes": [500], "attempts": 3}, 200, 4),
    ("status=500&fail=4", {"codes": [500], "attempts": 3}, 500, 4),
    ("status=503&fail=2", {"codes": [500], "attempts": 3}, 503, 1),
    ("status=503&fail=1", {"codes": [500, 502, 503, 504]}, 200, 2),
    ("status=503&fail=2", {"codes": [503]}, 503, 2),
    ("status=500&fail=9", {"codes": [500], "attempts": 0}, 500, 1),
    ("status=404&fail=1", {"codes": [404], "attempts": 1}, 200, 2),
    ("drop=2", {"attempts": 3}, 200, 3),
    ("drop=9", {"attempts": 2}, 502, 3),
])
@pytest.mark.parametrize("size", [0, 1000])
def test_retries(node, query, retry, status, tries, size):
    route(node, "retry", retried(backoff="10ms", **retry))
    i = ident()
    assert ask(node, "retry", f"/?id={i}&{query}", "POST" if size else "GET", b"x" * size or None)[0] == status
    came = seen(node, "one", i)
    if "drop=9" in query and len(came) > tries:
        came.pop()  # a connection that had idled may have been stale: that try is not counted
    assert [r["body"] for r in came] == [size] * tries
    assert len({json.dumps(r["headers"]) for r in came}) == 1


def test_backoff(node):
    route(node, "backoff", retried(codes=[500], attempts=3, backoff="300ms"))
    i = ident()
    assert ask(node, "backoff", f"/?id={i}&status=500&fail=3")[0] == 200
    times = [r["time"] for r in seen(node, "one", i)]
    assert len(times) == 4 and all(b - a >= 0.295 for a, b in zip(times, times[1:])), times


def test_a_body_that_is_not_kept_is_not_sent_again(node):
    route(node, "large", retried(codes=[500], attempts=3))
    i = ident()
    assert ask(node, "large", f"/?id={i}&status=500&fail=1", "POST", b"x" * 1000000)[0] == 500
    assert len(seen(node, "one", i)) == 1


def test_a_try_that_takes_too_long_is_tried_again(node):
    route(node, "tries", rule("/", ref("one"), retry={"attempts": 2, "backoff": "10ms"},
                              timeouts={"request": "20s", "backendRequest": "500ms"}))
    i = ident()
    assert ask(node, "tries", f"/?id={i}&stall=2&delay=3000")[0] == 200
    assert len(seen(node, "one", i)) == 3
    assert ask(node, "tries", f"/?id={ident()}&stall=9&delay=3000")[0] == 504


def test_retries_end_with_the_request(node):
    route(node, "ends", rule("/", ref("one"), retry={"codes": [500], "attempts": 30, "backoff": "100ms"},
                             timeouts={"request": "700ms"}))
    i = ident()
    assert ask(node, "ends", f"/?id={i}&status=500&fail=99")[0] == 504
    assert 1 < len(seen(node, "one", i)) <= 7


def test_refused_connections_are_tried_again(node):
    """Nobody listens on deaf: half of the requests begin there."""
    route(node, "refused", rule("/", ref("deaf"), retry={"attempts": 2, "backoff": "10ms"}))
    assert ask(node, "refused", "/")[0] == 502


# ---- timeouts -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("timeouts, delay, status", [
    ({"request": "500ms"}, 0, 200), ({"request": "500ms"}, 3000, 504), ({"request": "0s"}, 1000, 200),
    ({"backendRequest": "500ms"}, 0, 200), ({"backendRequest": "500ms"}, 3000, 504),
    ({"backendRequest": "0s"}, 1000, 200), ({"request": "10s", "backendRequest": "500ms"}, 3000, 504),
])
def test_timeouts(node, timeouts, delay, status):
    route(node, "timeouts", rule("/", ref("one"), timeouts=timeouts))
    assert ask(node, "timeouts", f"/?delay={delay}")[0] == status


@pytest.mark.parametrize("timeouts", [{"request": "700ms"}, {"backendRequest": "700ms"}])
def test_an_answer_that_takes_too_long_is_cut(node, timeouts):
    """Its head went out already: the client sees that it is not whole."""
    route(node, "cut", rule("/", ref("one"), timeouts=timeouts))
    c = Client(node, "cut")
    c.request("GET", "/?trickle=1", headers={"Host": "cut.test"})
    r = c.getresponse()
    assert r.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        r.read()


# ---- filters as they meet -------------------------------------------------------------------------------------------

def test_host_rewrite_and_forwarded(node):
    route(node, "rehost", rule("/", ref("one"), filters=[
        {"type": "URLRewrite", "urlRewrite": {"hostname": "inside.example"}}]))
    headers = dict(json.loads(ask(node, "rehost", "/")[2])["headers"])
    assert headers["host"] == "inside.example" and headers["x-forwarded-host"] == "rehost.test"


def test_forwarded_fields_that_a_route_sets(node):
    route(node, "forwarded", rule("/", ref("one"), filters=[{"type": "RequestHeaderModifier", "requestHeaderModifier": {
        "set": [{"name": "X-Forwarded-Proto", "value": "https"}], "remove": ["X-Forwarded-Port"]}}]))
    headers = json.loads(ask(node, "forwarded", "/", **{"X-Forwarded-Proto": "spdy"})[2])["headers"]
    assert [v for k, v in headers if k == "x-forwarded-proto"] == ["https"]
    assert not [v for k, v in headers if k == "x-forwarded-port"]


def test_own_answers_are_filtered_too(node):
    modify = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "X-Set", "value": "1"}]}}
    cors = {"type": "CORS", "cors": {"allowOrigins": ["https://a.test"]}}
    route(node, "own-answers", rule("/moved", filters=[modify, {"type": "RequestRedirect", "requestRedirect": {
        "scheme": "https"}}]), rule("/empty", ref("empty"), filters=[modify, cors]))
    status, headers, _ = ask(node, "own-answers", "/moved?q=1")
    assert status == 302 and headers["Location"] == "https://own-answers.test/moved?q=1" and headers["X-Set"] == "1"
    status, headers, _ = ask(node, "own-answers", "/empty", Origin="https://a.test")
    assert status == 503 and headers["X-Set"] == "1" and headers["Access-Control-Allow-Origin"] == "https://a.test"


# ---- changes --------------------------------------------------------------------------------------------------------

def test_a_change_is_in_force_when_it_was_answered(node):
    c = Client(node, "now")
    for i in range(60):
        target = ("one", "two", "three")[i % 3]
        route(node, "now", rule("/", ref(target)))
        assert c.ask("/")[1]["X-Pod"] == target
    must(node.api("DELETE", f"{ROUTES}/now"), 200)
    assert c.ask("/")[0] == 404


def test_routes_change_under_load(node):
    route(node, "busy", rule("/", ref("one")))
    stop, bad, good = threading.Event(), [], collections.Counter()

    def load():
        c = Client(node, "busy")
        while not stop.is_set():
            try:
                status, headers, _ = c.ask("/")
            except (OSError, http.client.HTTPException) as error:
                status, headers = repr(error), {}
            if status == 200:
                good[headers["X-Pod"]] += 1
            else:
                bad.append(status)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for i in range(40):
            body = route_body("busy", "busy.test", rule("/", ref(("one", "two", "three")[i % 3])))
            must(node.api("PUT", f"{ROUTES}/busy", body), 200)
            route(node, f"other-{i}", rule(f"/{i}", ref("one")))
    finally:
        stop.set()
        for t in threads:
            t.join()
    for i in range(40):
        must(node.api("DELETE", f"{ROUTES}/other-{i}"), 200)
    assert not bad, bad[:5]
    assert set(good) == {"one", "two", "three"}, good


def test_many_routes_of_one_host(node):
    """Each is found, the longest prefix first, and a change of one is in force at once."""
    n = 300
    for i in range(n):
        body = route_body(f"many-{i}", "many.test", rule(f"/r{i}", ref("one")), rule(f"/r{i}/deep", ref("two")))
        must(node.api("POST", ROUTES, body))
    c = Client(node, "many")
    try:
        for i in range(0, n, 7):
            assert c.ask(f"/r{i}/x")[1]["X-Pod"] == "one"
            assert c.ask(f"/r{i}/deep/x")[1]["X-Pod"] == "two"
            assert c.ask(f"/r{i}x")[0] == 404
            body = route_body(f"many-{i}", "many.test", rule(f"/r{i}", ref("three")))
            must(node.api("PUT", f"{ROUTES}/many-{i}", body), 200)
            assert c.ask(f"/r{i}/deep/x")[1]["X-Pod"] == "three"
    finally:
        for i in range(n):
            node.api("DELETE", f"{ROUTES}/many-{i}")
