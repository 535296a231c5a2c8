"""The DNS protocol on real sockets: EDNS and its options as dig sends them, cookies, TCP as strangers speak it, and who is
answered how often."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from pods import eventually  # noqa: E402
from test_dns import V4, ZONE, Stub, ask, data, dial, endpoints, rcode, service  # noqa: E402

WEB = f"web.default.svc.{ZONE}"
BIG = f"big.default.svc.{ZONE}"
FRIEND, STRANGER = "192.0.2", "198.51.100"  # networks of two outsiders; the first one is allowed

INI = f"""
[dns]
upstreams = 127.0.0.53
listen = 127.0.0.1:53, {FRIEND}.1:53, {STRANGER}.1:53
allow = private, {FRIEND}.0/24
rate_limit = 20
"""


class Outsider:
    """A machine on a network of its own beside the node."""

    def __init__(self, node, net):
        self.netns, self.net, self.server = f"{node.netns}o{net.split('.')[0]}", net, f"{net}.1"
        link = f"o{net.split('.')[0]}"
        for command in (f"netns add {self.netns}", f"-n {node.netns} link add {link} type veth peer eth0 netns {self.netns}",
                        f"-n {node.netns} addr add {net}.1/24 dev {link}", f"-n {node.netns} link set {link} up",
                        f"-n {self.netns} addr add {net}.2/24 dev eth0", f"-n {self.netns} link set eth0 up"):
            subprocess.run(["ip", *command.split()], check=True)

    def udp(self):
        with inside(self.netns):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((self.server, 53))
        s.settimeout(5)
        return s

    def ask(self, name=WEB, **options):
        with self.udp() as s:
            s.send(dns.message.make_query(name, "A", **options).to_wire())
            return dns.message.from_wire(s.recv(4096))

    def tcp(self):
        with inside(self.netns):
            s = socket.socket()
        s.settimeout(5)
        s.connect((self.server, 53))
        return s

    def close(self):
        subprocess.run(["ip", "netns", "del", self.netns], check=False)


@pytest.fixture(scope="module")
def knetd():
    daemon = Knetd(ini=INI)
    with contextlib.ExitStack() as stack:
        stack.callback(daemon.close)
        daemon.outsiders = {net: Outsider(daemon, net) for net in (FRIEND, STRANGER)}
        for outsider in daemon.outsiders.values():
            stack.callback(outsider.close)
        daemon.start()
        service(daemon, "web", ports=[{"name": "http", "port": 80}])
        service(daemon, "big", clusterIP="None", ports=[{"port": 80}])
        for k in range(3):
            endpoints(daemon, "big", [(f"10.1.{k}.{i}", None, True) for i in range(1, 101)], name=f"big-{k}")
        yield daemon


@pytest.fixture(scope="module")
def upstream(knetd):
    stub = Stub(knetd, "127.0.0.53")
    yield stub
    stub.close()


@pytest.fixture
def friend(knetd):
    return knetd.outsiders[FRIEND]


@pytest.fixture
def stranger(knetd):
    return knetd.outsiders[STRANGER]


def frame(name=WEB, rdtype="A", **options):
    wire = dns.message.make_query(name, rdtype, **options).to_wire()
    return struct.pack("!H", len(wire)) + wire


def read(stream):
    n = struct.unpack("!H", stream.read(2))[0]
    return dns.message.from_wire(stream.read(n))


def option(answer, code):
    return next((o for o in answer.options if o.otype == code), None)


def cookie(data_=b"client88"):
    return [dns.edns.GenericOption(10, data_)]


# ---- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tcp", ["+notcp", "+tcp"])
@pytest.mark.parametrize("options", ["+cookie", "+nsid", "+subnet=203.0.113.0/24", "+keepalive", "+padding=128", "+dnssec",
                                     "+bufsize=100", "+bufsize=65000", "+noedns", "+ednsopt=65001:ffff", "+adflag +cdflag",
                                     "+cookie +nsid +subnet=0/0 +keepalive +padding=64 +dnssec"])
def test_dig(knetd, tcp, options):
    if not shutil.which("dig"):
        pytest.skip("no dig")
    out = knetd.exec("dig", f"@{V4}", tcp, "+nocookie", *options.split(), WEB, "A", "+tries=1", "+time=5").stdout
    assert "status: NOERROR" in out and "ANSWER: 1," in out, out
    assert "malformed" not in out and ("(good)" in out) == ("+cookie" in options)
    assert ("TCP-KEEPALIVE: 10.0 secs" in out or "TCP KEEPALIVE: 10.0 secs" in out) == \
        ("+keepalive" in options and tcp == "+tcp"), out


def test_versions_of_edns(knetd):
    out = knetd.exec("dig", f"@{V4}", "+edns=1", "+noednsnegotiation", WEB, "A").stdout
    assert "status: BADVERS" in out and "EDNS: version: 0" in out and "ANSWER: 0" in out, out


@pytest.mark.parametrize("size", [512, 513, 700, 1231, 1232, 1233, 4096])
def test_sizes(knetd, size):
    r = ask(knetd, BIG, use_edns=0, payload=size)
    assert r.flags & dns.flags.TC and min(size, 1232) - 16 < len(r.to_wire()) <= min(size, 1232)


def test_cookie_is_good_for_every_worker_and_over_a_restart(knetd_factory):
    node = knetd_factory(workers=2)
    name = "dns-version." + ZONE
    first = option(ask(node, name, "TXT", options=cookie()), 10).data
    assert len(first) == 24 and first[:8] == b"client88"
    for _ in range(20):
        assert option(ask(node, name, "TXT", options=cookie(first)), 10).data == first
    node.stop()
    for pid in node.pids():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not node.pids())
    node.start()
    assert option(ask(node, name, "TXT", options=cookie(first)), 10).data == first
    forged = first[:-1] + bytes([first[-1] ^ 1])
    r = ask(node, name, "TXT", options=cookie(forged))
    assert rcode(r) == "NOERROR" and option(r, 10).data != forged


def test_why_there_is_no_answer(knetd, upstream):
    upstream.process.send_signal(signal.SIGSTOP)
    try:
        r = ask(knetd, "silent-why.example.", use_edns=0)
        assert rcode(r) == "SERVFAIL" and option(r, 15).code == 22
        assert ask(knetd, "silent-why.example.").edns == -1
    finally:
        upstream.process.send_signal(signal.SIGCONT)


def test_broken_messages(knetd):
    """Not one byte may be lost or be too many: the worker is the same one afterwards."""
    before = knetd.workers()
    query = dns.message.make_query(WEB, "A", use_edns=0, options=cookie()).to_wire()
    with dial(knetd, V4, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for cut in range(12, len(query)):
            s.sendto(query[:cut], (V4, 53))
            assert s.recv(600)[3] & 15 == dns.rcode.FORMERR
        for at in range(2, len(query)):
            for value in (0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff):
                s.sendto(query[:at] + bytes([value]) + query[at + 1:], (V4, 53))
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):  # or the answers would fill our socket
                while s.recv(2000):
                    pass
            s.settimeout(5)
        s.sendto(dns.message.make_query(WEB, "A", id=7777).to_wire(), (V4, 53))
        while struct.unpack("!H", s.recv(2000)[:2])[0] != 7777:
            pass
    assert knetd.workers() == before


# ---- TCP ------------------------------------------------------------------------------------------


def test_answers_overtake_each_other(knetd, upstream):
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        s.sendall(frame("slow-overtaken.example.", id=1) + frame(id=2) + frame("nope." + ZONE, id=3))
        stream = s.makefile("rb")
        assert [read(stream).id for _ in range(3)] == [2, 3, 1]


def test_byte_by_byte(knetd):
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        for byte in frame(id=5) + frame(id=6):
            s.sendall(bytes([byte]))
        stream = s.makefile("rb")
        assert [read(stream).id for _ in range(2)] == [5, 6]


def test_half_closed(knetd, upstream):
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        s.sendall(frame("slow-half.example.", id=1) + frame(id=2))
        s.shutdown(socket.SHUT_WR)
        stream = s.makefile("rb")
        assert [read(stream).id for _ in range(2)] == [2, 1]
        assert stream.read() == b""


@pytest.mark.parametrize("garbage", [b"\0\0", b"\0\x0b" + b"x" * 11, b"\xff\xff" + b"x" * 100, b"GET / HTTP/1.1\r\n\r\n",
                                     frame()[:4] + b"\x80" + frame()[5:]])
def test_no_dns_is_cut_off(knetd, garbage):
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        s.sendall(garbage)
        with contextlib.suppress(ConnectionResetError):
            assert s.recv(100) == b""


def test_many_big_answers_to_a_slow_reader(knetd):
    """More than may wait at once, asked for in one go: all come, though nothing more is sent."""
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        s.sendall(b"".join(frame(BIG, id=i) for i in range(70)))
        stream = s.makefile("rb")
        for i in range(70):
            r = read(stream)
            assert r.id == i and len(data(r)) == 300


def test_one_client_has_a_limited_number_of_connections(knetd, friend):
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(dial(knetd, V4, socket.SOCK_STREAM))
        many = [stack.enter_context(friend.tcp()) for _ in range(80)]
        for s in many[:16]:  # the oldest made room
            with contextlib.suppress(ConnectionResetError):
                assert s.recv(1) == b""
        for s in (*many[16:], other):
            s.sendall(frame())
            assert read(s.makefile("rb")).answer


# ---- strangers ------------------------------------------------------------------------------------


def burst(s, n, **options):
    """n questions over one socket; the answers by kind: full, tc, badcookie, none."""
    for i in range(n):
        s.send(dns.message.make_query(WEB, "A", id=i, **options).to_wire())
    found = {"full": 0, "tc": 0, "badcookie": 0, "none": n}
    s.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while found["none"]:
            r = dns.message.from_wire(s.recv(4096))
            kind = "badcookie" if r.rcode() == 23 else "tc" if r.flags & dns.flags.TC else "full"
            assert bool(r.answer) == (kind == "full")
            found[kind] += 1
            found["none"] -= 1
    return found


def test_limited(knetd, friend):
    with friend.udp() as s:
        eventually(lambda: burst(s, 1)["full"])
        found = burst(s, 220)  # more answers may not fit the socket
        assert 1 <= found["full"] < 180 and found["tc"] > 20 and abs(found["tc"] - found["none"]) <= 1, found
        found = burst(s, 80, options=cookie())
        assert found["badcookie"] >= 5 and not found["tc"], found
        good = None
        while good is None:  # RFC 7873: it brings a cookie with it
            s.send(dns.message.make_query(WEB, "A", options=cookie()).to_wire())
            with contextlib.suppress(TimeoutError):
                good = option(dns.message.from_wire(s.recv(4096)), 10).data
        for _ in range(4):
            assert burst(s, 100, options=cookie(good))["full"] == 100
    with friend.tcp() as s:
        s.sendall(b"".join(frame(id=i) for i in range(400)))
        stream = s.makefile("rb")
        assert all(read(stream).answer for _ in range(400))


def test_the_node_is_not_limited(knetd):
    for server in (V4, "127.0.0.1", f"{STRANGER}.1"):
        with inside(knetd.netns):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.connect((server, 53))
            for _ in range(4):
                assert burst(s, 100)["full"] == 100, server


def test_prohibited(knetd, stranger):
    r = stranger.ask(use_edns=0)
    assert rcode(r) == "REFUSED" and option(r, 15).code == 18 and not r.answer
    assert rcode(stranger.ask("www.example.")) == "REFUSED"
    with stranger.tcp() as s, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        s.sendall(frame())
        assert s.recv(100) == b""
    text = knetd.api("GET", "/metrics")[1]
    assert "knetd_dns_prohibited_total 3" in text and "knetd_dns_rate_limited_total" in text


@pytest.mark.parametrize("line", ["allow = 10.0.0.0/33", "allow = nobody", "rate_limit = -1", "rate_limit = 200000"])
def test_bad_settings_are_named(knetd_factory, line):
    node = knetd_factory()
    node.stop()
    with open(node.ini, "a", encoding="utf-8") as f:
        f.write(f"[dns]\n{line}\n")
    p = node.exec(os.path.join(os.path.dirname(__file__), "..", "..", "build", "knetd"), "-t", "-c", node.ini)
    assert p.returncode and line.split()[0] in p.stderr
