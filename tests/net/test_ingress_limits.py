"""What one client, or one backend, may cost the proxy: slow heads, slow bodies, slow readers, many connections, large heads."""

import contextlib
import os
import socket
import sys
import threading
import time

import hpack
import pytest
from hyperframe.frame import HeadersFrame, PingFrame, SettingsFrame

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from test_ingress import answer_of, ask, backend, connect, route, service, until_closed  # noqa: E402

CLIENTS_MAX = 2048  # of proxy.h
GET = b"GET /who HTTP/1.1\r\nHost: web.example\r\n\r\n"
POST = b"POST /size HTTP/1.1\r\nHost: web.example\r\n"


@pytest.fixture(scope="module")
def node():
    with Knetd(ini="[ingress]\nhttp = 8080\ntimeout = 2\n") as knetd:
        pod = Pod(knetd, "one", labels={"app": "web"})
        try:
            backend(pod)
            service(knetd, "web")
            route(knetd, "web", "web.example", "web")
            yield knetd
        finally:
            pod.remove()


def metric(node, name):
    text = node.api("GET", "/metrics")[1]
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def dribble(s, data, size, pause):
    with contextlib.suppress(OSError):
        for at in range(0, len(data), size):
            s.sendall(data[at:at + size])
            time.sleep(pause)


def test_a_head_that_comes_byte_by_byte(node):
    with connect(node) as s, s.makefile("rb") as f:
        dribble(s, GET, 1, 0.01)
        assert answer_of(f)[0] == b"200"


def test_many_slow_heads_do_not_keep_others_out(node):
    """As many connections as there may be, all with half a head: the oldest ones make room."""
    held = []
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS_MAX + 50):
            s = stack.enter_context(connect(node))
            s.sendall(b"GET / HTTP/1.1\r\nHost: web.exam")
            held.append(s)
        for _ in range(5):
            assert b" 200 " in ask(node, "/ok")
        assert metric(node, 'knetd_ingress_connections_closed_total{reason="idle"}') >= 50
        held[0].settimeout(5)
        assert until_closed(held[0]) == b""  # it was the first to go
        held[-1].sendall(b"ple\r\nConnection: close\r\n\r\n")
        assert b" 200 " in until_closed(held[-1])  # the last one is still served
    eventually(lambda: b" 200 " in ask(node, "/ok"))


def begin_h2(node, stack):
    """A connection of HTTP/2 that asks once."""
    s = stack.enter_context(connect(node))
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize() + HeadersFrame(1, hpack.Encoder().encode([
        (":method", "GET"), (":scheme", "http"), (":authority", "web.example"), (":path", "/who")]),
        flags=["END_HEADERS", "END_STREAM"]).serialize())
    return s


def until_data(s):
    """Until a frame that ends stream 1 has come whole."""
    got = b""
    while b"\x00\x01\x00\x00\x00\x01" not in got:
        more = s.recv(65536)
        assert more
        got += more


def test_idle_connections_of_http_2_make_room(node):
    """As many as there may be, all of them idle: whoever is so longest has to go, and is told."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(CLIENTS_MAX + 50):
            held.append(begin_h2(node, stack))
            until_data(held[-1])
        for _ in range(5):
            assert b" 200 " in ask(node, "/ok")
        held[0].settimeout(5)
        assert until_closed(held[0])[-17:-8] == b"\x00\x00\x08\x07\x00\x00\x00\x00\x00"  # GOAWAY
        held[-1].sendall(PingFrame(0, b"12345678").serialize())
        assert held[-1].recv(65536).endswith(b"12345678")
    eventually(lambda: b" 200 " in ask(node, "/ok"))


def test_idle_connections_take_little(node):
    worker = node.workers()["ingress-0"]
    before = private_kb(worker)
    with contextlib.ExitStack() as stack:
        for _ in range(1000):
            s = stack.enter_context(connect(node))
            s.sendall(GET)
            f = stack.enter_context(s.makefile("rb"))
            assert answer_of(f)[0] == b"200"
        assert eventually(lambda: private_kb(worker) - before < 4096, 10)


def test_a_body_that_stops_is_the_clients_fault(node):
    with connect(node) as s:
        s.sendall(POST + b"Content-Length: 10\r\n\r\nhalf")
        assert until_closed(s).startswith(b"HTTP/1.1 408 ")


def test_a_slow_body_is_taken_as_long_as_it_moves(node):
    """Six seconds for a body where a backend has two for its answer."""
    with connect(node) as s, s.makefile("rb") as f:
        s.sendall(POST + b"Content-Length: 12\r\n\r\n")
        dribble(s, b"0123456789ab", 1, 0.5)
        assert answer_of(f)[2] == b"12"


def test_chunks_of_mostly_nothing(node):
    """A byte a chunk is taken; a byte a chunk with an extension each is not."""
    with connect(node) as s, s.makefile("rb") as f:
        s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20000 + b"0\r\n\r\n")
        assert answer_of(f)[2] == b"20000"
    with connect(node) as s:
        with contextlib.suppress(OSError):
            s.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"e" * 400 + b"\r\nx\r\n") * 20000)
        assert until_closed(s).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent, status", [
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: web.example\r\n\r\n", b"414"),
    (b"GET /ok HTTP/1.1\r\nHost: web.example\r\nX: " + b"a" * 40000 + b"\r\n\r\n", b"431"),
    (b"GET /ok HTTP/1.1\r\nHost: web.example\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
    (b"GET /ok HTTP/1.1\r\nHost: web.example\r\nX: " + b"a" * 30000 + b"\r\nConnection: close\r\n\r\n", b"200"),
])
def test_heads_have_an_end(node, sent, status):
    with connect(node) as s:
        with contextlib.suppress(OSError):
            s.sendall(sent)
        assert until_closed(s).split(b" ")[1] == status


def test_many_slow_readers_are_bounded_together(node):
    """40 clients that ask for 64 MB each and do not read."""
    worker = node.workers()["ingress-0"]
    before = private_kb(worker)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(node)) for _ in range(40)]
        for s in held:
            s.sendall(b"GET /big HTTP/1.1\r\nHost: web.example\r\n\r\n")
        answers = [s.recv(100).split(b" ")[1] for s in held]
        assert answers.count(b"200") > 20  # the backend of this test may be too slow for some
        assert private_kb(worker) - before < 32 * 1024
        assert b" 200 " in ask(node, "/ok")
    eventually(lambda: private_kb(worker) - before < 12 * 1024)


def test_a_client_that_never_reads_is_let_go(node):
    """Pipelined requests without end, no answer read: the proxy stops reading, and nothing grows."""
    worker = node.workers()["ingress-0"]
    before = private_kb(worker)
    with connect(node) as s:
        s.settimeout(1)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 64 << 20:
                sent += s.send(GET * 1000)
        assert sent < 64 << 20
        assert private_kb(worker) - before < 4096


def test_what_is_refused_can_still_be_read(node):
    """A client in the middle of sending gets to see why: the proxy reads on for a while, else a reset would overtake it."""
    with connect(node) as s:
        writer = threading.Thread(target=dribble, args=(s, b"POST / HTTP/1.1\r\nHost: a b\r\n\r\n" + b"x" * 100000, 10000, 0.01))
        writer.start()
        assert until_closed(s).startswith(b"HTTP/1.1 400 ")
        writer.join()
