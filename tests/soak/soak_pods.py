"""Pods that come and go by the CNI plugin, and the ledger of what ADD, CHECK and DEL answered: an address is one pod's, what was
deleted is gone, and a pod that a policy protects is so from its first moment."""

import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import time

from daemon import ROOT, inside
from pods import CniError, Sandbox
from soak_traffic import SHUT
from soak_world import HTTP, SLOW

LIVE = 5  # pods of one runtime at once
TRY_AGAIN = 11
NETWORKS = "/apis/knetd.io/v1alpha1/podnetworks"


class Box(Sandbox):
    """A pod of the ledger."""

    def __init__(self, knetd, app):
        super().__init__(knetd)
        self.app, self.result, self.vanished, self.listener = app, None, False, None
        self.conf = {"runtimeConfig": {"io.kubernetes.cri.pod-annotations": {"knetd.io/labels": f"app={app}"}}}
        self.args = {"CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAME={self.container};K8S_POD_NAMESPACE=default"}
        if "guard" in app:
            with inside(self.netns):
                self.listener = socket.create_server(("", HTTP))

    def begin(self, verb):
        """A call that is under way, for whoever wants to kill it."""
        env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": self.container, "CNI_IFNAME": "eth0", "CNI_NETNS": f"/var/run/netns/{self.netns}",
               "CNI_PATH": "/usr/lib/cni", "PATH": os.environ["PATH"], "KNETD_SOCKET": self.knetd.socket, **self.args}
        with inside(self.knetd.netns):
            p = subprocess.Popen(["knet"], executable=os.path.join(ROOT, "build", "knetd"), env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        with contextlib.suppress(OSError):
            p.stdin.write(json.dumps({"cniVersion": "1.1.0", "name": "knet", "type": "knet", **self.conf}))
            p.stdin.close()
        return p

    def drop_netns(self):
        """The namespace goes, as when its last process is killed: nobody asked us."""
        self.vanished = True
        if self.listener:
            self.listener.close()
        subprocess.run(["ip", "netns", "del", self.netns], stderr=subprocess.DEVNULL, check=False)

    def addresses(self):
        return [ip["address"].split("/")[0] for ip in self.result["ips"]]

    def v4(self):
        return next(ip for ip in self.addresses() if ":" not in ip)


class Runtime:
    """One after another: ADD, CHECK, DEL, as a runtime does it: what failed is tried again, after a DEL."""

    def __init__(self, world, tally, seed):
        self.world, self.knetd, self.tally, self.random = world, world.knetd, tally, random.Random(seed)
        self.live, self.leaving, self.kill_next, self.vanish_next = [], [], False, False
        self.stranger, self.friend = world.pods["stranger"].netns, world.pods["friend"].netns
        self.theirs = lambda: set()  # addresses of the other runtimes' pods

    def __repr__(self):
        return "runtime"

    def held(self):
        return {ip for box in [*self.live] for ip in box.addresses()}

    def step(self):
        if self.leaving:
            return self.delete(self.leaving[0])
        if self.vanish_next and self.live:
            return self.vanish()
        choice = self.random.random()
        if not self.live or choice < 0.45 and len(self.live) < LIVE:
            return self.add()
        box = self.random.choice(self.live)
        if choice < 0.6:
            return self.check(box)
        self.live.remove(box)
        self.leaving.append(box)
        return None

    def call(self, box, verb, conf=None):
        """True when it was done."""
        t0 = time.monotonic()
        try:
            answer = box.call(verb, {**box.conf, **(conf or {})}, **box.args)
        except (CniError, subprocess.TimeoutExpired) as e:
            self.tally.failed(f"cni.{verb.lower()}", t0, str(e))
            if isinstance(e, CniError) and e.code not in (TRY_AGAIN, 5):
                self.tally.is_wrong(f"{verb}: {e}")
            return False
        self.tally.ok(f"cni.{verb.lower()}", t0)
        self.tally.count(verb)
        box.result = answer or box.result
        return True

    def add(self):
        box = Box(self.knetd, self.random.choice(["new,guard=yes", "guest", "other"]))
        if self.kill_next:
            self.kill_next = False
            return self.add_killed(box)
        if not self.call(box, "ADD"):
            self.leaving.append(box)
            return None
        taken = self.held() | self.theirs() | {ip for pod in self.world.pods.values() for ip in pod.ips}
        if taken & set(box.addresses()):
            self.tally.is_wrong(f"ADD gave {taken & set(box.addresses())}, which is another pod's")
        self.live.append(box)
        if "guard" in box.app:
            self.probe(box)
        return None

    def add_killed(self, box):
        p = box.begin("ADD")
        time.sleep(self.random.random() * 0.03 * SLOW)
        p.send_signal(signal.SIGKILL)
        p.wait()
        self.tally.count("plugins killed")
        self.leaving.append(box)

    def check(self, box):
        if not box.vanished:
            self.call(box, "CHECK", {"prevResult": box.result})

    def delete(self, box):
        if not self.call(box, "DEL"):
            return
        self.leaving.remove(box)
        try:
            status, _ = self.knetd.api("GET", f"{NETWORKS}/{box.container}-eth0")
            if status != 404:
                self.tally.is_wrong(f"after DEL of {box.container} its PodNetwork is there: {status}")
        except OSError:
            pass  # the daemon was killed meanwhile
        box.drop_netns()

    def probe(self, box):
        """A pod that a policy protects, just made: a stranger does not get in, a friend does."""
        t0 = time.monotonic()
        with inside(self.stranger):
            strange = self.begin(box)
        with inside(self.friend):
            friend = self.begin(box)
        with strange, friend:
            if select.select([], [strange], [], SHUT)[1] and strange.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                self.tally.leaked("policy.new", t0, f"to {box.v4()}, which was just made")
            if select.select([], [friend], [], 4 * SLOW)[1] and friend.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                self.tally.ok("policy.new", t0)
            else:
                self.tally.failed("policy.new", t0, f"a friend of {box.v4()}, which was just made")

    @staticmethod
    def begin(box):
        s = socket.socket()
        s.setblocking(False)
        with contextlib.suppress(OSError):
            s.connect_ex((box.v4(), HTTP))
        return s

    def vanish(self):
        """One pod's namespace goes without a DEL; that comes later."""
        box = self.random.choice(self.live)
        self.vanish_next = False
        self.live.remove(box)
        box.drop_netns()
        self.leaving.append(box)
        self.tally.count("pods vanished")

    def clear(self):
        self.leaving += self.live
        self.live = []
        while self.leaving:
            self.delete(self.leaving[0])
