"""Flow tables: established connections of pods pass no chain, and still end when they have to. Pod to pod, by a
Service, and between pods and machines outside, in both families; the packets are counted where the chains are."""

import re
import subprocess

import pytest
from daemon import BINARY, Knetd
from outside import Outside
from pods import Pod, eventually

# Each line on standard input is a byte there and back on one connection, or by datagrams of one port.
TALK = """
import socket, sys
kind, ip = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, getattr(socket, kind)); s.settimeout(3)
s.connect((ip, 7070)); print("there", flush=True)
for line in sys.stdin:
    try:
        s.send(b"x"); print(s.recv(9).decode(), flush=True)
    except OSError as e:
        print(e, flush=True)
"""
# Says its name to every byte.
ECHO = """
import socket, sys, threading
name = sys.argv[1].encode()
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", 7070))
def datagrams():
    while True: u.sendto(name, u.recvfrom(9)[1])
threading.Thread(target=datagrams, daemon=True).start()
s = socket.create_server(("::", 7070), family=socket.AF_INET6, dualstack_ipv6=True); print("ready", flush=True)
def serve(c):
    while c.recv(1): c.sendall(name)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""
# Behind everybody's chains: what comes this far has taken the long way.
COUNT = """table inet long_way {
    chain forward { type filter hook forward priority 400; meta l4proto { tcp, udp } th dport 7070 counter; }
}"""
TABLE = ("inet", "knetd_podnet_flows")
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


def offered():
    table = subprocess.run([BINARY, "-k"], capture_output=True, text=True, check=False).stdout
    return any(line.startswith("ok") and "flow tables" in line for line in table.splitlines())


pytestmark = pytest.mark.skipif(not offered(), reason="this kernel has no flow tables: the test machine's has")


def start(netns, code, *argv):
    p = subprocess.Popen(["ip", "netns", "exec", netns, "/usr/bin/python3", "-c", code, *argv],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline()
    return p


class Talk:
    """One connection that stands, from a namespace to an address."""

    def __init__(self, netns, ip, kind="SOCK_STREAM"):
        self.process = start(netns, TALK, kind, ip)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def turn(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def turns(self, n):
        return {self.turn() for _ in range(n)}


class World:
    def __init__(self, k, out):
        self.k, self.out = k, out
        self.pods = {name: Pod(k, name, labels={"app": name}) for name in ("web", "client")}
        self.web, self.client = self.pods["web"], self.pods["client"]
        self.echoes = [start(self.web.netns, ECHO, "web"), start(out.netns, ECHO, "out")]

    def close(self):
        for p in self.echoes:
            p.kill()
        for pod in self.pods.values():
            pod.remove()

    def nft(self, *words):
        p = self.k.exec("nft", *words)
        assert p.returncode == 0, p.stderr
        return p.stdout

    def long_way(self):
        return int(re.search(r"counter packets (\d+)", self.nft("list", "table", "inet", "long_way"))[1])

    def offloaded(self, proto="tcp", family="ipv4"):
        """conntrack's lines of connections that are in the flow table."""
        lines = self.k.exec("conntrack", "-L", "-p", proto, "-f", family).stdout.splitlines()
        return [line for line in lines if "OFFLOAD" in line]

    def takes_the_short_way(self, talk, who, proto="tcp", family="ipv4"):
        """It does after some packets, and then no more than a few ever come by the chains."""
        def is_short():
            before = self.long_way()
            assert talk.turns(4) == {who}
            return self.offloaded(proto, family) and self.long_way() == before
        assert eventually(is_short)

    def links(self):
        """What the kernel says is in the table; nothing: there is none."""
        p = self.k.exec("nft", "list", "flowtables", TABLE[0])
        found = re.search(r"devices = \{([^}]*)\}", p.stdout)
        return set(re.findall(r"[\w.-]+", found[1])) if found else None


@pytest.fixture(scope="module")
def world():
    with Knetd("flow_tables = yes") as k, Outside(k) as out:
        out.routes_to("10.244.0.0/24", "fd00:10:244::/64")
        k.exec("ip", "route", "add", "default", "via", out.ip4, check=True)
        w = World(k, out)
        k.exec("nft", COUNT, check=True)
        yield w
        w.close()


def link_of(pod):
    return pod.result["interfaces"][0]["name"]


@pytest.mark.parametrize("kind,proto", [("SOCK_STREAM", "tcp"), ("SOCK_DGRAM", "udp")])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_short_way(world, kind, proto, family):
    """From pod to pod, from a pod to outside, from outside to a pod."""
    def address(of):
        return of.ip4 if family == "ipv4" else of.ip6
    for netns, to, who in ((world.client.netns, world.web, "web"), (world.client.netns, world.out, "out"),
                           (world.out.netns, world.web, "web")):
        with Talk(netns, address(to), kind) as talk:
            world.takes_the_short_way(talk, who, proto, family)


