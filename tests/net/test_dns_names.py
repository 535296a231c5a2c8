"""Names that are not the cluster's own: hosts entries, rewrite rules, zones from files, the ConfigMap."""

import os
import signal
import socket
import sys
import time

import dns.flags
import dns.message
import dns.query
import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd  # noqa: E402
from test_dns import V4, ZONE, Stub, ask, data, dial, rcode, service  # noqa: E402

HOSTS = """
# a comment
192.0.2.20  Printer.example printer   # two names
2001:db8::20\tprinter.example
192.0.2.21  printer.example
192.0.2.22  taken.default.svc.cluster.local
192.0.2.23  target.rewritten.example
"""


ZONES = {"corp.example.zone": """
$TTL 1h
@       IN SOA ns hostmaster ( 1 2h 30m 1w 5m )  ; the usual
        NS  ns
ns      A   192.0.2.53
www  60 A   192.0.2.30
        AAAA 2001:db8::30
alias   CNAME www
inside  CNAME web.default.svc.cluster.local.
outside CNAME cname.upstream.example.
*.wild  A   192.0.2.31
deep.er TXT "one" "two; three"
@       MX  10 www
_s._tcp SRV 0 0 80 www
https   TYPE65 \\# 3 000100
moved   DNAME lower.corp.example.
lower   NS  ns.lower
ns.lower A  192.0.2.54
big     TXT """ + "\n        TXT ".join(f"b{i}-" + "x" * 200 for i in range(40)) + "\n",
         "db.below.corp.example": "@ 5 SOA a b 1 2 3 4 5\n@ 5 NS a\n@ 5 A 192.0.2.40\n",
         "db.lower.corp.example": None}


