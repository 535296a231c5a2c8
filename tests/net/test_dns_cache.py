"""The cache before the upstreams: a real upstream that counts what it is asked."""

import os
import re
import socket
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import eventually  # noqa: E402

V4 = "10.96.0.10"
UPSTREAM = "127.0.0.53"

# Names say what is answered: WHAT-TTL-anything.example. One line a question goes to standard output.
STUB = r"""
import socket, sys
import dns.flags, dns.message, dns.rrset

def answer(q):
    name = q.question[0].name
    what, _, rest = name.labels[0].decode().lower().partition("-")
    ttl = rest.partition("-")[0] or "0"
    r = dns.message.make_response(q)
    r.flags |= dns.flags.RA
    def add(kind, data, section):
        section.append(dns.rrset.from_text(name if section is r.answer else "example.", int(ttl), "IN", kind, data))
    if what in ("nx", "nodata"):
        r.set_rcode(3 if what == "nx" else 0)
        add("SOA", "ns.example. h.example. 1 2 3 4 " + ttl, r.authority)
    elif what == "fail":
        r.set_rcode(2)
    elif what == "tc":
        r.flags |= dns.flags.TC
    elif what == "a" and q.question[0].rdtype == 1:
        add("A", "192.0.2.%d" % (2 if q.ednsflags & dns.flags.DO else 1), r.answer)
    return r.to_wire()

u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
u.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    data, peer = u.recvfrom(4096)
    q = dns.message.from_wire(data)
    print(q.question[0].name, flush=True)
    u.sendto(answer(q), peer)
"""


