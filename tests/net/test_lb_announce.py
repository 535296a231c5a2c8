"""Load-balancer addresses on the wire: machines beside the node ask for them, hear of them and connect to them."""

import contextlib
import json
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import ROOT, inside  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
POOLS = "/apis/knetd.io/v1alpha1/addresspools"
LB4, LB6 = "192.0.2.100", "2001:db8:2::100"
INI = "[lb]\npools = 192.0.2.100-192.0.2.110, 2001:db8:2::100-2001:db8:2::110\n"

ETH_P_ALL, ETH_P_ARP, ETH_P_IPV6 = 3, 0x0806, 0x86DD


def service(knetd, name="web", families="RequireDualStack", **spec):
    body = {"metadata": {"name": name},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ipFamilyPolicy": families,
                     "ports": [{"port": 80, "targetPort": 8080}], **spec}}
    status, answer = knetd.api("POST", SERVICES, body)
    assert status == 201, answer


def ingress(knetd, name="web"):
    return [i["ip"] for i in knetd.api("GET", f"{SERVICES}/{name}")[1]["status"]["loadBalancer"].get("ingress", [])]


def served(knetd, netns=None):
    """(link, address, scope or deprecated) of what the daemon put on links; older ip does not show whose it is."""
    out = subprocess.run(["ip", "-j", "-n", netns or knetd.netns, "addr"], capture_output=True, text=True, check=True).stdout
    return sorted((l["ifname"], a["local"], "deprecated" if a.get("deprecated") else a["scope"])
                  for l in json.loads(out) if l for a in l["addr_info"] if a.get("noprefixroute"))


def lines(knetd):
    """What `knetctl lb` shows of each address."""
    return {h["address"]: h for h in knetd.api("GET", "/knetd/v1/lb")[1]["held"]}


def states(knetd):
    return {a: h["state"] for a, h in lines(knetd).items()}


def announced(knetd, *addresses):
    eventually(lambda: all(states(knetd).get(a) == "announced" for a in addresses))


def ip_bytes(ip):
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)


def mac_of(netns, link):
    out = subprocess.run(["ip", "-j", "-n", netns, "link", "show", link], capture_output=True, text=True, check=True).stdout
    return json.loads(out)[0]["address"]


def mac_text(b):
    return ":".join(f"{x:02x}" for x in b)


class Ear:
    """Hears ARP and neighbour discovery on a machine's eth0, and may speak there."""

    def __init__(self, outside, link="eth0"):
        with inside(outside.netns):
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.s.bind((link, ETH_P_ALL))
        self.mac = bytes.fromhex(mac_of(outside.netns, link).replace(":", ""))
        self.s.settimeout(0.2)
        self.heard, self.new, self.running = [], queue.Queue(), True
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while self.running:
            try:
                frame, sender = self.s.recvfrom(2000)
            except (TimeoutError, OSError):
                continue
            if sender[2] == socket.PACKET_OUTGOING:
                continue
            told = self.read(frame)
            if told:
                self.heard.append((time.monotonic(), *told))

    @staticmethod
    def read(frame):
        """(kind, sender's hardware address, sender's address, target)"""
        kind = struct.unpack("!H", frame[12:14])[0]
        if kind == ETH_P_ARP:
            op, mac, sender, _, target = struct.unpack("!6xH6s4s6s4s", frame[14:42])
            return ("request" if op == 1 else "reply", mac_text(mac), socket.inet_ntop(socket.AF_INET, sender),
                    socket.inet_ntop(socket.AF_INET, target))
        if kind == ETH_P_IPV6 and frame[20] == 58 and frame[54] in (135, 136):
            unasked = frame[38:54] == ip_bytes("ff02::1") and frame[58] & 0x20
            return ("solicitation" if frame[54] == 135 else "override" if unasked else "advertisement",
                    mac_text(frame[6:12]), socket.inet_ntop(socket.AF_INET6, frame[22:38]),
                    socket.inet_ntop(socket.AF_INET6, frame[62:78]))
        return None

    def claims(self, ip, mac=None):
        """Unasked claims of an address."""
        return [h for h in list(self.heard) if h[3] == ip and (mac is None or h[2] == mac) and
                (h[4] == ip and h[1] in ("request", "reply", "override"))]

    def send_arp(self, op, sender_ip, target_ip, target_mac=b"\0" * 6, to=b"\xff" * 6):
        self.s.send(to + self.mac + struct.pack("!HHHBBH6s4s6s4s", ETH_P_ARP, 1, 0x0800, 6, 4, op, self.mac,
                                                ip_bytes(sender_ip), target_mac, ip_bytes(target_ip)))

    def answered(self, ip, asker):
        """Whether somebody answers an ARP request for the address; asked three times."""
        for _ in range(3):
            mark = len(self.heard)
            self.send_arp(1, asker, ip)
            end = time.monotonic() + 0.4
            while time.monotonic() < end:
                if any(h[1] == "reply" and h[3] == ip for h in self.heard[mark:]):
                    return True
                time.sleep(0.01)
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        self.s.close()


