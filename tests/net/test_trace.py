"""The trace beside reality: for each pair of ends, what knetctl says and what a real connection meets."""

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
        self.ip("-n", self.outside, "addr", "add", "192.0.2.2/24", "dev", "eth0")
        self.ip("-n", self.outside, "link", "set", "eth0", "up")
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

    def service(self, name, **spec):
        status, answer = self.daemon.api("POST", SERVICES, {"metadata": {"name": name}, "spec": spec})
        assert status == 201, answer
        return answer["spec"].get("clusterIPs")

    def slice(self, service, *endpoints):
        status, answer = self.daemon.api("POST", SLICES, {
            "metadata": {"name": f"{service}-hand", "labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4", "ports": [{"name": "", "port": 8080}], "endpoints": list(endpoints)})
        assert status == 201, answer

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
        r = self.daemon.exec(*argv) if source == "node" else self.pods[source].run(*argv)
        assert r.returncode == 0, r.stderr
        return r.stdout.strip()

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
    with Knetd(ini="[dns]\nupstreams =") as daemon:
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
            lab.service("alias", type="ExternalName", externalName="web.default.svc.cluster.local")
            yield lab
        finally:
            lab.close()


# What the words of a result mean for a program.
MEANS = {"REJECT": "refused", "DROP": "timeout", "no such name": "no name", "no route": "unreachable"}


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
    ("client", "198.51.100.7:80", "unreachable"),
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
])
def test_says_what_happens(lab, source, to, wanted):
    for name, address in (("WEB4", lab.web[0]), ("WEB6", f"[{lab.web[1]}]"), ("ONE4", lab.pods["one"].ip4),
                          ("ONE6", f"[{lab.pods['one'].ip6}]"), ("CLIENT4", lab.pods["client"].ip4)):
        to = to.replace(name, address)
    answer = lab.trace(source, to)
    said = "connected" if answer["reaches"] else next((m for k, m in MEANS.items() if answer["result"].startswith(k)),
                                                      answer["result"])
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


def test_an_address_that_no_pod_has(lab):
    answer = lab.trace("client", "10.244.0.200:80", code=1)
    assert "no pod has that address" in answer["result"]
    assert lab.real("client", "10.244.0.200:80") in ("timeout", "unreachable")


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


def test_policies_are_told_and_not_in_force(lab):
    policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    lab.daemon.api("POST", policies, {"metadata": {"name": "shut"}, "spec": {"podSelector": {"matchLabels": {"app": "self"}}}})
    try:
        said = words(lab.trace("client", "self:80", code=0))
        assert "would deny this; this version does not enforce NetworkPolicy" in said and "shut does not allow" in said
        assert lab.real("client", "self:80") == "connected"
    finally:
        lab.daemon.api("DELETE", policies + "/shut")


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
