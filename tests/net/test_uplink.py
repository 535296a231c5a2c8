"""The machine's own link, [node] uplink: what knetd puts there, and puts back.

  router netns  r0 --- up0  the node's netns, knetd
"""

import contextlib
import json
import os
import subprocess

import pytest
from daemon import Knetd
from pods import eventually

STATIC = """[node]
uplink = 192.0.2.7/24, 2001:db8:7::7/64
gateways = 192.0.2.1, 2001:db8:7::1
uplink_link = up0
"""


def ip(netns, *words):
    return subprocess.run(["ip", "-n", netns, *words], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def node(ini):
    """A knetd that is not started yet, and the name of its router's namespace."""
    knetd = Knetd(ini)
    router = knetd.netns + "r"
    try:
        subprocess.run(["ip", "netns", "add", router], check=True)
        ip(router, "link", "add", "r0", "type", "veth", "peer", "name", "up0", "netns", knetd.netns)
        ip(router, "link", "set", "r0", "up")
        for address in "192.0.2.1/24", "2001:db8:7::1/64":
            ip(router, "addr", "add", address, "dev", "r0", *(["nodad"] if ":" in address else []))
        yield knetd, router
    finally:
        knetd.close()
        subprocess.run(["ip", "netns", "del", router], check=False)


def addresses(knetd):
    links = json.loads(ip(knetd.netns, "-j", "addr", "show", "dev", "up0"))
    return {f"{a['local']}/{a['prefixlen']}" for a in links[0]["addr_info"] if a["scope"] == "global"}


def gateways(knetd):
    return {r["gateway"] for family in ("-4", "-6") for r in json.loads(ip(knetd.netns, "-j", family, "route", "show", "default"))}


RESOLV = "nameserver 2001:db8:7::53\nsearch ex.test\n"


def resolv(knetd):
    with contextlib.suppress(FileNotFoundError), open(os.path.join(knetd.dir, "run", "uplink", "resolv.conf"), encoding="ascii") as f:
        return f.read()
    return None


WHOLE = ({"192.0.2.7/24", "2001:db8:7::7/64"}, {"192.0.2.1", "2001:db8:7::1"})


def is_whole(knetd):
    return addresses(knetd) >= WHOLE[0] and gateways(knetd) == WHOLE[1]


def reaches(knetd, address):
    return subprocess.run([*knetd.enter, "ping", "-c", "1", "-W", "2", address], check=False, capture_output=True).returncode == 0


def test_static():
    with node(STATIC) as (knetd, _):
        knetd.start()
        assert eventually(lambda: is_whole(knetd)), knetd.logged()
        assert eventually(lambda: reaches(knetd, "192.0.2.1") and reaches(knetd, "2001:db8:7::1"))


@pytest.mark.parametrize("harm", [
    [["addr", "del", "192.0.2.7/24", "dev", "up0"]],
    [["addr", "flush", "dev", "up0", "scope", "global"]],
    [["route", "del", "default"], ["-6", "route", "del", "default"]],
    [["link", "set", "up0", "down"]],
    [["link", "set", "up0", "down"], ["link", "set", "up0", "up"]],
])
def test_what_is_taken_away_comes_back(harm):
    with node(STATIC) as (knetd, router):
        knetd.start()
        assert eventually(lambda: is_whole(knetd)), knetd.logged()
        for words in harm:
            ip(knetd.netns, *words)
        assert eventually(lambda: is_whole(knetd)), knetd.logged()
        ip(router, "link", "set", "r0", "down")  # the carrier goes, and comes
        ip(router, "link", "set", "r0", "up")
        assert eventually(lambda: is_whole(knetd) and reaches(knetd, "192.0.2.1")), knetd.logged()


def test_what_is_not_ours_stays():
    with node(STATIC) as (knetd, _):
        ip(knetd.netns, "addr", "add", "198.51.100.1/32", "dev", "up0")
        knetd.start()
        assert eventually(lambda: is_whole(knetd))
        assert "198.51.100.1/32" in addresses(knetd)
        knetd.stop()
        assert is_whole(knetd)  # the machine keeps its network


def test_another_address_takes_the_place_of_the_old_one():
    with node(STATIC) as (knetd, _):
        knetd.start()
        assert eventually(lambda: is_whole(knetd))
        knetd.stop()
        knetd.start("-o", "node.uplink=192.0.2.8/24, 2001:db8:7::7/64")
        assert eventually(lambda: addresses(knetd) == {"192.0.2.8/24", "2001:db8:7::7/64"}), knetd.logged()
        assert gateways(knetd) == WHOLE[1]


def test_a_link_that_comes_late():
    with node(STATIC) as (knetd, router):
        ip(router, "link", "del", "r0")
        knetd.start()
        ip(router, "link", "add", "r0", "type", "veth", "peer", "name", "up0", "netns", knetd.netns)
        ip(router, "link", "set", "r0", "up")
        assert eventually(lambda: is_whole(knetd)), knetd.logged()


def test_router_advertisements_although_forwarding():
    with node("[node]\nuplink = slaac\nuplink_link = up0\n") as (knetd, router):
        command = ["ip", "netns", "exec", router, "dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--interface=r0",
                   "--leasefile-ro", "--pid-file", "--enable-ra", "--dhcp-range=2001:db8:7::,ra-only", "--ra-param=r0,4",
                   "--dhcp-option=option6:dns-server,[2001:db8:7::53]", "--dhcp-option=option6:domain-search,ex.test"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as dnsmasq:
            try:
                knetd.start()
                assert eventually(lambda: any(a.startswith("2001:db8:7:") for a in addresses(knetd)), 30), knetd.logged()
                assert eventually(lambda: len(gateways(knetd)) == 1, 30)
                assert eventually(lambda: resolv(knetd) == RESOLV, 30)
                ip(knetd.netns, "link", "set", "up0", "down")
                assert eventually(lambda: any(a.startswith("2001:db8:7:") for a in addresses(knetd)) and gateways(knetd), 30)
            finally:
                dnsmasq.kill()
        knetd.stop()
        knetd.start()
        assert resolv(knetd) == RESOLV  # for as long as it was said
