"""Reading: what a change costs that many watch, what a watcher costs, and a list of many objects. CPU is the daemon's."""

import gzip
import json
import os
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, UnixConnection, private_kb  # noqa: E402

WATCHERS, CHANGES, OBJECTS = 1000, 20, 10000
MAPS = "/api/v1/namespaces/default/configmaps"


def cpu(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6  # milliseconds


def watcher(knetd):
    s = socket.socket(socket.AF_UNIX)
    s.connect(knetd.socket)
    s.sendall(f"GET {MAPS}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan HTTP/1.0\r\n\r\n".encode())
    assert s.recv(4096).startswith(b"HTTP/1.1 200")
    return s


def fan_out(knetd):
    pid = knetd.process.pid
    alone = cpu(pid)
    for i in range(CHANGES):
        knetd.api("PUT", MAPS + "/m", {"metadata": {"name": "m"}, "data": {"a": str(i)}})
    alone = cpu(pid) - alone
    memory = private_kb(pid)
    watchers = [watcher(knetd) for _ in range(WATCHERS)]
    memory = private_kb(pid) - memory
    idle = cpu(pid)
    for _ in range(200):
        knetd.api("GET", "/readyz")
    idle = cpu(pid) - idle
    spent, waited = cpu(pid), 0
    for i in range(CHANGES):
        begun = time.monotonic()
        knetd.api("PUT", MAPS + "/m", {"metadata": {"name": "m"}, "data": {"b": str(i)}})
        for w in watchers:
            while not w.recv(65536).endswith(b"\n"):
                pass
        waited += time.monotonic() - begun
    spent = cpu(pid) - spent
    for w in watchers:
        w.close()
    each = (spent - alone) / CHANGES
    print(f"{WATCHERS} watchers: {memory / WATCHERS:.2f} KB each; one change: {each:.2f} ms of CPU for all, "
          f"{each / WATCHERS * 1000:.1f} us each, all told after {waited / CHANGES * 1000:.1f} ms; "
          f"a turn of the loop with all of them idle: {idle / 200 * 1000:.0f} us")


def get(knetd, path, **headers):
    c = UnixConnection(knetd.socket)
    begun, spent = time.monotonic(), cpu(knetd.process.pid)
    c.request("GET", path, headers=headers)
    r = c.getresponse()
    body = r.read()
    c.close()
    assert r.status == 200
    return body, (time.monotonic() - begun) * 1000, cpu(knetd.process.pid) - spent


def lists(knetd):
    items = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{i}"},
              "spec": {"ports": [{"port": 80, "targetPort": 8080}], "selector": {"app": f"a{i}"}}} for i in range(OBJECTS)]
    assert knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})[0] == 200
    path, packed = "/api/v1/services", {"Accept-Encoding": "gzip"}
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    for what, query, headers in (("whole", "", {}), ("limit=500", "?limit=500", {}), ("limit=500, gzip", "?limit=500", packed),
                                 ("limit=5000, gzip", "?limit=5000", packed), ("by label", "?labelSelector=x%3Dy", {}),
                                 ("Table, limit=500", "?limit=500", table), ("Table, whole", "", table)):
        best = min((get(knetd, path + query, **headers) for _ in range(5)), key=lambda r: r[2])
        plain = gzip.decompress(best[0]) if best[0][:2] == b"\x1f\x8b" else best[0]
        print(f"list of {OBJECTS} Services, {what}: {len(best[0]) / 1e6:.2f} MB ({len(plain) / 1e6:.2f} plain), "
              f"{best[1]:.1f} ms, {best[2]:.1f} ms of CPU")


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    with Knetd(service_cidr="10.96.0.0/14") as knetd:
        assert knetd.api("POST", MAPS, {"metadata": {"name": "m"}})[0] == 201
        fan_out(knetd)
        lists(knetd)


if __name__ == "__main__":
    main()
