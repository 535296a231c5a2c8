"""The trace beside reality: for each pair of ends, what knetctl says and what a real connection meets."""

import contextlib
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd  # noqa: E402
from pods import HostPod  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

OUTSIDE = "192.0.2.2"

# What an ordinary program meets: it resolves the name and takes the first address, as the trace does.
CONNECT = r"""
import errno, socket, sys
host, port, proto = sys.argv[1], int(sys.argv[2]), sys.argv[3]
kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
try:
    found = socket.getaddrinfo(host, port, type=kind)
except socket.gaierror:
    sys.exit(print("no name"))
family, _, _, _, address = sorted(found, key=lambda a: a[0] != socket.AF_INET)[0]
s = socket.socket(family, kind)
s.settimeout(2)
try:
    s.connect(address)
    if proto == "udp":
        s.send(b"who")
        s.recv(100)
    else:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(100)
    print("connected")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("timeout")
except PermissionError:
    print("forbidden")
except OSError as e:
    print("unreachable" if e.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH) else e)
"""

# On the node and outside: answers with the address that it sees.
PEER = r"""
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    c, peer = s.accept()
    c.recv(1000)
    c.sendall(peer[0].encode())
    c.close()
"""


class Lab:
    """A node with an uplink to a host outside, three pods, and Services of every sort."""

    def __init__(self, daemon):
        self.daemon, self.pods, self.processes = daemon, {}, []
        self.outside = f"{daemon.netns}-out"

    def ip(self, *argv):
        subprocess.run(["ip", *argv], check=True, timeout=10)

    def uplink(self):
        self.ip("netns", "add", self.outside)
        self.ip("-n", self.daemon.netns, "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns",
                self.outside)
        self.ip("-n", self.daemon.netns, "addr", "add", "192.0.2.1/24", "dev", "up0")
        self.ip("-n", self.daemon.netns, "link", "set", "up0", "up")
        self.ip("-n", self.daemon.netns, "route", "add", "198.51.100.0/24", "via", "192.0.2.2")
        self.ip("-n", self.outside, "addr", "add", "192.0.2.2/24", "dev", "eth0")
        self.ip("-n", self.outside, "link", "set", "eth0", "up")
        self.ip("-n", self.outside, "link", "set", "lo", "up")
        self.ip("-n", self.outside, "route", "add", "default", "via", "192.0.2.1")
        self.serve(self.daemon.netns, "192.0.2.1", 9000)
        self.serve(self.outside, "192.0.2.2", 9000)

    def serve(self, netns, address, port):
        p = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", PEER, address, str(port)],
                             stdout=subprocess.PIPE, text=True)
        self.processes.append(p)
        assert p.stdout.readline() == "ready\n"

    def pod(self, name, labels, ports=()):
        pod = self.pods[name] = HostPod(self.daemon, name, *ports, labels=labels)
        directory = f"/etc/netns/{pod.netns}"
        os.makedirs(directory)
        with open(f"{directory}/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local\n"
                    "options ndots:5 timeout:2 attempts:1\n")
        return pod

    def service(self, name, labels=None, **spec):
        status, answer = self.daemon.api("POST", SERVICES, {"metadata": {"name": name, "labels": labels or {}}, "spec": spec})
        assert status == 201, answer
        return answer["spec"].get("clusterIPs")

    def balancer(self, name, address, endpoints, mode="VIP", **spec):
        """A Service with a load balancer's address and endpoints by hand."""
        ports = [{"name": n, "port": p, "targetPort": t} for n, p, t in (("", 80, 8080), ("who", 90, 9100))]
        ports[0]["name"] = "web"
        ips = self.service(name, type="LoadBalancer", ports=ports, **spec)
        status, answer = self.daemon.api("PATCH", f"{SERVICES}/{name}/status", {"status": {"loadBalancer": {"ingress": [
            {"ip": address, "ipMode": mode}]}}}, "application/merge-patch+json")
        assert status == 200, answer
        self.slice(name, *endpoints, ports=[{"name": "web", "port": 8080}, {"name": "who", "port": 9100}])
        return ips[0]

    def slice(self, service, *endpoints, ports=({"name": "", "port": 8080},)):
        status, answer = self.daemon.api("POST", SLICES, {
            "metadata": {"name": f"{service}-hand", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "ports": list(ports), "endpoints": list(endpoints)})
        assert status == 201, answer

    def fronts(self):
        """Services of every kind that outside clients know."""
        one = self.pods["one"].ip4
        self.serve(self.pods["one"].netns, one, 9100)
        here, there = {"addresses": [one], "nodeName": "node"}, {"addresses": [one], "nodeName": "elsewhere"}
        leaving = {**here, "conditions": {"ready": False, "serving": True, "terminating": True}}
        self.service("ported", type="NodePort", selector={"app": "web"},
                     ports=[{"port": 80, "targetPort": 8080, "nodePort": 30080}])
        at = self.fronts_at = {}
        at["LB"] = self.balancer("lb", "198.51.100.10", [here])
        at["PROXY"] = self.balancer("proxied", "203.0.113.11", [here], mode="Proxy")
        at["LOST"] = self.balancer("lost", "203.0.113.12", [here])
        at["LOCAL"] = self.balancer("local", "198.51.100.12", [here], externalTrafficPolicy="Local")
        at["FAR"] = self.balancer("far", "198.51.100.13", [there], externalTrafficPolicy="Local",
                                  internalTrafficPolicy="Local")
        at["GUARDED"] = self.balancer("guarded", "198.51.100.14", [here], loadBalancerSourceRanges=["192.0.2.0/24"])
        at["CLOSED"] = self.balancer("closed", "198.51.100.15", [here], loadBalancerSourceRanges=["203.0.113.0/24"])
        at["NONE"] = self.balancer("none-here", "198.51.100.16", [])
        at["LEAVING"] = self.balancer("leaving", "198.51.100.17", [leaving], sessionAffinity="ClientIP")
        at["EXTERNAL"] = self.balancer("external", "198.51.100.18", [here], externalIPs=["198.51.100.20"])
        at["HINTED"] = self.balancer("hinted", "198.51.100.19", [
            {**here, "hints": {"forNodes": [{"name": "node"}]}},
            {"addresses": ["10.244.0.250"], "nodeName": "elsewhere", "hints": {"forNodes": [{"name": "elsewhere"}]}}])
        at["OTHER"] = self.service("other", {"service.kubernetes.io/service-proxy-name": "mine"}, selector={"app": "web"},
                                   ports=[{"port": 80, "targetPort": 8080}])[0]

    def trace(self, source, to, code=None):
        r = subprocess.run([os.path.join(ROOT, "build", "knetctl"), "trace", source, "->", to, "-o", "json"],
                           env=dict(os.environ, KNETD_SOCKET=self.daemon.socket), capture_output=True, text=True,
                           timeout=20, check=False)
        assert code is None or r.returncode == code, r.stdout + r.stderr
        answer = json.loads(r.stdout) if r.returncode < 2 else {"result": r.stderr, "steps": []}
        assert r.returncode == 2 or answer["reaches"] == (r.returncode == 0)
        return answer

    def real(self, source, to):
        rest, _, proto = to.partition("/")
        host, _, port = rest.rpartition(":")
        argv = [sys.executable, "-c", CONNECT, host.strip("[]"), port, proto or "tcp"]
        r = self.run(source, *argv)
        assert r.returncode == 0, r.stderr
        return r.stdout.strip()

    def run(self, source, *argv):
        if source == OUTSIDE:
            return subprocess.run(["ip", "netns", "exec", self.outside, *argv], capture_output=True, text=True, timeout=15,
                                  check=False)
        return self.daemon.exec(*argv) if source == "node" else self.pods[source].run(*argv)

    def close(self):
        for p in self.processes:
            p.kill()
            p.wait()
        for pod in self.pods.values():
            subprocess.run(["rm", "-rf", f"/etc/netns/{pod.netns}"], check=False)
            pod.remove()
        subprocess.run(["ip", "netns", "del", self.outside], check=False)


@pytest.fixture(scope="module")
def lab():
    with Knetd(ini="[dns]\nupstreams =\n[service]\nexternal_ips = yes\nnode_port_localhost = yes") as daemon:
        lab = Lab(daemon)
        try:
            lab.uplink()
            for name, app in (("one", "web"), ("two", "web"), ("self", "self"), ("client", "client")):
                lab.pod(name, {"app": app}).serve(8080)
            web = [{"name": "http", "port": 80, "targetPort": 8080},
                   {"name": "ask", "port": 80, "targetPort": 8080, "protocol": "UDP"}]
            lab.web = lab.service("web", selector={"app": "web"}, ports=web, ipFamilyPolicy="RequireDualStack")
            lab.service("self", selector={"app": "self"}, ports=[{"port": 80, "targetPort": 8080}])
            lab.service("empty", selector={"app": "nobody"}, ports=[{"port": 80}])
            lab.service("sick", ports=[{"port": 80}])
            lab.slice("sick", {"addresses": [lab.pods["one"].ip4], "conditions": {"ready": False}})
            lab.service("peers", clusterIP="None", selector={"app": "self"}, ports=[{"port": 8080}])
            lab.service("nobody", clusterIP="None", selector={"app": "nobody"}, ports=[{"port": 8080}])
            lab.ported = lab.pod("ported", {"app": "ported"}, ports=((8090, 8080, "tcp", ""), (8091, 8080, "udp", "192.0.2.1"),
                                                                     (8092, 8080, "tcp", "127.0.0.1")))
            lab.ported.serve(8080)
            lab.fronts()
            lab.service("alias", type="ExternalName", externalName="web.default.svc.cluster.local")
            yield lab
        finally:
            lab.close()


# What the words of a result mean for a program.
MEANS = {"REJECT": "refused", "DROP": "timeout", "no such name": "no name", "no route": "unreachable",
         "no pod has": "unreachable", "REJECT: the program is told": "forbidden"}


@pytest.mark.parametrize("source,to,wanted", [
    ("client", "web:80", "connected"),
    ("client", "web.default:80", "connected"),
    ("client", "web.default.svc.cluster.local.:80", "connected"),
    ("client", "web:80/udp", "connected"),
    ("client", "web:81", "refused"),
    ("client", "self:80/udp", "refused"),
    ("client", "empty:80", "refused"),
    ("client", "empty:80/udp", "refused"),
    ("client", "sick:80", "refused"),
    ("client", "none:80", "no name"),
    ("client", "web.other:80", "no name"),
    ("client", "nobody:8080", "no name"),
    ("client", "peers:8080", "connected"),
    ("client", "alias:80", "connected"),
    ("self", "self:80", "connected"),
    ("self", "peers:8080", "connected"),
    ("client", "10.96.200.200:80", "timeout"),
    ("client", "10.96.0.10:54", "timeout"),
    ("client", "10.96.0.10:53", "connected"),
    ("client", "WEB4:80", "connected"),
    ("client", "WEB6:80", "connected"),
    ("client", "WEB6:80/udp", "connected"),
    ("client", "ONE4:8080", "connected"),
    ("client", "ONE6:8080", "connected"),
    ("client", "CLIENT4:8080", "connected"),
    ("client", "192.0.2.1:9000", "connected"),
    ("client", "192.0.2.2:9000", "connected"),
    ("client", "203.0.113.7:80", "unreachable"),
    ("node", "WEB4:80", "connected"),
    ("node", "WEB6:80", "connected"),
    ("node", "WEB4:81", "refused"),
    ("node", "ONE4:8080", "connected"),
    ("node", "10.96.200.200:80", "timeout"),
    ("client", "192.0.2.1:8090", "connected"),
    ("client", "169.254.1.1:8090", "connected"),
    ("ported", "192.0.2.1:8090", "connected"),
    ("node", "192.0.2.1:8090", "connected"),
    ("node", "127.0.0.1:8090", "connected"),
    ("node", "[::1]:8090", "connected"),
    ("client", "192.0.2.1:8091/udp", "connected"),
    ("node", "127.0.0.1:8092", "connected"),
    ("client", "10.244.0.200:80", "unreachable"),
    ("node", "10.244.0.200:80", "unreachable"),
    (OUTSIDE, "10.244.0.200:80", "unreachable"),
    (OUTSIDE, "WEB4:80", "connected"),
    (OUTSIDE, "WEB4:81", "refused"),
    (OUTSIDE, "192.0.2.1:30080", "connected"),
    ("client", "192.0.2.1:30080", "connected"),
    ("one", "192.0.2.1:30080", "connected"),
    ("node", "192.0.2.1:30080", "connected"),
    ("node", "127.0.0.1:30080", "connected"),
    *[(source, "198.51.100.10:80", "connected") for source in (OUTSIDE, "client", "one", "node")],
    *[(source, "203.0.113.11:80", "unreachable") for source in (OUTSIDE, "client", "node")],
    ("client", "203.0.113.12:80", "connected"),
    ("node", "203.0.113.12:80", "unreachable"),
    *[(source, "198.51.100.12:80", "connected") for source in (OUTSIDE, "client", "node")],
    (OUTSIDE, "198.51.100.13:80", "timeout"),
    ("client", "198.51.100.13:80", "connected"),
    ("node", "198.51.100.13:80", "connected"),
    ("client", "FAR:80", "timeout"),
    ("node", "FAR:80", "timeout"),
    ("client", "LOCAL:80", "connected"),
    (OUTSIDE, "198.51.100.14:80", "connected"),
    ("client", "198.51.100.14:80", "timeout"),
    ("node", "198.51.100.14:80", "connected"),
    ("node", "198.51.100.15:80", "timeout"),
    ("client", "GUARDED:80", "connected"),
    (OUTSIDE, "198.51.100.15:80", "timeout"),
    (OUTSIDE, "198.51.100.16:80", "refused"),
    ("client", "198.51.100.16:80", "refused"),
    ("node", "198.51.100.16:80", "refused"),
    ("node", "NONE:80", "refused"),
    ("client", "198.51.100.17:80", "connected"),
    ("client", "LEAVING:80", "connected"),
    (OUTSIDE, "198.51.100.20:80", "connected"),
    ("client", "198.51.100.20:80", "connected"),
    ("client", "HINTED:80", "connected"),
    ("client", "OTHER:80", "timeout"),
    ("node", "OTHER:80", "timeout"),
])
def test_says_what_happens(lab, source, to, wanted):
    for name, address in (*lab.fronts_at.items(), ("WEB4", lab.web[0]), ("WEB6", f"[{lab.web[1]}]"), ("ONE4", lab.pods["one"].ip4),
                          ("ONE6", f"[{lab.pods['one'].ip6}]"), ("CLIENT4", lab.pods["client"].ip4)):
        to = to.replace(name, address)
    answer = lab.trace(source, to)
    said = "connected" if answer["reaches"] else max((k, m) for k, m in MEANS.items() if answer["result"].startswith(k))[1]
    assert (said, lab.real(source, to)) == (wanted, wanted), json.dumps(answer, indent=1)


@pytest.mark.parametrize("source,to,wanted", [
    ("client", "192.0.2.1:8090", "10.244"), ("client", "192.0.2.1:8091", None), ("client", "192.0.2.1:8092", None),
    ("node", "127.0.0.1:8092", "10.244"), ("node", "127.0.0.1:8091/udp", None), ("192.0.2.2", "192.0.2.1:8090", "10.244"),
    ("ported", "127.0.0.1:8090", None), ("client", "10.96.0.10:8090", None)])
def test_host_ports_are_followed(lab, source, to, wanted):
    """To the pod where one is, and nowhere else; what a connection meets is tested above and in test_hostport.py."""
    said = [s["text"] for s in lab.trace(source, to)["steps"] if s["step"] == "hostport"]
    assert bool(said) == bool(wanted) and all(lab.ported.ip4 in text for text in said)


def words(answer):
    return "\n".join(f"{s['step']}: {s['text']} {s['detail']}" for s in answer["steps"])


@pytest.mark.parametrize("source", [OUTSIDE, "client", "one", "node"])
@pytest.mark.parametrize("to", ["LB", "LOCAL", "198.51.100.10", "198.51.100.12", "198.51.100.20"])
def test_the_source_behind_services(lab, source, to):
    """The trace says masquerade or hairpin where the endpoint does not see the sender's own address."""
    to = lab.fronts_at.get(to, to)
    own = lab.pods[source].ip4 if source in lab.pods else OUTSIDE if source == OUTSIDE else "the node has several"
    seen = lab.run(source, "curl", "-sS", "--http0.9", "-m", "5", f"http://{to}:90/").stdout
    said = "masquerade" in words(lab.trace(source, to + ":90", code=0))
    assert seen and (seen != own) == said, (seen, own)


def test_what_is_told_of_a_choice(lab):
    def told(source, to):
        return words(lab.trace(source, to))
    assert "binds who comes from outside" in told("client", "198.51.100.12:80")
    assert "endpoints of this node alone" in told(OUTSIDE, "198.51.100.12:80")
    assert "last resort" in told("client", "198.51.100.17:80") and "within the last 10800 s" in told("client", "198.51.100.17:80")
    assert "hints" in told("client", lab.fronts_at["HINTED"] + ":80")
    assert "loadBalancerSourceRanges" in told(OUTSIDE, "198.51.100.15:80")
    assert "leaves it to another proxy" in told("client", lab.fronts_at["OTHER"] + ":80")
    assert "not one that the node serves" in told("client", "203.0.113.11:80")
    assert "a node port of Service default/ported" in told(OUTSIDE, "192.0.2.1:30080")


def test_the_names_are_those_that_dns_answers(lab):
    said = words(lab.trace("client", "peers:8080", code=0))
    dig = lab.pods["client"].run("dig", "+short", "@10.96.0.10", "peers.default.svc.cluster.local").stdout.split()
    assert dig == [lab.pods["self"].ip4] and f"A {dig[0]}" in said
    said = words(lab.trace("client", "web.other:80", code=1))
    for name in ("web.other.default.svc.cluster.local", "web.other.svc.cluster.local", "web.other.cluster.local"):
        dig = lab.pods["client"].run("dig", "@10.96.0.10", name).stdout
        assert "status: NXDOMAIN" in dig and f"dns: {name} does not exist" in said


def test_the_source_that_is_seen(lab):
    """Masquerade is told where it happens: outside sees the node, the node sees the pod."""
    ask = ["curl", "-sS", "--http0.9", "-m", "5"]
    assert "masquerade" in words(lab.trace("client", "192.0.2.2:9000", code=0))
    assert lab.pods["client"].run(*ask, "http://192.0.2.2:9000/").stdout == "192.0.2.1"
    assert "masquerade" not in words(lab.trace("client", "192.0.2.1:9000", code=0))
    assert lab.pods["client"].run(*ask, "http://192.0.2.1:9000/").stdout == lab.pods["client"].ip4
    assert "hairpin" in words(lab.trace("self", "self:80", code=0))


POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
CLUSTER = "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies"
SELF = {"podSelector": {"matchLabels": {"app": "self"}}}


@contextlib.contextmanager
def policies(lab, *made):
    """Policies for as long as the block: (path, name, spec)."""
    try:
        for path, name, spec in made:
            status, answer = lab.daemon.api("POST", path, {"metadata": {"name": name}, "spec": spec})
            assert status == 201, answer
        yield
    finally:
        for path, name, _ in made:
            lab.daemon.api("DELETE", f"{path}/{name}")


def test_a_policy_that_denies_is_named_and_in_force(lab):
    with policies(lab, (POLICIES, "shut", SELF)):
        said = words(lab.trace("client", "self:80", code=1))
        assert "ingress: isolated by shut in namespace default, and none allows it" in said
        assert lab.real("client", "self:80") == "timeout"
        assert "a node always reaches its own pods" in words(lab.trace("node", lab.pods["self"].ip4 + ":8080", code=0))
    assert lab.real("client", "self:80") == "connected"


def test_a_policy_that_allows_is_named(lab):
    allow = {**SELF, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": 8080}]}]}
    with policies(lab, (POLICIES, "shut", SELF), (POLICIES, "client-only", allow)):
        assert "ingress: allowed by client-only, of 2 NetworkPolicies" in words(lab.trace("client", "self:80", code=0))
        assert lab.real("client", "self:80") == "connected"


def test_a_pod_that_may_not_ask_the_dns(lab):
    """What most policies forget, and what a name that does not resolve looks like then."""
    shut = {"podSelector": {"matchLabels": {"app": "client"}}, "policyTypes": ["Egress"]}
    dns = {**shut, "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                                       "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], "ports": [{"port": 53, "protocol": "UDP"}]}]}
    ask = ["dig", "+short", "+tries=1", "+time=1", "@10.96.0.10", "self.default.svc.cluster.local"]
    with policies(lab, (POLICIES, "shut", shut)):
        assert "egress to the cluster DNS: isolated by shut" in words(lab.trace("client", "self:80", code=1))
        assert lab.pods["client"].run(*ask, check=False).returncode != 0
        with policies(lab, (POLICIES, "dns", dns)):
            said = words(lab.trace("client", "self:80", code=1))
            assert "egress to the cluster DNS: allowed by dns" in said and "egress: isolated by" in said
            assert lab.pods["client"].run(*ask).stdout.strip().startswith("10.96.")


