#!/usr/bin/python3
"""NetworkPolicies: how soon a change is in force, and what packets pay.

In force: a pod's labels change, or a policy, so that it is closed or opened to another: how long the API takes to
answer, and whether the first packet sent behind the answer is judged anew. With few pods and policies, and with many:
real pods, attached by CNI.
Packets: round trips on a connection that stands, new connections over TCP and UDP, and a stream, pod to pod, while the
pods are selected by no policy, by 10 and by 1,000, all by one process, so that nobody's scheduling is measured; and CNI
ADD beside them. Ratios to no policy at all, an absolute time is never judged.

  tests/bench/policy.py [PODS]      default 1000, as many policies
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from cni import Plugin, knet_conf, netns, percentile  # noqa: E402
from daemon import BINARY, Knetd, inside  # noqa: E402

MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
FEW = 10
CHANGES = 60
RANGES = "10.244.0.0/20,fd00:10:244::/64"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
PODS = "/api/v1/namespaces/default/pods"
PORT = 80


class Bench:
    def __init__(self, knetd, directory):
        self.knetd = knetd
        os.symlink(BINARY, f"{directory}/knet")
        self.plugin = Plugin(f"{directory}/knet", knet_conf(knetd), directory)
        self.names, self.policies = [], 0
        self.client, self.server = self.attach(2)
        self.addresses = {}
        for name in (self.client, self.server):
            ips = self.api("GET", f"{PODS}/{name}")["status"]["podIPs"]
            self.addresses[name] = {6 if ":" in i["ip"] else 4: i["ip"] for i in ips}

    def api(self, method, path, body=None, ctype="application/json"):
        status, answer = self.knetd.api(method, path, body, ctype=ctype)
        if status not in (200, 201):
            sys.exit(f"{method} {path}: {answer}")
        return answer

    def attach(self, count):
        """So many more pods, each with a label of its own and one of ten."""
        names = [f"{self.knetd.netns}-{len(self.names) + n}" for n in range(count)]
        batch = "".join(f"netns add {n}\n" for n in names)
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
        self.names += names
        with inside(self.knetd.netns):
            for name in names:
                self.plugin.call("ADD", name)
        for name in names:
            number = name.rsplit("-", 1)[1]
            self.label(name, {"own": number, "group": str(int(number) % 10)})
        return names

    def label(self, name, labels):
        self.api("PATCH", f"{PODS}/{name}", {"metadata": {"labels": labels}}, ctype="application/merge-patch+json")

    def policy(self, name, spec, new=True):
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}
        self.api("POST" if new else "PUT", POLICIES if new else f"{POLICIES}/{name}", body)

    def more_policies(self, count, selected):
        """Up to so many, all different; selected: of both measured pods, each lets the other's port through too. Else each
        selects another pod."""
        while self.policies < count:
            n, self.policies = self.policies, self.policies + 1
            to = [{"podSelector": {"matchLabels": {"own": str(n)}}}, {"ipBlock": {"cidr": f"10.{n // 250}.{n % 250}.0/24"}},
                  {"podSelector": {"matchLabels": {"group": str(n % 10)}}}]
            ports = [{"port": PORT, "endPort": 65000}, {"port": 1000 + n, "protocol": "UDP"}, {"port": PORT, "protocol": "UDP"}]
            self.policy(f"p{n}", {
                "podSelector": {} if selected else {"matchLabels": {"own": str(n + 2)}}, "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": to, "ports": ports}, *([{"from": [{"podSelector": {}}]}] if selected else [])],
                "egress": [{"to": to, "ports": ports}, *([{"to": [{"podSelector": {}}]}] if selected else [])]})

    def no_policies(self):
        self.api("DELETE", POLICIES)
        self.policies = 0

    # ---- what is measured -------------------------------------------------------------------------------

    def sockets(self, kind, family=4):
        made = []
        for name in (self.client, self.server):
            with inside(name):
                made.append(socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind))
        made[1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made[1].bind((self.addresses[self.server][family], PORT))
        return made

    def passes(self):
        """One datagram, from a port that is new: it is judged as a first packet."""
        sender, ear = self.sockets(socket.SOCK_DGRAM)
        with sender, ear:
            sender.sendto(b"x", (self.addresses[self.server][4], PORT))
            ear.settimeout(0.03)
            try:
                return bool(ear.recv(9))
            except TimeoutError:
                return False

    def changes(self, name, change):
        """change(open): closes and opens; what the answers took, and how many first packets were judged so."""
        took, right = [], 0
        for n in range(CHANGES):
            opened = bool(n % 2)
            begin = time.perf_counter()
            change(opened)
            took.append((time.perf_counter() - begin) * 1e3)
            right += self.passes() == opened
        print(f"{name:52} {percentile(took, 50):9.2f} {percentile(took, 99):9.2f} {right:6}/{CHANGES}")

    def in_force(self):
        spec = {"podSelector": {"matchLabels": {"closed": "yes"}}, "policyTypes": ["Ingress"]}
        self.policy("bench", spec)
        what = f"{len(self.names)} pods, {self.policies + 1} policies"
        self.changes(f"a pod's labels, {what}", lambda opened: self.label(self.server, {"closed": "no" if opened else "yes"}))
        self.label(self.server, {"closed": "yes"})
        ports = {True: [{"protocol": "UDP", "port": PORT}], False: [{"protocol": "UDP", "port": PORT + 1}]}
        self.changes(f"a policy's ports, {what}", lambda opened: self.policy("bench", {**spec, "ingress": [{"ports": ports[opened]}]}, new=False))
        self.api("DELETE", f"{POLICIES}/bench")
        self.changes(f"a policy comes and goes, {what}",
                     lambda opened: self.api("DELETE", f"{POLICIES}/bench") if opened else self.policy("bench", spec))
        self.label(self.server, {"closed": None})

    def round_trip(self, times=3000):
        """Microseconds, on a connection that stands."""
        a, b = self.sockets(socket.SOCK_DGRAM)
        with a, b:
            a.connect((self.addresses[self.server][4], PORT))
            a.send(b"x")
            b.connect(b.recvfrom(9)[1])
            took = []
            for _ in range(times):
                begin = time.perf_counter()
                b.send(b"x")
                a.recv(9)
                a.send(b"x")
                b.recv(9)
                took.append(time.perf_counter() - begin)
        return percentile(took, 50) * 1e6

    def connections(self, times=500):
        """Microseconds for a TCP connection from SYN to both ends closed."""
        _, door = self.sockets(socket.SOCK_STREAM)
        linger, took = struct.pack("ii", 1, 0), []
        with door:
            door.listen(64)
            with inside(self.client):
                for _ in range(times):
                    with socket.socket() as s:
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        begin = time.perf_counter()
                        s.connect((self.addresses[self.server][4], PORT))
                        door.accept()[0].close()
                        took.append(time.perf_counter() - begin)
        return percentile(took, 50) * 1e6

    def datagrams(self, times=1000):
        """Microseconds for a first datagram, each a new flow."""
        _, ear = self.sockets(socket.SOCK_DGRAM)
        took = []
        with ear, inside(self.client):
            for _ in range(times):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind(("", 0))
                    begin = time.perf_counter()
                    s.sendto(b"x", (self.addresses[self.server][4], PORT))
                    ear.recv(9)
                    took.append(time.perf_counter() - begin)
        return percentile(took, 50) * 1e6

    def stream(self, seconds=1.0):
        """Microseconds a mebibyte."""
        a, door = self.sockets(socket.SOCK_STREAM)
        with a, door:
            door.listen(1)
            a.connect((self.addresses[self.server][4], PORT))
            b = door.accept()[0]
            with b:
                data, moved, begin = bytes(1 << 16), 0, time.perf_counter()
                a.setblocking(False)
                while time.perf_counter() - begin < seconds:
                    try:
                        a.send(data)
                    except BlockingIOError:
                        pass
                    moved += len(b.recv(1 << 18))
                return (time.perf_counter() - begin) * 1e6 / (moved / (1 << 20))

    def packets(self):
        """Twice, the best of each kept: the machine has other work too."""
        kinds = {"round trip, us": self.round_trip, "TCP connection, us": self.connections, "first datagram, us": self.datagrams,
                 "stream, us a MiB": self.stream}
        best = {}
        for _ in range(2):
            for count in (0, FEW, MANY):
                self.more_policies(count, True)
                for name, kind in kinds.items():
                    best[name, count] = min(best.get((name, count), 1e9), kind())
            self.no_policies()
        print(f"{'':34} {'none':>9} {FEW:9} {MANY:9} {'x none':>9} {'x none':>9}   policies that select both pods")
        for name in kinds:
            none, few, many = (best[name, count] for count in (0, FEW, MANY))
            print(f"{name:34} {none:9.1f} {few:9.1f} {many:9.1f} {few / none:9.2f} {many / none:9.2f}")

    def attaching(self):
        """CNI ADD, in turns."""
        took = {}
        for count in (0, MANY, 0, MANY):
            self.more_policies(count, True)
            names = [f"{self.knetd.netns}-x{i}" for i in range(50)]
            netns("add", names)
            try:
                with inside(self.knetd.netns):
                    took.setdefault(count, []).extend(self.plugin.call("ADD", n) for n in names)
                    for n in names:
                        self.plugin.call("DEL", n)
            finally:
                netns("del", names)
            self.no_policies()
        none = percentile(took[0], 50)
        for count, times in took.items():
            print(f"{f'CNI ADD, {count} policies':34} p50 {percentile(times, 50) / 1e3:6.2f} ms  p99 {percentile(times, 99) / 1e3:6.2f} ms"
                  f"  {percentile(times, 50) / none:5.2f} x none")

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def main():
    with tempfile.TemporaryDirectory() as directory, Knetd(ini="[ingress]\nhttp = 0", pod_cidr=RANGES) as knetd:
        bench = Bench(knetd, directory)
        try:
            bench.packets()
            bench.attaching()
            print(f"{'':52} {'p50 ms':>9} {'p99 ms':>9} {'first packets right':>9}")
            bench.attach(FEW - 2)
            bench.more_policies(FEW - 1, False)
            bench.in_force()
            bench.attach(MANY - FEW)
            bench.more_policies(MANY - 1, False)
            bench.in_force()
            print(f"memory: {knetd.private_kb()} KB; table: "
                  f"{sum(len(e[k].get('elem', [])) for e in tables(knetd) for k in e if k in ('set', 'map'))} elements, "
                  f"{sum('rule' in e for e in tables(knetd))} rules")
        finally:
            bench.close()


def tables(knetd):
    out = knetd.exec("nft", "-j", "list", "table", "inet", "knetd_policy").stdout
    return json.loads(out or '{"nftables": []}')["nftables"]


if __name__ == "__main__":
    main()
