"""A node: knetd and a containerd beside it, and pods asked for as a kubelet asks."""

import os
import shutil
import subprocess
import sys
import tempfile

import grpc

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import BINARY, Knetd  # noqa: E402
from images import IMAGE  # noqa: E402
from kit import ROOT, Containerd  # noqa: E402
from pods import eventually  # noqa: E402

# What a machine of its own would have: folders of the runtime that no other instance sees.
HOLD = "".join(f"mkdir -p {d} && mount -t tmpfs t {d} && " for d in (
    "/run/containerd", "/var/lib/cni", "/run/netns", "/etc/cni", "/opt"))
HOLD += "mount --make-shared /run/netns && echo held && exec sleep 1000000"
CGROUPS = f"/knettest-{os.getpid()}"
DNS = {"servers": ["10.96.0.10"], "options": ["ndots:5"],
       "searches": ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]}


def conflist(socket):
    """What etc/ has for users, with the socket of this daemon."""
    with open(os.path.join(ROOT, "etc/containerd/10-knet.conflist"), encoding="utf-8") as f:
        return f.read().replace("/run/knetd/knetd.sock", socket)


def plugins(directory):
    """The binary under the two names that a bin_dir must hold."""
    names = [os.path.join(directory, name) for name in ("knet", "loopback")]
    for name in names:
        shutil.copy(BINARY, name)
    return names


def cgroup_dirs():
    """Deepest first."""
    for top, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if CGROUPS in top:
            yield top


class Node:
    def __init__(self, version, **options):
        self.knetd = Knetd(**options)
        self.holder = self.runtime = None
        self.dir = tempfile.mkdtemp(prefix="knettestc")
        try:
            self.start(version)
        except BaseException:
            self.close()
            raise

    def start(self, version):
        self.holder = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.knetd.netns}", "unshare", "-m", "--propagation", "private",
                                        "sh", "-c", HOLD], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "held\n"
        self.knetd.enter = ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "--"]
        self.knetd.start()
        with tempfile.TemporaryDirectory() as made:
            self.runtime = Containerd(self.holder.pid, os.path.join(self.dir, "c"), version, plugins(made), conflist(self.knetd.socket))
        self.runtime.start()
        self.runtime.load_image()

    def close(self):
        if self.runtime:
            self.runtime.stop()
        self.knetd.stop()
        if self.holder:
            self.holder.kill()
            self.holder.wait()
        self.knetd.close()
        for top in cgroup_dirs():
            with open(os.path.join(top, "cgroup.procs"), encoding="ascii") as f:
                for pid in f.read().split():
                    os.kill(int(pid), 9)
            eventually(lambda top=top: gone(top))
        shutil.rmtree(self.dir, ignore_errors=True)

    def exec(self, *argv, **options):
        """A command with the node's network and its mounts."""
        return subprocess.run([*self.knetd.enter, *argv], capture_output=True, text=True, timeout=30, check=False, **options)

    def netns_mounts(self):
        """Where the runtime has pinned network namespaces."""
        with open(f"/proc/{self.holder.pid}/mountinfo", encoding="utf-8") as f:
            return sorted(line.split()[4] for line in f if " nsfs " in line and line.split()[4].startswith(self.runtime.dir))

    def pod_object(self, name):
        return self.knetd.api("GET", f"/api/v1/namespaces/default/pods/{name}")[1]


def gone(cgroup):
    try:
        os.rmdir(cgroup)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def sandbox_config(runtime, name, attempt=0, **more):
    """What a kubelet would ask for; `more` replaces or adds fields of PodSandboxConfig."""
    config = {"metadata": {"name": name, "uid": f"uid-{name}", "namespace": "default", "attempt": attempt},
              "hostname": name, "log_directory": os.path.join(runtime.dir, "log"), "dns_config": DNS,
              "linux": {"cgroup_parent": f"{CGROUPS}/{name}"}}
    config.update(more)
    return config


class CriPod:
    """A sandbox, and one container in it when there is a command for it."""

    def __init__(self, runtime, name, command=None, handler="", **more):
        self.runtime, self.name = runtime, name
        self.config = sandbox_config(runtime, name, **more)
        self.sandbox = runtime.cri("RunPodSandbox", config=self.config, runtime_handler=handler).pod_sandbox_id
        self.container = self.contain(command) if command else None

    def contain(self, command, container="main"):
        made = self.runtime.cri("CreateContainer", pod_sandbox_id=self.sandbox, sandbox_config=self.config, config={
            "metadata": {"name": container}, "image": {"image": IMAGE}, "command": command, "log_path": self.name, "linux": {},
        }).container_id
        self.runtime.cri("StartContainer", container_id=made)
        return made

    def exec(self, *cmd, timeout=10):
        r = self.runtime.cri("ExecSync", container_id=self.container, cmd=list(cmd), timeout=timeout)
        return r.exit_code, r.stdout.decode(), r.stderr.decode()

    def ips(self):
        network = self.runtime.cri("PodSandboxStatus", pod_sandbox_id=self.sandbox).status.network
        return [ip for ip in [network.ip, *(more.ip for more in network.additional_ips)] if ip]

    def stop(self):
        self.runtime.cri("StopPodSandbox", pod_sandbox_id=self.sandbox)

    def remove(self):
        self.stop()
        self.runtime.cri("RemovePodSandbox", pod_sandbox_id=self.sandbox)

    def removed(self):
        """Whether the runtime can be brought to remove it by now."""
        try:
            self.remove()
        except grpc.RpcError:
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


HTTPD = ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"]
IDLE = ["/bin/sleep", "1000000"]
HELLO = "hello from containerd\n"
