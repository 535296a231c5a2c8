"""A random walk: thousands of changes of Services and EndpointSlices through the API, with restarts and damage by others
between them. What the kernel's maps hold must be what a small model says of the objects: read back by `nft`, as sets
for each front. KNET_WALK is how many changes (200), KNET_SEED the seed."""

import os
import random
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import SERVICES, SLICES, World  # noqa: E402
from pods import eventually  # noqa: E402
from svcnat_model import differences, differs, tables  # noqa: E402

CHANGES = int(os.environ.get("KNET_WALK", "200"))
SEED = int(os.environ.get("KNET_SEED", "1"))
MERGE = "application/merge-patch+json"

# ---- the walk ---------------------------------------------------------------------------------------------

class Walk:
    """Random changes; every one is valid, so none may be refused."""

    def __init__(self, world, seed):
        self.world, self.random, self.serial, self.names = world, random.Random(seed), 0, []

    def ports(self):
        pool = [("TCP", 80), ("UDP", 53), ("TCP", 53), ("SCTP", 53), ("TCP", 443), ("UDP", 443)]
        return [{"name": f"{proto.lower()}-{port}", "protocol": proto, "port": port, "targetPort": 8000 + port}
                for proto, port in self.random.sample(pool, self.random.randint(1, 3))]

    def spec(self):
        """Of a new Service or in place of an old one's."""
        r, kind = self.random, self.random.choice(["ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer"])
        spec = {"type": kind, "ports": self.ports(), "sessionAffinity": "None", "sessionAffinityConfig": None,
                "internalTrafficPolicy": r.choice(["Cluster", "Cluster", "Local"]), "loadBalancerSourceRanges": None,
                "externalTrafficPolicy": None, "allocateLoadBalancerNodePorts": None}
        if r.random() < 0.3:
            spec["sessionAffinity"] = "ClientIP"
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": r.choice([60, 600, 10800])}}
        if kind != "ClusterIP":
            spec["externalTrafficPolicy"] = r.choice(["Cluster", "Local"])
        if kind == "LoadBalancer":
            spec["allocateLoadBalancerNodePorts"] = r.random() < 0.8
            if r.random() < 0.3:
                spec["loadBalancerSourceRanges"] = r.sample(
                    ["192.0.2.0/24", " 198.18.0.0/15", "2001:db8:7::/48 ", "203.0.113.9/32", "2001:db8:8::1/128"], r.randint(1, 3))
        return spec

    def create(self):
        self.serial += 1
        name, r = f"s{self.serial}", self.random
        spec = self.spec()
        labels = {r.choice(["service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"]): "x"} if r.random() < 0.05 else {}
        policy = r.choice(["SingleStack", "RequireDualStack", "PreferDualStack"])
        spec["ipFamilyPolicy"] = policy
        spec["ipFamilies"] = r.choice([["IPv4"], ["IPv6"]]) if policy == "SingleStack" else r.choice([["IPv4", "IPv6"], ["IPv6", "IPv4"]])
        if spec["type"] == "LoadBalancer":
            spec["loadBalancerClass"] = "example.com/by-hand"
        if r.random() < 0.2:
            spec["externalIPs"] = [f"203.0.113.{self.serial % 250}", f"2001:db8:113::{self.serial:x}"]
        if r.random() < 0.04:
            spec.update(clusterIP="None", type="ClusterIP", externalTrafficPolicy=None, allocateLoadBalancerNodePorts=None,
                        loadBalancerSourceRanges=None)
            spec.pop("loadBalancerClass", None)
        spec = {k: v for k, v in spec.items() if v is not None}
        self.world.api("POST", SERVICES, {"metadata": {"name": name, "labels": labels}, "spec": spec})
        self.names.append(name)
        for _ in range(r.randint(0, 2)):
            self.slice(name)

    def delete(self):
        name = self.names.pop(self.random.randrange(len(self.names)))
        self.world.api("DELETE", f"{SERVICES}/{name}")

    def change(self):
        """Another type, other ports, other policies."""
        name = self.random.choice(self.names)
        old = self.world.api("GET", f"{SERVICES}/{name}")
        if old["spec"].get("clusterIP") == "None":
            return
        spec = self.spec()
        if spec["type"] == "LoadBalancer" and old["spec"]["type"] != "LoadBalancer":
            spec["loadBalancerClass"] = "example.com/by-hand"
        elif spec["type"] != "LoadBalancer":
            spec["loadBalancerClass"] = None
        self.world.api("PATCH", f"{SERVICES}/{name}", {"spec": spec}, ctype=MERGE)

    def status(self):
        name = self.random.choice(self.names)
        made = self.world.api("GET", f"{SERVICES}/{name}")
        if made["spec"]["type"] != "LoadBalancer":
            return
        number = int(name[1:])
        pool = [f"198.51.{number >> 8 & 255}.{number & 255}", f"2001:db8:51::{number:x}", f"198.18.{number >> 8 & 255}.{number & 255}"]
        made["status"] = {"loadBalancer": {"ingress": [
            {"ip": ip, "ipMode": self.random.choice(["VIP", "VIP", "VIP", "Proxy"])}
            for ip in self.random.sample(pool, self.random.randint(0, 3))]}}
        self.world.api("PUT", f"{SERVICES}/{name}/status", made)

    def slice(self, name=None):
        """Writes, replaces or deletes one of three slices of a Service, in one of the families."""
        r = self.random
        name = name or r.choice(self.names)
        family, number = r.choice([4, 6]), r.randint(1, 3)
        path = f"{SLICES}/{name}-{family}-{number}"
        if r.random() < 0.15:
            self.world.knetd.api("DELETE", path)
            return
        service = self.world.api("GET", f"{SERVICES}/{name}")
        pool = [f"10.1.{n}.{m}" if family == 4 else f"2001:db8:1:{n}::{m}" for n in range(4) for m in range(1, 5)]
        endpoints = []
        for ip in r.sample(pool, r.randint(0, 6)):
            endpoint = {"addresses": [ip], "conditions": r.choice([
                {"ready": True}, {"ready": True}, {}, {"ready": False},
                {"ready": False, "serving": True, "terminating": True}, {"ready": False, "serving": False, "terminating": True}])}
            where = ["node", "elsewhere", None][int(ip[-1]) % 3]
            endpoints.append({**endpoint, **({"nodeName": where} if where else {})})
        ports = [{"name": p["name"], "port": p["targetPort"], "protocol": p["protocol"]} for p in service["spec"]["ports"]]
        body = {"metadata": {"name": f"{name}-{family}-{number}", "labels": {"kubernetes.io/service-name": name}},
                "addressType": f"IPv{family}", "ports": ports, "endpoints": endpoints}
        if self.world.knetd.api("PUT", path, body)[0] == 404:
            self.world.api("POST", SLICES, body)

    def step(self):
        if len(self.names) < 3 or self.random.random() < (0.12 if len(self.names) < 60 else 0.02):
            self.create()
            return
        self.random.choices([self.slice, self.change, self.status, self.delete], [10, 4, 3, 1])[0]()


