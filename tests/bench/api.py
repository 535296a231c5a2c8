#!/usr/bin/python3
"""The API and its store: requests, lists, watches, memory, start, and CNI ADD beside a hundred writers.

The load generator shares the machine, so each line has the daemon's own CPU time per request beside the rate.
Durable writes stand beside etcd's (Debian's etcd-server, through its JSON gateway, the same client here)
when it is installed, on the same file system. An absolute time is never judged."""

import base64
import json
import os
import re
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.dirname(HERE))
from cni import Plugin, knet_conf, netns, percentile  # noqa: E402
from daemon import BINARY, Knetd, inside, private_kb  # noqa: E402

MAPS = "/api/v1/namespaces/default/configmaps"
HEAD_END = b"\r\n\r\n"


def cpu(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9  # of the one thread that serves


def cpu_of_group(pid):
    return sum(cpu(f"{pid}/task/{t}") for t in os.listdir(f"/proc/{pid}/task"))


def request(method, path, body=None, host="localhost"):
    text = json.dumps(body).encode() if body is not None else b""
    return (f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n").encode() + text


class Client:
    """A connection with one request under way."""

    def __init__(self, connect, make):
        self.sock, self.make = connect(), make
        self.buffer, self.sent = b"", 0

    def send(self, i):
        self.sent = time.perf_counter()
        self.sock.sendall(self.make(i))

    def answered(self):
        self.buffer += self.sock.recv(1 << 20)
        head = self.buffer.find(HEAD_END)
        if head < 0:
            return False
        m = re.search(rb"content-length: (\d+)", self.buffer[:head].lower())
        if m and len(self.buffer) < head + 4 + int(m.group(1)):
            return False
        if not m and not self.buffer.endswith(b"0\r\n\r\n"):
            return False
        assert self.buffer[9:12] in (b"200", b"201"), self.buffer[:600]
        self.buffer = b""
        return True


def drive(connect, make, clients, total):
    """Latencies in us and the seconds it took."""
    select, times, next_i = selectors.DefaultSelector(), [], 0
    start = time.perf_counter()
    for _ in range(clients):
        c = Client(connect, make)
        select.register(c.sock, selectors.EVENT_READ, c)
        c.send(next_i)
        next_i += 1
    while len(times) < total:
        for key, _ in select.select():
            c = key.data
            if not c.answered():
                continue
            times.append((time.perf_counter() - c.sent) * 1e6)
            if next_i < total:
                c.send(next_i)
                next_i += 1
    took = time.perf_counter() - start
    for key in list(select.get_map().values()):
        key.fileobj.close()
    return times, took


def show(name, times, took, cpu_s):
    print(f"{name:44} {len(times) / took:9.0f} {percentile(times, 50) / 1000:8.2f} {percentile(times, 99) / 1000:8.2f} "
          f"{cpu_s / len(times) * 1e6:9.0f}")
    return len(times) / took


def unix(path):
    def connect():
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        return s
    return connect


def config_map(name):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "x" * 200}}


def requests(knetd):
    print(f"{'':44} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU us':>9}")
    rates, connect, pid = {}, unix(knetd.socket), knetd.process.pid

    def run(name, make, clients, total):
        before = cpu(pid)
        times, took = drive(connect, make, clients, total)
        rates[name] = show(name, times, took, cpu(pid) - before)

    run("create, 1 client", lambda i: request("POST", MAPS, config_map(f"a{i}")), 1, 500)
    run("create, 100 clients", lambda i: request("POST", MAPS, config_map(f"b{i}")), 100, 5000)
    run("get, 1 client", lambda i: request("GET", f"{MAPS}/a{i % 500}"), 1, 3000)
    run("get, 100 clients", lambda i: request("GET", f"{MAPS}/b{i % 5000}"), 100, 10000)
    knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": "many"}})
    apply(knetd, [dict(config_map(f"c{i}"), metadata={"name": f"c{i}", "namespace": "many"}) for i in range(1000)])
    run("list of 1,000, 1 client", lambda i: request("GET", "/api/v1/namespaces/many/configmaps"), 1, 200)
    return rates


def etcd(rates):
    binary = shutil.which("etcd")
    if not binary:
        print("etcd: not installed (Debian: etcd-server), nothing to compare durable writes with")
        return
    with tempfile.TemporaryDirectory() as directory:
        peer = subprocess.Popen([binary, "--data-dir", directory, "--listen-client-urls", "http://127.0.0.1:23790",
                                 "--advertise-client-urls", "http://127.0.0.1:23790", "--listen-peer-urls",
                                 "http://127.0.0.1:23800", "--log-level", "error"], stderr=subprocess.DEVNULL)
        try:
            def connect():
                return socket.create_connection(("127.0.0.1", 23790))

            end = time.monotonic() + 20
            while True:
                try:
                    connect().close()
                    break
                except OSError:
                    assert time.monotonic() < end and peer.poll() is None
                    time.sleep(0.05)

            def put(i):
                key = base64.b64encode(f"/registry/configmaps/default/e{i}".encode()).decode()
                value = base64.b64encode(json.dumps(config_map(f"e{i}")).encode()).decode()
                return request("POST", "/v3/kv/put", {"key": key, "value": value}, "127.0.0.1:23790")

            drive(connect, put, 1, 20)
            for clients, total in ((1, 500), (100, 5000)):
                before = cpu_of_group(peer.pid)
                times, took = drive(connect, put, clients, total)
                name = f"create, {clients} client" + "s" * (clients > 1)
                rate = show(f"etcd put, {clients} client" + "s" * (clients > 1), times, took,
                            cpu_of_group(peer.pid) - before)
                print(f"  durable writes, knetd : etcd = {rates[name] / rate:.2f}")
        finally:
            peer.terminate()
            peer.wait(20)


