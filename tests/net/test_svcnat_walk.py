"""A random walk: thousands of changes of Services and EndpointSlices through the API, with restarts and damage by others
between them. What the kernel's maps hold must be what a small model says of the objects: read back by `nft`, as sets
for each front. KNET_WALK is how many changes (200), KNET_SEED the seed."""

import collections
import ipaddress
import json
import os
import random
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import SERVICES, SLICES, World  # noqa: E402
from pods import eventually  # noqa: E402

CHANGES = int(os.environ.get("KNET_WALK", "200"))
SEED = int(os.environ.get("KNET_SEED", "1"))
MERGE = "application/merge-patch+json"
REFUSE, DROP = "refuse", "drop"
OUTER_WORD, COUNT, AFFINITY, OUTER_LIST = 1 << 13, (1 << 13) - 1, 14, 65536

# ---- the model: what should be ---------------------------------------------------------------------------
#
# A front is (address or "", protocol, port) in a family; a way is REFUSE, DROP or (endpoints, affinity seconds).


class Should:
    """What the maps of one family should hold, of all objects."""

    def __init__(self, family, services, slices):
        self.family = family
        self.inner, self.outer, self.cluster, self.hairpin = {}, {}, set(), set()
        self.snat, self.own_snat, self.guarded, self.allowed = set(), set(), set(), set()
        for service in services:
            if self.served(service):
                for port in service["spec"].get("ports", []):
                    self.add(service, port, slices)

    def ours(self, addresses):
        return [a for a in addresses if (":" in a) == (self.family == 6)]

    def served(self, service):
        """Services of another proxy, headless ones and aliases are nobody's; and one of the other family alone."""
        labels, spec = service["metadata"].get("labels", {}), service["spec"]
        return (f"IPv{self.family}" in spec.get("ipFamilies", []) and spec.get("clusterIP") not in (None, "", "None")
                and spec["type"] != "ExternalName" and "service.kubernetes.io/service-proxy-name" not in labels
                and "service.kubernetes.io/headless" not in labels)

    def endpoints(self, service, port, slices):
        """Those of policy Cluster and those of policy Local."""
        ready, last = set(), set()
        for one in slices:
            if (one["metadata"].get("labels", {}).get("kubernetes.io/service-name") != service["metadata"]["name"]
                    or one["metadata"]["namespace"] != service["metadata"]["namespace"]
                    or one["addressType"] != f"IPv{self.family}"):
                continue
            for p in one.get("ports") or []:
                if p.get("name", "") != port.get("name", "") or p.get("protocol", "TCP") != port["protocol"]:
                    continue
                for e in one["endpoints"]:
                    conditions = e.get("conditions", {})
                    at = (str(ipaddress.ip_address(e["addresses"][0])), p["port"], e.get("nodeName") == "node")
                    if conditions.get("ready", True):
                        ready.add(at)
                    elif conditions.get("serving") and conditions.get("terminating"):
                        last.add(at)
        local = {e for e in ready if e[2]} or {e for e in last if e[2]}
        every = ready or last
        return {e[:2] for e in every}, {e[:2] for e in local}

    def add(self, service, port, slices):
        spec = service["spec"]
        every, local = self.endpoints(service, port, slices)
        seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] if spec["sessionAffinity"] == "ClientIP" else 0

        def way(endpoints):
            self.hairpin |= {e[0] for e in endpoints}
            return (frozenset(endpoints), seconds) if endpoints else DROP if every or local else REFUSE

        proto = port["protocol"].lower()
        for ip in self.ours(spec["clusterIPs"]):
            self.cluster.add(ip)
            self.inner[ip, proto, port["port"]] = way(local if spec.get("internalTrafficPolicy") == "Local" else every)
        balancer = [i["ip"] for i in service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
                    if i.get("ipMode", "VIP") == "VIP" and spec["type"] == "LoadBalancer"]
        fronts = [(ip, proto, port["port"]) for ip in self.ours(balancer + spec.get("externalIPs", []))]
        if port.get("nodePort") and spec["type"] != "ClusterIP":
            fronts.append(("", proto, port["nodePort"]))
        for front in fronts:
            self.inner[front] = way(every)
            if spec.get("externalTrafficPolicy") == "Local":
                self.outer[front] = way(local)
                self.own_snat.add(front)
            else:
                self.snat.add(front)
        ranges = self.ours(r.strip() for r in spec.get("loadBalancerSourceRanges", []))
        for ip in self.ours(balancer) if ranges else []:
            self.guarded.add((ip, proto, port["port"]))
            self.allowed |= {(ip, proto, port["port"], r) for r in ranges}


# ---- the kernel: what is ---------------------------------------------------------------------------------

