"""The Ingress proxy's manners: what a backend may do to it, what a client may, and what it refuses."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402

# A backend that does what the path says, byte by byte. Each answer names the connection it came over.
BACKEND = r"""
import socket, sys, threading, time, itertools
name, serial = sys.argv[1], itertools.count()

def fill(c, buf, until):
    while not until(buf):
        got = c.recv(65536)
        if not got:
            raise EOFError
        buf += got

def body(c, head, buf, last):
    lower = head.lower()
    if b"content-length:" in lower:
        n = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        fill(c, buf, lambda b: len(b) >= n)
        out = bytes(buf[:n]); del buf[:n]
        return out
    if b"transfer-encoding: chunked" in lower:
        out = b""
        while True:
            fill(c, buf, lambda b: b"\r\n" in b)
            size, _, _ = bytes(buf).partition(b"\r\n")
            n = int(size, 16)
            if n == 0:
                fill(c, buf, lambda b: b"\r\n\r\n" in b)
                trailers, _, rest = bytes(buf)[len(size) + 2:].partition(b"\r\n\r\n" if buf[len(size) + 2:][:2] != b"\r\n" else b"\r\n")
                buf[:] = rest
                last[:] = trailers
                return out
            fill(c, buf, lambda b: len(b) >= len(size) + 2 + n + 2)
            out += bytes(buf[len(size) + 2:len(size) + 2 + n]); del buf[:len(size) + 2 + n + 2]
    return b""

def reply(c, data, more=b""):
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(data), more, data))

def one(c, buf, number):
    fill(c, buf, lambda b: b"\r\n\r\n" in b)
    head, _, rest = bytes(buf).partition(b"\r\n\r\n")
    buf[:] = rest
    path = head.split(b" ")[1].split(b"?")[0]
    if path == b"/upgrade":
        c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        c.sendall(bytes(buf))
        while (got := c.recv(65536)):
            c.sendall(got)
        raise EOFError
    if path == b"/continue":
        c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if path == b"/early":
        return reply(c, b"no need of your body", b"Connection: close\r\n")
    last = bytearray()
    got = body(c, head, buf, last)
    if path == b"/garbage":
        c.sendall(b"this is not HTTP\r\n\r\n")
    elif path == b"/two-lengths":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    elif path == b"/close":
        raise EOFError
    elif path == b"/silent":
        time.sleep(30)
    elif path == b"/cut":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        raise EOFError
    elif path == b"/chunked":
        c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n")
    elif path == b"/old":
        c.sendall(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
        raise EOFError
    elif path == b"/hints":
        c.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        reply(c, b"after hints")
    elif path == b"/204":
        c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    elif path == b"/304":
        c.sendall(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n")
    elif path == b"/big":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            c.sendall(b"x" * (1 << 20))
    elif path == b"/trailers":
        reply(c, name.encode() + b" " + last)
    elif path == b"/size":
        reply(c, b"%d" % len(got))
    elif path == b"/bye":
        reply(c, b"bye")
        raise EOFError
    elif path == b"/who":
        reply(c, name.encode() + b" %d" % number)
    elif head.startswith(b"HEAD"):
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
    else:
        reply(c, head + b"\r\n\r\n" + got, b"Connection: x-secret, keep-alive\r\nX-Secret: 1\r\nX-Open: 1\r\n")

def serve(c, number):
    buf = bytearray()
    with c:
        try:
            while True:
                one(c, buf, number)
        except (EOFError, OSError):
            pass

s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 8080))
s.listen(256)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0], next(serial)), daemon=True).start()
"""

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
SERVICES = "/api/v1/namespaces/default/services"


def backend(pod):
    p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", BACKEND, pod.name],
                         stdout=subprocess.PIPE, text=True)
    pod.processes.append(p)
    assert p.stdout.readline() == "ready\n"


def route(knetd, name, host, service, path="/", kind="Prefix"):
    rule = {"http": {"paths": [{"path": path, "pathType": kind,
                                "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}
    if host:
        rule["host"] = host
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
            "spec": {"ingressClassName": "knetd", "rules": [rule]}}
    status, answer = knetd.api("POST", INGRESSES, body)
    assert status == 201, answer


def service(knetd, name):
    status, answer = knetd.api("POST", SERVICES, {"metadata": {"name": name}, "spec": {
        "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}})
    assert status == 201, answer


@pytest.fixture(scope="module")
def node():
    with Knetd(ini="[ingress]\nhttp = 8080\ntimeout = 1\n") as knetd:
        pods = [Pod(knetd, name, labels={"app": app}) for name, app in (("one", "web"), ("r1", "pair"), ("r2", "pair"))]
        try:
            backend(pods[0])
            backend(pods[1])  # r2 has nobody listening: its connections are refused
            for name in ("web", "pair", "empty"):
                service(knetd, name)
                route(knetd, name, f"{name}.example", name)
            yield knetd
        finally:
            for pod in pods:
                pod.remove()


def connect(knetd):
    with inside(knetd.netns):
        return socket.create_connection(("127.0.0.1", 8080), timeout=20)


def until_closed(s):
    out = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while got := s.recv(65536):
            out += got
    return bytes(out)


def raw(knetd, data):
    """Everything that comes back until the proxy closes."""
    with connect(knetd) as s:
        s.sendall(data)
        return until_closed(s)


def ask(knetd, path, host="web.example", method="GET", more="", body=b""):
    return raw(knetd, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode() + body)


def answer_of(f):
    """One answer with a Content-Length off a buffered reader: status line, head, body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = f.readline()
        assert line, f"closed after {head!r}"
        head += line
    n = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return head.split(b" ")[1], head, f.read(n)


