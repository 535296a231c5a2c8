"""Host ports: real packets of both families from the node, localhost, other pods, the pod itself and outside;
who may hold a port, what a restart and a foreign flush leave, and that nothing stale keeps a port."""

import ipaddress
import json
import os
import signal
import socket
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
import pods as lab  # noqa: E402
from pods import CniError, eventually  # noqa: E402

TABLE = ("nft", "-j", "list", "table", "inet", "knetd_podnet")

# Answers "name peer" to every connection and every datagram.
SERVER = r"""
import socket, sys, threading
name, port = sys.argv[1], int(sys.argv[2])
def udp():
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind(("::", port))
    while True:
        _, peer = u.recvfrom(2048)
        u.sendto(f"{name} {peer[0]}".encode(), peer)
threading.Thread(target=udp, daemon=True).start()
s = socket.create_server(("::", port), family=socket.AF_INET6, backlog=64, dualstack_ipv6=True)
print("ready", flush=True)
held = []
while True:
    c, peer = s.accept()
    c.sendall(f"{name} {peer[0]}".encode())
    held.append(c)
"""

# Asks once, from a source port of its own when one is given; prints the answer or the error's name.
ASK = r"""
import socket, sys
proto, host, port, source = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family, kind, _, _, to = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)[0]
s = socket.socket(family, kind)
s.settimeout(float(sys.argv[5]))
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    if source:
        s.bind(("", source))
    s.connect(to)
    if proto == "udp":
        s.send(b"who")
    print(s.recv(200).decode())
except OSError as e:
    print(type(e).__name__)
"""


def ask(netns, host, port, proto="tcp", source=0, timeout=5):
    """(name, peer) of who answered; the error's name and None."""
    argv = ["ip", "netns", "exec", netns, sys.executable, "-c", ASK, proto, host, str(port), str(source), str(timeout)]
    out = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout.split()
    if len(out) == 1:
        return out[0], None
    peer = ipaddress.ip_address(out[1].split("%")[0])
    return out[0], str(getattr(peer, "ipv4_mapped", None) or peer)


def elements(knetd):
    """Set or map name -> number of elements."""
    listed = json.loads(knetd.exec(*TABLE).stdout)["nftables"]
    found = {}
    for entry in listed:
        for kind in ("set", "map"):
            if kind in entry and entry[kind]["name"].startswith("ports"):
                found[entry[kind]["name"]] = len(entry[kind].get("elem", []))
    return {name: n for name, n in found.items() if n}


class HostPod(lab.HostPod):
    """One that answers with what it sees."""

    def listen(self, port):
        p = subprocess.Popen(["ip", "netns", "exec", self.netns, sys.executable, "-c", SERVER, self.name, str(port)],
                             stdout=subprocess.PIPE, text=True)
        self.processes.append(p)
        assert p.stdout.readline() == "ready\n"
        return self


def uplink(knetd):
    """A machine beside the node, with routes to it and to nothing else."""
    name = knetd.netns + "-out"
    for argv in (["netns", "add", name], ["-n", knetd.netns, "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", name],
                 ["-n", knetd.netns, "addr", "add", "192.0.2.1/24", "dev", "up0"],
                 ["-n", knetd.netns, "addr", "add", "192.0.2.3/24", "dev", "up0"],
                 ["-n", knetd.netns, "addr", "add", "2001:db8::1/64", "dev", "up0", "nodad"],
                 ["-n", knetd.netns, "addr", "add", "2001:db8::3/64", "dev", "up0", "nodad"],
                 ["-n", knetd.netns, "link", "set", "up0", "up"],
                 ["-n", name, "addr", "add", "192.0.2.2/24", "dev", "eth0"],
                 ["-n", name, "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad"],
                 ["-n", name, "link", "set", "lo", "up"], ["-n", name, "link", "set", "eth0", "up"]):
        subprocess.run(["ip", *argv], check=True, timeout=10)
    return name


