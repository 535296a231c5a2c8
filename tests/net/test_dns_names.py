"""Names that are not the cluster's own: hosts entries, rewrite rules, zones from files, the ConfigMap."""

import os
import signal
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd  # noqa: E402
from test_dns import V4, ZONE, Stub, ask, data, rcode, service  # noqa: E402

HOSTS = """
# a comment
192.0.2.20  Printer.example printer   # two names
2001:db8::20\tprinter.example
192.0.2.21  printer.example
192.0.2.22  taken.default.svc.cluster.local
192.0.2.23  target.rewritten.example
"""


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
    daemon.hosts = os.path.join(daemon.dir, "hosts")
    write(daemon.hosts, HOSTS)
    with open(daemon.ini, "a", encoding="utf-8") as f:
        f.write(f"[dns]\nupstreams = 127.0.0.53\nhosts = {daemon.hosts}\n"
                "rewrite = exact web.example web.default.svc.cluster.local, suffix .old.example .svc.cluster.local\n"
                "rewrite = prefix was- is-\n"
                "rewrite = exact hosted.example target.rewritten.example, exact out.example cname.upstream.example\n"
                "rewrite = exact nowhere.example nope.default.svc.cluster.local\n")
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


def test_bad_rule_is_an_error():
    with pytest.raises(AssertionError, match=r'\[dns\] rewrite: "regex a b": "regex": exact, prefix or suffix'):
        with Knetd(ini="[dns]\nrewrite = regex a b\n"):
            pass
