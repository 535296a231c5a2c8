"""Flow tables: established connections of pods pass no chain, and still end when they have to."""

import subprocess

import pytest
from daemon import BINARY, Knetd
from outside import Outside
from pods import Pod, eventually

TALK = """
import socket, sys
s = socket.create_connection((sys.argv[1], 7070)); s.settimeout(3); print("there", flush=True)
for line in sys.stdin:
    try:
        s.sendall(b"x"); s.recv(1); print("ok", flush=True)
    except OSError as e:
        print(e, flush=True)
"""
ECHO = """
import socket, threading
s = socket.create_server(("", 7070)); print("ready", flush=True)
def serve(c):
    while c.recv(1): c.sendall(b"x")
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


def offered():
    table = subprocess.run([BINARY, "-k"], capture_output=True, text=True, check=False).stdout
    return any(line.startswith("ok") and "flow tables" in line for line in table.splitlines())


pytestmark = pytest.mark.skipif(not offered(), reason="this kernel has no flow tables: the test machine's has")


@pytest.fixture(scope="module")
def world():
    with Knetd("flow_tables = yes") as k, Outside(k) as out:
        out.routes_to("10.244.0.0/24")
        k.exec("ip", "route", "add", "default", "via", out.ip4, check=True)
        web, client = Pod(k, "web", labels={"app": "web"}), Pod(k, "client")
        echo = start(web.netns, ECHO)
        yield k, out, web, client
        echo.kill()
        web.remove()
        client.remove()


def start(netns, code, *argv):
    p = subprocess.Popen(["ip", "netns", "exec", netns, "/usr/bin/python3", "-c", code, *argv],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline()
    return p


def turn(p):
    p.stdin.write("\n")
    p.stdin.flush()
    return p.stdout.readline().strip()


def offloaded(k):
    return k.exec("conntrack", "-L", "-p", "tcp").stdout.count("OFFLOAD")


def devices(k):
    return k.exec("nft", "list", "table", "inet", "knetd_podnet_flows").stdout


def test_a_connection_takes_the_short_way(world):
    k, out, web, client = world
    talk = start(client.netns, TALK, web.ip4)
    for _ in range(4):
        assert turn(talk) == "ok"
    eventually(lambda: offloaded(k) >= 1)
    assert turn(talk) == "ok"
    talk.kill()


def test_a_policy_cuts_it(world):
    k, out, web, client = world
    talk = start(client.netns, TALK, web.ip4)
    for _ in range(4):
        assert turn(talk) == "ok"
    assert offloaded(k) >= 1
    path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    status, answer = k.api("POST", path, {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                                          "metadata": {"name": "shut"},
                                          "spec": {"podSelector": {"matchLabels": {"app": "web"}},
                                                   "policyTypes": ["Ingress"]}})
    assert status == 201, answer
    assert "timed out" in turn(talk)
    talk.kill()
    assert k.api("GET", "/readyz")[0] == 200, k.logged()
    assert k.api("DELETE", f"{path}/shut")[0] == 200
    talk = start(client.netns, TALK, web.ip4)

    def again():
        assert turn(talk) == "ok"
        return offloaded(k) >= 1
    eventually(again)
    talk.kill()


def test_a_service_leads_there(world):
    k, out, web, client = world
    k.api("POST", "/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [{"port": 7070}]}})
    talk = start(client.netns, TALK, "10.96.7.7")
    for _ in range(4):
        assert turn(talk) == "ok"
    assert "10.96.7.7" in "".join(line for line in k.exec("conntrack", "-L", "-p", "tcp").stdout.splitlines()
                                  if "OFFLOAD" in line)
    talk.kill()


def test_the_way_out_and_pods_that_come_and_go(world):
    k, out, web, client = world
    late = Pod(k, "late")
    link = late.result["interfaces"][0]["name"]
    assert f'"{link}"' in devices(k) or link in devices(k)
    assert out.link in devices(k)
    late.remove()
    eventually(lambda: link not in devices(k))
    k.exec("nft", "delete", "table", "inet", "knetd_podnet_flows")
    eventually(lambda: out.link in devices(k))
