#!/usr/bin/python3
"""The Ingress proxy beside haproxy and nginx: rate, processor time per request, latency, memory, change of routes.

One worker, one thread, one process of each, the same backend (nginx in a pod), the same client, in turn in one network
namespace of its own. Processor time is that of the proxy's processes alone. On few processors the load generator takes
its share of the machine: read the ratios, not the rates. TLS is 1.2 with a P-256 certificate for all three.

  tests/bench/ingress.py [SECONDS [WORD]]      seconds a measurement, default 4; only cases with that word
"""

import contextlib
import http.client
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ingress_peers as peers  # noqa: E402
from ingress_peers import H2C, HTTP, HTTPS, ROUTES, SITE, Bench  # noqa: E402
from daemon import inside, private_kb  # noqa: E402
from pods import eventually  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
ONLY = sys.argv[2] if len(sys.argv) > 2 else ""
HERE = os.path.dirname(os.path.abspath(__file__))
MANY = f"""
local i = 0
request = function()
  i = (i + 1) % {ROUTES}
  return wrk.format("GET", "/1k", {{ Host = "h" .. i .. ".bench.example" }})
end
"""


def cpu_us(pids):
    used = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            used += int(f.read().split()[0])
    return used / 1000


# ---- load: each returns (requests done, seconds, p50 ms, p99 ms) --------------------------------------------------------------

def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+|-?nan)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def wrk(bench, name, connections, path, *options):
    out = bench.knetd.exec("wrk", "-t", "1", "-c", str(connections), "-d", f"{SECONDS}s", "--latency", *options,
                           f"http://127.0.0.1:{HTTP[name]}{path}", timeout=SECONDS + 30, check=True).stdout
    done, seconds = re.search(r"(\d+) requests in ([\d.]+m?s)", out).groups()
    if "Non-2xx" in out or not int(done):
        sys.exit(f"{name}: {out}")
    p50, p99 = (milliseconds(re.search(rf"^\s+{p}%\s+(\S+)", out, re.M).group(1)) for p in (50, 99))
    return int(done), milliseconds(seconds) / 1000, p50, p99