@pytest.mark.parametrize("path, status", [
    ("/garbage", b"502"), ("/two-lengths", b"502"), ("/close", b"502"), ("/silent", b"504"), ("/ok", b"200"),
    ("/204", b"204"), ("/304", b"304"),
])
def test_what_a_backend_does(node, path, status):
    assert ask(node, path).split(b" ")[1] == status


def test_no_route_and_no_endpoints(node):
    assert ask(node, "/", host="nobody.example").split(b" ")[1] == b"404"
    assert ask(node, "/", host="empty.example").split(b" ")[1] == b"503"


def test_refused_connections_go_elsewhere(node):
    """r2 refuses: every request is answered by r1, also one with a body, of which nothing was sent yet."""
    for i in range(8):
        assert b"r1" in ask(node, "/who", host="pair.example"), i
    assert b"200 OK" in ask(node, "/size", "pair.example", "POST", "Content-Length: 5\r\n", b"hello")


def test_a_request_that_was_sent_is_not_sent_again(node):
    """A POST whose backend went away without an answer is the client's to repeat."""
    assert b" 502 " in ask(node, "/close", method="POST", more="Content-Length: 5\r\n", body=b"hello")


def test_keep_alive_and_pipelining(node):
    with connect(node) as s, s.makefile("rb") as f:
        for _ in range(3):
            s.sendall(b"GET /who HTTP/1.1\r\nHost: web.example\r\n\r\n" * 4)
            seen = [answer_of(f) for _ in range(4)]
            assert [a[0] for a in seen] == [b"200"] * 4
            assert len({a[2] for a in seen}) == 1  # over one connection to the backend


def test_a_stale_connection_is_replaced(node):
    for _ in range(5):
        assert ask(node, "/bye").endswith(b"bye")
        assert b" 200 " in ask(node, "/ok")


def test_bodies_up(node):
    assert ask(node, "/size", method="POST", more="Content-Length: 3000000\r\n", body=b"x" * 3000000).endswith(b"3000000")
    chunks = b"".join(b"%x\r\n%s\r\n" % (n, b"y" * n) for n in (1, 10, 70000, 3)) + b"0\r\nX-T: 1\r\n\r\n"
    assert ask(node, "/size", method="POST", more="Transfer-Encoding: chunked\r\n", body=chunks).endswith(b"70014")
    assert ask(node, "/early", method="POST", more="Content-Length: 10\r\n", body=b"0123456789").endswith(b"no need of your body")


