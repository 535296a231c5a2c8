#!/usr/bin/python3
"""The conformance suite of network-policy-api (ClusterNetworkPolicy) against a knetd in a network namespace of its own,
with Pods that it attaches.

    tests/conformance/run_policy.py [--only NAME,...] [--family 4|6]

Ends with what became of each test; what the suite, the daemon and the Pods said lies in build/conformance-policy."""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from clients import CLIENTS, client  # noqa: E402
from daemon import ROOT, Knetd  # noqa: E402
from kubelet import MERGE, Kubelet, Running  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from run import lines_of, tell  # noqa: E402

OUT = os.path.join(ROOT, "build", "conformance-policy")
SUITE = os.path.join(CLIENTS, "conformance-policy", "suite")
V4, V6 = "10.244.0.0/24", "fd00:10:244::/64"
OTHERS = 2  # nodes that are nothing but addresses: Pods of their network


class Server(Running):
    """A Pod of agnhost: all its containers' ports by one process, in its namespace or another node's."""

    def listens(self):
        """"tcp/80", ... as the containers' commands and variables say."""
        found = []
        for container in self.pod["spec"]["containers"]:
            said = " ".join(container.get("command", []))
            if m := re.search(r"serve-hostname --(tcp|udp) .*--port (\d+)", said):
                found.append(f"{m[1]}/{m[2]}")
            elif m := re.search(r"netexec .*--udp-port (\d+)", said):
                found.append(f"udp/{m[1]}")
            found += [f"sctp/{e['name'].rsplit('_', 1)[1]}" for e in container.get("env", []) if e["name"].startswith("SERVE_SCTP_PORT_")]
        return found

    def place(self):
        """The network namespace that it runs in."""
        if self.pod["spec"].get("hostNetwork"):
            node = int(self.pod["spec"]["nodeName"].rsplit("-", 1)[1])
            ips = [{"ip": ip} for ip in other_ips(node)]
            self.say({"podIP": ips[0]["ip"], "podIPs": ips})
            return other_netns(self.kubelet.knetd, node)
        self.attached = Pod(self.kubelet.knetd, self.name, self.namespace)
        return self.attached.netns

    def run(self):
        netns = self.place()
        self.process = subprocess.Popen(["ip", "netns", "exec", netns, SUITE, "serve", *self.listens()],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        folder = os.path.join(OUT, "pods", self.namespace)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, self.name), "w", encoding="ascii") as f:
            f.write(netns)
        self.say_ready()

    def say(self, status):
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}/status"
        assert self.kubelet.knetd.api("PATCH", path, {"status": status}, ctype=MERGE)[0] == 200

    def stop(self):
        super().stop()
        if process := getattr(self, "process", None):
            process.kill()
            process.wait()


FAMILIES = [4, 6]  # which one comes first: the suite asks for a Pod's first address


def other_ips(i):
    by_family = {4: f"192.0.2.{10 + i}", 6: f"2001:db8:2::{10 + i}"}
    return [by_family[f] for f in FAMILIES]


def other_netns(knetd, i):
    return f"{knetd.netns}-other{i}"


@contextlib.contextmanager
def other_nodes(knetd):
    """Machines on the node's network, with Nodes that say their addresses."""
    def ip(*argv):
        subprocess.run(["ip", *argv], check=True, timeout=10)
    try:
        ip("-n", knetd.netns, "link", "add", "lan0", "type", "bridge")
        ip("-n", knetd.netns, "link", "set", "lan0", "up")
        ip("-n", knetd.netns, "addr", "add", "192.0.2.1/24", "dev", "lan0")
        ip("-n", knetd.netns, "addr", "add", "2001:db8:2::1/64", "dev", "lan0", "nodad")
        for i in range(OTHERS):
            netns = other_netns(knetd, i)
            ip("netns", "add", netns)
            ip("-n", netns, "link", "set", "lo", "up")
            ip("-n", knetd.netns, "link", "add", f"other{i}", "type", "veth", "peer", "name", "eth0", "netns", netns)
            ip("-n", knetd.netns, "link", "set", f"other{i}", "master", "lan0", "up")
            ip("-n", netns, "link", "set", "eth0", "up")
            ip("-n", netns, "addr", "add", f"192.0.2.{10 + i}/24", "dev", "eth0")
            ip("-n", netns, "addr", "add", f"2001:db8:2::{10 + i}/64", "dev", "eth0", "nodad")
            for route, via in ((V4, "192.0.2.1"), (V6, "2001:db8:2::1")):
                ip("-n", netns, "route", "add", route, "via", via)
            node = {"metadata": {"name": f"other-{i}", "labels": {"kubernetes.io/os": "linux"}}}
            assert knetd.api("POST", "/api/v1/nodes", node)[0] == 201
            status = {"addresses": [{"type": "InternalIP", "address": a} for a in other_ips(i)]}
            assert knetd.api("PATCH", f"/api/v1/nodes/other-{i}/status", {"status": status}, ctype=MERGE)[0] == 200
        yield
    finally:
        for i in range(OTHERS):
            subprocess.run(["ip", "netns", "del", other_netns(knetd, i)], check=False, timeout=10)


def run(only=(), family=4, timeout=1800):
    """Runs the suite; [{name, result: pass|fail|skip, features, at}] in the order they ended in."""
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    FAMILIES.sort(key=lambda f: f != family)
    cidrs = f"{V4},{V6}" if family == 4 else f"{V6},{V4}"
    with contextlib.ExitStack() as stack:
        knetd = stack.enter_context(Knetd(ini=f"[podnet]\ncidrs = {cidrs}\n[api]\nlisten = 127.0.0.1:6443\n"))
        stack.callback(lambda: shutil.copy(knetd.log, os.path.join(OUT, "knetd.log")))
        stack.enter_context(other_nodes(knetd))
        kubelet = stack.enter_context(Kubelet(knetd, [], OUT, Server))
        log = stack.enter_context(open(os.path.join(OUT, "suite.log"), "w", encoding="utf-8"))
        argv = [*knetd.enter, SUITE, "-test.v", "-test.timeout=30m", f"-pods={OUT}/pods", f"-summary={OUT}/summary", f"-only={','.join(only)}"]
        env = dict(os.environ, KUBECONFIG=os.path.join(knetd.dir, "run", "kubeconfig"))
        subprocess.run(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, timeout=timeout, check=False)
        if kubelet.failed:
            log.write("\nPods that did not run:\n" + "\n".join(kubelet.failed) + "\n")
    return lines_of(os.path.join(OUT, "summary"))


def missing():
    """Why the suite cannot be had here, or None."""
    return client("conformance-policy", "go")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of tests")
    parser.add_argument("--family", type=int, default=4, choices=(4, 6), help="of the Pods' first addresses, which the suite uses")
    args = parser.parse_args()
    if why := missing():
        sys.exit(why)
    began = time.monotonic()
    results = run([n for n in args.only.split(",") if n], args.family)
    tell(results, time.monotonic() - began, OUT)
    sys.exit(not results or any(r["result"] == "fail" for r in results))


if __name__ == "__main__":
    main()
