"""Services with real packets: pods, the node itself, hairpin, both families, TCP and UDP, nothing behind."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod, eventually  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

UDP_ASK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    s.send(b"who")
    print(s.recv(100).decode())
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("timeout")
"""


def service(knetd, name, **spec):
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    status, answer = knetd.api("POST", SERVICES, body)
    assert status == 201, answer
    return answer


@pytest.fixture(scope="module")
def pods(knetd):
    made = []
    try:
        for name, app in (("one", "web"), ("two", "web"), ("client", "client")):
            made.append(Pod(knetd, name, labels={"app": app}))
        for pod in made[:2]:
            pod.serve(8080)
        yield made
    finally:
        for pod in made:
            pod.remove()


@pytest.fixture(scope="module")
def web(knetd, pods):
    return service(knetd, "web", selector={"app": "web"}, ipFamilyPolicy="RequireDualStack",
                   ports=[{"name": "http", "port": 80, "targetPort": 8080},
                          {"name": "ask", "port": 80, "protocol": "UDP", "targetPort": 8080}])


def url(ip, path="/x"):
    return f"http://[{ip}]{path}" if ":" in ip else f"http://{ip}{path}"


@pytest.mark.parametrize("family", [0, 1])
def test_pod_reaches_every_endpoint(pods, web, family):
    ip = web["spec"]["clusterIPs"][family]
    assert {pods[2].curl(url(ip)) for _ in range(40)} == {"one /x\n", "two /x\n"}


@pytest.mark.parametrize("family", [0, 1])
def test_udp_on_the_same_port(pods, web, family):
    ip = web["spec"]["clusterIPs"][family]
    seen = {pods[2].run(sys.executable, "-c", UDP_ASK, ip, "80").stdout.strip() for _ in range(20)}
    assert seen == {"one", "two"}


@pytest.mark.parametrize("family", [0, 1])
def test_node_reaches_a_service(knetd, pods, web, family):
    ip = web["spec"]["clusterIPs"][family]
    seen = {knetd.exec("curl", "-sS", "-m", "5", url(ip)).stdout for _ in range(30)}
    assert seen == {"one /x\n", "two /x\n"}


@pytest.mark.parametrize("family", [0, 1])
def test_hairpin(pods, web, family):
    """A pod reaches itself through its own Service."""
    ip = web["spec"]["clusterIPs"][family]
    assert {pods[0].curl(url(ip)) for _ in range(40)} == {"one /x\n", "two /x\n"}


def test_pod_to_pod_keeps_the_source(pods):
    p = pods[2].run(sys.executable, "-c", f"""
import socket
s = socket.create_connection(("{pods[0].ip4}", 8080), 5)
print(s.getsockname()[0])""")
    assert p.stdout.strip() == pods[2].ip4


@pytest.mark.parametrize("options,wanted", [(("-4",), "ip4"), (("-6",), "ip6")])
def test_pods_ping(pods, options, wanted):
    assert pods[2].run("ping", *options, "-c", "1", "-W", "3", getattr(pods[0], wanted)).returncode == 0


def connect_error(pod, ip, port, timeout=3):
    p = pod.run(sys.executable, "-c", f"""
import socket
try:
    socket.create_connection(("{ip}", {port}), {timeout}).close()
    print("connected")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("timeout")
except OSError as e:
    print(e)""")
    return p.stdout.strip()


def test_without_endpoints_is_refused(knetd, pods):
    ip = service(knetd, "empty", selector={"app": "nobody"}, ipFamilyPolicy="PreferDualStack",
                 ports=[{"name": "t", "port": 80}, {"name": "u", "port": 81, "protocol": "UDP"}])["spec"]["clusterIPs"]
    for address in ip:
        assert connect_error(pods[2], address, 80) == "refused"
        assert pods[2].run(sys.executable, "-c", UDP_ASK, address, "81").stdout.strip() == "refused"
    p = knetd.exec("curl", "-sS", "-m", "3", f"http://{ip[0]}/")
    assert p.returncode == 7, p.stderr


def test_unknown_port_of_a_live_address_is_refused(pods, web):
    assert connect_error(pods[2], web["spec"]["clusterIP"], 9999) == "refused"


def test_unallocated_address_is_dropped(pods, web):
    assert connect_error(pods[2], "10.96.200.200", 80, timeout=1) == "timeout"


