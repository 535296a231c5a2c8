"""What goes on through a Service goes on, whatever happens around it: other Services by the hundred, its own endpoints,
the daemon's restart and death, damage by others. And damage is noticed and mended, with nothing of others touched."""

import json
import os
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import SERVICES, SLICES, World, rows  # noqa: E402
from pods import eventually  # noqa: E402
from svcnat_model import differs  # noqa: E402
from test_coexist import FIREWALLD, TRUSTED, theirs  # noqa: E402

MERGE = "application/merge-patch+json"
TALKERS = [(asker, proto, front) for asker in ("client", "node", "out") for proto in ("tcp", "udp") for front in ("", "/node", "/lb")]


@pytest.fixture(scope="module")
def world():
    with World() as made:
        made.service("steady", ["one"], lb=[1])
        made.service("sticky", ["one", "two"], lb=[2], sessionAffinity="ClientIP")
        yield made


@pytest.fixture
def talks(world):
    """Exchanges of every kind with the Service `steady`, in both families, from before the test to its end."""
    made = {}
    for asker, proto, front in TALKERS:
        for row in rows(f"{asker} {proto} steady{front} one"):
            made[row.text] = row
            world.agents[asker].tell(talk=row.text, every=0.005, flow=[row.proto, *world.front(row)])
    yield made
    before = told(world, made)
    eventually(lambda: all(now["rounds"] > before[key]["rounds"] + 3 or now["error"] for key, now in told(world, made).items()))
    for key, row in made.items():
        report = world.agents[row.asker].tell(talked=key, end=True)
        assert report["error"] is None and report["lost"] == 0 and len(report["who"]) == 1, (key, report)


def told(world, talks):
    return {key: world.agents[row.asker].tell(talked=key, end=False) for key, row in talks.items()}


def fresh(world):
    """New connections by every front."""
    world.expect("".join(f"{asker} tcp+udp steady{front} one {'client' if (asker, front) == ('client', '') else 'node'}\n"
                         for asker in ("client", "node", "out") for front in ("", "/node", "/lb")))


def test_others_by_the_hundred(world, talks):
    ports = [{"port": 80, "protocol": "TCP", "targetPort": 8080, "name": "a"}]
    for n in range(150):
        world.service(f"other-{n}", ["one", "two", "far"] if n % 2 else ["far"], ports=ports, lb=[50 + n] if n % 3 == 0 else ())
    for n in range(150):
        if n % 2:
            world.endpoints(f"other-{n}", "two", "far")
        world.api("PATCH", f"{SERVICES}/other-{n}", {"spec": {"sessionAffinity": "ClientIP" if n % 4 else "None"}}, ctype=MERGE)
    fresh(world)
    for n in range(150):
        world.delete(f"other-{n}")


def write(world, name, *endpoints):
    """Changes slices in place."""
    for family in (4, 6):
        world.api("PATCH", f"{SLICES}/{name}-{family}", {"endpoints": [world.endpoint(e, family) for e in endpoints]}, ctype=MERGE)


def test_its_own_endpoints(world, talks):
    """More of them, in another order, and less again."""
    for endpoints in (["one", "two"], ["far", "one", "two"], ["two", "one"], ["one", "two terminating"], ["one"]):
        write(world, "steady", *endpoints)
    fresh(world)


def test_its_own_spec(world, talks):
    """Policies, affinity and ranges say where new connections go."""
    for spec in ({"sessionAffinity": "ClientIP"}, {"externalTrafficPolicy": "Local"}, {"internalTrafficPolicy": "Local"},
                 {"loadBalancerSourceRanges": ["198.18.0.0/15"]}, {"loadBalancerSourceRanges": None},
                 {"sessionAffinity": "None", "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster"}):
        world.api("PATCH", f"{SERVICES}/steady", {"spec": spec}, ctype=MERGE)
    fresh(world)