@pytest.fixture
def lab(knetd_factory):
    """make(): a daemon whose default route leaves by up2; near and far: machines on up2 and up3."""
    made = []

    def make(ini=INI, route=True, **options):
        def prepare(daemon):
            made.extend([Outside(daemon, 2), Outside(daemon, 3)])
            if route:
                daemon.exec("ip", "route", "add", "default", "via", "192.0.2.2", check=True)
                daemon.exec("ip", "-6", "route", "add", "default", "via", "2001:db8:2::2", check=True)

        knetd = knetd_factory(before=prepare, ini=ini, **options)
        near, far = made[-2:]
        return knetd, near, far

    make.pod = lambda knetd: made.append(Pod(knetd, "web", labels={"app": "web"})) or made[-1].serve(8080) and made[-1]
    yield make
    for thing in reversed(made):
        thing.remove()


def curl(machine, ip, *options):
    url = f"http://[{ip}]/" if ":" in ip else f"http://{ip}/"
    return machine.run("curl", "-sS", "-m", "5", *options, url).stdout


def neighbour(machine, ip):
    out = machine.run("ip", "-j", "neigh", "show", ip).stdout
    return next((n.get("lladdr") for n in json.loads(out or "[]") if n.get("dst") == ip), None)


def test_addresses_are_answered_for_and_announced(lab):
    knetd, near, far = lab()
    lab.pod(knetd)
    mac = mac_of(knetd.netns, "up2")
    with Ear(near) as ear, Ear(far) as other:
        service(knetd)
        assert ingress(knetd) == [LB4, LB6]
        announced(knetd, LB4, LB6)
        assert served(knetd) == [("up2", LB4, "link"), ("up2", LB6, "deprecated")]
        assert curl(near, LB4) == curl(near, LB6) == "web /\n"
        assert neighbour(near, LB4) == neighbour(near, LB6) == mac
        for ip, kinds in ((LB4, {"request": 3, "reply": 3}), (LB6, {"override": 3})):
            for kind, n in kinds.items():
                eventually(lambda: len([c for c in ear.claims(ip, mac) if c[1] == kind]) == n)
            said = [c for c in ear.claims(ip, mac) if c[1] in ("request", "override")]
            first, second = said[1][0] - said[0][0], said[2][0] - said[1][0]
            assert second > first, "growing gaps"
            asked = [h for h in ear.heard if h[4] == ip and h[1] in ("request", "solicitation") and h[3] in ("0.0.0.0", "::")]
            assert len(asked) == 3 and asked[-1][0] < said[0][0], "it was asked for before"
        assert near.run("ping", "-c", "1", "-W", "2", LB4).returncode == 0
        assert near.run("ping", "-c", "1", "-W", "2", LB6).returncode == 0
        assert ear.answered(LB4, near.ip4) and not other.answered(LB4, far.ip4), "another link is not answered on"
        assert other.answered(far.node4, far.ip4), "but for the node's own"
        assert not other.claims(LB4) and not other.claims(LB6)
    addresses = [a["address"] for a in knetd.api("GET", "/api/v1/nodes/node")[1]["status"]["addresses"]]
    assert addresses == ["192.0.2.1", "2001:db8:2::1", "node"], "they are not the Node's"


