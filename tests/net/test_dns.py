"""Cluster DNS as a resolver sees it: a real daemon, dnspython as the client, a server of its own as the upstream."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.reversename
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402

V4, V6 = "10.96.0.10", "fd00:10:96::a"
ZONE = "cluster.local"
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

# What a name's first label says is what happens. One line a question goes to standard output.
STUB = r"""
import socket, struct, sys, threading, time
import dns.flags, dns.message, dns.rrset

def said(*words): # in one write: threads that print() word by word get into each other's lines
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()

def answer(q, stream):
    name, first = q.question[0].name, q.question[0].name.labels[0].decode().lower()
    r = dns.message.make_response(q)
    r.flags |= dns.flags.RA
    def add(n, kind, *data, section=r.answer, ttl=60):
        section.append(dns.rrset.from_text(n, ttl, "IN", kind, *data))
    if first.startswith("silent"):
        return None
    if first.startswith("slow"):
        time.sleep(0.5)
    if first.startswith("nx"):
        r.set_rcode(3)
        add("example.", "SOA", "ns.example. h.example. 1 2 3 4 30", section=r.authority)
    elif first.startswith("big") and not stream:
        r.flags |= dns.flags.TC
    elif first.startswith("big"):
        add(name, "A", *["10.1.%d.%d" % (i // 200, i % 200 + 1) for i in range(300)])
    elif first.startswith("cname"):
        add(name, "CNAME", "target.example.")
        add("target.example.", "A", "192.0.2.7")
    elif q.question[0].rdtype == 1:
        add(name, "A", "192.0.2.1", ttl=1 if first.startswith("short") else 60)
    return r.to_wire(max_size=65535)

def one(u, data, peer):
    q = dns.message.from_wire(data)
    said("udp", q.question[0].name, peer[1], q.id)
    wire = answer(q, False)
    if wire:
        u.sendto(wire, peer)

def tcp(t):
    while True:
        c, _ = t.accept()
        n = struct.unpack("!H", c.recv(2))[0]
        q = dns.message.from_wire(c.recv(n))
        said("tcp", q.question[0].name, 0, q.id)
        wire = answer(q, True)
        wire = struct.pack("!H", len(wire)) + wire
        for i in range(0, len(wire), 1000):
            c.sendall(wire[i:i + 1000])
        c.close()

address = (sys.argv[1], 53)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
t = socket.socket()
t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
u.bind(address)
t.bind(address)
t.listen(64)
threading.Thread(target=tcp, args=(t,), daemon=True).start()
print("ready", flush=True)
while True:
    threading.Thread(target=one, args=(u, *u.recvfrom(4096)), daemon=True).start()
"""


def dial(knetd, server, kind):
    with inside(knetd.netns):
        s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind)
    s.settimeout(10)
    if kind == socket.SOCK_STREAM:
        s.connect((server, 53))
    return s


def ask(knetd, name, rdtype="A", server=V4, tcp=False, **options):
    query = dns.message.make_query(name, rdtype, **options)
    with dial(knetd, server, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        if tcp:
            s.setblocking(False)
            return dns.query.tcp(query, server, timeout=10, sock=s)
        s.setblocking(False)
        return dns.query.udp(query, server, timeout=10, sock=s)


def data(answer, section="answer"):
    return sorted(rr.to_text() for rrset in getattr(answer, section) for rr in rrset)


def rcode(answer):
    return dns.rcode.to_text(answer.rcode())


def put(knetd, path, kind, name, **fields):
    version = "discovery.k8s.io/v1" if kind == "EndpointSlice" else "v1"
    metadata = {"name": name, **fields.pop("metadata", {})}
    status, answer = knetd.api("POST", path, {"apiVersion": version, "kind": kind, "metadata": metadata, **fields})
    assert status == 201, answer
    return answer


def service(knetd, name, **spec):
    return put(knetd, SERVICES, "Service", name, spec=spec)


def endpoints(knetd, service_name, addresses, name=None, ports=()):
    return put(knetd, SLICES, "EndpointSlice", name or service_name + "-x",
               metadata={"labels": {"kubernetes.io/service-name": service_name}},
               addressType="IPv6" if ":" in addresses[0][0] else "IPv4",
               ports=[{"name": n, "port": p, "protocol": "TCP"} for n, p in ports],
               endpoints=[{"addresses": [ip], "conditions": {"ready": ready}, **({"hostname": host} if host else {})}
                          for ip, host, ready in addresses])


class Stub:
    def __init__(self, knetd, address):
        self.process = subprocess.Popen(["ip", "netns", "exec", knetd.netns, sys.executable, "-c", STUB, address],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        os.set_blocking(self.process.stdout.fileno(), False)

    def seen(self):
        """Questions since the last call: (how, name, port, id). Without the daemon's own, whether we are there."""
        lines = (tuple(line.split()) for line in self.process.stdout.readlines())
        return [line for line in lines if line[1] != "." and not line[1].endswith(".knetd.")]

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def knetd():
    with Knetd(ini="[dns]\nupstreams = 127.0.0.53\nlisten = 127.0.0.1:53\n") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def upstream(knetd):
    stub = Stub(knetd, "127.0.0.53")
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def web(knetd):
    return service(knetd, "web", ipFamilyPolicy="RequireDualStack", ports=[{"name": "http", "port": 80}])


@pytest.fixture(scope="module")
def db(knetd):
    made = service(knetd, "db", clusterIP="None", ports=[{"name": "sql", "port": 5432}])
    endpoints(knetd, "db", [("192.0.2.11", "db-0", True), ("192.0.2.12", None, True), ("192.0.2.13", "db-2", False)],
              ports=[("sql", 5432)])
    return made


# ---- the zone -------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", [V4, V6])
@pytest.mark.parametrize("tcp", [False, True])
def test_cluster_ip(knetd, web, server, tcp):
    ips = web["spec"]["clusterIPs"]
    for rdtype, ip in (("A", ips[0]), ("AAAA", ips[1])):
        r = ask(knetd, f"web.default.svc.{ZONE}", rdtype, server, tcp)
        assert (rcode(r), data(r)) == ("NOERROR", [ip])
        assert r.flags & dns.flags.AA and r.answer[0].ttl == 5


def test_answer_is_there_when_the_call_returns(knetd):
    for i in range(50):
        assert rcode(ask(knetd, f"now-{i}.default.svc.{ZONE}")) == "NXDOMAIN"
        made = service(knetd, f"now-{i}", ports=[{"port": 80}])
        assert data(ask(knetd, f"now-{i}.default.svc.{ZONE}")) == [made["spec"]["clusterIP"]]
        assert knetd.api("DELETE", f"{SERVICES}/now-{i}")[0] == 200
        assert rcode(ask(knetd, f"now-{i}.default.svc.{ZONE}")) == "NXDOMAIN"


def test_srv_and_pointers(knetd, web):
    ips = web["spec"]["clusterIPs"]
    r = ask(knetd, f"_http._tcp.web.default.svc.{ZONE}", "SRV")
    assert data(r) == [f"0 100 80 web.default.svc.{ZONE}."]
    assert data(r, "additional") == sorted(ips)
    for ip in ips:
        assert data(ask(knetd, dns.reversename.from_address(ip), "PTR")) == [f"web.default.svc.{ZONE}."]


def test_headless(knetd, db):
    name = f"db.default.svc.{ZONE}"
    assert data(ask(knetd, name)) == ["192.0.2.11", "192.0.2.12"]
    assert data(ask(knetd, "db-0." + name)) == ["192.0.2.11"]
    assert data(ask(knetd, "192-0-2-12." + name)) == ["192.0.2.12"]
    assert rcode(ask(knetd, "db-2." + name)) == "NXDOMAIN"
    r = ask(knetd, "_sql._tcp." + name, "SRV")
    assert data(r) == [f"0 50 5432 192-0-2-12.{name}.", f"0 50 5432 db-0.{name}."]
    assert data(r, "additional") == ["192.0.2.11", "192.0.2.12"]
    assert data(ask(knetd, dns.reversename.from_address("192.0.2.11"), "PTR")) == [f"db-0.{name}."]
    assert len({ask(knetd, name).answer[0][0].to_text() for _ in range(8)}) == 2  # the order turns


def test_nothing_there(knetd, web):
    for name, rdtype, want in ((f"nope.default.svc.{ZONE}", "A", "NXDOMAIN"), (f"svc.{ZONE}", "A", "NOERROR"),
                               (f"default.svc.{ZONE}", "A", "NOERROR"), (f"web.default.svc.{ZONE}", "TXT", "NOERROR"),
                               (f"_tcp.web.default.svc.{ZONE}", "A", "NOERROR")):
        r = ask(knetd, name, rdtype)
        assert (rcode(r), r.answer) == (want, [])
        assert [a.name.to_text() for a in r.authority] == [ZONE + "."] and r.authority[0].ttl == 5
    r = ask(knetd, "77.0.96.10.in-addr.arpa", "PTR")
    assert rcode(r) == "NXDOMAIN" and r.authority[0].name.to_text() == "96.10.in-addr.arpa."


def test_zone_itself(knetd):
    assert data(ask(knetd, "dns-version." + ZONE, "TXT")) == ['"1.1.0"']
    assert data(ask(knetd, ZONE, "NS")) == [f"ns.dns.{ZONE}."]
    assert len(data(ask(knetd, ZONE, "SOA"))) == 1


def test_case_of_the_question_is_kept(knetd, web):
    r = ask(knetd, f"WeB.default.SVC.{ZONE}")
    assert r.question[0].name.to_text() == f"WeB.default.SVC.{ZONE}."
    assert r.answer[0].name.to_text() == f"WeB.default.SVC.{ZONE}."


def test_truncation_then_tcp(knetd):
    service(knetd, "big", clusterIP="None", ports=[{"port": 80}])
    endpoints(knetd, "big", [(f"192.0.2.{i}", None, True) for i in range(1, 101)])
    name = f"big.default.svc.{ZONE}"
    r = ask(knetd, name)
    assert r.flags & dns.flags.TC and len(r.to_wire()) <= 512
    r = ask(knetd, name, use_edns=0, payload=4096)
    assert r.flags & dns.flags.TC and 512 < len(r.to_wire()) <= 1232
    assert len(data(ask(knetd, name, tcp=True))) == 100


# ---- the outside ----------------------------------------------------------------------------------


def test_forward_and_cache(knetd, upstream):
    upstream.seen()
    assert data(ask(knetd, "www.example.")) == ["192.0.2.1"]
    assert data(ask(knetd, "WWW.example.")) == ["192.0.2.1"]
    assert len(upstream.seen()) == 1
    r = ask(knetd, "nx.example.")
    assert rcode(r) == "NXDOMAIN" and r.flags & dns.flags.RA and not r.flags & dns.flags.AA
    assert rcode(ask(knetd, "nx.example.")) == "NXDOMAIN"
    assert len(upstream.seen()) == 1
    assert data(ask(knetd, "8.8.8.8.in-addr.arpa", "PTR")) == [] and len(upstream.seen()) == 1


def test_ports_and_ids_are_random(knetd, upstream):
    upstream.seen()
    for i in range(40):
        ask(knetd, f"random-{i}.example.")
    seen = upstream.seen()
    assert len({port for _, _, port, _ in seen}) > 30 and len({i for _, _, _, i in seen}) > 30


def test_same_questions_share_one(knetd, upstream):
    upstream.seen()
    query = dns.message.make_query("slow.example.", "A")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(dial(knetd, V4, socket.SOCK_DGRAM)) for _ in range(30)]
        for s in sockets:
            s.sendto(query.to_wire(), (V4, 53))
        for s in sockets:
            assert data(dns.message.from_wire(s.recv(2000))) == ["192.0.2.1"]
    assert [line[1] for line in upstream.seen()].count("slow.example.") == 1  # probes beside it


def test_big_answer_comes_over_tcp(knetd, upstream):
    assert ask(knetd, "big.example.").flags & dns.flags.TC
    assert len(data(ask(knetd, "big.example.", tcp=True))) == 300


def test_upstream_that_is_silent(knetd, upstream):
    start = time.monotonic()
    assert rcode(ask(knetd, "silent.example.")) == "SERVFAIL"
    assert time.monotonic() - start < 8


def test_old_answer_is_better_than_none(knetd, upstream):
    assert data(ask(knetd, "short.example.")) == ["192.0.2.1"]
    upstream.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(1.1)
        r = ask(knetd, "short.example.")
        assert data(r) == ["192.0.2.1"] and r.answer[0].ttl == 30
    finally:
        upstream.process.send_signal(signal.SIGCONT)


def test_external_name(knetd, upstream, web):
    service(knetd, "ext", type="ExternalName", externalName="cname.example")
    service(knetd, "inner", type="ExternalName", externalName=f"web.default.svc.{ZONE}")
    r = ask(knetd, f"ext.default.svc.{ZONE}")
    assert data(r) == ["192.0.2.7", "cname.example.", "target.example."]
    assert data(ask(knetd, f"ext.default.svc.{ZONE}", "CNAME")) == ["cname.example."]
    r = ask(knetd, f"inner.default.svc.{ZONE}")
    assert data(r) == [web["spec"]["clusterIP"], f"web.default.svc.{ZONE}."]


# ---- connections and lives -------------------------------------------------------------------------


def test_pipelining(knetd, web):
    with dial(knetd, V4, socket.SOCK_STREAM) as s:
        for i in range(100):
            wire = dns.message.make_query(f"web.default.svc.{ZONE}", "A", id=i).to_wire()
            s.sendall(struct.pack("!H", len(wire)) + wire)
        stream = s.makefile("rb")
        for i in range(100):
            n = struct.unpack("!H", stream.read(2))[0]
            assert dns.message.from_wire(stream.read(n)).id == i


def test_no_connection_tracking(knetd):
    rules = knetd.exec("nft", "list", "table", "inet", "knetd_dns", check=True).stdout
    assert rules.count("notrack") == 4 and f"ip daddr {V4}" in rules and f"ip6 saddr {V6}" in rules


def test_foreign_flush_is_mended(knetd, web):
    knetd.exec("nft", "delete", "table", "inet", "knetd_dns", check=True)
    end = time.monotonic() + 5
    while knetd.exec("nft", "list", "table", "inet", "knetd_dns").returncode:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_metrics(knetd, web):
    def value():
        text = knetd.api("GET", "/metrics")[1]
        return sum(int(line.split()[-1]) for line in text.splitlines()
                   if line.startswith('coredns_dns_requests_total{') and 'proto="udp"' in line)
    before = value()
    ask(knetd, f"web.default.svc.{ZONE}")
    assert value() == before + 1


def test_names_outlive_the_control_process(knetd, web):
    ip = web["spec"]["clusterIP"]
    knetd.stop(signal.SIGKILL)
    assert data(ask(knetd, f"web.default.svc.{ZONE}")) == [ip]
    knetd.start()
    assert data(ask(knetd, f"web.default.svc.{ZONE}")) == [ip]
    made = service(knetd, "later", ports=[{"port": 80}])
    assert data(ask(knetd, f"later.default.svc.{ZONE}")) == [made["spec"]["clusterIP"]]


def test_taken_port_is_an_error(knetd_factory):
    daemon = knetd_factory()
    daemon.stop()
    for pid in daemon.pids():
        os.kill(pid, signal.SIGKILL)
    while daemon.pids():
        time.sleep(0.02)
    with inside(daemon.netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 53))
        with pytest.raises(AssertionError, match="port 53"):
            daemon.start()
