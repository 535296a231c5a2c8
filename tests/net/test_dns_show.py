"""`knetctl dns NAME`: where an answer comes from, beside the answer that a client gets."""

import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_dns import V4, ZONE, Stub, ask, data, endpoints, rcode, service  # noqa: E402
from daemon import ROOT, Knetd  # noqa: E402
from pods import Pod  # noqa: E402

KNETCTL = os.path.join(ROOT, "build", "knetctl")


@pytest.fixture(scope="module")
def knetd(tmp_path_factory):
    hosts = tmp_path_factory.mktemp("show") / "hosts"
    hosts.write_text("198.51.100.7 printer.lan\n")
    with Knetd(ini=f"[dns]\nupstreams = 127.0.0.53\nstub_domains = corp.example 127.0.0.54\nhosts = {hosts}\n"
                   f"rewrite = exact www.old.example web.default.svc.{ZONE}\n") as daemon:
        stubs = [Stub(daemon, "127.0.0.53"), Stub(daemon, "127.0.0.54")]
        service(daemon, "web", ipFamilyPolicy="RequireDualStack", ports=[{"name": "http", "port": 80}])
        service(daemon, "db", clusterIP="None", ports=[{"name": "sql", "port": 5432}])
        endpoints(daemon, "db", [("192.0.2.11", "db-0", True), ("192.0.2.13", "db-2", False)], ports=[("sql", 5432)])
        service(daemon, "ext", type="ExternalName", externalName="cname.example")
        service(daemon, "self", type="ExternalName", externalName=f"web.default.svc.{ZONE}")
        pod = Pod(daemon, "client")
        yield daemon
        pod.remove()
        for stub in stubs:
            stub.close()


def knetctl(knetd, *args):
    return subprocess.run([KNETCTL, "-s", knetd.socket, "dns", *args], capture_output=True, text=True, timeout=30, check=False)


def told(knetd, *args):
    p = knetctl(knetd, *args, "-o", "json")
    assert p.returncode in (0, 1), p.stderr
    out = json.loads(p.stdout)
    return p.returncode, out["trace"], out["asked"], [f"{s['step']}: {s['text']}" for s in out["trace"]["steps"]]


@pytest.mark.parametrize("name,rdtype,source,step", [
    (f"web.default.svc.{ZONE}.", "A", "cluster", "service: Service default/web, ClusterIP 10.96."),
    (f"web.default.svc.{ZONE}.", "AAAA", "cluster", "service: Service default/web, ClusterIP 10.96."),
    (f"web.default.svc.{ZONE}.", "TXT", "cluster", "question: web.default.svc.cluster.local.: exists, without such records"),
    (f"_sql._tcp.db.default.svc.{ZONE}.", "SRV", "cluster",
     "service: headless Service default/db: 1 EndpointSlice, 1 ready endpoint"),
    (f"db.default.svc.{ZONE}.", "A", "cluster", "service: left out, as they are not ready: 192.0.2.13"),
    (f"none.shop.svc.{ZONE}.", "A", "cluster", "service: there is no Service shop/none, nor such a namespace"),
    (f"self.default.svc.{ZONE}.", "A", "cluster", "alias: leads to web.default.svc.cluster.local."),
    (f"1-2-3-4.default.pod.{ZONE}.", "A", "cluster", "pod: a name of a pod's address in namespace default"),
    (f"dns-version.{ZONE}.", "TXT", "cluster", "zone: a name of the zone itself"),
    (f"{ZONE}.", "SOA", "cluster", "zone: a name of the zone itself"),
    ("5.200.96.10.in-addr.arpa.", "PTR", "cluster", "reverse: the reverse name of 10.96.200.5"),
    ("printer.lan.", "A", "hosts", "hosts: an entry of the hosts"),
    ("www.old.example.", "A", "cluster", "rewrite: looked up as web.default.svc.cluster.local."),
])
def test_what_is_told_is_what_clients_get(knetd, name, rdtype, source, step):
    code, trace, asked, steps = told(knetd, name, rdtype)
    answer = ask(knetd, name, rdtype)
    assert trace["source"] == source and asked is None
    assert any(s.startswith(step) for s in steps), steps
    assert trace["status"] == rcode(answer)
    assert sorted(r.split(" ", 4)[4] for r in trace["answers"]) == data(answer)
    assert [r.split(" ", 4)[4] for r in trace["authorities"]] == data(answer, "authority")
    assert sorted(r.split(" ", 4)[4] for r in trace["additionals"]) == data(answer, "additional")
    assert code == (0 if answer.answer else 1)


