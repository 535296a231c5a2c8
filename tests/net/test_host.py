"""The machine's own settings: forwarding, router advertisements, machines without IPv6, MTU; and that the
first packets of a new pod arrive."""

import errno
import json
import os
import socket
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from outside import Outside  # noqa: E402
from pods import CniError, Pod, eventually  # noqa: E402

FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")


def sysctl(netns, key, value=None):
    argv = ["ip", "netns", "exec", netns, "sysctl", "-n", key] if value is None else \
           ["ip", "netns", "exec", netns, "sysctl", "-qw", f"{key}={value}"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def made():
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.remove()


# ---- forwarding ------------------------------------------------------------------------------------

def test_forwarding_is_kept_on_and_left_on(knetd_factory):
    def off(daemon):
        for key in FORWARDING:
            sysctl(daemon.netns, key, "0")

    knetd = knetd_factory(before=off)
    for key in FORWARDING:
        assert sysctl(knetd.netns, key) == "1"
        for _ in range(3):
            sysctl(knetd.netns, key, "0")
            eventually(lambda: sysctl(knetd.netns, key) == "1")
    assert "forwarding was switched off" in knetd.logged()
    knetd.stop()
    knetd.start("-x")
    knetd.stop()
    assert [sysctl(knetd.netns, key) for key in FORWARDING] == ["1", "1"], "others may count on it by now"


def connect_error(netns, address):
    with inside(netns):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with s:
        s.settimeout(20)
        with pytest.raises(OSError) as e:
            s.connect((address, 80))
        return e.value.errno


def test_an_address_without_a_pod_is_refused_here(knetd_factory, made):
    knetd = knetd_factory()
    made(Outside(knetd))
    pod = made(Pod(knetd, "asks"))
    free = ("10.244.0.200", "fd00:10:244::200")
    for netns in (knetd.netns, pod.netns):
        for address in free:
            assert connect_error(netns, address) in (errno.EHOSTUNREACH, errno.ENETUNREACH), "and no timeout"
    knetd.exec("ip", "route", "del", "unreachable", "10.244.0.0/24")
    knetd.exec("nft", "flush", "ruleset")
    eventually(lambda: "unreachable 10.244.0.0/24" in knetd.exec("ip", "route").stdout)
    knetd.stop()
    knetd.start("-x")
    knetd.stop()
    for family in "46":
        assert "unreachable 10.244" not in knetd.exec("ip", f"-{family}", "route").stdout
        assert "unreachable fd00:10:244" not in knetd.exec("ip", f"-{family}", "route").stdout


def advertise(outside):
    """One router advertisement, as a router on that link would send it: default route, 1,800 s."""
    with inside(outside.netns):
        s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        with inside(outside.netns):
            index = socket.if_nametoindex("eth0")
        s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, index))


def learnt(knetd, outside):
    return "proto ra" in knetd.exec("ip", "-6", "route", "show", "default", "dev", outside.link).stdout


def test_routes_learnt_from_advertisements_stay(knetd_factory, made):
    """IPv4 leaves by another link, which must not hide the one that IPv6 was learnt by."""
    uplinks = []

    def learn(daemon):
        sysctl(daemon.netns, FORWARDING[1], "0")
        uplinks.extend([made(Outside(daemon, 2)), made(Outside(daemon, 3))])
        daemon.exec("ip", "route", "add", "default", "via", uplinks[1].ip4, check=True)
        sysctl(daemon.netns, "net.ipv6.conf.up2.accept_ra", "1")
        eventually(lambda: advertise(uplinks[0]) or learnt(daemon, uplinks[0]))

    knetd = knetd_factory(before=learn)
    assert sysctl(knetd.netns, FORWARDING[1]) == "1" and sysctl(knetd.netns, "net.ipv6.conf.up2.accept_ra") == "2"
    assert learnt(knetd, uplinks[0]), "switching forwarding on did not take it away"
    knetd.exec("ip", "-6", "route", "del", "default", "dev", "up2", check=True)
    eventually(lambda: advertise(uplinks[0]) or learnt(knetd, uplinks[0]))


# ---- machines that lack something --------------------------------------------------------------------

def test_ipv6_switched_off(knetd_factory, made):
    knetd = knetd_factory(before=lambda daemon: sysctl(daemon.netns, "net.ipv6.conf.all.disable_ipv6", "1"))
    pod = made(Pod(knetd, "four"))
    assert pod.ip4 and not pod.ip6
    assert knetd.exec("ping", "-c", "1", "-W", "2", pod.ip4).returncode == 0
    assert knetd.logged().count("no IPv6 for pods") == 1 and "disable_ipv6=1" in knetd.logged()
    sysctl(knetd.netns, "net.ipv6.conf.all.disable_ipv6", "0")
    knetd.exec("nft", "flush", "ruleset")  # the next pass
    eventually(lambda: "fib" in knetd.exec("nft", "list", "table", "inet", "knetd_podnet").stdout)
    assert made(Pod(knetd, "six")).ip6


def test_ipv6_off_and_nothing_else_to_give(knetd_factory):
    knetd = Knetd(pod_cidr="fd00:10:244::/64")
    try:
        sysctl(knetd.netns, "net.ipv6.conf.all.disable_ipv6", "1")
        with pytest.raises(AssertionError):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "monotonic", stop_after(knetd))
                knetd.start()
        assert "only IPv6 ranges" in knetd.logged()
    finally:
        knetd.close()


def stop_after(knetd):
    """A clock that jumps when the daemon has said what is wrong: it never gets ready."""
    real = time.monotonic

    def now():
        said = os.path.exists(knetd.log) and "podnet" in knetd.logged()
        return real() + (100 if said else 0)
    return now


