"""Cluster DNS under attack: what one client does must not take names from the others. Counts, no times."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys

import dns.message
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from test_dns import V4, ZONE, Stub, ask, data, dial, endpoints, rcode, service  # noqa: E402

WEB = f"web.default.svc.{ZONE}"
DEAD = "127.0.0.66"  # an upstream that never answers

# Sends datagrams for some seconds: questions for one name, for ever new ones (%d), or garbage.
FLOOD = r"""
import os, random, socket, struct, sys, time
server, seconds, what = sys.argv[1], float(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((server, 53))
s.setblocking(False)
def question(name):
    wire = b"".join(bytes([len(l)]) + l for l in name.encode().split(b".")) + b"\0"
    return struct.pack("!6H", random.randrange(65536), 256, 1, 0, 0, 0) + wire + b"\0\1\0\1"
end, n = time.monotonic() + seconds, 0
fixed = question(what) if "%" not in what and what != "garbage" else None
print("go", flush=True)
while time.monotonic() < end:
    for _ in range(64):
        n += 1
        p = fixed or (os.urandom(random.randrange(1, 1600)) if what == "garbage" else question(what % n))
        try:
            s.send(p)
        except OSError:
            pass
        if not n % 8:  # what comes back is thrown away
            try:
                while True:
                    s.recv(2000)
            except OSError:
                pass
print(n, flush=True)
"""


class Flood:
    def __init__(self, netns, what, seconds=3, server=V4):
        self.process = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", FLOOD, server, str(seconds),
                                         what], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        assert self.process.stdout.readline() == "go\n"
        return self

    def __exit__(self, *_):
        self.sent = int(self.process.communicate(timeout=60)[0])

    def runs(self):
        return self.process.poll() is None


@pytest.fixture(scope="module")
def node():
    with Knetd(ini=f"[dns]\nupstreams = 127.0.0.53\nstub_domains = dead.example {DEAD}\n", workers=2) as daemon:
        service(daemon, "web", ports=[{"name": "http", "port": 80}])
        service(daemon, "big", clusterIP="None", ports=[{"port": 80}])
        for k in range(8):
            endpoints(daemon, "big", [(f"10.1.{k}.{i}", None, True) for i in range(1, 101)], name=f"big-{k}")
        with inside(daemon.netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((DEAD, 53))
            yield daemon


@pytest.fixture(scope="module")
def upstream(node):
    stub = Stub(node, "127.0.0.53")
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def pods(node):
    made = [Pod(node, f"p{i}") for i in range(2)]
    yield made
    for pod in made:
        pod.remove()


def resolve(netns, name, tries=5):
    """As a resolver does: asks again after a second. How often it had to; None: it gave up."""
    with inside(netns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.settimeout(1)
        s.connect((V4, 53))
        for attempt in range(tries):
            s.send(dns.message.make_query(name, "A").to_wire())
            with contextlib.suppress(TimeoutError):
                r = dns.message.from_wire(s.recv(4096))
                assert rcode(r) == "NOERROR" and r.answer
                return attempt
    return None


def ask_during(flood, netns, *names):
    """Names asked in turn while the flood lasts: how many, and how many had to be asked twice or more."""
    asked = again = 0
    while flood.runs() and asked < 2000:
        for name in names:
            attempts = resolve(netns, name)
            assert attempts is not None, name
            asked += 1
            again += attempts > 0
    return asked, again


def dns_workers(node):
    return {name: pid for name, pid in node.workers().items() if name.startswith("dns")}


def memory(node):
    return sum(private_kb(pid) for pid in dns_workers(node).values())


@pytest.mark.parametrize("what", [WEB, "garbage"])
def test_flood_from_a_pod(node, pods, what):
    before = dns_workers(node)
    with Flood(pods[0].netns, what) as flood:
        asked, again = ask_during(flood, pods[1].netns, WEB)
    assert flood.sent > 1000 and asked > 20
    assert again <= asked // 4, (asked, again)
    assert dns_workers(node) == before
    assert resolve(pods[0].netns, WEB) == 0  # it is not punished afterwards


def test_random_names_below_a_dead_domain(node, pods, upstream):
    """The cluster's names and what is cached are answered, others are still asked for, and memory has an end."""
    for _ in range(40):  # every worker has a cache
        assert data(ask(node, "cached.example."))
    with Flood(pods[0].netns, "warm-%d.dead.example", 2):
        pass
    before = memory(node)
    with Flood(pods[0].netns, "r%d.dead.example", 4) as flood:
        asked, again = ask_during(flood, pods[1].netns, WEB, "cached.example.")
    assert flood.sent > 1000 and asked > 20 and again <= asked // 4, (asked, again)
    assert memory(node) < before + 2048  # KB
    assert resolve(pods[1].netns, "fresh-afterwards.example.") is not None


def test_connections_that_say_nothing(node):
    with contextlib.ExitStack() as stack, inside(node.netns):
        for i in range(1000):
            s = stack.enter_context(socket.socket())
            s.bind((f"127.0.1.{i % 20 + 1}", 0))
            s.connect((V4, 53))
        assert data(ask(node, WEB, tcp=True)) and data(ask(node, WEB))


def test_clients_that_never_read(node):
    before = memory(node)
    wire = dns.message.make_query(f"big.default.svc.{ZONE}", "A").to_wire()
    many = (struct.pack("!H", len(wire)) + wire) * 4000  # 50 MB of answers, each
    with contextlib.ExitStack() as stack, inside(node.netns):
        for i in range(40):
            s = stack.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.bind((f"127.0.2.{i % 4 + 1}", 0))
            s.connect((V4, 53))
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while s.send(many):
                    pass
        for _ in range(50):
            assert data(ask(node, WEB, tcp=True)) and data(ask(node, WEB))
        assert memory(node) < before + 2 * 9 * 1024  # KB: what dns_tcp.c states
    eventually(lambda: data(ask(node, WEB, tcp=True)))


# ---- a worker's death -----------------------------------------------------------------------------


def test_killed_worker_loses_what_it_had_in_hand(node):
    """One datagram each for 3,000 questions, no second try, a worker killed in between: lost is at most what it had read."""
    wire = dns.message.make_query(WEB, "A").to_wire()
    victim = dns_workers(node)["dns-0"]
    answered = 0
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(dial(node, V4, socket.SOCK_DGRAM)) for _ in range(30)]
        for s in sockets:
            s.connect((V4, 53))
            s.settimeout(5)
        for round_ in range(100):
            for s in sockets:
                s.send(struct.pack("!H", round_) + wire[2:])
            if round_ == 50:
                os.kill(victim, signal.SIGKILL)
            if round_ == 50:  # these are not waited for before the next ones are sent
                continue
            for s in sockets:
                while True:
                    try:
                        got = struct.unpack("!H", s.recv(600)[:2])[0]
                    except TimeoutError:
                        break
                    answered += 1
                    if got == round_:
                        break
    assert answered >= 3000 - 64
    eventually(lambda: len(dns_workers(node)) == 2 and dns_workers(node)["dns-0"] != victim, 15)


def test_worker_that_dies_again_and_again(node):
    """While it is waited for, the other one answers everybody."""
    eventually(lambda: len(dns_workers(node)) == 2, 15)
    last = None
    for _ in range(4):
        last = eventually(lambda: (pid := dns_workers(node).get("dns-0")) != last and pid, 15)  # noqa: B023
        os.kill(last, signal.SIGKILL)
    eventually(lambda: "dns-0" not in dns_workers(node), 5)
    asked = 0
    while "dns-0" not in dns_workers(node) and asked < 300:
        assert resolve(node.netns, WEB, tries=1) == 0
        assert data(ask(node, WEB, tcp=True))
        asked += 1
    assert asked
    eventually(lambda: "dns-0" in dns_workers(node), 15)


def test_what_the_workers_still_may(node):
    for pid in dns_workers(node).values():
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            status = f.read()
        assert "CapEff:\t0000000000000000" in status and "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
