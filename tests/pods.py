"""Pods for the tests: network namespaces attached by the CNI plugin, as a runtime would do it."""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import inside  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Answers every request, TCP and UDP, with the name it was given, so that a test sees who served it.
SERVER = r"""
import socket, sys, threading
name, port = sys.argv[1], int(sys.argv[2])

def http(c):
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            got = c.recv(65536)
            if not got:
                return
            data += got
        head, _, data = data.partition(b"\r\n\r\n")
        path = head.split(b" ")[1]
        body = name.encode() + b" " + path + b"\n"
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Pod: %s\r\n\r\n%s" % (len(body), name.encode(), body))

def serve(c):
    try:
        with c:
            http(c)
    except OSError:
        pass

def udp():
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind(("::", port))
    while True:
        _, peer = u.recvfrom(2048)
        u.sendto(name.encode(), peer)

threading.Thread(target=udp, daemon=True).start()
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", port))
s.listen(256)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


class CniError(Exception):
    """The plugin refused: .code and .msg are the specification's."""

    def __init__(self, answer):
        super().__init__(json.dumps(answer))
        self.code, self.msg = answer.get("code"), answer.get("msg")


class Pod:
    """One pod: a namespace, its attachment, and the processes started in it."""

    def __init__(self, knetd, name, namespace="default", labels=None, annotations=None):
        self.knetd, self.name, self.namespace = knetd, name, namespace
        self.netns = f"{knetd.netns}-{name}" if namespace == "default" else f"{knetd.netns}-{namespace}-{name}"
        self.container = f"{knetd.netns}{namespace}{name}"
        self.processes = []
        self.annotations = dict(annotations or {})
        if labels:
            self.annotations["knetd.io/labels"] = ",".join(f"{k}={v}" for k, v in labels.items())
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        try:
            self.result = self.cni("ADD")
        except Exception:
            self.remove()
            raise
        self.ips = [ip["address"].split("/")[0] for ip in self.result["ips"]]
        self.ip4 = next((ip for ip in self.ips if ":" not in ip), None)
        self.ip6 = next((ip for ip in self.ips if ":" in ip), None)

    def cni(self, command, **extra):
        """Runs the plugin in the node's namespace; returns its answer, None when it is empty."""
        conf = {
            "cniVersion": "1.0.0", "name": "knet", "type": "knet", "socket": self.knetd.socket,
            "runtimeConfig": {"io.kubernetes.cri.pod-annotations": self.annotations or None},
        }
        conf.update(extra)
        env = {
            "CNI_COMMAND": command, "CNI_CONTAINERID": self.container, "CNI_IFNAME": "eth0",
            "CNI_NETNS": f"/var/run/netns/{self.netns}", "CNI_PATH": "/nowhere",
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAME={self.name};K8S_POD_NAMESPACE={self.namespace}",
            "PATH": os.environ["PATH"],
        }
        with tempfile.TemporaryDirectory() as directory:
            plugin = os.path.join(directory, "knet")
            os.symlink(os.path.join(ROOT, "build", "knetd"), plugin)
            p = subprocess.run(["ip", "netns", "exec", self.knetd.netns, plugin], env=env,
                               input=json.dumps(conf), capture_output=True, text=True, timeout=30)
        answer = json.loads(p.stdout) if p.stdout.strip() else None
        if p.returncode:
            raise CniError(answer or {"msg": p.stderr})
        return answer

    def run(self, *argv, timeout=15, check=False):
        """Runs a command in the pod; returns the completed process with text output."""
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], capture_output=True,
                              text=True, timeout=timeout, check=check)

    def serve(self, port):
        """Serves HTTP and UDP on all addresses; answers with the pod's name."""
        p = subprocess.Popen(["ip", "netns", "exec", self.netns, sys.executable, "-c", SERVER, self.name, str(port)],
                             stdout=subprocess.PIPE, text=True)
        self.processes.append(p)
        assert p.stdout.readline() == "ready\n"
        return p

    def curl(self, url, *options):
        """The body of a GET from inside the pod, or None when there was no answer."""
        p = self.run("curl", "-sS", "-m", "5", *options, url)
        return p.stdout if p.returncode == 0 else None

    def remove(self):
        """Detaches and takes the namespace away; does not mind what is already gone."""
        for p in self.processes:
            p.kill()
            p.wait()
        try:
            self.cni("DEL")
        except (CniError, subprocess.TimeoutExpired):
            pass
        subprocess.run(["ip", "netns", "del", self.netns], stderr=subprocess.DEVNULL, check=False)


