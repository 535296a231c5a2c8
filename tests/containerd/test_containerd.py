"""Pods of real containerd and runc: one reaches another through a Service by its name, and when they are
gone nothing is left."""

import os
import subprocess
import sys
import tempfile
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.dirname(HERE))
from daemon import BINARY, Knetd  # noqa: E402
from kit import IMAGE, Containerd  # noqa: E402
from pods import eventually  # noqa: E402

# What a machine of its own would have: folders of the runtime that no other instance sees.
HOLD = ("mount -t tmpfs t /run/containerd 2>/dev/null || { mkdir -p /run/containerd; mount -t tmpfs t /run/containerd; }; "
        "mkdir -p /var/lib/cni /run/netns; mount -t tmpfs t /var/lib/cni; mount -t tmpfs t /run/netns; "
        "mount --make-shared /run/netns; echo held; exec sleep 1000000")


@pytest.fixture(scope="module")
def node():
    daemon = Knetd()
    holder = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{daemon.netns}", "unshare", "-m", "--propagation", "private",
                               "sh", "-c", HOLD], stdout=subprocess.PIPE, text=True)
    directory = tempfile.mkdtemp(prefix="knettestc")
    runtime = None
    try:
        assert holder.stdout.readline() == "held\n"
        daemon.enter = ["nsenter", "-t", str(holder.pid), "-m", "-n", "--"]
        daemon.start()
        runtime = Containerd(holder.pid, directory, BINARY, daemon.socket)
        runtime.start()
        runtime.load_image()
        yield daemon, runtime
    finally:
        if runtime:
            runtime.stop()
        daemon.stop()
        holder.kill()
        holder.wait()
        daemon.close()
        subprocess.run(["rm", "-rf", directory], check=False)


class CriPod:
    """A sandbox with one container, as a kubelet would ask for it."""

    def __init__(self, runtime, name, annotations, command):
        self.runtime = runtime
        self.config = {
            "metadata": {"name": name, "uid": f"uid-{name}", "namespace": "default"},
            "hostname": name, "log_directory": os.path.join(runtime.dir, "log"),
            "dns_config": {"servers": ["10.96.0.10"], "options": ["ndots:5"],
                           "searches": ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]},
            "annotations": annotations, "linux": {"cgroup_parent": f"/knettest-{os.getpid()}-{name}"},
        }
        self.sandbox = runtime.cri("RunPodSandbox", config=self.config).pod_sandbox_id
        self.container = runtime.cri("CreateContainer", pod_sandbox_id=self.sandbox, sandbox_config=self.config, config={
            "metadata": {"name": "main"}, "image": {"image": IMAGE}, "command": command, "log_path": name, "linux": {},
        }).container_id
        runtime.cri("StartContainer", container_id=self.container)

    def exec(self, *cmd):
        r = self.runtime.cri("ExecSync", container_id=self.container, cmd=list(cmd), timeout=10)
        return r.exit_code, r.stdout.decode(), r.stderr.decode()

    def remove(self):
        self.runtime.cri("StopPodSandbox", pod_sandbox_id=self.sandbox)
        self.runtime.cri("RemovePodSandbox", pod_sandbox_id=self.sandbox)


def left_over(daemon):
    links = daemon.exec("ip", "-o", "link").stdout
    routes = daemon.exec("ip", "route").stdout
    return [line for line in (links + routes).splitlines() if "knet" in line or "10.244." in line]


def test_pods_reach_each_other_by_name(node):
    daemon, runtime = node
    status, answer = daemon.api("POST", "/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    assert status == 201, answer
    web = CriPod(runtime, "web-0", {"knetd.io/labels": "app=web"}, ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"])
    client = CriPod(runtime, "client", {}, ["/bin/sleep", "1000000"])
    try:
        _, pod = daemon.api("GET", "/api/v1/namespaces/default/pods/web-0")
        assert pod["metadata"]["labels"]["app"] == "web" and pod["status"]["podIP"].startswith("10.244.")
        code, resolv, _ = client.exec("/bin/cat", "/etc/resolv.conf")
        assert code == 0 and "nameserver 10.96.0.10" in resolv
        assert eventually(lambda: client.exec("/bin/wget", "-qO-", "http://web/")[1]) == "hello from containerd\n"
        code, out, err = client.exec("/bin/wget", "-qO-", "http://web.default.svc.cluster.local/")
        assert (code, out) == (0, "hello from containerd\n"), err
        assert daemon.exec("curl", "-sS", "-m", "5", f"http://{pod['status']['podIP']}:8080/").stdout == "hello from containerd\n"
    finally:
        web.remove()
        client.remove()
    eventually(lambda: not left_over(daemon), seconds=10)
    assert daemon.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"] == []
    assert daemon.api("GET", "/api/v1/namespaces/default/pods")[1]["items"] == []


def test_pod_outlives_a_restart_of_knetd(node):
    daemon, runtime = node
    pod = CriPod(runtime, "keeper", {"knetd.io/labels": "app=keeper"}, ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"])
    try:
        before = daemon.api("GET", "/api/v1/namespaces/default/pods/keeper")[1]
        daemon.stop(9)
        daemon.start()
        assert daemon.api("GET", "/api/v1/namespaces/default/pods/keeper")[1] == before
        ip = before["status"]["podIP"]
        assert daemon.exec("curl", "-sS", "-m", "5", f"http://{ip}:8080/").stdout == "hello from containerd\n"
    finally:
        pod.remove()
    eventually(lambda: not left_over(daemon), seconds=10)


def test_ten_pods_in_a_row_leave_nothing(node):
    daemon, runtime = node
    start = time.monotonic()
    for i in range(10):
        config = {"metadata": {"name": f"p{i}", "uid": f"u{i}", "namespace": "default"}, "hostname": "p",
                  "log_directory": os.path.join(runtime.dir, "log"), "linux": {"cgroup_parent": f"/knettest-{os.getpid()}-p{i}"}}
        sandbox = runtime.cri("RunPodSandbox", config=config).pod_sandbox_id
        runtime.cri("StopPodSandbox", pod_sandbox_id=sandbox)
        runtime.cri("StopPodSandbox", pod_sandbox_id=sandbox)
        runtime.cri("RemovePodSandbox", pod_sandbox_id=sandbox)
    eventually(lambda: not left_over(daemon), seconds=10)
    print(f"10 sandboxes in {time.monotonic() - start:.1f} s")
