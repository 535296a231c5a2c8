#!/usr/bin/python3
"""The DNS worker beside knot, unbound, dnsmasq and CoreDNS: processor time an answer, queries a second, latency, memory.

Every server has one thread, pinned to the first processor, and a network namespace; dnsperf has the second processor.
All are asked in turn, several times over, and the medians count: read the ratios, not the figures of a busy machine.
Processor time is the server's alone, with what the kernel does in its name. "q/s a core" is what that time allows;
"q/s" is what one dnsperf got out of it.

  cluster    10,000 Services: A, AAAA, SRV of their names
  cached     1,000 names of an upstream, all in the cache
  search     a name from outside as a pod with ndots:5 asks for it: three denials, then the answer, A and AAAA

  tests/bench/dns.py [--seconds N] [--rounds N] [--services N] [--only PART,...] [--without SERVER,...]

PARTs are the workloads above, latency, workers and memory. knot knows no cache: it is measured with the upstream's
names as a zone of its own in search. dnsmasq has no SRV records, as it walks a list of them for every question: it
denies them."""

import argparse
import contextlib
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import dns_peers as peers  # noqa: E402
from daemon import Knetd  # noqa: E402

CACHED, CACHED_MANY = 1000, 10000
KNETD_INI = f"[dns]\nupstreams = 127.0.0.1:{peers.UPSTREAM}\n"
PARTS = ("cluster", "cached", "search", "latency", "workers", "memory")
SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
SOA = "@ 5 SOA ns.dns hostmaster 1 7200 1800 86400 5\n@ 5 NS ns.dns\nns.dns 5 A 10.96.0.10\n"


# ---- names ------------------------------------------------------------------------------------------

def ip4(i):
    return f"10.{96 + (i + 256) // 65536}.{(i + 256) // 256 % 256}.{i % 256}"


def ip6(i):
    return f"fd00:10:96::{i + 256:x}"


class Names:
    """The same names for everybody, as each wants them, and the questions about them, in files."""

    def __init__(self, d, services):
        self.d, self.services = d, services
        self.zone = self.file("cluster.zone", ["$ORIGIN cluster.local.\n" + SOA, *(
            f"svc-{i}.default.svc 5 A {ip4(i)}\nsvc-{i}.default.svc 5 AAAA {ip6(i)}\n"
            f"_http._tcp.svc-{i}.default.svc 5 SRV 0 100 80 svc-{i}.default.svc\n" for i in range(services))])
        self.hosts = self.file("hosts", (
            f"{ip4(i)} svc-{i}.default.svc.cluster.local\n{ip6(i)} svc-{i}.default.svc.cluster.local\n" for i in range(services)))
        self.outside = self.file("example.zone", ["$ORIGIN example.com.\n" + SOA.replace(" 5 ", " 3600 "), *(
            f"n{i} 3600 A 192.0.2.{i % 250 + 1}\nn{i} 3600 AAAA 2001:db8::{i + 1:x}\n" for i in range(CACHED_MANY))])
        self.questions()

    def file(self, name, lines):
        return peers.write(f"{self.d}/{name}", "".join(lines))

    def questions(self):
        dice = random.Random(1)
        cluster = [q for i in range(self.services) for q in (
            f"svc-{i}.default.svc.cluster.local A\n", f"svc-{i}.default.svc.cluster.local AAAA\n",
            f"_http._tcp.svc-{i}.default.svc.cluster.local SRV\n")]
        cached = [f"n{i}.example.com {t}\n" for i in range(CACHED) for t in ("A", "AAAA")]
        search = [f"n{i}.example.com{'.' + s if s else ''} {t}\n" for i in range(CACHED) for s in (*SEARCH, "") for t in ("A", "AAAA")]
        dice.shuffle(cluster)
        dice.shuffle(cached)
        self.asked = {"cluster": self.file("cluster.q", cluster), "cached": self.file("cached.q", cached),
                      "search": self.file("search.q", search),
                      "many": self.file("many.q", (f"n{i}.example.com A\n" for i in range(CACHED_MANY)))}


def load(knetd, services, batch=1000):
    for first in range(0, services, batch):
        items = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"svc-{i}", "namespace": "default"},
                  "spec": {"clusterIP": ip4(i), "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"], "clusterIPs": [ip4(i), ip6(i)],
                           "ports": [{"name": "http", "port": 80}]}} for i in range(first, min(services, first + batch))]
        status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})
        assert status == 200, str(answer)[:600]


# ---- servers ----------------------------------------------------------------------------------------