class Upstream:
    """Started and stopped at will; its log outlives it."""

    def __init__(self, knetd):
        self.knetd, self.log = knetd, os.path.join(knetd.dir, "upstream")
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", self.knetd.netns, sys.executable, "-c", STUB, UPSTREAM], stdout=log)
        ready = self.lines().count("ready")
        assert eventually(lambda: self.lines().count("ready") > ready)

    def lines(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read().split()

    def asked(self, name):
        return self.lines().count(name + ".")

    def stop(self):
        self.process.kill()
        self.process.wait()


def start(ini=""):
    return Knetd(ini=f"[dns]\nupstreams = {UPSTREAM}\n{ini}")


@pytest.fixture(scope="module")
def knetd():
    with start() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def upstream(knetd):
    stub = Upstream(knetd)
    yield stub
    stub.stop()


def dial(knetd):
    with inside(knetd.netns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    return s


def ask(knetd, name, rdtype="A", **options):
    with dial(knetd) as s:
        return dns.query.udp(dns.message.make_query(name, rdtype, **options), V4, timeout=10, sock=s)


def rcode(answer):
    return dns.rcode.to_text(answer.rcode())


def ttl(answer):
    return (answer.answer or answer.authority)[0].ttl


def metric(knetd, name, **labels):
    """Sum of the series that have these labels."""
    total = 0
    for line in knetd.api("GET", "/metrics")[1].splitlines():
        m = re.match(rf"{name}(?:{{(.*)}})? (\d+)$", line)
        if m and all(f'{k}="{v}"' in (m[1] or "") for k, v in labels.items()):
            total += int(m[2])
    return total


@pytest.mark.parametrize("kind,rdtype,code", [("a", "A", "NOERROR"), ("nx", "A", "NXDOMAIN"), ("nodata", "TXT", "NOERROR")])
def test_ttl_counts_down(knetd, upstream, kind, rdtype, code):
    name, kept = f"{kind}-60-down.example", "success" if kind == "a" else "denial"
    before = metric(knetd, "coredns_cache_hits_total", type=kept), metric(knetd, "coredns_cache_entries", type=kept)
    first = ask(knetd, name, rdtype)
    assert (rcode(first), ttl(first)) == (code, 60)
    time.sleep(1.1)  # what is looked at is the time that passes
    second = ask(knetd, name.upper(), rdtype)
    assert rcode(second) == code and 50 <= ttl(second) < 60
    assert str(second.question[0].name) == name.upper() + "."
    assert upstream.asked(name) == 1
    assert metric(knetd, "coredns_cache_hits_total", type=kept) == before[0] + 1
    assert metric(knetd, "coredns_cache_entries", type=kept) == before[1] + 1


@pytest.mark.parametrize("kind,cap", [("a", 3600), ("nx", 1800)])
def test_caps(knetd, upstream, kind, cap):
    """RFC 8767 4 would have 7 days as the most; what is told is no more than what is kept."""
    name = f"{kind}-999999-cap.example"
    ask(knetd, name)
    assert cap - 5 <= ttl(ask(knetd, name)) <= cap
    assert upstream.asked(name) == 1


@pytest.mark.parametrize("name", ["a-0-never.example", "nx-0-never.example"])
def test_ttl_0_is_not_kept(knetd, upstream, name):
    for n in range(1, 4):
        ask(knetd, name)
        assert upstream.asked(name) == n


def test_truncated_is_not_kept(knetd, upstream):
    before = metric(knetd, "coredns_cache_entries")
    for _ in range(2):
        assert ask(knetd, "tc-60-x.example").flags & dns.flags.TC
    assert metric(knetd, "coredns_cache_entries") == before
    assert upstream.asked("tc-60-x.example") == 2


def test_do_and_cd_are_kept_apart(knetd, upstream):
    name = "a-60-dnssec.example"
    assert ask(knetd, name).answer[0][0].address == "192.0.2.1"
    assert ask(knetd, name, want_dnssec=True).answer[0][0].address == "192.0.2.2"
    assert ask(knetd, name, flags=dns.flags.RD | dns.flags.CD).answer[0][0].address == "192.0.2.1"
    assert upstream.asked(name) == 3
    for _ in range(3):
        assert ask(knetd, name).answer[0][0].address == "192.0.2.1"
        assert ask(knetd, name, want_dnssec=True).answer[0][0].address == "192.0.2.2"
    assert upstream.asked(name) == 3


def test_failures_are_kept_for_a_moment(knetd, upstream):
    """RFC 9520: at least a second; then it is asked again."""
    name = "fail-60-x.example"
    assert rcode(ask(knetd, name)) == "SERVFAIL"
    asked = upstream.asked(name)
    for _ in range(20):
        assert rcode(ask(knetd, name)) == "SERVFAIL"
    assert upstream.asked(name) <= 2 * asked  # the second may have passed between two of them
    assert eventually(lambda: rcode(ask(knetd, name)) == "SERVFAIL" and upstream.asked(name) > asked, seconds=6)


def test_prefetch(knetd, upstream):
    """A popular name is never waited for: it is asked again, once, before it expires."""
    name = "a-3-popular.example"
    before = metric(knetd, "coredns_cache_prefetch_total")
    misses = None
    end = time.monotonic() + 7
    while time.monotonic() < end:
        assert rcode(ask(knetd, name)) == "NOERROR"
        misses = misses or metric(knetd, "coredns_cache_misses_total")
        time.sleep(0.02)
    assert metric(knetd, "coredns_cache_misses_total") == misses
    assert upstream.asked(name) == 3
    assert metric(knetd, "coredns_cache_prefetch_total") == before + 2


def test_unpopular_names_are_left_to_expire(knetd, upstream):
    name = "a-1-quiet.example"
    ask(knetd, name)
    time.sleep(0.95)
    ask(knetd, name)
    time.sleep(0.5)
    assert upstream.asked(name) == 1


def test_stale():
    with start("serve_stale = 1h") as knetd:
        upstream = Upstream(knetd)
        try:
            assert ttl(ask(knetd, "a-1-stale.example")) == 1
            assert rcode(ask(knetd, "nx-1-stale.example")) == "NXDOMAIN"
            upstream.stop()
            time.sleep(1.1)
            answer = ask(knetd, "a-1-stale.example")
            assert (rcode(answer), ttl(answer)) == ("NOERROR", 30)
            assert rcode(ask(knetd, "nx-1-stale.example")) == "NXDOMAIN"
            assert rcode(ask(knetd, "a-1-unknown.example")) == "SERVFAIL"
            told = metric(knetd, "coredns_cache_served_stale_total")
            assert told == 2
            asked = metric(knetd, "coredns_forward_requests_total")
            start_of = time.monotonic()
            for _ in range(10):  # and nobody waits for an upstream that was silent a moment ago
                assert ttl(ask(knetd, "a-1-stale.example")) == 30
            assert time.monotonic() - start_of < 5
            assert metric(knetd, "coredns_cache_served_stale_total") == told + 10
            assert metric(knetd, "coredns_forward_requests_total") - asked < 20
            upstream.start()
            assert eventually(lambda: ttl(ask(knetd, "a-1-stale.example")) == 1, seconds=12)
        finally:
            upstream.stop()


def test_stale_off():
    with start("serve_stale = 0") as knetd:
        upstream = Upstream(knetd)
        try:
            ask(knetd, "a-1-stale.example")
            upstream.stop()
            time.sleep(1.1)
            assert rcode(ask(knetd, "a-1-stale.example")) == "SERVFAIL"
            assert metric(knetd, "coredns_cache_served_stale_total") == 0
        finally:
            upstream.stop()


def test_flood_of_names():
    """Names that do not exist drive out none that do; memory is what the configuration says."""
    with start("cache_size = 256K\nserve_stale = 0") as knetd:
        upstream = Upstream(knetd)
        try:
            good = [f"a-600-good{i}.example" for i in range(200)]
            for name in good:
                assert rcode(ask(knetd, name)) == "NOERROR"
            worker = knetd.workers()["dns-0"]
            flood(knetd, [f"nx-600-{i}.example" for i in range(1500)])
            size = private_kb(worker)
            flood(knetd, [f"nx-600-more{i}.example" for i in range(3000)])
            assert private_kb(worker) - size < 512
            assert metric(knetd, "coredns_cache_entries", type="denial") < 1500
            assert metric(knetd, "coredns_cache_entries", type="success") == len(good)
            assert metric(knetd, "coredns_cache_evictions_total", type="denial") > 3000
            assert metric(knetd, "coredns_cache_evictions_total", type="success") == 0
            asked = len(upstream.lines())
            for name in good:
                assert rcode(ask(knetd, name)) == "NOERROR"
            assert len(upstream.lines()) == asked
        finally:
            upstream.stop()


def flood(knetd, names):
    """Asks for all of them, some at a time, until each is answered."""
    with dial(knetd) as s:
        s.setblocking(True)
        s.settimeout(10)
        s.connect((V4, 53))
        for first in range(0, len(names), 50):
            waiting = {i: dns.message.make_query(name, "A", id=i).to_wire() for i, name in enumerate(names[first:first + 50])}
            for wire in waiting.values():
                s.send(wire)
            while waiting:
                answer = dns.message.from_wire(s.recv(4096))
                assert rcode(answer) == "NXDOMAIN"
                waiting.pop(answer.id, None)


def test_empty_after_a_restart_of_the_worker(knetd, upstream):
    name = "a-600-restart.example"
    ask(knetd, name)
    old = knetd.workers()["dns-0"]
    os.kill(old, 9)
    assert eventually(lambda: knetd.workers().get("dns-0") not in (None, old))
    assert eventually(lambda: rcode(ask(knetd, name)) == "NOERROR")
    assert upstream.asked(name) == 2
    # it may have been told of its upstreams once more since, and have forgotten that answer
    assert eventually(lambda: rcode(ask(knetd, name)) == "NOERROR" and metric(knetd, "coredns_cache_entries") == 1)


def test_kept_over_a_restart_of_the_daemon(knetd, upstream):
    """The control process alone: its workers serve on, and remember."""
    name = "a-600-kept.example"
    ask(knetd, name)
    worker = knetd.workers()["dns-0"]
    knetd.stop()
    knetd.start()
    assert knetd.workers()["dns-0"] == worker
    assert rcode(ask(knetd, name)) == "NOERROR"
    assert upstream.asked(name) == 1


def test_other_upstreams_other_answers(knetd, upstream):
    """What the one before said is forgotten when a domain gets an upstream of its own."""
    name = "a-600-moves.example"
    ask(knetd, name)
    knetd.stop()
    with open(knetd.ini, encoding="utf-8") as f:
        ini = f.read()
    try:
        with open(knetd.ini, "w", encoding="utf-8") as f:
            f.write(ini + f"stub_domains = example {UPSTREAM}\n")
        knetd.start()
        assert rcode(ask(knetd, name)) == "NOERROR"
        assert upstream.asked(name) == 2
    finally:
        knetd.stop()
        with open(knetd.ini, "w", encoding="utf-8") as f:
            f.write(ini)
        knetd.start()
