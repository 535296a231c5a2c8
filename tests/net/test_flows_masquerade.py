"""Who reaches which endpoints through which front under which policy, and whose address they see: kube-proxy's own table
of 27 flows (pods, the node, outside clients x ClusterIP, node port, load balancer x Cluster, external Local, internal
Local), for each of the three settings of `[service] masquerade`; with TCP and UDP, and the external IPs beside them."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import World, rows  # noqa: E402

# base: both policies Cluster; elocal: externalTrafficPolicy Local; ilocal: internalTrafficPolicy Local
STANDARD = """
client  tcp+udp  base         one,far  client
client  tcp+udp  base/node    one,far  node
client  tcp+udp  base/lb      one,far  node
client  tcp+udp  base/ext     one,far  node
node    tcp+udp  base         one,far  node
node    tcp+udp  base/node    one,far  node
node    tcp+udp  base/lb      one,far  node
node    tcp+udp  base/ext     one,far  node
out     tcp+udp  base         one,far  node
out     tcp+udp  base/node    one,far  node
out     tcp+udp  base/lb      one,far  node
out     tcp+udp  base/ext     one,far  node
client  tcp+udp  elocal       one,far  client
client  tcp+udp  elocal/node  one,far  client   #  short circuit: as if it had left and come in where the endpoint is
client  tcp+udp  elocal/lb    one,far  client
client  tcp+udp  elocal/ext   one,far  client
node    tcp+udp  elocal       one,far  node
node    tcp+udp  elocal/node  one,far  node
node    tcp+udp  elocal/lb    one,far  node
node    tcp+udp  elocal/ext   one,far  node
out     tcp+udp  elocal       one,far  node
out     tcp+udp  elocal/node  one      out
out     tcp+udp  elocal/lb    one      out
out     tcp+udp  elocal/ext   one      out
client  tcp+udp  ilocal       one      client
client  tcp+udp  ilocal/node  one,far  node
client  tcp+udp  ilocal/lb    one,far  node
client  tcp+udp  ilocal/ext   one,far  node
node    tcp+udp  ilocal       one      node
node    tcp+udp  ilocal/node  one,far  node
node    tcp+udp  ilocal/lb    one,far  node
node    tcp+udp  ilocal/ext   one,far  node
out     tcp+udp  ilocal       one      node
out     tcp+udp  ilocal/node  one,far  node
out     tcp+udp  ilocal/lb    one,far  node
out     tcp+udp  ilocal/ext   one,far  node
"""
# What differs with kube-proxy's masqueradeAll: nothing to a ClusterIP keeps its address.
ALL = {"client base": "node", "client elocal": "node", "client ilocal": "node"}
# Where a client keeps its address because the answer comes back by this node anyway: from the node's own pods.
NEEDED = {f"{asker} {service}/{front}": f"one={asker},far=node" for asker in ("client", "out") for service in ("base", "ilocal")
          for front in ("node", "lb", "ext")} | {"out base": "one=out,far=node", "out elocal": "one=out,far=node", "out ilocal": "out"}


def changed(table, changes):
    """The table with other addresses seen in some rows."""
    lines, left = [], dict(changes)
    for line in table.splitlines():
        words = line.split("#  ")[0].split()
        if words:
            words[4] = left.pop(f"{words[0]} {words[2]}", words[4])
            lines.append("  ".join(words))
    assert not left, left
    return "\n".join(lines)


SETTINGS = {"standard": rows(STANDARD), "all": rows(changed(STANDARD, ALL)), "needed": rows(changed(STANDARD, NEEDED))}


@pytest.fixture(scope="module", params=SETTINGS)
def found(request):
    """All flows of one setting."""
    with World(f"[service]\nmasquerade = {request.param}\nexternal_ips = yes\n") as world:
        world.service("base", ["one", "far"], lb=[1], ext=[1])
        world.service("elocal", ["one", "far"], lb=[2], ext=[2], externalTrafficPolicy="Local")
        world.service("ilocal", ["one", "far"], lb=[3], ext=[3], internalTrafficPolicy="Local")
        found = world.ask(SETTINGS[request.param])
        world.judge_losses()
        yield request.param, found


@pytest.mark.parametrize("number", range(len(SETTINGS["standard"])), ids=lambda n: str(SETTINGS["standard"][n]))
def test_flow(number, found):
    setting, answers = found
    row = SETTINGS[setting][number]
    row.judge(answers[row])
