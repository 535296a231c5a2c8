"""Upstreams, good and bad: groups, policies, health, loops, answers that are not to be believed, attacks."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import dns.flags
import dns.message
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd  # noqa: E402
from hostile_upstream import SPOILT, Upstreams  # noqa: E402
from test_dns import V4, ask, data, dial, rcode  # noqa: E402
from test_dns_cache import metric  # noqa: E402

A, B, C, D, S = "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4", "fd00:5::6"


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def start(ini):
    return Knetd(ini=f"[dns]\n{ini}\n")


def counter(knetd, name):
    text = knetd.api("GET", "/metrics")[1]
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.fixture(scope="module")
def pair():
    """One daemon with upstream A, stub domains at B and C."""
    knetd = start(f"upstreams = {A}\nstub_domains = corp.example {B}, lab.corp.example {C}, 9.in-addr.arpa {B}, dead.example {D}, six.example [{S}]:53")
    try:
        knetd.exec("ip", "addr", "add", S, "dev", "lo", check=True)
        with Upstreams(knetd, A, B, C, S) as upstreams:
            knetd.start()
            yield knetd, upstreams
    finally:
        knetd.close()


# ---- who is asked -----------------------------------------------------------------------------------


def test_stub_domains(pair):
    knetd, up = pair
    assert data(ask(knetd, "www.example.")) == ["192.0.2.1"]
    assert data(ask(knetd, "www.corp.example.")) == data(ask(knetd, "corp.example.")) == ["192.0.2.2"]
    assert data(ask(knetd, "x.lab.corp.example.")) == data(ask(knetd, "LAB.Corp.example.")) == ["192.0.2.3"]
    assert data(ask(knetd, "notcorp.example.")) == ["192.0.2.1"]
    assert data(ask(knetd, "www.six.example.")) == ["192.0.2.6"]
    assert len(data(ask(knetd, "big.six.example.", tcp=True))) == 300
    ask(knetd, "1.2.3.9.in-addr.arpa.", "PTR")
    ask(knetd, "1.2.3.8.in-addr.arpa.", "PTR")
    assert [q[1] for q in up.asked("1.2.3.9.in-addr.arpa.")] == [B]
    assert [q[1] for q in up.asked("1.2.3.8.in-addr.arpa.")] == [A]


@pytest.mark.parametrize("policy", ["sequential", "random", "round_robin"])
def test_policy(policy):
    knetd = start(f"upstreams = {A}, {B}, {C}\npolicy = {policy}")
    try:
        with Upstreams(knetd, A, B, C) as up:
            knetd.start()
            for i in range(90):
                ask(knetd, f"p{i}.example.")
            n = [len([q for q in up.asked(address=a) if q[2].startswith("p")]) for a in (A, B, C)]
    finally:
        knetd.close()
    assert sum(n) == 90
    if policy == "sequential":
        assert n == [90, 0, 0]
    elif policy == "round_robin":
        assert n == [30, 30, 30]
    else:
        assert min(n) > 10  # 30 each; as few as that once in ten million runs


def test_next_upstream_for_a_bad_answer():
    knetd = start(f"upstreams = {A}, {B}")
    try:
        with Upstreams(knetd, A, B) as up:
            knetd.start()
            up.set(A, "servfail")
            assert data(ask(knetd, "www.example.")) == ["192.0.2.2"]
            assert [q[1] for q in up.asked("www.example.")] == [A, B]
            for name, want in (("servfail.example.", "SERVFAIL"), ("refused.example.", "REFUSED")):
                up.set(A, "ok")
                assert rcode(ask(knetd, name)) == want  # each asked once, the last one's word
                assert [q[1] for q in up.asked(name)] == [A, B]
    finally:
        knetd.close()


def test_resolv_conf_changes(tmp_path):
    resolv, new = tmp_path / "resolv.conf", tmp_path / "new"
    resolv.write_text(f"nameserver {A}\n")
    knetd = start(f"upstreams = {resolv}")
    try:
        with Upstreams(knetd, A, B):
            knetd.start()
            assert data(ask(knetd, "a.example.")) == ["192.0.2.1"]
            new.write_text(f"search x\nnameserver {B}\noptions ndots:2\n")
            new.rename(resolv)
            names = iter(range(1000))
            until(lambda: data(ask(knetd, f"b{next(names)}.example.")) == ["192.0.2.2"])  # seen by itself
            resolv.unlink()
            assert data(ask(knetd, "c.example.")) == ["192.0.2.2"]  # gone for a moment: nothing changes
            resolv.write_text(f"nameserver {V4}\n")  # ourselves
            os.kill(knetd.process.pid, 1)
            until(lambda: "no upstreams" in knetd.logged())
            assert rcode(ask(knetd, "d.example.")) == "SERVFAIL"
            resolv.write_text(f"nameserver {A}\n")
            os.kill(knetd.process.pid, 1)
            until(lambda: data(ask(knetd, f"e{next(names)}.example.")) == ["192.0.2.1"])
    finally:
        knetd.close()


def test_resolv_conf_is_a_link_to_what_comes_later(tmp_path):
    """As on a machine that waits for its first lease."""
    resolv, run = tmp_path / "resolv.conf", tmp_path / "run"
    run.mkdir()
    resolv.symlink_to("run/resolv.conf")
    knetd = start(f"upstreams = {resolv}")
    try:
        with Upstreams(knetd, A, B):
            knetd.start()
            assert rcode(ask(knetd, "a.example.")) == "SERVFAIL"
            names = iter(range(1000))
            for address, want in (A, "192.0.2.1"), (B, "192.0.2.2"):
                (run / "new").write_text(f"nameserver {address}\n")
                (run / "new").rename(run / "resolv.conf")
                until(lambda: data(ask(knetd, f"b{next(names)}.example.")) == [want])
            (tmp_path / "other").write_text(f"nameserver {A}\n")
            (tmp_path / "link").symlink_to("other")
            (tmp_path / "link").rename(resolv)  # the link itself is another one
            until(lambda: data(ask(knetd, f"c{next(names)}.example.")) == ["192.0.2.1"])
    finally:
        knetd.close()


# ---- health -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["silent", "shut"])
def test_dead_upstream_is_left_alone_and_comes_back(how):
    knetd = start(f"upstreams = {A}, {B}")
    try:
        with Upstreams(knetd, A, B) as up:
            knetd.start()
            assert data(ask(knetd, "first.example.")) == ["192.0.2.1"]
            up.set(A, how)
            assert data(ask(knetd, "second.example.")) == ["192.0.2.2"]
            until(lambda: f"upstream {A}:53 does not answer" in knetd.logged())
            for i in range(20):
                assert data(ask(knetd, f"dead{i}.example.")) == ["192.0.2.2"]
            assert not [q for q in up.asked(address=A) if q[2].startswith("dead")]
            assert metric(knetd, "knetd_dns_upstream_broken", to=f"{A}:53") == 1
            assert metric(knetd, "coredns_forward_requests_total", to=f"{B}:53") >= 21
            up.set(A, "ok")
            until(lambda: f"upstream {A}:53 answers again" in knetd.logged())
            assert metric(knetd, "knetd_dns_upstream_broken", to=f"{A}:53") == 0
            assert data(ask(knetd, "back.example.")) == ["192.0.2.1"]
            n = len(up.asked(address=A))
            time.sleep(1.5)  # longer than any pause between probes of a new failure
            assert len(up.asked(address=A)) == n  # no traffic without a question
    finally:
        knetd.close()


def test_slow_answer_is_waited_for(pair):
    """An upstream that has to ask others itself: longer than a try, and sent again in between from the same socket."""
    knetd, up = pair
    assert data(ask(knetd, "slow-1500.example.")) == ["192.0.2.1"]
    asked = up.asked("slow-1500.example.")
    assert len(asked) > 1 and len({(q[3], q[4]) for q in asked}) == 1
    assert f"{A}:53 does not answer" not in knetd.logged()


def test_all_dead(pair):
    """Nobody waits for upstreams that are known to be dead, and the others' names do not either."""
    knetd, up = pair
    until(lambda: f"upstream {D}:53 does not answer" in knetd.logged() or rcode(ask(knetd, "x.dead.example.")) != "SERVFAIL")
    start_time = time.monotonic()
    for i in range(50):
        assert rcode(ask(knetd, f"x{i}.dead.example.")) == "SERVFAIL"
    assert data(ask(knetd, "www.example.")) == ["192.0.2.1"]
    assert counter(knetd, "coredns_forward_healthcheck_broken_total") and counter(knetd, "coredns_proxy_healthcheck_failures_total")
    assert time.monotonic() - start_time < 10  # 50 times a client's own patience would be 250 s


