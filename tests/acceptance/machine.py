"""A machine to type what documents say at: namespaces and files of its own (machine.sh), and one shell that keeps its
variables, functions and background jobs from command to command."""

import functools
import os
import select
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{ROOT}/tests", f"{ROOT}/tests/containerd"]
from clients import CLIENTS, kubectl  # noqa: E402
from images import image  # noqa: E402
from kit import CACHE, package  # noqa: E402



@functools.cache
def installed():
    """What makes a machine one where knetd has been for a while: `make install`, done once, and the service started."""
    made = f"{ROOT}/build/documents"
    shutil.rmtree(made, ignore_errors=True)
    subprocess.run(["make", "-s", "-C", ROOT, "install", f"DESTDIR={made}"], check=True, stdout=subprocess.DEVNULL)
    return f"cp -a {made}/. /\nsystemctl enable --now knetd\ncd /var/tmp/here\n"


class Dead(Exception):
    """The shell ended (with `set -e`: a command failed), or a command took too long."""


class Machine:
    def __init__(self, node):
        begin = installed() if node else ""
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child",
                                        f"{HERE}/machine.sh", ROOT, f"{HERE}/machine"], stdout=subprocess.PIPE, text=True)
        self.shell = None
        if self.holder.stdout.readline() != "ready\n":
            self.close()
            raise Dead("the machine does not start")
        with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children", encoding="ascii") as f:
            self.pid = f.read().split()[0]
        self.root = f"/proc/{self.pid}/root"
        self.keep()
        self.begin()
        self.type(f"cd {ROOT}\n{begin}")

    def keep(self):
        """What a machine would have from elsewhere: packages that its apt-get finds, clients, an image in place of a registry's."""
        for name in ("containerd", "runc"):
            package("bookworm", name)
        for file, name in ((CACHE, "/run/kept"), (kubectl("1.32"), "/usr/local/bin/"), (f"{CLIENTS}/cnitool", "/usr/local/bin/")):
            subprocess.run([*self.enter(), "ln", "-s", file, name], check=True)
        image(f"{self.root}/run/busybox.tar")

    def enter(self):
        return ["nsenter", "-t", self.pid, "-m", "-n", "-p", "-u", "-i", "--"]

    def begin(self):
        """Commands go in by the shell's standard input, as files to read; their status comes back by another pipe."""
        told, tell = os.pipe()
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
               "CONTAINERD_SNAPSHOTTER": "native", "CHECKOUT": ROOT}
        self.shell = subprocess.Popen([*self.enter(), "bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, text=True, env=env,
                                      pass_fds=[tell], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(tell)
        self.told = told
        self.shell.stdin.write(f"exec 9>&{tell} {tell}>&-; shopt -s expand_aliases\n")

    def type(self, script, strict=True, seconds=90):
        """(status, output) of a script; strict: any command that fails ends it, and the shell."""
        with open(f"{self.root}/run/typed", "w", encoding="utf-8") as f:
            f.write(script + "\n")
        flag = "set -eE -o pipefail" if strict else "set +eE +o pipefail"
        self.shell.stdin.write(f"{flag}; . /run/typed </dev/null >/run/said 2>&1 9>&-; echo $? >&9\n")
        self.shell.stdin.flush()
        status = self.wait(time.monotonic() + seconds)
        with open(f"{self.root}/run/said", encoding="utf-8", errors="replace") as f:
            said = f.read()
        if status is None or (strict and status):
            raise Dead(f"{'no end after some time' if status is None else 'failed'}:\n{script}\n--- it said:\n{said[-4000:]}")
        return status, said

    def wait(self, end):
        """The status that the shell tells; 1 when it is gone, None when time is up."""
        if not select.select([self.told], [], [], max(0, end - time.monotonic()))[0]:
            return None
        told = os.read(self.told, 100)
        return int(told) if told else 1

    def write(self, name, text):
        """A file in the shell's folder."""
        self.type(f"mkdir -p \"$(dirname '{name}')\" && cat >'{name}' <<'END_OF_FILE'\n{text}END_OF_FILE")

    def close(self):
        """Namespaces end with their first process, and all that runs in them."""
        self.holder.kill()
        self.holder.wait()
        if self.shell:
            self.shell.stdin.close()
            self.shell.wait()
            os.close(self.told)
