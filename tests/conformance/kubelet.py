"""A very small kubelet: the Pods of the API get namespaces by CNI, and the conformance suite's servers run in them.

Images are names of programs here; volumes of Secrets are folders, which the environment is told of."""

import base64
import http.client
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from daemon import Watch  # noqa: E402
from pods import Pod, eventually  # noqa: E402

MERGE = "application/merge-patch+json"
LISTEN = "0A"


def hears(pid, udp):
    """Has the process' namespace a socket that waits for somebody?"""
    for table in ("udp", "udp6") if udp else ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as f:
            if any(udp or line.split()[3] == LISTEN for line in list(f)[1:]):
                return True
    return False


class Kubelet:
    """Runs what Pods say between __enter__ and __exit__. programs: (start of an image's name, path of its program);
    running: the class of one Pod's way."""

    def __init__(self, knetd, programs, folder, running=None):
        self.knetd, self.programs, self.folder = knetd, programs, folder
        self.way = running or Running
        self.logs = os.path.join(folder, "logs")
        self.running, self.failed = {}, []
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = []

    def __enter__(self):
        self.spawn(self.follow)
        return self

    def __exit__(self, *_):
        self.over.set()
        for running in list(self.running.values()):
            running.stop()
        for thread in self.threads:
            thread.join(timeout=40)

    def spawn(self, what, *args):
        thread = threading.Thread(target=what, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def follow(self):
        while not self.over.is_set():
            try:
                with Watch(self.knetd, "/api/v1/pods", timeout=2) as watch:
                    while not self.over.is_set() and (event := watch.event()):
                        self.handle(event["type"], event["object"])
            except (OSError, http.client.HTTPException):
                pass  # quiet for a while, or the daemon starts again

    def handle(self, what, pod):
        meta, spec = pod["metadata"], pod.get("spec", {})
        if what not in ("ADDED", "MODIFIED", "DELETED") or not spec.get("containers"):
            return
        with self.lock:
            if what == "DELETED" or meta.get("deletionTimestamp"):
                if running := self.running.pop(meta["uid"], None):
                    self.spawn(running.stop)
            elif meta["uid"] not in self.running:
                self.running[meta["uid"]] = running = self.way(self, pod)
                self.spawn(running.start)


class Running:
    """One Pod's way: its volumes, its attachment, its program, its readiness."""

    def __init__(self, kubelet, pod):
        self.kubelet, self.pod, self.attached = kubelet, pod, None
        self.namespace, self.name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self.starting = threading.Lock()
        self.ended = False

    def start(self):
        try:
            with self.starting:
                if not self.ended:
                    self.run()
        except Exception as e:  # pylint: disable=broad-except
            self.kubelet.failed.append(f"{self.namespace}/{self.name}: {e!r}")

    def run(self):
        container = self.pod["spec"]["containers"][0]
        folders = {m["mountPath"]: self.volume(m["name"]) for m in container.get("volumeMounts", [])}
        env = {"PATH": os.environ["PATH"], **self.environment(container, folders)}
        program = next(path for image, path in self.kubelet.programs if container["image"].startswith(image))
        self.attached = Pod(self.kubelet.knetd, self.name, self.namespace)
        process = subprocess.Popen(["ip", "netns", "exec", self.attached.netns, program], env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.attached.processes.append(process)
        self.kubelet.spawn(self.log, process)
        udp = "UDP_ECHO_SERVER" in env or "whoami" in program
        eventually(lambda: process.poll() is not None or hears(process.pid, udp), seconds=20, every=0.01)
        self.say_ready()

    def say_ready(self):
        status, answer = self.kubelet.knetd.api(
            "PATCH", f"/api/v1/namespaces/{self.namespace}/pods/{self.name}/status",
            {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "ContainersReady"}]}}, ctype=MERGE)
        assert status in (200, 404), answer  # 404: it has been deleted meanwhile

    def log(self, process):
        folder = os.path.join(self.kubelet.logs, self.namespace)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, self.name), "wb", buffering=0) as out:
            for line in process.stdout:
                out.write(b"%d %s" % (time.time_ns(), line))

    def environment(self, container, folders):
        env = {}
        for e in container.get("env", []):
            value = e.get("value", "")
            if field := e.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath"):
                value = {"metadata.name": self.name, "metadata.namespace": self.namespace}[field]
            for path, folder in folders.items():
                if value.startswith(path + "/"):
                    value = folder + value[len(path):]
            env[e["name"]] = value
        return env

    def volume(self, name):
        """A folder with the volume's files; what it is made of may come after the Pod."""
        volume = next(v for v in self.pod["spec"]["volumes"] if v["name"] == name)
        folder = os.path.join(self.kubelet.folder, "volumes", self.namespace, self.name, name)
        os.makedirs(folder, exist_ok=True)
        if "secret" in volume:
            data = self.data("secrets", volume["secret"]["secretName"])
            files = {k: base64.b64decode(v) for k, v in data.items()}
        else:
            files = {k: v.encode() for k, v in self.data("configmaps", volume["configMap"]["name"]).items()}
        source = volume.get("secret") or volume["configMap"]
        for item in source.get("items") or [{"key": k, "path": k} for k in files]:
            with open(os.path.join(folder, item["path"]), "wb") as f:
                f.write(files[item["key"]])
        return folder

    def data(self, kind, name):
        def there():
            assert not self.kubelet.over.is_set() and not self.ended, "over"
            status, answer = self.kubelet.knetd.api("GET", f"/api/v1/namespaces/{self.namespace}/{kind}/{name}")
            return status == 200 and answer
        return eventually(there, seconds=60, every=0.05)["data"]

    def stop(self):
        self.ended = True
        with self.starting:
            if self.attached:
                self.attached.remove()
                self.attached = None
