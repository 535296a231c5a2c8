#!/usr/bin/python3
"""Flow tables: what a packet of an established connection costs with them and without.

Three nodes in one run, each with a pod, a second pod behind a Service, and a machine outside: knetd without flow
tables, with them, and bare routing with no knetd and no rule at all, the least there can be. They take turns; the medians
are printed as ratios, sender and receiver (tests/bench/flow_blast.c) included. An absolute time is never judged.

Most machines' kernels have them, those for containers and micro machines do not: then inside the test machine, whose
clock counts instructions, so that nothing else disturbs it:

  vm/flows.sh tests/bench/flow_tables.py        SUITE=trixie: on 6.12
"""

import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from daemon import BINARY, Knetd  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Pod, Sandbox  # noqa: E402

BLAST = os.path.join(HERE, "flow_blast")
PORT, SERVICE = "7070", "10.96.7.7"
ROUNDS = 9
SIZES = {"udp": 2000, "turns": 300, "bulk": 400}  # of one round; the first datagrams go by the chains
ROWS = [("a datagram of 64 bytes, pod to outside", "udp", "out"),
        ("a datagram of 64 bytes, pod to Service", "udp", "service"),
        ("a byte there and back by TCP, pod to outside", "turns", "out"),
        ("a byte there and back by TCP, pod to Service", "turns", "service"),
        ("64 KB by TCP, pod to outside", "bulk", "out"),
        ("64 KB by TCP, pod to Service", "bulk", "service")]


def sink(netns, address):
    p = subprocess.Popen(["ip", "netns", "exec", netns, BLAST, "sink", address, PORT], stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    return p


class Node:
    """knetd, a pod that sends, one that receives, and a machine outside that does."""

    def __init__(self, flow_tables):
        self.knetd = Knetd(f"flow_tables = {flow_tables}").start()
        self.out = Outside(self.knetd)
        self.knetd.exec("ip", "route", "add", "default", "via", self.out.ip4, check=True)
        self.client = Pod(self.knetd, "client")
        self.server = Pod(self.knetd, "server", labels={"app": "server"})
        ports = [{"name": p.lower(), "port": int(PORT), "protocol": p} for p in ("TCP", "UDP")]
        status, answer = self.knetd.api("POST", "/api/v1/namespaces/default/services", {
            "metadata": {"name": "server"}, "spec": {"clusterIP": SERVICE, "selector": {"app": "server"}, "ports": ports}})
        assert status == 201, answer
        self.netns, self.to = self.client.netns, {"out": self.out.ip4, "service": SERVICE}
        self.sinks = [sink(self.out.netns, self.out.ip4), sink(self.server.netns, self.server.ip4)]

    def attach(self):
        """Milliseconds of an attach."""
        with Sandbox(self.knetd) as box:
            begin = time.perf_counter()
            box.call("ADD")
            return (time.perf_counter() - begin) * 1e3

    def close(self):
        for p in self.sinks:
            p.kill()
        for pod in (self.client, self.server):
            pod.remove()
        self.out.remove()
        self.knetd.close()


class Bare(Node):
    """The same links and addresses, and nothing else."""

    def __init__(self):
        self.knetd = Knetd()  # its namespace: it is not started
        self.out = Outside(self.knetd)
        self.netns = f"{self.knetd.netns}-client"
        self.server = f"{self.knetd.netns}-server"
        self.knetd.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", check=True)
        for number, netns in ((1, self.netns), (2, self.server)):
            node, pod = ["-n", self.knetd.netns], ["-n", netns]
            for argv in (["netns", "add", netns],
                         [*node, "link", "add", f"pod{number}", "type", "veth", "peer", "name", "eth0", "netns", netns],
                         [*node, "addr", "add", f"10.9.{number}.1/24", "dev", f"pod{number}"],
                         [*node, "link", "set", f"pod{number}", "up"],
                         [*pod, "addr", "add", f"10.9.{number}.2/24", "dev", "eth0"],
                         [*pod, "link", "set", "eth0", "up"],
                         [*pod, "route", "add", "default", "via", f"10.9.{number}.1"]):
                subprocess.run(["ip", *argv], check=True)
        self.out.routes_to("10.9.0.0/16")
        self.to = {"out": self.out.ip4, "service": "10.9.2.2"}
        self.sinks = [sink(self.out.netns, self.out.ip4), sink(self.server, "10.9.2.2")]

    def close(self):
        for p in self.sinks:
            p.kill()
        for netns in (self.netns, self.server):
            subprocess.run(["ip", "netns", "del", netns], check=False)
        self.out.remove()
        self.knetd.close()


def cost(node, kind, to):
    """Nanoseconds of one."""
    out = subprocess.run(["ip", "netns", "exec", node.netns, BLAST, kind, node.to[to], PORT, str(SIZES[kind])], check=True,
                         capture_output=True, text=True, timeout=300).stdout
    return float(out)


def medians(rounds, measures):
    """One of each, in turn, so many times."""
    taken = [[m() for m in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken)]


def row(name, off, on, bare, unit):
    left = f"{bare:9.0f}" if bare else " " * 9
    print(f"{name:46} {off:9.0f} {on:9.0f} {left} {unit}   {on / off:5.2f}", flush=True)


def main():
    found = subprocess.run([BINARY, "-k"], capture_output=True, text=True, check=False).stdout
    if not any(line.startswith("ok") and "flow tables" in line for line in found.splitlines()):
        print("this kernel has no flow tables: vm/flows.sh tests/bench/flow_tables.py")
        return
    if not os.access(BLAST, os.X_OK):
        subprocess.run(["cc", "-O2", "-o", BLAST, f"{BLAST}.c"], check=True)
    off, on, bare = nodes = [Node("no"), Node("yes"), Bare()]
    try:
        print(f"Linux {os.uname().release}\n{'':46} {'off':>9} {'on':>9} {'no knetd':>9}      on/off")
        for name, kind, to in ROWS:
            row(name, *medians(ROUNDS, [lambda n=n, k=kind, t=to: cost(n, k, t) for n in nodes]), "ns")
        row("an attach", *(1e3 * ms for ms in medians(ROUNDS, [off.attach, on.attach])), None, "us")
    finally:
        for node in nodes:
            node.close()


if __name__ == "__main__":
    main()
