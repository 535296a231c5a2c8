"""An ordinary restart, as systemd does one: it keeps the API's sockets (FileDescriptorStoreMax=), so that who connects
meanwhile waits for the next daemon and is not refused. Services, DNS and Ingress never stop."""

import array
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from daemon import BINARY, Knetd, UnixConnection, inside
from pods import eventually

HTTPS = 6443
# systemd's other half: the descriptors from 3 on, and the number of the process that they are for.
GIVE = """
import fcntl, os, sys
given = [int(n) for n in sys.argv[1].split(",") if n]
high = [fcntl.fcntl(n, fcntl.F_DUPFD, 200) for n in given]
for fd in given:
    os.close(fd)
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """A service manager with a store of descriptors, of one node."""

    def __init__(self, node):
        self.node, self.store, self.said = node, {}, []
        self.path = os.path.join(node.dir, "notify")
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(self.path)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            text, extra, _, _ = self.ear.recvmsg(4096, socket.CMSG_SPACE(4))
            fds = array.array("i")
            for _, kind, data in extra:
                assert kind == socket.SCM_RIGHTS
                fds.frombytes(data)
            self.heard(dict(line.split("=", 1) for line in text.decode().splitlines()), list(fds))

    def heard(self, words, fds):
        name = words.get("FDNAME")
        assert name is None or (name.isprintable() and name.isascii() and ":" not in name and len(name) < 256), name
        if "FDSTOREREMOVE" in words:
            os.close(self.store.pop(name))
        if "FDSTORE" in words:
            assert name not in self.store and len(fds) == 1
            self.store[name] = fds[0]
        self.said.append(words)

    def start(self):
        node, names = self.node, list(self.store)
        fds = [self.store[name] for name in names]
        self.said.clear()
        with open(node.log, "ab") as log:
            node.process = subprocess.Popen(
                [*node.enter, sys.executable, "-c", GIVE, ",".join(map(str, fds)), ":".join(names), BINARY, "-c", node.ini],
                env={**os.environ, "NOTIFY_SOCKET": self.path}, pass_fds=fds, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

        def ready():
            assert node.process.poll() is None, node.logged()
            return {"READY": "1"} in self.said
        eventually(ready, 30)

    def close(self):
        self.node.close()
        for fd in self.store.values():
            os.close(fd)


@pytest.fixture
def manager():
    node = Knetd(ini=f"[api]\nlisten = 127.0.0.1:{HTTPS}, [::1]:{HTTPS}\n")
    m = Manager(node)
    try:
        m.start()
        yield m
    finally:
        m.close()


def test_the_sockets_are_kept(manager):
    node = manager.node
    assert sorted(manager.store) == ["api tcp 127.0.0.1 6443", "api tcp ||1 6443", f"api unix {node.socket}"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_who_connects_meanwhile_waits(manager, end):
    """No daemon runs for a while; the questions of that time are answered by the next one."""
    node = manager.node
    before = dict(manager.store)
    node.stop(end)
    c = UnixConnection(node.socket, timeout=60)
    c.request("GET", "/readyz")
    with inside(node.netns):
        tcp = [socket.create_connection((ip, HTTPS), 60) for ip in ("127.0.0.1", "::1")]
    manager.start()
    assert c.getresponse().status == 200
    for s in tcp:
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")  # no TLS: it says so, or hangs up
        s.recv(1)
        s.close()
    c.close()
    assert manager.store.keys() == before.keys()
    assert node.api("GET", "/readyz")[0] == 200
    node.stop(end)
    manager.start()
    assert node.api("GET", "/readyz")[0] == 200


def test_a_socket_that_is_not_configured_any_more(manager):
    """It is closed, here and in the store."""
    node = manager.node
    with open(node.ini, encoding="utf-8") as f:
        text = f.read()
    with open(node.ini, "w", encoding="utf-8") as f:
        f.write(text.replace(f"127.0.0.1:{HTTPS}, ", ""))
    node.stop()
    manager.start()
    assert len(manager.store) == 2
    with inside(node.netns):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", HTTPS), 10)
        socket.create_connection(("::1", HTTPS), 10).close()


def test_descriptors_for_somebody_else(manager):
    """LISTEN_PID of another process: they are not ours, and nothing is lost by it."""
    node = manager.node
    node.stop()
    with open(node.log, "ab") as log:
        node.process = subprocess.Popen([*node.enter, BINARY, "-c", node.ini], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "7", "LISTEN_FDNAMES": "a:b"})
    # the manager here still holds the ports: they cannot be bound
    assert node.process.wait(30) == 1
    assert "Address in use" in node.logged() or "Address already in use" in node.logged()


def test_how_long(manager):
    """A client that asks all the time: nobody is refused, and it prints the longest answer."""
    node, over, waits, failed = manager.node, threading.Event(), [], []

    def ask():
        while not over.is_set():
            begin = time.monotonic()
            try:
                node.api("GET", "/api/v1/namespaces/default")
                waits.append(time.monotonic() - begin)
            except http.client.RemoteDisconnected:
                failed.append("asked while it ended")  # it was accepted, and not read any more
            except OSError as e:
                failed.append(repr(e))
            time.sleep(0.002)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(3):
            time.sleep(0.2)
            node.stop()
            manager.start()
        time.sleep(0.2)
    finally:
        over.set()
        thread.join()
    print(f"{len(waits)} answers, the longest after {max(waits) * 1000:.0f} ms; {failed}")
    assert not any("refused" in f or "No such file" in f for f in failed), failed