@pytest.fixture(scope="module")
def knetd():
    with Knetd() as daemon:
        daemon.outside = uplink(daemon)
        try:
            yield daemon
        finally:
            subprocess.run(["ip", "netns", "del", daemon.outside], check=False)


@pytest.fixture
def pods(knetd):
    made, before = [], elements(knetd)

    def make(name, *ports, **kw):
        made.append(HostPod(knetd, name, *ports, **kw))
        return made[-1]

    yield make
    for pod in made:
        pod.remove()
    eventually(lambda: elements(knetd) == before)


# ---- who reaches it, and who it sees ----------------------------------------------------------------

@pytest.fixture(scope="module")
def web(knetd):
    pods = [HostPod(knetd, "web", (8080, 80, "tcp", ""), (8080, 80, "UDP", "")), HostPod(knetd, "other")]
    try:
        yield pods[0].listen(80), pods[1]
    finally:
        for pod in pods:
            pod.remove()


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("source,to,sees", [
    ("outside", "192.0.2.1", "192.0.2.2"), ("outside", "192.0.2.3", "192.0.2.2"),
    ("outside", "2001:db8::1", "2001:db8::2"), ("outside", "2001:db8::3", "2001:db8::2"),
    ("other", "192.0.2.1", "ip4"), ("other", "2001:db8::1", "ip6"), ("other", "169.254.1.1", "ip4"),
    ("node", "192.0.2.1", "node"), ("node", "2001:db8::1", "node"), ("node", "127.0.0.1", "node"),
    ("node", "127.1.2.3", "node"), ("node", "::1", "node"),
    ("web", "192.0.2.1", "node"), ("web", "2001:db8::1", "node"), ("web", "169.254.1.1", "node"),
])
def test_reached_from_everywhere(knetd, web, source, to, sees, proto):
    netns = {"outside": knetd.outside, "node": knetd.netns, "web": web[0].netns, "other": web[1].netns}[source]
    name, peer = ask(netns, to, 8080, proto)
    assert name == "web", (name, peer)
    if sees in ("ip4", "ip6"):
        assert peer == getattr(web[1], sees)
    elif sees == "node":
        listed = json.loads(knetd.exec("ip", "-j", "addr").stdout)
        assert peer in [a["local"] for link in listed for a in link["addr_info"]] and peer not in ("127.0.0.1", "::1")
    else:
        assert peer == sees


def test_the_table_lists_well(knetd, web):
    text = knetd.exec("nft", "list", "table", "inet", "knetd_podnet").stdout
    for words in ("fib daddr type local goto hostports4", "dnat ip to meta l4proto . th dport map @ports4",
                  "dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports_at6",
                  'iifname "knet*" ip daddr 127.0.0.0/8 drop', f"tcp . 8080 : {web[0].ip4} . 80"):
        assert words in text, text


def test_only_that_port_and_protocol(knetd, pods):
    pods("narrow", (7001, 90, "tcp", "")).listen(90)
    assert ask(knetd.outside, "192.0.2.1", 7001)[0] == "narrow"
    assert ask(knetd.outside, "192.0.2.1", 7001, "udp")[0] == "ConnectionRefusedError"
    assert ask(knetd.outside, "192.0.2.1", 90)[0] == "ConnectionRefusedError"


