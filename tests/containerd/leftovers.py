"""Everything a pod's life may leave behind on a node, as text to be compared before and after.

  state = Leftovers(node)     an idle node
  ... pods come and go ...
  state.gone()                waits until the node is as it was; tells what is still there"""

import json
import os
import re
import time

from node import cgroup_dirs

# Where knetd, containerd and the plugins' own library keep files of a pod.
FOLDERS = ("state/io.containerd.grpc.v1.cri", "state/io.containerd.runtime.v2.task", "root/io.containerd.grpc.v1.cri/sandboxes",
           "root/io.containerd.grpc.v1.cri/containers", "root/io.containerd.runtime.v2.task", "root/io.containerd.sandbox.controller.v1.shim",
           "state/io.containerd.sandbox.controller.v1.shim")


def under(top):
    """Folders that come with the first pod and stay are none of a pod's: files and what bears a pod's id are."""
    return [f"{at}/{name}" for at, folders, files in os.walk(top) for name in files + [f for f in folders if re.fullmatch("[0-9a-f]{64}", f)]]


def lines(text, fold=()):
    """Each line once and without what changes by itself."""
    for pattern in fold:
        text = re.sub(pattern, "", text)
    return sorted({line.strip() for line in text.splitlines() if line.strip()})


class Leftovers:
    def __init__(self, node, whole=True):
        """Not whole: shims, cgroups and files that are the runtime's alone are no matter."""
        self.node, self.whole = node, whole
        self.before = self.look()

    def ip(self, *words):
        return self.node.exec("ip", "-d", "-o", *words).stdout

    def api(self, path):
        return [f"{path}/{o['metadata']['namespace']}/{o['metadata']['name']}" for o in self.node.knetd.api("GET", path)[1]["items"]]

    def kernel(self):
        counters = [r"packets \d+ bytes \d+"]
        return {
            "links": lines(self.ip("link")), "addresses": lines(self.ip("addr"), [r"(valid|preferred)_lft \w+"]),
            "routes": lines(self.ip("-4", "route", "show", "table", "all") + self.ip("-6", "route", "show", "table", "all"), [r"expires \w+"]),
            "rules": lines(self.ip("-4", "rule") + self.ip("-6", "rule")),
            "neighbours": [line for line in lines(self.ip("neigh")) if "knet" in line],
            "qdiscs": lines(self.node.exec("tc", "qdisc").stdout, [r"refcnt \d+"]),
            "nft": lines(self.node.exec("nft", "list", "table", "inet", "knetd_podnet").stdout, counters),
            "conntrack": [line for f in ("ipv4", "ipv6") for line in self.node.exec("conntrack", "-L", "-f", f).stdout.splitlines()
                          if "=10.244." in line or "=fd00:10:244" in line],
        }

    def root(self):
        return f"/proc/{self.node.holder.pid}/root"

    def networks(self):
        """What the runtime keeps of a pod's network."""
        c = self.node.runtime
        return {
            "netns": self.node.netns_mounts(), "sandboxes": [s.id for s in c.cri("ListPodSandbox").items],
            "cached results": [f for top in ("/var/lib/cni", "/run/netns") for f in under(self.root() + top)],
        }

    def runtime(self):
        c = self.node.runtime
        return {
            "shims": [str(pid) for pid in c.shims()],
            "cgroups": [d for d in cgroup_dirs() if re.search("/[0-9a-f]{64}", d)],  # those above them are a kubelet's
            "containers": lines(c.ctr("containers", "list", "-q").stdout),
            "files": [f for top in FOLDERS for f in under(os.path.join(c.dir, top))] + under(self.root() + "/run/containerd/runc"),
        }

    def knetd(self):
        d = self.node.knetd
        metrics = d.api("GET", "/metrics")[1]
        return {
            "podnetworks": self.api("/apis/knetd.io/v1alpha1/podnetworks"), "pods": self.api("/api/v1/pods"),
            "slices": self.api("/apis/discovery.k8s.io/v1/endpointslices"),
            "attachments": re.findall(r"^knetd_podnet_(?:attachments|addresses_free).*$", metrics, re.M),
            "pod files": under(f"{d.dir}/run/pods"),
        }

    def look(self):
        return {**self.kernel(), **self.knetd(), **self.networks(), **(self.runtime() if self.whole else {})}

    def left(self):
        now = self.look()
        return {what: {"more": [x for x in now[what] if x not in self.before[what]], "less": [x for x in self.before[what] if x not in now[what]]}
                for what in now if now[what] != self.before[what]}

    def gone(self, seconds=15):
        end = time.monotonic() + seconds
        while True:
            left = self.left()
            if not left:
                return
            assert time.monotonic() < end, f"left over after {seconds} s: {json.dumps(left, indent=1)}\n{self.node.knetd.logged()[-3000:]}"
            time.sleep(0.1)
