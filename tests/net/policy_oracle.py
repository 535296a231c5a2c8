"""What networking.k8s.io/v1 NetworkPolicy says of one connection, as simply as it can be said: the oracle of the truth
table (test_policy_truth.py). It knows nothing of classes, sets or tables, is never optimised and must stay readable in
one go; test_policy_oracle.py holds it against cases judged by hand.

Beside the API's own words it knows what knetd promises: a pod reaches itself, a node its pods and they their node, and a
pod whose labels nobody has said yet is held to the strictest that its namespace says."""

import dataclasses
import ipaddress


@dataclasses.dataclass
class End:
    """Who sends, or who is sent to."""

    ip: str
    namespace: str = None  # None: not a pod
    labels: dict = None  # of a pod; None: not known yet
    ports: dict = dataclasses.field(default_factory=dict)  # (protocol, name) -> number
    node: bool = False


def selects(selector, labels):
    """The empty selector takes everybody; of labels that are not known nothing else is true."""
    wanted, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    if not wanted and not expressions:
        return True
    if labels is None or any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all({"In": labels.get(e["key"]) in e.get("values", []), "NotIn": labels.get(e["key"]) not in e.get("values", []),
                "Exists": e["key"] in labels, "DoesNotExist": e["key"] not in labels}[e["operator"]] for e in expressions)


def within(ip, cidr):
    ip, cidr = ipaddress.ip_address(ip), ipaddress.ip_network(cidr)
    return ip.version == cidr.version and ip in cidr


def peer_takes(peer, home, end, namespaces):
    """Is the end one of those an entry of from or to speaks of? home: the policy's namespace."""
    block = peer.get("ipBlock")
    if block:
        return within(end.ip, block["cidr"]) and not any(within(end.ip, e) for e in block.get("except") or [])
    if end.namespace is None:
        return False
    if peer.get("namespaceSelector") is None:
        if end.namespace != home:
            return False
    elif not selects(peer["namespaceSelector"], namespaces[end.namespace]):
        return False
    return selects(peer.get("podSelector") or {}, end.labels)


def port_takes(entry, to, protocol, port):
    if entry.get("protocol", "TCP") != protocol:
        return False
    number = entry.get("port")
    if number is None:
        return True
    if isinstance(number, str):
        return to.ports.get((protocol, number)) == port
    return number <= port <= entry.get("endPort", number)


def rule_takes(rule, peers, home, other, to, protocol, port, namespaces):
    """peers: "from" or "to". What a rule does not say it does not restrict."""
    return ((not rule.get(peers) or any(peer_takes(p, home, other, namespaces) for p in rule[peers])) and
            (not rule.get("ports") or any(port_takes(p, to, protocol, port) for p in rule["ports"])))


def types(spec):
    """Who says no types means ingress, and egress if he says anything of it."""
    return spec.get("policyTypes") or ["Ingress"] + (["Egress"] if spec.get("egress") else [])


def way_open(way, end, other, to, protocol, port, policies, namespaces):
    """May the end receive from the other (way Ingress), send to it (Egress)?"""
    if end.namespace is None:
        return True
    there = [p for p in policies if p["metadata"]["namespace"] == end.namespace and way in types(p["spec"])]
    mine = [p for p in there if selects(p["spec"].get("podSelector") or {}, end.labels)]
    if not (there if end.labels is None else mine):
        return True  # not isolated
    peers = "from" if way == "Ingress" else "to"
    return any(rule_takes(rule, peers, end.namespace, other, to, protocol, port, namespaces)
               for p in mine for rule in p["spec"].get(way.lower()) or [])


def allows(policies, namespaces, source, to, protocol, port=None):
    """Does the first packet pass? namespaces: name -> labels. protocol: TCP, UDP, SCTP, or ICMP, which has no ports."""
    if source.node or to.node or source.ip == to.ip:
        return True
    return (way_open("Egress", source, to, to, protocol, port, policies, namespaces) and
            way_open("Ingress", to, source, to, protocol, port, policies, namespaces))