@pytest.mark.parametrize("name,step,answers", [
    ("www.example.org.", "forward: no name of ours: asked of the upstreams 127.0.0.53:53", ["192.0.2.1"]),
    ("x.corp.example.", "forward: stub domain corp.example: asked of 127.0.0.54:53", ["192.0.2.1"]),
    (f"ext.default.svc.{ZONE}.", "service: Service default/ext of type ExternalName: an alias for cname.example",
     ["target.example.", "192.0.2.7"]),
    ("nx.example.", "forward: no name of ours: asked of the upstreams 127.0.0.53:53", []),
])
def test_other_names_are_asked_for(knetd, name, step, answers):
    code, trace, asked, steps = told(knetd, name)
    assert step in steps and trace["source"] == "forward"
    assert [r.split(" ", 4)[4] for r in asked["answers"]] == answers
    assert asked["status"] == ("NOERROR" if answers else "NXDOMAIN") and asked["milliseconds"] > 0
    assert code == (0 if answers else 1)


def test_short_names_are_searched_for_as_in_a_pod(knetd):
    _, trace, _, steps = told(knetd, "web")
    assert steps[1] == f"question: web.default.svc.{ZONE}.: answered here" and trace["answers"]
    _, _, asked, steps = told(knetd, "a.example", "-n", "shop")
    assert [s for s in steps if s.startswith("question")] == [
        f"question: a.example.shop.svc.{ZONE}.: NXDOMAIN", f"question: a.example.svc.{ZONE}.: NXDOMAIN",
        f"question: a.example.{ZONE}.: NXDOMAIN", "question: a.example.: known elsewhere"]
    assert asked["status"] == "NOERROR"


def test_the_search_path_of_a_pod(knetd):
    _, trace, asked, steps = told(knetd, "www.example.com", "--from", "client")
    assert steps[0].startswith("from: Pod default/client (10.244.0.")
    assert "autopath: leads to www.example.com." in steps and len([s for s in steps if s.startswith("question")]) == 1
    assert trace["answers"] == [f"www.example.com.default.svc.{ZONE}. 5 IN CNAME www.example.com."]
    assert asked["answers"][0].endswith("192.0.2.1")
    # the same, by the pod's address; another client walks by itself
    ip = steps[0].split("(")[1].split(",")[0]
    assert any(s.startswith("autopath") for s in told(knetd, "www.example.com", "--from", ip)[3])
    assert not any(s.startswith("autopath") for s in told(knetd, "www.example.com", "--from", "203.0.113.1")[3])


def test_for_people(knetd):
    p = knetctl(knetd, "web")
    assert p.returncode == 0
    assert [line.split()[0] for line in p.stdout.splitlines()] == ["from", "question", "service", "status", "answers"]


@pytest.mark.parametrize("args,code,message", [
    ((), 2, "a name is expected"),
    (("a", "A", "b"), 2, "a name is expected"),
    (("a..b",), 2, "name: a domain name is expected"),
    (("a" * 300,), 2, "name: a domain name is expected"),
    (("web", "BAD"), 2, "type: a record type like AAAA, or TYPE65 is expected"),
    (("web", "--from", "nobody"), 2, "from: there is no Pod default/nobody"),
    (("web", "--from", "shop/nobody"), 2, "from: there is no Pod shop/nobody"),
    (("web", "--name", "x"), 2, "belong to --watch"),
    (("web", "-o", "yaml"), 2, "json is the only other form"),
    (("--watch", "web"), 1, "is not expected beside --watch"),
])
def test_wrong_calls(knetd, args, code, message):
    p = knetctl(knetd, *args)
    assert (p.returncode, message in p.stderr) == (code, True), p.stderr


def test_a_silent_upstream(knetd):
    code, _, asked, _ = told(knetd, "silent.example.")
    assert code == 1 and asked["status"] == "SERVFAIL"
    assert rcode(ask(knetd, f"web.default.svc.{ZONE}", server=V4)) == "NOERROR"
