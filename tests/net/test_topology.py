"""Endpoints while things change: the node moves to another zone, a pod drains. What stands still is in test_flows_endpoints.py."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod, eventually  # noqa: E402

DEFAULT = "/api/v1/namespaces/default"
SERVICES, PODS, NODE = DEFAULT + "/services", DEFAULT + "/pods", "/api/v1/nodes/node"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def pods(knetd):
    made = {}
    try:
        for name in ("one", "two", "three", "client"):
            made[name] = Pod(knetd, name, labels={"app": name})
            if name != "client":
                made[name].serve(8080)
        yield made
    finally:
        for pod in made.values():
            pod.remove()


class Service:
    """Over both families, with slices by hand or a selector."""

    def __init__(self, knetd, pods, name, **spec):
        self.knetd, self.pods, self.name = knetd, pods, name
        status, made = knetd.api("POST", SERVICES, {"metadata": {"name": name}, "spec": {
            "ports": [{"port": 80, "targetPort": 8080}], "ipFamilyPolicy": "RequireDualStack", **spec}})
        assert status == 201, made
        self.ips = made["spec"]["clusterIPs"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.knetd.api("DELETE", f"{SERVICES}/{self.name}")
        self.knetd.api("DELETE", f"{SLICES}?labelSelector=kubernetes.io/service-name%3D{self.name}")

    def slices(self, **endpoints):
        """NAME=members of its endpoint, in one slice a family."""
        for family, key in (("IPv4", "ip4"), ("IPv6", "ip6")):
            name = f"{self.name}-{family.lower()}"
            body = {"metadata": {"name": name, "labels": {"kubernetes.io/service-name": self.name}}, "addressType": family,
                    "ports": [{"port": 8080}],
                    "endpoints": [{"addresses": [getattr(self.pods[pod], key)], **more} for pod, more in endpoints.items()]}
            exists = self.knetd.api("GET", f"{SLICES}/{name}")[0] == 200
            status, answer = self.knetd.api("PUT" if exists else "POST", f"{SLICES}/{name}" if exists else SLICES, body)
            assert status in (200, 201), answer

    def answers(self):
        """Who answers the client; the same over both families."""
        seen = []
        for ip in self.ips:
            url = f"http://[{ip}]/" if ":" in ip else f"http://{ip}/"
            got = [self.pods["client"].curl(url, "-m", "1")]
            got += [self.pods["client"].curl(url, "-m", "1") for _ in range(11 if got[0] else 0)]
            seen.append({text and text.split()[0] for text in got})
        assert seen[0] == seen[1], seen
        return seen[0]


def hints(*zones):
    return {"hints": {"forZones": [{"name": z} for z in zones]}}


def zone(knetd, value):
    assert knetd.api("PATCH", NODE, {"metadata": {"labels": {"topology.kubernetes.io/zone": value}}}, MERGE)[0] == 200


def test_the_zone_of_the_node(knetd, pods):
    with Service(knetd, pods, "zones") as service:
        service.slices(one=hints("east"), two=hints("west"), three=hints("west", "north"))
        assert service.answers() == {"one", "two", "three"}, "the node is in no zone"
        for name, wanted in (("east", {"one"}), ("west", {"two", "three"}), ("north", {"three"}),
                             ("south", {"one", "two", "three"}), ("east", {"one"}), (None, {"one", "two", "three"})):
            zone(knetd, name)
            assert service.answers() == wanted, name
        zone(knetd, "east")
        knetd.stop(9)
        knetd.start()
        assert service.answers() == {"one"}
        service.slices(one={**hints("east"), "conditions": {"ready": False}}, two=hints("west"), three=hints("west"))
        assert service.answers() == {"two", "three"}, "none for this zone is ready"
        zone(knetd, None)


def test_a_pod_that_drains_is_the_last_one(knetd, pods):
    """Its connections go on, and new ones come as long as nobody else is there."""
    extra = Pod(knetd, "extra", labels={"app": "draining"})
    try:
        extra.serve(8080)
        pods = {**pods, "extra": extra}
        with Service(knetd, pods, "drain", selector={"app": "draining"}) as service:
            assert service.answers() == {"extra"}
            assert knetd.api("DELETE", PODS + "/extra?gracePeriodSeconds=60")[0] == 200
            assert service.answers() == {"extra"}
            other = Pod(knetd, "other", labels={"app": "draining"})
            try:
                other.serve(8080)
                assert service.answers() == {"other"}
            finally:
                other.remove()
                knetd.api("DELETE", PODS + "/other?gracePeriodSeconds=0")
            assert service.answers() == {"extra"}
            assert knetd.api("DELETE", PODS + "/extra?gracePeriodSeconds=0")[0] == 200
            eventually(lambda: service.answers() == {None})
    finally:
        extra.remove()
