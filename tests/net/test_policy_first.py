"""Before a pod's first packet: its process sends from its first microsecond, before there is a link, and others send to its
address all the while; of what the policies of its namespace forbid nothing arrives, not one packet in two hundred
starts, and what they allow arrives at the first try as soon as ADD has returned."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from daemon import inside  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Sandbox  # noqa: E402

SLOW = float(os.environ.get("KNET_SLOW", "1"))
STARTS = int(os.environ.get("KNETD_POLICY_STARTS", "200"))
PORT = 7000
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
SHOTS = 40  # that have left, to each target, before a start is over

# Goes into a namespace and sends to all targets as fast as it can until it is told to stop and every target has had
# some; tells how many sends the kernel took.
SHOOTER = r"""
import ctypes, json, os, select, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def shoot(netns, to, word):
    with open("/run/netns/" + netns) as f:
        assert libc.setns(f.fileno(), 0) == 0
    sockets = {family: socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)}
    for s in sockets.values():
        s.setblocking(False)
    targets = [(sockets[socket.AF_INET6 if ":" in ip else socket.AF_INET], (ip, port)) for ip, port in to]
    sent, least, end = [0] * len(to), None, 0
    print("shooting", flush=True)
    while least is None or min(sent) < least and time.monotonic() < end:
        for _ in range(20):
            for n, (s, target) in enumerate(targets):
                try:
                    s.sendto(word, target)
                    sent[n] += 1
                except OSError:
                    pass
        if least is None and select.select([0], [], [], 0)[0]:
            least, end = min(sent) + int(os.read(0, 100)), time.monotonic() + 10
    for s in sockets.values():
        s.close()
    print(json.dumps(sent), flush=True)

while True:
    line = os.read(0, 65536)
    if not line:
        break
    order = json.loads(line)
    shoot(order["netns"], order["to"], order["word"].encode())
