"""Another binary takes over in place: nobody is refused, nothing is lost, nothing leaks; one that cannot is refused, one
that fails at its start gives the place back."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import daemon as daemon_module  # noqa: E402
from daemon import BINARY, ROOT, Watch  # noqa: E402
from pods import CniError, Pod, Sandbox, eventually  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
HEALTH, HTTPS = 10256, 6443
INI = f"[service]\nhealthz = 127.0.0.1:{HEALTH}\n[api]\nlisten = 127.0.0.1:{HTTPS}\n"

# The backend: a short answer, one that does not end (numbered lines), and an echo behind an upgrade.
SERVER = r"""
import socket, sys, threading, time

def serve(c):
    f = c.makefile("rb")
    while (line := f.readline()):
        path = line.split(b" ")[1]
        while f.readline() not in (b"\r\n", b""):
            pass
        if path == b"/endless":
            c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            n = 0
            while True:
                text = b"".join(b"%d\n" % i for i in range(n, n + 100))
                n += 100
                c.sendall(b"%x\r\n%s\r\n" % (len(text), text))
                time.sleep(0.02)
        elif path == b"/ws":
            c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n")
            while (line := f.readline()):
                c.sendall(line)
        else:
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

def one(c):
    try:
        serve(c)
    except OSError:
        pass

s = socket.create_server(("", 8080), backlog=256)
print("ready", flush=True)
while True:
    threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
