#!/usr/bin/python3
"""The Ingress proxy beside haproxy and nginx: requests per second and processor time per request.

One worker, one thread, one process of each, the same backend (nginx in a pod), the same client (wrk), in turn in
one network namespace of its own. Processor time is that of the proxy's processes alone. Read the ratios.

  tests/bench/ingress.py [SECONDS]      seconds a measurement, default 4
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd  # noqa: E402
from pods import Pod, eventually  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
PORTS = {"knetd": 8001, "haproxy": 8002, "nginx": 8003}
# what, wrk's connections, path, headers
CASES = [("1 KB, keep-alive", 32, "/1k", []), ("1 KB, new connections", 32, "/1k", ["-H", "Connection: close"]),
         ("1 MB bodies", 8, "/1m", [])]

BACKEND = """
worker_processes 1; daemon off; pid {d}/backend.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; keepalive_requests 100000000;
  server {{ listen 8080 backlog=4096; root {d}/www; }} }}
"""
NGINX = """
worker_processes 1; daemon off; pid {d}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; proxy_max_temp_file_size 0;
  upstream pod {{ server {ip}:8080; keepalive 64; }}
  server {{ listen 8003 backlog=4096;
    location / {{ proxy_pass http://pod; proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}
"""
HAPROXY = """
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option forwardfor
frontend f
  bind 0.0.0.0:8002
  default_backend pod
backend pod
  server one {ip}:8080
"""


def needs():
    missing = [p for p, program in (("haproxy", "haproxy"), ("nginx-light", "nginx"), ("wrk", "wrk")) if not shutil.which(program)]
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, stdout=subprocess.DEVNULL)


def write(path, text, **values):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.format(**values))
    return path


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(knetd, port, pids, connections, path, options):
    before = cpu_seconds(pids)
    out = knetd.exec("wrk", "-t", "1", "-c", str(connections), "-d", f"{SECONDS}s", *options, f"http://127.0.0.1:{port}{path}",
                     timeout=SECONDS + 30, check=True).stdout
    used = cpu_seconds(pids) - before
    done = int(re.search(r"(\d+) requests in", out).group(1))
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if wrong or not done:
        sys.exit(f"port {port}: {out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), used * 1e6 / done


def table(knetd, pids):
    print(f"{'':24} {'':10} {'requests/s':>12} {'us CPU/request':>16} {'x best peer CPU':>16}")
    for what, connections, path, options in CASES:
        got = {}
        for name in [*PORTS, *PORTS]:  # twice in turn, the better one counts
            rate, cost = measure(knetd, PORTS[name], pids[name], connections, path, options)
            if name not in got or cost < got[name][1]:
                got[name] = (rate, cost)
        best = min(got[n][1] for n in got if n != "knetd")
        for name, (rate, cost) in got.items():
            print(f"{what if name == 'knetd' else '':24} {name:10} {rate:12.0f} {cost:16.1f} {cost / best:16.2f}")


def objects(knetd):
    for path, body in (
            ("/api/v1/namespaces/default/services",
             {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
            ("/apis/networking.k8s.io/v1/namespaces/default/ingresses",
             {"metadata": {"name": "web"}, "spec": {"ingressClassName": "knetd", "rules": [{"http": {"paths": [
                 {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}})):
        status, answer = knetd.api("POST", path, body)
        assert status == 201, answer


@contextlib.contextmanager
def running(netns, *argv):
    process = subprocess.Popen(["ip", "netns", "exec", netns, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def main():
    needs()
    d = tempfile.mkdtemp()
    os.chmod(d, 0o755)
    os.mkdir(f"{d}/www")
    for name, size in (("1k", 1024), ("1m", 1 << 20)):
        with open(f"{d}/www/{name}", "wb") as f:
            f.write(b"x" * size)
    with Knetd(ini="[ingress]\nhttp = 8001\n") as knetd:
        pod = Pod(knetd, "web", labels={"app": "web"})
        try:
            objects(knetd)
            with running(pod.netns, "nginx", "-c", write(f"{d}/backend.conf", BACKEND, d=d)), \
                    running(knetd.netns, "nginx", "-c", write(f"{d}/nginx.conf", NGINX, d=d, ip=pod.ip4)) as nginx, \
                    running(knetd.netns, "haproxy", "-q", "-db", "-f", write(f"{d}/haproxy.cfg", HAPROXY, ip=pod.ip4)) as haproxy:
                for port in PORTS.values():
                    eventually(lambda p=port: knetd.exec("curl", "-fsS", "-o", "/dev/null", f"http://127.0.0.1:{p}/1k").returncode == 0)
                time.sleep(0.5)
                table(knetd, {"knetd": [knetd.workers()["ingress-0"]], "nginx": children(nginx), "haproxy": [haproxy, *children(haproxy)]})
        finally:
            pod.remove()
            shutil.rmtree(d)


if __name__ == "__main__":
    main()
