"""cnitool: the library that runtimes call plugins with (libcni), on the conflist that is installed."""

import json
import os
import subprocess

import pytest
from clients import CLIENTS, client
from daemon import BINARY, ROOT


@pytest.fixture(scope="module")
def cnitool(knetd, tmp_path_factory):
    why = client("cnitool", "go")
    if why:
        pytest.skip(why)
    made = tmp_path_factory.mktemp("cni")
    os.mkdir(made / "bin")
    os.mkdir(made / "net.d")
    for name in ("knet", "loopback"):
        os.symlink(BINARY, made / "bin" / name)
    with open(f"{ROOT}/etc/containerd/10-knet.conflist", encoding="utf-8") as f:
        (made / "net.d" / "10-knet.conflist").write_text(f.read().replace("/run/knetd/knetd.sock", knetd.socket))

    # In the daemon's network, and with a folder of its own for what libcni remembers.
    private = "mount -t tmpfs t /var/lib/cni 2>/dev/null || { mkdir -p /var/lib/cni && mount -t tmpfs t /var/lib/cni; }; " \
              f"[ ! -d {made}/cache ] || cp -r {made}/cache/. /var/lib/cni; \"$@\"; r=$?; " \
              f"rm -rf {made}/cache; cp -r /var/lib/cni {made}/cache; exit $r"

    def run(*words, **env):
        return subprocess.run([*knetd.enter, "unshare", "-m", "sh", "-c", private, "sh", f"{CLIENTS}/cnitool", *words],
                              capture_output=True, text=True, timeout=30, check=False,
                              env=dict(os.environ, CNI_PATH=str(made / "bin"), NETCONFPATH=str(made / "net.d"), **env))
    return run


@pytest.fixture
def sandbox(knetd):
    name = f"{knetd.netns}-tool"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=False)


def attached(knetd):
    return [o["metadata"]["name"] for o in knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]]


def test_a_container_s_life(knetd, cnitool, sandbox):
    netns = f"/run/netns/{sandbox}"
    r = cnitool("status", "knet", netns)
    assert r.returncode == 0, r.stderr
    r = cnitool("add", "knet", netns, CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=tool")
    assert r.returncode == 0, r.stderr
    result = json.loads(r.stdout)
    ip = result["ips"][0]["address"].split("/")[0]
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/tool")[1]["status"]["podIP"] == ip
    assert knetd.exec("ping", "-c1", "-W2", ip).returncode == 0
    assert cnitool("check", "knet", netns).returncode == 0
    subprocess.run(["ip", "-n", sandbox, "addr", "flush", "dev", "eth0"], check=True)
    r = cnitool("check", "knet", netns)
    assert r.returncode != 0 and "eth0" in r.stderr
    for _ in range(2):
        r = cnitool("del", "knet", netns)
        assert r.returncode == 0, r.stderr
    assert attached(knetd) == []


def test_a_container_that_was_lost(knetd, cnitool, sandbox):
    """gc: the library says DEL for what it remembers. (The GC after that comes without a list, and is refused.)"""
    assert cnitool("add", "knet", f"/run/netns/{sandbox}").returncode == 0
    assert len(attached(knetd)) == 1
    cnitool("gc", "knet", f"/run/netns/{sandbox}")
    assert attached(knetd) == []
    assert cnitool("add", "knet", f"/run/netns/{sandbox}").returncode == 0
    assert cnitool("del", "knet", f"/run/netns/{sandbox}").returncode == 0


def test_second_interface(knetd, cnitool, sandbox):
    for name in ("eth0", "eth1"):
        r = cnitool("add", "knet", f"/run/netns/{sandbox}", CNI_IFNAME=name)
        assert r.returncode == 0, r.stderr
    assert len(attached(knetd)) == 2
    for name in ("eth1", "eth0"):
        assert cnitool("del", "knet", f"/run/netns/{sandbox}", CNI_IFNAME=name).returncode == 0
    assert attached(knetd) == []