class Sandbox:
    """A network namespace that nobody has attached yet, and plugin calls by hand."""

    serial = 0

    def __init__(self, knetd):
        Sandbox.serial += 1
        self.knetd = knetd
        self.netns = f"{knetd.netns}-s{Sandbox.serial}"
        self.container = f"{knetd.netns}s{Sandbox.serial}"
        subprocess.run(["ip", "netns", "add", self.netns], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def call(self, command, conf=None, plugin=os.path.join(ROOT, "build", "knetd"), **env):
        """One call on the node; a variable that is None is not set. conf: text, or members over the usual ones."""
        base = {"CNI_COMMAND": command, "CNI_CONTAINERID": self.container, "CNI_IFNAME": "eth0", "CNI_ARGS": None,
                "CNI_NETNS": f"/var/run/netns/{self.netns}", "CNI_PATH": "/usr/lib/cni", "PATH": os.environ["PATH"],
                "KNETD_SOCKET": self.knetd.socket, **env}
        if not isinstance(conf, str):
            conf = json.dumps({"cniVersion": "1.1.0", "name": "knet", "type": "knet", **(conf or {})})
        with inside(self.knetd.netns):
            p = subprocess.Popen([os.path.basename(plugin) if "cni/" in plugin else "knet"], executable=plugin,
                                 env={k: v for k, v in base.items() if v is not None}, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = p.communicate(conf, timeout=30)
        answer = json.loads(out) if out.strip() else None
        if p.returncode:
            raise CniError(answer or {"msg": err})
        return answer

    def run(self, *argv):
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], capture_output=True, text=True, timeout=15,
                              check=False)

    def ip(self, *argv):
        """`ip -j` in the sandbox, parsed; lists alone: what does not match gives {} with ip's older releases."""
        out = self.run("ip", "-j", *argv).stdout
        return [x for x in json.loads(out or "[]") if x]

    def links(self):
        return [x["ifname"] for x in self.ip("link")]

    def remove(self):
        try:
            self.call("DEL")
        except CniError:
            pass
        subprocess.run(["ip", "netns", "del", self.netns], stderr=subprocess.DEVNULL, check=False)


class ConfList:
    """A network of several plugins, called as libcni calls them: ADD in their order, each with the result of the one
    before, DEL backwards, CHECK in order, DEL and CHECK with the last result."""

    def __init__(self, plugins, name="chain", version="1.0.0", directory="/usr/lib/cni"):
        self.plugins, self.name, self.version, self.directory = plugins, name, version, directory

    def _each(self, sandbox, command, plugins, result, **env):
        for conf in plugins:
            conf = {**conf, "cniVersion": self.version, "name": self.name}
            if result is not None:
                conf["prevResult"] = result
            path = {} if conf["type"] == "knet" else {"plugin": os.path.join(self.directory, conf["type"])}
            answer = sandbox.call(command, conf, **path, **env)
            if command == "ADD":
                result = answer
        return result

    def add(self, sandbox, **env):
        return self._each(sandbox, "ADD", self.plugins, None, **env)

    def check(self, sandbox, result, **env):
        self._each(sandbox, "CHECK", self.plugins, result, **env)

    def delete(self, sandbox, result, **env):
        self._each(sandbox, "DEL", reversed(self.plugins), result, **env)


class HostPod(Pod):
    """A pod with host ports: (host, pod, protocol, hostIP) in containerd's words."""

    def __init__(self, knetd, name, *ports, **kw):
        self.mappings = [{"HostPort": h, "ContainerPort": c, "Protocol": p, "HostIP": ip} for h, c, p, ip in ports]
        super().__init__(knetd, name, **kw)

    def cni(self, command, **extra):
        if command == "ADD":
            extra.setdefault("runtimeConfig", {"portMappings": self.mappings,
                                               "io.kubernetes.cri.pod-annotations": self.annotations or None})
        return super().cni(command, **extra)


def eventually(what, seconds=10.0, every=0.05):
    """Waits until what() is true and returns its value; fails with the last value otherwise."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"still {value!r} after {seconds} s"
        time.sleep(every)