def test_the_node_never_speaks_from_them(lab):
    knetd, near, _ = lab()
    service(knetd)
    announced(knetd, LB4, LB6)
    # the node's own address comes back behind them, as after a DHCP client's renewal
    for argv in (["addr", "del", "192.0.2.1/24", "dev", "up2"], ["addr", "add", "192.0.2.1/24", "dev", "up2"],
                 ["addr", "del", "2001:db8:2::1/64", "dev", "up2"],
                 ["addr", "add", "2001:db8:2::1/64", "dev", "up2", "nodad"],
                 ["route", "replace", "default", "via", "192.0.2.2"],
                 ["-6", "route", "replace", "default", "via", "2001:db8:2::2"]):
        knetd.exec("ip", *argv, check=True)
    for to, ours in (("192.0.2.2", "192.0.2.1"), ("198.51.100.1", "192.0.2.1"), ("2001:db8:2::2", "2001:db8:2::1"),
                     ("2001:db8:ff::1", "2001:db8:2::1")):
        route = knetd.exec("ip", "-j", "route", "get", to, check=True).stdout
        assert json.loads(route)[0]["prefsrc"] == ours
    assert knetd.exec("ping", "-c", "1", "-W", "2", near.ip4).returncode == 0


def test_restarts_leave_no_gap(lab):
    knetd, near, _ = lab()
    lab.pod(knetd)
    service(knetd)
    announced(knetd, LB4, LB6)
    before = served(knetd)
    with subprocess.Popen(["ip", "-n", knetd.netns, "monitor", "address"], stdout=subprocess.PIPE, text=True) as monitor:
        for sig in (signal.SIGKILL, signal.SIGTERM):
            knetd.stop(sig)
            assert served(knetd) == before
            assert curl(near, LB4) == curl(near, LB6) == "web /\n", "the kernel serves on"
            with Ear(near) as ear:
                knetd.start()
                announced(knetd, LB4, LB6)
                eventually(lambda: ear.claims(LB4) and ear.claims(LB6))
        monitor.terminate()
        assert "Deleted" not in monitor.stdout.read(), "not for a moment"
    # what nobody holds any more when it starts again goes, but nothing of anybody else
    knetd.exec("ip", "addr", "add", "192.0.2.99/32", "dev", "up2", check=True)
    knetd.stop(signal.SIGKILL)
    with open(knetd.ini, encoding="utf-8") as f:
        ini = f.read()
    with open(knetd.ini, "w", encoding="utf-8") as f:
        f.write(ini.replace("192.0.2.100-", "192.0.2.105-").replace("2001:db8:2::100-", "2001:db8:2::105-"))
    knetd.start()
    announced(knetd, "192.0.2.105", "2001:db8:2::105")
    assert {a for _, a, _ in served(knetd)} == {"192.0.2.105", "2001:db8:2::105"}
    assert "192.0.2.99/32" in knetd.exec("ip", "addr").stdout


def test_what_others_take_away_comes_back(lab):
    knetd, near, far = lab()
    with Ear(near) as ear, Ear(far) as other:
        service(knetd)
        announced(knetd, LB4, LB6)
        before = served(knetd)
        eventually(lambda: len(ear.claims(LB4)) == 6)
        for ip in (f"{LB4}/32", f"{LB6}/128"):
            n = len(ear.claims(ip.split("/")[0]))
            knetd.exec("ip", "addr", "del", ip, "dev", "up2", check=True)
            eventually(lambda: served(knetd) == before and len(ear.claims(ip.split("/")[0])) > n)
        knetd.exec("ip", "addr", "flush", "dev", "up2", "scope", "link", check=True)
        eventually(lambda: served(knetd) == before)
        assert "conflict" not in knetd.logged()
        knetd.exec("nft", "flush", "ruleset", check=True)
        eventually(lambda: not other.answered(LB4, far.ip4) and ear.answered(LB4, near.ip4))
        knetd.exec("nft", "delete", "table", "arp", "knetd_lb", check=True)
        eventually(lambda: "table arp knetd_lb" in knetd.exec("nft", "list", "tables").stdout)


