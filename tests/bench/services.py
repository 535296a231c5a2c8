#!/usr/bin/python3
"""Services at scale, against kube-proxy's layout loaded through nft.

Everything runs in network namespaces made here. Figures are of this machine at this moment: read the
ratios. --sizes N,N,... are numbers of Services (1000,10000; 50000 takes some minutes), --peer N that of
the peer's table (3000: its cost grows faster than its size), --soak SECONDS how long packets are
counted while Services load (5)."""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod  # noqa: E402

ENDPOINTS = 5
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
SYNC = "kubeproxy_sync_proxy_rules_duration_seconds"


# ---- what is loaded ----------------------------------------------------------------------------------

def address(i):
    return f"10.{96 + (i // 250 + 1) // 250}.{(i // 250 + 1) % 250}.{i % 250 + 1}"


def pod(i, k):
    n = i * ENDPOINTS + k
    return f"10.{128 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}"


def slice_of(name, *addresses, proto="TCP"):
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-a", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": proto}],
        "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in addresses],
    }


def service(name, ip, proto="TCP"):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": ip, "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": proto}]}}


def objects(i):
    name = f"svc-{i}"
    return service(name, address(i)), slice_of(name, *(pod(i, k) for k in range(ENDPOINTS)))


def load(knetd, n, first=0, batch=2500):
    """Seconds from the first API call until all of them are in force."""
    start = time.monotonic()
    for begin in range(first, n, batch):
        items = [o for i in range(begin, min(n, begin + batch)) for o in objects(i)]
        status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})
        assert status == 200, str(answer)[:600]
    return time.monotonic() - start


def metric(knetd, name):
    return float(re.search(rf"^{name} (\S+)$", knetd.api("GET", "/metrics")[1], re.M).group(1))


# ---- kube-proxy's layout ------------------------------------------------------------------------------

def kube_proxy_layout(n):
    """The same Services as kube-proxy's nftables mode lays them out: a chain a Service, one an endpoint."""
    out = ["add table ip kp", "add map ip kp service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }",
           "add chain ip kp services", "add chain ip kp mark-for-masquerade",
           "add rule ip kp mark-for-masquerade meta mark set meta mark or 0x4000",
           "add chain ip kp pre { type nat hook prerouting priority -100 ; }",
           "add rule ip kp services ip daddr . meta l4proto . th dport vmap @service-ips",
           "add rule ip kp pre jump services"]
    for i in range(n):
        names = []
        for k in range(ENDPOINTS):
            name = f"endpoint-{i}-{k}"
            names.append(name)
            out += [f"add chain ip kp {name}",
                    f"add rule ip kp {name} ip saddr {pod(i, k)} jump mark-for-masquerade",
                    f"add rule ip kp {name} meta l4proto tcp dnat to {pod(i, k)}:8080"]
        picks = ", ".join(f"{k} : goto {name}" for k, name in enumerate(names))
        out += [f"add chain ip kp service-{i}",
                f"add rule ip kp service-{i} ip daddr {address(i)} tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade",
                f"add rule ip kp service-{i} numgen random mod {ENDPOINTS} vmap {{ {picks} }}",
                f"add element ip kp service-ips {{ {address(i)} . tcp . 80 : goto service-{i} }}"]
    return "\n".join(out) + "\n"


def peer(n):
    """Seconds: cold load, one Service more (kernel and nft together)."""
    netns = f"kbench{os.getpid()}"
    subprocess.run(["ip", "netns", "add", netns], check=True)
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".nft") as f:
            f.write(kube_proxy_layout(n))
            f.flush()
            start = time.monotonic()
            subprocess.run(["ip", "netns", "exec", netns, "nft", "-f", f.name], check=True)
            cold = time.monotonic() - start
        more = kube_proxy_layout(n + 1).splitlines()
        extra = "\n".join(line for line in more if re.search(rf"(service|endpoint)-{n}\b", line)) + "\n"
        start = time.monotonic()
        subprocess.run(["ip", "netns", "exec", netns, "nft", "-f", "-"], input=extra, text=True, check=True)
        return cold, time.monotonic() - start
    finally:
        subprocess.run(["ip", "netns", "del", netns], check=False)


