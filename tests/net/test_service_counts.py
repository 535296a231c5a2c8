"""Connections of Services, as the kernel counts them and /metrics tells them."""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from outside import Outside  # noqa: E402
from pods import Pod  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


@pytest.fixture
def node(knetd_factory):
    knetd = knetd_factory(ini="[service]\nmetrics = 2\n")
    pods = []
    try:
        for name in ("server", "client"):
            pods.append(Pod(knetd, name))
        pods[0].serve(8080)
        with Outside(knetd) as machine:
            yield knetd, *pods, machine
    finally:
        for pod in pods:
            pod.remove()


def make(knetd, name, **spec):
    status, answer = knetd.api("POST", SERVICES, {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80}], **spec}})
    assert status == 201, answer
    return answer["spec"]


def endpoints(knetd, name, family, *addresses, method="POST"):
    body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-{family.lower()}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": family, "ports": [{"port": 8080}], "endpoints": [{"addresses": [a]} for a in addresses]}
    status, answer = knetd.api(method, SLICES + ("" if method == "POST" else f"/{name}-{family.lower()}"), body)
    assert status in (200, 201), answer


def connections(knetd):
    text = knetd.api("GET", "/metrics")[1]
    counted = re.findall(r'^knetd_service_connections_total\{namespace="default",service="(.*)"\} (\d+)$', text, re.M)
    uncounted = int(re.search(r"^knetd_svcnat_services_uncounted (\d+)$", text, re.M).group(1))
    return {name: int(n) for name, n in counted}, uncounted


def test_connections_are_counted(node):
    knetd, server, client, machine = node
    web = make(knetd, "web", type="NodePort")
    endpoints(knetd, "web", "IPv4", server.ip4)
    endpoints(knetd, "web", "IPv6", server.ip6)
    assert connections(knetd) == ({"web": 0}, 0)
    url4, url6 = f"http://{web['clusterIPs'][0]}/", f"http://[{web['clusterIPs'][1]}]/"
    for url in (url4, url4, url6):
        assert client.curl(url)
    assert knetd.exec("curl", "-sS", "-m", "5", url4).returncode == 0  # the node itself
    port = web["ports"][0]["nodePort"]
    for url in (f"http://{machine.node4}:{port}/", f"http://[{machine.node6}]:{port}/"):
        assert machine.run("curl", "-sS", "-m", "5", url).returncode == 0
    assert connections(knetd) == ({"web": 6}, 0)
    assert client.curl(url4, url4, url4)  # three requests over one connection
    assert connections(knetd)[0]["web"] == 7
    # neither a change of endpoints nor a restart begins anew
    endpoints(knetd, "web", "IPv4", server.ip4, client.ip4, method="PUT")
    assert connections(knetd)[0]["web"] == 7
    knetd.stop()
    knetd.start()
    assert connections(knetd)[0]["web"] == 7
    assert client.curl(url6)
    assert connections(knetd)[0]["web"] == 8


def test_no_more_series_than_asked_for(node):
    knetd = node[0]
    for name in ("one", "two", "three"):
        make(knetd, name)
    assert connections(knetd) == ({"one": 0, "two": 0}, 1)
    knetd.stop()
    knetd.start()
    assert connections(knetd) == ({"one": 0, "two": 0}, 1), "the same ones"
    assert knetd.api("DELETE", f"{SERVICES}/one")[0] == 200
    assert connections(knetd) == ({"two": 0}, 1)
    endpoints(knetd, "three", "IPv4", node[1].ip4)
    assert connections(knetd) == ({"two": 0, "three": 0}, 0)


def test_kube_proxys_names(node):
    knetd, server = node[:2]
    make(knetd, "here", internalTrafficPolicy="Local")
    body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "here-a", "labels": {"kubernetes.io/service-name": "here"}}, "addressType": "IPv4",
            "ports": [{"port": 8080}], "endpoints": [{"addresses": [server.ip4], "nodeName": "elsewhere"}]}
    assert knetd.api("POST", SLICES, body)[0] == 201
    text = knetd.api("GET", "/metrics")[1]
    for line in ('kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy="internal"} 1',
                 'kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy="external"} 0',
                 "kubeproxy_sync_proxy_rules_nftables_sync_failures_total 0",
                 "kubeproxy_conntrack_reconciler_deleted_entries_total 0"):
        assert line + "\n" in text, line
    assert int(re.search(r"^kubeproxy_sync_proxy_rules_service_changes_total (\d+)$", text, re.M).group(1)) >= 1
