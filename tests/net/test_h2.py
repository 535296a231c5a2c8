"""HTTP/2 from clients: real clients, and one that does what no client should."""

import os
import socket
import subprocess
import sys

import hpack
import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from test_ingress import backend, route, service  # noqa: E402


@pytest.fixture(scope="module")
def node():
    with Knetd(ini="[ingress]\nhttp = 8080\ntimeout = 1\n") as knetd:
        pods = [Pod(knetd, "one", labels={"app": "web"})]
        try:
            backend(pods[0])
            for name in ("web", "empty"):
                service(knetd, name)
                route(knetd, name, f"{name}.example", name)
            yield knetd
        finally:
            for pod in pods:
                pod.remove()


def curl(node, path, *options, host="web.example"):
    done = subprocess.run([*node.enter, "curl", "-sS", "--http2-prior-knowledge", "--max-time", "20", "-w", "\n%{http_code} %{http_version}",
                           "--connect-to", f"{host}:80:127.0.0.1:8080", *options, f"http://{host}{path}"],
                          capture_output=True, check=False)
    body, _, last = done.stdout.rpartition(b"\n")
    status, version = last.split()
    return int(status), version, body, done


@pytest.mark.parametrize("path, status", [
    ("/garbage", 502), ("/two-lengths", 502), ("/close", 502), ("/silent", 504), ("/ok", 200), ("/204", 204), ("/304", 304),
])
def test_what_a_backend_does(node, path, status):
    assert curl(node, path)[:2] == (status, b"2")


def test_bodies(node):
    assert curl(node, "/size", "--data-binary", "x" * 100000)[2] == b"100000"
    assert curl(node, "/chunked")[2] == b"hello world"
    assert len(curl(node, "/big")[2]) == 64 << 20
    assert curl(node, "/cut")[3].returncode in (18, 92)  # the client sees it is not whole


def test_trailers(node):
    """Of HTTP/1.1 on the other side, both ways; more than once over a connection that is kept there."""
    with Raw(node) as raw:
        for stream in (1, 5, 9):
            raw.send(raw.get(stream, "/chunked"))
            assert raw.until(HeadersFrame, stream).fields[":status"] == "200"
            last = raw.until(HeadersFrame, stream)
            assert last.fields == {"x-sum": "1"} and "END_STREAM" in last.flags
            raw.send(raw.head(stream + 2, [(":method", "POST"), *GET[1:], (":path", "/trailers")]), DataFrame(stream + 2, b"abc"),
                     raw.head(stream + 2, [("x-up", str(stream)), ("host", "evil")], "END_STREAM"))
            assert raw.until(DataFrame, stream + 2).data == b"one x-up: %d" % stream


def test_no_route_and_no_endpoints(node):
    assert curl(node, "/", host="nobody.example")[0] == 404
    assert curl(node, "/", host="empty.example")[0] == 503


def test_paths_that_two_servers_could_read_differently(node):
    for path in ("/a/../b", "/a%2fb", "/a%00b", "/%2e%2e/b", "//a"):
        assert curl(node, path, "--path-as-is")[0] == 400, path


def test_head_and_hints(node):
    done = curl(node, "/x", "-I")
    assert done[0] == 200 and b"content-length: 1234" in done[2].lower()
    assert b"103" in curl(node, "/hints", "-i")[2].split(b"\r\n")[0]


def test_what_the_backend_gets(node):
    seen = curl(node, "/a?q=1", "-H", "Cookie: a=1", "-H", "X-Forwarded-For: 9.9.9.9", "-H", "X-Kept: 2")[2]
    assert seen.startswith(b"GET /a?q=1 HTTP/1.1\r\n") and b"host: web.example\r\n" in seen.lower()
    assert b"x-kept: 2" in seen and b"9.9.9.9" not in seen and b"X-Forwarded-For: 127.0.0.1\r\n" in seen
    assert b"X-Forwarded-Proto: http\r\n" in seen and b"transfer-encoding" not in seen.lower()


def test_other_clients(node):
    got = subprocess.run([*node.enter, "nghttp", "-v", "-H", ":authority: web.example", "http://127.0.0.1:8080/who"],
                         capture_output=True, text=True, check=True, timeout=20).stdout
    assert "one " in got and ":status: 200" in got
    load = subprocess.run([*node.enter, "h2load", "-n", "3000", "-c", "4", "-m", "50", "-H", ":authority: web.example",
                           "http://127.0.0.1:8080/who"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "3000 succeeded, 0 failed, 0 errored" in load and "3000 2xx" in load, load


# ---- a client of our own, frame by frame --------------------------------------------------------------------------

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "web.example")]


