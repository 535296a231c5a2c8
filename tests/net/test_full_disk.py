"""CNI DEL where the disk is full: it is never refused, as the runtime would keep the sandbox and its name for ever; what it
did holds, also behind a kill -9, and is written when there is room."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import CniError, Pod, eventually  # noqa: E402

MAPS, PODS = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/pods"
NETWORKS = "/apis/knetd.io/v1alpha1/podnetworks"
OWED, PAID = "is in memory alone until the disk takes it", "the disk has all again"


class Small:
    """A daemon with one of its directories on a small file system."""

    def __init__(self, factory, which):
        self.which = which
        self.knetd = factory(before=self.mount)
        self.path = f"{self.knetd.dir}/{which}"
        self.pods = []

    def mount(self, daemon):
        os.makedirs(f"{daemon.dir}/{self.which}")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", f"{daemon.dir}/{self.which}"], check=True)

    def fill(self):
        """Until there is no page left, nor one in the store that could be used again."""
        with open(f"{self.path}/filler", "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))
        if self.which == "state":
            for size in (20000, 10):
                self.until_refused(size)
            return
        with pytest.raises(CniError) as refused:
            for n in range(100):
                self.pod(f"more-{n}")
        assert refused.value.code == 11 and "full" in refused.value.msg, refused.value

    def until_refused(self, size):
        for n in range(500):
            status, _ = self.knetd.api("POST", MAPS, {"metadata": {"name": f"fill-{size}-{n}"}, "data": {"v": "x" * size}})
            if status == 507:
                return
        raise AssertionError("a full disk that takes everything")

    def pod(self, name):
        self.pods.append(Pod(self.knetd, name))
        return self.pods[-1]

    def networks(self):
        return {o["spec"]["containerID"] for o in self.knetd.api("GET", NETWORKS)[1]["items"]}

    def links(self):
        out = self.knetd.exec("ip", "-o", "link").stdout
        return [x.split(": ")[1].split("@")[0] for x in out.splitlines() if ": knet" in x]

    def close(self):
        for pod in self.pods:
            pod.remove()
        self.knetd.stop()
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture(name="small", params=["state", "run"])
def make_small(request, knetd_factory):
    small = Small(knetd_factory, request.param)
    yield small
    small.close()


def addresses(knetd, name):
    status, pod = knetd.api("GET", f"{PODS}/{name}")
    return pod["status"].get("podIPs") if status == 200 else None


def gone(small, pods, stays):
    """Nothing is left of these, all is there of that one."""
    assert not small.networks() & {p.container for p in pods} and stays.container in small.networks()
    assert not [p.name for p in pods if addresses(small.knetd, p.name)] and addresses(small.knetd, stays.name)
    eventually(lambda: len(small.links()) == len(small.networks()))


def test_del_on_a_full_disk(small):
    knetd = small.knetd
    for name in ("told", "told-too"):  # Pods that people wrote, which are not in the run directory
        pod = {"metadata": {"name": name, "annotations": {"long": "x" * 30000}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        assert knetd.api("POST", PODS, pod)[0] == 201
    stays, *leave = [small.pod(name) for name in ("stays", "told", "told-too", "plain")]
    small.fill()
    leave += [p for p in small.pods if p.name.startswith("more")]
    for pod in leave:
        pod.cni("DEL")
        assert pod.container not in small.networks() and not addresses(knetd, pod.name)
    assert OWED in knetd.logged(), "the disk took it all"
    gone(small, leave, stays)
    for pod in leave:
        pod.cni("DEL")
    for _ in range(2):
        knetd.stop(signal.SIGKILL)
        knetd.start()
        gone(small, leave, stays)
    os.unlink(f"{small.path}/filler")
    eventually(lambda: knetd.logged().rfind(PAID) > knetd.logged().rfind(OWED), 30)
    fresh = small.pod("fresh")
    assert fresh.ip4 != stays.ip4
    knetd.stop(signal.SIGKILL)
    said = len(knetd.logged())
    knetd.start()
    gone(small, leave, stays)
    assert "lost its link" not in knetd.logged()[said:]  # the disk knew


def test_killed_right_behind_del(small):
    """Whatever had been written of it by then."""
    stays = small.pod("stays")
    leave = [small.pod(f"p{n}") for n in range(6)]
    small.fill()
    leave += [p for p in small.pods if p.name.startswith("more")]
    for pod in leave[:4]:
        pod.cni("DEL")
        small.knetd.stop(signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", pod.netns], check=False)
        small.knetd.start()
        assert pod.container not in small.networks()
        eventually(lambda: len(small.links()) == len(small.networks()))
    assert stays.container in small.networks()
