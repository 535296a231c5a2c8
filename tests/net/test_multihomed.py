"""Pods with several interfaces: each address answers by its own link, whoever asks, under strict reverse
path checks; what happens when interfaces leave one by one."""

import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import BINARY  # noqa: E402
from outside import Outside  # noqa: E402
from pods import CniError, Pod, eventually  # noqa: E402

PODS = ("10.244.0.0/24", "fd00:10:244::/64")


def call(pod, command, ifname, conf=None, netns=None):
    env = {"CNI_COMMAND": command, "CNI_CONTAINERID": pod.container, "CNI_IFNAME": ifname,
           "CNI_NETNS": f"/var/run/netns/{pod.netns}" if netns is None else netns,
           "CNI_ARGS": f"K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod.name}", "KNETD_SOCKET": pod.knetd.socket}
    text = json.dumps({"cniVersion": "1.1.0", "name": "knet", "type": "knet", **(conf or {})})
    p = subprocess.run(["knet"], executable=BINARY, env=env, input=text, capture_output=True, text=True, check=False)
    answer = json.loads(p.stdout) if p.stdout.strip() else None
    if p.returncode:
        raise CniError(answer or {"msg": p.stderr})
    return answer


def addresses(result):
    return [ip["address"].split("/")[0] for ip in result["ips"]]


def url(ip):
    return f"http://[{ip}]:8080/" if ":" in ip else f"http://{ip}:8080/"


def defaults(pod, family="-4"):
    return [r["dev"] for r in json.loads(pod.run("ip", family, "-j", "route", "show", "default").stdout)]


def rules(pod):
    return pod.run("ip", "rule").stdout.count("lookup 107") + pod.run("ip", "-6", "rule").stdout.count("lookup 107")


def strict(daemon):
    for scope in ("all", "default"):
        subprocess.run(["ip", "netns", "exec", daemon.netns, "sysctl", "-qw", f"net.ipv4.conf.{scope}.rp_filter=1"],
                       check=True)


@pytest.fixture
def lab(knetd_factory):
    made = []

    def make(*names):
        knetd = knetd_factory(before=strict)
        made.append(Outside(knetd))
        made[0].routes_to(*PODS)
        made.extend(Pod(knetd, name) for name in names)
        return knetd, *made

    yield make
    for thing in reversed(made):
        thing.remove()


def test_every_address_answers_everybody(lab):
    knetd, outside, pod, other = lab("multi", "other")
    pod.serve(8080)
    ips = pod.ips + addresses(call(pod, "ADD", "net1")) + addresses(call(pod, "ADD", "net2"))
    assert len(set(ips)) == 6
    for ip in ips:
        assert other.curl(url(ip)) == "multi /\n"
        assert knetd.exec("curl", "-sS", "-m", "5", url(ip)).stdout == "multi /\n"
        assert outside.run("curl", "-sS", "-m", "5", url(ip)).stdout == "multi /\n"
        assert other.run("ping", "-c", "1", "-W", "2", ip).returncode == 0
        assert outside.run("ping", "-c", "1", "-W", "2", ip).returncode == 0
        assert pod.curl(url(ip)) == "multi /\n", "and the pod itself"
    for ip in ips:  # what leaves under an address leaves by its link, also when the pod begins
        assert pod.run("ping", "-c", "1", "-W", "2", "-I", ip, other.ip6 if ":" in ip else other.ip4).returncode == 0
    rp = knetd.exec("sh", "-c", "cat /proc/sys/net/ipv4/conf/knet*/rp_filter").stdout.split()
    assert rp == ["1"] * 4


def test_interfaces_leave_one_by_one(lab):
    knetd, _, pod, other = lab("multi", "other")
    first = addresses(call(pod, "ADD", "net1"))
    second = addresses(call(pod, "ADD", "net2"))
    assert defaults(pod) == ["eth0"] and rules(pod) == 4
    call(pod, "DEL", "net1")
    eventually(lambda: "net1" not in pod.run("ip", "link").stdout)
    assert rules(pod) == 2, "its rules went with it"
    assert not any(other.run("ping", "-c", "1", "-W", "1", ip).returncode == 0 for ip in first)
    third = call(pod, "ADD", "net3")
    call(pod, "DEL", "eth0")  # the way out: the oldest one left takes it
    eventually(lambda: defaults(pod) == ["net2"] and defaults(pod, "-6") == ["net2"])
    for ip in second + addresses(third):
        assert other.run("ping", "-c", "1", "-W", "2", ip).returncode == 0
    assert pod.run("ping", "-c", "1", "-W", "2", other.ip4).returncode == 0
    assert pod.run("ping", "-c", "1", "-W", "2", other.ip6).returncode == 0
    specs = {a["spec"]["ifName"]: a["spec"]["defaultRoute"] for a in
             knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"] if a["spec"]["containerID"] == pod.container}
    assert specs == {"net2": True, "net3": False}
    call(pod, "CHECK", "net3", {"prevResult": third})
    knetd.stop()
    knetd.start()
    call(pod, "DEL", "net2", netns="")  # without a namespace: the attachment says where
    eventually(lambda: defaults(pod) == ["net3"])
    call(pod, "DEL", "net3")


def test_a_sibling_that_lost_its_link_is_no_obstacle(lab):
    knetd, _, pod, other = lab("multi", "other")
    link = pod.result["interfaces"][0]["name"]
    knetd.exec("ip", "link", "del", link, check=True)
    result = call(pod, "ADD", "net1")
    for ip in addresses(result):
        assert other.run("ping", "-c", "1", "-W", "2", ip).returncode == 0
    call(pod, "DEL", "net1")


def test_check_looks_at_rules_and_tables(lab):
    _, _, pod = lab("multi")
    result = call(pod, "ADD", "net1")
    call(pod, "CHECK", "net1", {"prevResult": result})
    rule = next(line for line in pod.run("ip", "rule").stdout.splitlines() if "lookup 107" in line)
    table = rule.split()[-1]
    pod.run("ip", "route", "flush", "table", table, check=True)
    with pytest.raises(CniError) as e:
        call(pod, "CHECK", "net1", {"prevResult": result})
    assert e.value.code >= 100 and table in e.value.msg
    pod.run("ip", "rule", "del", "pref", rule.split(":")[0], check=True)
    with pytest.raises(CniError) as e:
        call(pod, "CHECK", "net1", {"prevResult": result})
    assert e.value.code >= 100 and "rule" in e.value.msg
    call(pod, "DEL", "net1")


def test_the_whole_pod_goes_in_any_order(lab):
    knetd, _, pod = lab("multi")
    for order in (("eth0", "net1", "net2"), ("net2", "net1", "eth0"), ("net1", "eth0", "net2")):
        pod.cni("DEL")
        for ifname in ("eth0", "net1", "net2"):
            call(pod, "ADD", ifname)
        for ifname in order:
            call(pod, "DEL", ifname)
        assert not knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]
        eventually(lambda: "knet" not in knetd.exec("ip", "link").stdout)
        assert rules(pod) == 0