def test_link_that_comes_up_again(lab):
    knetd, near, _ = lab()
    with Ear(near) as ear:
        service(knetd)
        announced(knetd, LB4, LB6)
        before = served(knetd)
        eventually(lambda: len(ear.claims(LB4)) == 6)
        for way in ("down", "up"):
            knetd.exec("ip", "link", "set", "up2", way, check=True)
        for ip in (LB4, LB6):
            seen = {LB4: 6, LB6: 3}[ip]
            eventually(lambda: len(ear.claims(ip)) > seen)
        eventually(lambda: served(knetd) == before)  # the kernel takes IPv6 addresses off a link that goes down
        knetd.exec("ip", "link", "set", "up2", "address", "02:00:00:00:12:34", check=True)
        eventually(lambda: ear.claims(LB4, "02:00:00:00:12:34") and ear.claims(LB6, "02:00:00:00:12:34"))
        # the other end without carrier
        n = len(ear.claims(LB4))
        near.ip("link", "set", "eth0", "down")
        near.ip("link", "set", "eth0", "up")
        eventually(lambda: len(ear.claims(LB4)) > n)
    knetd.exec("ip", "link", "set", "up2", "down", check=True)
    service(knetd, "late")
    eventually(lambda: states(knetd).get("192.0.2.101") in ("waiting for the link", "no link"))
    knetd.exec("ip", "link", "set", "up2", "up", check=True)
    announced(knetd, "192.0.2.101", "2001:db8:2::101")


def test_links_of_a_pool(lab):
    knetd, near, far = lab("")
    lab.pod(knetd)
    body = {"metadata": {"name": "lan"}, "spec": {"addresses": ["192.0.2.100/31", "192.0.3.100/31"], "interfaces": ["up3"]}}
    assert knetd.api("POST", POOLS, body)[0] == 201
    with Ear(near) as ear, Ear(far) as other:
        service(knetd, families="SingleStack")
        announced(knetd, LB4)
        assert served(knetd) == [("up3", LB4, "link")] and lines(knetd)[LB4]["announcedOn"] == ["up3"]
        assert other.answered(LB4, far.ip4) and not ear.answered(LB4, near.ip4)
        edit = {"spec": {"interfaces": ["up2"]}}
        assert knetd.api("PATCH", POOLS + "/lan", edit, "application/merge-patch+json")[0] == 200
        eventually(lambda: served(knetd) == [("up2", LB4, "link")])
        announced(knetd, LB4)
        assert ear.answered(LB4, near.ip4) and not other.answered(LB4, far.ip4)
        assert curl(near, LB4) == "web /\n"
        edit = {"spec": {"interfaces": ["up2", "up3", "nowhere"]}}
        assert knetd.api("PATCH", POOLS + "/lan", edit, "application/merge-patch+json")[0] == 200
        eventually(lambda: len(served(knetd)) == 2 and lines(knetd)[LB4]["announcedOn"] == ["up2", "up3"])
        assert ear.answered(LB4, near.ip4) and other.answered(LB4, far.ip4)
        assert knetd.api("DELETE", f"{SERVICES}/web")[0] == 200
        assert not served(knetd), "released on delete, before the answer"
        assert not ear.answered(LB4, near.ip4)