def test_bodies_down(node):
    answer = ask(node, "/chunked")
    assert b"Transfer-Encoding: chunked" in answer
    assert answer.endswith(b"0\r\n\r\n") and b"hello" in answer and b" world" in answer
    old = ask(node, "/old")
    assert b"until the end" in old and old.endswith(b"0\r\n\r\n")
    assert ask(node, "/cut").endswith(b"only this")  # and no more: the client sees it is not whole


CHUNKS = b"5\r\nhello\r\n0\r\n"
TRAILS = b"X-Sum:  7 \r\nHost: evil\r\nX_Real_IP: 1\r\nContent-Length: 3\r\nX-More: a:b\r\n\r\n"


def test_trailers(node):
    """Those that may be told: up always, also when the first endpoint refuses; down to clients that say they take them."""
    for host in ("web.example", "pair.example"):
        for _ in range(6):
            answer = ask(node, "/trailers", host, "POST", "Transfer-Encoding: chunked\r\n", CHUNKS + TRAILS)
            assert answer.partition(b"\r\n\r\n")[2].partition(b" ")[2] == b"X-Sum: 7\r\nX-More: a:b"
    assert ask(node, "/trailers", method="POST", more="Transfer-Encoding: chunked\r\n", body=CHUNKS + b"\r\n").endswith(b"one ")
    assert ask(node, "/chunked", more="TE: trailers\r\n").endswith(b" world\r\n0\r\nX-Sum: 1\r\n\r\n")
    assert ask(node, "/chunked").endswith(b" world\r\n0\r\n\r\n")


