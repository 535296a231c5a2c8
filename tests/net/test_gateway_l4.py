"""TCPRoute, UDPRoute and TLSRoute: bytes and datagrams to pods and back, and what is said of routes that are wrong."""

import base64
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

GW = "/apis/gateway.networking.k8s.io/v1"

# TCP: tells its name (and the PROXY header it got), sends back what comes, and at the end how much that was.
# UDP: its name and the datagram.
BACKEND = r"""
import socket, sys, threading
name, proxy = sys.argv[1].encode(), sys.argv[2] == "proxy"

def serve(c):
    with c:
        total, head = 0, b""
        if proxy:
            head = c.recv(4096, socket.MSG_PEEK)
            n = head.index(b"\r\n") + 2 if head.startswith(b"PROXY") else 16 + int.from_bytes(head[14:16], "big")
            head = b" " + c.recv(n).hex().encode()
        c.sendall(name + head + b"\n")
        while (got := c.recv(65536)):
            total += len(got)
            c.sendall(got)
        c.sendall(b"end %d\n" % total)

def udp():
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind(("::", 8080))
    while True:
        data, peer = u.recvfrom(65536)
        u.sendto(name + b" " + data, peer)

threading.Thread(target=udp, daemon=True).start()
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 8080))
s.listen(256)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


class Site:
    """A node, its pods, and objects put one over the other."""

    def __init__(self, node):
        self.node, self.pods = node, []

    def put(self, path, body):
        name = body["metadata"]["name"]
        status, said = self.node.api("POST", path, body)
        if status == 409:
            old = self.node.api("GET", f"{path}/{name}")[1]
            body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            status, said = self.node.api("PUT", f"{path}/{name}", body)
        assert status in (200, 201), said

    def pod(self, name, app, serve=True, mode="plain"):
        pod = Pod(self.node, name, labels={"app": app})
        self.pods.append(pod)
        if serve:
            p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", BACKEND, name, mode],
                                 stdout=subprocess.PIPE, text=True)
            pod.processes.append(p)
            assert p.stdout.readline() == "ready\n"
        return pod

    def service(self, name, port=8080, ns="default", annotations=None):
        ports = [{"name": p.lower(), "port": port, "protocol": p} for p in ("TCP", "UDP")]
        self.put(f"/api/v1/namespaces/{ns}/services",
                 {"metadata": {"name": name, "annotations": annotations or {}},
                  "spec": {"selector": {"app": name}, "ports": ports}})

    def gateway(self, name, listeners, annotations=None):
        self.put(GW + "/namespaces/default/gateways",
                 {"metadata": {"name": name, "annotations": annotations or {}},
                  "spec": {"gatewayClassName": "knetd", "listeners": listeners}})

    def route(self, kind, name, gateway, refs, hostnames=None, section=None):
        parent = {"name": gateway, **({"sectionName": section} if section else {})}
        spec = {"parentRefs": [parent], "rules": [{"backendRefs": refs}]}
        if hostnames:
            spec["hostnames"] = hostnames
        self.put(f"{GW}/namespaces/default/{kind.lower()}s", {"kind": kind, "metadata": {"name": name}, "spec": spec})

    def condition(self, kind, name, which):
        route = self.node.api("GET", f"{GW}/namespaces/default/{kind.lower()}s/{name}")[1]
        found = [c for p in route["status"]["parents"] for c in p["conditions"] if c["type"] == which]
        assert len(found) == 1, route["status"]
        return found[0]["status"], found[0]["reason"]

    def connect(self, port, ip="127.0.0.1"):
        with inside(self.node.netns):
            return socket.create_connection((ip, port), 10)

    def who(self, port, ip="127.0.0.1"):
        """The pod that a new connection leads to; None when it is turned away."""
        try:
            with self.connect(port, ip) as c:
                line = c.makefile("rb").readline()
                return line.decode().strip() or None
        except ConnectionError:
            return None


@pytest.fixture(scope="module")
def site(knetd_factory_module):
    node = knetd_factory_module(workers=2, ini="[ingress]\ntrusted = 127.0.0.1/32")
    s = Site(node)
    s.put(GW + "/gatewayclasses", {"metadata": {"name": "knetd"}, "spec": {"controllerName": "knetd.io/gateway"}})
    try:
        s.pod("a", "one")
        s.pod("b", "two")
        s.service("one")
        s.service("two")
        yield s
    finally:
        for pod in s.pods:
            pod.remove()


@pytest.fixture(scope="module")
def knetd_factory_module():
    from daemon import Knetd
    made = []

    def make(**options):
        made.append(Knetd(**options))
        return made[-1].start()

    yield make
    for k in made:
        k.close()


def tcp(name, port, **more):
    return {"name": name, "protocol": "TCP", "port": port, **more}


def to(name, **more):
    return {"name": name, "port": 8080, **more}


# ---- TCPRoute


def test_bytes_both_ways_and_half_close(site):
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [to("one")])
    assert site.condition("TCPRoute", "tcp", "Accepted") == ("True", "Accepted")
    assert site.condition("TCPRoute", "tcp", "ResolvedRefs") == ("True", "ResolvedRefs")
    for size in (0, 1, 100_000, 8 << 20):
        with site.connect(9000) as c, c.makefile("rb") as f:
            data = os.urandom(size)
            assert f.readline() == b"a\n"
            sender = threading.Thread(target=lambda: (c.sendall(data), c.shutdown(socket.SHUT_WR)))
            sender.start()
            assert f.read(size) == data
            assert f.readline() == b"end %d\n" % size  # the other direction went on
            assert f.read() == b""
            sender.join()


def test_a_slow_reader_holds_up_the_sender(site):
    """What nobody reads is not taken from the sender without end."""
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [to("one")])
    with site.connect(9000) as c:
        c.settimeout(2)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += c.send(b"x" * 65536)
        assert sent < 64 << 20


def test_many_at_once(site):
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [to("one")])
    held = [site.connect(9000) for _ in range(100)]
    for i, c in enumerate(held):
        c.sendall(b"%d\n" % i)
    for i, c in enumerate(held):
        with c, c.makefile("rb") as f:
            assert (f.readline(), f.readline()) == (b"a\n", b"%d\n" % i)


def test_weights(site):
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [to("one", weight=3), to("two", weight=1), to("nobody", weight=0)])
    seen = [site.who(9000) for _ in range(200)]
    assert set(seen) == {"a", "b"}
    assert 100 < seen.count("a") < 190


def test_a_wrong_reference_keeps_its_share(site):
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [to("one", weight=1), to("nobody", weight=1)])
    assert site.condition("TCPRoute", "tcp", "ResolvedRefs") == ("False", "BackendNotFound")
    seen = [site.who(9000) for _ in range(100)]
    assert set(seen) == {"a", None}
    assert 20 < seen.count("a") < 80


@pytest.mark.parametrize("ref,reason", [
    ({"name": "one", "namespace": "kube-system", "port": 8080}, "RefNotPermitted"),
    ({"name": "one", "kind": "Pod", "port": 8080}, "InvalidKind"),
    ({"name": "one", "port": 81}, "BackendNotFound"),
])
def test_references(site, ref, reason):
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [ref])
    assert site.condition("TCPRoute", "tcp", "ResolvedRefs") == ("False", reason)
    assert site.who(9000) is None


def test_the_older_route_has_the_listener(site):
    site.gateway("old", [tcp("tcp", 9010)])
    site.route("TCPRoute", "old-1", "old", [to("one")])
    site.route("TCPRoute", "old-2", "old", [to("two")])
    assert {site.who(9010) for _ in range(20)} == {"a"}
    site.node.api("DELETE", GW + "/namespaces/default/tcproutes/old-1")
    assert {site.who(9010) for _ in range(20)} == {"b"}


def test_refused_endpoints_are_passed_by(site):
    for i in range(3):
        site.pod(f"deaf-{i}", "mixed", serve=False)
    site.pod("hears", "mixed")
    site.service("mixed")
    site.gateway("mixed", [tcp("tcp", 9011)])
    site.route("TCPRoute", "mixed", "mixed", [to("mixed")])
    assert {site.who(9011) for _ in range(30)} == {"hears"}


def test_no_endpoints(site):
    site.service("empty")
    site.gateway("empty", [tcp("tcp", 9012)])
    site.route("TCPRoute", "empty", "empty", [to("empty")])
    assert site.condition("TCPRoute", "empty", "ResolvedRefs") == ("True", "ResolvedRefs")
    assert site.who(9012) is None


def test_a_change_cuts_nobody(site):
    site.gateway("tcp", [tcp("tcp", 9000)])
    site.route("TCPRoute", "tcp", "tcp", [to("one")])
    with site.connect(9000) as c, c.makefile("rb") as f:
        assert f.readline() == b"a\n"
        site.route("TCPRoute", "tcp", "tcp", [to("two")])
        assert site.who(9000) == "b"  # in force when the call returns
        c.sendall(b"still\n")
        assert f.readline() == b"still\n"


# ---- UDPRoute


def udp(name, port):
    return {"name": name, "protocol": "UDP", "port": port}


def ask_udp(site, port, text=b"hello", ip="127.0.0.1", sock=None):
    with inside(site.node.netns):
        s = sock or socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    try:
        s.sendto(text, (ip, port))
        data, peer = s.recvfrom(65536)
        assert peer[:2] == (ip, port)  # from the address that was asked
        return data.decode()
    except TimeoutError:
        return None
    finally:
        if not sock:
            s.close()


def test_datagrams(site):
    site.gateway("udp", [udp("udp", 9100)])
    site.route("UDPRoute", "udp", "udp", [to("one")])
    assert site.condition("UDPRoute", "udp", "Accepted") == ("True", "Accepted")
    for ip in ("127.0.0.1", "127.0.0.2", "::1"):
        assert ask_udp(site, 9100, ip=ip) == "a hello"
    with inside(site.node.netns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    with s:
        s.connect(("127.0.0.1", 9100))
        for i in range(100):
            s.send(b"%d " % i + b"x" * 8000)
            assert s.recv(65536).startswith(b"a %d x" % i)


def test_datagrams_by_weight_and_the_rest_dropped(site):
    site.gateway("udp", [udp("udp", 9100)])
    site.route("UDPRoute", "udp", "udp", [to("one", weight=1), to("two", weight=1)])
    seen = [ask_udp(site, 9100) for _ in range(60)]
    assert set(seen) == {"a hello", "b hello"}
    site.route("UDPRoute", "udp", "udp", [to("nobody")])
    assert site.condition("UDPRoute", "udp", "ResolvedRefs") == ("False", "BackendNotFound")
    assert ask_udp(site, 9100) is None


def test_a_session_follows_its_route(site):
    site.gateway("udp", [udp("udp", 9100)])
    site.route("UDPRoute", "udp", "udp", [to("one")])
    with inside(site.node.netns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        assert ask_udp(site, 9100, sock=s) == "a hello"
        site.route("UDPRoute", "udp", "udp", [to("two")])
        assert ask_udp(site, 9100, sock=s) == "b hello"


def test_a_flood_of_senders_leaves_the_others(site):
    """More clients than there are sessions; one that was answered keeps its own."""
    site.gateway("udp", [udp("udp", 9100), udp("hole", 9101)])
    site.route("UDPRoute", "udp", "udp", [to("one")], section="udp")
    site.route("UDPRoute", "hole", "udp", [to("sink")], section="hole")
    site.put("/api/v1/namespaces/default/services", {
        "metadata": {"name": "sink"},
        "spec": {"ports": [{"name": "u", "port": 8080, "targetPort": 9, "protocol": "UDP"}], "selector": {"app": "two"}}})
    with inside(site.node.netns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        assert ask_udp(site, 9100, sock=s) == "a hello"
        before = s.getsockname()
        for i in range(20000):
            flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            flood.sendto(b"x", ("127.0.0.1", 9101))
            flood.close()
    with s:
        assert ask_udp(site, 9100, sock=s) == "a hello"
        assert s.getsockname() == before
    for name, pid in site.node.workers().items():
        if name.startswith("ingress"):
            assert len(os.listdir(f"/proc/{pid}/fd")) < 9000


MUTE = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 8080))
print("ready", flush=True)
while True:
    s.recv(65536)
"""


