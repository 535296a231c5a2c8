"""Pods of containerd with runc and with crun in the test machine: cgroup v2, kernel 6.1 and nothing but
what knetd's image brings (crun refuses the mixed cgroups that other machines may have)."""

import http.client
import os
import signal
import socket
import subprocess
import time

import grpc
import pytest
from images import image
from kit import ROOT, Cri
from node import HELLO, HTTPD, IDLE, CriPod
from pods import eventually

LIMIT = int(os.environ.get("LIMIT", "180"))


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Machine(Cri):
    """Booted on entry; its CRI, knetd's API, a shell and a host port of pods are ports of this machine."""

    def __init__(self, directory):
        super().__init__()
        self.dir, self.log = "/tmp", f"{directory}/console"
        self.api_port, self.cri_port, self.sh_port, self.pod_port = free_ports(4)
        build = subprocess.run([f"{ROOT}/vm/build.sh"], check=True, timeout=300, stdout=subprocess.PIPE, text=True)
        base = f"{ROOT}/{build.stdout.split()[-1]}"
        image(f"{directory}/image.tar")
        subprocess.run([f"{ROOT}/tests/vm/runtime-layer.sh", f"{directory}/layer", f"{directory}/image.tar"], check=True, timeout=300)
        with open(f"{directory}/initramfs", "wb") as out:
            for layer in (f"{base}/initramfs", f"{base}/test.initramfs", f"{directory}/layer"):
                with open(layer, "rb") as f:
                    out.write(f.read())
        forwards = f"{self.api_port}:8080 {self.cri_port}:9000 {self.sh_port}:9001 {self.pod_port}:18080"
        self.qemu = subprocess.Popen([f"{ROOT}/vm/qemu.sh", "1024", forwards, "", "-initrd", f"{directory}/initramfs", "-monitor", "none",
                                      "-serial", f"file:{self.log}"], cwd=ROOT,
                                     env={**os.environ, "VERDICT": f"{directory}/verdict"})

    def wait(self):
        end = time.monotonic() + LIMIT
        while True:
            try:
                if self.sh("echo up") == "up\n":
                    break
            except (OSError, http.client.HTTPException):
                pass
            assert self.qemu.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.3)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.cri_port}")
        eventually(lambda: self.conditions()["NetworkReady"][0], seconds=60)
        return self

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def http(self, port, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            c.request(method, path, body)
            return c.getresponse().read().decode()
        finally:
            c.close()

    def sh(self, script):
        return self.http(self.sh_port, "POST", "/cgi-bin/sh", script)

    def close(self):
        self.qemu.send_signal(signal.SIGKILL)
        self.qemu.wait()


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    if not os.path.exists("/usr/bin/qemu-system-x86_64"):
        pytest.skip("no QEMU here")
    made = Machine(tmp_path_factory.mktemp("vm"))
    try:
        yield made.wait()
    finally:
        made.close()


LOOK = "/bin/ip -o link | sed 's/: <.*//'; /bin/ip route; nft list table inet knetd_podnet | sed 's/packets.*//'; (ls /run/netns; find /var/lib/cni -type f) 2>/dev/null"


@pytest.mark.parametrize("handler", ["runc", "crun"])
def test_pods(machine, handler):
    before = machine.sh(LOOK)
    assert "table inet knetd_podnet" in before, before
    web = CriPod(machine, f"web-{handler}", HTTPD, handler=handler, annotations={"knetd.io/labels": f"app={handler}"},
                 port_mappings=[{"container_port": 8080, "host_port": 18080}])
    client = CriPod(machine, f"client-{handler}", IDLE, handler=handler)
    machine.sh(f"""printf 'apiVersion: v1\\nkind: Service\\nmetadata: {{name: {handler}}}
spec: {{selector: {{app: {handler}}}, ports: [{{port: 80, targetPort: 8080}}]}}' >/tmp/s.yaml; ln -sf knetd /sbin/knetctl""")
    assert "created" in machine.sh("knetctl apply -f /tmp/s.yaml")
    assert client.exec("/bin/wget", "-qO-", f"http://{web.ips()[0]}:8080/", timeout=20) == (0, HELLO, "")
    assert client.exec("/bin/wget", "-qO-", f"http://{handler}/", timeout=20) == (0, HELLO, "")
    assert machine.sh(f"timeout 10 wget -qO- http://{web.ips()[0]}:8080/") == HELLO
    assert machine.http(machine.pod_port, "GET", "/index.html") == HELLO  # from outside
    assert "10.244." in client.exec("/bin/ip", "addr", "show", "dev", "eth0", timeout=20)[1]
    for pod in (web, client):
        pod.remove()
    assert "deleted" in machine.sh(f"knetctl delete service {handler}")
    eventually(lambda: machine.sh(LOOK) == before, seconds=60)
