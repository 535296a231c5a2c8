#!/usr/bin/python3
"""Boot of the machine of vm/: from the start of QEMU to the first answer of the API and to the first page of an
Ingress, beside the same kernel with an init that does nothing; memory of the whole machine; wake-ups of an
idle knetd; sizes.

    tests/bench/boot.py [BOOTS] [IDLE SECONDS]

Processor time is QEMU's: under emulation and on a busy machine it says more than the clock."""

import contextlib
import http.client
import http.server
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOOTS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
IDLE = int(sys.argv[2]) if len(sys.argv) > 2 else 60
LIMIT = 300

EMPTY = r"""
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>
int main(void)
{
	mount("d", "/dev", "devtmpfs", 0, 0);
	int fd = open("/dev/console", O_WRONLY);
	if (write(fd, "empty init\n", 11) == 11)
		pause();
	return 1;
}
"""

PAGE = """apiVersion: v1
kind: Service
metadata: {name: page, namespace: default}
spec: {ports: [{port: 80, targetPort: %(port)d}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: page, namespace: default, labels: {kubernetes.io/service-name: page}}
addressType: IPv4
endpoints: [{addresses: [10.0.2.2]}]
ports: [{port: %(port)d, protocol: TCP}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: page, namespace: default}
spec:
  rules:
  - host: page.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: page, port: {number: 80}}}}]}
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"page\n")

    def log_message(self, *_):
        pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def pack(folder, out):
    subprocess.run(f"cd {folder} && find . -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet >{out}", shell=True, check=True)


def get(port, path, host="x"):
    # QEMU takes the connection before the machine has a network, and then says it again after seconds alone
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
    try:
        c.request("GET", path, headers={"Host": host})
        answer = c.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        c.close()


class Boot:
    def __init__(self, directory, initramfs, forwards=""):
        self.console = f"{directory}/console"
        with open(self.console, "w", encoding="ascii"):
            pass
        self.began = time.monotonic()
        self.qemu = subprocess.Popen([f"{ROOT}/vm/qemu.sh", "256", forwards, "", "-initrd", initramfs, "-monitor", "none",
                                      "-serial", f"file:{self.console}"], cwd=ROOT)

    def until(self, true):
        """Seconds of the clock and of QEMU's processor time."""
        while not true():
            if time.monotonic() - self.began > LIMIT or self.qemu.poll() is not None:
                sys.exit(f"no answer: {self.said()[-1000:]}")
            time.sleep(0.02)
        with open(f"/proc/{self.qemu.pid}/stat", encoding="ascii") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return time.monotonic() - self.began, (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def said(self):
        with open(self.console, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        self.qemu.kill()
        self.qemu.wait()


def layers(directory, image, port):
    """The archives: one whose init does nothing, and one with a page's manifests and a door for questions."""
    empty, more = f"{directory}/e", f"{directory}/m"
    os.makedirs(empty)
    with open(f"{directory}/empty.c", "w", encoding="ascii") as f:
        f.write(EMPTY)
    subprocess.run(["gcc", "-Os", "-static", "-s", "-o", f"{empty}/init", f"{directory}/empty.c"], check=True)
    os.makedirs(f"{empty}/dev")
    pack(empty, f"{directory}/empty")
    for folder in ("bin", "etc/knetd/manifests", "www/cgi-bin"):
        os.makedirs(f"{more}/{folder}")
    shutil.copy("/bin/busybox", f"{more}/bin/busybox")
    with open(f"{more}/etc/knetd/manifests/page.yaml", "w", encoding="ascii") as f:
        f.write(PAGE % {"port": port})
    with open(f"{ROOT}/rootfs/etc/knetd.ini", encoding="utf-8") as f:
        ini = f.read()
    with open(f"{more}/etc/knetd.ini", "w", encoding="utf-8") as f:
        f.write(ini + "run = /bin/busybox httpd -f -p 9001 -h /www\n")
    for name, script in (("memory", "cat /proc/meminfo"), ("switches", "cat /proc/[0-9]*/status")):
        path = f"{more}/www/cgi-bin/{name}"
        with open(path, "w", encoding="ascii") as f:
            f.write(f'#!/bin/busybox sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"; {script.replace("cat", "/bin/busybox cat")}\n')
        os.chmod(path, 0o755)
    pack(more, f"{directory}/more")
    with open(f"{directory}/knetd", "wb") as out:
        for layer in (f"{ROOT}/{image}/initramfs", f"{directory}/more"):
            with open(layer, "rb") as f:
                shutil.copyfileobj(f, out)


def switches(text):
    """Process -> how often it has gone to sleep, of knetd's processes."""
    found, name, pid = {}, "", 0
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "Name":
            name = value.strip()
        elif key == "Pid":
            pid = int(value)
        elif key == "voluntary_ctxt_switches" and ("knetd" in name or name == "init"):
            found[f"{name}/{pid}"] = int(value)
    return found


def idle(door):
    before = switches(get(door, "/cgi-bin/switches")[1])
    time.sleep(IDLE)
    after = switches(get(door, "/cgi-bin/switches")[1])
    return {name: (after[name] - before[name]) / IDLE for name in before if name in after}


def row(name, values):
    wall, cpu = zip(*values)
    print(f"{name:34} {statistics.median(wall):6.2f} s  processor {statistics.median(cpu):6.2f} s"
          f"   ({min(cpu):.2f}-{max(cpu):.2f})")
    return statistics.median(wall), statistics.median(cpu)


def sizes(image):
    print("\nsizes (bytes)                      file          as xz")
    for arch in ("x86_64", "aarch64", "armhf", "riscv64"):
        path = f"{ROOT}/build/{arch}/knetd"
        if os.path.exists(path):
            xz = len(subprocess.run(["xz", "--check=crc32", "-9ec", path], stdout=subprocess.PIPE, check=True).stdout)
            print(f"knetd {arch:26} {os.path.getsize(path):9}      {xz:9}   an initramfs without modules is this and an INI file")
    path = f"{ROOT}/{image}/initramfs"
    xz = len(subprocess.run(["xz", "--check=crc32", "-9ec", path], stdout=subprocess.PIPE, check=True).stdout)
    print(f"{'initramfs of make vm, modules too':32} {os.path.getsize(path):9}      {xz:9}")


def main():
    image = subprocess.run([f"{ROOT}/vm/build.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    empty, api, page = [], [], []
    with tempfile.TemporaryDirectory() as directory:
        layers(directory, image, backend.server_address[1])
        for n in range(BOOTS):
            with contextlib.closing(Boot(directory, f"{directory}/empty")) as boot:
                empty.append(boot.until(lambda b=boot: "empty init" in b.said()))
            ports = [free_port() for _ in range(3)]
            forwards = f"{ports[0]}:8080 {ports[1]}:80 {ports[2]}:9001"
            with contextlib.closing(Boot(directory, f"{directory}/knetd", forwards)) as boot:
                api.append(boot.until(lambda p=ports: get(p[0], "/readyz")[0] == 200))
                page.append(boot.until(lambda p=ports: get(p[1], "/", "page.example") == (200, "page\n")))
                if n == BOOTS - 1:
                    time.sleep(5)
                    memory = dict(line.split()[:2] for line in get(ports[2], "/cgi-bin/memory")[1].splitlines())
                    woken = idle(ports[2])
    print(f"{BOOTS} boots each, medians")
    base = row("an init that does nothing", empty)
    for name, values in (("the API answers", api), ("an Ingress serves a page", page)):
        wall, cpu = row(name, values)
        print(f"{'':34} {wall / base[0]:6.2f} x  processor {cpu / base[1]:6.2f} x")
    total, available = int(memory["MemTotal:"]), int(memory["MemAvailable:"])
    print(f"\nmemory: {(total - available) / 1024:.1f} MB used of {total / 1024:.1f} MB (MemTotal - MemAvailable), busybox httpd included")
    print(f"wake-ups a second of an idle machine, over {IDLE} s: {sum(woken.values()):.2f} in all; " +
          ", ".join(f"{name} {rate:.2f}" for name, rate in sorted(woken.items())))
    sizes(image)


if __name__ == "__main__":
    main()
