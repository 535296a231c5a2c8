"""Who is measured by tests/bench/ingress.py: knetd, haproxy and nginx, one worker, one thread, one process of each, with the
same routes, certificate and backend."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd  # noqa: E402
from pods import Pod, eventually  # noqa: E402

HTTP = {"knetd": 8001, "haproxy": 8002, "nginx": 8003}
H2C = {"knetd": 8001, "haproxy": 8102, "nginx": 8103}  # HTTP/2 in clear, known beforehand
HTTPS = {"knetd": 8401, "haproxy": 8402, "nginx": 8403}
ROUTES = 5000
SITE = "bench.example"

FILES = """
worker_processes 1; daemon off; pid {d}/backend.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; sendfile on; keepalive_requests 100000000; keepalive_timeout 600s;
  server {{ listen 8080 backlog=4096; root {d}/www; }} }}
"""
NGINX = """
worker_processes 1; daemon off; pid {d}/nginx.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600s; proxy_max_temp_file_size 0;
  proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
  server_names_hash_max_size 32768; server_names_hash_bucket_size 128;
  upstream pod {{ server {ip}:8080; keepalive 256; keepalive_requests 100000000; }}
  upstream echo {{ server {ip}:8081; }}
  server {{ listen 8003 backlog=4096 default_server; listen 8103 http2 backlog=4096; listen 8403 ssl http2 backlog=4096;
    ssl_certificate {d}/site.crt; ssl_certificate_key {d}/site.key; ssl_session_cache shared:s:10m; ssl_protocols TLSv1.2;
    location / {{ proxy_pass http://pod; proxy_set_header Connection ""; }}
    location /echo {{ proxy_pass http://echo; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }}
  include {d}/routes.nginx; }}
"""
NGINX_ROUTE = ('server {{ listen 8003; server_name {host}; location / {{ proxy_pass http://pod; '
               'proxy_set_header Connection ""; }} }}\n')
HAPROXY = """
global
  nbthread 1
  maxconn 8192
  ssl-default-bind-options ssl-max-ver TLSv1.2
  tune.ssl.cachesize 20000
  stats socket {d}/haproxy.sock mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  http-reuse always
  option forwardfor
frontend f
  bind 0.0.0.0:8002
  bind 0.0.0.0:8102 proto h2
  bind 0.0.0.0:8402 ssl crt {d}/site.pem alpn h2,http/1.1
  use_backend echo if {{ path /echo }}
  use_backend %[req.hdr(host),field(1,:),lower,map({d}/routes.map,pod)]
backend pod
  server one {ip}:8080
backend echo
  server one {ip}:8081
"""
NEEDS = (("haproxy", "haproxy"), ("nginx-light", "nginx"), ("wrk", "wrk"), ("nghttp2-client", "h2load"), ("openssl", "openssl"))


def needs():
    missing = [package for package, program in NEEDS if not shutil.which(program)]
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, stdout=subprocess.DEVNULL)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def host_of(i):
    return f"h{i}.bench.example"


def paths(*pairs):
    return {"paths": [{"path": path, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}
                      for path, name in pairs]}


def ingress(name, rules, **spec):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "namespace": "default",  # with tls, plain HTTP would be redirected
                         "annotations": {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}},
            "spec": {"ingressClassName": "knetd", "rules": rules, **spec}}


class Bench:
    """Everything that runs, in namespaces of its own; ended on exit."""

    def __init__(self):
        needs()
        self.d = tempfile.mkdtemp()
        os.chmod(self.d, 0o755)
        os.mkdir(f"{self.d}/www")
        for name, size in (("1k", 1024), ("1m", 1 << 20)):
            with open(f"{self.d}/www/{name}", "wb") as f:
                f.write(b"x" * size)
        self.certificate()
        self.stack = contextlib.ExitStack()
        self.stack.callback(shutil.rmtree, self.d)
        self.has_tls = False

    def write(self, name, text):
        path = f"{self.d}/{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def read(self, name):
        with open(f"{self.d}/{name}", encoding="utf-8") as f:
            return f.read()

    def certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                        "-subj", f"/CN={SITE}", "-addext", f"subjectAltName=DNS:{SITE}", "-keyout", f"{self.d}/site.key",
                        "-out", f"{self.d}/site.crt"], check=True, capture_output=True)
        self.write("site.pem", self.read("site.crt") + self.read("site.key"))

    def run(self, netns, *argv):
        process = subprocess.Popen(["ip", "netns", "exec", netns, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.terminate()
            process.wait()
        self.stack.callback(end)
        return process.pid

    def __enter__(self):
        with open(f"{os.path.dirname(os.path.abspath(__file__))}/../../etc/knetd.ini", encoding="utf-8") as f:
            self.has_tls = "https" in f.read().partition("[ingress]")[2]
        try:
            self.knetd = self.stack.enter_context(Knetd(ini="[ingress]\nhttp = 8001\n" + ("https = 8401\n" if self.has_tls else "")))
            pod = Pod(self.knetd, "web", labels={"app": "web"})
            self.stack.callback(pod.remove)
            self.start(pod)
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *what):
        self.stack.close()

    def start(self, pod):
        values = {"d": self.d, "ip": pod.ip4}
        here = os.path.dirname(os.path.abspath(__file__))
        self.write("routes.nginx", "")
        self.write("routes.map", "")
        self.run(pod.netns, "nginx", "-c", self.write("backend.conf", FILES.format(**values)))
        self.run(pod.netns, sys.executable, f"{here}/ingress_echo.py", "serve", "8081")
        self.nginx = self.run(self.knetd.netns, "nginx", "-c", self.write("nginx.conf", NGINX.format(**values)))
        self.haproxy = self.run(self.knetd.netns, "haproxy", "-W", "-q", "-db", "-f", self.write("haproxy.cfg", HAPROXY.format(**values)))
        self.objects()
        for port in HTTP.values():
            eventually(lambda p=port: self.answers(p, SITE))
        time.sleep(0.5)

    def answers(self, port, host, path="/1k"):
        return self.knetd.exec("curl", "-fsS", "-o", "/dev/null", "-H", f"Host: {host}",
                               f"http://127.0.0.1:{port}{path}").returncode == 0

    def post(self, path, body):
        status, answer = self.knetd.api("POST", path, body)
        assert status == 201, answer

    def objects(self):
        for name, port in (("web", 8080), ("echo", 8081)):
            self.post("/api/v1/namespaces/default/services", {"metadata": {"name": name}, "spec": {
                "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": port}]}})
        self.post("/api/v1/namespaces/default/secrets", {
            "metadata": {"name": "site"}, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": self.read("site.crt"), "tls.key": self.read("site.key")}})
        self.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses",
                  ingress("web", [{"http": paths(("/echo", "echo"), ("/", "web"))}, {"host": SITE, "http": paths(("/echo", "echo"), ("/", "web"))}],
                          tls=[{"hosts": [SITE], "secretName": "site"}]))

    def pids(self, name):
        """The processes that serve."""
        if name == "knetd":
            return [self.knetd.workers()["ingress-0"]]
        return children(self.nginx if name == "nginx" else self.haproxy)

    def add_routes(self):
        """5,000 hosts for everybody."""
        hosts = [host_of(i) for i in range(ROUTES)]
        for at in range(0, ROUTES, 100):
            self.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses",
                      ingress(f"many-{at}", [{"host": h, "http": paths(("/", "web"))} for h in hosts[at:at + 100]]))
        self.write("routes.nginx", "".join(NGINX_ROUTE.format(host=h) for h in hosts))
        self.write("routes.map", "".join(f"{h} pod\n" for h in hosts))
        self.reload("nginx", host_of(ROUTES - 1))
        self.reload("haproxy", host_of(ROUTES - 1))

    def reload(self, name, host):
        """New processes with the files as they are now; the old ones finish what they have."""
        before = self.pids(name)
        os.kill(self.nginx if name == "nginx" else self.haproxy, 1 if name == "nginx" else 12)  # SIGHUP, SIGUSR2
        eventually(lambda: not set(before) & set(self.pids(name)) and self.answers(HTTP[name], host), 30)
