"""What a foreign `nft flush ruleset` opens, and for how long. KNETD_FLUSHES=50 prints the times; the packets are judged
in any case: behind the policies' return nothing passes that is forbidden, however much else has still to be put back. And
nothing at all where the kernel has tables that nobody but their owner flushes."""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import BINARY, inside  # noqa: E402
from pods import eventually  # noqa: E402
from test_policy import Lab, app  # noqa: E402

FLUSHES = int(os.environ.get("KNETD_FLUSHES", "8"))
SERVICES = int(os.environ.get("KNETD_FLUSH_SERVICES", "100"))
PORT = 5300

# Datagrams, each with the moment it was sent.
SENDER = """
import socket, sys, time
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(200)]
n = 0
while True:
    s[n % 200].sendto(b"%d" % time.monotonic_ns(), (sys.argv[1], int(sys.argv[2])))
    n += 1
    time.sleep(0.0002)
"""


class Nft:
    """nftables by netlink, without the milliseconds of a program's start."""

    GETTABLE, DELTABLE, INET, USE = 0xa01, 0xa02, 1, 3

    def __init__(self, netns):
        with inside(netns):
            self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.s.bind((0, 0))
        self.s.settimeout(20)

    @staticmethod
    def message(kind, flags, family=0, subsystem=0, attributes=b""):
        return struct.pack("=IHHIIBBH", 20 + len(attributes), kind, 1 | flags, 1, 0, family, 0, socket.htons(subsystem)) + attributes

    def answer(self):
        """What is behind the header, and the error, 0: none."""
        data = self.s.recv(65536)
        kind, code = struct.unpack("=4xH10xi", data[:20])
        return data[20:], -code if kind == 2 else 0

    def has(self, table):
        """With something in it: one that a transaction makes and deletes again shows for a moment, empty."""
        name = table.encode() + b"\0"
        attribute = struct.pack("=HH", 4 + len(name), 1) + name + bytes(-len(name) % 4)
        self.s.send(self.message(self.GETTABLE, 0, self.INET, 0, attribute))
        data, error = self.answer()
        while not error and data:
            size, kind = struct.unpack("=HH", data[:4])
            if kind == self.USE:
                return data[4:8] != bytes(4)
            data = data[size + 3 & ~3:]
        return False

    def flush(self):
        self.s.send(self.message(0x10, 0, 0, 10) + self.message(self.DELTABLE, 4) + self.message(0x11, 0, 0, 10))
        assert self.answer()[1] == 0

    def back(self, table):
        """Waits for it; the moment."""
        end = time.monotonic() + 60
        while not self.has(table):
            assert time.monotonic() < end, f"{table} did not come back"
        return time.monotonic_ns()


class Leaks:
    """A pod that keeps sending to one that it may not reach, and what arrives there."""

    def __init__(self, lab):
        with inside(lab.web.netns):
            self.at = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.at.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.at.bind(("", PORT))
        self.sender = subprocess.Popen(["ip", "netns", "exec", lab.other.netns, sys.executable, "-c", SENDER, lab.web.ip4, str(PORT)])

    def arrived(self):
        """When they were sent."""
        found = []
        while select.select([self.at], [], [], 0)[0]:
            found.append(int(self.at.recv(100)))
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sender.kill()
        self.sender.wait()
        self.at.close()


@pytest.fixture(name="lab", scope="module")
def make_lab():
    lab = Lab()
    with lab.stack:
        lab.policy("web", {"podSelector": app("web"), "ingress": [{"from": [{"podSelector": app("client")}]}]})
        for n in range(SERVICES):
            spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
            assert lab.knetd.api("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": f"s{n}"}, "spec": spec})[0] == 201
        yield lab


def owned(lab):
    return "ok       tables that others cannot flush" in lab.knetd.exec(BINARY, "-k").stdout


def told(capsys, what, times, packets):
    if "KNETD_FLUSHES" not in os.environ:
        return
    times = sorted(t / 1e6 for t in times)
    with capsys.disabled():
        print(f"\n{what}: {times[len(times) // 2]:.2f} ms p50, {times[-1]:.2f} ms at most, of {len(times)}; {packets} forbidden packets passed")


def test_policies_come_back_first(lab, capsys):
    """While the daemon runs."""
    nft, times, passed = Nft(lab.knetd.netns), [], 0
    with Leaks(lab) as leaks:
        time.sleep(0.3)
        assert not leaks.arrived()
        for _ in range(FLUSHES):
            eventually(lambda: all(nft.has(t) for t in ("knetd", "knetd_podnet", "knetd_dns")), 60)
            began = time.monotonic_ns()
            nft.flush()
            back = nft.back("knetd_policy")
            services = nft.back("knetd")
            time.sleep(0.1)
            sent = leaks.arrived()
            times.append(back - began)
            passed += len(sent)
            assert not [t for t in sent if t > back], (services - back, len(times), [t - back for t in sent if t > back])
    assert not passed or not owned(lab)
    told(capsys, "flushed", times, passed)


def test_a_start_puts_policies_first(lab, capsys):
    """The daemon was killed, the ruleset flushed: nothing but the policies' absence lets anything pass."""
    nft, times, passed = Nft(lab.knetd.netns), [], 0
    with Leaks(lab) as leaks:
        for _ in range(max(FLUSHES // 4, 2)):
            lab.knetd.stop(signal.SIGKILL)
            nft.flush()
            leaks.arrived()
            began = time.monotonic_ns()
            lab.knetd.start()
            back = nft.back("knetd_policy")
            with contextlib.suppress(AssertionError):
                eventually(lambda: nft.has("knetd"), 20)
            time.sleep(0.1)
            sent = leaks.arrived()
            times.append(max([t for t in sent if t > began] or [began]) - began)
            passed += len(sent)
            assert not [t for t in sent if t > back]
    told(capsys, "started, last packet after", times, passed)
