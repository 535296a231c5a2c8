"""Machines beside the node, each on a link of its own, for tests of what crosses the node's border."""

import subprocess
import sys

# Tells whoever comes in the address he came from.
SERVER = """
import socket
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 7000)); s.listen(64); print("ready", flush=True)
while True:
    c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()
"""
WHO = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET); s.settimeout(5)
if len(sys.argv) > 2: s.bind((sys.argv[2], 0))
s.connect((sys.argv[1], 7000)); print(s.recv(99).decode().removeprefix("::ffff:"))
"""


class Outside:
    """Machine NUMBER: 192.0.NUMBER.2 and 2001:db8:NUMBER::2 by the node's link upNUMBER (.1, ::1)."""

    def __init__(self, knetd, number=2, mtu=1500):
        self.knetd, self.netns, self.link = knetd, f"{knetd.netns}-out{number}", f"up{number}"
        self.ip4, self.ip6 = f"192.0.{number}.2", f"2001:db8:{number}::2"
        self.node4, self.node6 = f"192.0.{number}.1", f"2001:db8:{number}::1"
        self.processes = []
        node, here = ["-n", knetd.netns], ["-n", self.netns]
        for argv in (["netns", "add", self.netns],
                     [*node, "link", "add", self.link, "mtu", str(mtu), "type", "veth", "peer", "name", "eth0",
                      "mtu", str(mtu), "netns", self.netns],
                     [*node, "addr", "add", f"{self.node4}/24", "dev", self.link],
                     [*node, "addr", "add", f"{self.node6}/64", "dev", self.link, "nodad"],
                     [*here, "addr", "add", f"{self.ip4}/24", "dev", "eth0"],
                     [*here, "addr", "add", f"{self.ip6}/64", "dev", "eth0", "nodad"],
                     [*here, "link", "set", "lo", "up"],
                     [*here, "link", "set", "eth0", "up"],
                     [*node, "link", "set", self.link, "up"]):
            if argv[-1] == "up":  # no duplicate address detection: it would hold the first second's packets
                netns, link = argv[1], argv[4]
                subprocess.run(["ip", "netns", "exec", netns, "sysctl", "-qw", f"net.ipv6.conf.{link}.accept_dad=0"],
                               check=True)
            subprocess.run(["ip", *argv], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def ip(self, *argv):
        subprocess.run(["ip", "-n", self.netns, *argv], check=True)

    def routes_to(self, *ranges):
        """The machine knows the way to these by the node."""
        for cidr in ranges:
            self.ip("route", "replace", cidr, "via", self.node6 if ":" in cidr else self.node4)

    def run(self, *argv, timeout=15):
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], capture_output=True, text=True,
                              timeout=timeout, check=False)

    def serve(self):
        p = subprocess.Popen(["ip", "netns", "exec", self.netns, sys.executable, "-c", SERVER],
                             stdout=subprocess.PIPE, text=True)
        self.processes.append(p)
        assert p.stdout.readline() == "ready\n"
        return self

    def remove(self):
        for p in self.processes:
            p.kill()
            p.wait()
        subprocess.run(["ip", "netns", "del", self.netns], check=False)


def seen_as(pod, ip, source=None):
    """The address under which that machine sees the pod; None: it was not reached."""
    p = pod.run(sys.executable, "-c", WHO, ip, *([source] if source else []))
    return p.stdout.strip() or None
