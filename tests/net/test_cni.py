"""The CNI plugin against a real daemon in a network namespace of its own: what the specification asks
of ADD, DEL, CHECK, GC, STATUS and VERSION, what pods can reach, and what a crash leaves behind."""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import BINARY, inside  # noqa: E402
from pods import CniError, Pod, eventually  # noqa: E402

VERSIONS = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]
SIOCGIFFLAGS, IFF_RUNNING = 0x8913, 0x40  # <linux/sockios.h>, <net/if.h>
CAT = "import socket,sys; s=socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); print(s.getsockname()[0])"


@pytest.fixture
def pods(knetd):
    made = []

    def make(name, **kw):
        made.append(Pod(knetd, name, **kw))
        return made[-1]

    yield make
    for pod in made:
        pod.remove()


def links(knetd):
    return [link["ifname"] for link in json.loads(knetd.exec("ip", "-j", "link").stdout)
            if link["ifname"].startswith("knet")]


def attachments(knetd):
    return knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]


def ping(pod, ip):
    return pod.run("ping", "-c", "1", "-W", "2", ip).returncode == 0


def is_running(knetd, link):
    with inside(knetd.netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        answer = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sH14x", link.encode(), 0))
    return bool(struct.unpack("16xH14x", answer)[0] & IFF_RUNNING)


# ---- the verbs -------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_add_check_del_in_each_version(knetd, pods, version):
    pod = pods(f"v{version.replace('.', '')}")
    pod.cni("DEL", cniVersion=version)
    result = pod.cni("ADD", cniVersion=version)
    assert result["cniVersion"] == version
    assert [i["name"] for i in result["interfaces"]][1] == "eth0"
    assert result["interfaces"][1]["sandbox"].endswith(pod.netns)
    assert ("version" in result["ips"][0]) == (version < "1.0.0")
    assert {ip["address"].split("/")[1] for ip in result["ips"]} == {"32", "128"}
    assert all(ip["interface"] == 1 for ip in result["ips"])
    if version != "0.3.1":
        assert pod.cni("CHECK", cniVersion=version, prevResult=result) is None
    assert pod.cni("DEL", cniVersion=version, prevResult=result) is None


def test_version_is_answered_without_a_daemon(tmp_path):
    plugin = tmp_path / "knet"
    plugin.symlink_to(BINARY)
    p = subprocess.run([plugin], env={"CNI_COMMAND": "VERSION"}, input='{"cniVersion":"1.0.0"}', capture_output=True,
                       text=True, check=True)
    assert json.loads(p.stdout) == {"cniVersion": "1.0.0", "supportedVersions": VERSIONS}


@pytest.mark.parametrize("command,code", [("ADD", 11), ("DEL", 11), ("STATUS", 50)])
def test_no_daemon_is_told(tmp_path, command, code):
    plugin = tmp_path / "knet"
    plugin.symlink_to(BINARY)
    conf = {"cniVersion": "1.1.0", "name": "n", "type": "knet"}
    env = {"CNI_COMMAND": command, "CNI_CONTAINERID": "c", "CNI_IFNAME": "eth0", "CNI_NETNS": "/x",
           "KNETD_SOCKET": str(tmp_path / "none.sock")}
    p = subprocess.run([plugin], env=env, input=json.dumps(conf), capture_output=True, text=True, check=False)
    answer = json.loads(p.stdout)
    assert p.returncode == 1 and answer["code"] == code and str(tmp_path) in answer["msg"]


def test_environment_is_checked_and_named(pods):
    pod = pods("env")
    for variable, value in (("CNI_IFNAME", "eth/0"), ("CNI_NETNS", "relative"), ("CNI_NETNS", ""),
                            ("CNI_CONTAINERID", "../etc"), ("CNI_ARGS", "K8S_POD_NAME=Not_A_Name")):
        with pytest.raises(CniError) as e:
            call(pod, "ADD", **{variable: value})
        assert e.value.code == 4 and variable in e.value.msg


def call(pod, command, conf=None, **env):
    """The plugin with variables changed, which Pod.cni has no way to say."""
    base = {"CNI_COMMAND": command, "CNI_CONTAINERID": pod.container, "CNI_IFNAME": "eth0",
            "CNI_NETNS": f"/var/run/netns/{pod.netns}", "CNI_ARGS": "", "KNETD_SOCKET": pod.knetd.socket}
    text = conf if isinstance(conf, str) else json.dumps({"cniVersion": "1.1.0", "name": "knet", "type": "knet", **(conf or {})})
    p = subprocess.run(
        ["knet"], executable=BINARY, env={**base, **env}, input=text,
        capture_output=True, text=True, check=False)
    answer = json.loads(p.stdout) if p.stdout.strip() else None
    if p.returncode:
        raise CniError(answer or {"msg": p.stderr})
    return answer


@pytest.mark.parametrize("conf,code", [
    ("not json", 6), ({"cniVersion": "7.0"}, 1), ({"name": ""}, 7), ({"ipam": {"type": "host-local"}}, 2),
    ({"runtimeConfig": {"portMappings": [{"HostPort": 8080, "ContainerPort": 0}]}}, 7),
    ({"runtimeConfig": {"ips": ["192.0.2.1"]}}, 7)])
def test_bad_configurations(knetd, pods, conf, code):
    pod = pods("badconf")
    before = len(attachments(knetd))
    with pytest.raises(CniError) as e:
        call(pod, "ADD", conf, CNI_CONTAINERID="badconf", CNI_IFNAME="eth1")
    assert e.value.code == code
    assert len(attachments(knetd)) == before


def test_second_add_fails_and_leaves_the_first(pods):
    pod, other = pods("twice"), pods("twice-other")
    with pytest.raises(CniError) as e:
        pod.cni("ADD")
    assert e.value.code == 4 and "CNI_IFNAME" in e.value.msg
    with pytest.raises(CniError) as e:  # another container, but the same namespace
        call(pod, "ADD", CNI_CONTAINERID="someone-else")
    assert e.value.code == 4 and "exists already" in e.value.msg
    pod.cni("CHECK", prevResult=pod.result)
    assert ping(pod, other.ip4)


def test_second_interface(pods):
    pod, other = pods("multi"), pods("multi-other")
    result = call(pod, "ADD", CNI_IFNAME="net1", CNI_ARGS=f"K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod.name}")
    second = result["ips"][0]["address"].split("/")[0]
    assert not result["routes"], "the way out stays that of the first interface"
    assert second != pod.ip4 and ping(other, second) and ping(other, pod.ip4)
    _, obj = pod.knetd.api("GET", f"/api/v1/namespaces/default/pods/{pod.name}")
    assert obj["status"]["podIP"] == pod.ip4, "the Pod's address is that of its first interface"
    call(pod, "DEL", CNI_IFNAME="net1")
    pod.cni("CHECK", prevResult=pod.result)


def test_del_never_fails(knetd, pods):
    pod = pods("gone")
    assert pod.cni("DEL") is None
    assert pod.cni("DEL") is None
    assert call(pod, "DEL", CNI_CONTAINERID="never-seen") is None
    assert call(pod, "DEL", CNI_NETNS="") is None
    pod.cni("ADD")
    subprocess.run(["ip", "netns", "del", pod.netns], check=True)
    assert call(pod, "DEL", CNI_NETNS="") is None
    assert not [a for a in attachments(knetd) if a["spec"]["containerID"] == pod.container]
    eventually(lambda: len(links(knetd)) == len(attachments(knetd)))


def test_add_right_after_del(knetd, pods):
    pod = pods("again")
    for _ in range(5):
        pod.cni("DEL")
        pod.result = pod.cni("ADD")
        assert is_running(knetd, pod.result["interfaces"][0]["name"])  # else the kernel drops what goes to the pod
        ip = next(i["address"].split("/")[0] for i in pod.result["ips"])
        assert ip in pod.run("ip", "addr").stdout
        assert ping(pod, "169.254.1.1")


def test_failed_add_leaves_nothing(knetd, pods):
    pod = pods("rollback")
    before = len(attachments(knetd))
    with pytest.raises(CniError) as e:
        call(pod, "ADD", {"runtimeConfig": {"io.kubernetes.cri.pod-annotations": {"knetd.io/labels": "not a label"}}},
             CNI_CONTAINERID="rollback2", CNI_IFNAME="eth7", CNI_ARGS="K8S_POD_NAME=rollback2")
    assert e.value.code == 7 and "knetd.io/labels" in e.value.msg
    assert len(attachments(knetd)) == before
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/rollback2")[0] == 404
    eventually(lambda: "eth7" not in pod.run("ip", "link").stdout)


def test_check_notices(pods):
    pod = pods("check")
    pod.cni("CHECK", prevResult=pod.result)
    pod.run("ip", "addr", "del", pod.ip4 + "/32", "dev", "eth0")
    with pytest.raises(CniError) as e:
        pod.cni("CHECK", prevResult=pod.result)
    assert "address" in e.value.msg
    with pytest.raises(CniError) as e:
        pod.cni("CHECK", prevResult={**pod.result, "ips": []})
    assert e.value.code >= 100
    with pytest.raises(CniError) as e:
        call(pod, "CHECK", {"prevResult": pod.result}, CNI_CONTAINERID="unknown")
    assert e.value.code == 3


def test_gc_keeps_what_is_valid(knetd, pods):
    keep, lose = pods("gc-keep"), pods("gc-lose")
    others = [a["spec"] for a in attachments(knetd) if a["spec"]["containerID"] != lose.container]
    valid = [{"containerID": a["containerID"], "ifname": a["ifName"]} for a in others]
    assert call(keep, "GC", {"cni.dev/valid-attachments": valid, "name": "another-network"}) is None
    assert ping(lose, keep.ip4), "another network's GC is not ours"
    assert call(keep, "GC", {"cni.dev/valid-attachments": valid}) is None
    names = [a["spec"]["containerID"] for a in attachments(knetd)]
    assert keep.container in names and lose.container not in names
    assert ping(keep, "169.254.1.1")


def test_requested_addresses(pods, knetd):
    pod = pods("asks")
    pod.cni("DEL")
    pod.result = pod.cni("ADD", runtimeConfig={"IPs": ["10.244.0.77/24", "fd00:10:244::77"]})
    assert [i["address"] for i in pod.result["ips"]] == ["10.244.0.77/32", "fd00:10:244::77/128"]
    with pytest.raises(CniError) as e:
        call(pod, "ADD", CNI_CONTAINERID="second", CNI_IFNAME="eth1", CNI_ARGS="IP=10.244.0.77")
    assert e.value.code == 11 and "in use" in e.value.msg


def test_previous_result_is_carried(pods):
    pod = pods("chained")
    pod.cni("DEL")
    prev = {"cniVersion": "1.0.0", "interfaces": [{"name": "other0"}], "ips": [{"address": "192.0.2.9/24", "interface": 0}],
            "dns": {"nameservers": ["192.0.2.1"]}}
    result = pod.cni("ADD", prevResult=prev)
    assert result["interfaces"][0]["name"] == "other0" and result["ips"][0]["address"] == "192.0.2.9/24"
    assert result["ips"][1]["interface"] == 2 and not result["routes"] and result["dns"] == prev["dns"]


def test_loopback_plugin(pods):
    pod = pods("lo")
    with_env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "x", "CNI_IFNAME": "lo", "CNI_NETNS": f"/var/run/netns/{pod.netns}"}
    pod.run("ip", "link", "set", "lo", "down")
    conf = '{"cniVersion":"0.3.1","name":"cni-loopback","type":"loopback"}'
    p = subprocess.run(["loopback"], executable=BINARY, env=with_env, input=conf,
                       capture_output=True, text=True, check=True)
    result = json.loads(p.stdout)
    assert result["interfaces"][0]["name"] == "lo"
    assert [i["address"] for i in result["ips"]] == ["127.0.0.1/8", "::1/128"]
    assert pod.run("ping", "-c", "1", "127.0.0.1").returncode == 0