def test_links_by_name_and_none(lab):
    knetd, _, far = lab(INI + "announce = u?2, nowhere\n", route=False)
    service(knetd)
    announced(knetd, LB4, LB6)
    assert served(knetd) == [("up2", LB4, "link"), ("up2", LB6, "deprecated")]
    knetd.close()
    knetd, near, far = lab(INI + "announce = none\n")
    lab.pod(knetd)
    with Ear(near) as ear, Ear(far) as other:
        service(knetd)
        eventually(lambda: states(knetd) == {LB4: "local", LB6: "local"})
        assert lines(knetd)[LB4]["announcedOn"] == [] and {l for l, _, _ in served(knetd)} == {"lo"}
        assert not ear.answered(LB4, near.ip4) and not other.answered(LB4, far.ip4)
        far.routes_to(f"{LB4}/32", f"{LB6}/128")
        assert curl(far, LB4) == curl(far, LB6) == "web /\n"
        assert not ear.claims(LB4) and not ear.claims(LB6)


def test_the_default_route_moves(lab):
    knetd, near, far = lab()
    service(knetd)
    announced(knetd, LB4, LB6)
    before = served(knetd)
    knetd.exec("ip", "route", "del", "default", check=True)
    knetd.exec("ip", "-6", "route", "del", "default", check=True)
    knetd.stop(signal.SIGKILL)
    knetd.start()
    announced(knetd, LB4, LB6)
    assert served(knetd) == before, "no route is no reason to go"
    knetd.exec("ip", "route", "add", "default", "via", far.ip4, check=True)
    eventually(lambda: served(knetd) == [("up2", LB6, "deprecated"), ("up3", LB4, "link")])
    knetd.exec("ip", "-6", "route", "add", "default", "via", near.ip6, check=True)
    announced(knetd, LB4, LB6)
    assert served(knetd) == [("up2", LB6, "deprecated"), ("up3", LB4, "link")]


