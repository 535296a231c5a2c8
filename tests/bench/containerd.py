#!/usr/bin/python3
"""A pod's life through containerd: RunPodSandbox and StopPodSandbox with knet, with the reference bridge +
host-local + portmap, and of host network pods, which make no CNI call: what is left then is the runtime's own.

All of it in one run, the networks by turns, one call at a time. Each pod maps a host port where there is an iptables for
portmap to call. Prints medians and ratios; an absolute time is never judged.

  tests/bench/containerd.py [VERSION [PODS]]      default 2 and 25
"""

import json
import os
import shutil
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "containerd")]
from node import CriPod, Node, conflist, sandbox_config  # noqa: E402
from pods import eventually  # noqa: E402

REFERENCE = ("bridge", "host-local", "portmap", "loopback")
VERSION = sys.argv[1] if len(sys.argv) > 1 else "2"
PODS = int(sys.argv[2]) if len(sys.argv) > 2 else 25
ROUNDS = 5
PORTS = shutil.which("iptables") is not None


def bridge(directory):
    """IPv4 alone: the bridge plugin would wait for duplicate address detection with IPv6."""
    plugins = [{"type": "bridge", "bridge": "br0", "isGateway": True, "ipMasq": False, "ipam": {
        "type": "host-local", "dataDir": f"{directory}/leases", "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "10.200.0.0/20"}]]}}]
    if PORTS:
        plugins.append({"type": "portmap", "capabilities": {"portMappings": True}})
    return json.dumps({"cniVersion": "1.0.0", "name": "reference", "plugins": plugins})


class Times:
    def __init__(self):
        self.run, self.stop = [], []

    def live(self, runtime, name, **more):
        start = time.monotonic()
        pod = CriPod(runtime, name, **more)
        self.run.append(time.monotonic() - start)
        start = time.monotonic()
        pod.stop()
        self.stop.append(time.monotonic() - start)
        pod.remove()

    def medians(self):
        return [1000 * statistics.median(x) for x in (self.run, self.stop)]


def switch(node, text, subnet):
    """Containerd has taken up the other network when a pod has an address of it."""
    node.runtime.configure(text)

    def taken():
        with CriPod(node.runtime, "probe") as pod:
            return pod.ips()[0].startswith(subnet)
    eventually(taken)


def measure(node):
    ports = {"port_mappings": [{"container_port": 80, "host_port": 18080}]} if PORTS else {}
    alone = {"hostname": "", "linux": sandbox_config(node.runtime, "b")["linux"] | {"security_context": {"namespace_options": {"network": "NODE"}}}}
    kinds = {"knet": (conflist(node.knetd.socket), "10.244.", ports), "bridge + host-local + portmap": (bridge(node.dir), "10.200.", ports),
             "host network": (None, None, alone)}
    times = {kind: Times() for kind in kinds}
    for _ in range(ROUNDS):
        for kind, (text, subnet, more) in kinds.items():
            if text:
                switch(node, text, subnet)
            for i in range(PODS // ROUNDS):
                times[kind].live(node.runtime, f"b{i}", **more)
    return times


def main():
    node = Node(VERSION)
    try:
        for plugin in REFERENCE[:3]:
            shutil.copy(f"/usr/lib/cni/{plugin}", os.path.join(node.runtime.dir, "bin"))
        times = measure(node)
    finally:
        node.close()
    floor = times["host network"].medians()
    print(f"containerd {VERSION}, runc, {PODS} pods each, {'a host port each' if PORTS else 'no host ports (no iptables here)'}, p50")
    knet = times["knet"].medians()
    for kind, t in times.items():
        run, stop = t.medians()
        print(f"  {kind:30}  run {run:6.1f} ms  stop {stop:6.1f} ms   the network's part {max(run - floor[0], 0):6.1f} and {max(stop - floor[1], 0):6.1f} ms"
              f"   {run / knet[0]:.2f}x and {stop / knet[1]:.2f}x of knet")


if __name__ == "__main__":
    main()
