#!/usr/bin/python3
"""Services at scale: cold load and one change more, against kube-proxy's layout loaded through nft.

Everything runs in network namespaces made here. Figures are of this machine at this moment: read the
ratios. --services N sets the size (default 10000), --peer N that of the peer's table (default 3000:
its cost grows faster than its size)."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd  # noqa: E402

ENDPOINTS = 5


def address(i):
    return f"10.96.{i // 250 + 1}.{i % 250 + 1}"


def pod(i, k):
    n = i * ENDPOINTS + k
    return f"10.{128 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}"


def objects(i):
    service = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": f"svc-{i}", "namespace": "default", "labels": {"app": f"app-{i}"}},
        "spec": {"clusterIP": address(i), "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }
    slices = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": f"svc-{i}-a", "namespace": "default",
                     "labels": {"kubernetes.io/service-name": f"svc-{i}"}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [pod(i, k)], "conditions": {"ready": True}} for k in range(ENDPOINTS)],
    }
    return service, slices


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


def load(knetd, n, batch=2500):
    start = time.monotonic()
    for first in range(0, n, batch):
        items = [o for i in range(first, min(n, first + batch)) for o in objects(i)]
        status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})
        assert status == 200, str(answer)[:600]
    return time.monotonic() - start


def changes(knetd, n, count=40):
    """Milliseconds of one API call that adds a Service's endpoints: in force when it answers."""
    took = []
    for i in range(n, n + count):
        service, slices = objects(i)
        status, answer = knetd.api("POST", "/api/v1/namespaces/default/services", service)
        assert status == 201, answer
        start = time.monotonic()
        status, answer = knetd.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slices)
        took.append((time.monotonic() - start) * 1000)
        assert status == 201, answer
    return statistics.median(took)


def again(knetd):
    """Seconds from a foreign flush of everything to the whole ruleset being back, which is one transaction."""
    start = time.monotonic()
    subprocess.run(["ip", "netns", "exec", knetd.netns, "nft", "flush", "ruleset"], check=True)
    while not rules(knetd):
        if time.monotonic() > start + 60:
            sys.exit("the ruleset did not come back")
    return time.monotonic() - start


def rules(knetd):
    out = subprocess.run(["ip", "netns", "exec", knetd.netns, "nft", "-j", "list", "chains"], capture_output=True,
                         text=True, check=True).stdout
    return len([c for c in json.loads(out)["nftables"] if c.get("chain", {}).get("table") == "knetd"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--peer", type=int, default=3000)
    args = parser.parse_args()
    with Knetd(service_cidr="10.96.0.0/12") as small:
        idle = small.private_kb()
        load(small, 10)
        change_small, chains_small = changes(small, 10), rules(small)
        load_peer_size = load(small, args.peer)
        again_peer_size = again(small)
    with Knetd(service_cidr="10.96.0.0/12") as big:
        cold = load(big, args.services)
        loaded = big.private_kb()
        change_big, chains_big = changes(big, args.services), rules(big)
        again_big = again(big)
    peer_cold, peer_change = peer(args.peer)
    print(f"{'what':58} {'knetd':>12} {'peer':>12} {'ratio':>8}")
    print(f"{f'cold load, {args.peer} x {ENDPOINTS}, API to kernel / nft -f':58} {load_peer_size:10.2f} s {peer_cold:10.2f} s {peer_cold / load_peer_size:7.1f}x")
    print(f"{f'the whole ruleset again after a flush / nft -f, {args.peer}':58} {again_peer_size:10.2f} s {peer_cold:10.2f} s {peer_cold / again_peer_size:7.1f}x")
    print(f"{f'the whole ruleset again, {args.services} x {ENDPOINTS}':58} {again_big:10.2f} s")
    print(f"{'one Service more, end to end / nft -f':58} {change_big:9.2f} ms {peer_change * 1000:9.1f} ms {peer_change * 1000 / change_big:7.1f}x")
    print(f"{f'cold load, {args.services} x {ENDPOINTS}':58} {cold:10.2f} s")
    print(f"{f'one change at 10 and at {args.services} Services':58} {change_small:9.2f} ms {change_big:9.2f} ms {change_big / change_small:7.2f}x")
    print(f"{f'chains at 10 and at {args.services} Services':58} {chains_small:12} {chains_big:12}")
    print(f"{f'private memory of all processes, idle and {args.services} x {ENDPOINTS}':58} {idle / 1024:9.1f} MB {loaded / 1024:9.1f} MB")


if __name__ == "__main__":
    main()
