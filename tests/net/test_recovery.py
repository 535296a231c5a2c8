"""kill -9 of the control process: workers and kernel go on serving, and the next start finds everything
as it was: no object, address or connection through a Service lost."""

import os
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod, eventually  # noqa: E402

TALK = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 80), 5)
f = s.makefile("rwb")
for i in range(int(sys.argv[2])):
    f.write(b"GET /%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % i)
    f.flush()
    assert f.readline().startswith(b"HTTP/1.1 200"), i
    n = 0
    while (line := f.readline().strip()):
        if line.lower().startswith(b"content-length:"):
            n = int(line.split(b":")[1])
    f.read(n)
    print(i, flush=True)
    time.sleep(0.05)
print("done")
"""


@pytest.fixture
def node(knetd_factory):
    daemon = knetd_factory()
    pods = []
    try:
        for name, app in (("one", "web"), ("client", "client")):
            pods.append(Pod(daemon, name, labels={"app": app}))
        pods[0].serve(8080)
        for kind, body in (
            ("api/v1/namespaces/default/services", {
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
            ("apis/networking.k8s.io/v1/namespaces/default/ingresses", {
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
                "spec": {"rules": [{"host": "web.example", "http": {"paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}),
        ):
            status, answer = daemon.api("POST", f"/{kind}", body)
            assert status == 201, answer
        yield daemon, pods
    finally:
        for pod in pods:
            pod.remove()


def objects(daemon):
    paths = ("/api/v1/services", "/api/v1/pods", "/apis/discovery.k8s.io/v1/endpointslices",
             "/apis/networking.k8s.io/v1/ingresses", "/apis/knetd.io/v1alpha1/podnetworks", "/api/v1/namespaces")
    return {path: daemon.api("GET", path)[1]["items"] for path in paths}


def serving(daemon, pods):
    """DNS, Service and Ingress, each asked once. Empty when all answer."""
    wrong = []
    address = pods[1].run("dig", "+short", "+time=2", "+tries=1", "@10.96.0.10",
                          "web.default.svc.cluster.local").stdout.strip()
    if not address.startswith("10.96."):
        wrong.append(f"dns: {address!r}")
    elif pods[1].curl(f"http://{address}/s") != "one /s\n":
        wrong.append("service")
    if daemon.exec("curl", "-sS", "-m", "3", "-H", "Host: web.example", "http://127.0.0.1/i").stdout != "one /i\n":
        wrong.append("ingress")
    return wrong


def test_everything_serves(node):
    assert not serving(*node)


def test_killed_control_process_loses_nothing(node):
    daemon, pods = node
    before, workers = objects(daemon), set(daemon.pids())
    address = pods[1].run("dig", "+short", "@10.96.0.10", "web.default.svc.cluster.local").stdout.strip()
    talk = subprocess.Popen(["ip", "netns", "exec", pods[1].netns, sys.executable, "-c", TALK, address, "60"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert talk.stdout.readline() == "0\n"
    control = daemon.process.pid
    daemon.stop(signal.SIGKILL)
    for _ in range(3):
        assert not serving(daemon, pods), "without a control process"
    daemon.start()
    assert objects(daemon) == before
    assert not serving(daemon, pods)
    out, err = talk.communicate(timeout=30)
    assert out.endswith("done\n"), err
    kept = workers & set(daemon.pids()) - {control}
    assert len(kept) == 2, "both workers were adopted, not replaced"
    extra = Pod(daemon, "late", labels={"app": "late"})
    extra.remove()
    assert extra.ip4 not in {p.ip4 for p in pods}, "leases are kept"


def test_sigterm_leaves_everything_serving(node):
    daemon, pods = node
    daemon.stop()
    assert daemon.process.returncode == 0
    assert not serving(daemon, pods)
    daemon.start()
    assert not serving(daemon, pods)


def test_dead_worker_comes_back(node):
    daemon, pods = node
    for pid in daemon.workers().values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not serving(daemon, pods), seconds=10)


def test_workers_have_no_privileges(node):
    daemon, _ = node
    found = daemon.workers()
    for pid in found.values():
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        assert status["Uid"].split() == ["65534"] * 4
        assert {status[k] for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
        assert os.listdir(f"/proc/{pid}/root/") == []
    assert len(found) == 2


def test_random_kills_lose_no_acknowledged_object(node):
    """Writers go on while the control process is killed; what was acknowledged is there afterwards."""
    daemon, _ = node
    acknowledged = []
    for round_ in range(5):
        end = time.monotonic() + 0.2 + 0.05 * round_
        i = 0
        while time.monotonic() < end:
            name = f"c{round_}-{i}"
            if daemon.api("POST", "/api/v1/namespaces/default/configmaps",
                          {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})[0] == 201:
                acknowledged.append(name)
            i += 1
        daemon.stop(signal.SIGKILL)
        daemon.start()
    have = {o["metadata"]["name"] for o in daemon.api("GET", "/api/v1/namespaces/default/configmaps")[1]["items"]}
    assert set(acknowledged) <= have and len(acknowledged) > 20
