"""`ctr run --cni`, which looks for plugins and networks in their usual places and tells no pod's name, and what
README.md says to type beside it."""

import os
import re
import shutil
import subprocess

import pytest
from clients import CLIENTS, client
from daemon import ROOT
from leftovers import Leftovers
from node import HELLO, HTTPD, CriPod, conflist


def put_in_the_usual_places(node):
    root = f"/proc/{node.holder.pid}/root"
    shutil.copytree(os.path.join(node.runtime.dir, "bin"), f"{root}/opt/cni/bin", dirs_exist_ok=True)
    os.makedirs(f"{root}/etc/cni/net.d", exist_ok=True)
    with open(f"{root}/etc/cni/net.d/10-knet.conflist", "w", encoding="utf-8") as f:
        f.write(conflist(node.knetd.socket))


def ctr_run(node, name, *command):
    return node.runtime.ctr("run", "--cni", "--rm", "--snapshotter", "native", "--runc-binary", node.runtime.runc,
                            "docker.io/library/busybox:latest", name, *command, namespace="default")


def test_ctr_run(node):
    put_in_the_usual_places(node)
    node.runtime.load_image(namespace="default")
    assert ctr_run(node, "warm", "/bin/cat", "/etc/hostname").returncode in (0, 1)
    state = Leftovers(node)
    with CriPod(node.runtime, "web", HTTPD) as web:
        r = ctr_run(node, "box", "/bin/sh", "-c", f"ip -4 addr show dev eth0; wget -qO- http://{web.ips()[0]}:8080/")
        assert r.returncode == 0 and "inet 10.244." in r.stdout and HELLO in r.stdout, r.stdout + r.stderr
        r = ctr_run(node, "bad", "/bin/nothing")
        assert r.returncode != 0
    state.gone()


def block(word):
    with open(f"{ROOT}/README.md", encoding="utf-8") as f:
        found = [b for b in re.findall(r"^```sh\n(.*?)^```", f.read(), re.M | re.S) if word in b]
    assert len(found) == 1
    return found[0]


def typed(node, script):
    made = f"{node.dir}/commands"
    os.makedirs(made, exist_ok=True)
    for name, to in (("ctr", f"{node.runtime.bin}/ctr"), ("cnitool", f"{CLIENTS}/cnitool"), ("knetctl", f"{ROOT}/build/knetctl")):
        if not os.path.lexists(f"{made}/{name}"):
            os.symlink(to, f"{made}/{name}")
    return subprocess.run([*node.knetd.enter, "bash", "-e", "-c", script], capture_output=True, text=True, timeout=60, check=False,
                          env=dict(os.environ, PATH=f"{made}:{os.environ['PATH']}", CONTAINERD_ADDRESS=node.runtime.socket,
                                   CONTAINERD_SNAPSHOTTER="native", KNETD_SOCKET=node.knetd.socket))


def test_what_the_readme_says(node):
    why = client("cnitool", "go")
    if why:
        pytest.skip(why)
    put_in_the_usual_places(node)
    node.runtime.load_image(namespace="default")
    r = typed(node, "".join(line for line in block("ctr run").splitlines(True) if "image pull" not in line))
    assert r.returncode == 0 and r.stdout.count("10.244.") >= 2, r.stdout + r.stderr
    r = typed(node, block("CNI_COMMAND=STATUS"))
    assert r.returncode == 0, r.stdout + r.stderr
    node.knetd.stop()
    r = typed(node, block("CNI_COMMAND=STATUS").splitlines()[1])
    node.knetd.start()
    assert r.returncode == 1 and "is the daemon running" in r.stdout
