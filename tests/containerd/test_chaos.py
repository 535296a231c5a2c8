"""Pod lives while containerd and knetd are killed with -9 at random: afterwards nothing is left of them.

KNET_LIVES says how many a version (40), KNET_SEED repeats a run's kills and choices as far as time allows."""

import json
import os
import queue
import random
import threading
import time

import grpc
from leftovers import Leftovers
from node import HELLO, HTTPD, CriPod, conflist

LIVES = int(os.environ.get("KNET_LIVES", "40"))
SEED = int(os.environ.get("KNET_SEED", str(random.SystemRandom().randrange(1 << 32))))
AT_ONCE = 4
AWAY = (grpc.RpcError, ValueError)  # ValueError: the channel was closed under the call


def persist(what, seconds=60):
    """Again until it goes well, as a kubelet does."""
    end = time.monotonic() + seconds
    while True:
        try:
            return what()
        except AWAY as e:
            assert time.monotonic() < end, f"seed {SEED}: {e}"
            time.sleep(0.05)


def forget(runtime, name):
    """Stops and removes every sandbox of that name."""
    for sandbox in runtime.cri("ListPodSandbox").items:
        if name is None or sandbox.metadata.name == name:
            runtime.cri("StopPodSandbox", pod_sandbox_id=sandbox.id)
            runtime.cri("RemovePodSandbox", pod_sandbox_id=sandbox.id)


class Killer:
    """Kills one of the two, starts it again a moment later, and so on."""

    def __init__(self, node):
        self.node, self.random = node, random.Random(SEED)
        self.ended, self.trouble, self.kills = threading.Event(), None, {"containerd": 0, "knetd": 0}
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.ended.wait(self.random.uniform(0.05, 1.0)):
                self.strike(self.random.choice(list(self.kills)), self.random.choice([0, 0.1, 0.4]))
        except BaseException as e:
            self.trouble = e

    def strike(self, which, pause):
        self.kills[which] += 1
        if which == "knetd":
            self.node.knetd.stop(9)
        else:
            self.node.runtime.kill()
        time.sleep(pause)
        (self.node.knetd if which == "knetd" else self.node.runtime).start()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        if self.trouble:
            raise self.trouble


def live(runtime, name, chance):
    """One pod's life. A sandbox that did not come to be is removed and asked for again under the same name."""
    command = HTTPD if chance.random() < 0.3 else None
    for attempt in range(100):
        try:
            pod = CriPod(runtime, name, attempt=attempt)
            if command:
                pod.container = pod.contain(command)
                persist_hello(pod)
            break
        except AWAY:
            persist(lambda: forget(runtime, name))
    time.sleep(chance.choice([0, 0, 0.2]))
    persist(lambda: forget(runtime, name))


def persist_hello(pod):
    code, out, err = pod.exec("/bin/wget", "-qO-", "http://127.0.0.1:8080/")
    assert (code, out) == (0, HELLO), err


def live_all(runtime):
    names, troubles = queue.Queue(), []
    for i in range(LIVES):
        names.put((f"life-{i}", random.Random(SEED + i)))

    def work():
        try:
            while True:
                live(runtime, *names.get_nowait())
        except queue.Empty:
            pass
        except BaseException as e:
            troubles.append(e)

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if troubles:
        raise troubles[0]


def collect(node):
    """A runtime that is killed between ADD and its own records forgets the sandbox: nobody ever says DEL, the
    namespace may stay pinned, and a cached result. GC with the list of those that are known, here none, is what
    makes it good."""
    plugin = json.loads(conflist(node.knetd.socket))
    conf = {"cniVersion": "1.1.0", "name": plugin["name"], **plugin["plugins"][0], "cni.dev/valid-attachments": []}
    conf.pop("capabilities", None)
    forgotten = node.netns_mounts()
    r = node.exec(os.path.join(node.runtime.dir, "bin", "knet"), input=json.dumps(conf), env={"CNI_COMMAND": "GC", "CNI_PATH": "/"})
    assert r.returncode == 0, r.stdout
    for where in forgotten:
        assert node.exec("umount", where).returncode == 0
        node.exec("rm", where)
    node.exec("sh", "-c", "rm -f /var/lib/cni/results/*")
    return len(forgotten)


def test_pod_lives_under_fire(node):
    """Shims that containerd was starting when it was killed are its own to lose, and are not counted."""
    print(f"seed {SEED}, {LIVES} lives")
    state, start = Leftovers(node, whole=False), time.monotonic()
    with Killer(node) as killer:
        live_all(node.runtime)
    forget(node.runtime, None)
    attached = len(node.knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"])
    forgotten = collect(node)
    print(f"{time.monotonic() - start:.0f} s, killed {killer.kills}; pinned by nobody: {forgotten}, attached: {attached}")
    state.gone()
    for i in range(0, LIVES, 5):  # the names are free
        CriPod(node.runtime, f"life-{i}").remove()
    state.gone()