class Ours:
    """A knetd as one of the servers: its workers are what is measured."""

    name, ip, port = "knetd", "10.96.0.10", 53

    def __init__(self, names, services, workers=1, pin=True):
        self.knetd = Knetd(ini=KNETD_INI, service_cidr="10.96.0.0/12,fd00:10:96::/112", workers=workers).__enter__()
        try:
            self.netns = self.knetd.netns
            load(self.knetd, services)
            self.upstream = upstream(self.netns, names, f"{self.knetd.dir}/upstream")
            peers.answers(self, "n1.example.com")
            self.pids = [pid for name, pid in self.knetd.workers().items() if name.startswith("dns-")]
            for pid in self.pids if pin else []:
                subprocess.run(["taskset", "-pc", "0", str(pid)], check=True, stdout=subprocess.DEVNULL)
        except BaseException:
            self.knetd.close()
            raise

    def everything(self):
        return [pid for name, pid in self.knetd.workers().items() if name.startswith("dns-")] + [self.knetd.process.pid]

    def close(self):
        self.upstream.close()
        self.knetd.close()


def upstream(netns, names, d):
    server = peers.knot(netns, d, peers.UPSTREAM, {"example.com": names.outside}, name="upstream")
    peers.answers(server, "n1.example.com")
    return server


@contextlib.contextmanager
def namespace(what):
    name = f"kbench{os.getpid()}-{what}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def start_peer(name, netns, names, d):
    """The process `name`; None where it is not to be had."""
    d = f"{d}/{name}"
    if name == "knot":
        return peers.knot(netns, d, 5301, {"cluster.local": names.zone, "example.com": names.outside})
    if name == "unbound":
        return peers.unbound(netns, d, 5302, names.zone)
    if name == "dnsmasq":
        return peers.dnsmasq(netns, d, 5303, names.hosts)
    binary = peers.coredns()
    return peers.corefile(netns, d, 5304, names.zone, binary) if binary else None


# ---- one measurement --------------------------------------------------------------------------------

class Run:
    def __init__(self, server, file, seconds, clients=4, outstanding=100, limit=None, verbose=False, once=False, pin=True):
        argv = [*(["taskset", "-c", "1"] if pin else []), "dnsperf", "-s", server.ip, "-p", str(server.port), "-d", file,
                "-c", str(clients), "-q", str(outstanding), "-t", "2",
                *(["-n", "1"] if once else ["-l", str(seconds)]), *(["-Q", str(limit)] if limit else []), *(["-v"] if verbose else [])]
        before = peers.cpu_ns(server.pids)
        out = subprocess.run(["ip", "netns", "exec", server.netns, *argv], capture_output=True, text=True, check=True,
                             timeout=seconds + 60).stdout
        used = peers.cpu_ns(server.pids) - before
        self.answers = int(re.search(r"Queries completed:\s+(\d+)", out).group(1))
        self.sent = int(re.search(r"Queries sent:\s+(\d+)", out).group(1))
        self.codes = dict((c, int(n)) for c, n in re.findall(r"([A-Z]+) (\d+) \(", re.search(r"Response codes:(.*)", out).group(1)))
        assert set(self.codes) <= {"NOERROR", "NXDOMAIN"} and self.answers > self.sent * 0.99, f"{server.name}: {out[-900:]}"
        self.rate = float(re.search(r"Queries per second:\s+([\d.]+)", out).group(1))
        self.cost = used / 1000 / self.answers
        self.latencies = sorted(float(t) for t in re.findall(r"^> \S+ \S+ \S+ ([\d.]+)$", out, re.M))


def warm(server, names):
    """Everything of an upstream that will be asked for is in its cache."""
    for part in ("cached", "search"):
        Run(server, names.asked[part], 60, outstanding=20, once=True)


def measure(part, servers, names, args):
    """Turn by turn, so that a busy moment of the machine hits all of them. Medians by server."""
    runs = {s.name: [] for s in servers}
    for _ in range(args.rounds):
        for s in servers:
            runs[s.name].append(Run(s, names.asked[part], args.seconds))
    for name, got in runs.items():
        denials = part == "search" or (part, name) == ("cluster", "dnsmasq")
        assert all(("NXDOMAIN" in r.codes) == denials for r in got), (name, [r.codes for r in got])
    return {name: (statistics.median(r.cost for r in got), statistics.median(r.rate for r in got)) for name, got in runs.items()}


def table(part, got):
    ours = got["knetd"][0]
    for name, (cost, rate) in got.items():
        ratio = "" if name == "knetd" else f"{ours / cost:.2f}"
        print(f"{part if name == 'knetd' else '':10} {name:9} {cost:14.2f} {1e6 / cost:14.0f} {rate:10.0f} {ratio:>14}", flush=True)


