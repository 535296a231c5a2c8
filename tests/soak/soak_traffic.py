"""The soak's traffic: threads that each live in one network namespace and ask, talk on or probe without pause, and tell the tally."""

import contextlib
import itertools
import os
import random
import select
import socket
import ssl
import struct
import threading
import time

from daemon import LIBC
from soak_world import DNS, ECHO, HTTP, SLOW

PATIENCE = 4 * SLOW  # of a new question over TCP: a lost SYN is sent again after a second, and after three
DATAGRAM = 1.5 * SLOW
SHUT = 0.25 * SLOW  # how long a forbidden connection is waited for
KEPT = 4  # of each probe, of those that passed
TALK = 25 * SLOW  # how long a connection may be silent
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
SERIAL = itertools.count(1)


class Loop(threading.Thread):
    """Does one thing again and again in a namespace, until `over`."""

    def __init__(self, tally, netns, step, pace):
        super().__init__(daemon=True)
        self.tally, self.netns, self.step, self.pace, self.over = tally, netns, step, pace * SLOW ** 2, threading.Event()

    def run(self):
        try:
            if self.netns:
                with open(f"/run/netns/{self.netns}", encoding="ascii") as f:
                    assert LIBC.setns(f.fileno(), 0) == 0
            while not self.over.is_set():
                self.step()
                self.over.wait(self.pace * (0.5 + random.random()))
        except BaseException as e:  # pylint: disable=broad-except
            self.tally.is_wrong(f"{self.step}: {e!r}")
            raise


class Ask:
    """A question of one kind: a way to ask that raises when there is no right answer."""

    def __init__(self, tally, kind, way, *args):
        self.tally, self.kind, self.way, self.args = tally, kind, way, args

    def __repr__(self):
        return self.kind

    def __call__(self):
        t0 = time.monotonic()
        try:
            self.way(*self.args)
        except (OSError, AssertionError, ValueError) as e:
            self.tally.failed(self.kind, t0, repr(e))
        else:
            self.tally.ok(self.kind, t0)


# ---- ways of asking ---------------------------------------------------------------------------------------------------

def dial(address, port, secure=None):
    s = socket.create_connection((address, port), PATIENCE)
    return CONTEXT.wrap_socket(s, server_hostname=secure) if secure else s


def request(s, host, path, last=True):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{'Connection: close' if last else 'X-Soak: yes'}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(65536)
        assert got, f"closed after {data!r}"
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head[:60]
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        got = s.recv(65536)
        assert got, "cut in the middle"
        body += got
    assert body.endswith(path.encode() + b"\n"), body


def http(where, port, host="x", secure=None):
    """where: family -> address."""
    n = next(SERIAL)
    with dial(where[4 + n % 2 * 2] if len(where) > 1 else where[4], port, secure) as s:
        request(s, host, f"/{n}")


def tcp_echo(where, port):
    n = next(SERIAL)
    with dial(where[4 + n % 2 * 2], port) as s, s.makefile("rb") as f:
        assert f.readline().split(), "no greeting"
        s.sendall(b"%d\n" % n)
        assert f.readline() == b"%d\n" % n


def datagram(address, port, data, right):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, port))
        s.send(data)
        end = time.monotonic() + DATAGRAM
        while True:
            assert select.select([s], [], [], max(end - time.monotonic(), 0))[0], "no answer"
            if right(s.recv(2048)):
                return


def udp_echo(where, port):
    n = next(SERIAL)
    datagram(where[4 + n % 2 * 2], port, b"%d" % n, lambda answer: answer.endswith(b"\n%d" % n))


