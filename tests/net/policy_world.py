"""A node with pods a, b, c in the namespaces x, y, z, a machine outside, and everybody's questions to everybody; what the
world is made of is kept beside the API, so that the oracle judges what was written and not what the daemon says."""

import contextlib
import itertools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import policy_oracle  # noqa: E402
from daemon import Knetd  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Pod  # noqa: E402
from policy_probe import PORTS, Cell, Prober  # noqa: E402

POLICIES = "/apis/networking.k8s.io/v1"
PROTOCOLS = ("TCP", "UDP", "SCTP")
QUESTIONS = [(protocol, port) for protocol in PROTOCOLS for port in PORTS] + [("ICMP", None)]
NAMED = {(protocol, f"serve-{port}-{protocol.lower()}"): port for protocol in PROTOCOLS for port in PORTS}
# few addresses: those of pods that went come back soon, to others
RANGES = {"pod_cidr": "10.244.0.0/28,fd00:10:244::/124", "service_cidr": "10.96.0.0/16,fd00:10:96::/112"}


def manifest(namespace, name, labels):
    ports = [{"name": n, "containerPort": number, "protocol": protocol} for (protocol, n), number in NAMED.items()]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"containers": [{"name": "c", "image": "none", "ports": ports}]}}


class World:
    """Names of ends: "x/a" a pod, "node", "out"."""

    def __init__(self, spaces="xyz", names="abc", ini="", services=True):
        self.stack = contextlib.ExitStack()
        self.knetd = Knetd(ini="masquerade_except = 192.0.2.0/24, 2001:db8:2::/64\n[ingress]\nhttp = 0\n" + ini, **RANGES)
        self.stack.callback(self.knetd.close)
        self.namespaces, self.policies, self.pods, self.ends = {}, {}, {}, {}
        self.services = {} if services else None  # pod -> family -> address
        self.checked = self.checks = 0
        self.unsent = None
        try:
            self.out = self.stack.enter_context(Outside(self.knetd, 2))
            self.out.routes_to(*RANGES["pod_cidr"].split(","))
            self.knetd.exec("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0",  # many pings to and fro
                            "net.netfilter.nf_conntrack_sctp_timeout_cookie_wait=60", check=True)  # 3 is short for a slow machine
            self.knetd.start()
            self.prober = Prober("node")
            self.stack.callback(self.prober.close)
            self.add_end("node", self.knetd.netns, policy_oracle.End(None, node=True), {4: self.out.node4, 6: self.out.node6})
            self.add_end("out", self.out.netns, policy_oracle.End(None), {4: self.out.ip4, 6: self.out.ip6})
            for namespace in spaces:
                self.namespace(namespace, {"ns": namespace})
                for name in names:
                    self.pod(namespace, name, {"pod": name})
            self.usual = set(self.pods)
        except BaseException:
            self.close()
            raise

    def close(self):
        for key in list(self.pods):
            self.pods.pop(key).remove()
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def add_end(self, name, netns, end, ips):
        self.prober.add(name, netns, ips)
        self.ends[name] = {family: policy_oracle.End(ip, end.namespace, end.labels, end.ports, end.node)
                           for family, ip in ips.items()}

    # ---- objects ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def written_later(self):
        """What is changed inside is so here alone; the function it gives sends it."""
        self.unsent = calls = []
        try:
            yield lambda: [self.api(*args, **kw) for args, kw in calls]
        finally:
            self.unsent = None

    def api(self, method, path, body=None, **kw):
        if self.unsent is not None:
            self.unsent.append(((method, path, body), kw))
            return None
        status, answer = self.knetd.api(method, path, body, **kw)
        assert status in (200, 201, 202), (method, path, answer)
        return answer

    def merge(self, path, **metadata):
        return self.api("PATCH", path, {"metadata": metadata}, ctype="application/merge-patch+json")

    def namespace(self, name, labels):
        self.api("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.namespaces[name] = {**labels, "kubernetes.io/metadata.name": name}

    def no_namespace(self, name):
        self.api("DELETE", f"/api/v1/namespaces/{name}")
        del self.namespaces[name]
        self.policies = {k: v for k, v in self.policies.items() if k[0] != name}

    def label_namespace(self, name, labels):
        new = {**labels, "kubernetes.io/metadata.name": name}
        self.merge(f"/api/v1/namespaces/{name}", labels={**dict.fromkeys(self.namespaces[name]), **new})
        self.namespaces[name] = new

    def pod(self, namespace, name, labels):
        """Posted, then attached; labels None: attached alone, nobody says its labels."""
        key = f"{namespace}/{name}"
        if labels is not None:
            self.api("POST", f"/api/v1/namespaces/{namespace}/pods", manifest(namespace, name, labels))
        self.pods[key] = pod = Pod(self.knetd, name, namespace)
        self.add_end(key, pod.netns, policy_oracle.End(None, namespace, labels, NAMED if labels is not None else {}),
                     {4: pod.ip4, 6: pod.ip6})
        if self.services is not None:
            self.services[key] = self.service(namespace, name, pod)

    def service(self, namespace, name, pod):
        """One that has this pod behind it, whatever its labels are."""
        ports = [{"name": f"{p.lower()}{n}", "protocol": p, "port": n} for p in PROTOCOLS for n in PORTS]
        made = self.api("POST", f"/api/v1/namespaces/{namespace}/services", {
            "metadata": {"name": name}, "spec": {"ports": ports, "ipFamilyPolicy": "RequireDualStack"}})
        for family, ip in ((4, pod.ip4), (6, pod.ip6)):
            self.api("POST", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", {
                "metadata": {"name": f"{name}-{family}", "labels": {"kubernetes.io/service-name": name}},
                "addressType": f"IPv{family}", "ports": ports, "endpoints": [{"addresses": [ip], "nodeName": "node"}]})
        return {6 if ":" in ip else 4: ip for ip in made["spec"]["clusterIPs"]}

    def no_pod(self, namespace, name):
        key = f"{namespace}/{name}"
        self.prober.remove(key)
        del self.ends[key]
        if self.services is not None:
            del self.services[key]
            self.api("DELETE", f"/api/v1/namespaces/{namespace}/services/{name}")
            for family in (4, 6):
                self.knetd.api("DELETE", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices/{name}-{family}")
        self.pods.pop(key).remove()
        self.knetd.api("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}?gracePeriodSeconds=0")

    def label_pod(self, namespace, name, labels):
        key = f"{namespace}/{name}"
        had = self.ends[key][4].labels or {}
        self.merge(f"/api/v1/namespaces/{namespace}/pods/{name}", labels={**dict.fromkeys(had), **labels})
        for end in self.ends[key].values():
            end.labels = labels

    def policy(self, namespace, name, spec):
        """Made, or changed when it is there."""
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": name, "namespace": namespace}, "spec": spec}
        path = f"{POLICIES}/namespaces/{namespace}/networkpolicies"
        if (namespace, name) in self.policies:
            self.api("PUT", f"{path}/{name}", body)
        else:
            self.api("POST", path, body)
        self.policies[namespace, name] = body

    def no_policy(self, namespace, name):
        self.api("DELETE", f"{POLICIES}/namespaces/{namespace}/networkpolicies/{name}")
        del self.policies[namespace, name]

    def again(self, namespace, name):
        """The pod goes, and one of the same name and labels comes, with another address."""
        labels = self.ends[f"{namespace}/{name}"][4].labels
        self.no_pod(namespace, name)
        self.pod(namespace, name, labels)

    def clear(self):
        """All policies away, whatever came after the first pods too, the usual labels back."""
        for key in list(self.policies):
            self.no_policy(*key)
        for key in self.pods.keys() - self.usual:
            self.no_pod(*key.split("/"))
        for name in self.namespaces.keys() - {key.split("/")[0] for key in self.usual}:
            self.no_namespace(name)
        for name, labels in list(self.namespaces.items()):
            if labels != {"ns": name, "kubernetes.io/metadata.name": name}:
                self.label_namespace(name, {"ns": name})
        for key in self.pods:
            namespace, name = key.split("/")
            if self.ends[key][4].labels != {"pod": name}:
                self.label_pod(namespace, name, {"pod": name})

    # ---- questions --------------------------------------------------------------------------------------

    def cells(self, via=None, ends=None):
        """All pairs of which one is a pod; by the pods' Services when asked for."""
        for source, to in itertools.product(ends or self.ends, repeat=2):
            if source not in self.pods and to not in self.pods or via and (source == "out" or to not in self.pods):
                continue
            for family, (protocol, port) in itertools.product((4, 6), QUESTIONS):
                if not via or protocol != "ICMP":
                    yield Cell(source, to, family, protocol, port, via)

    def passes(self, cell):
        return policy_oracle.allows(self.policies.values(), self.namespaces, self.ends[cell.source][cell.family],
                                    self.ends[cell.to][cell.family], cell.protocol, cell.port)

    def address(self, cell):
        return self.services[cell.to][cell.family] if cell.via else self.ends[cell.to][cell.family].ip

    def look(self, cells):
        """Asks and compares; what is not as the oracle says, in lines."""
        expected = {cell: self.passes(cell) for cell in cells}
        self.checked += len(expected)
        self.checks += 1
        return self.prober.look(expected, self.address)

    def check(self, why="", cells=None):
        """Everybody asks everybody, or these cells alone."""
        wrong = self.look(cells or self.cells())
        if wrong:
            raise AssertionError(f"{why}: {len(wrong)} wrong\n" + "\n".join(wrong[:30]) + "\n" + self.told())

    def told(self):
        """The policies that hold, for whoever reads of a failure."""
        return "\n".join(f"{ns}/{name}: {p['spec']}" for (ns, name), p in self.policies.items())