def test_a_connection_to_an_endpoint_that_was_removed_goes_on(world):
    """TCP as with kube-proxy; UDP goes to those who are left."""
    world.service("moving", ["one"])
    ip = world.services["moving"]["spec"]["clusterIP"]
    client = world.agents["client"]
    for proto in ("tcp", "udp"):
        client.tell(talk=proto, every=0.005, flow=[proto, ip, 80])
    eventually(lambda: all(client.tell(talked=p, end=False)["rounds"] > 5 for p in ("tcp", "udp")))
    write(world, "moving", "two")
    eventually(lambda: ["two", world.pods["client"].ip4] in client.tell(talked="udp", end=False)["who"])
    before = client.tell(talked="tcp", end=False)["rounds"]
    eventually(lambda: client.tell(talked="tcp", end=False)["rounds"] > before + 10)
    assert client.tell(talked="tcp", end=True)["error"] is None and client.tell(talked="udp", end=True)["error"] is None
    world.expect("client tcp+udp moving two client")
    world.delete("moving")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_restart(world, talks, sig):
    for _ in range(3):
        world.knetd.stop(sig)
        fresh(world)
        world.knetd.start()
    fresh(world)


def rules(world):
    """The table's own rules and chains, without those that come with the numbers of endpoints in use."""
    found = []
    for entry in json.loads(world.knetd.exec("nft", "-j", "list", "table", "inet", "knetd").stdout or '{"nftables": []}')["nftables"]:
        for kind in ("chain", "rule"):
            body = entry.get(kind)
            if body and not body.get("chain", body.get("name")).startswith(("pick", "ports")):
                found.append((kind, json.dumps({k: v for k, v in body.items() if k != "handle"}, sort_keys=True)))
    return sorted(found)


def mended(world, right):
    eventually(lambda: rules(world) == right and not differs(world), seconds=30)


DAMAGE = ["flush chain inet knetd prerouting", "flush chain inet knetd output", "flush chain inet knetd masquerading",
          "flush chain inet knetd services", "flush map inet knetd svc4", "flush map inet knetd eps6", "flush map inet knetd ports4",
          "flush set inet knetd cluster4", "flush set inet knetd hairpin6",
          "add element inet knetd svc4 { 192.0.2.77 . tcp . 77 : 1 }", "add element inet knetd hairpin4 { 192.0.2.7 . 192.0.2.7 }",
          "insert rule inet knetd prerouting counter"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_mended(world, talks, damage):
    """Nobody's connection notices."""
    right = rules(world)
    world.knetd.exec("nft", *damage.split(" ", 5), check=True)
    mended(world, right)
    fresh(world)


@pytest.mark.parametrize("name,prefix", [("svc4", ""), ("eps4", "steady"), ("ports4", "")])
def test_a_deleted_and_a_changed_element(world, talks, name, prefix):
    right = rules(world)
    ip = world.services["steady"]["spec"]["clusterIP"]
    port = [p["nodePort"] for p in world.services["steady"]["spec"]["ports"] if p["protocol"] == "TCP"][0]
    key, value = {"svc4": (f"{ip} . tcp . 80", "3"), "eps4": (f"{ip} . tcp . 80 . 0", "192.0.2.7 . 7"),
                  "ports4": (f"tcp . {port}", "3")}[name]
    world.knetd.exec("nft", "delete", "element", "inet", "knetd", name, f"{{ {key} }}", check=True)
    mended(world, right)
    subprocess.run([*world.knetd.enter, "nft", "-f", "-"], text=True, check=True, input=f"""
        delete element inet knetd {name} {{ {key} }}
        add element inet knetd {name} {{ {key} : {value} }}""")
    mended(world, right)
    fresh(world)


@pytest.mark.parametrize("damage", ["flush ruleset", "delete table inet knetd", "delete table inet knetd; add table inet knetd"])
def test_without_its_table(world, damage):
    """Nothing translates then, but for some milliseconds; who comes after that is served as ever."""
    right = rules(world)
    world.knetd.exec("nft", damage, check=True)
    mended(world, right)
    fresh(world)


def test_a_firewall_reloads(world, talks):
    """What firewalld does at a reload: its own table goes and comes. Ours stays, theirs is not touched."""
    def feed(text):
        subprocess.run([*world.knetd.enter, "nft", "-f", "-"], input=text, text=True, check=True)

    trusted = TRUSTED + "insert rule inet firewalld filter_FORWARD_ZONES ip daddr 192.0.3.2 goto filter_FWD_trusted\n"
    feed(FIREWALLD + trusted)
    try:
        right, other = rules(world), theirs(world.knetd)
        for _ in range(5):
            feed("delete table inet firewalld\n" + FIREWALLD + trusted)
        fresh(world)
        assert rules(world) == right and theirs(world.knetd) == other
        world.knetd.exec("nft", "flush", "chain", "inet", "knetd", "prerouting", check=True)
        mended(world, right)
        assert theirs(world.knetd) == other
    finally:
        feed("delete table inet firewalld")
