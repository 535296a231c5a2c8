"""knet in one list with the reference plugins (Debian's containernetworking-plugins), called as libcni calls them."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import ConfList, CniError, Sandbox, eventually  # noqa: E402

KNET = {"type": "knet"}
REFERENCE = "/usr/lib/cni"


@pytest.fixture
def box(knetd):
    with Sandbox(knetd) as sandbox:
        yield sandbox


def attached(knetd, sandbox):
    items = knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]
    return [a["spec"]["ifName"] for a in items if a["spec"]["containerID"] == sandbox.container]


def life(knetd, box, chain, looked_at=lambda result: None, checked=True):
    """ADD, CHECK, DEL, DEL again: nothing may be left."""
    result = chain.add(box)
    assert [i["name"] for i in result["interfaces"]][:2][1] == "eth0" and len(result["ips"]) >= 2
    mine = result["ips"][0]["address"].split("/")[0]
    assert box.run("ping", "-c", "1", "-W", "2", "-I", mine, "169.254.1.1").returncode == 0
    if checked:
        chain.check(box, result)
    looked_at(result)
    chain.delete(box, result)
    ConfList([KNET]).delete(box, result)  # sbr 1.1.1 cannot do it twice; we can
    assert attached(knetd, box) == []
    eventually(lambda: box.links() == ["lo"])
    return result


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0"])
def test_tuning_after_knet(knetd, box, version):
    chain = ConfList([KNET, {"type": "tuning", "sysctl": {"net.ipv4.conf.eth0.arp_filter": "1"}, "mtu": 1400}], version=version)

    def look(_):
        assert box.ip("link", "show", "eth0")[0]["mtu"] == 1400
        assert box.run("cat", "/proc/sys/net/ipv4/conf/eth0/arp_filter").stdout.strip() == "1"

    life(knetd, box, chain, look)


def test_sbr_after_knet(knetd, box):
    """Not asked for CHECK: the default route that we made is in sbr's own table from then on."""

    def look(result):
        assert f"from {result['ips'][0]['address'].split('/')[0]} lookup" in box.run("ip", "rule").stdout

    life(knetd, box, ConfList([KNET, {"type": "sbr"}]), look, checked=False)


def iptables_work(knetd):
    return knetd.exec("iptables", "-t", "nat", "-S").returncode == 0


def test_portmap_after_knet(knetd, box):
    """Not asked for CHECK: portmap 1.1.1 looks for the IPv4 rules among the IPv6 ones too and fails for dual stack."""
    if not iptables_work(knetd):
        pytest.skip("no iptables on this machine")
    mapped = {"type": "portmap", "runtimeConfig": {"portMappings": [{"hostPort": 18080, "containerPort": 8080, "protocol": "tcp"}]}}

    def look(result):
        assert f"{result['ips'][0]['address'].split('/')[0]}:8080" in knetd.exec("iptables", "-t", "nat", "-S").stdout

    life(knetd, box, ConfList([KNET, mapped]), look, checked=False)
    assert "10.244.0." not in knetd.exec("iptables", "-t", "nat", "-S").stdout


def test_firewall_after_knet(knetd, box):
    if not iptables_work(knetd):
        pytest.skip("no iptables on this machine")
    life(knetd, box, ConfList([KNET, {"type": "firewall", "backend": "iptables"}]),
         lambda result: filters(knetd, result["ips"][0]["address"]))
    assert "10.244.0." not in knetd.exec("iptables", "-S").stdout


def filters(knetd, address):
    assert address in knetd.exec("iptables", "-S").stdout


def test_bandwidth_after_knet(knetd, box):
    chain = ConfList([KNET, {"type": "bandwidth", "ingressRate": 10**7, "ingressBurst": 10**6}])
    try:
        life(knetd, box, chain, lambda r: shaped(knetd, r["interfaces"][0]["name"]))
    except CniError as e:
        if "operation not supported" in str(e).lower() or "not found" in str(e).lower():
            pytest.skip(f"this kernel has not what the reference bandwidth plugin needs: {e.msg}")
        raise


def shaped(knetd, link):
    assert "tbf" in knetd.exec("tc", "qdisc", "show", "dev", link).stdout


def ptp(name, **conf):
    return {"type": name, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.210.0.0/24"}]], "dataDir": f"/tmp/{name}-{os.getpid()}"}, **conf}


@pytest.mark.parametrize("maker", [ptp("ptp"), ptp("bridge", bridge="br7", isGateway=True)], ids=["ptp", "bridge"])
def test_knet_behind_a_maker_of_the_same_interface(knetd, box, maker):
    """Every plugin of a list gets the same CNI_IFNAME: two that make it cannot stand in one list."""
    before = ConfList([maker])
    chain = ConfList([maker, KNET])
    with pytest.raises(CniError) as e:
        chain.add(box)
    assert e.value.code == 4 and "before this one" in e.value.msg
    chain.delete(box, {"cniVersion": "1.0.0"})
    assert attached(knetd, box) == []
    eventually(lambda: box.links() == ["lo"])
    result = before.add(box, CNI_IFNAME="eth0")
    second = ConfList([KNET], name="second").add(box, CNI_IFNAME="net1")
    assert attached(knetd, box) == ["net1"] and second["ips"]
    ConfList([KNET], name="second").delete(box, second, CNI_IFNAME="net1")
    before.delete(box, result)
    eventually(lambda: box.links() == ["lo"])
    subprocess.run(["rm", "-rf", maker["ipam"]["dataDir"]], check=True)


def test_knet_behind_a_plugin_that_makes_no_interface(knetd, box):
    """loopback before knet: its result is carried."""
    chain = ConfList([{"type": "loopback"}, KNET])
    result = chain.add(box)
    assert [i["name"] for i in result["interfaces"]][0] == "lo"
    assert [ip["address"] for ip in result["ips"]][0] == "127.0.0.1/8" and result["ips"][-1]["interface"] == 2
    chain.delete(box, result)
    assert attached(knetd, box) == []


def test_two_lists_share_the_daemon(knetd, box):
    """Both carry their name; GC of one (test_cni_spec.py) leaves the other's."""
    one, two = ConfList([KNET], name="one"), ConfList([KNET, {"type": "tuning"}], name="two")
    first, second = one.add(box), two.add(box, CNI_IFNAME="net1")
    assert sorted(attached(knetd, box)) == ["eth0", "net1"]
    one.check(box, first)
    two.check(box, second, CNI_IFNAME="net1")
    two.delete(box, second, CNI_IFNAME="net1")
    one.check(box, first)
    one.delete(box, first)
    assert attached(knetd, box) == []