class Raw:
    """One connection, and what is sent on it without any manners."""

    def __init__(self, node):
        with inside(node.netns):
            self.socket = socket.create_connection(("127.0.0.1", 8080), timeout=20)
        self.encoder, self.decoder, self.buffer = hpack.Encoder(), hpack.Decoder(), b""
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        """False when the other side has closed."""
        try:
            self.socket.sendall(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))
            return True
        except (ConnectionError, socket.timeout):
            return False

    def head(self, stream, fields, *flags):
        return HeadersFrame(stream, self.encoder.encode(fields), flags=["END_HEADERS", *flags])

    def get(self, stream, path, more=()):
        return self.head(stream, [*GET, (":path", path), *more], "END_STREAM")

    def frames(self):
        """Those that come, until the connection is closed."""
        while True:
            while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
                try:
                    got = self.socket.recv(1 << 18)
                except ConnectionError:
                    return
                if not got:
                    return
                self.buffer += got
            frame, length = Frame.parse_frame_header(memoryview(self.buffer[:9]))
            frame.parse_body(memoryview(self.buffer[9:9 + length]))
            self.buffer = self.buffer[9 + length:]
            if isinstance(frame, HeadersFrame):
                frame.fields = dict(self.decoder.decode(frame.data))
            yield frame

    def until(self, kind, stream=None):
        for frame in self.frames():
            if isinstance(frame, kind) and stream in (None, frame.stream_id):
                return frame
        raise AssertionError(f"closed before a {kind}")


def goaway_of(raw):
    last = None
    for frame in raw.frames():
        if isinstance(frame, GoAwayFrame):
            last = frame.error_code
    return last


ENHANCE_YOUR_CALM = 11


def rapid_reset(raw):
    for i in range(1, 40000, 200):
        if not raw.send(*(f for s in range(i, i + 200, 2) for f in (raw.get(s, "/silent"), RstStreamFrame(s, 8)))):
            break


def pings(raw):
    for _ in range(200):
        if not raw.send(PingFrame(0, b"12345678").serialize() * 100):
            break


def settings(raw):
    for _ in range(200):
        if not raw.send(SettingsFrame(0, {3: 1}).serialize() * 100):
            break


def priorities(raw):
    for _ in range(200):
        if not raw.send(PriorityFrame(1, depends_on=0, stream_weight=1).serialize() * 100):
            break


def windows(raw):
    for _ in range(200):
        if not raw.send(WindowUpdateFrame(0, 1).serialize() * 100):
            break


def empty_data(raw):
    raw.send(raw.head(1, [(":method", "POST"), *GET[1:], (":path", "/size")]))
    for _ in range(200):
        if not raw.send(DataFrame(1, b"").serialize() * 100):
            break


def continuations(raw):
    raw.send(HeadersFrame(1, b"\x82"))
    for _ in range(200):
        if not raw.send(ContinuationFrame(1, b"").serialize() * 100):
            break


def bomb(raw):
    field = b"\x40\x01x\x7f\xbd\x1d" + b"x" * 3900  # kept in the table, then named 16,000 times
    raw.send(HeadersFrame(1, b"\x82\x86\x84\x41\x01a" + field, flags=["END_HEADERS", "END_STREAM"]))
    raw.send(HeadersFrame(3, b"\x82\x86\x84\x41\x01a" + b"\xbf" * 16000, flags=["END_HEADERS", "END_STREAM"]))


def made_resets(raw):
    """The server is brought to reset streams, over and over (CVE-2025-8671)."""
    for i in range(1, 40000, 200):
        if not raw.send(*(f for s in range(i, i + 200, 2)
                          for f in (raw.get(s, "/silent"), WindowUpdateFrame(s, (1 << 31) - 1)))):
            break


def counted(node, name):
    return sum(float(line.split()[-1]) for line in node.api("GET", "/metrics")[1].splitlines()
               if line.startswith(f"knetd_ingress_http2_{name}"))


@pytest.mark.parametrize("flood, reason", [
    (rapid_reset, "resets"), (made_resets, ""), (pings, "frames"), (settings, "frames"), (priorities, "frames"), (windows, "frames"),
    (empty_data, "frames"), (continuations, "heads"), (bomb, "heads")], ids=lambda f: getattr(f, "__name__", None))
def test_floods_end_the_connection(node, flood, reason):
    """Each is counted under its reason (made_resets breaks rules as well: whichever overflows first)."""
    ended = f'connections_ended_total{{reason="{reason}'
    before, counts = private_kb(worker(node)), counted(node, ended)
    with Raw(node) as raw:
        flood(raw)
        assert goaway_of(raw) in (ENHANCE_YOUR_CALM, None)  # None: a reset of TCP came before it
    assert curl(node, "/ok")[0] == 200
    assert eventually(lambda: counted(node, ended) - counts == 1)
    assert private_kb(worker(node)) - before < 4096


def worker(node):
    return node.workers()["ingress-0"]


def test_slow_readers_cost_little(node):
    """Answers of 64 MB that nobody reads, sixty at a time on each of four connections."""
    before = private_kb(worker(node))
    raws = [Raw(node) for _ in range(4)]
    try:
        for raw in raws:
            raw.send(SettingsFrame(0, {4: (1 << 31) - 1}), WindowUpdateFrame(0, (1 << 31) - 1 - 65535))
            raw.send(*(raw.get(s, "/big") for s in range(1, 121, 2)))
        seen = []
        for _ in range(20):
            assert curl(node, "/", host="empty.example")[0] == 503  # others are served meanwhile
            seen.append(private_kb(worker(node)) - before)
        assert max(seen) < 240 * 256, seen  # a stream: 128 KB on the way out, 64 KB from the backend, and some
    finally:
        for raw in raws:
            raw.socket.close()
    assert eventually(lambda: private_kb(worker(node)) - before < 16 * 1024, seconds=20)
    assert curl(node, "/ok")[0] == 200


