"""The clock jumps, forward and back: nothing that is under way notices, and what has times in it stays right. The clock is the
whole machine's, so only where the machine is ours: `vm/flows.sh tests/soak/test_clock.py`."""

import json
import os
import re
import socket
import ssl
import struct
import time

import pytest

from soak_world import DNS, HTTP, SLOW, service
from daemon import Knetd, Watch, inside
from pods import CniError, Pod, eventually
from soak_traffic import request
from test_dns import Stub

OURS = os.environ.get("KNETD_SOAK_CLOCK") == "1"
HOUR, DAY = 3600, 86400
MAPS, SERVICES, PODS = (f"/api/v1/namespaces/default/{kind}" for kind in ("configmaps", "services", "pods"))
INI = "[api]\nlisten = 127.0.0.1:6443\n[dns]\nupstreams = 127.0.0.53\n"

pytestmark = pytest.mark.skipif(not OURS, reason="the clock of this machine is not ours")


class Node:
    """A pod that serves, one that asks, a Service between them, an upstream of DNS; what has to go on over each jump."""

    def __init__(self):
        self.knetd = Knetd(ini=INI)
        self.knetd.start()
        self.stub = Stub(self.knetd, "127.0.0.53")
        self.web, self.client = (Pod(self.knetd, name, annotations={"knetd.io/labels": f"app={name}"}) for name in ("web", "client"))
        self.web.serve(HTTP)
        status, answer = self.knetd.api("POST", SERVICES, service("web", "web", [{"port": 80, "targetPort": HTTP}]))
        assert status == 201, answer
        self.ip, self.serial, self.version = answer["spec"]["clusterIP"], 0, 0
        self.talk = eventually(self.dial, 30 * SLOW)

    def dial(self):
        with inside(self.client.netns):
            return socket.create_connection((self.ip, 80), 10 * SLOW)

    def close(self):
        self.talk.close()
        for pod in (self.web, self.client):
            pod.remove()
        self.stub.close()
        self.knetd.close()

    def ask(self, name):
        """rcode, and the TTLs of what was answered."""
        with inside(self.client.netns):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.settimeout(10 * SLOW)
            s.sendto(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\1\0\1", (DNS[4], 53))
            answer = s.recv(2048)
        at, ttls = 12 + len(name) + 6, []
        for _ in range(struct.unpack("!H", answer[6:8])[0]):
            ttl, size = struct.unpack("!IH", answer[at + 6:at + 12])
            ttls.append(ttl)
            at += 12 + size
        return answer[3] & 15, ttls

    def write(self):
        """The version of a new object, which is above all before."""
        self.serial += 1
        status, o = self.knetd.api("POST", MAPS, {"metadata": {"name": f"m{self.serial}"}, "data": {}})
        assert status == 201, o
        version = int(o["metadata"]["resourceVersion"])
        assert version > self.version, "a version that was there before"
        self.version = version
        return o["metadata"]["name"]

    def https(self):
        """By certificate and token, as a client does."""
        pki = os.path.join(self.knetd.dir, "state", "pki")
        with open(f"{pki}/token", encoding="ascii") as f:
            token = f.read().strip()
        with inside(self.knetd.netns):
            raw = socket.create_connection(("127.0.0.1", 6443), 10 * SLOW)
        with ssl.create_default_context(cafile=f"{pki}/ca.crt").wrap_socket(raw, server_hostname="localhost") as s:
            s.sendall(f"GET {MAPS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode())
            return s.recv(100).split()[1]

    def events(self):
        return {o["metadata"]["name"] for o in self.knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"]}

    def refuse(self):
        """An ADD that is refused leaves an Event of it: its name."""
        self.serial += 1
        pod = Pod(self.knetd, f"twice-{self.serial}")
        with pytest.raises(CniError, match="attached already"):
            pod.cni("ADD")
        pod.remove()
        return eventually(lambda: [n for n in self.events() if n.startswith(f"{pod.name}.")], 30 * SLOW)[0]


@pytest.fixture(scope="module", name="node")
def make_node():
    node = Node()
    yield node
    node.close()


def step(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


@pytest.mark.parametrize("seconds", [DAY, -HOUR, -DAY], ids=["a day forward", "an hour back", "a day back"])
def test_nothing_notices(node, seconds):
    name = f"cached-{abs(seconds)}-{seconds > 0}.example"
    rcode, before = node.ask(name)
    assert rcode == 0 and before
    node.stub.seen()
    dead = Pod(node.knetd, "dead")
    watch = Watch(node.knetd, f"{MAPS}?resourceVersion={node.knetd.api('GET', MAPS)[1]['metadata']['resourceVersion']}", timeout=60 * SLOW)
    with watch:
        assert node.knetd.api("DELETE", f"{PODS}/dead", {"gracePeriodSeconds": 3})[0] in (200, 202)
        step(seconds)
        made = node.write()
        assert watch.told(1) == [("ADDED", made)]
    request(node.talk, "x", "/still", last=False)
    node.dial().close()
    rcode, after = node.ask(name)
    assert rcode == 0 and max(after) <= max(before), (before, after)
    assert node.ask("web.default.svc.cluster.local")[0] == 0
    assert node.https() == b"200"
    eventually(lambda: node.knetd.api("GET", f"{PODS}/dead")[0] == 404, 30 * SLOW)  # its grace is three seconds, whatever the clock
    dead.remove()
    late = Pod(node.knetd, "late")
    late.remove()
    time.sleep(1)
    assert node.knetd.api("GET", f"{MAPS}/{made}")[0] == 200


@pytest.mark.parametrize("seconds", [DAY, -HOUR, -DAY], ids=["a day forward", "an hour back", "a day back"])
def test_a_start_behind_it(node, seconds):
    """The store's versions go on where they were, the certificate is good, Events live their time."""
    told, made = node.refuse(), node.write()
    node.knetd.stop()
    step(seconds)
    node.knetd.start()
    assert node.knetd.api("GET", f"{MAPS}/{made}")[0] == 200
    node.write()
    assert node.https() == b"200"
    assert node.refuse() in node.events()
    eventually(lambda: (told in node.events()) == (seconds < 0), 30 * SLOW)  # an hour is theirs: a day later they are gone
    request(node.talk, "x", "/still", last=False)
    assert json.dumps(node.knetd.api("GET", PODS)[1]).count('"podIP"') >= 2
    assert not re.search(r"(?m)^<[0-3]>", node.knetd.logged()), node.knetd.logged()[-2000:]
