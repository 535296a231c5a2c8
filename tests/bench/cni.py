#!/usr/bin/python3
"""CNI ADD and DEL: the whole plugin process, beside the reference bridge plugin and beside bare netlink.

All of it in one run on one machine, one call at a time, in network namespaces of its own. Bare netlink
(bare_veth.c) sends the messages that knetd sends and nothing else: the kernel's own price. Prints a
table with ratios; an absolute time is never judged.

  tests/bench/cni.py [PODS]      default 150
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from daemon import BINARY, Knetd, inside  # noqa: E402

REFERENCE = "/usr/lib/cni"
PODS = int(sys.argv[1]) if len(sys.argv) > 1 else 150

def knet_conf(knetd):
    return {"cniVersion": "1.0.0", "name": "bench", "type": "knet", "socket": knetd.socket}


def bridge_conf(directory):
    """IPv4 alone: the bridge plugin would wait for duplicate address detection with IPv6."""
    return {"cniVersion": "1.0.0", "name": "reference", "type": "bridge", "bridge": "br0", "isGateway": True,
            "ipam": {"type": "host-local", "dataDir": f"{directory}/leases", "routes": [{"dst": "0.0.0.0/0"}],
                     "ranges": [[{"subnet": "10.200.0.0/20"}]]}}


class Plugin:
    """One plugin binary, called as a runtime calls it; times the process from start to end."""

    def __init__(self, path, conf, directory):
        self.path = path
        self.input = os.path.join(directory, conf["name"] + ".json")
        self.output = os.memfd_create("output")  # a runtime gives a pipe; a file on a disk would be measured too
        with open(self.input, "w") as f:
            json.dump(conf, f)

    def call(self, command, pod):
        env = {"CNI_COMMAND": command, "CNI_CONTAINERID": pod, "CNI_NETNS": f"/var/run/netns/{pod}",
               "CNI_IFNAME": "eth0", "CNI_PATH": REFERENCE, "PATH": os.environ["PATH"],
               "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod}"}
        os.ftruncate(self.output, 0)
        os.lseek(self.output, 0, os.SEEK_SET)
        files = [(os.POSIX_SPAWN_OPEN, 0, self.input, os.O_RDONLY, 0),
                 (os.POSIX_SPAWN_DUP2, self.output, 1)]
        start = time.perf_counter()
        child = os.posix_spawn(self.path, [self.path], env, file_actions=files)
        _, status = os.waitpid(child, 0)
        took = time.perf_counter() - start
        if status:
            sys.exit(f"{self.path} {command}: {os.pread(self.output, 65536, 0).decode()}")
        return took * 1e6


def netns(command, names):
    for name in names:
        subprocess.run(["ip", "netns", command, name], check=True)


def run_plugin(plugin, names):
    netns("add", names)
    try:
        add = [plugin.call("ADD", n) for n in names]
        return add, [plugin.call("DEL", n) for n in names]
    finally:
        netns("del", names)


def run_bare(directory, names):
    program = os.path.join(directory, "bare_veth")
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", program,
                    os.path.join(HERE, "bare_veth.c")], check=True)
    netns("add", names)
    try:
        out = subprocess.run([program, *[f"/var/run/netns/{n}" for n in names]], check=True, capture_output=True)
        return json.loads(out.stdout)
    finally:
        netns("del", names)


def percentile(times, p):
    return sorted(times)[min(len(times) - 1, int(len(times) * p / 100))]


def show(name, times, base=None):
    p50, p99 = percentile(times, 50), percentile(times, 99)
    line = f"{name:34} {p50 / 1000:9.2f} {p99 / 1000:9.2f}"
    if base:
        line += f" {p50 / percentile(base, 50):9.2f}"
    print(line)


def measure(directory, knetd):
    os.symlink(BINARY, f"{directory}/knet")
    knet = Plugin(f"{directory}/knet", knet_conf(knetd), directory)
    bridge = Plugin(f"{REFERENCE}/bridge", bridge_conf(directory), directory)
    names = [f"{knetd.netns}-{i}" for i in range(PODS)]
    run_plugin(knet, names[:5])
    knet_add, knet_del = run_plugin(knet, names)
    bare = run_bare(directory, names[:100])
    bridge_add, bridge_del = run_plugin(bridge, names[:50])
    print(f"{'':34} {'p50 ms':>9} {'p99 ms':>9} {'x bare':>9}   ({PODS} pods)")
    show("bare netlink, dual stack", bare)
    show("knet ADD, dual stack", knet_add, bare)
    show("bridge + host-local ADD, IPv4", bridge_add, bare)
    show("knet DEL", knet_del)
    show("bridge + host-local DEL", bridge_del)
    print(f"ADD: {percentile(bridge_add, 50) / percentile(knet_add, 50):.1f} x faster than the reference; "
          f"DEL: {percentile(bridge_del, 50) / percentile(knet_del, 50):.1f} x")


def main():
    directory = tempfile.mkdtemp()
    try:
        with Knetd(ini="[ingress]\nhttp = 0", pod_cidr="10.244.0.0/20,fd00:10:244::/64") as knetd:
            with inside(knetd.netns):  # no helper process, which would be measured too
                measure(directory, knetd)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