def events(knetd, reason):
    return [e["message"] for e in knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"] if e["reason"] == reason]


@pytest.mark.parametrize("ip,bits", [(LB4, 32), (LB6, 128)])
def test_an_address_that_somebody_has(lab, ip, bits):
    knetd, near, _ = lab()
    near.ip("addr", "add", f"{ip}/{bits}", "dev", "eth0", *(["nodad"] if bits == 128 else []))
    with Ear(near) as ear:
        service(knetd)
        eventually(lambda: states(knetd).get(ip) == "conflict")
        told = eventually(lambda: events(knetd, "AddressConflict"))
        assert mac_text(ear.mac) in told[0] and ip in told[0] and "up2" in told[0]
        assert lines(knetd)[ip]["conflictWith"] == mac_text(ear.mac)
        assert ip not in [a for _, a, _ in served(knetd)] and not ear.claims(ip), "we stand back"
        assert re.search(r'knetd_lb_places\{state="conflict"\} 1', knetd.api("GET", "/metrics")[1])
        other = LB6 if ip == LB4 else LB4
        announced(knetd, other)
        # asked again when the link comes up; every half minute in any case
        near.ip("addr", "del", f"{ip}/{bits}", "dev", "eth0")
        knetd.exec("ip", "link", "set", "up2", "down", check=True)
        knetd.exec("ip", "link", "set", "up2", "up", check=True)
        announced(knetd, ip)
        eventually(lambda: ear.claims(ip))
    eventually(lambda: events(knetd, "AddressAnnounced"))


def test_who_comes_later_is_not_given_way(lab):
    knetd, near, _ = lab()
    with Ear(near) as ear:
        service(knetd)
        announced(knetd, LB4)
        eventually(lambda: len(ear.claims(LB4)) == 6)
        for _ in range(5):
            ear.send_arp(1, LB4, LB4)
        told = eventually(lambda: events(knetd, "AddressConflict"))
        assert mac_text(ear.mac) in told[0]
        eventually(lambda: len(ear.claims(LB4)) == 12)
        assert states(knetd)[LB4] == "announced" and len(served(knetd)) == 2
        assert re.search(r"knetd_lb_conflicts_total 1$", knetd.api("GET", "/metrics")[1], re.M), "once in ten seconds"


def test_remove_takes_all_away(lab):
    knetd, _, _ = lab()
    service(knetd)
    announced(knetd, LB4, LB6)
    knetd.stop()
    assert len(served(knetd)) == 2 and "arp knetd_lb" in knetd.exec("nft", "list", "tables").stdout
    knetd.start("-x")
    knetd.stop()
    assert not served(knetd) and "arp" not in knetd.exec("nft", "list", "tables").stdout


def test_many_addresses_are_paced(lab):
    knetd, near, _ = lab("[lb]\npools = 192.0.4.0/24\n")
    near.routes_to("192.0.4.0/24")
    with Ear(near) as ear:
        for i in range(256):
            service(knetd, f"s{i}", families="SingleStack")
        eventually(lambda: sum(s == "announced" for s in states(knetd).values()) == 256, 20)
        assert len(served(knetd)) == 256
        eventually(lambda: len({h[3] for h in ear.heard if h[1] == "reply" and h[3] == h[4]}) == 256)
        knetd.stop(signal.SIGKILL)
        mark = len(ear.heard)
        knetd.start()  # all at once: the addresses stand, and are told again
        eventually(lambda: len({h[3] for h in ear.heard[mark:] if h[1] == "reply" and h[3] == h[4]}) == 256)
        times = [h[0] for h in ear.heard[mark:] if h[1] == "reply" and h[3] == h[4]]
        busiest = max(sum(t <= u < t + 0.04 for u in times) for t in times)
        assert busiest <= 64, "two ticks' worth at most, of 32 addresses each"
    for i in range(256):
        assert knetd.api("DELETE", f"{SERVICES}/s{i}")[0] == 200
    assert not served(knetd)


def self_test(knetd, *words):
    p = subprocess.run([os.path.join(ROOT, "build", "knetctl"), "lb", "test", *words, "-s", knetd.socket],
                       capture_output=True, text=True, timeout=30, check=False)
    return p.returncode, p.stdout + p.stderr


def test_self_test(lab):
    knetd, near, far = lab()
    assert self_test(knetd) == (0, "No Service holds an address of a pool.\n")
    service(knetd)
    announced(knetd, LB4, LB6)
    code, said = self_test(knetd)
    assert code == 0 and said.count("nobody else answers") == 2 and "x " not in said, said
    assert f"{near.ip4} answers to it" in said and f"{near.ip6} answers to it" in said, said
    code, said = self_test(knetd, LB4, "-o", "json")
    checks = json.loads(said)["checks"]
    assert code == 0 and {c["address"] for c in checks} == {LB4} and {c["verdict"] for c in checks} == {"ok"}
    for words, part in ((("192.0.2.9",), "no Service holds"), (("here",), "an IP address"), ((LB4, "more"), "not expected")):
        code, said = self_test(knetd, *words)
        assert code == 1 and part in said, said


def test_self_test_finds_what_is_wrong(lab):
    knetd, near, far = lab()
    service(knetd)
    announced(knetd, LB4, LB6)
    near.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=8")
    code, said = self_test(knetd, LB4)
    assert code == 0 and f"{near.ip4} does not answer to it" in said, said
    near.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=0")
    near.ip("addr", "add", f"{LB4}/32", "dev", "eth0")
    near.ip("addr", "add", f"{LB6}/128", "dev", "eth0", "nodad")
    code, said = self_test(knetd)
    assert code == 1 and said.count(f"{mac_of(near.netns, 'eth0')} answers for it as well") == 2, said
    near.ip("addr", "del", f"{LB4}/32", "dev", "eth0")
    near.ip("addr", "del", f"{LB6}/128", "dev", "eth0")
    knetd.exec("sysctl", "-qw", "net.ipv4.conf.up2.arp_ignore=2")
    code, said = self_test(knetd, LB4)
    assert code == 1 and "arp_ignore = 2" in said, said
    near.ip("link", "set", "eth0", "down")
    eventually(lambda: "no carrier" in self_test(knetd, LB4)[1])
