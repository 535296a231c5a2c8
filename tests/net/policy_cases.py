"""What the truth table is asked: cases, each a title and steps, each step a list of changes after which everybody asks
everybody. A change is a method of World and its arguments.

`cases` is a list with a plan, along the lines of the Cyclonus suite: whom a policy selects, what its rules, peers and ports
are, alone and in pairs, policies that contradict each other, changes of policies, pods, namespaces and labels, and what
the upstream end-to-end tests ask. `drawn` is without one: whatever a seed brings up."""

import ipaddress
import itertools

LABEL = "kubernetes.io/metadata.name"


def labels(**wanted):
    return {"matchLabels": wanted}


def expr(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def port(protocol=None, number=None, last=None):
    found = {"protocol": protocol, "port": number, "endPort": last}
    return {k: v for k, v in found.items() if v is not None}


def block(cidr, *but):
    return {"ipBlock": {"cidr": str(cidr), **({"except": [str(b) for b in but]} if but else {})}}


def spec(way, rules, pods=None):
    return {"podSelector": labels(pod="a") if pods is None else pods, "policyTypes": [way], way.lower(): rules}


def rule(way, peers=None, ports=None):
    found = {"from" if way == "Ingress" else "to": peers, "ports": ports}
    return {k: v for k, v in found.items() if v is not None}


WAYS = ("Ingress", "Egress")
BASE = {"Ingress": rule("Ingress", [{"podSelector": expr("pod", "In", "b", "c"), "namespaceSelector": expr("ns", "In", "x", "y")}], [port("TCP", 80)]),
        "Egress": rule("Egress", [{"podSelector": expr("pod", "In", "a", "b"), "namespaceSelector": expr("ns", "In", "y", "z")}], [port("TCP", 80)])}
DENY, ALLOW = [], [{}]


def base(way=None, rules=None, pods=None):
    """Both ways isolated, each with a rule of its own; one way's rules are the case's."""
    found = {"podSelector": labels(pod="a") if pods is None else pods, "policyTypes": list(WAYS),
             **{w.lower(): [BASE[w]] for w in WAYS}}
    if way:
        found[way.lower()] = rules
    return found


def around(ip, bits):
    """The range that differs from the address in the last bits only."""
    return ipaddress.ip_network(f"{ip}/{ipaddress.ip_address(ip).max_prefixlen - bits}", strict=False)


def single(title, policy_spec, namespace="x"):
    return title, [[("policy", namespace, "base", policy_spec)]]


# ---- the kinds of cases -------------------------------------------------------------------------------------

def targets():
    for namespace in "xyz":
        yield single(f"namespace {namespace}", base(), namespace)
    for pods in ({}, labels(pod="a"), expr("pod", "In", "a", "b"), expr("pod", "NotIn", "a"), expr("pod", "Exists"), expr("none", "DoesNotExist"),
                 labels(pod="nobody")):
        yield single(f"pods {pods}", base(pods=pods))


def rules():
    for way, (name, what) in itertools.product(WAYS, (("deny", DENY), ("allow", ALLOW))):
        yield single(f"{way} {name} all", base(way, what))
        yield single(f"{way} alone, {name} all", spec(way, what))
    yield single("types by what is said, of egress nothing", {"podSelector": {}})
    yield single("types by what is said, of both", {"podSelector": {}, "egress": ALLOW})


def peer_kinds(ip4, ip6):
    """ip4, ip6: of one of the pods."""
    found = [{"podSelector": {}}, {"podSelector": labels(pod="c")}, {"namespaceSelector": {}}, {"namespaceSelector": {}, "podSelector": {}},
             {"namespaceSelector": {}, "podSelector": labels(pod="c")}, {"namespaceSelector": labels(ns="x")},
             {"namespaceSelector": labels(ns="x"), "podSelector": {}}, {"namespaceSelector": labels(ns="x"), "podSelector": labels(pod="c")}]
    for ip in (ip4, ip6):
        found += [block(around(ip, 3)), block(around(ip, 3), around(ip, 2))]
    return found


def more_peers(ip4, ip6):
    everybody = ("0.0.0.0/0", "::/0")
    return [block(everybody[0]), block(everybody[1]), block(around(ip4, 0)), block(around(ip6, 0)),
            block(everybody[0], around(ip4, 3), around(ip4, 1)), block("10.244.0.0/28", "10.244.0.8/29"), block("192.0.2.0/24"),
            block("2001:db8:2::/64", "2001:db8:2::2/128"), {"podSelector": expr("pod", "NotIn", "b")}, {"podSelector": expr("none", "Exists")},
            {"namespaceSelector": expr("ns", "NotIn", "x")}, {"namespaceSelector": expr("none", "DoesNotExist"), "podSelector": expr("pod", "In", "a", "c")},
            {"namespaceSelector": {**labels(ns="y"), **expr(LABEL, "In", "y", "z")}}]


def peers(ip4, ip6):
    kinds = peer_kinds(ip4, ip6)
    for way in WAYS:
        yield single(f"{way}: no peers are all", base(way, [rule(way, [], [port("TCP", 80)])]))
        for peer in kinds + more_peers(ip4, ip6):
            yield single(f"{way}: {peer}", base(way, [rule(way, [peer], [port("TCP", 80)])]))
        for pair in itertools.combinations(kinds, 2):
            yield single(f"{way}: {pair}", base(way, [rule(way, list(pair), [port("TCP", 80)])]))
        yield single(f"{way}: all ports of a peer", base(way, [rule(way, [kinds[5]])]))
        yield single(f"{way}: one namespace by its default label", base(way, [rule(way, [{"namespaceSelector": labels(**{LABEL: "z"})}])]))


def ports():
    found = [port(protocol, number) for protocol in (None, "TCP", "UDP", "SCTP") for number in (None, 80, 81)]
    found += [port(p, f"serve-{n}-{p.lower()}") for p in ("TCP", "UDP", "SCTP") for n in (80, 81)]
    found += [port(p, 53, last) for p in ("TCP", "UDP", "SCTP") for last in (80, 84)]
    found += [port("TCP", "serve-81-udp"), port("TCP", "serve-7981-tcp"), port("TCP", 7981), port("UDP", 1, 65535), port("TCP", 80, 80)]
    pairs = [[{}, port(number=80)], [{}, port(number="serve-80-tcp")], [{}, port("UDP")], [port(number=80), port(number=81)],
             [port(number=80), port(number="serve-81-tcp")], [port(number=80), port("UDP", "serve-81-udp")],
             [port("UDP", 80), port("UDP", "serve-81-udp")], [port("SCTP", 1, 80), port("SCTP", 80, 90), port("TCP", 79, 80)]]
    for way in WAYS:
        for these in [[], *([p] for p in found), *pairs]:
            yield single(f"{way}: ports {these}", base(way, [rule(way, BASE[way]["from" if way == "Ingress" else "to"], these)]))
            if these and len(these[0]) == 2:
                yield single(f"{way}: ports {these} of anybody", spec(way, [rule(way, ports=these)], {}))


def conflicts():
    by_pod, by_ip = [{"namespaceSelector": {}}], [block("0.0.0.0/0"), block("::/0")]
    no_pod, no_ip = [{"namespaceSelector": labels(never="seen")}], [block("0.0.0.0/31"), block("::/127")]
    source, to = ("x", labels(pod="b")), ("y", labels(pod="c"))

    def case(title, *policies):
        return title, [[("policy", target[0], f"p{n}", spec(way, rules, target[1])) for n, (way, target, rules) in enumerate(policies)]]

    yield case("may not send, may receive", ("Egress", source, DENY), ("Ingress", to, ALLOW))
    yield case("may send, may not receive", ("Egress", source, ALLOW), ("Ingress", to, DENY))
    for way, target in (("Egress", source), ("Ingress", to)):
        def of(*lists, way=way):
            return [rule(way, list(peers)) for peers in lists]
        yield case(f"{way}: none, all", (way, target, DENY), (way, target, ALLOW))
        yield case(f"{way}: none, all pods", (way, target, DENY), (way, target, of(by_pod)))
        yield case(f"{way}: none, all addresses", (way, target, DENY), (way, target, of(by_ip)))
        yield case(f"{way}: addresses of nobody, all pods", (way, target, of(no_ip)), (way, target, of(by_pod)))
        yield case(f"{way}: pods of nobody, all addresses", (way, target, of(no_pod)), (way, target, of(by_ip)))
        yield case(f"{way}: addresses of nobody", (way, target, of(no_ip)))
        yield case(f"{way}: pods of nobody", (way, target, of(no_pod)))
        yield case(f"{way}: a range, and a smaller one left out of it", (way, target, of([block("10.244.0.0/24", "10.244.0.0/29")])),
                   (way, target, of([block("10.244.0.4/30")])))
        yield case(f"{way}: a port here, another there", (way, target, [rule(way, by_pod, [port("TCP", 80)])]),
                   (way, target, [rule(way, [{"podSelector": {}}], [port("UDP", 81)])]))


def actions():
    b = ("policy", "x", "base", base())
    with_new = base("Ingress", [rule("Ingress", [{"namespaceSelector": labels(new="yes")}], [port("TCP", 80)])])
    yield "a policy comes and goes", [[b], [("no_policy", "x", "base")]]
    yield "a policy changes", [[b], [("policy", "x", "base", base("Ingress", [rule("Ingress", ports=[port("UDP", "serve-81-udp")])]))],
                               [("policy", "x", "base", spec("Ingress", DENY))], [("policy", "x", "base", spec("Egress", DENY, {}))]]
    yield "a namespace comes and goes", [
        [b], [("namespace", "y-2", {"ns": "y"}), ("pod", "y-2", "a", {"pod": "a"}), ("pod", "y-2", "b", {"pod": "b"})],
        [("policy", "y-2", "own", spec("Ingress", [rule("Ingress", [{"namespaceSelector": labels(ns="y")}])], {}))],
        [("no_pod", "y-2", "a"), ("no_pod", "y-2", "b"), ("no_namespace", "y-2")]]
    yield "a namespace's labels change", [[("policy", "x", "base", with_new)], [("label_namespace", "y", {"ns": "y", "new": "yes"})],
                                          [("label_namespace", "y", {"ns": "y"})], [("label_namespace", "y", {})]]
    yield "a pod comes and goes", [[b], [("pod", "x", "d", {"pod": "b"})], [("no_pod", "x", "d")]]
    yield "addresses come to other pods", [
        [("policy", "y", "only-b", spec("Ingress", [rule("Ingress", [{"podSelector": labels(pod="b"), "namespaceSelector": {}}])], {}))],
        *([("pod", "x", "d", {"pod": "b"}), ("no_pod", "x", "d"), ("pod", "z", "e", {"pod": "e"}), ("again", "z", "a"), ("no_pod", "z", "e")]
          for _ in range(3))]
    yield "a pod's labels change", [
        [("policy", "x", "base", base("Ingress", [rule("Ingress", [{"podSelector": labels(new="yes"), "namespaceSelector": expr("ns", "In", "y", "z")}])]))],
        [("label_pod", "y", "b", {"pod": "b", "new": "yes"})], [("label_pod", "y", "b", {"pod": "b"})], [("label_pod", "x", "a", {"pod": "b"})],
        [("label_pod", "x", "b", {"pod": "a"})], [("label_pod", "x", "a", {})]]
    yield "a pod whose labels nobody says", [
        [("policy", "x", "base", spec("Ingress", [rule("Ingress", [{"podSelector": {}}])]))], [("pod", "x", "f", None)],
        [("policy", "y", "from-x", spec("Ingress", [rule("Ingress", [{"podSelector": expr("pod", "NotIn", "z"), "namespaceSelector": labels(ns="x")}])], {}))],
        [("policy", "x", "all", spec("Ingress", [rule("Ingress", [{"namespaceSelector": labels(ns="y")}], [port("TCP", 80)])], {}))],
        [("label_pod", "x", "f", {"pod": "f"})], [("no_pod", "x", "f")]]


def upstream():
    def from_(*peers, ports=None):
        return rule("Ingress", list(peers), ports)
    a, y = labels(pod="a"), {"namespaceSelector": labels(ns="y")}
    dns = rule("Egress", ports=[port("UDP", 53), port("TCP", 53)])
    yield single("no ingress by default", spec("Ingress", DENY, {}))
    yield single("nothing by default but DNS", {"podSelector": {}, "policyTypes": list(WAYS), "ingress": [], "egress": [dns]})
    yield single("several selectors", spec("Ingress", [from_({"namespaceSelector": expr("ns", "NotIn", "x"), "podSelector": expr("pod", "In", "b", "c")})], a))
    yield "one policy upon another", [[("policy", "x", "81", spec("Ingress", [from_(y, ports=[port("TCP", 81)])], a))],
                                      [("policy", "x", "80", spec("Ingress", [from_(y, ports=[port("TCP", 80)])], a))], [("no_policy", "x", "81")]]
    yield single("all may come", spec("Ingress", ALLOW, {}))
    yield "a named port", [[("policy", "x", "named", spec("Ingress", [rule("Ingress", ports=[port(number="serve-81-tcp")])], {}))],
                           [("namespace", "w", {"ns": "w"}), ("pod", "w", "a", {"pod": "a"})], [("no_pod", "w", "a")], [("no_namespace", "w")]]
    yield "all, then nobody", [[("policy", "x", "p", spec("Ingress", ALLOW, {}))], [("policy", "x", "p", spec("Ingress", DENY, {}))]]
    yield "from a namespace that changes", [[("policy", "x", "p", spec("Ingress", [from_({"namespaceSelector": labels(ns2="new")})]))],
                                            [("label_namespace", "y", {"ns": "y", "ns2": "new"})]]
    yield "from a pod that changes", [[("policy", "x", "p", spec("Ingress", [from_({"podSelector": labels(pod="b", pod2="new")})]))],
                                      [("label_pod", "x", "b", {"pod": "b", "pod2": "new"})]]
    yield "to a pod that changes", [[("policy", "x", "p", spec("Ingress", DENY, labels(target="isolated")))],
                                    [("label_pod", "x", "a", {"target": "isolated"})]]
    yield single("both ways together", {"podSelector": a, "policyTypes": list(WAYS), "ingress": [from_({"podSelector": labels(pod="b")})],
                                        "egress": [rule("Egress", ports=[port(number=80), port("UDP", 53)])]})
    xa = {"namespaceSelector": labels(ns="x"), "podSelector": a}
    yield "the sender's side says no", [[
        ("policy", "x", "to-ya", spec("Egress", [rule("Egress", [{"namespaceSelector": labels(ns="y"), "podSelector": a}]), rule("Egress", ports=[port("UDP", 53)])])),
        ("policy", "y", "a", spec("Ingress", [from_(xa)])), ("policy", "y", "b", spec("Ingress", [from_(xa)], labels(pod="b")))]]
    yield "gone, and forgotten", [[("policy", "x", "p", {"podSelector": {}, "policyTypes": list(WAYS), "ingress": [], "egress": []})],
                                  [("no_policy", "x", "p")]]


def cases(ip4, ip6):
    """All; ip4, ip6: the addresses of a pod."""
    return {"targets": list(targets()), "rules": list(rules()), "peers": list(peers(ip4, ip6)), "ports": list(ports()),
            "conflicts": list(conflicts()), "actions": list(actions()), "upstream": list(upstream())}


# ---- drawn --------------------------------------------------------------------------------------------------

class Drawn:
    """Policies and changes out of a random source."""

    def __init__(self, random, ips):
        self.random, self.ips, self.serial = random, ips, 0  # ips: of everybody

    def selector(self, key, values):
        r = self.random
        kind = r.randrange(7)
        if kind < 2:
            return {}
        if kind < 4:
            return labels(**{key: r.choice(values)})
        if kind == 4:
            return expr(r.choice((key, "tier")), r.choice(("Exists", "DoesNotExist")))
        return expr(key, r.choice(("In", "NotIn")), *r.sample(values, r.randint(1, 2)))

    def pods(self):
        return self.random.choice((self.selector("pod", "abc"), self.selector("tier", ["one", "two"])))

    def range(self, ip=None, least=0):
        ip = ip or self.random.choice(self.ips)
        bits = self.random.choice((0, 1, 2, 3, 5, 8, 128 if ":" in ip else 32))
        return around(ip, max(least, min(bits, 128 if ":" in ip else 32)))

    def peer(self):
        kind = self.random.randrange(6)
        if kind == 0:
            return {"podSelector": self.pods()}
        if kind == 1:
            return {"namespaceSelector": self.selector("ns", "xyz")}
        if kind < 4:
            return {"namespaceSelector": self.selector("ns", "xyz"), "podSelector": self.pods()}
        whole = self.range(least=1)
        inner = [around(ip, self.random.choice((0, 1, 2))) for ip in self.ips]
        inner = [i for i in inner if i.version == whole.version and i.subnet_of(whole) and i != whole]
        return block(whole, *self.random.sample(inner, min(len(inner), self.random.randrange(4))))

    def port(self):
        r, protocol = self.random, self.random.choice((None, "TCP", "UDP", "SCTP"))
        number = r.choice((None, 80, 81, 80, 81, 79, f"serve-{r.choice((80, 81))}-{r.choice(('tcp', 'udp', 'sctp'))}"))
        last = number + r.randrange(3) if isinstance(number, int) and r.random() < 0.3 else None
        return port(protocol, number, last)

    def rule(self, way):
        r = self.random
        return rule(way, r.choice((None, [self.peer() for _ in range(r.randint(0, 3))])), r.choice((None, [self.port() for _ in range(r.randint(0, 3))])))

    def spec(self):
        r = self.random
        found = {"podSelector": self.pods(), "policyTypes": r.choice((["Ingress"], ["Egress"], list(WAYS), None))}
        for way in WAYS:
            if r.random() < 0.7:
                found[way.lower()] = [self.rule(way) for _ in range(r.randint(0, 3))]
        return {k: v for k, v in found.items() if v is not None}

    def change(self, world, most=12, pods=True):
        """One change of the world as it is."""
        r, there = self.random, sorted(world.policies)
        kind = r.random()
        if kind < 0.5 or not there:
            if len(there) >= most or there and r.random() < 0.3:
                return ("policy", *r.choice(there), self.spec())
            self.serial += 1
            return ("policy", r.choice(sorted(world.namespaces)), f"p{self.serial}", self.spec())
        if kind < 0.65:
            return ("no_policy", *r.choice(there))
        if kind < 0.85 or not pods:
            namespace, name = r.choice(sorted(world.pods)).split("/")
            if r.random() < 0.7 or not pods:
                return ("label_pod", namespace, name, r.choice(({}, {"pod": r.choice("abc")}, {"pod": r.choice("abc"), "tier": r.choice(("one", "two"))})))
            return ("again", namespace, name)
        return ("label_namespace", r.choice(sorted(world.namespaces)), r.choice(({}, {"ns": r.choice("xyz")}, {"ns": r.choice("xyz"), "tier": "one"})))
