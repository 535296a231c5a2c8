"""Routes, Gateways, Services, endpoints and certificates change at random while clients ask: whoever's route stays notices
nothing, and neither memory nor descriptors grow. KNETD_SOAK_SECONDS (30) says how long."""

import contextlib
import os
import random
import sys
import threading
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)
from daemon import private_kb  # noqa: E402
from gateway_words import (asks, backend, certs, cors, gateway, grant, listener, match, mirror, parent, redirect, rewrite, route, rule,  # noqa: E402
                           service, slice_of, tells)
from gateway_world import certificate, living, secret  # noqa: E402
from pods import eventually  # noqa: E402

SECONDS = float(os.environ.get("KNETD_SOAK_SECONDS", "30"))
CLIENTS = 3
KIND_MAX = 12  # objects of a kind that come and go
GROWTH_KB = 1024


class Traffic(threading.Thread):
    """Asks the routes that stay, over connections that stay and new ones; keeps what was not as it should be."""

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.world, self.random, self.number = world, random.Random(number), number
        self.over, self.wrong, self.asked, self.pool = threading.Event(), [], 0, {}

    def run(self):
        while not self.over.is_set() and len(self.wrong) < 20:
            host, to = self.random.choice(STAYING)
            secure = host == "site.example"
            how = {"gw": "secure", "port": 443, "sni": host} if secure else {}
            try:
                answer = self.world.ask(f"{host}/{self.asked}", pool=self.pool, **how)
                if answer.status != 200 or answer.header("X-Pod") not in to:
                    self.wrong.append(f"{host}: {answer}")
            except (OSError, AssertionError, ValueError) as e:
                self.wrong.append(f"{host}: {e!r}")
            self.asked += 1
            if self.random.random() < 0.1:
                self.hang_up()
        self.hang_up()

    def hang_up(self):
        for s, f in self.pool.values():
            f.close()
            s.close()
        self.pool.clear()


# What is asked all the time, and who may answer.
STAYING = [("one.stay.example", ("v1",)), ("two.stay.example", ("v1", "v2")), ("three.stay.example", ("v1", "v2", "v3")),
           ("site.example", ("v2",)), ("apps.stay.example", ("app",)), ("hand.stay.example", ("v1", "v2", "v3"))]


def staying():
    return [
        gateway("secure", listener("https", 443, "HTTPS", tls=certs("site"))), grant("stay", "apps", "HTTPRoute", "infra"),
        service("hand"), slice_of("hand", "infra", ["v1", "v2"]),
        route("stay-1", rule("v1"), hosts=["one.stay.example"]), route("stay-2", rule(["v1", "v2"]), hosts=["two.stay.example"]),
        route("stay-3", rule([("v1", 5), ("v2", 3), ("v3", 2)]), hosts=["three.stay.example"]),
        route("stay-4", rule("v2"), to="secure", hosts=["site.example"]), route("stay-5", rule("apps/app"), hosts=["apps.stay.example"]),
        route("stay-6", rule("hand"), hosts=["hand.stay.example"]),
    ]