# ---- one change --------------------------------------------------------------------------------------

class Node:
    """A daemon with two pods."""

    serial = 100  # below what load() takes, and below what is given out by itself

    def __enter__(self):
        self.knetd = Knetd(service_cidr="10.96.0.0/12").__enter__()
        try:
            self.server, self.client = Pod(self.knetd, "server"), Pod(self.knetd, "client")
            self.server.serve(8080)
            self.ip = self.make("real", self.server.ip4)
        except BaseException:
            self.knetd.close()
            raise
        return self

    def __exit__(self, *_):
        self.server.remove()
        self.client.remove()
        self.knetd.close()

    def make(self, name, *addresses, proto="TCP"):
        """A Service with endpoints; returns its address."""
        self.serial += 1
        status, answer = self.knetd.api("POST", SERVICES, service(name, f"10.96.0.{self.serial}", proto))
        assert status == 201, answer
        status, more = self.knetd.api("POST", SLICES, slice_of(name, *addresses, proto=proto))
        assert status == 201, more
        return answer["spec"]["clusterIP"]


class Changes:
    """What it costs to change the endpoints of one Service: all in milliseconds, medians."""

    def __init__(self, node):
        self.node, self.ip = node, node.make("one-more")
        self.calls, self.packets, self.syncs = [], [], []

    def round(self, count=16):
        knetd = self.node.knetd
        before = metric(knetd, f"{SYNC}_sum"), metric(knetd, f"{SYNC}_count")
        for i in range(count):
            body = slice_of("one-more", *([self.node.server.ip4] if i % 2 == 0 else []))
            start = time.monotonic()
            status, answer = knetd.api("PUT", f"{SLICES}/one-more-a", body)
            self.calls.append((time.monotonic() - start) * 1000)
            assert status == 200, answer
            if i % 2 == 0:
                connect(self.node.client, self.ip, 80)
                self.packets.append((time.monotonic() - start) * 1000)
        after = metric(knetd, f"{SYNC}_sum"), metric(knetd, f"{SYNC}_count")
        self.syncs.append((after[0] - before[0]) / (after[1] - before[1]) * 1000)

    def end(self):
        self.call, self.packet, self.sync = map(statistics.median, (self.calls, self.packets, self.syncs))
        self.node.knetd.api("DELETE", f"{SERVICES}/one-more")
        self.node.knetd.api("DELETE", f"{SLICES}/one-more-a")


def changes(nodes, rounds=12):
    """Turn by turn, so that a busy moment of the machine hits all of them."""
    measured = [Changes(node) for node in nodes]
    for _ in range(rounds):
        for c in measured:
            c.round()
    for c in measured:
        c.end()
    return measured


def connect(client, ip, port):
    """Seconds of one connection from its first packet to its answer."""
    with inside(client.netns):
        s = socket.socket()
    s.settimeout(5)
    with s:
        start = time.monotonic()
        s.connect((ip, port))
        return time.monotonic() - start


def round_trips(client, ways, count=2000):
    """The median connection in microseconds for each way, turn by turn."""
    took = {way: [] for way in ways}
    for _ in range(count):
        for way in ways:
            took[way].append(connect(client, *way))
    return {way: statistics.median(v) * 1e6 for way, v in took.items()}


# ---- requests ------------------------------------------------------------------------------------------

NGINX = """worker_processes 1; daemon off; pid {d}/pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000; server {{ listen 8090; location / {{ return 200 "x"; }} }} }}
"""


def wrk(client, ip, port):
    """Requests a second over 16 connections that stay."""
    out = client.run("wrk", "-t", "1", "-c", "16", "-d", "2s", f"http://{ip}:{port}/", timeout=30).stdout
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1))


