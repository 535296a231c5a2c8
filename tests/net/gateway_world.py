"""A daemon with a Gateway and echo pods behind it, and a client that sees each byte: what the Gateway tests stand on."""

import base64
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
from daemon import Knetd, inside  # noqa: E402
from gateway_words import GW, gateway, listener  # noqa: E402
from pods import Pod, eventually  # noqa: E402

PODS = [("v1", "infra"), ("v2", "infra"), ("v3", "infra"), ("app", "apps"), ("web", "web")]
PORTS = [{"name": "http", "port": 8080}, {"name": "h2c", "port": 8081, "appProtocol": "kubernetes.io/h2c"},
         {"name": "ws", "port": 8082, "targetPort": 8080, "appProtocol": "kubernetes.io/ws"},
         {"name": "https", "port": 443, "targetPort": 8443}, {"name": "tcp", "port": 9000},
         {"name": "udp", "port": 9001, "protocol": "UDP"}]
PLURALS = {"Gateway": "gateways", "HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes", "TLSRoute": "tlsroutes", "TCPRoute": "tcproutes",
           "UDPRoute": "udproutes", "ListenerSet": "listenersets", "ReferenceGrant": "referencegrants", "Service": "services",
           "BackendTLSPolicy": "backendtlspolicies", "EndpointSlice": "endpointslices", "Secret": "secrets", "ConfigMap": "configmaps",
           "GatewayClass": "gatewayclasses"}
GRPC_CODES = {"404": "12", "502": "14", "503": "14", "504": "14"}  # what a client makes of HTTP's own
INI = "[lb]\npools = 198.18.0.0/24\nannounce = none\n"


# ---- certificates: an authority, and what it signed

def openssl(folder, *argv):
    subprocess.run(["openssl", *argv], cwd=folder, check=True, capture_output=True)