def test_flood_of_names_leaves_room(pair):
    """Random names below one domain whose upstream is silent: other names are answered meanwhile."""
    knetd, up = pair
    with dial(knetd, V4, socket.SOCK_DGRAM) as s:
        for i in range(2000):
            s.sendto(dns.message.make_query(f"silent-{i}.flood.example.", "A").to_wire(), (V4, 53))
        before = counter(knetd, "coredns_forward_max_concurrent_rejects_total")
        assert before > 1000
        # the same upstream, another client, another domain
        knetd.exec("ip", "addr", "add", "127.0.0.77/8", "dev", "lo")
        out = knetd.exec(sys.executable, "-c", f"""
import dns.message, dns.query
q = dns.message.make_query("room.other.example.", "A")
print(dns.query.udp(q, "{V4}", timeout=10, source="127.0.0.77").answer[0][0])""", check=True).stdout
        assert out.strip() == "192.0.2.1"
        assert rcode(ask(knetd, "kubernetes.default.svc.cluster.local")) in ("NOERROR", "NXDOMAIN")
    until(lambda: data(ask(knetd, "room2.flood.example.")) == ["192.0.2.1"])


def test_old_answer_after_a_while(pair):
    """RFC 8767: the client gets what the cache still has before it gives up, while the upstream thinks."""
    knetd, up = pair
    assert data(ask(knetd, "short.example.")) == ["192.0.2.1"]
    time.sleep(1.1)  # its TTL
    up.set(A, "silent")
    try:
        r = ask(knetd, "short.example.")
        assert data(r) == ["192.0.2.1"] and r.answer[0].ttl == 30
    finally:
        up.set(A, "ok")
    until(lambda: data(ask(knetd, "awake.example.")) == ["192.0.2.1"])
    up.set(A, "servfail")
    try:
        time.sleep(1.1)
        assert data(ask(knetd, "short.example.")) == ["192.0.2.1"]  # no SERVFAIL before a good answer
    finally:
        up.set(A, "ok")


