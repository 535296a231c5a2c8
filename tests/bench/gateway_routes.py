"""What one change costs the control process and a worker, with 10 and with 5,000 HTTPRoutes of one host, and Ingresses of a
host each; and what a request costs then. A change is in force when the API has answered: a request asked right after it must
see it. Against another build: KNETD=path."""

import http.client
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import daemon  # noqa: E402
from daemon import Knetd, inside  # noqa: E402

GATEWAY = "/apis/gateway.networking.k8s.io/v1"
ROUTES = f"{GATEWAY}/namespaces/default/httproutes"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
PORT, HTTP, CHANGES, REQUESTS = 8085, 8080, 50, 2000


def route(name, path, host="old.test", weights=None, labels=None):
    """Answered by the proxy itself, with a redirect, so that no backend is measured; or with weights, by Services."""
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": path}}]}
    if weights:
        rule["backendRefs"] = [{"name": f"s{i}", "port": 80, "weight": w} for i, w in enumerate(weights)]
    else:
        rule["filters"] = [{"type": "RequestRedirect", "requestRedirect": {"hostname": host}}]
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": name, "namespace": "default", "labels": labels or {}},
            "spec": {"parentRefs": [{"name": "gw"}], "hostnames": ["bench.test"], "rules": [rule]}}


def ingress(name, path="/", labels=None):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": name, "namespace": "default", "labels": labels or {}},
            "spec": {"ingressClassName": "knetd", "rules": [{"host": f"{name}.test", "http": {"paths": [
                {"path": path, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}]}}]}}


def service(name):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}


def endpoints(name, *ips):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "", "port": 80}], "endpoints": [{"addresses": [ip]} for ip in ips]}


def must(answer, *statuses):
    assert answer[0] in statuses, answer
    return answer[1]


def cpu(pid):
    """Microseconds of processor time so far."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1000


def measure(knetd, what, change, check=lambda i: None):
    """change(i) is one change, by the API; check(i) asks whether it is in force."""
    control, worker = knetd.process.pid, knetd.workers()["ingress-0"]
    times, before = [], [cpu(control), cpu(worker)]
    for i in range(CHANGES):
        begin = time.perf_counter()
        must(change(i), 200, 201)
        times.append((time.perf_counter() - begin) * 1000)
        check(i)
    each = [(cpu(pid) - was) / CHANGES / 1000 for pid, was in zip((control, worker), before)]
    print(f"  {what:24} control {each[0]:6.2f} ms, worker {each[1]:5.2f} ms; "
          f"{statistics.median(times):6.1f} ms until in force", flush=True)


def location(c, path):
    c.request("GET", path, headers={"Host": "bench.test"})
    r = c.getresponse()
    r.read()
    return r.headers["Location"]


def served(knetd, objects):
    os.makedirs(f"{knetd.dir}/manifests")
    with open(f"{knetd.dir}/manifests/all.yaml", "w", encoding="utf-8") as f:
        f.write("\n---\n".join(json.dumps(o) for o in objects))
    return knetd


def routes(n):
    objects = [{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "knetd"},
                "spec": {"controllerName": "knetd.io/gateway"}},
               {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "metadata": {"name": "gw", "namespace": "default"},
                "spec": {"gatewayClassName": "knetd", "listeners": [{"name": "http", "port": PORT, "protocol": "HTTP"}]}}]
    objects += [x for i in range(2) for x in (service(f"s{i}"), endpoints(f"s{i}", f"10.244.9.{i + 1}"))]
    objects += [route(f"r{i}", f"/p{i}") for i in range(n)]
    with served(Knetd(ini=f"[ingress]\nhttp = {HTTP}\n"), objects) as knetd:
        with inside(knetd.netns):
            c = http.client.HTTPConnection("127.0.0.1", PORT)
            c.connect()

        def put(i, **more):
            nth = i * 37 % n
            return knetd.api("PUT", f"{ROUTES}/r{nth}", route(f"r{nth}", f"/p{nth}", **more))

        def moved(i):
            assert location(c, f"/p{i * 37 % n}/x") == f"http://new{i}.test:{PORT}/p{i * 37 % n}/x"

        print(f"{n} HTTPRoutes of one host", flush=True)
        measure(knetd, "a rule", lambda i: put(i, host=f"new{i}.test"), moved)
        measure(knetd, "its path", lambda i: knetd.api("PUT", f"{ROUTES}/r1", route("r1", f"/q{i}", f"new{i}.test")),
                lambda i: location(c, f"/q{i}"))
        measure(knetd, "a label", lambda i: put(i, host=f"new{i}.test", labels={"a": str(i)}))
        measure(knetd, "a weight", lambda i: put(i % 2, weights=[i + 1, 1]))
        measure(knetd, "an endpoint", lambda i: knetd.api("PUT", f"{SLICES}/s0", endpoints("s0", f"10.244.9.{i + 10}")))
        measure(knetd, "one more", lambda i: knetd.api("POST", ROUTES, route(f"more{i}", f"/more{i}", "more.test")),
                lambda i: location(c, f"/more{i}"))
        measure(knetd, "one less", lambda i: knetd.api("DELETE", f"{ROUTES}/more{i}"))
        worker = knetd.workers()["ingress-0"]
        before = cpu(worker)
        for i in range(REQUESTS):
            location(c, f"/p{i * 41 % n}/x")
        print(f"  a request: worker {(cpu(worker) - before) / REQUESTS:.1f} us", flush=True)


def ingresses(n):
    objects = [x for i in range(n) for x in (service(f"i{i}"), endpoints(f"i{i}", f"10.244.{i >> 8}.{i & 255}"), ingress(f"i{i}"))]
    with served(Knetd(ini=f"[ingress]\nhttp = {HTTP}\n"), objects) as knetd:
        print(f"{n} Ingresses of a host each", flush=True)
        measure(knetd, "a path", lambda i: knetd.api("PUT", f"{INGRESSES}/i{i % n}", ingress(f"i{i % n}", f"/x{i}")))
        measure(knetd, "a label", lambda i: knetd.api("PUT", f"{INGRESSES}/i{i % n}", ingress(f"i{i % n}", f"/x{i}", {"a": "b"})))
        measure(knetd, "an endpoint", lambda i: knetd.api("PUT", f"{SLICES}/i0", endpoints("i0", f"10.244.250.{i + 10}")))
        measure(knetd, "one more", lambda i: knetd.api("POST", INGRESSES, ingress(f"more{i}")))
        measure(knetd, "one less", lambda i: knetd.api("DELETE", f"{INGRESSES}/more{i}"))


def main():
    daemon.BINARY = os.environ.get("KNETD", daemon.BINARY)
    for n in (10, 5000):
        routes(n)
        ingresses(n)


if __name__ == "__main__":
    main()
