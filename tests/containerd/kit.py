"""A private containerd with runc: in the mount and network namespace it is given, of any version that
a suite of Debian serves.

Nothing is installed: the packages are unpacked under build/containerd (tests/fetch-deb.sh)."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import grpc
from images import PAUSE, image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, "build", "containerd")
VERSIONS = {"1.6": "bookworm", "1.7": "trixie", "2": "sid"}

# One configuration serves all versions.
CONFIG = """version = 2
root = "{dir}/root"
state = "{dir}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{dir}/containerd.sock"
[ttrpc]
  address = "{dir}/containerd.sock.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{dir}/bin"
    conf_dir = "{dir}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{runc}"
"""


def package(suite, name):
    """The unpacked package's folder; downloaded once."""
    where = os.path.join(CACHE, f"{name}-{suite}")
    subprocess.run([os.path.join(ROOT, "tests", "fetch-deb.sh"), suite, name, where], check=True)
    return where


def messages():
    """The protobuf classes of cri.proto, compiled once."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "cri.proto"), "rb") as f:
        out = os.path.join(CACHE, "proto-" + hashlib.sha256(f.read()).hexdigest()[:16])
    if not os.path.exists(os.path.join(out, "cri_pb2.py")):
        os.makedirs(out, exist_ok=True)
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{here}", f"--python_out={out}",
                        os.path.join(here, "cri.proto")], check=True)
    if out not in sys.path:
        sys.path.insert(0, out)
    import cri_pb2
    return cri_pb2


def processes(belongs):
    """Pids of the processes whose command line, a list of words, belongs."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if belongs(f.read().decode(errors="replace").split("\0")):
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Cri:
    """Calls methods of the container runtime interface by name, over self.channel."""

    def __init__(self):
        self.pb, self.channel = messages(), None

    def cri(self, method, timeout=60, **fields):
        request = getattr(self.pb, method + "Request")(**fields)
        call = self.channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                        request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=getattr(self.pb, method + "Response").FromString)
        return call(request, timeout=timeout)

    def conditions(self):
        """Type -> (status, reason, message)."""
        return {c.type: (c.status, c.reason, c.message) for c in self.cri("Status").status.conditions}


class Containerd(Cri):
    """Runs inside the namespaces of `holder` (a pid)."""

    def __init__(self, holder, directory, version, plugins=(), conflist=None):
        super().__init__()
        self.enter = ["nsenter", "-t", str(holder), "-m", "-n", "--"]
        self.version, self.dir = version, directory
        self.bin = os.path.join(package(VERSIONS[version], "containerd"), "usr", "bin")
        self.runc = os.path.join(package("bookworm", "runc"), "usr", "sbin", "runc")
        self.socket = os.path.join(directory, "containerd.sock")
        self.process = None
        for folder in ("root", "state", "bin", "net.d", "log"):
            os.makedirs(os.path.join(directory, folder))
        for plugin in plugins:
            shutil.copy(plugin, os.path.join(directory, "bin"))
        if conflist:
            self.configure(conflist)
        with open(os.path.join(directory, "config.toml"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(dir=directory, pause=PAUSE, runc=self.runc))

    def configure(self, conflist):
        """Containerd takes up a new conflist as it comes: it must come whole."""
        path = os.path.join(self.dir, "net.d", "10-knet.conflist")
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(conflist)
        os.rename(path + ".new", path)

    def start(self, network=True):
        """Returns when CRI says that it is ready, with its network when there is to be one."""
        env = dict(os.environ, PATH=f"{self.bin}:{os.path.dirname(self.runc)}:" + os.environ["PATH"])
        with open(os.path.join(self.dir, "log", "containerd"), "ab") as log:
            self.process = subprocess.Popen(self.enter + [f"{self.bin}/containerd", "-c", f"{self.dir}/config.toml"],
                                            env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not self.ready(network):
            assert self.process.poll() is None and time.monotonic() < end, self.logged()
            time.sleep(0.02)

    def ready(self, network):
        """A channel that was refused waits for seconds before it tries again: asked of the socket first."""
        with socket.socket(socket.AF_UNIX) as s:
            if s.connect_ex(self.socket):
                return False
        if self.channel:
            self.channel.close()
        self.channel = grpc.insecure_channel("unix://" + self.socket, options=[
            ("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1)])
        try:
            conditions = self.conditions()
        except grpc.RpcError:
            return False
        return conditions["RuntimeReady"][0] and (not network or conditions["NetworkReady"][0])

    def logged(self):
        with open(os.path.join(self.dir, "log", "containerd"), encoding="utf-8", errors="replace") as f:
            return f.read()[-6000:]

    def ctr(self, *words, namespace="k8s.io", timeout=60):
        return subprocess.run(self.enter + [f"{self.bin}/ctr", "-a", self.socket, "-n", namespace, *words], capture_output=True,
                              text=True, timeout=timeout, check=False,
                              env=dict(os.environ, PATH=f"{self.bin}:{os.path.dirname(self.runc)}:" + os.environ["PATH"]))

    def load_image(self, namespace="k8s.io"):
        archive = os.path.join(self.dir, "image.tar")
        if not os.path.exists(archive):
            image(archive)
        r = self.ctr("images", "import", archive, namespace=namespace)
        assert r.returncode == 0, r.stderr

    def kill(self):
        """As if its machine's memory had run out: the shims and what they hold live on."""
        self.process.kill()
        self.process.wait()

    def shims(self):
        return processes(lambda words: "containerd-shim" in words[0] and self.socket in words)

    def terminate(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=20)

    def stop(self):
        """Ends containerd, then the shims of this instance."""
        self.terminate()
        for pid in self.shims():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
