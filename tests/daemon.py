"""One knetd in a network namespace of its own, for tests and benchmarks alike."""

import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, "build", "knetd")
UNDER = os.environ.get("KNETD_UNDER", "").split()  # what daemons are started by, as tests/unit_file.py


LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(netns):
    """Sockets and processes made here, by this thread, are born in that namespace."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as home, open(f"/run/netns/{netns}", encoding="ascii") as there:
        assert LIBC.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert LIBC.setns(home.fileno(), 0) == 0


def private_kb(pid):
    """Memory that no other process shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_"))


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the daemon's unix socket."""

    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Watch:
    """A watch, read event by event."""

    def __init__(self, knetd, path, headers=None, timeout=30):
        self.connection = UnixConnection(knetd.socket, timeout=timeout)
        self.connection.request("GET", path + ("" if "/watch/" in path else "&watch=true" if "?" in path else "?watch=true"),
                                headers=headers or {})
        self.response = self.connection.getresponse()

    def event(self):
        line = self.response.readline()
        return json.loads(line) if line else None

    def told(self, n):
        return [(e["type"], e["object"]["metadata"]["name"]) for e in (self.event() for _ in range(n))]

    def until_bookmark(self):
        seen = []
        while (e := self.event())["type"] != "BOOKMARK":
            seen.append((e["type"], e["object"]["metadata"]["name"]))
        return seen, e["object"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


class Knetd:
    """Started on entry (or by start), stopped with everything it left on exit."""

    serial = 0

    def __init__(self, ini="", service_cidr="10.96.0.0/16,fd00:10:96::/112", pod_cidr="10.244.0.0/24,fd00:10:244::/64",
                 workers=1):
        Knetd.serial += 1
        self.netns = f"kt{os.getpid()}-{Knetd.serial}"
        self.dir = tempfile.mkdtemp(prefix="knettest")
        self.socket = os.path.join(self.dir, "run", "knetd.sock")
        self.ini = os.path.join(self.dir, "knetd.ini")
        self.log = os.path.join(self.dir, "log")
        self.enter = ["ip", "netns", "exec", self.netns]  # how a command gets to the node
        self.process = None
        with open(self.ini, "w", encoding="utf-8") as f:
            f.write(f"[node]\nname = node\nstate_dir = {self.dir}/state\nrun_dir = {self.dir}/run\n"
                    f"manifests = {self.dir}/manifests\nworkers = {workers}\n"
                    f"[service]\ncidrs = {service_cidr}\n[podnet]\ncidrs = {pod_cidr}\n{ini}\n")
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        subprocess.run(["ip", "-n", self.netns, "link", "set", "lo", "up"], check=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def start(self, *options):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.enter, *UNDER, BINARY, "-c", self.ini, *options],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                if self.api("GET", "/readyz")[0] == 200:
                    return self
            except (OSError, http.client.HTTPException):
                pass
            assert self.process.poll() is None, self.logged()
            assert time.monotonic() < end, "not ready: " + self.logged()
            time.sleep(0.02)

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def api(self, method, path, body=None, ctype="application/json", headers=None):
        """Status and the answer, parsed when it is JSON."""
        c = UnixConnection(self.socket)
        try:
            if body is not None and not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            sent = dict(headers or {})
            if body is not None:
                sent["Content-Type"] = ctype
            c.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=sent)
            r = c.getresponse()
            self.headers = r.headers
            data = r.read()
        finally:
            c.close()
        if data and "json" in (r.headers.get("Content-Type") or ""):
            return r.status, json.loads(data)
        return r.status, data.decode(errors="replace")

    def exec(self, *argv, timeout=30, check=False):
        """A command on the node."""
        return subprocess.run(["ip", "netns", "exec", self.netns, *argv], capture_output=True, text=True,
                              timeout=timeout, check=check)

    def stop(self, sig=signal.SIGTERM):
        """Ends the control process alone: workers stay, as they do for a user."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(timeout=20)

    def pids(self):
        out = subprocess.run(["ip", "netns", "pids", self.netns], capture_output=True, text=True, check=False).stdout
        return [int(p) for p in out.split()]

    def private_kb(self):
        """Private memory of the control process and its workers."""
        return sum(private_kb(pid) for pid in self.pids())

    def workers(self):
        """Name -> pid of those that live: "dns-0", "ingress-0"."""
        found = {}
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    argv = f.read().split(b"\0")
                with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                    dead = f.read().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if argv[1:2] == [b"--worker"] and not dead:
                found[f"{argv[2].decode()}-{argv[3].decode()}"] = pid
        return found

    def close(self):
        try:
            self.stop()
        finally:
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            subprocess.run(["ip", "netns", "del", self.netns], check=False)
            shutil.rmtree(self.dir, ignore_errors=True)
