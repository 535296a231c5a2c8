"""HTTPS: which certificate a client is shown, what is spoken, sessions, client certificates, Secrets that change
under load, handshakes that are slow or broken, and TLS towards backends."""

import base64
import contextlib
import datetime
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
SERVICES = "/api/v1/namespaces/default/services"
SECRETS = "/api/v1/namespaces/default/secrets"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
POLICIES = "/apis/gateway.networking.k8s.io/v1/namespaces/default/backendtlspolicies"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes"

# Echoes the request's head; over TLS when it is given a certificate, and says then what the client showed.
BACKEND = r"""
import socket, ssl, sys, threading
port, name, pem, ca = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
context = None
if pem:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.set_alpn_protocols(["http/1.1"])
    asked = {}
    context.sni_callback = lambda s, sni, c: asked.__setitem__(s, sni)
    if ca:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_OPTIONAL

def serve(c):
    try:
        sni = who = ""
        if context:
            c = context.wrap_socket(c, server_side=True)
            sni = asked.pop(c, "") or ""
            cert = c.getpeercert()
            who = dict(x[0] for x in cert["subject"])["commonName"] if cert else ""
        buf = b""
        while True:
            while b"\r\n\r\n" not in buf:
                got = c.recv(65536)
                if not got:
                    return
                buf += got
            head, _, buf = buf.partition(b"\r\n\r\n")
            if head.startswith(b"GET /big"):
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (8 << 20))
                for _ in range(8):
                    c.sendall(b"x" * (1 << 20))
                continue
            length = [l for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")]
            left = int(length[0].split(b":")[1]) if length else 0
            total = left
            left -= len(buf)
            buf = b""
            while left > 0:
                left -= len(c.recv(65536))
            body = b"%s sni=%s client=%s body=%d\r\n" % (name.encode(), sni.encode(), who.encode(), total) + head
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except (OSError, ValueError):
        pass
    finally:
        c.close()

s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", port))
s.listen(256)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


class Authority:
    """Makes certificates, as PEM with their keys."""

    def __init__(self, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key.public_key(), [(x509.BasicConstraints(ca=True, path_length=None), True)])
        self.pem = self.cert.public_bytes(serialization.Encoding.PEM)

    def _sign(self, subject, key, extensions):
        now = datetime.datetime.utcnow()
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
             .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
             .not_valid_after(now + datetime.timedelta(days=30)))
        for extension, critical in extensions:
            b = b.add_extension(extension, critical)
        return b.sign(self.key, hashes.SHA256())

    def issue(self, cn, *names, kind="ec", client=False, uris=()):
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        use = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        extensions = [(x509.ExtendedKeyUsage([use]), False)]
        alts = [x509.DNSName(n) for n in names] + [x509.UniformResourceIdentifier(u) for u in uris]
        if alts:
            extensions.append((x509.SubjectAlternativeName(alts), False))
        cert = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]), key.public_key(), extensions)
        return cert.public_bytes(serialization.Encoding.PEM), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def post(knetd, path, body):
    status, answer = knetd.api("POST", path, body)
    assert status == 201, answer


def secret_of(name, pair):
    return {"metadata": {"name": name}, "type": "kubernetes.io/tls",
            "data": {"tls.crt": base64.b64encode(pair[0]).decode(), "tls.key": base64.b64encode(pair[1]).decode()}}


def service(knetd, name, port=80, target=8080, app="web"):
    post(knetd, SERVICES, {"metadata": {"name": name}, "spec": {
        "selector": {"app": app}, "ports": [{"name": "web", "port": port, "targetPort": target}]}})


def ingress(knetd, name, host, secret, backend="web"):
    spec = {"ingressClassName": "knetd",
            "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {
                "service": {"name": backend, "port": {"number": 80}}}}]}}]}
    if secret:
        spec["tls"] = [{"hosts": [host], "secretName": secret}]
    post(knetd, INGRESSES, {"metadata": {"name": name, "annotations": {
        "nginx.ingress.kubernetes.io/ssl-redirect": "false"}}, "spec": spec})


def start(pod, port, name, pem="", ca=""):
    p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", BACKEND, str(port), name, pem, ca],
                         stdout=subprocess.PIPE, text=True)
    pod.processes.append(p)
    assert p.stdout.readline() == "ready\n"


def write(path, *parts):
    with open(path, "wb") as f:
        f.write(b"".join(parts))
    return path


class Lab:
    def __init__(self, knetd):
        self.knetd, self.dir = knetd, knetd.dir
        self.ca, self.other = Authority("lab ca"), Authority("other ca")
        self.ca_file = write(f"{self.dir}/ca.crt", self.ca.pem)
        self.n = 0

    def file(self, *parts):
        self.n += 1
        return write(f"{self.dir}/pem{self.n}", *parts)

    def context(self, alpn=None, ca=None, version=ssl.TLSVersion.TLSv1_2, pair=None):
        c = ssl.create_default_context(cafile=self.file((ca or self.ca).pem))
        c.maximum_version = version
        c.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        if alpn:
            c.set_alpn_protocols(alpn)
        if pair:
            c.load_cert_chain(self.file(*pair))
        return c

    def anyone(self, alpn=None):
        c = self.context(alpn)
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        return c

    def tcp(self, port=8443):
        with inside(self.knetd.netns):
            return socket.create_connection(("127.0.0.1", port), timeout=20)

    def connect(self, sni, context=None, session=None, port=8443):
        return (context or self.context()).wrap_socket(self.tcp(port), server_hostname=sni, session=session)

    def shown(self, sni, context=None, port=8443):
        """The common name of the certificate that a client is shown."""
        with self.connect(sni, context or self.anyone(), port=port) as s:
            cert = x509.load_der_x509_certificate(s.getpeercert(True))
        return cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value

    def counted(self):
        """Handshakes: full, resumed, failed."""
        text = self.knetd.api("GET", "/metrics")[1]
        return [int(next(line.split()[1] for line in text.splitlines()
                         if line.startswith(f'knetd_ingress_tls_handshakes_total{{result="{r}"')))
                for r in ("full", "resumed", "failed")]


def ask(s, host, path="/", more="", body=b""):
    """Status and body of one request on an open connection."""
    s.sendall(f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode() + body)
    head = b""
    while b"\r\n\r\n" not in head:
        got = s.recv(65536)
        assert got, f"closed after {head!r}"
        head += got
    head, _, data = head.partition(b"\r\n\r\n")
    n = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    parts = [data]
    left = n - len(data)
    while left > 0:
        parts.append(s.recv(65536))
        assert parts[-1]
        left -= len(parts[-1])
    return int(head.split(b" ")[1]), b"".join(parts)


@pytest.fixture(scope="module")
def lab():
    with Knetd(ini="[ingress]\nhttp = 8080\nhttps = 8443\ntimeout = 5\n") as knetd:
        pod = Pod(knetd, "web", labels={"app": "web"})
        try:
            lab = Lab(knetd)
            lab.pod = pod
            start(pod, 8080, "plain")
            service(knetd, "web")
            for name, pair in (("a", lab.ca.issue("a", "a.test")),
                               ("wild", lab.ca.issue("wild", "*.shop.test", kind="rsa")),
                               ("exact", lab.ca.issue("exact", "x.shop.test"))):
                post(knetd, SECRETS, secret_of(name, pair))
            ingress(knetd, "a", "a.test", "a")
            ingress(knetd, "wild", "*.shop.test", "wild")
            ingress(knetd, "exact", "x.shop.test", "exact")
            ingress(knetd, "bare", "bare.test", None)
            yield lab
        finally:
            pod.remove()


# ---- which certificate ----------------------------------------------------------------------------

@pytest.mark.parametrize("sni, cn", [
    ("a.test", "a"), ("A.TEST", "a"), ("x.shop.test", "exact"), ("y.shop.test", "wild"),
    ("deep.y.shop.test", "knetd default certificate"), ("shop.test", "knetd default certificate"),
    ("bare.test", "knetd default certificate"), ("nobody.test", "knetd default certificate"),
    (None, "knetd default certificate"),
])
def test_the_name_chooses(lab, sni, cn):
    assert lab.shown(sni) == cn


def test_requests_over_it(lab):
    for sni in ("a.test", "x.shop.test", "y.shop.test"):
        with lab.connect(sni) as s:
            assert s.version() == "TLSv1.2"
            for _ in range(3):
                status, body = ask(s, sni)
                assert status == 200
                assert b"\r\nX-Forwarded-Proto: https\r\n" in body + b"\r\n"


def test_bodies(lab):
    with lab.connect("a.test") as s:
        status, body = ask(s, "a.test", "/big")
        assert status == 200 and len(body) == 8 << 20
        data = b"y" * 3000000
        assert b"body=3000000" in ask(s, "a.test", more=f"Content-Length: {len(data)}\r\n", body=data)[1]


def test_the_default_certificate_is_made_once(lab):
    assert lab.knetd.logged().count("signed by itself was made") == 1
    path = f"{lab.dir}/state/ingress-default.pem"
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, "rb") as f:
        text = f.read()
    cert = x509.load_pem_x509_certificate(text[text.index(b"-----BEGIN CERTIFICATE"):])
    with lab.connect("nobody.test", lab.anyone()) as s:
        assert s.getpeercert(True) == cert.public_bytes(serialization.Encoding.DER)


def test_openssl_and_curl(lab):
    p = lab.knetd.exec("sh", "-c", f"openssl s_client -connect 127.0.0.1:8443 -servername a.test -CAfile {lab.ca_file} "
                                   "-verify_return_error -verify_hostname a.test </dev/null")
    assert p.returncode == 0 and "Verify return code: 0 (ok)" in p.stdout, p.stdout + p.stderr
    for version in ("--http1.1", "--http2"):
        p = lab.knetd.exec("curl", "-sS", version, "--cacert", lab.ca_file, "--resolve", "a.test:8443:127.0.0.1",
                           "-w", " %{http_code}", "https://a.test:8443/")
        assert p.returncode == 0 and p.stdout.endswith(" 200"), p.stdout + p.stderr


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(lab, version):
    c = lab.anyone()
    with pytest.warns(DeprecationWarning):
        c.maximum_version = version
    c.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        lab.connect("a.test", c)


def test_both_kinds_of_key_for_one_name(lab):
    """An old client that checks RSA alone is shown the RSA certificate of that name."""
    c = lab.anyone()
    c.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert lab.shown("y.shop.test", c) == "wild"
    c.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    assert lab.shown("a.test", c) == "a"


# ---- protocols and sessions -------------------------------------------------------------------------

@pytest.mark.parametrize("offer, chosen", [
    (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["x", "http/1.0"], "http/1.0"),
    (None, None),
])
def test_protocols(lab, offer, chosen):
    with lab.connect("a.test", lab.context(offer)) as s:
        assert s.selected_alpn_protocol() == chosen
        if chosen != "h2":
            assert ask(s, "a.test")[0] == 200


def test_no_protocol_in_common(lab):
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        lab.connect("a.test", lab.context(["acme-tls/1"]))


def resumed(lab, sni, session, context):
    with lab.connect(sni, context, session) as s:
        status = ask(s, sni)[0]
        return s.session_reused, status


def test_sessions(lab):
    context = lab.context()
    with lab.connect("a.test", context) as s:
        assert ask(s, "a.test")[0] == 200 and not s.session_reused
        session = s.session
    before = lab.counted()
    for _ in range(3):
        assert resumed(lab, "a.test", session, context) == (True, 200)
    after = lab.counted()
    assert [after[0] - before[0], after[1] - before[1]] == [0, 3]


def test_a_session_is_of_one_name(lab):
    context = lab.anyone()
    with lab.connect("x.shop.test", context) as s:
        ask(s, "x.shop.test")
        session = s.session
    assert resumed(lab, "y.shop.test", session, context) == (False, 200)
    assert resumed(lab, "x.shop.test", session, context) == (True, 200)


def test_a_session_with_another_protocol(lab):
    """BearSSL would look for a protocol that is not there."""
    context = lab.anyone(["http/1.1"])
    with lab.connect("a.test", context) as s:
        ask(s, "a.test")
        session = s.session
    context.set_alpn_protocols(["acme-tls/1"])
    for _ in range(3):
        with pytest.raises(ssl.SSLError):
            lab.connect("a.test", context, session)
    context.set_alpn_protocols(["x", "http/1.0"])
    assert resumed(lab, "a.test", session, context) == (True, 200)


def test_many_sessions_take_bounded_memory(lab):
    pid = next(p for n, p in lab.knetd.workers().items() if n.startswith("ingress"))
    context = lab.context()
    for _ in range(20):
        lab.connect("a.test", context).close()
    before = private_kb(pid)
    for _ in range(200):
        lab.connect("a.test", context).close()
    assert private_kb(pid) - before < 200


# ---- Secrets that change ------------------------------------------------------------------------------

def test_a_secret_is_replaced_without_a_dropped_connection(lab):
    knetd = lab.knetd
    post(knetd, SECRETS, secret_of("live", lab.ca.issue("first", "live.test")))
    ingress(knetd, "live", "live.test", "live")
    assert lab.shown("live.test") == "first"
    failures, stop, served = [], threading.Event(), []

    def client():
        context = lab.context()
        while not stop.is_set():
            try:
                with lab.connect("live.test", context) as s:
                    for _ in range(5):
                        served.append(ask(s, "live.test")[0])
            except (OSError, AssertionError) as e:
                failures.append(repr(e))

    with lab.connect("live.test") as old:
        assert ask(old, "live.test")[0] == 200
        threads = [threading.Thread(target=client) for _ in range(3)]
        for t in threads:
            t.start()
        try:
            for i in range(10):
                body = secret_of("live", lab.ca.issue(f"new{i}", "live.test", kind="rsa" if i % 5 == 0 else "ec"))
                status, answer = knetd.api("PUT", f"{SECRETS}/live", body)
                assert status == 200, answer
                assert lab.shown("live.test") == f"new{i}"  # in force before the call returned
                assert ask(old, "live.test")[0] == 200
        finally:
            stop.set()
            for t in threads:
                t.join()
    assert not failures and len(served) > 10 and set(served) == {200}
    knetd.api("DELETE", f"{SECRETS}/live")
    assert lab.shown("live.test") == "knetd default certificate"
    post(knetd, SECRETS, secret_of("live", lab.ca.issue("again", "live.test")))
    assert lab.shown("live.test") == "again"


@pytest.mark.parametrize("spoil", [
    lambda d: d["data"].__setitem__("tls.crt", base64.b64encode(b"no certificate").decode()),
    lambda d: d["data"].__setitem__("tls.key", base64.b64encode(Authority("x").issue("x", "x")[1]).decode()),
])
def test_a_broken_secret_is_not_used(lab, spoil):
    body = secret_of("broken", lab.ca.issue("broken", "broken.test"))
    spoil(body)
    post(lab.knetd, SECRETS, body)
    ingress(lab.knetd, "broken", "broken.test", "broken")
    try:
        assert lab.shown("broken.test") == "knetd default certificate"
        assert lab.shown("a.test") == "a"
    finally:
        lab.knetd.api("DELETE", f"{INGRESSES}/broken")
        lab.knetd.api("DELETE", f"{SECRETS}/broken")


# ---- what is no proper handshake ------------------------------------------------------------------------

def until_closed(s):
    out = b""
    with contextlib.suppress(ConnectionResetError):
        while got := s.recv(65536):
            out += got
    return out


def test_plain_http_on_the_https_port(lab):
    with lab.tcp() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        answer = until_closed(s)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"HTTPS" in answer


@pytest.mark.parametrize("data", [
    b"\x00" * 100, b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
    b"\x15\x03\x01\x00\x02\x02\x28", b"\x80\x2e\x01\x00\x02" + b"\x00" * 50,
])
def test_rubbish_is_closed(lab, data):
    with lab.tcp() as s:
        s.sendall(data)
        s.settimeout(5)
        assert len(until_closed(s)) < 100
    assert lab.shown("a.test") == "a"


def hello_of(lab, sni):
    i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = lab.anyone().wrap_bio(i, o, server_hostname=sni)
    with contextlib.suppress(ssl.SSLWantReadError):
        c.do_handshake()
    return o.read()


def test_a_hello_in_pieces(lab):
    """Byte by byte, and one record for each byte of it."""
    hello = hello_of(lab, "a.test")
    with lab.tcp() as s:
        for b in hello:
            s.sendall(bytes([b]))
        assert s.recv(5)[:3] == b"\x16\x03\x03"
    with lab.tcp() as s:
        s.sendall(b"".join(b"\x16\x03\x01\x00\x01" + bytes([b]) for b in hello[5:]))
        assert s.recv(5)[:3] == b"\x16\x03\x03"


def test_handshakes_that_stop_cost_little(lab):
    """Clients that say hello and no more, or half of it: others are served, memory is bounded, and they end."""
    pid = next(p for n, p in lab.knetd.workers().items() if n.startswith("ingress"))
    hello = hello_of(lab, "a.test")
    before = private_kb(pid)
    waiting = []
    try:
        for i in range(200):
            s = lab.tcp()
            s.sendall(hello if i % 2 else hello[:100])
            waiting.append(s)
        with lab.connect("a.test") as good:
            assert ask(good, "a.test")[0] == 200
        assert private_kb(pid) - before < 200 * 50
        for s in waiting:
            s.settimeout(20)
            until_closed(s)
    finally:
        for s in waiting:
            s.close()


def test_broken_in_the_middle(lab):
    """A fragment of a handshake, then records that are none."""
    hello = hello_of(lab, "a.test")
    for rest in (b"\x17\x03\x03\x00\x10" + b"x" * 16, b"\x14\x03\x03\x00\x01\x01" * 3, b"rubbish" * 50):
        with lab.tcp() as s:
            s.sendall(hello + rest)
            s.settimeout(10)
            until_closed(s)
    assert lab.shown("a.test") == "a"


# ---- backends ---------------------------------------------------------------------------------------------

def annotated(knetd, name, host, backend, notes, port=443):
    post(knetd, INGRESSES, {"metadata": {"name": name, "annotations": {
        f"nginx.ingress.kubernetes.io/{k}": v for k, v in notes.items()}}, "spec": {
            "ingressClassName": "knetd",
            "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {
                "service": {"name": backend, "port": {"number": port}}}}]}}]}})


def test_a_backend_that_speaks_tls(lab):
    start(lab.pod, 8444, "secure", lab.file(*lab.ca.issue("backend", "backend.test")))
    service(lab.knetd, "secure", 443, 8444)
    annotated(lab.knetd, "secure", "secure.test", "secure", {"backend-protocol": "HTTPS"})
    with lab.tcp(8080) as s:
        for _ in range(3):
            status, body = ask(s, "secure.test")
            assert status == 200 and body.startswith(b"secure ")
        status, body = ask(s, "secure.test", "/big")
        assert status == 200 and len(body) == 8 << 20
        data = b"z" * 2000000
        assert b"body=2000000" in ask(s, "secure.test", more=f"Content-Length: {len(data)}\r\n", body=data)[1]


@pytest.mark.parametrize("name, notes, status", [
    ("proved", {"proxy-ssl-verify": "on", "proxy-ssl-secret": "default/believed", "proxy-ssl-name": "backend.test"}, 200),
    ("othername", {"proxy-ssl-verify": "on", "proxy-ssl-secret": "default/believed", "proxy-ssl-name": "other.test"}, 502),
    ("stranger", {"proxy-ssl-verify": "on", "proxy-ssl-secret": "default/strangers", "proxy-ssl-name": "backend.test"}, 502),
])
def test_what_a_backend_must_prove(lab, name, notes, status):
    if not hasattr(lab, "proof"):
        lab.proof = True
        start(lab.pod, 8445, "proof", lab.file(*lab.ca.issue("backend", "backend.test")), lab.ca_file)
        service(lab.knetd, "proof", 443, 8445)
        ours = lab.ca.issue("our client", client=True)
        for secret, ca in (("believed", lab.ca), ("strangers", lab.other)):
            body = secret_of(secret, ours)
            body["data"]["ca.crt"] = base64.b64encode(ca.pem).decode()
            post(lab.knetd, SECRETS, body)
    annotated(lab.knetd, name, f"{name}.test", "proof", {"backend-protocol": "HTTPS", "proxy-ssl-server-name": "on", **notes})
    with lab.tcp(8080) as s:
        got, body = ask(s, f"{name}.test")
        assert got == status
        if status == 200:
            assert body.startswith(b"proof sni=backend.test client=our client ")
        else:
            assert "TLS with the endpoint" in lab.knetd.logged()


# ---- clients' certificates ------------------------------------------------------------------------------------

@pytest.mark.parametrize("pair, status", [("good", 200), ("none", 400), ("stranger", 400), ("server", 400)])
def test_client_certificates(lab, pair, status):
    if not hasattr(lab, "clients"):
        lab.clients = {"good": lab.ca.issue("alice", client=True), "none": None,
                       "stranger": lab.other.issue("alice", client=True), "server": lab.ca.issue("alice", "alice.test")}
        post(lab.knetd, SECRETS, {"metadata": {"name": "clients"}, "data": {"ca.crt": base64.b64encode(lab.ca.pem).decode()}})
        annotated(lab.knetd, "mutual", "mutual.test", "web", {
            "auth-tls-secret": "default/clients", "auth-tls-verify-client": "on"}, 80)
        lab.knetd.api("PATCH", f"{INGRESSES}/mutual", {"spec": {"tls": [{"hosts": ["mutual.test"]}]}},
                      "application/merge-patch+json")
    context = lab.anyone()
    if lab.clients[pair]:
        context.load_cert_chain(lab.file(*lab.clients[pair]))
    with lab.connect("mutual.test", context) as s:
        assert ask(s, "mutual.test")[0] == status


def test_client_certificates_cannot_be_gone_around(lab):
    """Neither by a connection made for another host, nor by a session, nor in clear."""
    context = lab.anyone()
    with lab.connect("a.test", context) as s:
        assert ask(s, "mutual.test")[0] == 421
        assert ask(s, "a.test")[0] == 200
        session = s.session
    with lab.connect("mutual.test", context, session) as s:
        assert not s.session_reused and ask(s, "mutual.test")[0] == 400
