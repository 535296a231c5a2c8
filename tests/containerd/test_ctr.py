"""`ctr run --cni`, which looks for plugins and networks in their usual places and tells no pod's name."""

import os
import shutil

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