def query(name):
    n = next(SERIAL) & 0xffff
    name = "".join(random.choice((c, c.upper())) for c in name)
    return n, struct.pack("!6H", n, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + struct.pack("!BHH", 0, 1, 1)


def judged(answer, n, wanted):
    """Whether it is the answer; wrong ones raise."""
    if len(answer) < 12 or struct.unpack("!H", answer[:2])[0] != n:
        return False
    assert answer[3] & 15 == 0, f"rcode {answer[3] & 15}"
    assert wanted in answer, "another address"
    return True


def dns_udp(name, wanted):
    n, data = query(name() if callable(name) else name)
    datagram(DNS[4 + n % 2 * 2], 53, data, lambda answer: judged(answer, n, wanted))


def dns_tcp(name, wanted):
    n, data = query(name)
    with dial(DNS[4 + n % 2 * 2], 53) as s, s.makefile("rb") as f:
        s.sendall(struct.pack("!H", len(data)) + data)
        head = f.read(2)
        assert len(head) == 2, "closed"
        assert judged(f.read(struct.unpack("!H", head)[0]), n, wanted)


def outside_name():
    """One that no cache has."""
    return f"n{next(SERIAL)}-{os.getpid()}.soak.example"


# ---- connections that go on -------------------------------------------------------------------------------------------

class Talk:
    """One connection that goes on; made again when it has ended."""

    def __init__(self, tally, kind, connect, exchange):
        self.tally, self.kind, self.connect, self.exchange = tally, kind, connect, exchange
        self.s, self.heard = None, 0.0

    def __repr__(self):
        return self.kind

    def __call__(self):
        if self.s is None:
            with contextlib.suppress(OSError, AssertionError):
                s = self.connect()
                s.settimeout(TALK)
                self.exchange(s)
                self.s, self.heard = s, time.monotonic()
            return
        try:
            self.exchange(self.s)
            self.heard = time.monotonic()
            self.tally.count(f"rounds of {self.kind}")
        except (OSError, AssertionError) as e:
            self.tally.ended(self.kind, self.heard, repr(e))
            self.s.close()
            self.s = None


def echo_line(s):
    n = b"%d\n" % next(SERIAL)
    s.sendall(n)
    data = b""
    while not data.endswith(b"\n" + n) and data != n:
        got = s.recv(4096)
        assert got, "closed"
        data += got


def keep_alive(host):
    return lambda s: request(s, host, f"/{next(SERIAL)}", last=False)


# ---- probes of what is forbidden --------------------------------------------------------------------------------------

class Shut:
    """A connection or datagram that must not pass, not once. What passes is kept, and asked again when all is well."""

    def __init__(self, tally, kind, address, port, udp=False):
        self.tally, self.kind, self.address, self.port, self.udp, self.kept = tally, kind, address, port, udp, []

    def __repr__(self):
        return self.kind

    def __call__(self):
        t0 = time.monotonic()
        s = self.passes()
        if s and not self.is_theirs(s):
            s.close()
        elif s:
            self.tally.leaked(self.kind, t0, f"to {self.address}")
            self.keep(s)
        self.tally.ok(self.kind, t0)

    def is_theirs(self, s):
        """A Service's address that nobody translates is the node's own, whose Ingress takes port 80: that is no leak."""
        if self.udp or self.port != 80:
            return True
        s.settimeout(1 * SLOW)
        try:
            request(s, "x", "/leak", last=False)
        except (OSError, AssertionError):
            return False
        return True

    def keep(self, s):
        if len(self.kept) < KEPT:
            self.kept.append(s)
        else:
            s.close()

    def passes(self):
        s = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM if self.udp else socket.SOCK_STREAM)
        s.setblocking(False)
        try:
            s.connect_ex((self.address, self.port))
            if self.udp:
                s.send(b"anybody?")
                if select.select([s], [], [], SHUT)[0] and s.recv(100):
                    return s
            elif select.select([], [s], [], SHUT)[1] and s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                return s
        except OSError:
            pass
        s.close()
        return None

    def still_pass(self):
        """How many of those that passed do so still; all are closed."""
        n = 0
        while self.kept:
            with self.kept.pop() as s:
                s.settimeout(1 * SLOW)
                with contextlib.suppress(OSError, AssertionError):
                    if self.udp:
                        s.send(b"still?")
                        n += bool(s.recv(100))
                    elif self.port == HTTP or self.port == 80:
                        request(s, "x", "/leak")
                        n += 1
                    else:
                        s.sendall(b"still?\n")
                        n += b"still" in s.recv(100) + s.recv(100)
        return n