def value(v):
    """An element's key or value as nft writes them: text, number, prefix, concatenation."""
    if isinstance(v, dict) and "elem" in v:
        v = v["elem"]["val"]
    if isinstance(v, dict) and "concat" in v:
        return tuple(value(x) for x in v["concat"])
    if isinstance(v, dict) and "prefix" in v:
        return f"{v['prefix']['addr']}/{v['prefix']['len']}"
    return v


def tables(knetd):
    """Set -> its members, map -> dict."""
    found = {}
    for entry in json.loads(knetd.exec("nft", "-j", "list", "table", "inet", "knetd", check=True).stdout)["nftables"]:
        if "set" in entry:
            found[entry["set"]["name"]] = {value(e) for e in entry["set"].get("elem", [])}
        elif "map" in entry and not entry["map"]["name"].startswith("pick"):
            elements = entry["map"].get("elem", [])
            found[entry["map"]["name"]] = {value(k): value(v) if not isinstance(v, dict) or "concat" in v else v
                                           for k, v in elements}
        elif "map" in entry:
            found[entry["map"]["name"]] = {k: v["goto"]["target"] for k, v in entry["map"].get("elem", [])}
    return found


class Is:
    """What the maps of one family hold, in the model's words."""

    def __init__(self, family, found):
        self.family, self.found = family, found
        self.inner = {**self.ways("svc", "", 0), **self.ways("ports", "port_", 0)}
        self.outer = {**self.ways("outer", "", OUTER_LIST), **self.ways("outer_ports", "port_", OUTER_LIST)}
        self.snat = self.get("snat") | {("", *f) for f in self.get("snat_ports")}
        self.own_snat = self.get("own_snat") | {("", *f) for f in self.get("own_snat_ports")}
        self.guarded, self.cluster = self.get("guarded"), self.get("cluster")
        self.allowed = {(*a[:3], a[3] if "/" in a[3] else f"{a[3]}/{32 if family == 4 else 128}") for a in self.get("allowed")}
        self.hairpin = {a for a, b in self.get("hairpin") if a == b}

    def get(self, name):
        return self.found[f"{name}{self.family}"]

    def lists(self, prefix, first):
        """Front -> index -> (endpoint, id); of inner lists or of outer ones."""
        made = collections.defaultdict(dict)
        ids = self.get(prefix + "ids")
        for (*front, index), endpoint in self.get(prefix + "eps").items():
            if (index >= OUTER_LIST) == (first > 0):
                made[tuple(front)][index - first] = (endpoint, ids.get((*front, index), 0))
        return made

    def ways(self, words, prefix, first):
        """Also judges what the model does not speak of: dense indexes, ids that lead to the same endpoint."""
        lists, who, made = self.lists(prefix, first), self.get("who"), {}
        picks = self.found["port_pick" if prefix else "pick"]
        for front, word in self.get(words).items():
            n, seconds = word & COUNT, word >> AFFINITY
            assert word in picks, f"{front}: no chain for {word:#x}"
            found = lists.pop(front, {})
            assert sorted(found) == list(range(n)), f"{words} {front}: {n} endpoints, indexes {sorted(found)}"
            assert len({e for e, _ in found.values()}) == n, f"{front}: twice the same endpoint"
            for endpoint, number in found.values():
                assert bool(number) == bool(seconds and n), f"{front}: id {number}, affinity {seconds}"
                assert not number or who.get(number) == endpoint, f"{front}: id {number} is {who.get(number)}, not {endpoint}"
            way = (frozenset(e for e, _ in found.values()), seconds) if n else DROP if word & OUTER_WORD else REFUSE
            made[front if prefix == "" else ("", *front)] = way
        assert not lists, f"{words}: endpoints of no front: {dict(lists)}"
        return made


def differences(world):
    """Everything in which the kernel is not as the model has it."""
    services = world.api("GET", "/api/v1/services")["items"]
    slices = world.api("GET", "/apis/discovery.k8s.io/v1/endpointslices")["items"]
    found, wrong = tables(world.knetd), []
    for family in world.families:
        should, real = Should(family, services, slices), Is(family, found)
        for what in ("inner", "outer", "cluster", "hairpin", "snat", "own_snat", "guarded", "allowed"):
            a, b = getattr(should, what), getattr(real, what)
            if a != b:
                a, b = (set(x.items()) if isinstance(x, dict) else x for x in (a, b))
                wrong += [f"{what}{family}: missing {x}" for x in sorted(map(str, a - b))]
                wrong += [f"{what}{family}: too many {x}" for x in sorted(map(str, b - a))]
    return wrong


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


def differs(world):
    """The same while things are being mended: the table may not be there, or half."""
    try:
        return differences(world)
    except Exception as e:  # pylint: disable=broad-except
        return [str(e)]
