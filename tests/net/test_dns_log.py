"""The query log: what the workers left, on standard error and for those who watch."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_dns import V4, V6, ZONE, ask, dial, rcode, service, socket  # noqa: E402
from daemon import ROOT, Knetd  # noqa: E402
from pods import eventually  # noqa: E402

KNETCTL = os.path.join(ROOT, "build", "knetctl")
# the line of CoreDNS' log plugin
LINE = re.compile(r'\[INFO\] (\S+):(\d+) - (\d+) "(\S+) (\S+) (\S+) (udp|tcp) (\d+) (true|false) (\d+)" (\S+) (\S+) (\d+) '
                  r'(\d+\.\d{9})s$')


def lines(knetd):
    return [m.groups() for m in map(LINE.search, knetd.logged().splitlines()) if m]


@pytest.fixture(scope="module")
def logging():
    with Knetd(ini="[dns]\nupstreams =\nlog = all\nlisten = [::]:5300\n") as daemon:
        service(daemon, "web", ports=[{"port": 80}])
        yield daemon


@pytest.fixture(scope="module")
def quiet():
    with Knetd(ini="[dns]\nupstreams =\n", workers=2) as daemon:
        service(daemon, "web", ports=[{"port": 80}])
        yield daemon


@pytest.mark.parametrize("server,tcp,rdtype,options,udp_size", [
    (V4, False, "A", {}, "512"), (V6, False, "AAAA", {"use_edns": 0, "payload": 1232}, "1232"),
    (V6, True, "SRV", {"want_dnssec": True}, "65535"), (V4, True, "TYPE4711", {}, "65535"),
])
def test_the_line_is_coredns_own(logging, server, tcp, rdtype, options, udp_size):
    name = f"{rdtype.lower()}-x.default.svc.{ZONE}."
    answer = ask(logging, name, rdtype, server, tcp, **options)
    found = eventually(lambda: [x for x in lines(logging) if x[5] == name], 5)
    assert len(found) == 1
    ip, port, id_, type_, class_, _, proto, size, do, bufsize, code, flags, rsize, took = found[0]
    assert ip == (f"[{V6}]" if server == V6 else V4) and int(port) >= 1024  # the node asks itself
    assert (type_, class_, proto, id_) == (rdtype, "IN", "tcp" if tcp else "udp", str(answer.id))
    assert (bufsize, code, flags) == (udp_size, "NXDOMAIN", "qr,aa,rd")
    assert do == ("true" if "want_dnssec" in options else "false")
    assert int(size) == 12 + len(name) + 1 + 4 + (11 if options else 0) and int(rsize) > int(size) and float(took) < 10


def test_names_cannot_write_lines(logging):
    name = b"\x00\x1b[31m\n[INFO] 1.2.3.4:5 - 6 \"".replace(b".", b"_")
    query = b"\x11\x11\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + bytes([len(name)]) + name + b"\x07invalid\x00\x00\x01\x00\x01"
    with dial(logging, V4, socket.SOCK_DGRAM) as s:
        s.sendto(query, (V4, 53))
        assert s.recv(1500)[:2] == b"\x11\x11"
    line = eventually(lambda: [x for x in logging.logged().splitlines() if "invalid." in x], 5)[0]
    assert line.startswith("<6>[INFO] 10.96.0.10:") and "\\000\\027[31m\\010[info]\\032" in line and "\x1b" not in line


def test_a_question_that_cannot_be_read_is_logged_too(logging):
    with dial(logging, V4, socket.SOCK_DGRAM) as s:
        s.sendto(b"\x22\x22\x01\x00\x00\x02" + b"\x00" * 6 + b"\xff" * 20, (V4, 53))
        assert s.recv(1500)[:2] == b"\x22\x22"
    found = eventually(lambda: [x for x in lines(logging) if x[2] == str(0x2222)], 5)
    assert found[0][5] == "." and found[0][10] == "FORMERR"


def test_errors_alone():
    with Knetd(ini="[dns]\nupstreams =\nlog = errors\n") as daemon:
        service(daemon, "web", ports=[{"port": 80}])
        assert rcode(ask(daemon, f"web.default.svc.{ZONE}")) == "NOERROR"
        assert rcode(ask(daemon, f"none.default.svc.{ZONE}")) == "NXDOMAIN"
        assert rcode(ask(daemon, "outside.example")) == "SERVFAIL"  # no upstreams
        found = eventually(lambda: lines(daemon), 5)
        assert [(x[5], x[10]) for x in found] == [("outside.example.", "SERVFAIL")]


def test_a_wrong_word_is_an_error(knetd_factory):
    with pytest.raises(AssertionError, match="no, errors or all"):
        knetd_factory(ini="[dns]\nlog = some\n")


def test_whoever_takes_a_dead_workers_place_is_read_from_its_first_line(logging):
    before = logging.workers()["dns-0"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: logging.workers().get("dns-0") not in (None, before), 10)
    ask(logging, f"again.default.svc.{ZONE}")  # waits for the new worker
    def seen():
        ask(logging, f"again.default.svc.{ZONE}")
        return [x for x in lines(logging) if x[5].startswith("again")]
    eventually(seen, 5)


def test_more_than_the_ring_holds_is_counted(logging):
    """A burst, perhaps beyond what is read in time: no query waits, and lines and losses make up the whole."""
    def lost():
        return int(re.search(r"^knetd_dns_log_lost_total (\d+)", logging.api("GET", "/metrics")[1], re.M).group(1))
    def asked():
        return sum(int(n) for n in re.findall(r"^coredns_dns_requests_total\{.* (\d+)$", logging.api("GET", "/metrics")[1], re.M))
    before, asked_before = lost(), asked()
    with open(os.path.join(logging.dir, "queries"), "w", encoding="ascii") as f:
        f.write(f"burst.default.svc.{ZONE} A\n")
    out = logging.exec("dnsperf", "-s", V4, "-d", f.name, "-l", "1", "-q", "200").stdout
    sent, dropped = (int(re.search(rf"Queries {what}: +(\d+)", out).group(1)) for what in ("sent", "lost"))
    assert sent > 1000 and dropped < sent / 100, out  # dnsperf's own socket may run over
    answered = asked() - asked_before
    eventually(lambda: sum(x[5].startswith("burst.") for x in lines(logging)) + lost() - before == answered, 10, 0.5)
    if lost() > before:
        eventually(lambda: "queries are not in the query log" in logging.logged(), 5)


# ---- watching -------------------------------------------------------------------------------------


class Watching:
    """`knetctl dns --watch`, with what it prints."""

    def __init__(self, knetd, *args):
        self.knetd = knetd
        self.process = subprocess.Popen([KNETCTL, "-s", knetd.socket, "dns", "--watch", *args], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def __enter__(self):
        return self

    def names(self):
        """What was asked, as far as it is printed by now."""
        self.text += (self.process.stdout.read() or b"").decode()
        lines = [json.loads(x) if x.startswith('"') else x for x in self.text.split("\n")[:-1]]
        return [m.group(6) for m in map(LINE.search, lines) if m]

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


def until_seen(knetd, watching, name):
    """Asks until the watcher shows it: watching has begun then."""
    def seen():
        ask(knetd, name)
        return name in watching.names()
    eventually(seen, 10)


def test_watch_shows_queries_as_they_come_and_ends_with_its_client(quiet):
    assert not lines(quiet)
    with Watching(quiet) as w:
        until_seen(quiet, w, f"web.default.svc.{ZONE}.")
        for i in range(50):
            ask(quiet, f"n{i}.default.svc.{ZONE}.")
        eventually(lambda: {f"n{i}.default.svc.{ZONE}." for i in range(50)} <= set(w.names()), 5)
    assert w.process.returncode == -signal.SIGINT
    assert not lines(quiet), "standard error was not asked for"
    # the workers are told to stop: what is asked then is nowhere when somebody looks again
    time_of_lease = time.monotonic() + 3.5
    eventually(lambda: time.monotonic() > time_of_lease, 5)
    ask(quiet, f"unseen.default.svc.{ZONE}.")
    status, now = quiet.api("GET", "/knetd/v1/dns/log?since=0")
    assert status == 200 and not any("unseen" in x for x in now["lines"])


def test_watch_picks(quiet):
    with Watching(quiet, "--name", f"svc.{ZONE}") as by_name, Watching(quiet, "--client", V6) as by_client:
        until_seen(quiet, by_name, f"web.default.svc.{ZONE}.")
        eventually(lambda: (ask(quiet, "six.example.", server=V6), "six.example." in by_client.names())[1], 10)
        ask(quiet, f"xsvc.{ZONE}.")
        ask(quiet, f"last.default.svc.{ZONE}.")
        ask(quiet, "last.example.", server=V6)
        eventually(lambda: f"last.default.svc.{ZONE}." in by_name.names() and "last.example." in by_client.names(), 5)
        assert all(n.endswith(f".svc.{ZONE}.") for n in by_name.names())
        assert set(by_client.names()) == {"six.example.", "last.example."}


def test_two_watchers_see_the_same(quiet):
    with Watching(quiet) as one, Watching(quiet, "-o", "json") as two:
        until_seen(quiet, one, f"a.default.svc.{ZONE}.")
        until_seen(quiet, two, f"b.default.svc.{ZONE}.")
        ask(quiet, f"both.default.svc.{ZONE}.")
        for w in one, two:
            eventually(lambda: f"both.default.svc.{ZONE}." in w.names(), 5)
        assert two.text.startswith('"') and one.text.startswith("[INFO]")


@pytest.mark.parametrize("query,message", [
    ("since=x", "since: a number is expected"), ("since=1x", "since: a number is expected"),
    ("name=" + "a" * 64, "name: a domain name is expected"), ("name=..", "name: a domain name is expected"),
    ("client=10.0.0", "client: an IP address is expected"),
])
def test_wrong_wishes(quiet, query, message):
    status, answer = quiet.api("GET", "/knetd/v1/dns/log?" + urllib.parse.quote(query, safe="="))
    assert (status, answer["message"], answer["reason"]) == (400, message, "BadRequest")


def test_a_since_from_elsewhere_is_now(quiet):
    status, answer = quiet.api("GET", "/knetd/v1/dns/log?since=18446744073709551615")
    assert status == 200 and answer["lines"] == []
