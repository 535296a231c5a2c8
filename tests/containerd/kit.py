"""A private containerd with runc: in the mount and network namespace it is given, with images made here.

Nothing is installed: the packages are downloaded through the machine's own apt configuration and
unpacked under build/containerd."""

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import grpc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, "build", "containerd")
IMAGE = "docker.io/library/busybox:latest"
PAUSE = "registry.k8s.io/pause:3.6"

CONFIG = """version = 2
root = "{dir}/root"
state = "{dir}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
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


def packages():
    """The unpacked packages' folder; downloaded once."""
    tree = os.path.join(CACHE, "tree")
    if os.path.exists(os.path.join(tree, "usr/bin/containerd")):
        return tree
    os.makedirs(tree, exist_ok=True)
    subprocess.run(["apt-get", "-qq", "download", "containerd", "runc"], cwd=CACHE, check=True)
    for name in os.listdir(CACHE):
        if name.endswith(".deb"):
            subprocess.run(["dpkg", "-x", os.path.join(CACHE, name), tree], check=True)
    return tree


def messages():
    """The protobuf classes of cri.proto, compiled once."""
    out = os.path.join(CACHE, "proto")
    if not os.path.exists(os.path.join(out, "cri_pb2.py")):
        os.makedirs(out, exist_ok=True)
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{here}", f"--python_out={out}",
                        os.path.join(here, "cri.proto")], check=True)
    sys.path.insert(0, out)
    import cri_pb2
    return cri_pb2


def image(path):
    """A one-layer OCI image of busybox under both names, written without any image tool."""
    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    files, raw = {}, io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as layer:
        for folder in ("bin", "www", "etc", "tmp", "proc", "sys", "dev"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(info)
        layer.add("/bin/busybox", "bin/busybox")
        for applet in ("sh", "httpd", "wget", "sleep", "cat", "nslookup", "ip"):
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(info)
        page = b"hello from containerd\n"
        info = tarfile.TarInfo("www/index.html")
        info.size = len(page)
        layer.addfile(info, io.BytesIO(page))
    config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/bin/sleep", "1000000"], "Env": ["PATH=/bin"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw.getvalue()).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": dict(blob(json.dumps(config).encode()), mediaType="application/vnd.oci.image.config.v1+json"),
                "layers": [dict(blob(gzip.compress(raw.getvalue(), 1)), mediaType="application/vnd.oci.image.layer.v1.tar+gzip")]}
    entry = dict(blob(json.dumps(manifest).encode()), mediaType=manifest["mediaType"])
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [
        dict(entry, annotations={"io.containerd.image.name": n}) for n in (IMAGE, PAUSE)]}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


class Containerd:
    """Runs inside the namespaces of `holder` (a pid); calls CRI methods by name."""

    def __init__(self, holder, directory, knetd_binary, knetd_socket):
        self.enter = ["nsenter", "-t", str(holder), "-m", "-n", "--"]
        self.dir, self.tree, self.pb = directory, packages(), messages()
        self.socket = os.path.join(directory, "containerd.sock")
        self.process = None
        for folder in ("root", "state", "bin", "net.d", "log"):
            os.makedirs(os.path.join(directory, folder))
        for name in ("knet", "loopback"):
            shutil.copy(knetd_binary, os.path.join(directory, "bin", name))
        with open(os.path.join(ROOT, "etc/containerd/10-knet.conflist"), encoding="utf-8") as f:
            conflist = f.read().replace("/run/knetd/knetd.sock", knetd_socket)
        with open(os.path.join(directory, "net.d", "10-knet.conflist"), "w", encoding="utf-8") as f:
            f.write(conflist)
        with open(os.path.join(directory, "config.toml"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(dir=directory, pause=PAUSE, runc=os.path.join(self.tree, "usr/sbin/runc")))

    def start(self):
        env = dict(os.environ, PATH=f"{self.tree}/usr/bin:{self.tree}/usr/sbin:" + os.environ["PATH"])
        with open(os.path.join(self.dir, "log", "containerd"), "ab") as log:
            self.process = subprocess.Popen(self.enter + [f"{self.tree}/usr/bin/containerd", "-c", f"{self.dir}/config.toml"],
                                            env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.channel = grpc.insecure_channel("unix://" + self.socket, options=[("grpc.default_authority", "localhost")])
        end = time.monotonic() + 30
        while True:
            try:
                conditions = {c.type: c.status for c in self.cri("Status").status.conditions}
                if conditions.get("RuntimeReady") and conditions.get("NetworkReady"):
                    return
            except grpc.RpcError:
                conditions = None
            assert self.process.poll() is None and time.monotonic() < end, f"{conditions}\n{self.logged()}"
            time.sleep(0.1)

    def logged(self):
        with open(os.path.join(self.dir, "log", "containerd"), encoding="utf-8", errors="replace") as f:
            return f.read()[-6000:]

    def load_image(self):
        archive = os.path.join(self.dir, "image.tar")
        image(archive)
        subprocess.run(self.enter + [f"{self.tree}/usr/bin/ctr", "-a", self.socket, "-n", "k8s.io", "images", "import", archive],
                       check=True, capture_output=True, timeout=60)

    def cri(self, method, **fields):
        request = getattr(self.pb, method + "Request")(**fields)
        call = self.channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                        request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=getattr(self.pb, method + "Response").FromString)
        return call(request, timeout=60)

    def stop(self):
        """Ends containerd, then the shims of this instance, by what their command line says."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=20)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
                if b"containerd-shim" in words[0] and self.socket.encode() in words:
                    os.kill(int(pid), signal.SIGKILL)
            except (OSError, IndexError):
                pass