# ---- loops ------------------------------------------------------------------------------------------


def test_loop_is_found_and_left():
    """An upstream that sends everything back to us, as a local stub resolver may, beside a good one."""
    knetd = Knetd(ini=f"[dns]\nupstreams = {A}, {B}\nlisten = 127.0.0.1:53\n", workers=2)
    relay = None
    try:
        with Upstreams(knetd, B) as up:
            relay = subprocess.Popen([*knetd.enter, sys.executable, "-c", f"""
import socket, threading
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("{A}", 53))
print("ready", flush=True)
def one(data, peer):
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.settimeout(3)
    c.sendto(data, ("127.0.0.1", 53))
    try:
        s.sendto(c.recv(4096), peer)
    except OSError:
        pass
while True:
    threading.Thread(target=one, args=s.recvfrom(4096), daemon=True).start()
"""], stdout=subprocess.PIPE, text=True)
            assert relay.stdout.readline() == "ready\n"
            knetd.start()
            until(lambda: knetd.logged().count(f"upstream {A}:53 sends our questions back to us") == 2)  # each worker
            for i in range(10):
                assert data(ask(knetd, f"loop{i}.example.")) == ["192.0.2.2"]
            assert "answers again" not in knetd.logged()
    finally:
        if relay:
            relay.kill()
            relay.wait()
        knetd.close()


