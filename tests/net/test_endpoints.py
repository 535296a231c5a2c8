"""Who is behind a Service, with real packets: Endpoints by hand, readiness through the API, a restart."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod, eventually  # noqa: E402

DEFAULT = "/api/v1/namespaces/default"
SERVICES, PODS, ENDPOINTS = DEFAULT + "/services", DEFAULT + "/pods", DEFAULT + "/endpoints"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def pods(knetd):
    made = []
    try:
        for name in ("one", "two", "client"):
            made.append(Pod(knetd, name, labels={"app": "web" if name != "client" else name}))
        for pod in made[:2]:
            pod.serve(8080)
        yield made
    finally:
        for pod in made:
            pod.remove()


def service(knetd, name, **spec):
    status, answer = knetd.api("POST", SERVICES, {"metadata": {"name": name}, "spec": spec})
    assert status == 201, answer
    return f"http://{answer['spec']['clusterIP']}/x"


def by_hand(*ips):
    return {"metadata": {"name": "hand"}, "subsets": [{"addresses": [{"ip": ip} for ip in ips], "ports": [{"port": 8080}]}]}


def seen(pod, url):
    return {pod.curl(url).split(" ")[0] for _ in range(20)}


def test_mirrored_endpoints(knetd, pods):
    one, two, client = pods
    url = service(knetd, "hand", ports=[{"port": 80}])
    assert knetd.api("POST", ENDPOINTS, by_hand(one.ip4))[0] == 201
    assert seen(client, url) == {"one"}
    assert knetd.api("PUT", ENDPOINTS + "/hand", by_hand(one.ip4, two.ip4))[0] == 200
    assert seen(client, url) == {"one", "two"}
    knetd.stop(9)
    knetd.start()
    assert seen(client, url) == {"one", "two"}
    knetd.api("PUT", ENDPOINTS + "/hand", by_hand(two.ip4))
    assert seen(client, url) == {"two"}
    assert knetd.api("DELETE", ENDPOINTS + "/hand")[0] == 200
    mine = SLICES + "?labelSelector=kubernetes.io/service-name%3Dhand"
    assert knetd.api("GET", mine)[1]["items"] == []
    knetd.api("POST", ENDPOINTS, by_hand(one.ip4))
    knetd.api("DELETE", SERVICES + "/hand")
    assert knetd.api("GET", ENDPOINTS + "/hand")[0] == 404 and knetd.api("GET", mine)[1]["items"] == []


def ready(knetd, pod, status):
    got, answer = knetd.api("PATCH", f"{PODS}/{pod}/status", {"status": {"conditions": [
        {"type": "Ready", "status": status, "reason": "Probe"}]}}, MERGE)
    assert got == 200, answer


def test_readiness(knetd, pods):
    client = pods[2]
    url = service(knetd, "web", selector={"app": "web"}, ports=[{"port": 80, "targetPort": 8080}])
    assert seen(client, url) == {"one", "two"}, "attached is ready, unless somebody says otherwise"
    ready(knetd, "one", "False")
    assert seen(client, url) == {"two"}
    subsets = knetd.api("GET", ENDPOINTS + "/web")[1]["subsets"]
    assert [a["targetRef"]["name"] for a in subsets[0]["notReadyAddresses"]] == ["one"]
    knetd.stop(9)
    knetd.start()
    assert seen(client, url) == {"two"}
    ready(knetd, "one", "True")
    assert seen(client, url) == {"one", "two"}
    knetd.api("DELETE", SERVICES + "/web")


def test_a_deleted_pod_drains(knetd, pods):
    client = pods[2]
    url = service(knetd, "drain", selector={"app": "web"}, ports=[{"port": 80, "targetPort": 8080}])
    status, left = knetd.api("DELETE", PODS + "/two?gracePeriodSeconds=60")
    assert status == 200 and left["metadata"]["deletionGracePeriodSeconds"] == 60
    assert seen(client, url) == {"one"}, "no new connections"
    condition = {e["targetRef"]["name"]: e["conditions"] for e in knetd.api(
        "GET", SLICES + "?labelSelector=kubernetes.io/service-name%3Ddrain")[1]["items"][0]["endpoints"]}["two"]
    assert condition == {"ready": False, "serving": True, "terminating": True}
    knetd.stop(9)
    knetd.start()
    assert knetd.api("GET", PODS + "/two")[0] == 200
    assert knetd.api("DELETE", PODS + "/two?gracePeriodSeconds=1")[0] == 200
    eventually(lambda: knetd.api("GET", PODS + "/two")[0] == 404)
    knetd.api("DELETE", SERVICES + "/drain")


def slice_of(knetd, name):
    items = knetd.api("GET", f"{SLICES}?labelSelector=kubernetes.io/service-name%3D{name}")[1]["items"]
    assert len(items) == 1, items
    return items[0]


def zone(knetd, value):
    labels = {"metadata": {"labels": {"topology.kubernetes.io/zone": value}}}
    assert knetd.api("PATCH", "/api/v1/nodes/node", labels, MERGE)[0] == 200


def test_zone_and_hints(knetd, pods):
    service(knetd, "near", selector={"app": "client"}, ports=[{"port": 80}], trafficDistribution="PreferSameNode")
    hints = {"forNodes": [{"name": "node"}]}
    assert slice_of(knetd, "near")["endpoints"][0]["hints"] == hints
    zone(knetd, "east")
    endpoint = slice_of(knetd, "near")["endpoints"][0]
    assert endpoint["zone"] == "east" and endpoint["hints"] == {"forZones": [{"name": "east"}], **hints}
    spec = {"spec": {"trafficDistribution": "PreferSameZone"}}
    assert knetd.api("PATCH", SERVICES + "/near", spec, MERGE)[0] == 200
    assert slice_of(knetd, "near")["endpoints"][0]["hints"] == {"forZones": [{"name": "east"}]}
    zone(knetd, None)
    endpoint = slice_of(knetd, "near")["endpoints"][0]
    assert "zone" not in endpoint and "hints" not in endpoint
    knetd.api("DELETE", SERVICES + "/near")


def test_a_slice_of_the_controller_is_put_right(knetd, pods):
    service(knetd, "web", selector={"app": "client"}, ports=[{"port": 80}])
    right = slice_of(knetd, "web")
    path = SLICES + "/" + right["metadata"]["name"]
    status, wrong = knetd.api("PATCH", path, {"endpoints": [{"addresses": ["192.0.2.1"]}]}, MERGE)
    assert status == 200 and wrong["endpoints"][0]["addresses"] == ["192.0.2.1"]
    assert slice_of(knetd, "web")["endpoints"] == right["endpoints"]
    assert knetd.api("DELETE", path)[0] == 200
    assert slice_of(knetd, "web")["endpoints"] == right["endpoints"]
    knetd.api("DELETE", SERVICES + "/web")


def test_a_pod_of_the_api_waits_for_its_address(knetd):
    body = {"metadata": {"name": "early", "labels": {"app": "early"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    assert knetd.api("POST", PODS, body)[0] == 201
    service(knetd, "early", selector={"app": "early"}, ports=[{"port": 80}])
    assert "subsets" not in knetd.api("GET", ENDPOINTS + "/early")[1]
    pod = Pod(knetd, "early")
    try:
        subsets = knetd.api("GET", ENDPOINTS + "/early")[1]["subsets"]
        assert [a["ip"] for a in subsets[0]["addresses"]] == [pod.ip4]
    finally:
        pod.remove()
    assert "subsets" not in knetd.api("GET", ENDPOINTS + "/early")[1]
    assert knetd.api("GET", PODS + "/early")[0] == 200
    for path in (SERVICES + "/early", PODS + "/early"):
        knetd.api("DELETE", path)


def test_what_goes_wrong_is_told_by_events(knetd, pods):
    made = service(knetd, "lost", selector={"app": "web"}, ports=[{"port": 80, "targetPort": "nobody"}])
    assert made
    path = DEFAULT + "/events?fieldSelector=involvedObject.name%3Dlost"
    eventually(lambda: knetd.api("GET", path)[1]["items"])
    event = knetd.api("GET", path)[1]["items"][0]
    assert (event["reason"], event["type"], event["source"]["component"]) == ("TargetPortNotFound", "Warning", "knetd")
    assert event["involvedObject"]["uid"] == knetd.api("GET", SERVICES + "/lost")[1]["metadata"]["uid"]
    knetd.api("DELETE", SERVICES + "/lost")


def test_the_node(knetd):
    status, node = knetd.api("GET", "/api/v1/nodes/node")
    assert status == 200 and node["spec"]["podCIDRs"] == ["10.244.0.0/24", "fd00:10:244::/64"]
    assert {c["type"]: c["status"] for c in node["status"]["conditions"]}["Ready"] == "True"
    assert node["status"]["nodeInfo"]["operatingSystem"] == "linux" and node["metadata"]["labels"]["kubernetes.io/hostname"] == "node"
    status, labelled = knetd.api("PATCH", "/api/v1/nodes/node", {"metadata": {"labels": {"mine": "x"}}}, MERGE)
    assert status == 200
    knetd.stop()
    knetd.start()
    assert knetd.api("GET", "/api/v1/nodes/node")[1] == labelled, "unchanged: not written"
    assert knetd.api("DELETE", "/api/v1/nodes/node")[0] == 200
    assert knetd.api("GET", "/api/v1/nodes/node")[1]["metadata"]["uid"] != node["metadata"]["uid"], "made again"