def h2load(bench, url):
    log = f"{bench.d}/h2load.log"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(log)
    out = bench.knetd.exec("h2load", "-c", "16", "-m", "16", "-D", str(SECONDS), f"--connect-to=127.0.0.1:{url[1]}", f"--log-file={log}",
                           f"{url[0]}://{SITE}:{url[1]}/1k", timeout=SECONDS + 30).stdout
    found = re.search(r"status codes: (\d+) 2xx", out)  # what h2load calls succeeded is any answer
    if not found or not int(found.group(1)):
        return None
    with open(log, encoding="ascii") as f:
        took = sorted(int(line.split()[2]) for line in f)
    return int(found.group(1)), float(SECONDS), took[len(took) // 2] / 1000, took[len(took) * 99 // 100] / 1000


def handshakes(bench, name, how):
    """One connection after the other: the rate is the client's, the processor time the proxy's."""
    out = bench.knetd.exec("openssl", "s_time", "-tls1_2", "-connect", f"127.0.0.1:{HTTPS[name]}", how, "-time", str(SECONDS),
                           timeout=SECONDS * 3 + 30).stdout
    counts = re.findall(r"(\d+) connections in (\d+) real seconds", out)
    if not counts or not int(counts[-1][0]):
        return None
    done = int(counts[-1][0])
    return done, float(SECONDS), SECONDS * 1000 / done, None


def echo(bench, name):
    out = bench.knetd.exec(sys.executable, f"{HERE}/ingress_echo.py", "ask", str(HTTP[name]), "32", str(SECONDS), timeout=SECONDS + 30)
    if out.returncode:
        sys.exit(f"{name}: {out.stderr}")
    done, p50, p99 = out.stdout.split()
    return int(done), float(SECONDS), float(p50), float(p99)


CASES = [
    ("1 KB, keep-alive", lambda b, n: wrk(b, n, 32, "/1k")),
    ("1 KB, new connections", lambda b, n: wrk(b, n, 32, "/1k", "-H", "Connection: close")),
    ("1 MB bodies", lambda b, n: wrk(b, n, 8, "/1m")),
    ("WebSocket echo", echo),
    ("HTTP/2, 1 KB", lambda b, n: h2load(b, ("http", H2C[n]))),
    ("HTTP/2 over TLS, 1 KB", lambda b, n: h2load(b, ("https", HTTPS[n]))),
    ("TLS, full handshakes", lambda b, n: handshakes(b, n, "-new")),
    ("TLS, resumed", lambda b, n: handshakes(b, n, "-reuse")),
    ("5,000 routes, keep-alive", lambda b, n: wrk(b, n, 32, "/1k", "-s", b.write("many.lua", MANY))),
]


def measure(bench, name, load):
    pids = bench.pids(name)
    before = cpu_us(pids)
    got = load(bench, name)
    return got and (got[0] / got[1], (cpu_us(pids) - before) / got[0], got[2], got[3])


def case(bench, what, load):
    got = {}
    for name in [*HTTP, *HTTP]:  # twice in turn, the better one counts
        if name == "knetd" and "TLS" in what and not bench.has_tls:
            continue
        one = measure(bench, name, load)
        if one and (name not in got or one[1] < got[name][1]):
            got[name] = one
    best = min((got[n][1] for n in got if n != "knetd"), default=0)
    for name in HTTP:
        title = what if name == "knetd" else ""
        if name not in got:
            print(f"{title:26} {name:8} {'-':>10}")
            continue
        rate, cost, p50, p99 = got[name]
        print(f"{title:26} {name:8} {rate:10.0f} {cost:12.1f} {cost / best:8.2f}x {p50:8.2f} " + (f"{p99:8.2f}" if p99 else f"{'':8}"),
              flush=True)


# ---- memory -----------------------------------------------------------------------------------------------------------------

def idle_kb(bench, name):
    """What 1,000 connections that have asked once, and are kept, take after 3 s of idling: all give their buffers back by then."""
    pids = bench.pids(name)
    held = []
    with inside(bench.knetd.netns):
        for n in (50, 1000):  # the first few pay for what is made once
            for _ in range(n):
                s = socket.create_connection(("127.0.0.1", HTTP[name]))
                s.sendall(b"GET /1k HTTP/1.1\r\nHost: bench.example\r\n\r\n")
                got = 0
                while got < 1024:
                    got += len(s.recv(65536))
                held.append(s)
            time.sleep(3)  # knetd's buffers go after 2 s
            if n == 50:
                before = sum(private_kb(p) for p in pids)
    used = sum(private_kb(p) for p in pids) - before
    for s in held:
        s.close()
    return used


# ---- a route changes ----------------------------------------------------------------------------------------------------------

def change(bench, name, i):
    """One more host among 5,000: milliseconds until a request for it is answered. Peers: their file is changed, they reload."""
    host = f"new{i}-{name}.bench.example"
    began = time.perf_counter()
    if name == "knetd":
        bench.post("/apis/networking.k8s.io/v1/namespaces/default/ingresses",
                   peers.ingress(f"new-{i}", [{"host": host, "http": peers.paths(("/", "web"))}]))
    elif name == "nginx":
        bench.write("routes.nginx", bench.read("routes.nginx") + peers.NGINX_ROUTE.format(host=host))
        os.kill(bench.nginx, 1)
    else:
        bench.write("routes.map", bench.read("routes.map") + f"{host} pod\n")
        os.kill(bench.haproxy, 12)
    eventually(lambda: is_served(bench, name, host), 30, every=0.002)
    return (time.perf_counter() - began) * 1000


def is_served(bench, name, host):
    """nginx and haproxy have a default that answers too: only a worker that was born after the change counts for them."""
    with inside(bench.knetd.netns):
        c = http.client.HTTPConnection("127.0.0.1", HTTP[name], timeout=5)
        try:
            c.request("GET", "/1k", headers={"Host": host})
            return c.getresponse().status == 200 and (name == "knetd" or bench.pids(name) != bench.before)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            c.close()


def changes(bench):
    """Under load, with what the load saw go wrong."""
    for name in HTTP:
        stop, failed, done = threading.Event(), [0], [0]

        def load(port=HTTP[name]):
            with inside(bench.knetd.netns):
                while not stop.is_set():
                    try:
                        c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                        c.request("GET", "/1k", headers={"Host": SITE})
                        answer = c.getresponse()
                        good = answer.status == 200 and len(answer.read()) == 1024
                    except (OSError, http.client.HTTPException):
                        good = False
                    done[0] += 1
                    failed[0] += not good
                    c.close()

        thread = threading.Thread(target=load)
        thread.start()
        took = []
        for i in range(5):
            bench.before = bench.pids(name)
            took.append(change(bench, name, i))
        stop.set()
        thread.join()
        title = "route change, 5,000 routes" if name == "knetd" else ""
        print(f"{title:26} {name:8} {sorted(took)[2]:10.1f} ms until it is in force; {failed[0]} of {done[0]} requests beside it failed",
              flush=True)


def main():
    with Bench() as bench:
        print(f"{'':26} {'':8} {'requests/s':>10} {'us CPU each':>12} {'x best':>9} {'p50 ms':>8} {'p99 ms':>8}")
        for what, load in CASES:
            if ONLY not in what:
                continue
            if "routes" in what:
                bench.add_routes()
            case(bench, what, load)
        for name in HTTP if ONLY in "memory" else ():
            print(f"{'memory, 1,000 idle for 3 s' if name == 'knetd' else '':26} {name:8} {idle_kb(bench, name):10} KB", flush=True)
        if ONLY in "route change":
            changes(bench)


if __name__ == "__main__":
    main()
