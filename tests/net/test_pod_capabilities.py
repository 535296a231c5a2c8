"""What a runtime or a user may ask of one attachment: bandwidth, addresses, hardware address, sysctls, dns."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import CniError, Pod, eventually  # noqa: E402

RATE = 10_000_000  # bits a second

# Sends as fast as it can for so many seconds and tells how many bytes the other end got.
SINK = r"""
import socket, sys
s = socket.create_server((sys.argv[1], 9000))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    n = 0
    while True:
        got = c.recv(1 << 16)
        if not got:
            break
        n += len(got)
    c.close()
    print(n, flush=True)
"""
SOURCE = r"""
import socket, sys, time
s = socket.create_connection((sys.argv[1], 9000), 5)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
end, block = time.monotonic() + float(sys.argv[2]), b"x" * 16384
while time.monotonic() < end:
    s.sendall(block)
s.close()
"""


@pytest.fixture
def pods(knetd):
    made = []

    def make(name, node=knetd, **asked):
        pod = Pod(node, name)
        made.append(pod)
        if asked:
            again(pod, **asked)
        return pod

    yield make
    for pod in made:
        pod.remove()


def again(pod, **asked):
    """The same pod, attached anew with other wishes."""
    pod.cni("DEL")
    pod.asked = asked
    pod.result = pod.cni("ADD", **asked)
    pod.ips = [ip["address"].split("/")[0] for ip in pod.result["ips"]]
    pod.ip4 = next((ip for ip in pod.ips if ":" not in ip), None)


def refused(pod, code, words, **asked):
    """ADD is refused for that reason, and nothing of it stays."""
    pod.cni("DEL")
    before = pod.knetd.exec("ip", "-j", "link").stdout.count("knet")
    with pytest.raises(CniError) as e:
        pod.cni("ADD", **asked)
    assert e.value.code == code and words in e.value.msg, e.value
    assert podnetwork(pod) is None
    eventually(lambda: "eth0" not in pod.run("ip", "link").stdout)
    eventually(lambda: pod.knetd.exec("ip", "-j", "link").stdout.count("knet") <= before)


def podnetwork(pod):
    items = pod.knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]
    return next((a for a in items if a["spec"]["containerID"] == pod.container), None)


def rate(source, sink, seconds):
    """Bits a second that source gets to sink."""
    p = subprocess.Popen(["ip", "netns", "exec", sink.netns, sys.executable, "-c", SINK, sink.ip4], stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "ready\n"
        begin = time.monotonic()
        source.run(sys.executable, "-c", SOURCE, sink.ip4, str(seconds), check=True)
        moved = int(p.stdout.readline())
        return moved * 8 / (time.monotonic() - begin)
    finally:
        p.kill()
        p.wait()


# ---- bandwidth -------------------------------------------------------------------------------------

def limits(**bits):
    return {"bandwidth": {k: v for way, r in bits.items() for k, v in ((f"{way}Rate", r), (f"{way}Burst", r // 10))}}


def test_bandwidth_holds_both_directions(pods):
    slow = pods("slow", runtimeConfig=limits(Ingress=RATE, Egress=RATE))
    a, b = pods("fast-a"), pods("fast-b")
    for source, sink in ((a, slow), (slow, a)):
        got = rate(source, sink, 2)
        assert 0.4 * RATE < got < 1.6 * RATE
    assert rate(a, b, 0.3) > 20 * RATE, "pods beside it are not slowed"
    assert podnetwork(slow)["spec"]["bandwidth"] == {
        "ingressRate": RATE, "ingressBurst": RATE // 10, "egressRate": RATE, "egressBurst": RATE // 10}
    assert "bandwidth" not in podnetwork(a)["spec"]


def test_a_burst_passes_at_once(pods):
    slow = pods("burst", runtimeConfig={"bandwidth": {"ingressRate": 100_000, "ingressBurst": 80_000_000}})
    source = pods("burst-source")
    assert rate(source, slow, 0.2) > 20 * 100_000


def test_annotations_limit_where_the_runtime_does_not(pods):
    pod = pods("annotated", runtimeConfig={"io.kubernetes.cri.pod-annotations": {
        "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "1G"}})
    assert "rate 1Gbit" in pod.run("tc", "qdisc", "show", "dev", "eth0").stdout
    link = pod.result["interfaces"][0]["name"]
    assert "rate 10Mbit" in pod.knetd.exec("tc", "qdisc", "show", "dev", link).stdout
    refused(pod, 7, "kubernetes.io/egress-bandwidth", runtimeConfig={"io.kubernetes.cri.pod-annotations": {
        "kubernetes.io/egress-bandwidth": "much"}})
    refused(pod, 7, "ingressBurst", runtimeConfig={"bandwidth": {"ingressRate": RATE}})


def test_check_and_repair_of_bandwidth(pods):
    pod = pods("limited", runtimeConfig=limits(ingress=RATE, egress=RATE))
    link = pod.result["interfaces"][0]["name"]
    pod.cni("CHECK", prevResult=pod.result)
    pod.run("tc", "qdisc", "del", "dev", "eth0", "root", check=True)
    with pytest.raises(CniError) as e:
        pod.cni("CHECK", prevResult=pod.result)
    assert e.value.code >= 100 and "eth0" in e.value.msg
    pod.knetd.exec("tc", "qdisc", "del", "dev", link, "root")
    pod.knetd.exec("nft", "delete", "table", "inet", "knetd_podnet")  # what makes it look again
    eventually(lambda: "rate 10Mbit" in pod.knetd.exec("tc", "qdisc", "show", "dev", link).stdout)


# ---- addresses -------------------------------------------------------------------------------------

def test_addresses_asked_for_in_each_way(pods):
    pod = pods("wishes")
    for asked in ({"runtimeConfig": {"ips": ["10.244.0.91", "fd00:10:244::91/64"]}},
                  {"args": {"cni": {"ips": ["10.244.0.91/24", "fd00:10:244::91"]}}}):
        again(pod, **asked)
        assert pod.ips == ["10.244.0.91", "fd00:10:244::91"]
    refused(pod, 7, "192.0.2.7", runtimeConfig={"ips": ["192.0.2.7"]})
    refused(pod, 7, "10.244.0.255", runtimeConfig={"ips": ["10.244.0.255"]})
    refused(pod, 7, "no IP address", args={"cni": {"ips": ["ten"]}})
    holder = pods("holder")
    refused(pod, 11, "in use", runtimeConfig={"ips": [holder.ip4]})


def test_address_ranges(pods):
    pod = pods("ranges")
    part = {"subnet": "10.244.0.0/24", "rangeStart": "10.244.0.200", "rangeEnd": "10.244.0.201"}
    again(pod, runtimeConfig={"ipRanges": [[part]]})
    assert pod.ip4 in ("10.244.0.200", "10.244.0.201") and len(pod.ips) == 2
    again(pod, ipam={"type": "knet", "ranges": [[part]]})
    assert pod.ip4 in ("10.244.0.200", "10.244.0.201")
    refused(pod, 7, "outside the pod ranges", runtimeConfig={"ipRanges": [[{"subnet": "192.0.2.0/24"}]]})
    refused(pod, 7, "outside the ipRanges", runtimeConfig={"ipRanges": [[part]], "ips": ["10.244.0.50"]})


def test_hardware_address(pods):
    pod = pods("mac")
    for asked in ({"runtimeConfig": {"mac": "02:00:00:aa:bb:01"}}, {"args": {"cni": {"mac": "02:00:00:AA:BB:01"}}}):
        again(pod, **asked)
        assert json.loads(pod.run("ip", "-j", "link", "show", "eth0").stdout)[0]["address"] == "02:00:00:aa:bb:01"
        assert pod.result["interfaces"][1]["mac"] == "02:00:00:aa:bb:01"
    pod.cni("CHECK", prevResult=pod.result)
    assert pod.run("ping", "-c", "1", "-W", "2", "169.254.1.1").returncode == 0
    refused(pod, 7, "runtimeConfig.mac", runtimeConfig={"mac": "03:00:00:00:00:01"})


def test_aliases_are_shown(pods):
    pod = pods("aliased", runtimeConfig={"aliases": {"knet": ["db", "db.local"]}})
    assert podnetwork(pod)["spec"]["aliases"] == ["db", "db.local"]


# ---- sysctls, dns ----------------------------------------------------------------------------------

def sysctl(pod, key):
    return pod.run("cat", f"/proc/sys/{key}").stdout.strip()


def test_sysctls(pods):
    pod = pods("sysctl")
    again(pod, sysctl={"net.ipv4.ip_unprivileged_port_start": "0", "net/ipv4/conf/eth0/arp_filter": "1"})
    assert sysctl(pod, "net/ipv4/ip_unprivileged_port_start") == "0"
    assert sysctl(pod, "net/ipv4/conf/eth0/arp_filter") == "1"
    pod.run("sh", "-c", "echo 77 >/proc/sys/net/ipv4/ip_unprivileged_port_start")
    refused(pod, 7, "net.ipv4.not_there", sysctl={
        "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.not_there": "1"})
    assert sysctl(pod, "net/ipv4/ip_unprivileged_port_start") == "77", "put back"
    refused(pod, 7, "net.ipv4.ip_forward", sysctl={"net.ipv4.ip_forward": "perhaps"})
    refused(pod, 7, "kernel.panic", sysctl={"kernel.panic": "1"})


def test_dns_in_the_result(pods):
    pod = pods("dns")
    again(pod, dns={"nameservers": ["192.0.2.1"], "search": ["a.example"]},
          runtimeConfig={"dns": {"Servers": ["192.0.2.2"], "Searches": [], "Options": ["ndots:2"]}})
    assert pod.result["dns"] == {"nameservers": ["192.0.2.2"], "search": ["a.example"], "options": ["ndots:2"]}
    refused(pod, 7, "servers", runtimeConfig={"dns": {"Servers": ["dns.example"]}})


# ---- files -----------------------------------------------------------------------------------------

def folder(pod):
    return os.path.join(pod.knetd.dir, "run", "pods", pod.container)


def files_of(pod):
    found = {}
    for name in os.listdir(folder(pod)):
        with open(os.path.join(folder(pod), name), encoding="utf-8") as f:
            found[name] = f.read()
    return found


def test_files_come_and_go(pods):
    pod = pods("filed", files=True)
    files = files_of(pod)
    assert sorted(files) == ["hostname", "hosts", "resolv.conf"]
    assert files["hostname"] == "filed\n" and f"{pod.ip4}\tfiled\n" in files["hosts"]
    assert "nameserver 10.96.0.10\n" in files["resolv.conf"] and "default.svc.cluster.local svc.cluster.local" in files["resolv.conf"]
    assert pod.result["dns"]["nameservers"][0] == "10.96.0.10" and "ndots:5" in pod.result["dns"]["options"]
    with open(os.path.join(pod.knetd.dir, "run", "resolv.conf"), encoding="utf-8") as f:
        assert "nameserver 10.96.0.10" in f.read()
    pod.cni("DEL")
    assert not os.path.exists(folder(pod))


def test_files_follow_the_pod_object(pods, knetd):
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "named"}, "spec": {
        "containers": [{"name": "c", "image": "i"}], "hostname": "web", "subdomain": "shop", "setHostnameAsFQDN": True,
        "dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.53"], "searches": ["a.example"],
                                           "options": [{"name": "ndots", "value": "1"}, {"name": "rotate"}]},
        "hostAliases": [{"ip": "192.0.2.8", "hostnames": ["one", "two"]}]}}
    assert knetd.api("POST", "/api/v1/namespaces/default/pods", manifest)[0] == 201
    pod = pods("named", files=True)
    files = files_of(pod)
    assert files["resolv.conf"] == "search a.example\nnameserver 192.0.2.53\noptions ndots:1 rotate\n"
    assert files["hostname"] == "web.shop.default.svc.cluster.local\n"
    assert f"{pod.ip4}\tweb.shop.default.svc.cluster.local\tweb\n" in files["hosts"] and "192.0.2.8\tone\ttwo\n" in files["hosts"]
    pod.cni("DEL")
    knetd.api("DELETE", "/api/v1/namespaces/default/pods/named")


def test_files_are_swept_and_nothing_else(knetd_factory, tmp_path):
    node = knetd_factory()
    pod = Pod(node, "swept")
    try:
        again(pod, files=True)
        pods_dir = os.path.join(node.dir, "run", "pods")
        precious = tmp_path / "hosts"
        precious.write_text("mine")
        os.symlink(tmp_path, os.path.join(pods_dir, "link"))
        os.makedirs(os.path.join(pods_dir, "mine", "sub"))
        os.makedirs(os.path.join(pods_dir, "dead"))
        with open(os.path.join(pods_dir, "dead", "resolv.conf.new"), "w", encoding="utf-8") as f:
            f.write("half")
        node.stop()
        node.start()
        eventually(lambda: not os.path.exists(os.path.join(pods_dir, "dead")))
        assert precious.read_text() == "mine" and os.path.isdir(os.path.join(pods_dir, "mine", "sub"))
        assert sorted(files_of(pod)) == ["hostname", "hosts", "resolv.conf"]
    finally:
        pod.remove()
    assert not os.path.exists(folder(pod))


# ---- nodes of one family ---------------------------------------------------------------------------

@pytest.mark.parametrize("cidr,want", [("10.8.0.0/31", ["10.8.0.0", "10.8.0.1"]), ("fd00:8::/127", ["fd00:8::", "fd00:8::1"])])
def test_one_family_and_the_smallest_range(knetd_factory, cidr, want):
    node, made = knetd_factory(pod_cidr=cidr), []
    try:
        for name in ("one", "two"):
            made.append(Pod(node, name))
        assert [p.ips for p in made] == [[ip] for ip in want]
        assert made[0].run("ping", "-c", "1", "-W", "2", want[1]).returncode == 0
        with pytest.raises(CniError) as e:
            Pod(node, "three")
        assert e.value.code == 11 and f"{cidr}: 2" in e.value.msg
        node.stop(signal.SIGKILL)
        node.start()
        made.pop().remove()
        made.append(Pod(node, "four"))
        assert made[1].ips == [want[1]]
    finally:
        for pod in made:
            pod.remove()


def test_ranges_change_while_pods_live(knetd_factory):
    node, made = knetd_factory(pod_cidr="10.8.0.0/29"), []
    try:
        for name in ("a", "b"):
            made.append(Pod(node, name))
        node.stop()
        with open(node.ini, encoding="utf-8") as f:
            text = f.read()
        with open(node.ini, "w", encoding="utf-8") as f:
            f.write(text.replace("cidrs = 10.8.0.0/29", "cidrs = 10.8.0.0/30\nreserved = 10.8.0.2"))
        node.start()
        for pod in made:
            pod.cni("CHECK", prevResult=pod.result)
        assert made[0].run("ping", "-c", "1", "-W", "2", made[1].ip4).returncode == 0, "kept, though reserved by now"
        with pytest.raises(CniError) as e:
            Pod(node, "c")
        assert "10.8.0.0/30: 1" in e.value.msg
        made.pop().remove()  # 10.8.0.2 does not come back
        with pytest.raises(CniError):
            Pod(node, "c")
        made.pop().remove()
        made.append(Pod(node, "d"))
        assert made[0].ip4 == "10.8.0.1"
    finally:
        for pod in made:
            pod.remove()
