"""What the tests of Ingresses share: a backend that tells what it got, Services, and requests over one connection."""

import base64
import contextlib
import http.client
import json
import os
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402
from pods import Pod  # noqa: E402

HTTP, HTTPS = 8080, 8443
INI = f"[ingress]\nhttp = {HTTP}\nhttps = {HTTPS}\ntimeout = 20\n"
CORE = "/api/v1/namespaces/default"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
PREFIX = "nginx.ingress.kubernetes.io/"

# Tells its name and what it got, as JSON. /auth...: an authenticator; ?status=, ?sleep=: what an answer is like.
BACKEND = r"""
import base64, json, socketserver, sys, time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        url = urlsplit(self.path)
        q = {k: v[0] for k, v in parse_qs(url.query).items()}
        n = self.headers.get("Content-Length")
        got = self.rfile.read(int(n)) if n else b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while (size := int(self.rfile.readline(), 16)):
                got += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        SEEN.append(self.command + " " + self.path)
        if "sleep" in q:
            time.sleep(float(q["sleep"]))
        status, more = int(q.get("status", 200)), {}
        if url.path.startswith("/auth"):
            status = {"good": 200, "no": 403, "broken": 500}.get(self.headers.get("X-Token"), 401)
            more = {"X-User": "ann", "X-Uri": self.headers.get("X-Original-URL", ""), "Set-Cookie": "seen=1"}
            if status == 401:
                more["WWW-Authenticate"] = 'Bearer realm="x"'
        body = json.dumps({"pod": sys.argv[1], "method": self.command, "path": self.path, "body": len(got),
                           "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
        if url.path == "/seen":
            body = json.dumps(SEEN).encode()
        self.send_response(status)
        for k, v in more.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
    do_GET = do_POST = do_PUT = do_HEAD = do_OPTIONS = do_DELETE = answer
    def log_message(self, *a):
        pass

SEEN = []
class S(socketserver.ThreadingTCPServer):
    address_family = __import__("socket").AF_INET6
    allow_reuse_address = daemon_threads = True
    request_queue_size = 256
s = S(("::", 8080), H)
if len(sys.argv) > 2:
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    context.load_verify_locations(sys.argv[4])
    context.verify_mode = ssl.CERT_OPTIONAL
    s.socket = context.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
print("ready", flush=True)
s.serve_forever()
"""


def backend(pod, *tls):
    """tls: files with a certificate, its key and the authority of clients."""
    p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", BACKEND, pod.name, *tls],
                         stdout=subprocess.PIPE, text=True)
    pod.processes.append(p)
    assert p.stdout.readline() == "ready\n"


@contextlib.contextmanager
def pods(knetd, *names):
    """Pods with backends; "web-1" is one of Service web."""
    made = []
    try:
        for name in names:
            made.append(Pod(knetd, name, labels={"app": name.rsplit("-", 1)[0]}))
            backend(made[-1])
        for app in dict.fromkeys(name.rsplit("-", 1)[0] for name in names):
            service(knetd, app)
        yield made
    finally:
        for pod in made:
            pod.remove()


def create(knetd, path, body):
    status, answer = knetd.api("POST", path, body)
    assert status == 201, answer
    return answer


def service(knetd, name):
    create(knetd, f"{CORE}/services", {"metadata": {"name": name}, "spec": {
        "selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}})


def to(name, port=80):
    return {"service": {"name": name, "port": {"name": port} if isinstance(port, str) else {"number": port}}}


def path(where, service_name, kind="Prefix"):
    return {"path": where, "pathType": kind, "backend": to(service_name)}


def ingress(knetd, name, host, paths, notes=None, **spec):
    rule = {"http": {"paths": paths}}
    if host:
        rule["host"] = host
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "annotations": {PREFIX + k: v for k, v in (notes or {}).items()}},
            "spec": {"ingressClassName": "knetd", "rules": [rule], **spec}}
    return create(knetd, INGRESSES, body)


def certificate(directory, name, *names, signer=None, authority=False):
    """Paths of a certificate and its key."""
    crt, key = f"{directory}/{name}.crt", f"{directory}/{name}.key"
    more = ["-CA", signer[0], "-CAkey", signer[1]] if signer else []
    san = ["-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names)] if names else []
    use = ["-addext", "basicConstraints=critical,CA:TRUE"] if authority else \
        ["-addext", "extendedKeyUsage=clientAuth,serverAuth"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10",
                    "-subj", f"/CN={name}", "-keyout", key, "-out", crt, *more, *san, *use], check=True, capture_output=True)
    return crt, key


def text_of(path_name):
    with open(path_name, "rb") as f:
        return base64.b64encode(f.read()).decode()


class Answer:
    def __init__(self, r, data):
        self.status, self.headers, self.data = r.status, r.headers, data

    @property
    def json(self):
        return json.loads(self.data)

    @property
    def pod(self):
        return self.json["pod"]


def connect(knetd, tls=None, source="127.0.0.1", cert=None):
    """tls: the name that is asked for."""
    with inside(knetd.netns):
        c = http.client.HTTPConnection("127.0.0.1", HTTPS if tls else HTTP, timeout=20, source_address=(source, 0))
        c.connect()
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if cert:
            context.load_cert_chain(*cert)
        c.sock = context.wrap_socket(c.sock, server_hostname=tls)
    return c


def ask(knetd, host, where="/", method="GET", headers=None, body=None, chunked=False, **how):
    c = connect(knetd, **how)
    try:
        c.putrequest(method, where, skip_host=True, skip_accept_encoding=True)
        c.putheader("Host", host)
        for k, v in (headers or {}).items():
            c.putheader(k, v)
        if chunked:
            c.putheader("Transfer-Encoding", "chunked")
        elif body is not None:
            c.putheader("Content-Length", str(len(body)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have been refused already
            c.endheaders(body, encode_chunked=chunked)
        r = c.getresponse()
        return Answer(r, r.read())
    finally:
        c.close()


def events(knetd, name):
    return [(e["reason"], e["message"]) for e in knetd.api("GET", f"{CORE}/events")[1]["items"]
            if e["involvedObject"]["name"] == name]