def test_endpoints_come_and_go(knetd, pods):
    ip = service(knetd, "hand", ports=[{"name": "http", "port": 80}])["spec"]["clusterIP"]
    client = pods[2]

    def write(addresses, method="PUT"):
        body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": "hand-1", "labels": {"kubernetes.io/service-name": "hand"}},
                "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
                "endpoints": [{"addresses": [a]} for a in addresses]}
        status, answer = knetd.api(method, SLICES + ("" if method == "POST" else "/hand-1"), body)
        assert status in (200, 201), answer

    write([pods[0].ip4, pods[1].ip4], "POST")
    assert {client.curl(url(ip)) for _ in range(30)} == {"one /x\n", "two /x\n"}
    write([pods[1].ip4])
    assert {client.curl(url(ip)) for _ in range(15)} == {"two /x\n"}, "in force when the call returns"
    write([])
    assert connect_error(client, ip, 80) == "refused"
    write([pods[0].ip4])
    assert client.curl(url(ip)) == "one /x\n"
    assert knetd.api("DELETE", SERVICES + "/hand")[0] == 200
    assert connect_error(client, ip, 80, timeout=1) == "timeout"


def test_the_ruleset_does_not_grow(knetd, pods, web):
    def chains():
        return knetd.exec("nft", "list", "table", "inet", "knetd", check=True).stdout.count("chain ")

    before = chains()
    for i in range(20):
        service(knetd, f"more-{i}", selector={"app": "web"}, ports=[{"port": 80, "targetPort": 8080}])
    assert chains() == before
    for i in range(20):
        assert knetd.api("DELETE", f"{SERVICES}/more-{i}")[0] == 200


def test_foreign_flush_is_mended_at_once(knetd, pods, web):
    """Not by the next full pass, that is."""
    ip = web["spec"]["clusterIP"]
    knetd.exec("nft", "flush", "ruleset", check=True)
    eventually(lambda: pods[2].curl(url(ip), "-m", "1"), seconds=20)
    tables = knetd.exec("nft", "list", "tables").stdout
    assert "inet knetd\n" in tables
    assert knetd.exec("dig", "+short", "@10.96.0.10", "web.default.svc.cluster.local").stdout.strip() == ip


def test_foreign_tables_are_left_alone(knetd, pods, web):
    knetd.exec("nft", "add", "table", "inet", "theirs", check=True)
    knetd.exec("nft", "delete", "table", "inet", "knetd", check=True)
    eventually(lambda: pods[2].curl(url(web["spec"]["clusterIP"]), "-m", "1"), seconds=5)
    assert "inet theirs" in knetd.exec("nft", "list", "tables").stdout


def test_masquerade_to_the_outside(knetd, pods):
    """A host beyond the node sees the node's address, not the pod's."""
    outside = f"{knetd.netns}-out"
    subprocess.run(["ip", "netns", "add", outside], check=True)
    try:
        subprocess.run(["ip", "-n", knetd.netns, "link", "add", "up0", "type", "veth", "peer", "name", "up1",
                        "netns", outside], check=True)
        for ns, link, addr in ((knetd.netns, "up0", "192.0.2.1/24"), (outside, "up1", "192.0.2.2/24")):
            subprocess.run(["ip", "-n", ns, "addr", "add", addr, "dev", link], check=True)
            subprocess.run(["ip", "-n", ns, "link", "set", link, "up"], check=True)
        server = subprocess.Popen(["ip", "netns", "exec", outside, sys.executable, "-c", """
import socket
s = socket.create_server(("192.0.2.2", 7000))
print("ready", flush=True)
c, peer = s.accept()
c.sendall(peer[0].encode())
c.close()"""], stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline() == "ready\n"
        p = pods[2].run(sys.executable, "-c", "import socket\n"
                        "print(socket.create_connection(('192.0.2.2', 7000), 5).recv(100).decode())")
        server.wait(timeout=10)
        assert p.stdout.strip() == "192.0.2.1"
    finally:
        subprocess.run(["ip", "-n", knetd.netns, "link", "del", "up0"], check=False)
        subprocess.run(["ip", "netns", "del", outside], check=False)


def test_addresses_are_not_given_twice(knetd, web):
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "thief"},
            "spec": {"clusterIP": web["spec"]["clusterIP"], "ports": [{"port": 80}]}}
    status, answer = knetd.api("POST", SERVICES, body)
    assert status == 422 and "spec.clusterIP" in str(answer)
