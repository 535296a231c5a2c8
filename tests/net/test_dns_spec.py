"""The Kubernetes DNS specification 1.1.0 on a real daemon: every line of dns_spec_table.py with its whole answer, asked
by dnspython and by dig, over UDP and TCP and both families."""

import os
import re
import socket
import sys
import time
import urllib.parse

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.reversename
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import dns_spec_table as table  # noqa: E402
from daemon import Knetd  # noqa: E402
from pods import Pod  # noqa: E402
from test_dns import Stub, dial  # noqa: E402

V4, V6 = "10.96.0.10", "fd00:10:96::a"
ZONE = "cluster.local."
OWN_TTL, FAR_TTL = 5, 60
RCODES = {"nodata": "NOERROR", "nxdomain": "NXDOMAIN", "servfail": "SERVFAIL", "refused": "REFUSED"}


# ---- the table --------------------------------------------------------------------------------------


def name_of(word):
    if word.startswith("@"):
        address, _, labels = word[1:].partition("/")
        parts = dns.reversename.from_address(address).to_text().split(".")
        return ".".join(parts[-3 - int(labels):] if labels else parts)
    return word if word.endswith(".") else f"{word}.{ZONE}"


def is_ours(name):
    return ("." + name.lower()).endswith(("." + ZONE, ".arpa."))


def records(text, owner):
    """Sorted (owner, ttl, type, data) of the records that a column describes."""
    found = []
    for one in filter(None, (x.strip() for x in text.split(" ; "))):
        words = one.split()
        mine = name_of(words.pop(0)[:-1]) if words[0].endswith(":") else owner
        kind, data = words[0], words[1:]
        if kind in ("SRV", "CNAME", "PTR", "NS"):
            data[-1] = name_of(data[-1])
        found.append((mine, OWN_TTL if is_ours(mine) else FAR_TTL, kind, " ".join(data)))
    return sorted(found)


def parse(line):
    """A line as (name, type, what the whole answer is)."""
    left, *more = re.split(r" ([=/>+])(?= |$)", line)
    name, kind = left.split()
    name = name_of(name)
    columns = dict(zip(more[::2], more[1::2]))
    denial = columns.get("/", "").split()
    failed = denial[:1] in (["servfail"], ["refused"])
    authority = []
    if denial and not failed:
        zone = name_of(denial[1]) if len(denial) > 1 else ZONE
        authority = [(zone, OWN_TTL, "SOA", table.SOA)]
        if len(denial) > 2:
            authority = [(zone, FAR_TTL, "SOA", " ".join(denial[2:]))]
    answer = records(columns.get("=", "") + columns.get(">", ""), name)
    # RFC 1035 4.1.1: AA tells of the first owner of the answer
    authoritative = not failed and (">" not in columns or "CNAME" in columns[">"])
    return name, kind, {"rcode": RCODES[denial[0]] if denial else "NOERROR", "aa": authoritative, "answer": answer,
                        "authority": authority, "additional": records(columns.get("+", ""), name)}


def rows(text):
    return [parse(line) for line in text.splitlines() if line and not line.startswith("#")]


ROWS = rows(table.ROWS)


def check(asked, want, got):
    """The owner of a denial points into the question, whose case it has; what the upstream said grows old."""
    for section in ("answer", "authority"):
        got[section] = sorted((owner.lower() if section == "authority" else owner,
                               FAR_TTL if not is_ours(owner) and 0 < ttl <= FAR_TTL else ttl, *rest)
                              for owner, ttl, *rest in got[section])
    assert got == want, f"{asked}\n got  {got}\n want {want}"


# ---- who asks ---------------------------------------------------------------------------------------


