"""ClusterNetworkPolicies, asked with packets: what the API promises of tiers, priorities, actions, peers and ports, one case
a line of CASES, and then policies that a seed draws. Everybody asks everybody after each step; what should pass is said by
the few lines below, which judge a NetworkPolicy as policy_oracle.py does."""

import os
import random
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import policy_oracle as oracle  # noqa: E402
from policy_cases import expr, labels  # noqa: E402
from policy_world import World  # noqa: E402

PATH = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"


# ---- what should pass ----------------------------------------------------------------------------------

def chooses(choice, end, namespaces):
    """A subject, or a peer that is pods."""
    spaces, pods = choice.get("namespaces"), choice.get("pods", {})
    if end.namespace is None:
        return False
    spaces = pods.get("namespaceSelector", {}) if spaces is None else spaces
    return oracle.selects(spaces, namespaces[end.namespace]) and oracle.selects(pods.get("podSelector", {}), end.labels)


def peer_takes(peer, end, namespaces, nodes):
    if "networks" in peer:
        return any(oracle.within(end.ip, n) for n in peer["networks"])
    if "nodes" in peer:
        return any(end.ip in ips and oracle.selects(peer["nodes"], said) for said, ips in nodes)
    return "domainNames" not in peer and chooses(peer, end, namespaces)


def protocol_takes(entry, to, protocol, port):
    if name := entry.get("destinationNamedPort"):
        return port is not None and to.ports.get((protocol, name)) == port
    wanted = entry.get(protocol.lower())
    if wanted is None:
        return False
    of = wanted["destinationPort"]
    return port == of["number"] if "number" in of else of["range"]["start"] <= port <= of["range"]["end"]


def verdict(world, policies, way, end, other, to, protocol, port):
    """Of the policies of one tier: Accept, Deny, Pass or None."""
    for policy in sorted(policies, key=lambda p: (p["spec"]["priority"], p["metadata"]["name"])):
        if not chooses(policy["spec"]["subject"], end, world.namespaces):
            continue
        for rule in policy["spec"].get(way.lower(), []):
            peers = rule["from" if way == "Ingress" else "to"]
            if any(peer_takes(p, other, world.namespaces, world.nodes) for p in peers) and (
                    not rule.get("protocols") or any(protocol_takes(e, to, protocol, port) for e in rule["protocols"])):
                return rule["action"]
    return None


def way_open(world, way, end, other, to, protocol, port):
    if end.namespace is None:
        return True
    args = (way, end, other, to, protocol, port)
    first = verdict(world, [p for p in world.clusters.values() if p["spec"]["tier"] == "Admin"], *args)
    if first in ("Accept", "Deny"):
        return first == "Accept"
    own = [p for p in world.policies.values() if p["metadata"]["namespace"] == end.namespace and way in oracle.types(p["spec"])]
    if any(oracle.selects(p["spec"].get("podSelector") or {}, end.labels) for p in own):
        return oracle.way_open(*args, world.policies.values(), world.namespaces)
    return verdict(world, [p for p in world.clusters.values() if p["spec"]["tier"] == "Baseline"], *args) != "Deny"


class ClusterWorld(World):
    """The world, with ClusterNetworkPolicies; the machine outside is a Node as well."""

    def __init__(self):
        self.clusters, self.nodes = {}, []
        super().__init__(spaces="xy", names="ab", services=False)
        self.nodes.append(({"kind": "far"}, {self.out.ip4, self.out.ip6}))
        self.api("POST", "/api/v1/nodes", {"metadata": {"name": "far", "labels": {"kind": "far"}}})
        self.api("PATCH", "/api/v1/nodes/far/status", {"status": {"addresses": [
            {"type": "InternalIP", "address": ip} for ip in (self.out.ip4, self.out.ip6)]}}, ctype="application/merge-patch+json")

    def cluster(self, name, spec):
        body = {"metadata": {"name": name}, "spec": spec}
        if name in self.clusters:
            self.api("PUT", f"{PATH}/{name}", body)
        else:
            self.api("POST", PATH, body)
        self.clusters[name] = body

    def no_cluster(self, name):
        self.api("DELETE", f"{PATH}/{name}")
        del self.clusters[name]

    def clear(self):
        for name in list(self.clusters):
            self.no_cluster(name)
        super().clear()

    def passes(self, cell):
        source, to = self.ends[cell.source][cell.family], self.ends[cell.to][cell.family]
        if source.node or to.node or source.ip == to.ip:
            return True
        return (way_open(self, "Egress", source, to, to, cell.protocol, cell.port) and
                way_open(self, "Ingress", to, source, to, cell.protocol, cell.port))

    def told(self):
        return super().told() + "\n" + "\n".join(f"{name}: {p['spec']}" for name, p in self.clusters.items())


@pytest.fixture(scope="module")
def world():
    with ClusterWorld() as w:
        yield w


@pytest.fixture(autouse=True)
def clean(world):
    yield
    world.clear()


# ---- cases ---------------------------------------------------------------------------------------------

