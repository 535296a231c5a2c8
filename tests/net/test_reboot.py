"""A reboot: links, namespaces and tables are gone, the kernel has another boot id, and what was kept on a disk
that outlived it (here the run directory too) is that of another life."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import HostPod, Pod, eventually  # noqa: E402

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def next_life(knetd, number):
    """From here on the daemon reads another boot id: in the mount namespace that `ip netns exec` gives it."""
    path = os.path.join(knetd.dir, "boot_id")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"00000000-0000-4000-8000-{number:012x}\n")
    knetd.enter = [*knetd.enter[:4], "sh", "-c", f'mount --bind {path} {BOOT_ID} && exec "$@"', "sh"]


def free(knetd):
    text = knetd.api("GET", "/metrics")[1]
    return [line for line in (text if isinstance(text, str) else text.decode()).splitlines() if line.startswith("knetd_podnet_addresses_")]


def test_nothing_of_the_life_before_is_left(knetd_factory):
    knetd = knetd_factory()
    before = free(knetd)
    manifest = {"metadata": {"name": "kept"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert knetd.api("POST", "/api/v1/namespaces/default/pods", manifest)[0] == 201
    pods = [Pod(knetd, "kept"), HostPod(knetd, "made", (7100, 80, "tcp", ""))]
    assert free(knetd) != before
    knetd.stop(signal.SIGKILL)
    for pod in pods:
        subprocess.run(["ip", "netns", "del", pod.netns], check=True)
    eventually(lambda: "knet" not in knetd.exec("ip", "link").stdout)
    knetd.exec("nft", "flush", "ruleset")
    knetd.exec("conntrack", "-F")
    next_life(knetd, 1)
    knetd.start()
    assert knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"] == []
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/made")[0] == 404
    status = knetd.api("GET", "/api/v1/namespaces/default/pods/kept")[1]["status"]
    assert "podIP" not in status and "podIPs" not in status
    assert free(knetd) == before
    assert not os.path.exists(os.path.join(knetd.dir, "run", "pods")) or not os.listdir(os.path.join(knetd.dir, "run", "pods"))
    pods = [Pod(knetd, "kept"), HostPod(knetd, "made", (7100, 80, "tcp", ""))]
    try:
        assert knetd.api("GET", "/api/v1/namespaces/default/pods/kept")[1]["status"]["podIP"] == pods[0].ip4
    finally:
        for pod in pods:
            pod.remove()