def test_read_only_proc(made):
    """As in a container: what stands already is enough, what does not is named."""
    knetd = Knetd()
    knetd.enter = ["ip", "netns", "exec", knetd.netns, "sh", "-c",
                   'mount -o remount,ro,bind /proc/sys 2>/dev/null || mount --bind -o ro /proc/sys /proc/sys; '
                   'mount -o remount,ro,bind /proc/sys; exec "$@"', "sh"]
    try:
        sysctl(knetd.netns, FORWARDING[0], "0")
        with pytest.raises(AssertionError):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "monotonic", stop_after(knetd))
                knetd.start()
        assert "net/ipv4/ip_forward=1: Read-only file system" in knetd.logged()
        assert "ip_forward" in knetd.api("GET", "/readyz")[1]
        for key in FORWARDING:
            sysctl(knetd.netns, key, "1")
        knetd.stop()
        knetd.start()
        assert made(Pod(knetd, "ro")).run("ping", "-c", "1", "-W", "2", "169.254.1.1").returncode == 0
    finally:
        knetd.close()


# ---- MTU ---------------------------------------------------------------------------------------------

def mtu(pod):
    return json.loads(pod.run("ip", "-j", "link", "show", "eth0").stdout)[0]["mtu"]


def test_mtu_follows_an_uplink_that_comes_later(knetd_factory, made):
    knetd = knetd_factory()
    pod = made(Pod(knetd, "before"))
    assert mtu(pod) == 1500
    made(Outside(knetd, mtu=1400))
    knetd.exec("ip", "route", "add", "default", "via", "192.0.2.2", check=True)

    def attached_again():
        pod.cni("DEL")
        pod.result = pod.cni("ADD")
        return mtu(pod) == 1400
    eventually(attached_again)
    assert [i["mtu"] for i in pod.cni("DEL") or pod.cni("ADD", cniVersion="1.1.0")["interfaces"]] == [1400, 1400]


@pytest.mark.parametrize("size,narrow", [("auto", 1300), ("9000", 1500)])
def test_path_mtu(knetd_factory, made, size, narrow):
    """Too big for a link further on, or for the node's own: the pod is told, in both families."""
    knetd = knetd_factory(ini=f"mtu = {size}")
    near = made(Outside(knetd))
    far = f"{near.netns}-far"
    subprocess.run(["ip", "netns", "add", far], check=True)
    try:
        subprocess.run(["ip", "-n", near.netns, "link", "add", "x0", "mtu", str(min(narrow, 1500)), "type", "veth", "peer",
                        "name", "x0", "mtu", str(min(narrow, 1500)), "netns", far], check=True)
        for netns, n in ((near.netns, 1), (far, 2)):
            for key in FORWARDING:
                sysctl(netns, key, "1")
            for argv in (["addr", "add", f"198.51.100.{n}/24", "dev", "x0"],
                         ["addr", "add", f"2001:db8:51::{n}/64", "dev", "x0", "nodad"], ["link", "set", "x0", "up"]):
                subprocess.run(["ip", "-n", netns, *argv], check=True)
        for argv in (["default", "via", "198.51.100.1"], ["default", "via", "2001:db8:51::1"]):
            subprocess.run(["ip", "-n", far, "route", "add", *argv], check=True)
        for cidr, via in (("198.51.100.0/24", near.ip4), ("2001:db8:51::/64", near.ip6)):
            knetd.exec("ip", "route", "add", cidr, "via", via, check=True)
        pod = made(Pod(knetd, "big"))
        for ip, header in (("198.51.100.2", 28), ("2001:db8:51::2", 48)):
            fits, over = str(narrow - header), str(narrow - header + 1)
            eventually(lambda: pod.run("ping", "-c", "1", "-W", "1", "-M", "do", "-s", fits, ip).returncode == 0)
            told = pod.run("ping", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", over, ip)
            assert f"mtu = {narrow}" in told.stdout or f"mtu={narrow}" in told.stdout + told.stderr, told.stdout
    finally:
        subprocess.run(["ip", "netns", "del", far], check=False)


# ---- first packets -------------------------------------------------------------------------------------

def udp(netns):
    with inside(netns):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("::", 5555))
    s.settimeout(3)
    return s


def address(ip):
    return (ip if ":" in ip else f"::ffff:{ip}", 5555)


def test_the_first_packets_arrive(knetd_factory, made):
    """An address that comes back with another hardware address, a hundred times: the very first packet each
    way, from node and pod, of both families, is delivered."""
    knetd = knetd_factory()
    outside = made(Outside(knetd))
    pod, other = made(Pod(knetd, "one")), made(Pod(knetd, "other"))
    there, node, beside = udp(pod.netns), udp(knetd.netns), udp(other.netns)
    far = udp(outside.netns)
    wish = {"runtimeConfig": {"ips": pod.ips}}
    macs, lost = set(), []
    with there, node, beside, far:
        for i in range(100):
            pod.cni("DEL")
            macs.add(eventually(lambda: again(pod, wish)))
            for ip, far_ip in ((pod.ip4, outside.ip4), (pod.ip6, outside.ip6)):
                for sender, receiver, to in ((node, there, ip), (beside, there, ip), (there, far, far_ip),
                                             (there, beside, other.ip6 if ":" in ip else other.ip4)):
                    text = f"{i} {ip} {to}".encode()
                    sender.sendto(text, address(to))
                    try:
                        assert receiver.recv(99) == text
                    except TimeoutError:
                        lost.append(text)
    assert not lost and len(macs) == 100


def again(pod, wish):
    try:
        return pod.cni("ADD", **wish)["interfaces"][1]["mac"]
    except CniError as e:
        assert e.code == 11, "its link is still leaving"
        return None