def test_a_cluster_policy_is_named(lab):
    everybody = {"namespaces": {}}
    deny = {"tier": "Admin", "priority": 3, "subject": everybody, "ingress": [
        {"name": "no 8080", "action": "Deny", "from": [everybody], "protocols": [{"tcp": {"destinationPort": {"number": 8080}}}]}]}
    with policies(lab, (CLUSTER, "no-8080", deny)):
        said = words(lab.trace("client", "self:80", code=1))
        assert "ingress: rule 1 (no 8080) of ClusterNetworkPolicy no-8080 (Admin, priority 3) denies it" in said
        assert lab.real("client", "self:80") == "timeout"


def test_a_pod_that_went_away(lab):
    pod = lab.pod("gone", {"app": "gone"})
    lab.trace("gone", "web:80", code=0)
    pod.cni("DEL")
    assert lab.trace("gone", "web:80")["result"].startswith(("the pod cannot send", "Error from server (NotFound)"))


def test_calls_that_mean_nothing(lab):
    assert "not found" in lab.trace("nopod", "web:80", code=2)["result"]
    assert "no port" in lab.trace("client", "web:x", code=2)["result"]
    r = subprocess.run([os.path.join(ROOT, "build", "knetctl"), "trace", "client", "-s", lab.daemon.socket],
                       capture_output=True, text=True, timeout=20, check=False)
    assert r.returncode == 2 and "two ends are expected" in r.stderr


def test_lines_for_people(lab):
    r = subprocess.run([os.path.join(ROOT, "build", "knetctl"), "trace", "client", "web:81", "-s", lab.daemon.socket],
                       capture_output=True, text=True, timeout=20, check=False)
    lines = r.stdout.splitlines()
    assert r.returncode == 1 and lines[0].startswith("+ source") and lines[-1].startswith("= stops")
    assert [line for line in lines if line.startswith("x ")] == [lines[-2]]