"""


class Shooter:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", SHOOTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, netns, to, word):
        self.process.stdin.write(json.dumps({"netns": netns, "to": to, "word": word}))
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "shooting\n"

    def stop(self):
        self.process.stdin.write(str(SHOTS))
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Ear:
    """Hears the words that come to a namespace."""

    def __init__(self, netns):
        with inside(netns):
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("::", PORT))

    def heard(self):
        """(word, family) of all that came since."""
        words = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                data, peer = self.socket.recvfrom(64)
                words.add((data.decode(), 4 if peer[0].startswith("::ffff:") else 6))
        return words

    def hears(self, word):
        """Waits until the word came in both families."""
        words, end = set(), time.monotonic() + 5 * SLOW
        while words != {4, 6} and time.monotonic() < end:
            words |= {family for heard, family in self.heard() if heard == word}
            time.sleep(0.002)
        return words == {4, 6}

    def close(self):
        self.socket.close()


class Stage:
    """open/ear and a machine outside listen, open/gun sends; the pods that start are in "shut" or "half"."""

    def __init__(self, knetd):
        self.knetd, self.stack = knetd, contextlib.ExitStack()
        self.out = self.stack.enter_context(Outside(knetd, 2))
        self.shooters = [self.keep(Shooter()), self.keep(Shooter())]
        self.pods = {}
        for name in ("ear", "gun"):
            pod = self.stack.enter_context(Sandbox(knetd))
            self.pods[name] = self.addresses(self.add(pod, "open", name, {}))
            self.pods[name]["netns"] = pod.netns
        self.ear, self.outer = self.keep(Ear(self.pods["ear"]["netns"])), self.keep(Ear(self.out.netns))
        self.targets = [[self.pods["ear"][4], PORT], [self.pods["ear"][6], PORT], [self.out.ip4, PORT], [self.out.ip6, PORT]]

    def keep(self, thing):
        self.stack.callback(thing.close)
        return thing

    def add(self, sandbox, namespace, name, runtime):
        return sandbox.call("ADD", {"runtimeConfig": runtime} if runtime else None,
                            CNI_ARGS=f"IgnoreUnknown=1;K8S_POD_NAME={name};K8S_POD_NAMESPACE={namespace}")

    @staticmethod
    def addresses(result):
        ips = [ip["address"].split("/")[0] for ip in result["ips"]]
        return {6 if ":" in ip else 4: ip for ip in ips}

    def api(self, method, path, body=None, ctype="application/json"):
        status, answer = self.knetd.api(method, path, body, ctype=ctype)
        assert status in (200, 201), answer

    def policy(self, namespace, name, spec):
        self.api("POST", POLICIES.format(namespace), {"metadata": {"name": name}, "spec": spec})

    def close(self):
        self.stack.close()


@pytest.fixture(scope="module")
def stage(knetd):
    made = Stage(knetd)
    try:
        both = ["Ingress", "Egress"]
        for namespace in ("open", "shut", "half"):
            knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        friend = {"podSelector": {"matchLabels": {"friend": "yes"}}, "policyTypes": both, "ingress": [{}], "egress": [{}]}
        made.policy("shut", "nobody", {"podSelector": {}, "policyTypes": both})
        made.policy("shut", "friends", friend)
        made.policy("half", "some", {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": both})
        made.policy("half", "friends", friend)
        yield made
    finally:
        made.close()


# how a pod comes: its namespace, labels as the runtime says them, labels of a Pod that is posted before
KINDS = {"annotated": ("half", {"app": "web"}, None), "without a word": ("shut", None, None), "posted": ("half", None, {"app": "web"}),
         "unlabelled": ("half", None, None), "all of them": ("shut", {"app": "web"}, None)}


@contextlib.contextmanager
def start(stage, number, namespace, told, posted):
    """A pod that comes while its process and others send; the sandbox, its ear, its addresses."""
    name, word = f"pod-{number}", f"start {number}"
    host = 100 + number % 100
    ips = [f"10.244.0.{host}", f"fd00:10:244::{host:x}"]
    runtime = {"ips": ips}
    if told:
        runtime["io.kubernetes.cri.pod-annotations"] = {"knetd.io/labels": ",".join(f"{k}={v}" for k, v in told.items())}
    if posted is not None:
        stage.api("POST", f"/api/v1/namespaces/{namespace}/pods",
                  {"metadata": {"name": name, "labels": posted}, "spec": {"containers": [{"name": "c", "image": "none"}]}})
    with Sandbox(stage.knetd) as sandbox:
        sandbox.run("ip", "link", "set", "lo", "up")
        ear = Ear(sandbox.netns)
        try:
            stage.shooters[0].start(sandbox.netns, stage.targets, word)
            stage.shooters[1].start(stage.pods["gun"]["netns"], [[ip, PORT] for ip in ips], word)
            try:
                got = stage.addresses(stage.add(sandbox, namespace, name, runtime))
            finally:
                sent = stage.shooters[0].stop(), stage.shooters[1].stop()
            assert sorted(got.values()) == sorted(ips)
            assert min(sent[0] + sent[1]) >= SHOTS, f"not sent: {sent}"
            yield sandbox, ear, got
        finally:
            ear.close()
            sandbox.call("DEL")
            if posted is not None:
                stage.knetd.api("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}?gracePeriodSeconds=0")


def test_nothing_arrives(stage):
    stage.ear.heard(), stage.outer.heard()
    for number in range(STARTS):
        kind = list(KINDS)[number % len(KINDS)]
        with start(stage, number, *KINDS[kind]) as (_, ear, _got):
            leaks = {"in the pod": ear.heard(), "at a pod": stage.ear.heard(), "outside": stage.outer.heard()}
            assert not any(leaks.values()), f"{kind}, start {number}: {leaks}"
    time.sleep(0.2)
    assert not stage.ear.heard() | stage.outer.heard()


def say(netns, to, word):
    """One datagram to each."""
    with inside(netns):
        for ip, port in to:
            with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(word.encode(), (ip, port))


@pytest.mark.parametrize("told,posted", [({"friend": "yes"}, None), (None, {"friend": "yes"}), ({"other": "yes"}, None)],
                         ids=["annotated", "posted", "not selected"])
def test_what_is_allowed_arrives(stage, told, posted):
    for number in range(STARTS // 20):
        namespace = "half" if number % 2 or "other" in (told or {}) else "shut"
        with start(stage, number, namespace, told, posted) as (sandbox, ear, got):
            assert ear.heard() and stage.ear.heard() and stage.outer.heard(), f"start {number}: what was sent all the while"
            word = f"allowed {number}"
            say(sandbox.netns, stage.targets, word)
            say(stage.pods["gun"]["netns"], [[ip, PORT] for ip in got.values()], word)
            assert stage.ear.hears(word) and stage.outer.hears(word) and ear.hears(word), f"start {number}"


def test_labels_that_come_later(stage):
    """Until somebody says the labels it is held to the strictest; when it turns out not to be meant, all passes at once."""
    for number in range(max(2, STARTS // 20)):
        stage.ear.heard(), stage.outer.heard()
        with start(stage, number, "half", None, None) as (sandbox, ear, got):
            assert not ear.heard() | stage.ear.heard() | stage.outer.heard(), f"start {number}"
            stage.api("PATCH", f"/api/v1/namespaces/half/pods/pod-{number}", {"metadata": {"labels": {"app": "other"}}},
                      ctype="application/merge-patch+json")
            word = f"labelled {number}"
            say(sandbox.netns, stage.targets, word)
            say(stage.pods["gun"]["netns"], [[ip, PORT] for ip in got.values()], word)
            assert stage.ear.hears(word) and stage.outer.hears(word) and ear.hears(word), f"start {number}"
            stage.api("PATCH", f"/api/v1/namespaces/half/pods/pod-{number}", {"metadata": {"labels": {"app": "web"}}},
                      ctype="application/merge-patch+json")
            say(sandbox.netns, stage.targets, "meant after all")
            say(stage.pods["gun"]["netns"], [[ip, PORT] for ip in got.values()], "meant after all")
            time.sleep(0.05 * SLOW)
            assert not ear.heard() | stage.ear.heard() | stage.outer.heard(), f"start {number}: meant after all"
