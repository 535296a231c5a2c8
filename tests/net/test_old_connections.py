"""What an earlier run left in the kernel's table of connections."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod  # noqa: E402


def test_a_start_forgets_connections_of_nobody(knetd):
    pod = Pod(knetd, "stays")
    knetd.stop()
    gone, other = "10.244.0.200", "192.0.2.9"
    for client, server in ((gone, other), (other, gone), (gone, pod.ip4), (pod.ip4, other), (other, "192.0.2.10")):
        knetd.exec("conntrack", "-I", "-p", "tcp", "-s", client, "-d", server, "--sport", "4000", "--dport", "80", "--state", "ESTABLISHED",
                   "--timeout", "600", "-u", "ASSURED,SEEN_REPLY", check=True)
    knetd.start()
    left = knetd.exec("conntrack", "-L").stdout
    assert gone not in left, left
    assert f"src={pod.ip4} dst={other}" in left and f"src={other} dst=192.0.2.10" in left, left
    pod.remove()
