"""The systemd unit: what it forbids is forbidden, and a node works with what it leaves."""

import os
import re
import socket
import subprocess
import sys

from kit import ROOT, run

sys.path.insert(0, os.path.join(ROOT, "tests"))
from daemon import BINARY, Knetd  # noqa: E402

UNIT = os.path.join(ROOT, "etc", "systemd", "knetd.service")
UNDER = [sys.executable, os.path.join(ROOT, "tests", "unit_file.py")]
# A pod that talks, a Service, a name, an Ingress: each module's kernel objects, and both kinds of workers.
SMOKE = ["tests/net/test_cni.py", "tests/net/test_masquerade.py", "tests/net/test_health_port.py"]


def test_systemd_understands_it(tmp_path):
    with open(UNIT, encoding="utf-8") as f:
        text = f.read().replace("/usr/local/sbin/knetd", BINARY)
    unit = tmp_path / "knetd.service"
    unit.write_text(text)
    assert run("systemd-analyze", "verify", "--man=no", str(unit)) == ""
    said = run("systemd-analyze", "security", "--offline=true", "--threshold=60", "--no-pager", str(unit))
    assert re.search(r"Overall exposure level for knetd.service: [0-5]\.", said), said[-300:]


def test_openrc_script_is_sound():
    run("shellcheck", "-x", "etc/openrc/knetd", "etc/pkg/install.sh", "etc/pkg/deb.sh", "etc/pkg/spdx.sh", "etc/pkg/debian/postinst", "etc/pkg/debian/prerm",
        "etc/pkg/debian/postrm")


def test_what_it_forbids_is_forbidden():
    """The wrapper would prove nothing if it let everything through."""
    tries = ("import ctypes, os, socket\n"
             "libc = ctypes.CDLL(None, use_errno=True)\n"
             "def refused(what): assert what() == -1 and ctypes.get_errno() == 1, what\n"
             "refused(lambda: libc.unshare(0x00020000))\n"  # a mount namespace
             "refused(lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))\n"
             "refused(lambda: libc.swapon(b'/nothing', 0))\n"
             "try: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)\n"
             "except PermissionError: pass\n"
             "else: raise SystemExit('vsock')\n"
             "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()\n"
             "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('CapBnd')][0])\n")
    out = run(*UNDER, "/usr/bin/python3", "-c", tries)
    assert bin(int(out, 16)).count("1") == 12


def test_a_node_works_with_what_it_leaves():
    said = run("/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *SMOKE, KNETD_UNDER=" ".join(UNDER))
    assert " failed" not in said and "passed" in said


def test_the_kernel_check_finds_the_same():
    """What the unit forbids would look like what the kernel lacks, and be done without."""
    assert run(*UNDER, BINARY, "-k") == run(BINARY, "-k")


def told(listener):
    """What is said, but for the sockets that are to be kept (tests/net/test_restart.py)."""
    while (text := listener.recv(400)).startswith(b"FDSTORE=1"):
        pass
    return text


def test_it_says_when_it_is_ready(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        with Knetd() as daemon:
            assert told(listener) == b"READY=1"
            assert daemon.api("GET", "/readyz")[0] == 200
            subprocess.run(["kill", "-HUP", str(daemon.process.pid)], check=True)
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", told(listener))
            assert told(listener) == b"READY=1"
            daemon.process.terminate()
            assert told(listener) == b"STOPPING=1"
            daemon.process.wait(20)
