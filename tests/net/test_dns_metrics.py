"""/metrics as a dashboard made for CoreDNS reads it: parsed by Prometheus' own library, its queries answered."""

import collections
import os
import socket
import struct
import sys

import dns.message
import pytest
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_dns import V4, V6, ZONE, Knetd, Stub, ask, dial, rcode, service  # noqa: E402
from pods import eventually  # noqa: E402


class Metrics:
    """One reading of /metrics."""

    def __init__(self, knetd):
        self.text = knetd.api("GET", "/metrics")[1]
        self.families = {f.name: f for f in text_string_to_metric_families(self.text)}
        self.samples = [s for f in self.families.values() for s in f.samples]

    def sum(self, name, by=(), **labels):
        """sum(NAME{labels}) by (by), as a dict from label values; without by, a number."""
        out = collections.Counter()
        for s in self.samples:
            if s.name == name and all(s.labels.get(k) == v for k, v in labels.items()):
                out[tuple(s.labels[k] for k in by)] += s.value
        return out if by else out[()]

    def quantile(self, q, name, by):
        """histogram_quantile(q, sum(NAME_bucket) by (by, le)): the bucket's upper bound."""
        out = {}
        for key in {k[:-1] for k in self.sum(name + "_bucket", (*by, "le"))}:
            buckets = sorted((float(k[-1]), v) for k, v in self.sum(name + "_bucket", (*by, "le")).items() if k[:-1] == key)
            out[key] = next((le for le, n in buckets if n >= q * buckets[-1][1]), None)
        return out


@pytest.fixture(scope="module")
def knetd():
    with Knetd(ini="[dns]\nupstreams = 127.0.0.53\n") as daemon:
        stub = Stub(daemon, "127.0.0.53")
        service(daemon, "web", ports=[{"port": 80}])
        yield daemon
        stub.close()


def exchange(knetd, name, rdtype="A", server=V4, tcp=False, **options):
    """The answer with the size that it had on the wire."""
    query = dns.message.make_query(name, rdtype, **options)
    with dial(knetd, server, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        if tcp:
            s.sendall(struct.pack("!H", len(query.to_wire())) + query.to_wire())
            size = struct.unpack("!H", s.recv(2, socket.MSG_WAITALL))[0]
            wire = s.recv(size, socket.MSG_WAITALL)
        else:
            s.sendto(query.to_wire(), (server, 53))
            wire = s.recv(4096)
    answer = dns.message.from_wire(wire)
    answer.size = len(wire)
    return answer


def asked(knetd, *args, **kw):
    """What one question adds to every sample that it changes."""
    before = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in Metrics(knetd).samples}
    answer = exchange(knetd, *args, **kw)
    added = {}
    for s in Metrics(knetd).samples:
        n = s.value - before.get((s.name, tuple(sorted(s.labels.items()))), 0)
        if s.name.startswith(("coredns_dns_re", "coredns_dns_do", "coredns_cache_")) and n:
            added[s.name, s.labels.get("le")] = (n, s.labels)
    return answer, added


@pytest.mark.parametrize("name,rdtype,server,tcp,family,code,plugin", [
    ("web.default.svc.", "A", V4, False, "1", "NOERROR", "kubernetes"),
    ("web.default.svc.", "AAAA", V6, False, "2", "NOERROR", "kubernetes"),
    ("none.default.svc.", "SRV", V6, True, "2", "NXDOMAIN", "kubernetes"),
    ("web.default.svc.", "HTTPS", V4, True, "1", "NOERROR", "kubernetes"),
])
def test_one_question_is_counted_once(knetd, name, rdtype, server, tcp, family, code, plugin):
    answer, added = asked(knetd, name + ZONE, rdtype, server, tcp)
    assert rcode(answer) == code
    chain = {"server": "dns://:53", "zone": ".", "view": ""}
    proto = "tcp" if tcp else "udp"
    assert added["coredns_dns_requests_total", None] == (1, {**chain, "proto": proto, "family": family, "type": rdtype})
    assert added["coredns_dns_responses_total", None] == (1, {**chain, "rcode": code, "plugin": plugin})
    assert added["coredns_dns_request_duration_seconds_count", None] == (1, chain)
    assert added["coredns_dns_request_duration_seconds_bucket", "+Inf"][0] == 1
    assert added["coredns_dns_response_size_bytes_sum", None] == (answer.size, {**chain, "proto": proto})
    assert added["coredns_dns_response_size_bytes_bucket", "200"][0] == 1
    assert added["coredns_dns_request_size_bytes_sum", None][0] == 12 + len(name) + len(ZONE) + 2 + 4
    assert not any(name.startswith("coredns_cache") for name, _ in added)


def test_who_answered(knetd):
    by = [asked(knetd, "counted.example")[1]["coredns_dns_responses_total", None][1]["plugin"] for _ in range(2)]
    assert by == ["forward", "cache"]
    _, added = asked(knetd, f"web.default.svc.{ZONE}", want_dnssec=True)
    assert added["coredns_dns_do_requests_total", None][0] == 1


def test_a_type_that_clients_invent_makes_no_series(knetd):
    for rdtype in ("TYPE4242", "TYPE65000", "TLSA", "NAPTR"):
        ask(knetd, f"web.default.svc.{ZONE}", rdtype)
    types = {k[0] for k in Metrics(knetd).sum("coredns_dns_requests_total", ("type",))}
    assert "other" in types and types <= set(
        "A AAAA CNAME DNSKEY DS MX NSEC3 NSEC NS PTR RRSIG SOA SRV TXT HTTPS SVCB IXFR AXFR ANY other".split())