def certificate(folder, name, names, ca=None):
    """name.crt and name.key, for these DNS names; its own authority without a ca."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]
    alt = ",".join(n if n.startswith("URI:") else f"DNS:{n}" for n in names)
    if not ca:
        openssl(folder, "req", "-x509", *key, "-out", f"{name}.crt", "-days", "30", "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,digitalSignature")
        return
    openssl(folder, "req", *key, "-out", f"{name}.csr", "-subj", f"/CN={name}")
    with open(os.path.join(folder, f"{name}.ext"), "w", encoding="ascii") as f:
        f.write(f"subjectAltName={alt}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-out", f"{name}.crt", "-days", "30", "-extfile", f"{name}.ext")


def text_of(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as f:
        return f.read()


def secret(folder, name, ns="infra"):
    data = {"tls.crt": text_of(folder, f"{name}.crt"), "tls.key": text_of(folder, f"{name}.key")}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": name, "namespace": ns},
            "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def authority(folder, name, ns="infra"):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": ns}, "data": {"ca.crt": text_of(folder, f"{name}.crt")}}


# ---- HTTP/1.1, to the byte

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def header(self, name):
        found = self.all(name)
        return ", ".join(found) if found else None

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


def read_answer(f, method):
    line = f.readline()
    assert line, "closed without an answer"
    status, headers = int(line.split()[1]), []
    while (line := f.readline()) not in (b"\r\n", b""):
        name, value = line.decode("latin-1").split(":", 1)
        headers.append((name, value.strip()))
    h = {k.lower(): v for k, v in headers}
    if status == 101 or method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    if "chunked" in h.get("transfer-encoding", ""):
        body = b""
        while n := int(f.readline(), 16):
            body += f.read(n)
            f.readline()
        f.readline()
        return Answer(status, headers, body)
    if "content-length" in h:
        return Answer(status, headers, f.read(int(h["content-length"])))
    return Answer(status, headers, f.read())


def header_lines(headers):
    return "".join(f"{k}: {v}\r\n" for k, values in headers.items() for v in ([values] if isinstance(values, str) else values))


class World:
    """The daemon, what is in it, and how it is asked."""

    def __init__(self, knetd, folder):
        self.knetd, self.folder, self.addresses, self.pool = knetd, folder, {}, {}
        self.pods = {}

    # -- objects

    def path(self, o):
        group, _, version = o["apiVersion"].rpartition("/")
        ns = o["metadata"].get("namespace")
        return (f"/apis/{group}/{version}" if group else f"/api/{version}") + (f"/namespaces/{ns}" if ns else "") + "/" + PLURALS[o["kind"]]

    def filled(self, o):
        """"@v1" is the address of that pod."""
        text = json.dumps(o)
        for name, pod in self.pods.items():
            text = text.replace(f'"@{name}"', f'"{pod.ip4}"')
        return json.loads(text)

    def make(self, o):
        status, answer = self.knetd.api("POST", self.path(o), self.filled(o))
        assert status == 201, (o, answer)

    def drop(self, o):
        status, answer = self.knetd.api("DELETE", f"{self.path(o)}/{o['metadata']['name']}")
        assert status in (200, 202, 404), answer

    def got(self, kind, ns, name, version=GW):
        status, answer = self.knetd.api("GET", self.path({"apiVersion": version, "kind": kind, "metadata": {"namespace": ns}}) + f"/{name}")
        assert status == 200, answer
        return answer

    def put(self, o):
        status, answer = self.knetd.api("PUT", f"{self.path(o)}/{o['metadata']['name']}", o)
        assert status == 200, answer

    def address(self, name, ns="infra"):
        """Where the Gateway is reached."""
        def told():
            found = self.got("Gateway", ns, name).get("status", {}).get("addresses") or []
            return next((a["value"] for a in found if ":" not in a["value"]), None)
        if (ns, name) not in self.addresses:
            self.addresses[ns, name] = eventually(told, every=0.01)
        return self.addresses[ns, name]

    # -- asking

    def connect(self, gw, port, udp=False):
        address = self.address(gw)
        with inside(self.knetd.netns):
            if udp:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(3)
                s.connect((address, port))
                return s
            return socket.create_connection((address, port), timeout=10)

    def tls(self, gw, port, sni, alpn=("http/1.1",), cert=None, trust="ca"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(os.path.join(self.folder, f"{trust}.crt"))
        context.check_hostname = False
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if cert:
            context.load_cert_chain(os.path.join(self.folder, f"{cert}.crt"), os.path.join(self.folder, f"{cert}.key"))
        return context.wrap_socket(self.connect(gw, port), server_hostname=sni)

    def ask(self, what, headers=None, body=b"", gw="edge", port=80, sni=None, cert=None, pool=None):
        """Over the connection of last time when there is one."""
        pool = self.pool if pool is None else pool
        verb, _, rest = what.rpartition(" ")
        verb, (host, slash, path) = verb or "GET", rest.partition("/")
        key = (gw, self.address(gw), port, sni, cert)
        if key not in pool:
            s = self.tls(gw, port, sni, cert=cert) if sni else self.connect(gw, port)
            pool[key] = s, s.makefile("rb")
        s, f = pool.pop(key)
        length = f"Content-Length: {len(body)}\r\n" if body or verb in ("POST", "PUT", "PATCH") else ""
        s.sendall(f"{verb} {slash}{path} HTTP/1.1\r\nHost: {host}\r\n{header_lines(headers or {})}{length}\r\n".encode("latin-1") + body)
        answer = read_answer(f, verb)
        if answer.header("Connection") != "close" and answer.status != 101:
            pool[key] = s, f
        else:
            f.close()
            s.close()
        return answer

    # -- rows

    def http(self, what, to, status, sees=None, target=None, host=None, answers=None, location=None, took=None, body=b"", version=None, **how):
        """to: the pod that answers. sees: headers as the backend saw them, None: not there. target, host: the same of
        the request line and Host. answers: headers that come back, None: none. location: of a redirect."""
        began = time.monotonic()
        answer = self.ask(what, body=body, **how)
        assert answer.status == status, answer
        if to:
            assert answer.header("X-Pod") == to, answer
        if location is not None:
            assert answer.header("Location") == location, answer
        for name, value in (answers or {}).items():
            assert answer.header(name) in (value if isinstance(value, tuple) else (value,)), (name, answer)
        if sees or target or host or version:
            saw = json.loads(answer.body)
            seen = Answer(0, saw["headers"], b"")
            for name, value in (sees or {}).items():
                assert seen.header(name) == value, (name, saw)
            assert target in (None, saw["target"]), saw
            assert version in (None, saw["version"]), saw
            assert host is None or (seen.header("Host") or seen.header(":authority")) == host, saw
        if took:
            assert time.monotonic() - began < took
        return answer

    def saw(self, what, header, **how):
        """The header's values as the backend saw them."""
        headers = json.loads(self.ask(what, **how).body)["headers"]
        return [v.strip() for k, value in headers if k.lower() == header.lower() for v in value.split(",")]

    def saw_tls(self, what):
        return json.loads(self.ask(what).body)["tls"]

    def pair(self, what, header):
        """Which pod answered, and that header as it saw it."""
        saw = json.loads(self.ask(what).body)
        return saw["pod"], dict(saw["headers"]).get(header)

    def says(self, kind, ns, name, condition, wanted, of, section):
        def there():
            o = self.got(kind, ns, name)
            status = o.get("status", {})
            if section:
                found = next((x for x in status.get("listeners", []) if x["name"] == section), {})
            elif kind == "BackendTLSPolicy":
                found = (status.get("ancestors") or [{}])[of]
            elif "Route" in kind:
                found = (status.get("parents") or [{}] * (of + 1))[of]
            else:
                found = status
            c = next((c for c in found.get("conditions", []) if c["type"] == condition), None)
            return c and c["observedGeneration"] == o["metadata"]["generation"] and f"{c['status']} {c['reason']}" or repr(status)
        with contextlib.suppress(AssertionError):
            eventually(lambda: there() == wanted, seconds=1, every=0.02)
        assert there() == wanted

    def attached(self, kind, ns, name, section, n):
        def count():
            found = self.got(kind, ns, name)["status"].get("listeners", [])
            return next((x["attachedRoutes"] for x in found if x["name"] == section), None)
        with contextlib.suppress(AssertionError):
            eventually(lambda: count() == n, seconds=1, every=0.02)
        assert count() == n

    def shares(self, host, wanted, n=400, margin=0.11, gw="edge"):
        """wanted: pod -> its share of the answers."""
        counts = dict.fromkeys(wanted, 0)
        for _ in range(n):
            pod = self.ask(f"{host}/", gw=gw).header("X-Pod")
            counts[pod] = counts.get(pod, 0) + 1
        for pod, share in wanted.items():
            assert abs(counts[pod] / n - share) <= (margin if share else 0), counts
        assert sum(counts[p] for p in wanted) == n, counts

    def seen(self, pod, target):
        """How often the pod has been asked for the target."""
        with inside(self.knetd.netns):
            s = socket.create_connection((self.pods[pod].ip4, 8080), timeout=5)
        with s, s.makefile("rb") as f:
            s.sendall(f"GET /seen?{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            return int(read_answer(f, "GET").body)

    def mirrored(self, what, to, pods, target, **how):
        """The answer is that of `to`; each of pods sees the request too, once."""
        before = {p: self.seen(p, target) for p in pods}
        self.http(what, to, 200, **how)
        eventually(lambda: all(self.seen(p, target) == n + 1 for p, n in before.items()), seconds=3, every=0.01)

    def mirrored_share(self, host, pod, share, n=300, margin=0.12):
        before = self.seen(pod, "/share")
        for _ in range(n):
            self.ask(f"{host}/share")
        low, high = (n * max(share - margin, 0), n * min(share + margin, 1))
        eventually(lambda: low <= self.seen(pod, "/share") - before <= high, seconds=3)

    def websocket(self, host, path="/", **how):
        with self.connect(how.get("gw", "edge"), how.get("port", 80)) as s, s.makefile("rb") as f:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            answer = read_answer(f, "GET")
            assert answer.status == 101, answer
            for text in (b"\x81\x05hello", b"\x82\x03\x00\x01\x02"):
                s.sendall(text)
                assert f.read(len(text)) == text

    def h2(self, s, headers, body=b""):
        """One request over a fresh HTTP/2 connection: (headers, data, trailers)."""
        conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        conn.initiate_connection()
        conn.send_headers(1, headers, end_stream=not body)
        if body:
            conn.send_data(1, body, end_stream=True)
        heads, data, trailers, over = [], b"", [], False
        with s:
            s.sendall(conn.data_to_send())
            while not over:
                got = s.recv(65536)
                assert got, "closed"
                for e in conn.receive_data(got):
                    if isinstance(e, h2.events.ResponseReceived):
                        heads = list(e.headers)
                    elif isinstance(e, h2.events.DataReceived):
                        data += e.data
                        conn.acknowledge_received_data(e.flow_controlled_length, 1)
                    elif isinstance(e, h2.events.TrailersReceived):
                        trailers = list(e.headers)
                    elif isinstance(e, (h2.events.StreamEnded, h2.events.StreamReset)):
                        over = True
                s.sendall(conn.data_to_send())
        return dict(heads), data, dict(trailers)

    def grpc(self, host, call, to=None, code=0, headers=(), gw="edge", port=80):
        """A unary call; code: the gRPC status that comes back."""
        heads, data, trailers = self.h2(self.connect(gw, port), [
            (":method", "POST"), (":scheme", "http"), (":path", call), (":authority", host), ("te", "trailers"),
            ("content-type", "application/grpc"), *headers], b"\0\0\0\0\3abc")
        status = trailers.get("grpc-status") or heads.get("grpc-status") or GRPC_CODES.get(heads[":status"])
        assert status == str(code), (heads, data, trailers)
        if to:
            assert heads["x-pod"] == to, heads
            assert json.loads(data[5:])["body"] == 8 and struct.unpack(">I", data[1:5])[0] == len(data) - 5
        return heads, trailers

    def passes(self, sni, to, gw="edge", port=443, trust="ca"):
        """TLS to the pod itself, or ended at the Gateway: either way the pod's TCP or HTTPS server answers."""
        with self.tls(gw, port, sni, trust=trust) as s, s.makefile("rb") as f:
            s.sendall(f"GET / HTTP/1.1\r\nHost: {sni}\r\n\r\n".encode())
            answer = read_answer(f, "GET")
        assert answer.header("X-Pod") == to, answer
        assert json.loads(answer.body)["tls"]["sni"] == sni

    def ended(self, sni, to, gw="edge", port=443):
        """TLS ended at the Gateway, bytes to the pod's TCP server."""
        with self.tls(gw, port, sni, alpn=()) as s, s.makefile("rb") as f:
            assert f.readline() == to.encode() + b"\n"
            s.sendall(b"over tls\n")
            assert f.readline() == b"over tls\n"

    def refused(self, gw="edge", port=443, sni=None, cert=None, trust="ca"):
        """No connection, or no handshake, or nothing but its end."""
        try:
            s = self.tls(gw, port, sni, cert=cert, trust=trust) if sni else self.connect(gw, port)
            with s:
                if sni:
                    s.sendall(f"GET / HTTP/1.1\r\nHost: {sni}\r\n\r\n".encode())
                assert s.recv(100) == b""
        except OSError:
            return

    def tcp(self, to, gw="edge", port=9000):
        with self.connect(gw, port) as s, s.makefile("rb") as f:
            assert f.readline().decode().strip() in ([to] if isinstance(to, str) else to)
            s.sendall(b"anything\n")
            assert f.readline() == b"anything\n"

    def tcp_shares(self, wanted, gw="edge", port=9000, n=200, margin=0.12):
        counts = dict.fromkeys(wanted, 0)
        for _ in range(n):
            with self.connect(gw, port) as s, s.makefile("rb") as f:
                counts[f.readline().decode().strip()] += 1
        assert all(abs(counts[p] / n - share) <= (margin if share else 0) for p, share in wanted.items()), counts

    def udp(self, to, gw="edge", port=9001, text=b"hello"):
        with self.connect(gw, port, udp=True) as s:
            s.send(text)
            name, _, rest = s.recv(2048).partition(b" ")
        assert name.decode() in ([to] if isinstance(to, str) else to) and rest == text

    def silent(self, gw="edge", port=9001):
        with self.connect(gw, port, udp=True) as s:
            s.settimeout(0.3)
            with contextlib.suppress(OSError):
                s.send(b"hello")
                assert s.recv(100) == b"", "somebody answers"


# ---- the world, once

def base(world):
    for name, ns in PODS:
        world.make({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": ns},
                    "spec": {"selector": {"app": name}, "ports": PORTS}})
    world.make(gateway("edge", listener()))


@contextlib.contextmanager
def living(folder, ini=INI):
    """The world while it lasts; folder: where certificates are made."""
    certificate(folder, "ca", [])
    certificate(folder, "other-ca", [])
    certificate(folder, "backend", ["abc.example", "URI:spiffe://abc.example/id", "other.example"], "ca")
    certificate(folder, "site", ["site.example", "*.wild.example", "second.example"], "ca")
    certificate(folder, "client", ["client.example"], "ca")
    certificate(folder, "stranger", ["stranger.example"], "other-ca")
    with contextlib.ExitStack() as stack:
        knetd = stack.enter_context(Knetd(ini=ini))
        w = World(knetd, folder)
        for ns, labels in (("infra", {"kind": "infra"}), ("apps", {"kind": "backend"}), ("web", {"kind": "backend"})):
            assert knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": ns, "labels": labels}})[0] == 201
        for name, ns in PODS:
            w.pods[name] = pod = Pod(knetd, name, ns, labels={"app": name})
            stack.callback(pod.remove)
            p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, os.path.join(HERE, "gateway_echo.py"), name,
                                  f"{folder}/backend.crt", f"{folder}/backend.key"], stdout=subprocess.PIPE, text=True)
            pod.processes.append(p)
        for pod in w.pods.values():
            assert pod.processes[0].stdout.readline() == "ready\n"
        for ns in ("infra", "web"):
            w.make(secret(folder, "site", ns))
        for name in ("ca", "other-ca"):
            w.make(authority(folder, name))
        w.make(secret(folder, "client"))
        w.knetd.api("POST", f"/apis/{GW}/gatewayclasses", {"metadata": {"name": "knetd"}, "spec": {"controllerName": "knetd.io/gateway"}})
        base(w)
        yield w