def test_a_flood_at_a_mute_endpoint_is_bounded(site):
    """Nobody ends these sessions by an answer or an error: they drive out each other, and nobody who was answered."""
    pod = site.pod("mute", "mute", serve=False)
    p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", MUTE], stdout=subprocess.PIPE, text=True)
    pod.processes.append(p)
    assert p.stdout.readline() == "ready\n"
    site.service("mute")
    site.gateway("mute", [udp("udp", 9102), udp("mute", 9103)])
    site.route("UDPRoute", "answers", "mute", [to("one")], section="udp")
    site.route("UDPRoute", "mute", "mute", [to("mute")], section="mute")

    def sessions():
        return [len(os.listdir(f"/proc/{pid}/fd")) for name, pid in site.node.workers().items() if name.startswith("ingress")]

    most = 0
    with inside(site.node.netns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            assert ask_udp(site, 9102, sock=s) == "a hello"
            for i in range(40000):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
                    flood.bind((f"127.0.{1 + i // 20000}.1", 0))
                    flood.sendto(b"x", ("127.0.0.1", 9103))
                if i % 2000 == 0:
                    most = max(most, *sessions())
            most = max(most, *sessions())
            assert 4000 < most < 8192 + 300  # it was a flood, and no worker had more than its table holds
            port = s.getsockname()
            assert ask_udp(site, 9102, sock=s) == "a hello" and s.getsockname() == port
    assert ask_udp(site, 9102) == "a hello"  # and there is room for who is new


# ---- TLSRoute


@pytest.fixture(scope="module")
def tls_pods(site):
    for name in ("secret", "other"):
        key, cert = f"{site.node.dir}/{name}.key", f"{site.node.dir}/{name}.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}", "-addext",
                        f"subjectAltName=DNS:{name}.test"],
                       check=True, capture_output=True)
        pod = site.pod(f"tls-{name}", name, serve=False)
        p = subprocess.Popen(["ip", "netns", "exec", pod.netns, "openssl", "s_server", "-quiet", "-accept", "8080",
                              "-key", key, "-cert", cert, "-www"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        pod.processes.append(p)
        eventually(lambda pod=pod: "8080" in pod.run("ss", "-Hltn").stdout)
        site.service(name)


def subject(site, port, name):
    """The common name of the certificate that a client sees; None when it is turned away."""
    p = subprocess.run([*site.node.enter, "openssl", "s_client", "-connect", f"127.0.0.1:{port}",
                        *(["-servername", name] if name else ["-noservername"])], input="", capture_output=True,
                       text=True, timeout=20)
    found = [line for line in p.stdout.splitlines() if line.startswith("subject=")]
    return found[0].split("=")[-1].strip() if found else None


def passthrough(name, port, hostname=None):
    more = {"hostname": hostname} if hostname else {}
    return {"name": name, "protocol": "TLS", "port": port, "tls": {"mode": "Passthrough"}, **more}


def test_tls_passed_through_by_name(site, tls_pods):
    site.gateway("tls", [passthrough("tls", 9200, "*.example.com")])
    site.route("TLSRoute", "tls-1", "tls", [to("secret")], ["secret.example.com", "unrelated.org"])
    site.route("TLSRoute", "tls-2", "tls", [to("other")], ["*.example.com"])
    assert site.condition("TLSRoute", "tls-1", "Accepted") == ("True", "Accepted")
    assert subject(site, 9200, "secret.example.com") == "secret"
    assert subject(site, 9200, "SECRET.example.com") == "secret"
    assert subject(site, 9200, "any.example.com") == "other"
    assert subject(site, 9200, "unrelated.org") is None
    assert subject(site, 9200, None) is None


def test_what_is_no_hello_is_turned_away(site, tls_pods):
    site.gateway("tls", [passthrough("tls", 9200)])
    for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x16\x03\x01\0\4\x01\xff\xff\xff"):
        with site.connect(9200) as c:
            c.settimeout(15)
            c.sendall(rubbish)
            try:
                answer = c.recv(100)
                assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")  # who speaks in clear is told
            except ConnectionError:
                pass


# ---- PROXY protocol


def v2(src, dst, sport, dport):
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!HH", sport, dport)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_backends_are_told_who_the_client_is(site, version):
    if not any(p.name == "told" for p in site.pods):
        site.pod("told", "told", mode="proxy")
    site.service("told", annotations={"knetd.io/proxy-protocol": version})
    site.gateway("told", [tcp("tcp", 9300)])
    site.route("TCPRoute", "told", "told", [to("told")])
    with site.connect(9300) as c, c.makefile("rb") as f:
        port = c.getsockname()[1]
        name, header = f.readline().split()
        want = f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} 9300\r\n".encode() if version == "v1" else \
            v2("127.0.0.1", "127.0.0.1", port, 9300)
        assert (name, bytes.fromhex(header.decode())) == (b"told", want)


# ---- PROXY protocol, with haproxy on either side


@pytest.fixture(scope="module")
def haproxy(site):
    """On the node, in front: port 8801 tells by version 1, 8802 by version 2, 8803 says nothing."""
    conf = f"{site.node.dir}/haproxy.cfg"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("defaults\n mode tcp\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n")
        for port, how in ((8801, "send-proxy"), (8802, "send-proxy-v2"), (8803, "")):
            f.write(f"listen l{port}\n bind 127.0.0.7:{port}\n server s 127.0.0.1:9400 source 127.0.0.1 {how}\n")
    p = subprocess.Popen([*site.node.enter, "haproxy", "-db", "-f", conf], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    eventually(lambda: site.node.exec("ss", "-Hltn", "sport = 8803").stdout)
    yield
    p.terminate()
    p.wait()


def first_line(site, port, ip, source="127.0.0.9", said=b""):
    """What a client at that address hears first; None when it is turned away."""
    try:
        with inside(site.node.netns):
            c = socket.create_connection((ip, port), 10, (source, 0))
        with c, c.makefile("rb") as f:
            if said:
                c.sendall(said)
            return f.readline(), c.getsockname()[1]
    except ConnectionError:  # perhaps before connect() was back
        return b"", 0


def test_a_load_balancer_tells_who_the_client_is(site, haproxy):
    if not any(p.name == "told" for p in site.pods):
        site.pod("told", "told", mode="proxy")
    site.service("told", annotations={"knetd.io/proxy-protocol": "v1"})
    site.gateway("behind", [tcp("tcp", 9400)], annotations={"knetd.io/proxy-protocol": "true"})
    site.route("TCPRoute", "behind", "behind", [to("told")])
    for port in (8801, 8802):
        line, source = first_line(site, port, "127.0.0.7")
        name, header = line.split()
        assert bytes.fromhex(header.decode()) == f"PROXY TCP4 127.0.0.9 127.0.0.7 {source} 9400\r\n".encode()
        assert name == b"told"
    assert first_line(site, 8803, "127.0.0.7", said=b"hello, no header\r\n")[0] == b""
    # from an address that is not in [ingress] trusted
    good = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
    assert first_line(site, 9400, "127.0.0.1", said=good)[0] == b""
    assert first_line(site, 9400, "127.0.0.1", "127.0.0.1", said=good)[0].startswith(b"told ")
    for broken in (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", b"PROXY TCP9 a b c d\r\n", v2("1.2.3.4", "1.2.3.4", 1, 2)[:-2]):
        with inside(site.node.netns):
            c = socket.create_connection(("127.0.0.1", 9400), 10, ("127.0.0.1", 0))
        with c:
            try:
                c.sendall(broken)
                c.shutdown(socket.SHUT_WR)
                assert c.recv(100) == b""
            except OSError:
                pass  # reset


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_requests_to_endpoints_that_want_headers(site, version):
    """HTTP: a connection is not shared by two clients, and haproxy understands what it is told."""
    if not any(p.name == "hap" for p in site.pods):
        pod = site.pod("hap", "hap", serve=False)
        conf = f"{site.node.dir}/hap.cfg"
        with open(conf, "w", encoding="utf-8") as f:
            f.write("defaults\n mode http\n timeout client 20s\nfrontend f\n bind :8080 accept-proxy\n"
                    " http-request return status 200 content-type text/plain lf-string \"%[src] %[src_port] %[dst_port]\"\n")
        pod.processes.append(subprocess.Popen(["ip", "netns", "exec", pod.netns, "haproxy", "-db", "-f", conf],
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        eventually(lambda: "8080" in pod.run("ss", "-Hltn").stdout)
    site.service("hap", annotations={"knetd.io/proxy-protocol": version})
    site.gateway("web", [{"name": "web", "protocol": "HTTP", "port": 9500}])
    site.route("HTTPRoute", "web", "web", [to("hap")])
    for source in ("127.0.0.3", "127.0.0.4"):
        with inside(site.node.netns):
            c = socket.create_connection(("127.0.0.1", 9500), 10, (source, 0))
        with c, c.makefile("rb") as f:
            for _ in range(3):
                c.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert f.readline() == b"HTTP/1.1 200 OK\r\n"
                length = 0
                while (line := f.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                assert f.read(length).decode() == f"{source} {c.getsockname()[1]} 9500"


# ---- TLS that is ended here


def test_ended_and_passed_through_on_one_port(site, tls_pods):
    """The listener decides, by the name; behind it the backend hears plain bytes, or TLS."""
    name = "edge"
    key, cert = f"{site.node.dir}/{name}.key", f"{site.node.dir}/{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=edge", "-addext",
                    "subjectAltName=DNS:ended.example.com"], check=True, capture_output=True)
    data = {}
    for field, path in (("tls.key", key), ("tls.crt", cert)):
        with open(path, "rb") as f:
            data[field] = base64.b64encode(f.read()).decode()
    site.put("/api/v1/namespaces/default/secrets",
             {"metadata": {"name": "edge"}, "type": "kubernetes.io/tls", "data": data})
    ended = {"name": "ended", "protocol": "TLS", "port": 9250, "hostname": "ended.example.com",
             "tls": {"mode": "Terminate", "certificateRefs": [{"name": "edge"}]}}
    site.gateway("mixed-tls", [ended, passthrough("passed", 9250, "passed.example.com")])
    site.route("TLSRoute", "ended", "mixed-tls", [to("one")], ["ended.example.com"], section="ended")
    site.route("TLSRoute", "passed", "mixed-tls", [to("secret")], ["passed.example.com"], section="passed")
    assert subject(site, 9250, "passed.example.com") == "secret"
    assert subject(site, 9250, "ended.example.com") == "edge"
    context = ssl.create_default_context(cafile=cert)
    for size in (1, 1 << 20):
        with site.connect(9250) as c, context.wrap_socket(c, server_hostname="ended.example.com") as t:
            text = os.urandom(size)
            sender = threading.Thread(target=t.sendall, args=(text,))
            sender.start()
            got = b""
            while len(got) < size + 2:
                got += t.recv(65536)
            assert got == b"a\n" + text
            sender.join()


def test_ended_here_and_begun_again(site, tls_pods):
    """With a BackendTLSPolicy what was ended here goes on by TLS, to an endpoint that proves who it is."""
    with open(f"{site.node.dir}/other.crt", encoding="ascii") as f:
        authority = f.read()
    site.put("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "authority"}, "data": {"ca.crt": authority}})
    ended = {"name": "ended", "protocol": "TLS", "port": 9251, "hostname": "ended.example.com",
             "tls": {"mode": "Terminate", "certificateRefs": [{"name": "edge"}]}}
    site.gateway("again", [ended])
    site.route("TLSRoute", "again", "again", [to("other")], ["ended.example.com"])
    context = ssl.create_default_context(cafile=f"{site.node.dir}/edge.crt")

    def page(hostname):
        site.put(GW + "/namespaces/default/backendtlspolicies", {"metadata": {"name": "other"}, "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": "other"}],
            "validation": {"hostname": hostname, "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "authority"}]}}})
        try:
            with site.connect(9251) as c, context.wrap_socket(c, server_hostname="ended.example.com") as t:
                t.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return t.recv(15)
        except OSError:
            return b""

    assert page("other.test") == b"HTTP/1.0 200 ok"
    assert page("wrong.test") == b""


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["TLSRoute", "HTTPRoute"])
def test_the_header_goes_before_tls(site, tls_pods, version, kind):
    """To an endpoint that wants both, the PROXY header is in clear and the handshake follows (haproxy insists)."""
    if not any(p.name == "both" for p in site.pods):
        pod = site.pod("both", "both", serve=False)
        conf, pem = f"{site.node.dir}/both.cfg", f"{site.node.dir}/both.pem"
        with open(pem, "w", encoding="ascii") as f:
            for part in ("crt", "key"):
                with open(f"{site.node.dir}/other.{part}", encoding="ascii") as source:
                    f.write(source.read())
        with open(conf, "w", encoding="utf-8") as f:
            f.write("defaults\n mode http\n timeout client 20s\nfrontend f\n"
                    f" bind :8080 accept-proxy ssl crt {pem}\n"
                    " http-request return status 200 content-type text/plain lf-string \"%[src] %[src_port] %[ssl_fc]\\n\"\n")
        pod.processes.append(subprocess.Popen(["ip", "netns", "exec", pod.netns, "haproxy", "-db", "-f", conf],
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        eventually(lambda: "8080" in pod.run("ss", "-Hltn").stdout)
    site.service("both", annotations={"knetd.io/proxy-protocol": version})
    with open(f"{site.node.dir}/other.crt", encoding="ascii") as f:
        site.put("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "authority"}, "data": {"ca.crt": f.read()}})
    site.put(GW + "/namespaces/default/backendtlspolicies", {"metadata": {"name": "both"}, "spec": {
        "targetRefs": [{"group": "", "kind": "Service", "name": "both"}],
        "validation": {"hostname": "other.test", "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "authority"}]}}})
    site.gateway("both", [{"name": "web", "protocol": "HTTP", "port": 9252},
                          {"name": "ended", "protocol": "TLS", "port": 9253, "hostname": "ended.example.com",
                           "tls": {"mode": "Terminate", "certificateRefs": [{"name": "edge"}]}}])
    if kind == "TLSRoute":
        site.route(kind, "both", "both", [to("both")], ["ended.example.com"], section="ended")
    else:
        site.route(kind, "both", "both", [to("both")], section="web")
    with inside(site.node.netns):
        c = socket.create_connection(("127.0.0.1", 9253 if kind == "TLSRoute" else 9252), 10, ("127.0.0.5", 0))
    port = c.getsockname()[1]
    if kind == "TLSRoute":
        c = ssl.create_default_context(cafile=f"{site.node.dir}/edge.crt").wrap_socket(c, server_hostname="ended.example.com")
    with c, c.makefile("rb") as f:
        c.sendall(b"GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n")
        answer = f.read()
    assert answer.startswith(b"HTTP/1.1 200 ") and f"127.0.0.5 {port} 1".encode() in answer, answer
