"""sessionAffinity ClientIP: who once came to an endpoint comes to it again, through every front and with every protocol,
until the timeout after his last connection; whatever happens to other endpoints and to the daemon."""

import json
import os
import signal
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import SERVICES, World, rows  # noqa: E402
from pods import eventually  # noqa: E402

MERGE = "application/merge-patch+json"
THREE = ["one", "two", "far"]
ASKERS = ("client", "node", "out", "out@2")


@pytest.fixture(scope="module")
def world():
    with World() as made:
        yield made


@pytest.fixture
def sticky(world):
    """A Service, new for each test, with three endpoints."""
    world.service("sticky", THREE, lb=[1], sessionAffinity="ClientIP")
    yield world
    world.delete("sticky")


def asked(world, table):
    """Row -> names that answered; each asks once first, so that not two first connections race."""
    table = rows(table, world.families)
    for row in table:
        row.names = [row.text]
        flow = world.flow(row)
        flow[4] = 1
        world.agents[row.asker].tell(ask=[flow], patience=20, silence=0.1)
    return {row.text: {who[0] if isinstance(who, tuple) else who for who in got} for row, got in world.ask(table).items()}


def stuck(world, table="".join(f"{asker} all sticky ?\n" for asker in ASKERS)):
    """Row -> the one name that answers."""
    found = asked(world, table)
    wrong = {row: names for row, names in found.items() if len(names) != 1 or not names <= {*THREE}}
    assert not wrong, wrong
    return {row: names.pop() for row, names in found.items()}


def test_sticks(sticky):
    first = stuck(sticky)
    assert len(set(first.values())) > 1, "each client, port and family for itself"
    assert stuck(sticky) == first


def test_each_port_for_itself(sticky):
    first = stuck(sticky)
    ports = {}
    for row, name in first.items():
        ports.setdefault(row.replace("udp", "tcp").replace("sctp", "tcp"), set()).add(name)
    assert any(len(names) > 1 for names in ports.values()), first


def test_every_front(sticky):
    table = "".join(f"{asker} tcp+udp sticky/{front} ?\n" for asker in ("client", "out", "node") for front in ("node", "lb"))
    first = stuck(sticky, table)
    assert stuck(sticky, table) == first


@pytest.mark.parametrize("policy", ["externalTrafficPolicy", "internalTrafficPolicy"])
def test_with_policy_local(world, policy):
    world.service("sticky", THREE, lb=[1], sessionAffinity="ClientIP", **{policy: "Local"})
    front = "sticky/lb" if policy[0] == "e" else "sticky"
    table = f"out tcp+udp {front} ?\nout@2 tcp+udp {front} ?\n"
    first = stuck(world, table)
    assert set(first.values()) <= {"one", "two"}
    assert stuck(world, table) == first
    if policy[0] == "e":
        inner = stuck(world, "client tcp+udp sticky/lb ?\n")
        assert stuck(world, "client tcp+udp sticky/lb ?\n") == inner and stuck(world, table) == first
    world.delete("sticky")


def test_stays_when_others_come_and_go(sticky):
    sticky.endpoints("sticky", "one", "two")
    first = stuck(sticky)
    write(sticky, THREE)
    assert stuck(sticky) == first
    write(sticky, ["far", "two", "one"])
    assert stuck(sticky) == first, "in another order"
    for name in THREE:
        left = [other for other in THREE if other != name]
        write(sticky, left)
        now = stuck(sticky)
        assert {row: who for row, who in now.items() if first[row] != name} == \
            {row: who for row, who in first.items() if who != name}, f"{name} has gone"
        assert name not in now.values()
        write(sticky, THREE)
        assert stuck(sticky) == now, "dealt again, and there it stays"
        first = now


def write(world, endpoints):
    """Changes the slices in place."""
    for family in world.families:
        world.api("PATCH", f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/sticky-{family}",
                  {"endpoints": [world.endpoint(name, family) for name in endpoints]}, ctype=MERGE)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_stays_when_the_daemon_restarts(sticky, sig):
    first = stuck(sticky)
    sticky.knetd.stop(sig)
    assert stuck(sticky) == first, "without a daemon"
    sticky.knetd.start()
    assert stuck(sticky) == first
    write(sticky, THREE[::-1])
    assert stuck(sticky) == first


def test_stays_when_the_daemon_is_away_during_a_change(sticky):
    """It comes back to other slices than it left behind: manifests, an API server it follows."""
    first = stuck(sticky)
    for other in range(20):
        sticky.service(f"other-{other}", ["one", "two"], ports=[{"port": 80, "targetPort": 8080, "protocol": "TCP"}])
    sticky.knetd.stop(signal.SIGKILL)
    sticky.knetd.start()
    assert stuck(sticky) == first
    for other in range(20):
        sticky.delete(f"other-{other}")
    assert stuck(sticky) == first