def latency(servers, names, most, args):
    print(f"\n{'latency':10} {'':9} {'q/s, half of its most':>22} {'p50 us':>10} {'p99 us':>10}")
    runs = {s.name: [] for s in servers}
    for _ in range(args.rounds):
        for s in servers:
            run = Run(s, names.asked["cluster"], args.seconds, limit=int(most[s.name][1] / 2), verbose=True)
            runs[s.name].append([run.rate, *(run.latencies[int(len(run.latencies) * p)] * 1e6 for p in (0.5, 0.99))])
    for name, got in runs.items():
        rate, p50, p99 = (statistics.median(v) for v in zip(*got))
        print(f"{'':10} {name:9} {rate:22.0f} {p50:10.0f} {p99:10.0f}", flush=True)


def workers(names, args):
    """With both processors for everybody: what more workers cost an answer, what they bring."""
    print(f"\n{'workers':10} {'':9} {'us CPU/answer':>14} {'q/s':>10}")
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(contextlib.closing(Ours(names, args.services, workers=n, pin=False))) for n in (1, 2)]
        runs = [[Run(s, names.asked["cluster"], args.seconds, clients=32, pin=False) for s in servers] for _ in range(args.rounds)]
        for n, got in zip((1, 2), zip(*runs)):
            cost, rate = (statistics.median(getattr(r, what) for r in got) for what in ("cost", "rate"))
            print(f"{'':10} {n:<9} {cost:14.2f} {rate:10.0f}", flush=True)


# ---- memory -----------------------------------------------------------------------------------------

def grown(server, file):
    """KB more after all of these were asked once."""
    before = peers.pss_kb(server.pids)
    Run(server, file, 60, outstanding=20, once=True)
    return peers.pss_kb(server.pids) - before


def memory(names, present, args):
    """The zone of all Services less one of a single Service; the cache by how it grows."""
    with namespace("memory") as netns, contextlib.closing(upstream(netns, names, f"{names.d}/upstream-memory")):
        memory_table(netns, names, present, args)


def memory_table(netns, names, present, args):
    few = Names(tempfile.mkdtemp(dir=names.d), 1)
    print(f"\n{'memory':10} {'':9} {'KB/10,000 Services':>20} {'KB/10,000 cached':>18}")
    sizes = []
    for names_of, n in ((few, 1), (names, args.services)):
        with contextlib.closing(Ours(names_of, n)) as s:
            sizes.append(peers.pss_kb(s.everything()))
            cached = grown(s, names.asked["many"])
    report("knetd", sizes, cached, args)
    for name in present:
        sizes = []
        for names_of in (few, names):
            with contextlib.closing(start_peer(name, netns, names_of, tempfile.mkdtemp(dir=names.d))) as s:
                peers.answers(s, "svc-0.default.svc.cluster.local")
                sizes.append(peers.pss_kb(s.pids))
                cached = None if name == "knot" else grown(s, names.asked["many"])
        report(name, sizes, cached, args)


def report(name, sizes, cached, args):
    print(f"{'':10} {name:9} {(sizes[1] - sizes[0]) * 10000 / args.services:20.0f} {'-' if cached is None else cached:>18}", flush=True)


# ---- all of it --------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--without", default="")
    args = parser.parse_args()
    parts = args.only.split(",")
    peers.needs()
    d = tempfile.mkdtemp(prefix="kbench")
    os.chmod(d, 0o755)
    names = Names(d, args.services)
    try:
        with contextlib.ExitStack() as stack:
            netns = stack.enter_context(namespace("peers"))
            beside = stack.enter_context(contextlib.closing(upstream(netns, names, f"{d}/upstream")))
            servers = [stack.enter_context(contextlib.closing(Ours(names, args.services)))]
            for name in ("knot", "unbound", "dnsmasq", "coredns"):
                if name not in args.without.split(",") and (peer := start_peer(name, netns, names, d)):
                    servers.append(stack.enter_context(contextlib.closing(peer)))
            for s in servers:
                peers.answers(s, "svc-1.default.svc.cluster.local")
                if s.name != "knot":
                    warm(s, names)
            assert beside.process.poll() is None
            run(parts, netns, servers, names, args)
    finally:
        shutil.rmtree(d, ignore_errors=True)


def run(parts, netns, servers, names, args):
    most = {}
    if {"cluster", "cached", "search", "latency"} & set(parts):
        print(f"{'':10} {'':9} {'us CPU/answer':>14} {'q/s a core':>14} {'q/s':>10} {'knetd is x of it':>16}")
    for part in ("cluster", "cached", "search"):
        if part in parts or (part == "cluster" and "latency" in parts):
            got = measure(part, [s for s in servers if part != "cached" or s.name != "knot"], names, args)
            most = most or got
            table(part, got)
    if "latency" in parts:
        latency(servers, names, most, args)
    if "workers" in parts:
        workers(names, args)
    if "memory" in parts:
        memory(names, [s.name for s in servers[1:]], args)


if __name__ == "__main__":
    main()
