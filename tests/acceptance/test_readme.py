"""What README.md tells a newcomer to type, typed: `make run` in a network and mount namespace, then the
blocks in their order. A block nobody here knows of is a failure: it would be one nobody runs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PRIVATE = ["/run", "/var/lib/knetd", "/etc/cni", "/etc/containerd", "/usr/local/sbin", "/opt"]


def blocks():
    with open(f"{ROOT}/README.md") as f:
        return re.findall(r"^```sh\n(.*?)^```", f.read(), re.M | re.S)


def block(word):
    found = [b for b in blocks() if word in b]
    assert found, f"README.md has no block with {word}"
    return found[0]


class Machine:
    """A shell's view of a machine of its own: network, and the directories that knetd and make write to."""

    def __init__(self):
        made = " && ".join(f"mkdir -p {d} && mount -t tmpfs none {d}" for d in PRIVATE)
        self.holder = subprocess.Popen(
            ["unshare", "-m", "-n", "sh", "-c", f"{made} && ip link set lo up && echo ready && exec sleep 600"],
            stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"

    def start(self, script, log):
        return subprocess.Popen([*self.enter(), f"--wd={ROOT}", "bash", "-c", script], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log, start_new_session=True)

    def run(self, script, directory):
        return subprocess.run([*self.enter(), f"--wd={directory}", "bash", "-e", "-c", script], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)

    def enter(self):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n"]

    def close(self):
        """Workers outlive their daemon: whoever is in this machine's network goes."""
        own = os.readlink(f"/proc/{self.holder.pid}/ns/net")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/net") == own:
                    os.kill(int(pid), signal.SIGKILL)
        self.holder.wait()


@contextlib.contextmanager
def making_it_run(machine, log):
    process = machine.start(block("make run"), log)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.fixture
def machine():
    m = Machine()
    yield m
    m.close()


def ready(machine, directory):
    """The README's own question, until it is answered well."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = machine.run(block("readyz"), directory)
        if answer.returncode == 0:
            return answer.stdout
        time.sleep(0.1)
    return answer.stderr


def use_it(directory):
    with open(f"{HERE}/shop.yaml") as f, open(f"{directory}/app.yaml", "w") as out:
        out.write(f.read())
    with open(f"{directory}/svc.json", "w") as out:
        json.dump({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}, out)
    with open(f"{directory}/web.yaml", "w") as out:
        out.write("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n")


# A watch has no end of its own, and a Service without endpoints no way to it.
AS_TYPED = {"k $api/api/v1/services?watch=true": "k --max-time 1 $api/api/v1/services?watch=true || [ $? -eq 28 ]",
            "knetctl get pods -w": "timeout 1 knetctl get pods -w || [ $? -eq 124 ]",
            "knetctl dns --watch": "timeout 1 knetctl dns --watch || [ $? -eq 124 ]",
            "knetctl trace node web:80": "knetctl trace node web:80 || [ $? -eq 1 ]"}


def typed(machine, directory, word):
    script = "shopt -s expand_aliases\n" + block(word)
    for line, ended in AS_TYPED.items():
        script = script.replace(line, ended)
    answer = machine.run(script, directory)
    assert answer.returncode == 0, answer.stderr
    assert '"Failure"' not in answer.stdout, answer.stdout
    return answer.stdout


def test_run_and_use_it(machine):
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as log:
        use_it(directory)
        with making_it_run(machine, log):
            assert ready(machine, directory) == "ok"
            assert "created" in typed(machine, directory, "@app.yaml")
            out = typed(machine, directory, "watch=true")
            assert '"ADDED"' in out and "knetd_" in out
            machine.run(f"ln -s {ROOT}/build/knetd /usr/local/sbin/knetctl && knetctl create -f web.yaml", directory)
            out = typed(machine, directory, "knetctl apply")
            assert "service/frontend unchanged" in out and "Selector:" in out and "ClusterIP" in out
            assert "Service default/web" in out
            assert "web.default.svc.cluster.local." in typed(machine, directory, "corp.yaml")
            assert '"ServiceList"' in typed(machine, directory, "KUBECONFIG")
            out = typed(machine, directory, "cni add")
            assert '"name":"eth0"' in out and " 0% packet loss" in out
            answer = machine.run(f"{ROOT}/build/knetd -t -c {ROOT}/etc/knetd.ini", directory)
            assert answer.returncode == 0, answer.stderr


def test_install(machine):
    """Without the service manager, which a test has no business with."""
    script = "".join(line for line in block("make install").splitlines(True) if "systemctl" not in line)
    answer = machine.run(script, ROOT)
    assert answer.returncode == 0, answer.stderr
    answer = machine.run("knetd -V && readlink /opt/cni/bin/knet /opt/cni/bin/loopback && cat /etc/cni/net.d/10-knet.conflist && grep /opt/cni/bin /etc/containerd/config.toml", ROOT)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("/usr/local/sbin/knetd") == 2


def test_every_block_is_run():
    known = ["make run", "KUBECONFIG", "knetctl apply", "readyz", "@app.yaml", "watch=true", "make install", "cni add",
             "corp.yaml", "ctr run", "CNI_COMMAND=STATUS",  # these two: tests/containerd/test_ctr.py
             "DOCKER-USER"]  # tests/net/test_coexist.py
    assert [b for b in blocks() if not any(word in b for word in known)] == []
