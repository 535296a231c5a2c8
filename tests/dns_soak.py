"""A soak of cluster DNS: a pod asks without pause for names that do not change, while everything else does.

Services, namespaces, endpoints and pods come and go, workers are killed, the daemon is stopped, killed and started.
Every answer must be the right one; lost may be what a killed worker had in its hands, and nothing else; memory and
descriptors of the control process and the workers must not grow. tests/net/test_dns_soak.py does it for seconds,
tests/bench/dns_soak.py for minutes.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "net"))
from test_dns import V4, ZONE, Stub, ask, data, endpoints, rcode, service  # noqa: E402
from daemon import Knetd, private_kb  # noqa: E402
from pods import Pod, eventually  # noqa: E402

WINDOW = 64  # questions on their way at once
SERVICES = "/api/v1/namespaces/{}/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

# Sends WINDOW questions, takes their answers, and so on until standard input ends. Each question's first answer is what
# the later ones are held against: rcode and the records' data, whatever their order. Prints asked, lost and wrong.
SENDER = r"""
import json, os, select, socket, struct, sys, time
server, window, questions = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])

def wire(name, rdtype):
    return b"".join(bytes([len(l)]) + l.encode() for l in name.rstrip(".").split(".")) + b"\0" + struct.pack("!2H", rdtype, 1)

def skip(p, at):
    while p[at]:
        if p[at] >= 0xc0:
            return at + 2
        at += p[at] + 1
    return at + 1

def content(p, n):
    at, out = 12 + n, []
    for _ in range(struct.unpack("!H", p[6:8])[0]):
        at = skip(p, at)
        rdtype, _, _, size = struct.unpack("!2HIH", p[at:at + 10])
        out.append((rdtype, p[at + 10:at + 10 + size]))
        at += 10 + size
    return p[3] & 15, sorted(out)

asked = [wire(*q) for q in questions]
right = [None] * len(asked)
total, lost, wrong, serial, slowest = 0, 0, [], 0, 0.0
while not select.select([sys.stdin], [], [], 0)[0]:
    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.connect((server, 53))
    waiting, began = {}, time.monotonic()
    for _ in range(window):
        serial = (serial + 1) % 65536
        q = asked[serial % len(asked)]
        waiting[serial] = serial % len(asked)
        try:
            s.send(struct.pack("!6H", serial, 0x100, 1, 0, 0, 0) + q)
        except OSError as e:
            wrong.append("send: %s" % e)
    while waiting and time.monotonic() < began + 3:
        if not select.select([s], [], [], 0.2)[0]:
            continue
        try:
            p = s.recv(4096)
        except OSError as e:
            wrong.append("recv: %s" % e)
            continue
        which = waiting.pop(struct.unpack("!H", p[:2])[0], None)
        if which is None:
            wrong.append("an answer that nobody asked for")
            continue
        got = content(p, len(asked[which]))
        if right[which] is None:
            right[which] = got
        elif got != right[which] and len(wrong) < 20:
            wrong.append("%s: %r" % (questions[which], got))
    slowest = max(slowest, time.monotonic() - began)
    total += window
    lost += len(waiting)
    s.close()