class Client:
    """dnspython, with one socket for all its questions."""

    def __init__(self, knetd, server, tcp):
        self.server, self.tcp = server, tcp
        self.sock = dial(knetd, server, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.sock.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ask(self, name, kind):
        query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
        send = dns.query.tcp if self.tcp else dns.query.udp
        r = send(query, self.server, timeout=10, sock=self.sock)
        assert r.question[0].name.to_text() == name, "the letters' case is kept"
        assert r.flags & dns.flags.QR and r.flags & dns.flags.RA and not r.flags & dns.flags.TC, (name, kind)
        return {"rcode": dns.rcode.to_text(r.rcode()), "aa": bool(r.flags & dns.flags.AA),
                **{section: sorted((s.name.to_text(), s.ttl, dns.rdatatype.to_text(s.rdtype), rr.to_text())
                                   for s in getattr(r, section) for rr in s)
                   for section in ("answer", "authority", "additional")}}


def dig(knetd, server, questions, *options):
    """What dig shows of each question's answer."""
    batch = os.path.join(knetd.dir, "dig")
    with open(batch, "w", encoding="ascii") as f:
        f.writelines(f"{name} {kind}\n" for name, kind in questions)
    out = knetd.exec("dig", f"@{server}", *options, "+noall", "+comments", "+answer", "+authority", "+additional",
                     "+nocookie", "+tries=1", "+noidnin", "+noidnout", "-f", batch, timeout=60, check=True).stdout
    for message in out.split(";; ->>HEADER<<-")[1:]:
        got = {"rcode": re.search(r"status: (\w+)", message)[1], "aa": bool(re.search(r"flags:[^;]* aa", message)),
               "answer": [], "authority": [], "additional": []}
        section = None
        for line in message.splitlines()[1:]:
            if line.startswith(";;") and (title := re.match(r";; (\w+) SECTION", line)):
                section = title[1].lower()
            elif line and not line.startswith(";"):
                owner, ttl, _, kind, data = line.split(None, 4)
                got[section].append((owner, int(ttl), kind, data))
        yield {k: sorted(v) if isinstance(v, list) else v for k, v in got.items()}


# ---- the objects ------------------------------------------------------------------------------------


def post(knetd, path, body):
    status, answer = knetd.api("POST", path, body)
    assert status == 201, answer


def fill(knetd):
    for ns in table.NAMESPACES:
        post(knetd, "/api/v1/namespaces", {"metadata": {"name": ns}})
    for key, spec in table.SERVICES.items():
        ns, name = key.split("/")
        post(knetd, f"/api/v1/namespaces/{ns}/services", {"metadata": {"name": name}, "spec": spec})
    for key, slices in table.SLICES.items():
        ns, name = key.split("/")
        for i, (ports, endpoints) in enumerate(slices):
            post(knetd, f"/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
                 {"metadata": {"name": f"{name}-{i}", "labels": {"kubernetes.io/service-name": name}},
                  "addressType": "IPv6" if ":" in endpoints[0]["addresses"][0] else "IPv4",
                  "ports": ports, "endpoints": endpoints})


@pytest.fixture(scope="module")
def knetd():
    with Knetd(ini="[dns]\nupstreams = 127.0.0.53\n") as daemon:
        upstream = Stub(daemon, "127.0.0.53")
        try:
            fill(daemon)
            yield daemon
        finally:
            upstream.close()


def test_the_table_is_large_enough():
    assert len(ROWS) >= 250 and len({(name, kind) for name, kind, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("server", [V4, V6])
def test_table(knetd, server, tcp):
    with Client(knetd, server, tcp) as client:
        for name, kind, want in ROWS:
            check(f"{name} {kind}", want, client.ask(name, kind))


@pytest.mark.parametrize("server,options", [(V4, ()), (V6, ("+tcp",))], ids=["udp", "tcp"])
def test_table_with_dig(knetd, server, options):
    asked = [row for row in ROWS if row[1] != "AXFR"]  # dig shows a refused transfer in other words
    got = list(dig(knetd, server, [(name, kind) for name, kind, _ in asked], *options))
    assert len(got) == len(asked)
    for (name, kind, want), one in zip(asked, got):
        check(f"{name} {kind}", want, one)


def test_table_after_a_full_pass(knetd):
    """The same from a daemon that finds the objects in its store."""
    knetd.stop(9)
    knetd.start()
    with Client(knetd, V4, False) as client:
        for name, kind, want in ROWS:
            check(f"{name} {kind}", want, client.ask(name, kind))


# ---- pods = verified, disabled ------------------------------------------------------------------------


def pod_with_a_name(knetd):
    """A pod from CNI whose Pod says hostname and subdomain; its name comes through the endpoints controller."""
    post(knetd, "/api/v1/namespaces", {"metadata": {"name": "spec"}})
    post(knetd, "/api/v1/namespaces", {"metadata": {"name": "other"}})
    post(knetd, "/api/v1/namespaces/spec/services",
         {"metadata": {"name": "sub"}, "spec": {"clusterIP": "None", "selector": {"app": "a"}, "ports": table.SQL,
                                                "ipFamilyPolicy": "RequireDualStack"}})
    post(knetd, "/api/v1/namespaces/spec/pods",
         {"metadata": {"name": "a", "labels": {"app": "a"}},
          "spec": {"hostname": "pod-a", "subdomain": "sub", "containers": [{"name": "c", "image": "i"}]}})
    return Pod(knetd, "a", "spec")


@pytest.mark.parametrize("pods", ["verified", "disabled"])
def test_names_of_pods(pods):
    with Knetd(ini=f"[dns]\nupstreams = 127.0.0.53\npods = {pods}\n") as knetd:
        pod = pod_with_a_name(knetd)
        try:
            text = getattr(table, pods.upper()).replace("IP4", pod.ip4).replace("IP6", pod.ip6)
            text = text.replace("DASH4", pod.ip4.replace(".", "-")).replace("DASH6", pod.ip6.replace(":", "-"))
            with Client(knetd, V4, False) as client:
                for name, kind, want in rows(text):
                    check(f"{name} {kind}", want, client.ask(name, kind))
        finally:
            pod.remove()


# ---- more than fits ------------------------------------------------------------------------------------


def test_more_endpoints_than_an_answer_holds(knetd):
    post(knetd, "/api/v1/namespaces/spec/services", {"metadata": {"name": "huge"}, "spec": table.headless()})
    for i in range(5):
        post(knetd, "/apis/discovery.k8s.io/v1/namespaces/spec/endpointslices",
             {"metadata": {"name": f"huge-{i}", "labels": {"kubernetes.io/service-name": "huge"}},
              "addressType": "IPv4", "ports": table.SQL,
              "endpoints": [table.endpoint(f"198.18.{i * 4 + j // 250}.{j % 250 + 1}") for j in range(1000)]})
    with Client(knetd, V4, True) as client:
        got = client.ask(f"huge.spec.svc.{ZONE}", "A")["answer"]
        assert 3500 < len(set(got)) < 5000 and {kind for _, _, kind, _ in got} == {"A"}
        got = client.ask(f"_sql._tcp.huge.spec.svc.{ZONE}", "SRV")
        targets = {data.split()[-1] for _, _, _, data in got["answer"]}
        assert 500 < len(targets) < 5000
        for target in sorted(targets)[::100]:
            assert client.ask(target, "A")["rcode"] == "NOERROR"
    field = urllib.parse.quote("involvedObject.name=huge,reason=DNSRecordsTruncated")
    events, end = [], time.monotonic() + 20
    while not events and time.monotonic() < end:  # they are written once a second
        events = knetd.api("GET", f"/api/v1/namespaces/spec/events?fieldSelector={field}")[1]["items"]
    assert events[0]["type"] == "Warning" and "first 63000 bytes" in events[0]["message"]