"""


@pytest.fixture(scope="module")
def variant(tmp_path_factory):
    """Binaries of other releases, by what tells them apart; they are built once."""
    where = f"{ROOT}/build/{os.uname().machine}/variant"

    def make(version, fmt=None, way=None):
        name = re.sub(r"\W", "-", f"{version}-{fmt}-{way}")
        words = f'-DKNETD_VERSION=\\"{version}\\"' + (f" -DSTORE_FORMAT={fmt}" if fmt else "")
        crash = [f"VARIANT_EXTRA={HERE}/upgrade_crash.c", "VARIANT_LINK=-Wl,--wrap=modules_start"] if way else []
        if way:
            words += f" '-DONE_WAY={way}'"
        target = f"{where}/{name}"
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        subprocess.run(["make", "-s", "-C", ROOT, os.path.relpath(target, ROOT), f"VARIANT={words}", *crash], check=True,
                       env=env, timeout=300, stdout=subprocess.DEVNULL)
        return target

    yield make
    shutil.rmtree(where, ignore_errors=True)


@pytest.fixture(scope="module")
def following(variant):
    return variant("9.0.0")


def knetctl(node, *words):
    return subprocess.run([BINARY, "ctl", "-s", node.socket, *words], capture_output=True, text=True, timeout=200, check=False)


def upgrade(node, *to, ok=True):
    p = knetctl(node, "upgrade", *to)
    assert (p.returncode == 0) == ok, p.stdout + p.stderr + node.logged()[-2000:]
    return p.stdout + p.stderr


def version(node):
    return node.api("GET", "/version")[1]["gitVersion"]


def stall(text):
    return int(re.search(r"stood still for (\d+) ms", text)[1])


def create(node, path, body):
    status, answer = node.api("POST", path, body)
    assert status == 201, answer
    return answer


@pytest.fixture(scope="module")
def world():
    """A node with a pod that serves, behind a Service and an Ingress."""
    node = daemon_module.Knetd(ini=INI, workers=2)
    pod = None
    try:
        node.start()
        pod = Pod(node, "web", labels={"app": "web"})
        p = subprocess.Popen(["ip", "netns", "exec", pod.netns, sys.executable, "-c", SERVER], stdout=subprocess.PIPE,
                             text=True)
        pod.processes.append(p)
        assert p.stdout.readline() == "ready\n"
        made = create(node, "/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": {
            "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
        create(node, "/apis/networking.k8s.io/v1/namespaces/default/ingresses", {
            "metadata": {"name": "web"}, "spec": {"rules": [{"host": "web.example", "http": {"paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}})
        yield node, pod, made["spec"]["clusterIP"]
    finally:
        if pod:
            pod.remove()
        node.close()


def token(node):
    with open(f"{node.dir}/run/kubeconfig", encoding="utf-8") as f:
        return re.search(r"token: (\S+)", f.read())[1]


class Load:
    """upgrade_load.py, and pods that come and go."""

    def __init__(self, node, pod, service):
        self.node = node
        self.process = subprocess.Popen(
            [*node.enter, sys.executable, f"{HERE}/upgrade_load.py", node.socket, str(HTTPS), token(node), str(HEALTH),
             pod.ip4, service], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "begun\n"
        self.calls, self.failed, self.longest, self.over = 0, [], 0.0, threading.Event()
        self.thread = threading.Thread(target=self.attach)
        self.thread.start()

    def attach(self):
        box = Sandbox(self.node)
        try:
            while not self.over.is_set():
                for verb in ("ADD", "CHECK", "DEL"):
                    begun = time.monotonic()
                    more = {"prevResult": result} if verb == "CHECK" else {}
                    answer = box.call(verb, more)
                    result = answer if verb == "ADD" else None
                    self.longest = max(self.longest, time.monotonic() - begun)
                    self.calls += 1
        except CniError as e:
            self.failed.append(str(e))
        finally:
            box.remove()

    def end(self):
        self.over.set()
        self.thread.join()
        out, _ = self.process.communicate("", timeout=60)
        return json.loads(out)


def test_nothing_is_lost(world, following):
    """Six upgrades under everybody's load: to another build, back, and there again."""
    node, pod, service = world
    pid = node.process.pid
    load = Load(node, pod, service)
    waits = []
    try:
        for to, name in ((following, "9.0.0"), (BINARY, None)) * 3:
            waits.append(stall(upgrade(node, to)))
            assert name is None or version(node).endswith(name)
            assert node.process.poll() is None and node.api("GET", "/knetd/v1/status")[1]["pid"] == pid
    finally:
        report = load.end()
    told = report["told"]
    print(f"upgrades stood still for {waits} ms; CNI calls {load.calls}, longest {load.longest * 1000:.0f} ms")
    for name, t in told.items():
        print(f"{name}: asked {t['asked']}, again {t['again']}, lost {len(t['lost'])}, longest {t['longest'] * 1000:.0f} ms")
    assert {name: t["lost"] for name, t in told.items() if t["lost"]} == {}
    assert not load.failed and load.calls > 3
    assert all(t["asked"] > 5 for t in told.values()), told
    for who in ("unix", "kept"):
        stored = node.api("GET", f"/api/v1/namespaces/default/configmaps/load-{who}")[1]
        assert int(stored["data"]["n"]) >= report["written"][who] >= 5
    assert told["api_watch"]["again"] >= 1  # it ended, and went on


def resources(node):
    """Descriptors, children, links; what an upgrade must not add to."""
    pid = node.process.pid
    children = subprocess.run(["ps", "-o", "stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")), "children": len(children.split()),
            "links": len(node.exec("ls", "/sys/class/net").stdout.split()), "processes": len(node.pids())}


def test_nothing_leaks(world, following):
    node = world[0]
    upgrade(node, BINARY)

    def settled():
        was = resources(node)
        time.sleep(0.3)
        return was == resources(node) and was["children"] == 4 and was

    before, memory = eventually(settled, 30), node.private_kb()
    for to in (following, BINARY) * 3:
        upgrade(node, to)
    after = eventually(lambda: (now := settled()) and now["fds"] <= before["fds"] and now, 30)
    assert {**after, "fds": 0} == {**before, "fds": 0}
    assert node.private_kb() < memory * 2


