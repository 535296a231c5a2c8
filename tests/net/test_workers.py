"""The processes that read strangers' bytes: what they may, and that nobody notices when one of them, the
control process or the binary is replaced."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import daemon as daemon_module  # noqa: E402
from pods import eventually  # noqa: E402

# Asks DNS over UDP and the ingress over new TCP connections until standard input ends; tells how many
# questions it asked and what went wrong. A datagram gets one second: none may be lost.
ASK = r"""
import select, socket, struct, sys
name = b"".join(bytes([len(l)]) + l for l in b"dns-version.cluster.local".split(b".")) + b"\0"
asked, wrong, n = 0, [], 0
while asked < 60 or not select.select([sys.stdin], [], [], 0.001)[0]:
    n += 1
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(1)
    try:
        u.sendto(struct.pack("!6H", n % 65536, 0, 1, 0, 0, 0) + name + b"\0\x10\0\1", ("10.96.0.10", 53))
        r = u.recv(512)
        if r[3] & 15 or not r[7]:
            wrong.append("dns %d: %s" % (n, r[:8].hex()))
    except OSError as e:
        wrong.append("dns %d: %r" % (n, e))
    u.close()
    try:
        t = socket.create_connection(("127.0.0.1", 80), 5)
        t.sendall(b"GET / HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n")
        if not t.recv(100).startswith(b"HTTP/1.1 404"):
            wrong.append("http %d" % n)
        t.close()
    except OSError as e:
        wrong.append("http %d: %r" % (n, e))
    asked += 1