def test_the_services_ranges_are_not_the_nodes(knetd, pods):
    """A free address of the range stays silent, a Service without that port refuses: no host port answers."""
    pods("shadow", (81, 80, "tcp", "")).listen(80)
    status, answer = knetd.api("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "hp"}, "spec": {"ports": [{"port": 80}]}})
    assert status == 201, answer
    assert ask(knetd.netns, "192.0.2.1", 81)[0] == "shadow"
    assert ask(knetd.netns, answer["spec"]["clusterIP"], 81)[0] == "ConnectionRefusedError"
    assert ask(knetd.netns, "10.96.77.77", 81, timeout=1)[0] == "TimeoutError"


def test_pods_do_not_reach_the_nodes_loopback(knetd, pods):
    """CVE-2020-8558: route_localnet opens the link for packets to 127.0.0.0/8, the table shuts it."""
    pod = pods("intruder", (7002, 80, "tcp", ""))
    link = pod.result["interfaces"][0]["name"]
    assert knetd.exec("cat", f"/proc/sys/net/ipv4/conf/{link}/route_localnet").stdout == "1\n"
    server = subprocess.Popen([*knetd.enter, sys.executable, "-c", SERVER, "private", "7777"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "ready\n"
        assert ask(knetd.netns, "127.0.0.1", 7777)[0] == "private"
        pod.run("ip", "addr", "del", "127.0.0.1/8", "dev", "lo", check=True)
        pod.run("ip", "route", "add", "127.0.0.1", "via", "169.254.1.1", "dev", "eth0", "src", pod.ip4, check=True)
        pod.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1", check=True)
        assert ask(pod.netns, "127.0.0.1", 7777, timeout=1)[0] == "TimeoutError"
        assert ask(pod.netns, "127.0.0.1", 7777, "udp", timeout=1)[0] == "TimeoutError"
        knetd.exec("nft", "flush", "chain", "inet", "knetd_podnet", "way_back")
        assert eventually(lambda: "127.0.0.0/8 drop" in knetd.exec("nft", "list", "chain", "inet", "knetd_podnet", "way_back").stdout)
    finally:
        server.kill()
        server.wait()


def test_links_without_host_ports_stay_as_they_were(knetd, web):
    link = web[1].result["interfaces"][0]["name"]
    assert knetd.exec("cat", f"/proc/sys/net/ipv4/conf/{link}/route_localnet").stdout == "0\n"
    assert link not in knetd.exec("ip", "-6", "route", "show", "table", "local", "::1").stdout


# ---- addresses of the node ----------------------------------------------------------------------------

def test_a_port_at_each_address(knetd, pods):
    pods("one", (7003, 80, "tcp", "192.0.2.1"), (7003, 80, "tcp", "2001:db8::1")).listen(80)
    pods("three", (7003, 80, "tcp", "192.0.2.3"), (7003, 80, "tcp", "2001:db8::3")).listen(80)
    assert [ask(knetd.outside, to, 7003)[0] for to in ("192.0.2.1", "192.0.2.3", "2001:db8::1", "2001:db8::3")] == \
        ["one", "three", "one", "three"]
    assert ask(knetd.netns, "127.0.0.1", 7003)[0] == "ConnectionRefusedError"


def test_one_family_alone(knetd, pods):
    pods("four", (7004, 80, "tcp", "0.0.0.0")).listen(80)
    pods("six", (7004, 80, "tcp", "::")).listen(80)
    assert ask(knetd.outside, "192.0.2.1", 7004)[0] == "four"
    assert ask(knetd.outside, "2001:db8::1", 7004)[0] == "six"


def test_localhost_alone(knetd, pods):
    pods("local", (7005, 80, "tcp", "127.0.0.1"), (7005, 80, "tcp", "::1")).listen(80)
    assert ask(knetd.netns, "127.0.0.1", 7005)[0] == "local"
    assert ask(knetd.netns, "::1", 7005)[0] == "local"
    assert ask(knetd.netns, "192.0.2.1", 7005)[0] == "ConnectionRefusedError"
    assert ask(knetd.outside, "192.0.2.1", 7005)[0] == "ConnectionRefusedError"


def test_an_address_of_a_family_the_pod_has_not():
    with Knetd(pod_cidr="10.244.0.0/24") as knetd:
        with pytest.raises(CniError) as e:
            HostPod(knetd, "four", (7006, 80, "tcp", "::1"))
        assert e.value.code == 7 and "7006/TCP" in e.value.msg and "IPv6" in e.value.msg
        pod = HostPod(knetd, "four", (7006, 80, "tcp", ""))
        assert elements(knetd) == {"ports4": 1, "ports_self4": 1}
        pod.remove()


def crc32c(data):
    """RFC 9260, appendix A."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def sctp_packet(source, to, tag, chunk):
    """INIT (1) or INIT ACK (2, with a cookie), sealed: connection tracking looks at the sum."""
    cookie = b"" if chunk == 1 else struct.pack("!HHI", 7, 8, 1)
    body = struct.pack("!BBHIIHHI", chunk, 0, 20 + len(cookie), 0x1234, 65536, 1, 1, 1) + cookie
    head = struct.pack("!HHI", source, to, tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + body)) + body


def sctp_socket(netns, address):
    with inside(netns):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP)
    s.settimeout(10)
    return s


def received(s):
    """Ports and chunk of the next packet, and who sent it."""
    data, peer = s.recvfrom(2048)
    data = data if s.family == socket.AF_INET6 else data[(data[0] & 15) * 4:]
    return struct.unpack("!HH", data[:4]) + (data[12], peer[0])


@pytest.mark.parametrize("node,client", [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
def test_sctp(knetd, pods, node, client):
    """No SCTP sockets in every kernel: the packets of a handshake are written by hand."""
    pod = pods("sctp", (7007, 80, "SCTP", ""))
    assert f"sctp . 7007 : {pod.ip4} . 80" in knetd.exec("nft", "list", "map", "inet", "knetd_podnet", "ports4").stdout
    with sctp_socket(knetd.outside, node) as out, sctp_socket(pod.netns, node) as there:
        out.sendto(sctp_packet(4001, 7007, 0, 1), (node, 0))
        assert received(there) == (4001, 80, 1, client)
        there.sendto(sctp_packet(80, 4001, 0x1234, 2), (client, 0))
        assert received(out) == (7007, 4001, 2, node)


# ---- who holds a port ----------------------------------------------------------------------------------

@pytest.mark.parametrize("first,second", [("", ""), ("192.0.2.1", ""), ("", "192.0.2.1"), ("0.0.0.0", "192.0.2.1"),
                                          ("192.0.2.1", "192.0.2.1"), ("::", ""), ("2001:db8::1", "::")])
def test_a_held_port_is_refused_with_its_holder(knetd, pods, first, second):
    holder = pods("holder", (7010, 80, "tcp", first))
    before = elements(knetd), len(knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"])
    with pytest.raises(CniError) as e:
        HostPod(knetd, "late", (7009, 80, "tcp", ""), (7010, 8080, "tcp", second))
    assert e.value.code == 11 and "7010/TCP" in e.value.msg and "pod default/holder" in e.value.msg
    assert (elements(knetd), len(knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"])) == before
    eventually(lambda: any("7010/TCP" in ev["message"] and ev["involvedObject"]["name"] == "late"
                           for ev in knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"]))
    holder.cni("DEL")
    pods("late", (7009, 80, "tcp", ""), (7010, 8080, "tcp", second))


def test_twice_in_one_request(knetd):
    with pytest.raises(CniError) as e:
        HostPod(knetd, "twice", (7011, 80, "tcp", ""), (7011, 81, "tcp", "192.0.2.1"))
    assert e.value.code == 7 and "portMappings[1].hostPort" in e.value.msg
    assert "7011" not in knetd.exec(*TABLE).stdout


def test_the_same_number_of_both_protocols(knetd, pods):
    pods("t", (7012, 80, "tcp", "")).listen(80)
    pods("u", (7012, 80, "udp", "")).listen(80)
    assert ask(knetd.outside, "192.0.2.1", 7012)[0] == "t"
    assert ask(knetd.outside, "192.0.2.1", 7012, "udp")[0] == "u"


def test_podnetwork_shows_them(knetd, pods):
    pod = pods("shown", (7013, 80, "tcp", "192.0.2.1"), (7014, 81, "udp", ""), (0, 99, "tcp", ""))
    spec = next(o["spec"] for o in knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]
                if o["spec"]["containerID"] == pod.container)
    assert spec["hostPorts"] == [{"hostIP": "192.0.2.1", "hostPort": 7013, "containerPort": 80, "protocol": "TCP"},
                                 {"hostPort": 7014, "containerPort": 81, "protocol": "UDP"}]
    table = knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})[1]
    at = [c["name"] for c in table["columnDefinitions"]].index("HostPorts")
    assert "192.0.2.1:7013->80/TCP,7014->81/UDP" in [row["cells"][at] for row in table["rows"]]


# ---- what goes and what comes back ------------------------------------------------------------------------

def test_mended_after_a_flush_and_a_kill():
    with Knetd() as knetd:
        pod = HostPod(knetd, "mended", (7020, 80, "tcp", ""), (7021, 80, "udp", "127.0.0.1")).listen(80)
        gone = HostPod(knetd, "netless", (7022, 80, "tcp", ""))
        try:
            there = elements(knetd)
            assert ask(knetd.netns, "127.0.0.1", 7020)[0] == "mended"
            knetd.exec("nft", "flush", "ruleset")
            eventually(lambda: elements(knetd) == there)
            assert ask(knetd.netns, "127.0.0.1", 7020)[0] == "mended"
            knetd.stop(signal.SIGKILL)
            knetd.exec("nft", "flush", "ruleset")
            subprocess.run(["ip", "netns", "del", gone.netns], check=True)
            knetd.start()
            eventually(lambda: elements(knetd) == {name: n - (name in ("ports4", "ports6", "ports_self4", "ports_self6")) for name, n in there.items()})
            assert ask(knetd.netns, "127.0.0.1", 7020)[0] == "mended"
            with pytest.raises(CniError) as e:
                HostPod(knetd, "thief", (7020, 80, "tcp", ""))
            assert e.value.code == 11
            gone = HostPod(knetd, "heir", (7022, 80, "tcp", ""))
        finally:
            pod.remove()
            gone.remove()
        assert not elements(knetd)


def test_a_dead_holder_gives_way(knetd, pods):
    """Its namespace died and no DEL came: the pod is forgotten, and its port is free."""
    dead = pods("dead", (7023, 80, "tcp", ""))
    subprocess.run(["ip", "netns", "del", dead.netns], check=True)
    eventually(lambda: all(o["spec"]["containerID"] != dead.container
                           for o in knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]))
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/dead")[0] == 404
    assert "7023" not in knetd.exec(*TABLE).stdout
    pods("heir", (7023, 80, "tcp", ""))


def test_gc_takes_them_away(knetd, pods):
    lost = pods("lost", (7024, 80, "tcp", ""))
    keep = pods("keep", (7025, 80, "tcp", ""))
    valid = [{"containerID": o["spec"]["containerID"], "ifname": "eth0"}
             for o in knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"] if o["spec"]["containerID"] != lost.container]
    keep.cni("GC", **{"cniVersion": "1.1.0", "cni.dev/valid-attachments": valid})
    listed = knetd.exec(*TABLE).stdout
    assert "7025" in listed and "7024" not in listed


def test_add_mends_a_table_that_has_just_gone(knetd, pods):
    """An ADD that comes before the repair does not fail for it."""
    knetd.process.send_signal(signal.SIGSTOP)
    knetd.exec("nft", "delete", "table", "inet", "knetd_podnet")
    knetd.process.send_signal(signal.SIGCONT)
    pods("quick", (7026, 80, "tcp", "")).listen(80)
    assert ask(knetd.outside, "192.0.2.1", 7026)[0] == "quick"


# ---- what connection tracking remembers ------------------------------------------------------------------

def tracked(knetd, *words):
    listed = knetd.exec("conntrack", "-L", "-f", "ipv4").stdout + knetd.exec("conntrack", "-L", "-f", "ipv6").stdout
    return [line for line in listed.splitlines() if all(word in line for word in words)]


@pytest.mark.parametrize("to", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("at", ["", "the address"])
def test_a_udp_client_follows_the_port(knetd, pods, to, at):
    """One source port all the time: first nobody has the port, then a pod, then another, then nobody again."""
    at = at and to
    assert ask(knetd.outside, to, 7030, "udp", source=5353)[0] == "ConnectionRefusedError"
    one = pods("udp-one", (7030, 80, "udp", at)).listen(80)
    assert ask(knetd.outside, to, 7030, "udp", source=5353)[0] == "udp-one"
    one.cni("DEL")
    pods("udp-two", (7030, 80, "udp", at)).listen(80).processes[0].poll()
    assert ask(knetd.outside, to, 7030, "udp", source=5353)[0] == "udp-two"
    assert ask(knetd.netns, to, 7030, "udp", source=5353)[0] == "udp-two"


def test_purging_spares_other_flows(knetd, pods):
    """The same port number elsewhere, and other ports here, are nobody's business."""
    far = subprocess.Popen(["ip", "netns", "exec", knetd.outside, sys.executable, "-c", SERVER, "far", "7031"], stdout=subprocess.PIPE, text=True)
    client = pods("udp-client")
    try:
        assert far.stdout.readline() == "ready\n"
        assert ask(client.netns, "192.0.2.2", 7031, "udp", source=6000)[0] == "far"
        assert tracked(knetd, "dport=7031", "sport=6000")
        pods("udp-spares", (7031, 80, "udp", ""))
        assert tracked(knetd, "dport=7031", "sport=6000", client.ip4)
    finally:
        far.kill()
        far.wait()


HOLD = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print(s.recv(200).decode(), flush=True)
sys.stdin.readline()
s.settimeout(5)
try:
    s.sendall(b"still there?")
    print(repr(s.recv(10)))
except OSError as e:
    print(type(e).__name__)
"""


def test_nothing_of_a_pod_is_tracked_when_its_address_is_free(knetd, pods):
    """Established TCP through a host port too: its client is told by a reset from the node."""
    pod, peer = pods("old", (7032, 80, "tcp", "")).listen(80), pods("peer")
    peer.listen(80)
    with subprocess.Popen(["ip", "netns", "exec", knetd.outside, sys.executable, "-c", HOLD, "192.0.2.1", "7032"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline().startswith("old")
        for ip in (peer.ip4, peer.ip6):
            assert ask(pod.netns, ip, 80)[0] == "peer"
            assert ask(pod.netns, ip, 80, "udp")[0] == "peer"
        for ip in (pod.ip4, pod.ip6):
            assert ask(peer.netns, ip, 80)[0] == "old"
            assert tracked(knetd, f"={ip} ")
        pod.cni("DEL")
        eventually(lambda: not tracked(knetd, f"={pod.ip4} ") and not tracked(knetd, f"={pod.ip6} "))
        client.stdin.write("\n")
        client.stdin.flush()
        assert client.stdout.readline().strip() == "ConnectionResetError"
    assert tracked(knetd, f"={peer.ip4} ") is not None


def test_an_address_given_in_a_hurry_is_clean():
    """Two addresses for pods in turn: an ADD that cannot wait for the child makes them clean itself."""
    with Knetd(pod_cidr="10.9.0.0/30") as knetd:
        other = HostPod(knetd, "other").listen(80)
        try:
            for i in range(3):
                pod = HostPod(knetd, f"turn{i}", (7033, 80, "udp", "")).listen(80)
                assert not tracked(knetd, f"={pod.ip4} ")
                assert ask(other.netns, pod.ip4, 80, "udp", source=6001)[0] == f"turn{i}"
                assert ask(knetd.netns, "127.0.0.1", 7033, "udp", source=6002)[0] == f"turn{i}"
                pod.remove()
        finally:
            other.remove()
        assert "could not" not in knetd.logged(), knetd.logged()