def test_killed_in_the_middle(world, following):
    """At any instant: what is started next finds all as it was, and the clients of the workers notice nothing."""
    node, pod, _ = world
    made, rng = [], random.Random(9)
    for n in range(6):
        name = f"kill-{n}"
        create(node, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": name}})
        made.append(name)
        p = subprocess.Popen([BINARY, "ctl", "-s", node.socket, "upgrade", following if n % 2 else BINARY],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, 0.4))
        node.stop(signal.SIGKILL)
        p.wait(timeout=60)
        node.start()
        assert pod.run("true").returncode == 0
        status, got = node.api("GET", "/api/v1/namespaces/default/configmaps")
        assert status == 200 and set(made) <= {o["metadata"]["name"] for o in got["items"]}
        answer = node.exec("curl", "-s", "-m", "5", "-H", "Host: web.example", "http://127.0.0.1/x")
        assert answer.stdout == "hello"
    eventually(lambda: len(node.workers()) == 4 and len(node.pids()) == 5, 30)


def test_what_cannot_be_a_daemon(world, tmp_path):
    """It is refused with a reason, and nothing has happened."""
    node = world[0]
    workers, foreign = node.workers(), tmp_path / "foreign"
    with open(BINARY, "rb") as f:
        image = bytearray(f.read())
    image[18] = 243 if image[18] != 243 else 62  # e_machine: RISC-V
    foreign.write_bytes(image)
    foreign.chmod(0o755)
    text = tmp_path / "text"
    text.write_text("nothing")
    broken = tmp_path / "broken"
    shutil.copy(BINARY, broken)
    with open(broken, "r+b") as f:
        f.truncate(os.path.getsize(BINARY) // 2)
    for path, why in ((foreign, "Exec format error"), (text, "Permission denied"), ("/bin/true", "no knetd"),
                      (tmp_path / "none", "No such file"), (tmp_path, "no file"), (broken, "")):
        assert why in upgrade(node, str(path), ok=False)
        assert node.process.poll() is None and node.workers() == workers
    assert "must be absolute" in str(node.api("POST", "/knetd/v1/upgrade?path=knetd"))
    assert node.api("POST", "/knetd/v1/upgrade?path=" + "/x" * 4000)[0] == 422


def test_only_root_may(world):
    node = world[0]
    os.chmod(node.dir, 0o755)
    os.chmod(node.socket, 0o666)
    ask = (f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({node.socket!r}); "
           "s.sendall(b'POST /knetd/v1/upgrade HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n'); print(s.recv(4096))")
    out = subprocess.run([sys.executable, "-c", f"import os; os.setgid(65534); os.setuid(65534); {ask}"],
                         capture_output=True, text=True, timeout=20, check=False)
    assert "403 Forbidden" in out.stdout, out


def test_a_wrong_configuration(world):
    """The file may have been changed since the start: the new binary says what is wrong with it."""
    node = world[0]
    with open(node.ini, encoding="utf-8") as f:
        good = f.read()
    try:
        with open(node.ini, "a", encoding="utf-8") as f:
            f.write("[node]\nworkers = many\n")
        assert "workers" in upgrade(node, BINARY, ok=False)
    finally:
        with open(node.ini, "w", encoding="utf-8") as f:
            f.write(good)
    upgrade(node, BINARY)


def test_a_port_that_is_taken(world):
    """What -T cannot see: the start fails, and the binary before goes on, with the configuration that it had."""
    node, pid = world[0], world[0].process.pid
    with open(node.ini, encoding="utf-8") as f:
        good = f.read()
    with daemon_module.inside(node.netns), socket.create_server(("127.0.0.1", 7777)):
        try:
            with open(node.ini, "w", encoding="utf-8") as f:
                f.write(good.replace(f"127.0.0.1:{HTTPS}", "127.0.0.1:7777"))
            assert "did not start" in (said := upgrade(node, BINARY, ok=False)) and "7777" in said
        finally:
            with open(node.ini, "w", encoding="utf-8") as f:
                f.write(good)
    assert node.process.poll() is None and node.api("GET", "/knetd/v1/status")[1]["pid"] == pid
    with daemon_module.inside(node.netns):
        socket.create_connection(("127.0.0.1", HTTPS), 5).close()
    upgrade(node, BINARY)


@pytest.mark.parametrize("why,way", [("crashed", "__builtin_trap()"), ("not ready in time", "alarm(1);for(;;)pause()"),
                                     ("does not say why", "if(!fork())__builtin_trap();sleep(1)")])
def test_one_that_breaks(world, variant, why, way):
    """A crash in the middle of the start, after the store was changed to another format; one that hangs there, for whom
    the two minutes are made short; a child of it that crashes, which takes nothing back, and it fails."""
    node, pid = world[0], world[0].process.pid
    with Watch(node, "/api/v1/namespaces/default/configmaps?resourceVersion=" +
               node.api("GET", "/api/v1/namespaces/default/configmaps")[1]["metadata"]["resourceVersion"]) as watch:
        assert why in upgrade(node, variant("9.0.1", fmt=3, way=way), ok=False)
        assert watch.event() is None
    assert node.process.poll() is None and node.api("GET", "/knetd/v1/status")[1]["pid"] == pid
    status, got = node.api("GET", "/knetd/v1/upgrade")
    assert status == 200 and got["state"] == "failed" and got["to"] == "9.0.1"
    create(node, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"after-{why[:3]}"}})
    eventually(lambda: len(node.workers()) == 4 and len(node.pids()) == 5, 30)
    answer = node.exec("curl", "-s", "-m", "5", "-H", "Host: web.example", "http://127.0.0.1/x")
    assert answer.stdout == "hello"
    upgrade(node, BINARY)