# ---- TCP --------------------------------------------------------------------------------------------


def test_connection_is_shared(pair):
    knetd, up = pair
    before = up.opened(A)
    for i in range(10):
        assert len(data(ask(knetd, f"big-{i}.example.", tcp=True))) == 300
    assert up.opened(A) - before <= 2
    assert len(data(ask(knetd, "huge.example.", tcp=True))) == 4050
    assert ask(knetd, "big-udp.example.").flags & dns.flags.TC
    assert ask(knetd, "trunc.example.", tcp=True).flags & dns.flags.TC


@pytest.mark.parametrize("kind", ["stall", "hangup"])
def test_bad_connection(pair, kind):
    """A connection that stops in the middle of a message or is closed without one: others are answered."""
    knetd, up = pair
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        wire = dns.message.make_query(f"big-{kind}.example.", "A").to_wire()
        s.sendall(len(wire).to_bytes(2, "big") + wire)
        assert len(s.recv(65535)) > 2
    assert data(ask(knetd, f"fine-{kind}.example.")) == ["192.0.2.1"]
    assert len(data(ask(knetd, f"big-after-{kind}.example.", tcp=True))) == 300


# ---- what is believed -------------------------------------------------------------------------------


def test_spoilt_answers(pair):
    """Not believed, and no harm done. All at once, as each is waited for to the end."""
    knetd, up = pair
    with contextlib.ExitStack() as stack:
        sockets = {kind: stack.enter_context(dial(knetd, V4, socket.SOCK_DGRAM)) for kind in SPOILT}
        for kind, s in sockets.items():
            s.sendto(dns.message.make_query(f"{kind}.spoilt.example.", "A").to_wire(), (V4, 53))
        for kind, s in sockets.items():
            assert data(dns.message.from_wire(s.recv(2000))) == [], kind
    assert data(ask(knetd, "after-spoilt.example.")) == ["192.0.2.1"]


def test_oversize(pair):
    knetd, up = pair
    r = ask(knetd, "oversize.example.")
    assert data(r) == ["192.0.2.1"] and len(r.to_wire()) < 100


def test_proved_data(pair):
    """RFC 6840 5.8: AD is told to those who show that they know it."""
    knetd, up = pair
    assert not ask(knetd, "ad.example.").flags & dns.flags.AD
    assert ask(knetd, "ad.example.", flags=dns.flags.RD | dns.flags.AD).flags & dns.flags.AD
    assert len(up.asked("ad.example.")) == 1


def test_upstream_without_edns(pair):
    knetd, up = pair
    assert data(ask(knetd, "noedns.example.")) == ["192.0.2.1"]
    assert len(up.asked("noedns.example.")) == 2


def test_poison(pair):
    """Only what belongs to the question is told and kept."""
    knetd, up = pair
    r = ask(knetd, "poison.example.")
    assert data(r) == ["192.0.2.9", "real.poison.example."]
    assert r.authority == r.additional == []
    assert data(ask(knetd, "bank.example.")) == ["192.0.2.1"]
    assert data(ask(knetd, "www.bank.example.")) == ["192.0.2.1"]
    assert rcode(ask(knetd, "web.default.svc.cluster.local.")) == "NXDOMAIN"
    r = ask(knetd, "mx.example.", "MX")
    assert data(r) == ["10 Mail.mx.example.", "20 other.example."] and r.additional == []


def test_aliases_of_an_upstream(pair):
    knetd, up = pair
    assert rcode(ask(knetd, "loop.example.")) == "SERVFAIL"
    assert data(ask(knetd, "inside.example.")) == ["web.default.svc.cluster.local."]
    assert data(ask(knetd, "disorder.example.")) == ["192.0.2.8", "b.disorder.example.", "c.disorder.example."]