# ---- all of it --------------------------------------------------------------------------------------------------------

class Traffic:
    def __init__(self, world, tally):
        self.world, self.tally, self.loops, self.shut = world, tally, [], []
        w, pods = world, world.pods
        client, out, node_port = pods["client"].netns, world.out.netns, world.node_ports
        web = socket.inet_aton(w.web[4])
        self.asks(client, 0.05, ("service.http", http, w.web, 80), ("service.tcp", tcp_echo, w.web, ECHO), ("service.udp", udp_echo, w.web, ECHO),
                  ("dns.udp", dns_udp, "web.default.svc.cluster.local", web), ("dns.tcp", dns_tcp, "web.default.svc.cluster.local", web),
                  ("dns.outside", dns_udp, outside_name, socket.inet_aton("192.0.2.1")),
                  ("dns.headless", dns_udp, "heads.default.svc.cluster.local", socket.inet_aton(pods["web1"].ip4)),
                  ("ingress.pod", http, w.node, 80, "web.example"))
        self.asks(out, 0.05, ("outside.nodeport", http, w.node, node_port["http"]), ("outside.lb", http, w.lb, 80),
                  ("outside.udp", udp_echo, w.node, node_port["echo-udp"]), ("outside.ingress", http, w.node, 80, "web.example"),
                  ("outside.https", http, w.node, 443, "web.example", "web.example"), ("outside.gateway", http, w.edge, 80, "gw.example"))
        by_ip = {4: pods["vault"].ip4, 6: pods["vault"].ip6}
        self.asks(pods["friend"].netns, 0.05, ("policy.open", http, by_ip, HTTP), ("policy.service", http, w.vault, 80))
        self.talks(client, ("service", lambda: dial(w.web[4], ECHO), echo_line), ("service6", lambda: dial(w.web[6], ECHO), echo_line),
                   ("ingress", lambda: dial(w.node[4], 80), keep_alive("web.example")))
        self.talks(out, ("nodeport", lambda: dial(w.node[4], node_port["echo"]), echo_line), ("lb6", lambda: dial(w.lb[6], ECHO), echo_line),
                   ("https", lambda: dial(w.node[4], 443, "web.example"), keep_alive("web.example")),
                   ("gateway", lambda: dial(w.edge[4], 80), keep_alive("gw.example")))
        self.talks(pods["friend"].netns, ("policy", lambda: dial(by_ip[4], ECHO), echo_line))
        web1 = pods["web1"]
        for who, to in (("stranger", [(by_ip[4], HTTP), (by_ip[6], ECHO), (by_ip[4], ECHO, True), (w.vault[4], 80), (w.vault[6], 80)]),
                        ("mute", [(web1.ip4, HTTP), (w.web[6], ECHO, True), (w.out.ip4, ECHO), (w.out.ip6, ECHO, True)])):
            for one in to:
                self.probe(pods[who].netns, f"policy.shut {who}", *one)

    def loop(self, netns, step, pace):
        self.loops.append(Loop(self.tally, netns, step, pace))

    def asks(self, netns, pace, *asks):
        for one in asks:
            self.loop(netns, Ask(self.tally, *one), pace)

    def talks(self, netns, *talks):
        for one in talks:
            self.loop(netns, Talk(self.tally, *one), 0.05)

    def probe(self, netns, *args):
        self.shut.append(Shut(self.tally, *args))
        self.loop(netns, self.shut[-1], 0.02)

    def start(self):
        for one in self.loops:
            one.start()

    def stop(self):
        for one in self.loops:
            one.over.set()
        for one in self.loops:
            one.join(TALK + 10)