# ---- what pods reach ------------------------------------------------------------------------------

def test_pods_reach_each_other_at_once(pods):
    a, b = pods("reach-a"), pods("reach-b")
    assert ping(a, b.ip4) and ping(a, b.ip6)
    b.serve(8080)
    assert a.curl(f"http://{b.ip4}:8080/") == "reach-b /\n"
    assert a.curl(f"http://[{b.ip6}]:8080/") == "reach-b /\n"
    assert a.run(sys.executable, "-c", CAT, b.ip4, "8080").stdout.strip() == a.ip4


def test_pod_and_node_reach_each_other(knetd, pods):
    pod = pods("reach-node")
    assert ping(pod, "169.254.1.1")
    for ip in (pod.ip4, pod.ip6):
        assert knetd.exec("ping", "-c", "1", "-W", "2", ip).returncode == 0


def test_pods_cannot_borrow_an_address(pods):
    a, b, c = pods("spoof-a"), pods("spoof-b"), pods("spoof-c")
    a.run("ip", "addr", "add", c.ip4 + "/32", "dev", "eth0")
    assert a.run("ping", "-c", "1", "-W", "1", "-I", c.ip4, b.ip4).returncode != 0
    assert ping(a, b.ip4)


OUTSIDE_SERVER = """
import socket, sys, threading
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 7000)); s.listen(8); print("ready", flush=True)
while True:
    c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()
"""
WHO = "import socket,sys; s=socket.create_connection((sys.argv[1], 7000), 5); print(s.recv(99).decode())"