def until(condition, what="it never came", seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def write(path, text):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def reload(knetd):
    knetd.process.send_signal(signal.SIGHUP)


@pytest.fixture(scope="module")
def knetd():
    daemon = Knetd()
    daemon.zones = os.path.join(daemon.dir, "zones")
    os.mkdir(daemon.zones)
    for name, text in ZONES.items():
        if text:
            write(os.path.join(daemon.zones, name), text)
    daemon.hosts = os.path.join(daemon.dir, "hosts")
    write(daemon.hosts, HOSTS)
    with open(daemon.ini, "a", encoding="utf-8") as f:
        f.write(f"[dns]\nupstreams = 127.0.0.53\nhosts = {daemon.hosts}\n"
                "rewrite = exact web.example web.default.svc.cluster.local, suffix .old.example .svc.cluster.local\n"
                "rewrite = prefix was- is-\n"
                "rewrite = exact hosted.example target.rewritten.example, exact out.example cname.upstream.example\n"
                "rewrite = exact nowhere.example nope.default.svc.cluster.local, exact gone.example nx.upstream.example\n"
                f"zones = {daemon.zones}, {daemon.zones}/db.*\n")
    with daemon:
        yield daemon


@pytest.fixture(scope="module")
def upstream(knetd):
    stub = Stub(knetd, "127.0.0.53")
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def web(knetd):
    return service(knetd, "web", ports=[{"name": "http", "port": 80}])["spec"]["clusterIP"]


# ---- hosts ----------------------------------------------------------------------------------------


def test_hosts(knetd, upstream):
    upstream.seen()
    for tcp in (False, True):
        assert data(ask(knetd, "printer.example", tcp=tcp)) == ["192.0.2.20", "192.0.2.21"]
        assert data(ask(knetd, "PRINTER.example", "AAAA", tcp=tcp)) == ["2001:db8::20"]
        assert data(ask(knetd, "printer", tcp=tcp)) == ["192.0.2.20"]
    r = ask(knetd, "printer.example", "MX")
    assert (rcode(r), r.answer, r.authority) == ("NOERROR", [], [])
    assert data(ask(knetd, "printer", "AAAA")) == []
    assert data(ask(knetd, "20.2.0.192.in-addr.arpa", "PTR")) == ["printer.example."]
    assert data(ask(knetd, "0.2." + "0." * 21 + "0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR")) == ["printer.example."]
    assert upstream.seen() == []


def test_hosts_win_over_the_cluster(knetd):
    service(knetd, "taken", ports=[{"port": 80}])
    assert data(ask(knetd, f"taken.default.svc.{ZONE}")) == ["192.0.2.22"]


def test_hosts_follow_the_file(knetd):
    write(knetd.hosts, HOSTS + "192.0.2.99 later.example\n")
    until(lambda: data(ask(knetd, "later.example")) == ["192.0.2.99"])  # without being told
    write(knetd.hosts, HOSTS + "192.0.2.98 later.example\n192.0.2.300 wrong.example\n")
    reload(knetd)
    until(lambda: f'{knetd.hosts}:{HOSTS.count(chr(10)) + 2}: "192.0.2.300": an address is expected' in knetd.logged())
    assert data(ask(knetd, "later.example")) == ["192.0.2.99"]
    write(knetd.hosts, HOSTS)
    reload(knetd)
    until(lambda: data(ask(knetd, "later.example")) == ["192.0.2.1"])  # the upstream's


# ---- rewrite --------------------------------------------------------------------------------------


def test_rewrite_into_the_cluster(knetd, web):
    for name in ("web.example", "web.default.old.example"):
        r = ask(knetd, name)
        assert data(r) == [web] and r.answer[0].name.to_text() == name + "."
    r = ask(knetd, "_http._tcp.web.default.old.example", "SRV")
    assert data(r) == [f"0 100 80 web.default.svc.{ZONE}."]
    r = ask(knetd, "nowhere.example")
    assert rcode(r) == "NXDOMAIN" and r.authority[0].name.to_text() == ZONE + "."


def test_rewrite_to_a_hosts_name(knetd):
    r = ask(knetd, "hosted.example")
    assert data(r) == ["192.0.2.23"] and r.answer[0].name.to_text() == "hosted.example."


def test_rewrite_to_the_outside(knetd, upstream):
    upstream.seen()
    r = ask(knetd, "was-here.example")
    assert data(r) == ["192.0.2.1"] and r.answer[0].name.to_text() == "was-here.example."
    assert [q[1] for q in upstream.seen()] == ["is-here.example."]
    r = ask(knetd, "out.example")
    assert data(r) == ["192.0.2.7", "target.example."]
    assert r.answer[0].name.to_text() == "out.example."
    r = ask(knetd, "gone.example")
    assert rcode(r) == "NXDOMAIN" and data(r, "authority") == ["ns.example. h.example. 1 2 3 4 30"]


def test_bad_rule_is_an_error():
    with pytest.raises(AssertionError, match=r'\[dns\] rewrite: "regex a b": "regex": exact, prefix or suffix'):
        with Knetd(ini="[dns]\nrewrite = regex a b\n"):
            pass


# ---- zones from files -------------------------------------------------------------------------------


def test_zone(knetd, upstream):
    upstream.seen()
    for tcp in (False, True):
        r = ask(knetd, "WWW.corp.example", tcp=tcp)
        assert data(r) == ["192.0.2.30"] and r.answer[0].ttl == 60 and r.flags & dns.flags.AA
        assert r.answer[0].name.to_text() == "WWW.corp.example."
    assert data(ask(knetd, "corp.example", "SOA")) == ["ns.corp.example. hostmaster.corp.example. 1 7200 1800 604800 300"]
    assert data(ask(knetd, "corp.example", "NS")) == ["ns.corp.example."]
    r = ask(knetd, "corp.example", "MX")
    assert data(r) == ["10 www.corp.example."] and data(r, "additional") == ["192.0.2.30", "2001:db8::30"]
    assert {rrset.name.to_text() for rrset in r.additional} == {"www.corp.example."}
    r = ask(knetd, "_s._tcp.corp.example", "SRV")
    assert data(r) == ["0 0 80 www.corp.example."] and len(data(r, "additional")) == 2
    assert data(ask(knetd, "deep.er.corp.example", "TXT")) == ['"one" "two; three"']
    assert ask(knetd, "https.corp.example", "HTTPS").answer[0][0].to_text() == "1 ."
    assert upstream.seen() == []


def test_zone_denies(knetd):
    for name, rdtype, want in (("nope.corp.example", "A", "NXDOMAIN"), ("www.corp.example", "TXT", "NOERROR"),
                               ("er.corp.example", "A", "NOERROR"), ("x.deep.er.corp.example", "A", "NXDOMAIN"),
                               ("wild.corp.example", "A", "NOERROR"), ("a.wild.corp.example", "TXT", "NOERROR")):
        r = ask(knetd, name, rdtype)
        assert (rcode(r), r.answer) == (want, []), name
        assert r.authority[0].name.to_text() == "corp.example." and r.authority[0].ttl == 300
    r = ask(knetd, "a.b.wild.corp.example")
    assert data(r) == ["192.0.2.31"] and r.answer[0].name.to_text() == "a.b.wild.corp.example."


def test_zone_leads_on(knetd, upstream, web):
    assert data(ask(knetd, "alias.corp.example")) == ["192.0.2.30", "www.corp.example."]
    assert data(ask(knetd, "inside.corp.example")) == [web, f"web.default.svc.{ZONE}."]
    assert data(ask(knetd, "outside.corp.example")) == ["192.0.2.7", "cname.upstream.example.", "target.example."]
    # below a delegation: with recursion what the upstreams say, without it the referral
    assert data(ask(knetd, "x.lower.corp.example")) == ["192.0.2.1"]
    query = dns.message.make_query("x.lower.corp.example", "A", flags=0)
    with dial(knetd, V4, socket.SOCK_DGRAM) as s:
        s.setblocking(False)
        r = dns.query.udp(query, V4, timeout=10, sock=s)
    assert (data(r), data(r, "authority"), data(r, "additional")) == ([], ["ns.lower.corp.example."], ["192.0.2.54"])
    assert not r.flags & dns.flags.AA
    r = ask(knetd, "x.moved.corp.example")
    assert data(r) == ["192.0.2.1", "lower.corp.example.", "x.lower.corp.example."]


def test_zone_of_a_zone(knetd):
    assert data(ask(knetd, "below.corp.example")) == ["192.0.2.40"]
    assert ask(knetd, "x.below.corp.example").authority[0].name.to_text() == "below.corp.example."


def test_large_answer_of_a_zone(knetd):
    r = ask(knetd, "big.corp.example", "TXT", use_edns=0, payload=1232)
    assert r.flags & dns.flags.TC and len(r.to_wire()) <= 1232
    assert len(data(ask(knetd, "big.corp.example", "TXT", tcp=True))) == 40


def test_zone_of_the_cluster_is_refused(knetd):
    path = os.path.join(knetd.zones, f"x.{ZONE}.zone")
    write(path, "@ 5 SOA a b 1 2 3 4 5\n@ 5 NS a\n")
    reload(knetd)
    until(lambda: f"{path}: the zone x.{ZONE} is the cluster's own; it is not served" in knetd.logged())
    os.unlink(path)


def test_zone_follows_the_file(knetd):
    path = os.path.join(knetd.zones, "live.example.zone")
    zone = "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.%d\n"
    write(path, zone % 1)
    until(lambda: data(ask(knetd, "a.live.example", "A")) == ["192.0.2.1"] and ask(knetd, "live.example", "SOA").answer)
    write(path, zone % 2)
    reload(knetd)
    until(lambda: data(ask(knetd, "a.live.example")) == ["192.0.2.2"])
    write(path, zone % 3 + "a CNAME b\n")
    reload(knetd)
    until(lambda: f"{path}:5: a.live.example has CNAME and other data; the zone stays as it was" in knetd.logged())
    assert data(ask(knetd, "a.live.example")) == ["192.0.2.2"]
    os.unlink(path)
    reload(knetd)
    until(lambda: not ask(knetd, "live.example", "SOA").answer)


def test_no_query_is_lost_over_changes(knetd):
    path = os.path.join(knetd.zones, "busy.example.zone")
    zone = "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.%d\n"
    write(path, zone % 1)
    reload(knetd)
    until(lambda: data(ask(knetd, "a.busy.example")) == ["192.0.2.1"] and ask(knetd, "busy.example", "SOA").answer)
    for i in range(20):
        write(path, zone % (i + 2))
        reload(knetd)
        until(lambda i=i: data(ask(knetd, "a.busy.example", tcp=i % 2 == 0)) == [f"192.0.2.{i + 2}"])
    os.unlink(path)
    reload(knetd)


# ---- the ConfigMap ----------------------------------------------------------------------------------

MAPS = "/api/v1/namespaces/kube-system/configmaps"


def configure(knetd, **values):
    """The ConfigMap has these values, from when this returns."""
    values = {k.replace("__", "."): v for k, v in values.items()}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-dns"}, "data": values}
    status, answer = knetd.api("PUT", MAPS + "/kube-dns", body)
    if status == 404:
        status, answer = knetd.api("POST", MAPS, body)
    assert status in (200, 201), answer


def events(knetd):
    _, answer = knetd.api("GET", "/api/v1/namespaces/kube-system/events")
    return [e["message"] for e in answer["items"] if e["involvedObject"]["name"] == "kube-dns"]


@pytest.fixture(scope="module")
def other(knetd):
    stub = Stub(knetd, "127.0.0.54")
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def kube_system(knetd):
    knetd.api("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})


def test_config_map(knetd, kube_system, upstream, other, web):
    for i in range(5):
        configure(knetd, hosts=f"192.0.2.{i} given.example\n", rewrite="# rules\nname exact mapped.example given.example\n",
                  given__zone=f"@ 5 SOA a b 1 2 3 4 5\n@ 5 NS a\na 5 A 192.0.2.{i}\nin 5 CNAME web.default.svc.{ZONE}.\n")
        assert data(ask(knetd, "given.example")) == data(ask(knetd, "mapped.example")) == [f"192.0.2.{i}"]
        assert data(ask(knetd, "a.given")) == [f"192.0.2.{i}"]
    assert data(ask(knetd, "in.given")) == [web, f"web.default.svc.{ZONE}."]
    configure(knetd, hosts="192.0.2.88 printer.example\n")  # hides the file's
    assert data(ask(knetd, "printer.example")) == ["192.0.2.88"] and data(ask(knetd, "printer.example", "AAAA")) == []
    configure(knetd)
    assert data(ask(knetd, "printer.example")) == ["192.0.2.20", "192.0.2.21"]
    assert knetd.api("DELETE", MAPS + "/kube-dns")[0] == 200
    assert data(ask(knetd, "given.example")) == ["192.0.2.1"]
    assert data(ask(knetd, "a.given")) == ["192.0.2.1"] and not ask(knetd, "given", "SOA").answer


def test_stub_domains_of_the_config_map(knetd, kube_system, upstream, other):
    upstream.seen(), other.seen()
    configure(knetd, stubDomains='{"acme.local": ["127.0.0.54"]}')
    assert data(ask(knetd, "one.acme.local")) == ["192.0.2.1"]
    assert "one.acme.local." in [q[1] for q in other.seen()]
    configure(knetd, upstreamNameservers='["127.0.0.54"]')
    ask(knetd, "two.somewhere")
    assert "two.somewhere." in [q[1] for q in other.seen()]
    assert not {"one.acme.local.", "two.somewhere."} & {q[1] for q in upstream.seen()}
    configure(knetd)
    ask(knetd, "three.somewhere")
    assert "three.somewhere." in [q[1] for q in upstream.seen()]


def test_query_log_of_the_config_map(knetd, kube_system):
    configure(knetd, log="all")
    ask(knetd, "logged.corp.example")
    until(lambda: "logged.corp.example." in knetd.logged())
    configure(knetd)
    ask(knetd, "quiet.corp.example")
    configure(knetd, log="all\n")
    ask(knetd, "loud.corp.example")
    until(lambda: "loud.corp.example." in knetd.logged())
    assert "quiet.corp.example." not in knetd.logged()


GOOD_ZONE = "@ 5 SOA a b 1 2 3 4 5\n@ 5 NS a\na 5 A 192.0.2.71\n"


@pytest.mark.parametrize("key, value, want", [
    ("stubDomains", '{"acme.local": [\n"127.0.0.54",]}', "stubDomains:2: JSON is expected"),
    ("stubDomains", '["acme.local"]', "stubDomains: an object of domains is expected"),
    ("stubDomains", '{"acme.local": ["nowhere"]}', 'stubDomains: acme.local[0]: "nowhere":'),
    ("upstreamNameservers", '["127.0.0.54", 5]', "upstreamNameservers[1]:"),
    ("hosts", "192.0.2.70 good.map\nwhat is this\n", 'hosts:2: "what": an address is expected'),
    ("rewrite", "exact a.map b.map\nregex a b\n", "rewrite:2:"),
    ("map.zone", GOOD_ZONE + "\nb A 192.0.2.300\n", 'map.zone:5: A "192.0.2.300": an IPv4 address is expected'),
    ("log", "some", 'log: "some": no, errors or all is expected'),
])
def test_bad_value_leaves_the_one_before(knetd, kube_system, upstream, other, key, value, want):
    good = {"stubDomains": '{"acme.local": ["127.0.0.54"]}', "upstreamNameservers": '["127.0.0.53"]',
            "hosts": "192.0.2.70 good.map\n", "rewrite": "name good.rewritten good.map\n", "map.zone": GOOD_ZONE,
            "log": "no"}
    configure(knetd, **{k.replace(".", "__"): v for k, v in good.items()})
    good[key] = value
    configure(knetd, **{k.replace(".", "__"): v for k, v in good.items()})
    assert data(ask(knetd, "good.map")) == data(ask(knetd, "good.rewritten")) == ["192.0.2.70"]
    assert data(ask(knetd, "a.map")) == ["192.0.2.71"]
    other.seen()
    name = f"x{abs(hash(want))}.acme.local."
    ask(knetd, name)
    assert name in [q[1] for q in other.seen()]
    assert "ConfigMap kube-system/kube-dns: " + want in knetd.logged()
    until(lambda: any(want in e for e in events(knetd)), "no Event")


def test_bad_config_map_at_start(knetd, kube_system, web):
    configure(knetd, hosts="192.0.2.70 start.map\n", rewrite="nonsense")
    knetd.stop(signal.SIGKILL)
    knetd.start()
    assert data(ask(knetd, f"web.default.svc.{ZONE}")) == [web]
    assert data(ask(knetd, "start.map")) == ["192.0.2.70"]
    assert data(ask(knetd, "www.corp.example")) == ["192.0.2.30"]
