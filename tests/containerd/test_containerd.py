"""Pods of real containerd and runc, in every version that Debian serves: one reaches another through a
Service by its name, knetd and containerd may be restarted and killed, and afterwards nothing is left."""

import os
import signal
import time

import grpc
import pytest
from leftovers import Leftovers
from node import HELLO, HTTPD, IDLE, CriPod, sandbox_config
from pods import eventually

def curl(node, url):
    return node.exec("curl", "-sS", "-m", "5", url).stdout


def test_version(node):
    said = node.runtime.cri("Version").runtime_version
    assert said.split("~")[0].split("+")[0].startswith(node.runtime.version), said


def test_pods_reach_each_other_by_name(node, idle):
    status, answer = node.knetd.api("POST", "/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    assert status == 201, answer
    with CriPod(node.runtime, "web-0", HTTPD, annotations={"knetd.io/labels": "app=web"}) as web, CriPod(node.runtime, "client", IDLE) as client:
        pod = node.pod_object("web-0")
        assert pod["metadata"]["labels"]["app"] == "web" and pod["status"]["podIP"].startswith("10.244.")
        assert [ip["ip"] for ip in pod["status"]["podIPs"]] == web.ips()
        assert eventually(lambda: client.exec("/bin/wget", "-qO-", "http://web/")[1]) == HELLO
        code, out, err = client.exec("/bin/wget", "-qO-", "http://web.default.svc.cluster.local/")
        assert (code, out) == (0, HELLO), err
        for ip in web.ips():
            assert curl(node, f"http://[{ip}]:8080/" if ":" in ip else f"http://{ip}:8080/") == HELLO
    assert node.knetd.api("DELETE", "/api/v1/namespaces/default/services/web")[0] == 200


def test_dns_config_reaches_the_pod(node, idle):
    with CriPod(node.runtime, "named", IDLE) as pod:
        assert set(pod.exec("/bin/cat", "/etc/resolv.conf")[1].splitlines()) == {
            "nameserver 10.96.0.10", "search default.svc.cluster.local svc.cluster.local cluster.local", "options ndots:5"}
        assert pod.exec("/bin/cat", "/etc/hostname")[1] == "named\n"


def test_host_ports(node, idle):
    assert node.exec("ip", "addr", "replace", "192.0.2.1/32", "dev", "lo").returncode == 0
    mappings = [{"protocol": "TCP", "container_port": 8080, "host_port": 18080}, {"protocol": "TCP", "container_port": 9, "host_port": 0}]
    with CriPod(node.runtime, "ported", HTTPD, port_mappings=mappings) as pod, CriPod(node.runtime, "client", IDLE) as client:
        for at in ("127.0.0.1", "192.0.2.1"):
            assert curl(node, f"http://{at}:18080/") == HELLO, at
        assert client.exec("/bin/wget", "-qO-", "http://192.0.2.1:18080/")[1] == HELLO
        with pytest.raises(grpc.RpcError, match="18080"):
            CriPod(node.runtime, "second", port_mappings=mappings)
        pod.stop()
        assert curl(node, "http://127.0.0.1:18080/") == ""
        CriPod(node.runtime, "second", port_mappings=mappings).remove()
    node.exec("ip", "addr", "del", "192.0.2.1/32", "dev", "lo")


def test_bandwidth(node, idle):
    """Into the pod at the node's end of its link, out of it at the pod's own."""
    with CriPod(node.runtime, "slow", annotations={"kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "20M"}):
        assert " rate 10Mbit " in node.exec("tc", "qdisc").stdout
        inside = node.exec("nsenter", f"--net={node.netns_mounts()[0]}", "tc", "qdisc").stdout
        assert " rate 20Mbit " in inside, inside


def test_pod_of_the_host_network_makes_no_call(node, idle):
    calls = node.knetd.api("GET", "/metrics")[1].split("knetd_cni_calls_total", 1)[1].split("# TYPE")[0]
    linux = sandbox_config(node.runtime, "host")["linux"] | {"security_context": {"namespace_options": {"network": "NODE"}}}
    with CriPod(node.runtime, "host", IDLE, linux=linux, hostname="") as pod:
        assert "10.96.0.10" in pod.exec("/bin/ip", "-4", "addr", "show", "dev", "lo")[1]
    assert node.knetd.api("GET", "/metrics")[1].split("knetd_cni_calls_total", 1)[1].split("# TYPE")[0] == calls


@pytest.mark.parametrize("how", [15, 9])
def test_pod_outlives_a_restart_of_knetd(node, idle, how):
    with CriPod(node.runtime, "keeper", HTTPD):
        before = node.pod_object("keeper")
        node.knetd.stop(how)
        node.knetd.start()
        assert node.pod_object("keeper") == before
        assert curl(node, f"http://{before['status']['podIP']}:8080/") == HELLO


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_pod_outlives_a_restart_of_containerd(node, idle, how):
    with CriPod(node.runtime, "keeper", HTTPD) as pod:
        ips = pod.ips()
        node.runtime.kill() if how == "kill" else node.runtime.terminate()
        assert curl(node, f"http://{ips[0]}:8080/") == HELLO
        node.runtime.start()
        assert pod.ips() == ips
        assert pod.exec("/bin/wget", "-qO-", "http://127.0.0.1:8080/")[1] == HELLO


def test_ten_pods_in_a_row(node, idle):
    start = time.monotonic()
    seen = set()
    for i in range(10):
        pod = CriPod(node.runtime, "again", attempt=i)
        seen.update(pod.ips())
        pod.stop()
        pod.stop()
        pod.remove()
        node.runtime.cri("RemovePodSandbox", pod_sandbox_id=pod.sandbox)
    assert len(seen) == 20, "an address was given again at once"
    print(f"10 sandboxes in {time.monotonic() - start:.1f} s")


def test_failed_pod_leaves_its_name_free(node, idle):
    """While knetd is away neither ADD nor the DEL after it succeeds."""
    node.knetd.stop()
    with pytest.raises(grpc.RpcError, match="is the daemon running"):
        CriPod(node.runtime, "early")
    node.knetd.start()
    for sandbox in node.runtime.cri("ListPodSandbox").items:  # as a kubelet does with what is not ready
        node.runtime.cri("StopPodSandbox", pod_sandbox_id=sandbox.id)
        node.runtime.cri("RemovePodSandbox", pod_sandbox_id=sandbox.id)
    CriPod(node.runtime, "early").remove()


def test_stop_while_knetd_is_away(node, idle):
    """Fails, and is made good later: a runtime goes on asking."""
    pod = CriPod(node.runtime, "late")
    node.knetd.stop(9)
    with pytest.raises(grpc.RpcError, match="is the daemon running"):
        pod.stop()
    node.knetd.start()
    pod.remove()


def test_shim_dies(node):
    """Its pod is stopped and removed as any other, once containerd has noticed. (Version 2 leaves
    files and processes of its own then.)"""
    state = Leftovers(node, whole=False)
    pod = CriPod(node.runtime, "orphan", IDLE)
    for pid in node.runtime.shims():
        os.kill(pid, signal.SIGKILL)
    pod.stop()
    eventually(pod.removed)
    state.gone()
