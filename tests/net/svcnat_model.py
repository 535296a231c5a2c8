"""What the maps of table knetd should hold, of the objects in the API; and what they hold, as `nft` lists them. The model
is written from what Services promise, not from the daemon's code."""

import collections
import ipaddress
import json

REFUSE, DROP = "refuse", "drop"
OUTER_WORD, COUNT, AFFINITY, OUTER_LIST = 1 << 13, (1 << 13) - 1, 14, 8192

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


def differs(world):
    """The same while things are being mended: the table may not be there, or half."""
    try:
        return differences(world)
    except Exception as e:  # pylint: disable=broad-except
        return [str(e)]