@pytest.fixture(scope="module")
def outside(knetd):
    """A machine beside the node, which has no route to the pods."""
    name = knetd.netns + "-out"
    for argv in (["netns", "add", name], ["-n", knetd.netns, "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", name],
                 ["-n", knetd.netns, "addr", "add", "192.0.2.1/24", "dev", "up0"],
                 ["-n", knetd.netns, "addr", "add", "2001:db8::1/64", "dev", "up0", "nodad"],
                 ["-n", knetd.netns, "link", "set", "up0", "up"],
                 ["-n", name, "addr", "add", "192.0.2.2/24", "dev", "eth0"],
                 ["-n", name, "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad"],
                 ["-n", name, "link", "set", "eth0", "up"]):
        subprocess.run(["ip", *argv], check=True)
    server = subprocess.Popen(["ip", "netns", "exec", name, sys.executable, "-c", OUTSIDE_SERVER], stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    yield name
    server.kill()
    server.wait()
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_outside_sees_the_node(pods, outside):
    pod = pods("masq")
    assert "192.0.2.1" in pod.run(sys.executable, "-c", WHO, "192.0.2.2").stdout
    assert pod.run(sys.executable, "-c", WHO, "2001:db8::2").stdout.strip() == "2001:db8::1"


def test_masquerade_comes_back_after_a_flush(knetd, pods, outside):
    pod = pods("flushed")
    knetd.exec("nft", "flush", "ruleset")
    eventually(lambda: "masquerade" in knetd.exec("nft", "list", "table", "inet", "knetd_podnet").stdout)
    assert "192.0.2.1" in pod.run(sys.executable, "-c", WHO, "192.0.2.2").stdout


# ---- the Pod object -------------------------------------------------------------------------------

def test_pod_object_is_made_and_removed(knetd, pods):
    pod = pods("obj", labels={"app": "web", "tier": "front"}, annotations={"note": "kept"})
    status, obj = knetd.api("GET", "/api/v1/namespaces/default/pods/obj")
    assert status == 200
    assert obj["metadata"]["labels"] == {"app": "web", "tier": "front"}
    assert obj["metadata"]["annotations"]["note"] == "kept"
    assert obj["status"]["podIP"] == pod.ip4
    assert [i["ip"] for i in obj["status"]["podIPs"]] == pod.ips
    ready = [c for c in obj["status"]["conditions"] if c["type"] == "Ready"]
    assert ready[0]["status"] == "True"
    pod.cni("DEL")
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/obj")[0] == 404


def test_pod_made_by_the_api_lives_on(knetd, pods):
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mine", "labels": {"app": "x"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert knetd.api("POST", "/api/v1/namespaces/default/pods", manifest)[0] == 201
    pod = pods("mine", labels={"tier": "y"})
    obj = knetd.api("GET", "/api/v1/namespaces/default/pods/mine")[1]
    assert obj["metadata"]["labels"] == {"app": "x", "tier": "y"} and obj["status"]["podIP"] == pod.ip4
    pod.cni("DEL")
    status, obj = knetd.api("GET", "/api/v1/namespaces/default/pods/mine")
    assert status == 200 and "podIP" not in obj["status"] and "podIPs" not in obj["status"]
    assert [c["status"] for c in obj["status"]["conditions"] if c["type"] == "Ready"] == ["False"]
    knetd.api("DELETE", "/api/v1/namespaces/default/pods/mine")


def test_newer_sandbox_of_a_pod_wins(knetd, pods):
    old = pods("restarted")
    new = pods("restarted-2")
    new.cni("DEL")
    args = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=restarted"
    result = call(new, "ADD", CNI_CONTAINERID="second-sandbox", CNI_ARGS=args)
    call(old, "DEL", CNI_ARGS=args)
    status, obj = knetd.api("GET", "/api/v1/namespaces/default/pods/restarted")
    assert status == 200 and obj["status"]["podIP"] + "/32" == result["ips"][0]["address"]
    call(new, "DEL", CNI_CONTAINERID="second-sandbox")


# ---- addresses run out ----------------------------------------------------------------------------

def test_addresses_run_out_and_come_back(knetd_factory):
    small = knetd_factory(pod_cidr="10.9.0.0/29")
    pods = []
    try:
        for i in range(6):
            pods.append(Pod(small, f"full{i}"))
        assert sorted(p.ip4 for p in pods) == [f"10.9.0.{i}" for i in range(1, 7)]
        with pytest.raises(CniError) as e:
            call(pods[0], "STATUS")
        assert e.value.code == 50
        with pytest.raises(CniError) as e:
            Pod(small, "toomany")
        assert e.value.code == 11 and "address" in e.value.msg
        first = pods.pop(2)
        first.remove()
        assert call(pods[0], "STATUS") is None
        pods.append(Pod(small, "late"))  # its address may still be leaving: it is waited for
        assert pods[-1].ip4 == first.ip4
    finally:
        for pod in pods:
            pod.remove()


# ---- crashes --------------------------------------------------------------------------------------

def test_attachments_survive_kill_9(knetd_factory):
    knetd = knetd_factory()
    a, b, c = Pod(knetd, "a"), Pod(knetd, "b"), None
    try:
        subprocess.run(["ip", "-n", knetd.netns, "link", "add", "knet00000000000", "type", "veth", "peer", "name", "x"], check=True)
        subprocess.run(["ip", "-n", knetd.netns, "link", "set", "knet00000000000", "alias", "knetd dead eth0"], check=True)
        knetd.stop(signal.SIGKILL)
        assert ping(a, b.ip4), "the kernel serves on"
        knetd.exec("ip", "route", "del", b.ip4)
        knetd.start()
        eventually(lambda: "knet00000000000" not in links(knetd))
        assert ping(a, b.ip4) and ping(a, b.ip6), "the lost route is back"
        a.cni("CHECK", prevResult=a.result)
        c = Pod(knetd, "c")
        assert c.ip4 not in (a.ip4, b.ip4)
        knetd.stop(signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", b.netns], check=True)
        eventually(lambda: len(links(knetd)) == 2)
        knetd.start()
        assert {x["spec"]["containerID"] for x in attachments(knetd)} == {a.container, c.container}
        assert knetd.api("GET", "/api/v1/namespaces/default/pods/b")[0] == 404
    finally:
        for pod in filter(None, (a, b, c)):
            pod.remove()
