"""Services that the node's proxy leaves alone: headless, ExternalName, and the two labels. Nothing of them is in the kernel."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd  # noqa: E402
from pods import Pod  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"
LABELS = ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless")
BALANCER, EXTERNAL, NODE_PORT = "198.51.100.77", "198.51.100.78", 30777


@pytest.fixture(scope="module")
def knetd():
    with Knetd(ini="[service]\nexternal_ips = yes") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def pods(knetd):
    made = []
    try:
        for name in ("web", "client"):
            made.append(Pod(knetd, name, labels={"app": name}))
        made[0].serve(8080)
        yield made
    finally:
        for pod in made:
            pod.remove()


def table(knetd):
    return knetd.exec("nft", "-n", "list", "table", "inet", "knetd", check=True).stdout


def create(knetd, name, labels=None, **spec):
    body = {"metadata": {"name": name, "labels": labels or {}}, "spec": {
        "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}}
    status, made = knetd.api("POST", SERVICES, body)
    assert status == 201, made
    return made


def give_address(knetd, name):
    status, answer = knetd.api("PATCH", f"{SERVICES}/{name}/status", {"status": {"loadBalancer": {"ingress": [
        {"ip": BALANCER, "ipMode": "VIP"}]}}}, MERGE)
    assert status == 200, answer


def label(knetd, name, key, value):
    assert knetd.api("PATCH", f"{SERVICES}/{name}", {"metadata": {"labels": {key: value}}}, MERGE)[0] == 200


def fronts(made):
    """What clients would talk to, as nft shows it."""
    return [made["spec"]["clusterIP"], BALANCER, EXTERNAL, f" {NODE_PORT} "]


def create_all(knetd, name, labels=None):
    made = create(knetd, name, labels, type="LoadBalancer", externalIPs=[EXTERNAL],
                  ports=[{"port": 80, "targetPort": 8080, "nodePort": NODE_PORT}])
    give_address(knetd, name)
    return made


@pytest.mark.parametrize("key", LABELS)
def test_a_label_takes_effect_at_once(knetd, pods, key):
    _, client = pods
    made = create_all(knetd, "web")
    url = f"http://{made['spec']['clusterIP']}/"
    assert client.curl(url) == "web /\n" and all(front in table(knetd) for front in fronts(made))
    label(knetd, "web", key, "")  # its presence counts, not its value
    assert not [front for front in fronts(made) if front in table(knetd)]
    assert client.curl(url, "-m", "1") is None
    knetd.stop(9)
    knetd.start()
    assert not [front for front in fronts(made) if front in table(knetd)]
    label(knetd, "web", key, None)
    assert client.curl(url) == "web /\n" and all(front in table(knetd) for front in fronts(made))
    knetd.api("DELETE", SERVICES + "/web")


@pytest.mark.parametrize("key", LABELS)
def test_never_served(knetd, pods, key):
    before = table(knetd)
    made = create_all(knetd, "others", {key: "mine"})
    assert table(knetd) == before and made["spec"]["clusterIP"] not in before
    knetd.api("DELETE", SERVICES + "/others")


def test_headless_and_external_name(knetd, pods):
    _, client = pods
    before = table(knetd)
    create(knetd, "peers", clusterIP="None", externalIPs=[EXTERNAL])
    create(knetd, "alias", type="ExternalName", externalName="web.example.org", externalIPs=[EXTERNAL])
    assert table(knetd) == before
    assert client.run("dig", "+short", "@10.96.0.10", "peers.default.svc.cluster.local").stdout.split() == [pods[0].ip4]
    made = create(knetd, "web")
    assert client.curl(f"http://{made['spec']['clusterIP']}/") == "web /\n"
    turned = {"spec": {"type": "ExternalName", "externalName": "web.example.org", "clusterIP": None, "clusterIPs": None}}
    assert knetd.api("PATCH", SERVICES + "/web", turned, MERGE)[0] == 200
    assert table(knetd) == before, "also when it becomes one"
    for name in ("peers", "alias", "web"):
        knetd.api("DELETE", f"{SERVICES}/{name}")