def test_histograms_are_whole(knetd):
    ask(knetd, f"web.default.svc.{ZONE}")
    m = Metrics(knetd)
    for name, first, last in (("coredns_dns_request_duration_seconds", 0.00025, 8.192),
                              ("coredns_dns_request_size_bytes", 0, 64000), ("coredns_dns_response_size_bytes", 0, 64000)):
        assert m.families[name].type == "histogram"
        series = collections.defaultdict(list)
        for s in m.families[name].samples:
            key = tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
            if s.name.endswith("_bucket"):
                series[key].append((float(s.labels["le"]), s.value))
        for key, buckets in series.items():
            assert [le for le, _ in buckets] == sorted(le for le, _ in buckets)
            assert buckets[0][0] == first and buckets[-2][0] == last
            assert [n for _, n in buckets] == sorted(n for _, n in buckets)
            assert buckets[-1][1] == m.sum(name + "_count", **dict(key))


# What the panels of the CoreDNS mixin (the dashboard that kube-prometheus ships) ask for. rate() of a series that is
# there is a number; so a panel has content when its selector and its grouping have.
PANELS = [
    ("coredns_dns_responses_total", ("rcode",)),
    ("coredns_dns_requests_total", ("type",)),
    ("coredns_dns_requests_total", ("zone",)),
    ("coredns_dns_requests_total", ("proto",)),
    ("coredns_dns_do_requests_total", ("zone",)),
    ("coredns_cache_hits_total", ()),
    ("coredns_cache_misses_total", ()),
    ("coredns_cache_entries", ("type",)),
    ("coredns_forward_requests_total", ("to",)),
    ("coredns_proxy_request_duration_seconds_count", ("proxy_name", "to")),
    ("coredns_panics_total", ()),
    ("coredns_build_info", ()),
    ("process_resident_memory_bytes", ()),
    ("process_cpu_seconds_total", ()),
]
MAY_BE_ZERO = {"coredns_dns_do_requests_total", "coredns_panics_total"}
QUANTILES = [
    ("coredns_kubernetes_dns_programming_duration_seconds", ("service_kind",)),
    ("coredns_dns_request_duration_seconds", ("server", "zone")),
    ("coredns_dns_request_size_bytes", ("server", "zone", "proto")),
    ("coredns_dns_response_size_bytes", ("server", "zone", "proto")),
]


def test_dashboards_find_their_series(knetd):
    ask(knetd, f"web.default.svc.{ZONE}", tcp=True)
    ask(knetd, "dashboard.example")
    ask(knetd, "dashboard.example")
    m = Metrics(knetd)
    for name, by in PANELS:
        found = m.sum(name, by)
        assert (any(found.values()) if by else found) or name in MAY_BE_ZERO, name
        assert any(s.name == name for s in m.samples)
    for name, by in QUANTILES:
        found = m.quantile(0.99, name, by)
        assert found and all(v is not None for v in found.values()), name
    # Prometheus' own library has the same families
    assert m.families["coredns_build_info"].samples[0].labels["version"].startswith("knetd-")


@pytest.mark.parametrize("kind,spec", [
    ("cluster_ip", {"ports": [{"port": 80}]}),
    ("headless_with_selector", {"clusterIP": "None", "selector": {"a": "b"}}),
    ("headless_without_selector", {"clusterIP": "None"}),
])
def test_programming_latency(knetd, kind, spec):
    name = "coredns_kubernetes_dns_programming_duration_seconds"
    before = Metrics(knetd).sum(name + "_count", ("service_kind",))
    service(knetd, "programmed-" + kind.replace("_", "-"), **spec)
    m = Metrics(knetd)
    after = m.sum(name + "_count", ("service_kind",))
    # a headless one with a selector changes once more, as its endpoints are written in the same turn
    assert after[(kind,)] > before[(kind,)] and all(after[k] == before[k] for k in after if k != (kind,))
    assert m.sum(name + "_sum", service_kind=kind) > 0
    assert m.sum(name + "_bucket", service_kind=kind, le="0.001") + m.sum(name + "_bucket", service_kind=kind, le="+Inf") > 0


def test_a_dead_worker_is_a_panic(knetd):
    before, pid = Metrics(knetd).sum("coredns_panics_total"), knetd.workers()["dns-0"]
    os.kill(pid, 9)
    eventually(lambda: Metrics(knetd).sum("coredns_panics_total") == before + 1, 10)
    eventually(lambda: knetd.workers().get("dns-0") not in (None, pid), 10)


def test_series_are_few(knetd):
    """However much is asked: not one series a name, a client, a label of somebody's choice."""
    ask(knetd, f"web.default.svc.{ZONE}")
    before = {(s.name, tuple(s.labels.items())) for s in Metrics(knetd).samples}
    for i in range(50):
        ask(knetd, f"x{i}.default.svc.{ZONE}")
    after = {(s.name, tuple(s.labels.items())) for s in Metrics(knetd).samples}
    assert len(after - before) <= 1  # the first NXDOMAIN
    assert len([s for s in after if s[0].startswith("coredns")]) < 400