def requests(node, turns=5):
    """Straight to the pod and through a Service, turn by turn; None without wrk and nginx."""
    if not shutil.which("wrk") or not shutil.which("nginx"):
        return None
    ip = node.make("fast")
    body = slice_of("fast", node.server.ip4)
    body["ports"][0]["port"] = 8090
    assert node.knetd.api("PUT", f"{SLICES}/fast-a", body)[0] == 200
    with tempfile.TemporaryDirectory() as d:
        with open(f"{d}/conf", "w", encoding="ascii") as f:
            f.write(NGINX.format(d=d))
        with inside(node.server.netns):
            server = subprocess.Popen(["nginx", "-c", f"{d}/conf"], stderr=subprocess.DEVNULL)
        try:
            while not os.path.exists(f"{d}/pid"):
                assert server.poll() is None
                time.sleep(0.02)
            pairs = [(wrk(node.client, node.server.ip4, 8090), wrk(node.client, ip, 80)) for _ in range(turns)]
        finally:
            server.terminate()
            server.wait()
    return tuple(map(statistics.median, zip(*pairs)))


# ---- after a restart, after a flush -------------------------------------------------------------------

def restart(knetd):
    """Seconds until it is ready again, and how many elements it sent."""
    knetd.stop()
    start = time.monotonic()
    knetd.start()
    return time.monotonic() - start, int(metric(knetd, "knetd_svcnat_elements_sent_total"))


def again(knetd, elements):
    """Seconds from a foreign flush of everything to every element being back."""
    begin = metric(knetd, "knetd_svcnat_elements_sent_total")
    start = time.monotonic()
    knetd.exec("nft", "flush", "ruleset", check=True)
    while metric(knetd, "knetd_svcnat_elements_sent_total") < begin + elements:
        if time.monotonic() > start + 120:
            sys.exit("the ruleset did not come back")
    return time.monotonic() - start


def chains(knetd):
    out = knetd.exec("nft", "-j", "list", "chains", check=True).stdout
    return len([c for c in json.loads(out)["nftables"] if c.get("chain", {}).get("table") == "knetd"])


def slab_kb():
    with open("/proc/meminfo", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(("SUnreclaim", "Percpu")))


# ---- packets lost -------------------------------------------------------------------------------------

class Soak(threading.Thread):
    """Datagrams over one unchanged Service, each from a port of its own, so that each is a new flow."""

    def __init__(self, client, ip):
        super().__init__(daemon=True)
        self.client, self.ip = client, ip
        self.sent = self.lost = 0
        self.worst, self.end = 0.0, False
        self.start()

    def run(self):
        with inside(self.client.netns):  # this thread alone
            while not self.end:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.settimeout(2)
                    s.connect((self.ip, 80))
                    start = time.monotonic()
                    self.sent += 1
                    try:
                        s.send(b"?")
                        s.recv(100)
                    except OSError:
                        self.lost += 1
                    self.worst = max(self.worst, time.monotonic() - start)

    def stop(self):
        self.end = True
        self.join()


def soak(seconds):
    with Node() as node:
        ip = node.make("soak", node.server.ip4, proto="UDP")
        thread, loaded, end = Soak(node.client, ip), 0, time.monotonic() + seconds
        while time.monotonic() < end:
            load(node.knetd, loaded + 2500, loaded)
            loaded += 2500
        thread.stop()
        return thread, loaded


# ---- all of it ---------------------------------------------------------------------------------------