class Churn:
    """Makes, changes and deletes objects of all sorts, none of which the routes that stay rest on; except certificates and
    endpoints, which change to others as good."""

    def __init__(self, world):
        self.world, self.random, self.there, self.changes = world, random.Random(7), {}, 0

    def filters(self):
        r = self.random
        return r.sample([asks(set="X-A=1"), tells(add="X-B=2", remove="X-C"), mirror("v3"), rewrite(full="/other"), cors(allowOrigins=["*"])],
                        r.randrange(3))

    def rules(self):
        r = self.random
        found = []
        for _ in range(r.randrange(1, 6)):
            if r.random() < 0.2:
                found.append(rule(None, f"/r{r.randrange(9)}", filters=[redirect(301, scheme="https")]))
                continue
            to = [backend(r.choice(["v1", "v2", "v3", "nobody", "apps/app", "web/web", "s1", "s2"]),
                          r.randrange(4)) for _ in range(r.randrange(1, 4))]
            found.append(rule(to, match(f"{r.choice(['', '='])}/p{r.randrange(9)}", headers=r.choice([(), ("x-v=1",)])), filters=self.filters()))
        return found

    def httproute(self, name):
        r = self.random
        hosts = r.sample(["*.churn.example", "*.example", f"{name}.example", "x.stay.example", "*.stay.example"], r.randrange(1, 4))
        return route(name, *self.rules(), to=[parent(r.choice(["edge", "gateway-1", "gateway-2", "nobody"]))], hosts=hosts)

    def gateway(self, name):
        r = self.random
        found = [listener("a", r.choice([80, 8080])), listener("b", 443, "HTTPS", host="b.example", tls=certs(r.choice(["site", "nobody"]))),
                 listener("c", 9000, "TCP")]
        return gateway(name, *found[:r.randrange(1, 4)])

    def service(self, name):
        return service(name, app=self.random.choice(["v1", "v2", "nothing"]))

    def grant(self, name):
        return grant(name, "web", self.random.choice(["HTTPRoute", "TCPRoute"]), "infra")

    def put(self, o):
        """Over what is there."""
        was = self.world.got(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"], o["apiVersion"])
        o["metadata"]["resourceVersion"] = was["metadata"]["resourceVersion"]
        if o["kind"] == "Service":
            o["spec"] = {**was["spec"], **o["spec"]}
        self.world.put(o)

    def change(self):
        r = self.random
        kind = r.choices(["httproute", "gateway", "service", "grant", "hand", "site"], [10, 2, 3, 1, 4, 1])[0]
        self.changes += 1
        if kind == "hand":  # v1 stays among the endpoints
            self.put(self.world.filled(slice_of("hand", "infra", ["v1", *r.sample(["v2", "v3"], r.randrange(3))])))
        elif kind == "site":
            certificate(self.world.folder, "site", ["site.example", f"n{self.changes}.example"], "ca")
            self.put(secret(self.world.folder, "site"))
        else:
            self.come_or_go(kind, {"service": "s"}.get(kind, kind + "-") + str(r.randrange(KIND_MAX if kind != "gateway" else 3)))

    def come_or_go(self, kind, name):
        made = getattr(self, kind)(name)
        if name not in self.there:
            self.world.make(made)
            self.there[name] = made
        elif self.random.random() < 0.5:
            self.put(made)
        else:
            self.world.drop(self.there.pop(name))

    def for_seconds(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.change()
            time.sleep(self.random.random() * 0.02)  # changes come alone and in bursts

    def clear(self):
        for name in list(self.there):
            self.world.drop(self.there.pop(name))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def weighed(world):
    """(memory, descriptors) of each ingress worker, and the daemon's descriptors."""
    found = {name: (private_kb(pid), descriptors(pid)) for name, pid in world.knetd.workers().items() if name.startswith("ingress")}
    assert found
    return found, descriptors(world.knetd.process.pid)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with living(str(tmp_path_factory.mktemp("certs"))) as w:
        for o in staying():
            w.make(o)
        for host, _ in STAYING[:-1]:
            if host != "site.example":
                eventually(lambda host=host: w.ask(f"{host}/").status == 200, every=0.02)
        yield w


@contextlib.contextmanager
def asking(world):
    threads = [Traffic(world, n) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    try:
        yield threads
    finally:
        for t in threads:
            t.over.set()
        for t in threads:
            t.join(timeout=30)


def test_who_stays_notices_nothing(world):
    churn, weights = Churn(world), []
    for part in (0.3, 0.7):
        with asking(world) as threads:
            churn.for_seconds(SECONDS * part)
            churn.clear()
        wrong = [w for t in threads for w in t.wrong]
        assert not wrong, f"{len(wrong)} of {sum(t.asked for t in threads)}, after {churn.changes} changes: {wrong[:5]}"
        assert all(t.asked > 10 for t in threads)
        weights.append(weighed(world))
    (before, daemon_before), (after, daemon_after) = weights
    assert before.keys() == after.keys()  # nobody started again
    for name, (kb, fds) in after.items():
        assert kb <= before[name][0] + GROWTH_KB, (name, before, after)
        assert fds <= before[name][1] + 8, (name, before, after)
    assert daemon_after <= daemon_before + 8
