"""DNS servers to compare with: each answers the same names with one thread, in a namespace it is given.

  knot      the zone from a file, and example.com beside it
  unbound   the zone as auth-zone, a cache before the upstream
  dnsmasq   the zone as a hosts file, a cache before the upstream
  coredns   the zone by its file plugin, a cache before the upstream; built by `go` where there is one

The upstream is knot again, in the same namespace. What a package or a toolchain is missing for is left out."""

import contextlib
import os
import shutil
import subprocess
import time

PACKAGES = {"knotd": "knot", "unbound": "unbound", "dnsmasq": "dnsmasq-base", "dnsperf": "dnsperf"}
COREDNS = "github.com/coredns/coredns@v1.12.4"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UPSTREAM = 5399

KNOT = """
server:
    listen: 127.0.0.1@{port}
    rundir: {d}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {d}
zone:
"""
KNOT_ZONE = """  - domain: {name}
    file: {file}
    zonefile-sync: -1
    journal-content: none
"""
UNBOUND = """
server:
    interface: 127.0.0.1@{port}
    num-threads: 1
    use-syslog: no
    logfile: ""
    verbosity: 0
    username: ""
    chroot: ""
    directory: "{d}"
    pidfile: ""
    module-config: "iterator"
    do-not-query-localhost: no
    msg-cache-size: 64m
    rrset-cache-size: 64m
    minimal-responses: yes
auth-zone:
    name: "cluster.local."
    zonefile: "{zone}"
    for-upstream: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
remote-control:
    control-enable: no
"""
COREFILE = """
cluster.local:{port} {{
    bind 127.0.0.1
    file {zone}
}}
.:{port} {{
    bind 127.0.0.1
    cache 3600
    forward . 127.0.0.1:{upstream}
}}
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def needs():
    missing = [p for program, p in PACKAGES.items() if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")]
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, stdout=subprocess.DEVNULL)


def coredns():
    """Its binary, None where it cannot be had."""
    built = os.path.join(ROOT, "build", "peers", "coredns")
    if not os.path.exists(built) and not shutil.which("coredns") and shutil.which("go"):
        subprocess.run(["go", "install", "-ldflags", "-s -w", COREDNS], check=False, timeout=1200, capture_output=True,
                       env={**os.environ, "GOBIN": os.path.dirname(built), "CGO_ENABLED": "0"})
    return built if os.path.exists(built) else shutil.which("coredns")


def cpu_ns(pids):
    """Processor time of all their threads, the kernel's work for them included."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total


def pss_kb(pids):
    """Memory, what is shared counted once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


class Server:
    """One process in a namespace, pinned to the first processor."""

    def __init__(self, name, netns, port, argv, env=None):
        self.name, self.netns, self.ip, self.port = name, netns, "127.0.0.1", port
        self.process = subprocess.Popen(["ip", "netns", "exec", netns, "taskset", "-c", "0", *argv],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.pids = [self.process.pid]

    def close(self):
        self.process.terminate()
        self.process.wait()


def knot(netns, d, port, zones, name="knot"):
    os.makedirs(d)
    conf = KNOT.format(port=port, d=d) + "".join(KNOT_ZONE.format(name=z, file=f) for z, f in zones.items())
    return Server(name, netns, port, ["/usr/sbin/knotd", "-c", write(f"{d}/knot.conf", conf)])


def unbound(netns, d, port, zone):
    os.makedirs(d)
    conf = UNBOUND.format(port=port, d=d, zone=zone, upstream=UPSTREAM)
    return Server("unbound", netns, port, ["/usr/sbin/unbound", "-d", "-c", write(f"{d}/unbound.conf", conf)])


def dnsmasq(netns, d, port, hosts):
    os.makedirs(d)
    return Server("dnsmasq", netns, port, [
        "/usr/sbin/dnsmasq", "-k", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
        "--user=root", "--cache-size=10000", "--local=/cluster.local/", f"--addn-hosts={hosts}", "--conf-file=/dev/null",
        f"--server=127.0.0.1#{UPSTREAM}", "--pid-file=", "--log-facility=-", "--local-ttl=5", "--dns-forward-max=1000"])


def corefile(netns, d, port, zone, binary):
    os.makedirs(d)
    conf = COREFILE.format(port=port, zone=zone, upstream=UPSTREAM)
    return Server("coredns", netns, port, [binary, "-conf", write(f"{d}/Corefile", conf)], env={"GOMAXPROCS": "1"})


def answers(server, name):
    """Waits until it answers that name with an address."""
    end = time.monotonic() + 60
    while not subprocess.run(["ip", "netns", "exec", server.netns, "dig", f"@{server.ip}", "-p", str(server.port), "+short", "+tries=1",
                              "+time=1", name], capture_output=True, text=True, check=False).stdout.strip()[:1].isdigit():
        assert time.monotonic() < end, f"{server.name} does not answer {name}"
        time.sleep(0.05)