def test_a_large_head(node):
    with Raw(node) as raw:
        raw.send(HeadersFrame(1, raw.encoder.encode([*GET, (":path", "/"), *((f"x-{i}", "y") for i in range(150))]),
                              flags=["END_HEADERS", "END_STREAM"]))
        assert raw.until(HeadersFrame, 1).fields[":status"] == "431"
        raw.send(raw.get(3, "/ok"))
        assert raw.until(HeadersFrame, 3).fields[":status"] == "200"


def test_what_is_not_http_2_is_counted(node):
    before = counted(node, "connections_total"), counted(node, 'connections_ended_total{reason="protocol"}')
    with Raw(node) as raw:
        raw.send(b"\0\0\1\0\0\0\0\0\0x")  # DATA of no stream
        assert goaway_of(raw) == 1  # PROTOCOL_ERROR
    assert counted(node, "connections_total") == before[0] + 1
    assert counted(node, 'connections_ended_total{reason="protocol"}') == before[1] + 1


def test_more_streams_than_allowed(node):
    before = counted(node, "streams_refused_total")
    with Raw(node) as raw:
        raw.send(*(raw.get(s, "/silent") for s in range(1, 2 * 140, 2)))
        assert raw.until(RstStreamFrame).error_code == 7  # REFUSED_STREAM
        assert eventually(lambda: counted(node, "streams_refused_total") == before + 12)


def test_a_stream_given_up_goes_up_to_the_backend(node):
    """The connection to the backend is closed: nobody works for nobody."""
    with Raw(node) as raw:
        raw.send(raw.get(1, "/big"))
        raw.until(DataFrame, 1)
        raw.send(RstStreamFrame(1, 8), raw.get(3, "/who"))
        assert raw.until(HeadersFrame, 3).fields[":status"] == "200"


WEBSOCKET = r"""
import base64, hashlib, socket, threading
def serve(c):
    data = b""
    while b"\r\n\r\n" not in data:
        data += c.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    key = [line.split(b": ")[1] for line in head.split(b"\r\n")[1:] if line.lower().startswith(b"sec-websocket-key")][0]
    answer = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    if b"/liar" in head:
        answer = b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    if b"/no" in head.split(b" ")[1]:
        c.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        return c.close()
    c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
              + answer + b"\r\n\r\n" + rest)
    while (got := c.recv(65536)):
        c.sendall(got)
    c.close()
s = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


@pytest.fixture(scope="module")
def chat(node):
    pod = Pod(node, "chat", labels={"app": "chat"})
    try:
        p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", WEBSOCKET], stdout=subprocess.PIPE, text=True)
        pod.processes.append(p)
        assert p.stdout.readline() == "ready\n"
        service(node, "chat")
        route(node, "chat", "chat.example", "chat")
        yield node
    finally:
        pod.remove()


def open_socket(raw, stream, path):
    raw.send(raw.head(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
                               (":authority", "chat.example"), ("sec-websocket-version", "13")]))
    return raw.until((HeadersFrame, RstStreamFrame), stream)


def test_websocket(chat):
    """Extended CONNECT (RFC 8441) here, an upgrade of HTTP/1.1 there."""
    with Raw(chat) as raw:
        assert 8 in raw.until(SettingsFrame).settings  # ENABLE_CONNECT_PROTOCOL
        assert open_socket(raw, 1, "/").fields == {":status": "200"}
        raw.send(DataFrame(1, b"a frame"))
        assert raw.until(DataFrame, 1).data == b"a frame"
        raw.send(DataFrame(1, b"the last", flags=["END_STREAM"]))
        assert raw.until(DataFrame, 1).data == b"the last"
        assert "END_STREAM" in raw.until(DataFrame, 1).flags
        assert open_socket(raw, 3, "/no").fields[":status"] == "403"
        assert isinstance(open_socket(raw, 5, "/liar"), RstStreamFrame)


def test_over_tls(node):
    """By ALPN; a client that cannot is spoken to in HTTP/1.1."""
    def get(*options):
        out = subprocess.run([*node.enter, "curl", "-sSk", "--max-time", "20", "-w", "\n%{http_code} %{http_version}", *options,
                              "--connect-to", "web.example:443:127.0.0.1:443", "https://web.example/ok"],
                             capture_output=True, check=True).stdout
        return out.rpartition(b"\n")[::2]

    body, said = get("--http2")
    assert said == b"200 2" and b"X-Forwarded-Proto: https\r\n" in body
    assert get("--http1.1")[1] == b"200 1.1"
    assert get("--http2", "--data-binary", "x" * 100000)[1] == b"200 2"