print(asked, wrong)
"""


class Asking:
    """Questions in the background; on exit none of them was answered wrongly or not at all."""

    def __init__(self, node):
        self.enter = node.enter

    def __enter__(self):
        self.process = subprocess.Popen([*self.enter, sys.executable, "-c", ASK], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.3)  # some before the change
        return self

    def __exit__(self, kind, *_):
        out, _ = self.process.communicate(timeout=30)
        asked, wrong = out.split(" ", 1)
        if kind is None:
            assert wrong.strip() == "[]"
            assert int(asked) > 50


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def metric(node, name):
    text = node.api("GET", "/metrics")[1]
    return sum(float(v) for v in re.findall(rf"^{name}(?:{{.*}})? ([0-9.e+]+)$", text, re.M))


@pytest.fixture
def node(knetd_factory):
    return knetd_factory(workers=2)


def test_what_a_worker_may(node):
    found = node.workers()
    assert set(found) == {"dns-0", "dns-1", "ingress-0", "ingress-1"}
    for name, pid in found.items():
        s = status_of(pid)
        assert s["Uid"].split() == s["Gid"].split() == ["65534"] * 4, name
        assert s["Groups"].strip() == "", name
        assert {s[f"Cap{c}"] for c in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}, name
        assert (s["NoNewPrivs"], s["Seccomp"]) == ("1", "2"), name
        assert os.listdir(f"/proc/{pid}/root") == [], name
        for fd in os.listdir(f"/proc/{pid}/fd"):
            to = os.readlink(f"/proc/{pid}/fd/{fd}")
            if int(fd) > 2:
                assert to.startswith(("socket:", "anon_inode:", "/memfd:knetd-counters")), (name, to)


@pytest.mark.parametrize("which", ["control", "worker"])
def test_relocated_tables_are_read_only(node, which):
    """The last page of RELRO in the file is where .data begins: what is writable of the binary is small."""
    pid = node.workers()["dns-0"] if which == "worker" else node.pids()[0]
    exe = os.path.realpath(f"/proc/{pid}/exe")
    head = subprocess.run(["readelf", "-lW", exe], capture_output=True, text=True, check=True).stdout
    at, size = (int(x, 16) for x in re.search(r"GNU_RELRO +\S+ (\S+) \S+ \S+ (\S+)", head).groups())
    base = None
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        for line in f:
            span, mode = line.split()[:2]
            lo, hi = (int(x, 16) for x in span.split("-"))
            assert not ("w" in mode and "x" in mode)
            if base is None and line.rstrip().endswith(exe):
                base = lo
            if base is not None and lo <= base + at < hi:
                assert mode.startswith("r--"), line
                assert hi >= (base + at + size) & -4096
                return
    pytest.fail("RELRO is not mapped")


def test_killed_worker_comes_again(node):
    before = node.workers()
    with Asking(node):
        time.sleep(0.5)
    answered = metric(node, "coredns_dns_requests_total")
    os.kill(before["dns-0"], signal.SIGKILL)
    os.kill(before["ingress-1"], signal.SIGKILL)
    after = eventually(lambda: len(w := node.workers()) == 4 and w, 5)
    assert after["dns-1"] == before["dns-1"] and after["ingress-0"] == before["ingress-0"]
    assert after["dns-0"] != before["dns-0"] and after["ingress-1"] != before["ingress-1"]
    assert metric(node, "coredns_dns_requests_total") >= answered > 50
    with Asking(node):
        time.sleep(0.5)
    eventually(lambda: metric(node, "knetd_dns_workers") == 2)


def test_control_process_killed(node):
    before = node.workers()
    with Asking(node):
        for _ in range(3):
            node.stop(signal.SIGKILL)
            time.sleep(0.3)
            node.start()
            assert node.workers() == before
    answered = metric(node, "coredns_dns_requests_total")
    assert answered > 50  # the page is the worker's: its counts are not lost with the control process


def test_stopped_and_started(node):
    before = node.workers()
    with Asking(node):
        node.stop()
        time.sleep(0.3)
        node.start()
    assert node.workers() == before


def test_other_build(node, monkeypatch, tmp_path):
    """Another binary brings its own workers, on the very same sockets."""
    before = node.workers()
    other = tmp_path / "knetd"
    shutil.copy(daemon_module.BINARY, other)
    with open(other, "ab") as f:
        f.write(b"another build")
    monkeypatch.setattr(daemon_module, "BINARY", str(other))
    with Asking(node):
        node.stop(signal.SIGKILL)
        node.start()
        after = eventually(lambda: len(w := node.workers()) == 4 and not set(w.values()) & set(before.values()) and w,
                           15)
    assert set(after) == set(before)
    eventually(lambda: not set(node.pids()) & set(before.values()), 15)


def test_same_build_after_the_file_was_replaced(knetd_factory, monkeypatch, tmp_path):
    """The running daemon starts workers of its own build, whatever lies at its path meanwhile."""
    mine = tmp_path / "knetd"
    shutil.copy(daemon_module.BINARY, mine)
    monkeypatch.setattr(daemon_module, "BINARY", str(mine))
    node = knetd_factory(workers=1)
    mine.unlink()
    mine.write_text("something else")
    os.kill(node.workers()["dns-0"], signal.SIGKILL)
    eventually(lambda: len(node.workers()) == 2, 5)
    with Asking(node):
        time.sleep(0.5)


def restart_with(node, n):
    node.stop()
    with open(node.ini, encoding="utf-8") as f:
        text = re.sub(r"workers = \d+", f"workers = {n}", f.read())
    with open(node.ini, "w", encoding="utf-8") as f:
        f.write(text)
    node.start()


def test_fewer_and_more_workers(node):
    before = node.workers()
    with Asking(node):
        restart_with(node, 1)
    eventually(lambda: node.workers() == {k: before[k] for k in ("dns-0", "ingress-0")}, 15)
    with Asking(node):
        restart_with(node, 3)
    after = node.workers()
    assert len(after) == 6 and after["dns-0"] == before["dns-0"]


# Connections that do not end, in whatever worker the kernel puts them.
HOLD = r"""
import socket, sys
held = [socket.create_connection(("127.0.0.1", 80)) for _ in range(16)]
for c in held:
    c.sendall(b"GET / HTTP/1.1\r\nHost: nobody\r\nX")
print("held", flush=True)
sys.stdin.read()
"""


def test_leaving_worker_gets_no_more_clients(node):
    """It may have to stay for long, but not for new ones."""
    with subprocess.Popen([*node.enter, sys.executable, "-c", HOLD], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hold:
        assert hold.stdout.readline() == "held\n"
        restart_with(node, 1)
        with Asking(node):
            time.sleep(0.3)
        assert "ingress-1" in node.workers()
        hold.stdin.close()
    eventually(lambda: "ingress-1" not in node.workers(), 5)


def test_remove_ends_them(node):
    node.stop()
    node.start("-x")
    assert len(node.workers()) == 4
    node.stop()
    eventually(lambda: not node.workers(), 5)
    assert not [f for f in os.listdir(f"{node.dir}/run/workers") if f.endswith(".sock")]