def test_stays_when_something_was_damaged(sticky):
    """A chain deleted by somebody: the table is mended around the clients that are remembered."""
    first = stuck(sticky, "client tcp sticky ?\nout tcp sticky ?\n")
    sticky.knetd.exec("nft", "flush", "chain", "inet", "knetd", "prerouting", check=True)
    eventually(lambda: asked(sticky, "client tcp sticky ?\nout tcp sticky ?\n") == {row: {who} for row, who in first.items()})


def test_a_flush_forgets_and_sticks_again(sticky):
    stuck(sticky)
    sticky.knetd.exec("nft", "flush", "ruleset", check=True)
    for asker in ("client", "node", "out"):
        for ip in sticky.services["sticky"]["spec"]["clusterIPs"]:
            eventually(lambda: answered(sticky, asker, ip))
    first = stuck(sticky)
    assert stuck(sticky) == first


def answered(world, asker, ip):
    answer = world.agents[asker].tell(ask=[["tcp", None, ip, 80, 1, False]], patience=1, silence=0)[0][0]
    return isinstance(answer, list)


def test_switched_on_and_off(sticky):
    stuck(sticky)
    sticky.api("PATCH", f"{SERVICES}/sticky", {"spec": {"sessionAffinity": "None"}}, ctype=MERGE)
    sticky.expect("client all sticky one,two,far client\nout tcp sticky/lb one,two,far node")
    sticky.api("PATCH", f"{SERVICES}/sticky", {"spec": {"sessionAffinity": "ClientIP"}}, ctype=MERGE)
    first = stuck(sticky)
    assert stuck(sticky) == first


# ---- the timeout ----------------------------------------------------------------------------------------

def patch_timeout(world, seconds):
    world.api("PATCH", f"{SERVICES}/sticky", {"spec": {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}}}, ctype=MERGE)


def remembered(world):
    """Seconds left of everyone who is remembered at the ClusterIPs."""
    ours, found = world.services["sticky"]["spec"]["clusterIPs"], []
    for entry in json.loads(world.knetd.exec("nft", "-j", "list", "table", "inet", "knetd", check=True).stdout)["nftables"]:
        for kind in ("map", "set"):
            if entry.get(kind, {}).get("name", "").startswith("aff"):
                for element in entry[kind].get("elem", []):
                    element = element[0] if isinstance(element, list) else element
                    if element["elem"]["val"]["concat"][0] in ours:
                        found.append(element["elem"]["expires"])
    return found


def test_expires_and_is_dealt_again(sticky):
    patch_timeout(sticky, 1)
    line = "client tcp sticky ?\n"
    first = stuck(sticky, line)

    def dealt_again():
        eventually(lambda: not remembered(sticky), seconds=30)
        try:
            return stuck(sticky, line) != first
        except AssertionError:  # a slow machine: it expired between the questions
            return False

    eventually(dealt_again, seconds=90, every=0)


def test_each_connection_renews_it(sticky):
    patch_timeout(sticky, 600)
    line = "client tcp sticky ?\n"
    first = stuck(sticky, line)
    low = min(remembered(sticky))
    eventually(lambda: min(remembered(sticky)) < low - 1)
    before = time.monotonic()
    assert stuck(sticky, line) == first
    assert min(remembered(sticky)) >= 600 - (time.monotonic() - before) - 1.5, "seconds are shown rounded down"


def test_another_timeout_for_who_comes_next(sticky):
    patch_timeout(sticky, 500)
    first = stuck(sticky, "client tcp sticky ?\n")
    patch_timeout(sticky, 5000)
    assert stuck(sticky, "client tcp sticky ?\n") == first
    assert max(remembered(sticky)) > 500


def test_spread_over_all(sticky):
    """Many clients: every endpoint gets some."""
    outside = [f"192.0.2.{n}" for n in range(100, 130)]
    for ip in outside:
        sticky.out.ip("addr", "add", f"{ip}/24", "dev", "eth0")
    target = sticky.services["sticky"]["spec"]["clusterIP"]
    answers = sticky.agents["out"].tell(ask=[["tcp", ip, target, 80, 1, False] for ip in outside], patience=20, silence=0.1)
    first = [a[0][0] for a in answers[:-1]]
    assert set(first) == {*THREE}
    again = sticky.agents["out"].tell(ask=[["tcp", ip, target, 80, 3, False] for ip in outside], patience=20, silence=0.1)
    assert [{name for name, _ in a} for a in again[:-1]] == [{name} for name in first]
    for ip in outside:
        sticky.out.ip("addr", "del", f"{ip}/24", "dev", "eth0")