def test_masqueraded_on_the_way_out(world):
    """The outside still sees the node's address, and the answers find back."""
    with Talk(world.client.netns, world.out.ip4) as talk:
        world.takes_the_short_way(talk, "out")
        assert any(f"dst={world.out.node4}" in line for line in world.offloaded())


def test_what_is_in_it(world):
    late = Pod(world.k, "late")
    link = link_of(late)
    assert {link, world.out.link, link_of(world.web)} <= world.links()
    late.remove()
    eventually(lambda: link not in world.links())
    world.nft("delete", "table", *TABLE)
    eventually(lambda: world.links() and world.out.link in world.links())


def policy(world, name, spec):
    status, answer = world.k.api("POST", POLICIES, {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                                                    "metadata": {"name": name}, "spec": spec})
    assert status == 201, answer


@pytest.mark.parametrize("who,selected,kind", [("web", "web", "Ingress"), ("out", "client", "Egress"),
                                               ("web", "client", "Egress")])
def test_a_policy_cuts_it(world, who, selected, kind):
    """What was allowed when it began and is no more; and another connection to the same place when it is allowed again."""
    ip = world.web.ip4 if who == "web" else world.out.ip4
    with Talk(world.client.netns, ip) as talk:
        world.takes_the_short_way(talk, who)
        policy(world, "shut", {"podSelector": {"matchLabels": {"app": selected}}, "policyTypes": [kind]})
        assert "timed out" in talk.turn()
        assert world.k.api("GET", "/readyz")[0] == 200, world.k.logged()
    assert world.k.api("DELETE", f"{POLICIES}/shut")[0] == 200
    with Talk(world.client.netns, ip) as talk:
        world.takes_the_short_way(talk, who)


def test_a_policy_leaves_the_others(world):
    """They are given back to the chains, which let them through, and come into the table again."""
    with Talk(world.client.netns, world.web.ip4) as cut, Talk(world.client.netns, world.out.ip4) as other:
        world.takes_the_short_way(cut, "web")
        world.takes_the_short_way(other, "out")
        policy(world, "shut", {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]})
        try:
            assert other.turns(4) == {"out"}
            assert "timed out" in cut.turn()
            world.takes_the_short_way(other, "out")
        finally:
            assert world.k.api("DELETE", f"{POLICIES}/shut")[0] == 200


def service(world, name, ip, proto):
    status, answer = world.k.api("POST", "/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"clusterIP": ip, "selector": {"app": name}, "ports": [{"port": 7070, "protocol": proto}]}})
    assert status == 201, answer


def test_a_service_leads_there(world):
    service(world, "web", "10.96.7.7", "TCP")
    with Talk(world.client.netns, "10.96.7.7") as talk:
        world.takes_the_short_way(talk, "web")
        assert any("10.96.7.7" in line for line in world.offloaded())


def test_an_endpoint_that_goes_takes_its_datagrams_along(world):
    """One client, one port: his next datagram finds the endpoint that is left."""
    pods = [Pod(world.k, name, labels={"app": "echo"}) for name in ("one", "two")]
    echoes = [start(pod.netns, ECHO, pod.name) for pod in pods]
    try:
        service(world, "echo", "10.96.7.8", "UDP")
        with Talk(world.client.netns, "10.96.7.8", "SOCK_DGRAM") as talk:
            first = talk.turn()
            world.takes_the_short_way(talk, first, "udp")
            gone, left = sorted(pods, key=lambda pod: pod.name != first)
            gone.remove()
            assert eventually(lambda: talk.turn() == left.name)
            world.takes_the_short_way(talk, left.name, "udp")
    finally:
        for p in echoes:
            p.kill()
        for pod in pods:
            pod.remove()


def restart(world, said):
    """With another configuration; connections and pods stay."""
    with open(world.k.ini, encoding="utf-8") as f:
        text = f.read()
    with open(world.k.ini, "w", encoding="utf-8") as f:
        f.write(re.sub("flow_tables = .*", f"flow_tables = {said}", text))
    world.k.stop()
    world.k.start()


def test_switched_off_and_on(world):
    """Off takes them back to the chains at once, and none is lost; on, they go the short way again."""
    with Talk(world.client.netns, world.out.ip4) as talk:
        world.takes_the_short_way(talk, "out")
        restart(world, "no")
        assert world.links() is None
        eventually(lambda: not world.offloaded())
        before = world.long_way()
        assert talk.turns(4) == {"out"}
        assert world.long_way() >= before + 4
        restart(world, "yes")
        world.takes_the_short_way(talk, "out")