class Size:
    """Everything that is measured with n Services, and a change beside one on a node with ten."""

    def __init__(self, n):
        self.n = n
        with Node() as ten, Node() as node:
            load(ten.knetd, 10)
            self.measure_load(node.knetd)
            self.ten, self.changes = changes([ten, node])
            took = round_trips(node.client, [(node.server.ip4, 8080), (node.ip, 80)])
            self.direct, self.through = took.values()
            self.requests = requests(node)
            self.ratio = self.changes.sync / self.ten.sync
            self.chains = chains(node.knetd)
            self.restart, self.restart_sent = restart(node.knetd)
            self.again = again(node.knetd, self.elements)

    def measure_load(self, knetd):
        user, kernel = private_kb(knetd.process.pid), slab_kb()
        sync, sent = metric(knetd, f"{SYNC}_sum"), metric(knetd, "knetd_svcnat_elements_sent_total")
        self.cold = load(knetd, self.n)
        self.sync = metric(knetd, f"{SYNC}_sum") - sync
        self.elements = metric(knetd, "knetd_svcnat_elements_sent_total") - sent
        self.user, self.kernel = private_kb(knetd.process.pid) - user, slab_kb() - kernel


def row(what, *cells):
    print(f"{what:62}" + "".join(f"{cell:>14}" for cell in cells))


def table(sizes):
    row("Services", *(s.n for s in sizes))
    row(f"cold load, {ENDPOINTS} endpoints each, API call to kernel, s", *(f"{s.cold:.2f}" for s in sizes))
    row("  of it planning and kernel, s", *(f"{s.sync:.2f}" for s in sizes))
    row("one change, planning and kernel, ms", *(f"{s.changes.sync:.3f}" for s in sizes))
    row("one change, API call, ms (among 10)", *(f"{s.changes.call:.2f} ({s.ten.call:.2f})" for s in sizes))
    row("one change, API call to the first connection, ms", *(f"{s.changes.packet:.2f}" for s in sizes))
    row("  against one among 10 Services, turn by turn", *(f"{s.ratio:.2f}x" for s in sizes))
    row("a connection straight to the pod, us", *(f"{s.direct:.1f}" for s in sizes))
    row("a connection through a Service, us", *(f"{s.through:.1f}" for s in sizes))
    if all(s.requests for s in sizes):
        row("requests a second straight to the pod, wrk, 16 connections", *(f"{s.requests[0]:.0f}" for s in sizes))
        row("  through a Service", *(f"{s.requests[1] / s.requests[0]:.2f}x" for s in sizes))
    row("chains", *(s.chains for s in sizes))
    row("restart over an intact table, s", *(f"{s.restart:.2f}" for s in sizes))
    row("  elements sent by it", *(s.restart_sent for s in sizes))
    row("everything again after a foreign flush, s", *(f"{s.again:.2f}" for s in sizes))
    row("daemon's memory for 1,000 Services, MB", *(f"{s.user / 1024 / s.n * 1000:.2f}" for s in sizes))
    row("kernel's memory for 1,000 Services, MB", *(f"{s.kernel / 1024 / s.n * 1000:.2f}" for s in sizes))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--peer", type=int, default=3000)
    parser.add_argument("--soak", type=float, default=5)
    args = parser.parse_args()
    table([Size(int(n)) for n in args.sizes.split(",")])
    if args.peer:
        same = Size(args.peer)
        cold, change = peer(args.peer)
        print(f"kube-proxy's layout of {args.peer} Services through nft -f: {cold:.2f} s, knetd {same.cold:.2f} s through its API"
              f" ({cold / same.cold:.1f}x) and {same.sync:.2f} s without it ({cold / same.sync:.0f}x)")
        print(f"one Service more: nft -f {change * 1000:.1f} ms, knetd {same.changes.call:.2f} ms with its API"
              f" ({change * 1000 / same.changes.call:.0f}x), {same.changes.sync:.3f} ms without ({change * 1000 / same.changes.sync:.0f}x)")
    if args.soak:
        thread, loaded = soak(args.soak)
        print(f"while {loaded} Services loaded: {thread.sent} new flows over an unchanged one, {thread.lost} lost,"
              f" the slowest answered after {thread.worst * 1000:.1f} ms")


if __name__ == "__main__":
    main()
