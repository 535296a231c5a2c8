"""What pods look like from outside: the node's address, a chosen one, or their own; and that no pod
looks like another, whatever the distribution set rp_filter to."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import BINARY  # noqa: E402
from outside import Outside, seen_as  # noqa: E402
from pods import Pod, eventually  # noqa: E402

PODS = ("10.244.0.0/24", "fd00:10:244::/64")


@pytest.fixture
def lab(knetd_factory):
    """A daemon, a machine beside it that serves, and as many pods as one wants."""
    made = []

    def make(*names, ini="", before=lambda daemon: None):
        def prepare(daemon):
            made.append(Outside(daemon).serve())
            before(daemon)

        knetd = knetd_factory(before=prepare, ini=ini)
        outside = made[-1]
        pods = [Pod(knetd, name) for name in names]
        made.extend(pods)
        return knetd, outside, *pods

    yield make
    for thing in reversed(made):
        thing.remove()


def sysctl(netns, key, value):
    subprocess.run(["ip", "netns", "exec", netns, "sysctl", "-qw", f"{key}={value}"], check=True)


def table(knetd):
    return knetd.exec("nft", "list", "table", "inet", "knetd_podnet").stdout


# ---- masquerade ------------------------------------------------------------------------------------

def test_excepted_ranges_see_the_pod(lab):
    knetd, near, pod = lab("pod", ini="masquerade_except = 192.0.2.0/24, 192.0.2.128/25, 2001:db8:2::/64")
    with Outside(knetd, 3).serve() as far:
        assert (seen_as(pod, far.ip4), seen_as(pod, far.ip6)) == (far.node4, far.node6)
    near.routes_to(*PODS)
    assert (seen_as(pod, near.ip4), seen_as(pod, near.ip6)) == (pod.ip4, pod.ip6)
    listed = table(knetd)
    for cidr in ("192.0.2.0/24", "224.0.0.0/4", "169.254.0.0/16", "10.96.0.0/16", "ff00::/8", "fe80::/10"):
        assert cidr in listed
    assert "fully-random" in listed


def test_chosen_source(lab):
    def hold(daemon):
        for ip in ("203.0.113.7/32", "2001:db8:99::7/128"):
            subprocess.run(["ip", "-n", daemon.netns, "addr", "add", ip, "dev", "lo"], check=True)

    knetd, outside, pod = lab("pod", ini="outbound = 203.0.113.7, 2001:db8:99::7", before=hold)
    outside.routes_to("203.0.113.7/32", "2001:db8:99::7/128")
    assert (seen_as(pod, outside.ip4), seen_as(pod, outside.ip6)) == ("203.0.113.7", "2001:db8:99::7")
    assert "snat ip to 203.0.113.7 fully-random" in table(knetd)
    assert "does not hold" not in knetd.logged()


def test_chosen_source_that_the_node_has_not(lab):
    knetd, outside, pod = lab("pod", ini="outbound = 203.0.113.7")
    assert "outbound: the node does not hold 203.0.113.7" in knetd.logged()
    assert seen_as(pod, outside.ip6) == outside.node6, "the other family is as ever"


def test_no_masquerade(lab):
    knetd, outside, pod = lab("pod", ini="masquerade = no")
    outside.routes_to(*PODS)
    assert (seen_as(pod, outside.ip4), seen_as(pod, outside.ip6)) == (pod.ip4, pod.ip6)
    assert "@direct" not in table(knetd)


def test_a_source_that_is_none_ends_the_start(tmp_path):
    ini = tmp_path / "knetd.ini"
    ini.write_text("[podnet]\nmasquerade = yes\noutbound = here\n")
    p = subprocess.run([BINARY, "-t", "-c", ini], capture_output=True, text=True, check=False)
    assert p.returncode != 0 and f"{ini}:3:" in p.stderr and "outbound" in p.stderr


# ---- the way back ----------------------------------------------------------------------------------

@pytest.mark.parametrize("rp_filter", ["0", "1", "2"])
def test_no_pod_borrows_an_address(lab, rp_filter):
    def distribution(daemon):
        for scope in ("all", "default"):
            sysctl(daemon.netns, f"net.ipv4.conf.{scope}.rp_filter", rp_filter)
            sysctl(daemon.netns, f"net.ipv4.conf.{scope}.log_martians", "1")

    knetd, outside, thief, owner, witness = lab("thief", "owner", "witness", before=distribution)
    outside.routes_to(*PODS)
    for pod in (thief, owner):
        assert seen_as(pod, outside.ip4) == outside.node4 and seen_as(pod, outside.ip6) == outside.node6
    for ip, bits, other, mine in ((owner.ip4, 32, witness.ip4, thief.ip4), (owner.ip6, 128, witness.ip6, thief.ip6),
                                  ("198.51.100.9", 32, witness.ip4, thief.ip4), ("2001:db8:7::9", 128, witness.ip6, thief.ip6)):
        thief.run("ip", "addr", "add", f"{ip}/{bits}", "dev", "eth0", *(["nodad"] if ":" in ip else []), check=True)
        before = received(witness)
        assert thief.run("ping", "-c", "1", "-W", "1", "-I", ip, other).returncode != 0
        assert received(witness) == before, "the packet itself does not arrive"
        assert thief.run("ping", "-c", "1", "-W", "2", "-I", mine, other).returncode == 0
    assert owner.run("ping", "-c", "1", "-W", "2", witness.ip6).returncode == 0, "the owner is left alone"


def received(pod):
    """Echo requests that came in, of both families."""
    return [line.split()[1] for line in pod.run("nstat", "-az", "IcmpInEchos", "Icmp6InEchos").stdout.splitlines()
            if "InEchos" in line]


def test_a_pod_finds_its_link_local_neighbour(lab):
    _, _, pod = lab("pod")
    assert pod.run("ping", "-c", "1", "-W", "2", "fe80::1%eth0").returncode == 0
    pod.run("ip", "-6", "neigh", "flush", "dev", "eth0", "nud", "permanent")
    assert pod.run("ping", "-c", "1", "-W", "2", "fe80::1%eth0").returncode == 0, "found by neighbour discovery"


@pytest.mark.parametrize("rp_filter", ["0", "2"])
def test_asymmetric_uplinks(lab, rp_filter):
    """Requests come by one uplink, the way back is another: nothing of ours minds."""
    def loose(daemon):
        for scope in ("all", "default"):
            sysctl(daemon.netns, f"net.ipv4.conf.{scope}.rp_filter", rp_filter)

    knetd, near, pod = lab("pod", before=loose)
    pod.serve(8080)
    with Outside(knetd, 3) as far:
        sysctl(knetd.netns, f"net.ipv4.conf.{near.link}.rp_filter", rp_filter)
        sysctl(knetd.netns, f"net.ipv4.conf.{far.link}.rp_filter", rp_filter)
        # 198.51.100.1 lives on the near machine, which sends by its own link; the node answers by the other
        # one, whose machine passes it on
        for ip, bits in (("198.51.100.1", 32), ("2001:db8:77::1", 128)):
            near.ip("addr", "add", f"{ip}/{bits}", "dev", "lo")
        near.routes_to(*PODS)
        join(near, far)
        for argv in (["route", "add", "198.51.100.1", "via", far.ip4], ["route", "add", "2001:db8:77::1", "via", far.ip6]):
            subprocess.run(["ip", "-n", knetd.netns, *argv], check=True)
        for source, ip in (("198.51.100.1", pod.ip4), ("2001:db8:77::1", f"[{pod.ip6}]")):
            p = near.run("curl", "-sS", "-m", "5", "--interface", source, f"http://{ip}:8080/")
            assert p.stdout == "pod /\n", p.stderr


def join(near, far):
    """A link between two machines; the far one passes on what the near one's lo should get."""
    subprocess.run(["ip", "-n", far.netns, "link", "add", "x0", "type", "veth", "peer", "name", "x0", "netns", near.netns],
                   check=True)
    for machine, n in ((near, 1), (far, 2)):
        machine.ip("addr", "add", f"172.31.0.{n}/30", "dev", "x0")
        machine.ip("addr", "add", f"fd99::{n}/64", "dev", "x0", "nodad")
        machine.ip("link", "set", "x0", "up")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            sysctl(machine.netns, key, "1")
        for link in ("all", "eth0", "x0"):
            sysctl(machine.netns, f"net.ipv4.conf.{link}.rp_filter", "0")
    far.ip("route", "add", "198.51.100.1", "via", "172.31.0.1")
    far.ip("route", "add", "2001:db8:77::1", "via", "fd99::1")


def test_the_way_back_comes_back(lab):
    knetd, _, _ = lab("pod")
    knetd.exec("nft", "flush", "ruleset")
    eventually(lambda: "fib saddr . iif oif missing drop" in table(knetd))