print(json.dumps([total, lost, wrong, slowest]))
"""


class Soak:
    """The daemon, the names that stay, and what goes on around them."""

    def __init__(self, workers=2):
        self.random = random.Random(7)
        self.knetd = Knetd(ini="[dns]\nupstreams = 127.0.0.53\n", workers=workers).start()
        self.stub = Stub(self.knetd, "127.0.0.53")
        self.client = Pod(self.knetd, "client")
        web = service(self.knetd, "web", ipFamilyPolicy="RequireDualStack", ports=[{"name": "http", "port": 80}])
        service(self.knetd, "db", clusterIP="None", ports=[{"name": "sql", "port": 5432}])
        endpoints(self.knetd, "db", [("192.0.2.11", "db-0", True), ("192.0.2.12", None, True)], ports=[("sql", 5432)])
        service(self.knetd, "alias", type="ExternalName", externalName=f"web.default.svc.{ZONE}")
        reverse = ".".join(reversed(web["spec"]["clusterIPs"][0].split("."))) + ".in-addr.arpa"
        self.questions = [(f"web.default.svc.{ZONE}", 1), (f"web.default.svc.{ZONE}", 28), (f"db.default.svc.{ZONE}", 1),
                          (f"_sql._tcp.db.default.svc.{ZONE}", 33), (f"alias.default.svc.{ZONE}", 1), (reverse, 12),
                          (f"never.default.svc.{ZONE}", 1), ("outside.example", 1), (f"dns-version.{ZONE}", 16)]
        self.counts = {"services": 0, "namespaces": 0, "slices": 0, "pods": 0, "workers killed": 0, "restarts": 0, "crashes": 0}

    def close(self):
        self.client.remove()
        self.stub.close()
        self.knetd.close()

    # ---- what changes; each leaves things as they were ----

    def services(self):
        name = f"s{self.random.randrange(1000)}"
        made = service(self.knetd, name, ports=[{"port": 80}])
        assert data(ask(self.knetd, f"{name}.default.svc.{ZONE}")) == [made["spec"]["clusterIP"]]
        assert self.knetd.api("DELETE", SERVICES.format("default") + "/" + name)[0] == 200
        assert rcode(ask(self.knetd, f"{name}.default.svc.{ZONE}")) == "NXDOMAIN"

    def namespaces(self):
        name = f"n{self.random.randrange(1000)}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        assert self.knetd.api("POST", "/api/v1/namespaces", body)[0] == 201
        assert rcode(ask(self.knetd, f"{name}.svc.{ZONE}")) == "NOERROR"
        assert self.knetd.api("DELETE", f"/api/v1/namespaces/{name}")[0] == 200
        eventually(lambda: rcode(ask(self.knetd, f"{name}.svc.{ZONE}")) == "NXDOMAIN", 10)

    def slices(self):
        name = f"db-{self.random.randrange(1000)}"
        endpoints(self.knetd, "other", [("192.0.2.77", None, True)], name=name)
        assert self.knetd.api("DELETE", f"{SLICES}/{name}")[0] == 200

    def pods(self):
        Pod(self.knetd, f"p{self.random.randrange(1000)}").remove()

    def kill_worker(self):
        before = self.knetd.workers()
        name = self.random.choice([w for w in before if w.startswith("dns-")])
        os.kill(before[name], signal.SIGKILL)
        eventually(lambda: self.knetd.workers().get(name, before[name]) != before[name], 20)

    def restart(self):
        self.knetd.stop()
        self.knetd.start()

    def crash(self):
        self.knetd.process.kill()
        self.knetd.process.wait()
        self.knetd.start()

    def change(self):
        for what in ("services", "namespaces", "slices", "pods"):
            getattr(self, what)()
            self.counts[what] += 1

    # ---- what is measured ----

    def usage(self):
        """Private memory in KB and descriptors of each process of ours that stays: by what it is."""
        pids = {"control": self.knetd.process.pid, **{k: v for k, v in self.knetd.workers().items() if k.startswith("dns-")}}
        return {k: (private_kb(v), len(os.listdir(f"/proc/{v}/fd"))) for k, v in pids.items()}

    def run(self, seconds, kills=2):
        """Returns what was asked, lost and answered wrongly, and usage before and after the quiet part of the changes."""
        sender = subprocess.Popen(["ip", "netns", "exec", self.client.netns, sys.executable, "-c", SENDER, V4, str(WINDOW),
                                   json.dumps(self.questions)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + seconds
        rough_end = time.monotonic() + seconds * 0.6
        rough = [self.restart, self.kill_worker, self.crash] + [self.kill_worker] * (kills - 1)
        pause = (rough_end - time.monotonic()) / len(rough)
        for i, act in enumerate(rough):
            until = rough_end - pause * (len(rough) - i - 1)
            act()
            name = {"restart": "restarts", "crash": "crashes", "kill_worker": "workers killed"}[act.__name__]
            self.counts[name] += 1
            while time.monotonic() < until:
                self.change()
        self.change()
        before = self.usage()
        while time.monotonic() < end:
            self.change()
        after = self.usage()
        asked, lost, wrong, slowest = json.loads(sender.communicate(timeout=30)[0])
        return {"asked": asked, "lost": lost, "wrong": wrong, "slowest": slowest, "before": before, "after": after}


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    soak = Soak()
    try:
        result = soak.run(minutes * 60, kills=max(2, int(minutes * 4)))
    finally:
        soak.close()
    print("changes:", ", ".join(f"{n} {what}" for what, n in soak.counts.items()))
    for key, value in result.items():
        print(f"{key}: {value}")
    return bool(result["wrong"]) or result["lost"] > WINDOW * soak.counts["workers killed"]