ALL = {"namespaces": {}}
X, Y = ({"namespaces": labels(ns=ns)} for ns in "xy")
XA, XB, YA = ({"pods": {"namespaceSelector": labels(ns=ns), "podSelector": labels(pod=pod)}} for ns, pod in ("xa", "xb", "ya"))
NETS = {"networks": ["0.0.0.0/0", "::/0"]}


def number(port, protocol="tcp"):
    return {protocol: {"destinationPort": {"number": port}}}


def span(first, last, protocol="tcp"):
    return {protocol: {"destinationPort": {"range": {"start": first, "end": last}}}}


def to(action, *peers, protocols=()):
    return {"action": action, "to": list(peers), **({"protocols": list(protocols)} if protocols else {})}


def by(action, *peers, protocols=()):
    return {"action": action, "from": list(peers), **({"protocols": list(protocols)} if protocols else {})}


def cnp(tier, priority, subject, ingress=(), egress=()):
    found = {"tier": tier, "priority": priority, "subject": subject}
    return {**found, **({"ingress": list(ingress)} if ingress else {}), **({"egress": list(egress)} if egress else {})}


def admin(*args, **kw):
    return cnp("Admin", *args, **kw)


def baseline(*args, **kw):
    return cnp("Baseline", *args, **kw)


SHUT = ("policy", "x", "shut", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
OPEN = ("policy", "x", "open", {"podSelector": labels(pod="a"), "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]})

CASES = [
    ("no rules: nothing", [("cluster", "p", admin(1, ALL))]),
    ("deny to a namespace", [("cluster", "p", admin(1, X, [by("Deny", Y)]))]),
    ("deny of one pod", [("cluster", "p", admin(1, XA, egress=[to("Deny", YA)]))]),
    ("egress alone leaves ingress", [("cluster", "p", admin(1, X, egress=[to("Deny", Y)]))]),
    ("the first rule that fits", [("cluster", "p", admin(1, X, [by("Accept", YA), by("Deny", Y)])), SHUT]),
    ("and the other way round", [("cluster", "p", admin(1, X, [by("Deny", Y), by("Accept", YA)])), SHUT]),
    ("accept before NetworkPolicies", [SHUT, ("cluster", "p", admin(1, X, [by("Accept", ALL)], [to("Accept", ALL)]))]),
    ("deny before NetworkPolicies", [OPEN, ("cluster", "p", admin(1, X, [by("Deny", ALL)], [to("Deny", ALL)]))]),
    ("pass to NetworkPolicies", [OPEN, ("cluster", "p", admin(1, X, [by("Pass", Y), by("Deny", ALL)]))]),
    ("pass skips the rest of the tier", [("cluster", "p", admin(1, X, [by("Pass", YA)])), ("cluster", "q", admin(2, ALL, [by("Deny", ALL)]))]),
    ("pass to nobody", [("cluster", "p", admin(1, X, [by("Pass", ALL), by("Deny", ALL)]))]),
    ("the lower priority first", [("cluster", "p", admin(7, X, [by("Deny", Y)])), ("cluster", "q", admin(3, X, [by("Accept", YA)]))]),
    ("priorities change places", [("cluster", "p", admin(2, X, [by("Deny", Y)])), ("cluster", "q", admin(3, X, [by("Accept", YA)]))]),
    ("one priority: by name", [("cluster", "b", admin(5, X, [by("Accept", Y)])), ("cluster", "a", admin(5, X, [by("Deny", YA)]))]),
    ("baseline denies who has no policy", [("cluster", "p", baseline(1, ALL, [by("Deny", ALL)]))]),
    ("baseline gives way", [OPEN, ("cluster", "p", baseline(1, ALL, [by("Deny", ALL)], [to("Deny", ALL)]))]),
    ("baseline passes", [("cluster", "p", baseline(1, ALL, [by("Pass", YA), by("Deny", ALL)]))]),
    ("baseline by priority", [("cluster", "p", baseline(1, ALL, [by("Accept", YA)])), ("cluster", "q", baseline(2, ALL, [by("Deny", ALL)]))]),
    ("admin passes to baseline", [("cluster", "p", admin(1, X, [by("Pass", YA), by("Accept", ALL)])),
                                  ("cluster", "q", baseline(1, X, [by("Deny", ALL)]))]),
    ("all three tiers", [("cluster", "p", admin(1, X, [by("Pass", XB), by("Deny", YA)])), OPEN,
                         ("cluster", "q", baseline(1, ALL, [by("Deny", ALL)], [to("Deny", X, protocols=[number(81)])]))]),
    ("ports", [("cluster", "p", admin(1, X, [by("Deny", ALL, protocols=[number(80), number(81, "udp")])]))]),
    ("a range of ports", [("cluster", "p", admin(1, X, [by("Deny", ALL, protocols=[span(80, 90, "sctp"), span(1, 80, "udp")])]))]),
    ("ports let ping through", [("cluster", "p", admin(1, X, [by("Deny", ALL, protocols=[span(1, 65535, p) for p in ("tcp", "udp", "sctp")])]))]),
    ("named ports", [("cluster", "p", admin(1, X, [by("Deny", ALL, protocols=[{"destinationNamedPort": "serve-80-tcp"}])],
                                            [to("Deny", ALL, protocols=[{"destinationNamedPort": "serve-81-udp"}])]))]),
    ("networks are pods too", [("cluster", "p", admin(1, XA, egress=[to("Deny", NETS)]))]),
    ("pods before networks", [("cluster", "p", admin(1, XA, egress=[to("Pass", ALL), to("Deny", NETS)]))]),
    ("outside alone", [("cluster", "p", admin(1, XA, egress=[to("Deny", {"networks": ["192.0.2.0/24"]}), to("Accept", NETS)])), SHUT]),
    ("nodes", [("cluster", "p", admin(1, X, egress=[to("Accept", {"nodes": labels(kind="far")}, protocols=[number(80)]),
                                                    to("Deny", {"nodes": {}})]))]),
    ("other nodes", [("cluster", "p", admin(1, X, egress=[to("Deny", {"nodes": labels(kind="none")})]))]),
    ("expressions", [("cluster", "p", admin(1, {"pods": {"podSelector": expr("pod", "NotIn", "a")}},
                                            [by("Deny", {"namespaces": expr("ns", "In", "y", "z")})]))]),
    ("names of domains accept nothing", [("cluster", "p", admin(1, XA, egress=[to("Accept", {"domainNames": ["a.example"]}), to("Deny", NETS)]))]),
    ("a rule becomes another", [("cluster", "p", admin(1, X, [by("Deny", Y)])), ("cluster", "p", admin(1, X, [by("Deny", XB)]))]),
    ("it goes", [("cluster", "p", admin(1, X, [by("Deny", Y)])), ("no_cluster", "p")]),
    ("a label lets in", [("cluster", "p", admin(1, X, [by("Deny", {"pods": {"podSelector": labels(pod="c")}})])), ("label_pod", "y", "a", {"pod": "c"})]),
    ("a namespace becomes a subject", [("cluster", "p", admin(1, {"namespaces": labels(team="q")}, [by("Deny", ALL)])),
                                       ("label_namespace", "y", {"ns": "y", "team": "q"})]),
    ("a namespace is one no longer", [("label_namespace", "y", {"ns": "y", "team": "q"}),
                                      ("cluster", "p", admin(1, {"namespaces": labels(team="q")}, [by("Deny", ALL)])), ("label_namespace", "y", {"ns": "y"})]),
]


@pytest.mark.parametrize("title,steps", CASES, ids=[c[0] for c in CASES])
def test_cases(world, title, steps):
    for change, *args in steps:
        getattr(world, change)(*args)
    world.check(title)


# ---- drawn ---------------------------------------------------------------------------------------------

def drawn_choice(draw):
    spaces = draw.choice([{}, labels(ns="x"), expr("ns", "NotIn", "x")])
    return draw.choice([{"namespaces": spaces}, {"pods": {"namespaceSelector": spaces, "podSelector": draw.choice([{}, labels(pod="a"), expr("pod", "NotIn", "a")])}}])


def drawn_rule(draw, way):
    def peer():
        return draw.choice([NETS, {"networks": ["10.244.0.0/30", "192.0.2.0/24"]}, {"nodes": {}}]) if way == "to" and draw.random() < .3 else drawn_choice(draw)
    found = {"action": draw.choice(["Accept", "Deny", "Pass"]), way: [peer() for _ in range(draw.randint(1, 2))]}
    if draw.random() < .5:
        found["protocols"] = [number(draw.choice([80, 81]), draw.choice(["tcp", "udp", "sctp"])) for _ in range(draw.randint(1, 2))]
    return found


def drawn(draw):
    return cnp(draw.choice(["Admin", "Baseline"]), draw.randint(0, 3), drawn_choice(draw),
               [drawn_rule(draw, "from") for _ in range(draw.randint(0, 3))], [drawn_rule(draw, "to") for _ in range(draw.randint(0, 2))])


def test_drawn(world):
    draw = random.Random(8)
    for step in range(12):
        for _ in range(2):
            world.cluster(draw.choice("pqrs"), drawn(draw))
        if step == 4:
            world.policy(*SHUT[1:])
        if step == 8:
            world.policy(*OPEN[1:])
        world.check(f"step {step}")


def test_conditions(world):
    """What is not in force is said."""
    def accepted(name):
        found = world.api("GET", f"{PATH}/{name}")["status"]["conditions"]
        assert len(found) == 1 and found[0]["type"] == "Accepted" and found[0]["lastTransitionTime"], found
        return found[0]
    world.cluster("p", admin(1, XA, egress=[to("Deny", NETS)]))
    first = accepted("p")
    assert (first["status"], first["observedGeneration"]) == ("True", 1)
    world.cluster("p", admin(1, XA, egress=[to("Accept", {"domainNames": ["a.example"]})]))
    second = accepted("p")
    assert (second["status"], second["reason"], second["observedGeneration"]) == ("False", "NotInForce", 2)
    assert "spec.egress[0].to[0]: domainNames are not supported" in second["message"]
    world.no_cluster("p")