def damage(walk):
    """Something that somebody else does to the table, in nft's words."""
    fronts = [" . ".join(map(str, front)) for front in sorted(tables(walk.world.knetd)["svc4"])]
    return walk.random.choice([
        "flush ruleset", "delete table inet knetd", "flush map inet knetd eps4", "flush map inet knetd svc6",
        "flush set inet knetd cluster4", "flush chain inet knetd prerouting", "flush chain inet knetd masquerading",
        "add element inet knetd hairpin4 { 192.0.2.77 . 192.0.2.77 }", "add element inet knetd svc4 { 192.0.2.77 . tcp . 77 : 1 }",
        "add element inet knetd eps4 { 192.0.2.77 . tcp . 77 . 5 : 192.0.2.7 . 7 }",
        *(f"delete element inet knetd svc4 {{ {front} }}" for front in walk.random.sample(fronts, min(2, len(fronts))))])


def talk(world):
    """Exchanges over connections that must not notice anything."""
    for n, family in enumerate((4, 6)):
        for proto in ("tcp", "udp"):
            world.agents["client"].tell(talk=f"{proto}{family}", every=0.01,
                                        flow=[proto, world.services["steady"]["spec"]["clusterIPs"][n], 80])


def hang_up(world, when):
    for name in ("tcp4", "udp4", "tcp6", "udp6"):
        told = world.agents["client"].tell(talked=name, end=True)
        assert told["rounds"] and not told["error"] and not told["lost"] and len(told["who"]) == 1, (when, name, told)


@pytest.fixture
def world():
    with World("[service]\nexternal_ips = yes\n") as made:
        made.service("steady", ["one"])
        yield made


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_walk(world, seed):
    walk = Walk(world, seed)
    talk(world)
    for n in range(1, CHANGES + 1):
        walk.step()
        if n % 25:
            continue
        assert differences(world) == [], f"seed {seed}, after {n} changes"
        what = walk.random.choice(["damage", "damage", "kill", "restart", "nothing", "nothing"])
        if what == "damage":
            what = damage(walk)
            # without its nat chains the kernel translates nothing, also not for connections it knows
            fatal = what in ("flush ruleset", "delete table inet knetd")
            if fatal:
                hang_up(world, f"seed {seed}, before {what}")
            world.knetd.exec("nft", *what.split(" ", 5), check=True)
            eventually(lambda: not differs(world), seconds=30)
            if fatal:
                talk(world)
        elif what != "nothing":
            world.knetd.stop(signal.SIGKILL if what == "kill" else signal.SIGTERM)
            world.knetd.start()
        assert differences(world) == [], f"seed {seed}, after {n} changes and {what}"
    hang_up(world, f"seed {seed}, at the end")