def test_trailers_over_kept_connections(node):
    """Each request has its own, or none."""
    with connect(node) as s, s.makefile("rb") as f:
        for i in range(3):
            for trails, want in ((b"X-T: %d\r\n\r\n" % i, b"one X-T: %d" % i), (b"\r\n", b"one ")):
                s.sendall(b"POST /trailers HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS + trails)
                assert answer_of(f)[2] == want


def test_http_1_0(node):
    answer = raw(node, b"GET /chunked HTTP/1.0\r\nHost: web.example\r\n\r\n")
    assert b"chunked" not in answer and answer.endswith(b"\r\n\r\nhello world")


def test_head_and_hints(node):
    assert ask(node, "/x", method="HEAD").lower().count(b"content-length: 1234") == 1
    answer = ask(node, "/hints")
    assert answer.startswith(b"HTTP/1.1 103 ") and b"HTTP/1.1 200 OK" in answer and answer.endswith(b"after hints")


def test_continue(node):
    with connect(node) as s, s.makefile("rb") as f:
        s.sendall(b"POST /continue HTTP/1.1\r\nHost: web.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert f.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert f.readline() == b"\r\n"
        s.sendall(b"body")
        assert answer_of(f)[2].endswith(b"body")


def test_upgrade(node):
    with connect(node) as s, s.makefile("rb") as f:
        s.sendall(b"GET /upgrade HTTP/1.1\r\nHost: web.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += f.read(1)
        assert head.startswith(b"HTTP/1.1 101 ") and b"upgrade: echo" in head.lower()
        for n in (1, 1000, 200000):
            threading.Thread(target=s.sendall, args=(b"\x00\xff" * n,)).start()
            assert f.read(2 * n) == b"\x00\xff" * n
        s.shutdown(socket.SHUT_WR)
        assert f.read() == b""


def test_heads_as_they_are_sent_on(node):
    answer = ask(node, "/a/b?q=1", more="X-Forwarded-For: 9.9.9.9\r\nX-Hop: 1\r\nTE: trailers\r\nX-Kept: 2\r\n"
                                       "X-Real-IP: 9.9.9.9\r\n")
    head, _, seen = answer.partition(b"\r\n\r\n")
    assert b"X-Secret" not in head and b"X-Open: 1" in head
    assert seen.startswith(b"GET /a/b?q=1 HTTP/1.1\r\n") and b"Host: web.example" in seen
    assert b"9.9.9.9" not in seen and b"X-Forwarded-For: 127.0.0.1" in seen and b"X-Kept: 2" in seen
    assert b"TE:" not in seen and b"Connection" not in seen
    assert b"X-Forwarded-Proto: http\r\n" in seen and b"X-Forwarded-Host: web.example\r\n" in seen


GET = b"GET / HTTP/1.1\r\nHost: web.example\r\n"
POST = b"POST /size HTTP/1.1\r\nHost: web.example\r\n"


@pytest.mark.parametrize("sent", [
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    POST + b"Content-Length: +5\r\n\r\nhello",
    POST + b"Content-Length: 5,5\r\n\r\nhello",
    POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    GET.replace(b"\r\n", b"\n") + b"\n",
    GET + b"X-A: 1\r\n folded\r\n\r\n",
    GET + b"X-A : 1\r\n\r\n",
    GET + b"X-A: \x00\r\n\r\n",
    GET + b"Host: other.example\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: web.example\r\n\r\n",
    b"GET http://other.example/ HTTP/1.1\r\nHost: web.example\r\n\r\n",
    b"GET /a/../b HTTP/1.1\r\nHost: web.example\r\n\r\n",
    b"GET /a%2fb HTTP/1.1\r\nHost: web.example\r\n\r\n",
    b"GET /a%00b HTTP/1.1\r\nHost: web.example\r\n\r\n",
    b"GET /%2e%2e/b HTTP/1.1\r\nHost: web.example\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: web.example\r\n\r\n",
    GET + b"X-Long: " + b"a" * 70000 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
])
def test_what_is_refused(node, sent):
    """Each with a 4xx or 5xx of the proxy's own, and the connection ends there."""
    answer = raw(node, sent)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answer[:200]
    assert answer.count(b"\r\nContent-Type: text/plain") == 1 and b"\r\nConnection: close\r\n" in answer
    assert b"HTTP/1.1 2" not in answer


def test_a_slow_reader_does_not_grow_the_worker(node):
    worker = node.workers().get("ingress-0")
    before = private_kb(worker)
    with connect(node) as s:
        s.sendall(b"GET /big HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")
        s.recv(1000)
        time.sleep(0.5)  # the backend sends as much as it can
        assert private_kb(worker) - before < 4096
        n = len(until_closed(s))
    assert n > (64 << 20) - 2000


def test_clients_that_vanish(node):
    worker = node.workers().get("ingress-0")
    for _ in range(200):
        with connect(node) as s:
            s.sendall(POST + b"Content-Length: 100000\r\n\r\npart of it")
    assert b" 200 " in ask(node, "/ok")
    assert eventually(lambda: len(os.listdir(f"/proc/{worker}/fd")) < 60, 20)


def test_a_slow_head_is_timed_out(node):
    """HEAD_MS of the proxy: ten seconds for a head."""
    with connect(node) as s:
        s.sendall(b"GET / HT")
        assert until_closed(s).startswith(b"HTTP/1.1 408 ")


def test_routes_change_under_load(node):
    stop, bad, good = threading.Event(), [], []

    def load():
        while not stop.is_set():
            answer = ask(node, "/who")
            (good if b" 200 " in answer else bad).append(answer)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(30):
        route(node, f"extra-{i}", f"extra-{i}.example", "web", path=f"/p{i}")
    for i in range(30):
        assert node.api("DELETE", f"{INGRESSES}/extra-{i}")[0] == 200
    stop.set()
    for t in threads:
        t.join()
    assert good and not bad, bad[:3]
    assert ask(node, "/p1", host="extra-1.example").split(b" ")[1] == b"404"


def test_a_killed_worker_is_replaced(node):
    old = node.workers().get("ingress-0")
    os.kill(old, signal.SIGKILL)
    assert b" 200 " in ask(node, "/ok")  # the socket outlives its worker: the connection waits
    assert node.workers().get("ingress-0") not in (None, old)