def test_formats(knetd_factory, variant, monkeypatch):
    """Forward by itself, with a copy; back is refused by name, and by the copy it goes."""
    node = knetd_factory()
    create(node, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "before"}})
    future = variant("10.0.0", fmt=3)
    upgrade(node, future)
    create(node, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "since"}})
    said = upgrade(node, BINARY, ok=False)
    assert "10.0.0" in said and "format 3" in said and "data.mdb.format-2" in said, said
    assert version(node).endswith("10.0.0")
    node.stop()
    files = [f"{node.dir}/{d}/store/data.mdb" for d in ("state", "run")]
    before = [open(f, "rb").read() for f in files]
    p = subprocess.run([*node.enter, BINARY, "-c", node.ini], capture_output=True, text=True, timeout=20, check=False)
    assert p.returncode == 1 and "was written by knetd 10.0.0" in p.stderr, p
    assert [open(f, "rb").read() for f in files] == before
    for f in files:
        os.rename(f + ".format-2", f)
    node.start()
    names = {o["metadata"]["name"] for o in node.api("GET", "/api/v1/namespaces/default/configmaps")[1]["items"]}
    assert "before" in names and "since" not in names
    node.stop()
    monkeypatch.setattr(daemon_module, "BINARY", future)
    node.start()


def test_cni_calls_wait_for_a_restart(world):
    """An ordinary restart is not that smooth, but a runtime's call waits for its end."""
    node = world[0]
    node.stop()
    with Sandbox(node) as box:
        started = threading.Timer(0.2, node.start)
        started.start()
        assert box.call("ADD")["ips"]
        started.join()


def test_by_signal(knetd_factory, following, monkeypatch, tmp_path):
    """SIGUSR2 takes what lies at the daemon's own path now."""
    mine = tmp_path / "knetd"
    shutil.copy(BINARY, mine)
    monkeypatch.setattr(daemon_module, "BINARY", str(mine))
    node = knetd_factory()
    shutil.copy(following, tmp_path / "new")
    os.rename(tmp_path / "new", mine)
    node.process.send_signal(signal.SIGUSR2)
    eventually(lambda: version(node).endswith("9.0.0"), 20)
    assert node.process.poll() is None