def watches(knetd, n=1000):
    connect, select, pid = unix(knetd.socket), selectors.DefaultSelector(), knetd.process.pid
    knetd.api("POST", MAPS, config_map("watched"))
    memory = private_kb(pid)
    version = knetd.api("GET", MAPS)[1]["metadata"]["resourceVersion"]
    for _ in range(n):
        s = connect()
        s.sendall(request("GET", f"{MAPS}?watch=1&resourceVersion={version}"))
        assert s.recv(4096)
        select.register(s, selectors.EVENT_READ)
    memory = private_kb(pid) - memory
    took, used = [], []
    for i in range(5):
        before, start, seen = cpu(pid), time.perf_counter(), set()
        knetd.api("PATCH", MAPS + "/watched", json.dumps({"data": {"key": str(i)}}), "application/merge-patch+json")
        while len(seen) < n:
            for key, _ in select.select():
                key.fileobj.recv(1 << 16)
                seen.add(key.fd)
        took.append((time.perf_counter() - start) * 1e6)
        used.append((cpu(pid) - before) * 1e6)
    for key in list(select.get_map().values()):
        key.fileobj.close()
    print(f"watch fan-out, one change to {n} watchers: all saw it after {percentile(took, 50) / 1000:.1f} ms, "
          f"{percentile(used, 50) / n:.1f} us of CPU each, {memory / n:.1f} KB of memory each")


def service(i):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{i}"},
            "spec": {"selector": {"app": f"s{i}"}, "ports": [{"port": 80}]}}


def pod(i):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{i}", "labels": {"app": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}


def apply(knetd, items):
    status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})
    assert status == 200, answer


def memory():
    for what, make in (("ConfigMaps", lambda i: config_map(f"m{i}")), ("Pods", pod), ("Services", service)):
        with Knetd(ini="[ingress]\nhttp = 0") as knetd:
            apply(knetd, [make(i) for i in range(2000)])
            knetd.api("GET", "/livez")
            before = knetd.private_kb()
            apply(knetd, [make(i) for i in range(2000, 4000)])
            knetd.api("GET", "/livez")
            print(f"memory per 1,000 {what}: {(knetd.private_kb() - before) / 2:.0f} KB (daemon and workers)")


def start(n=10000):
    def measured(knetd):
        knetd.stop()
        begun = time.perf_counter()
        knetd.start()
        return time.perf_counter() - begun

    with Knetd(ini="[ingress]\nhttp = 0") as knetd:
        empty = measured(knetd)
        apply(knetd, [service(i) for i in range(n)])
        print(f"start until ready: {empty * 1000:.0f} ms empty, {measured(knetd) * 1000:.0f} ms with {n:,} Services")


def add_beside_writers(directory, pods=60):
    with Knetd(ini="[ingress]\nhttp = 0", pod_cidr="10.244.0.0/20,fd00:10:244::/64") as knetd, inside(knetd.netns):
        knet = Plugin(f"{directory}/knet", knet_conf(knetd), directory)
        names = [f"{knetd.netns}-{i}" for i in range(2 * pods)]
        netns("add", names)
        try:
            alone = [knet.call("ADD", n) for n in names[:pods]]
            load = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE,
                                    env={**os.environ, "BENCH_WRITE_TO": knetd.socket})
            assert load.stdout.readline()
            beside = [knet.call("ADD", n) for n in names[pods:]]
            load.terminate()
            load.wait(20)
        finally:
            netns("del", names)
    print(f"CNI ADD: p50 {percentile(alone, 50) / 1000:.2f} ms, p99 {percentile(alone, 99) / 1000:.2f} ms; beside 100 "
          f"writing clients p50 {percentile(beside, 50) / 1000:.2f} ms, p99 {percentile(beside, 99) / 1000:.2f} ms "
          f"({percentile(beside, 50) / percentile(alone, 50):.1f} x, "
          f"{percentile(beside, 99) / percentile(alone, 99):.1f} x; the clients take a core of their own)")


def write_for_ever(path):
    drive(unix(path), lambda i: request("POST", MAPS, config_map(f"w{i}")), 100, 500)
    print("writing", flush=True)
    drive(unix(path), lambda i: request("POST", MAPS, config_map(f"x{i}")), 100, 1 << 30)


def main():
    if "BENCH_WRITE_TO" in os.environ:  # the load of add_beside_writers
        write_for_ever(os.environ["BENCH_WRITE_TO"])
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    directory = tempfile.mkdtemp()
    try:
        os.symlink(BINARY, f"{directory}/knet")
        with Knetd(ini="[ingress]\nhttp = 0") as knetd:
            rates = requests(knetd)
            etcd(rates)
            watches(knetd)
        memory()
        start()
        add_beside_writers(directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
