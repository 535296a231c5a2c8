"""Endpoints while things change: the node moves to another zone, a pod drains. What stands still is in test_flows_endpoints.py."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod  # noqa: E402

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

    def expect(self, *wanted):
        """Just these answer the client, over both families; nobody when none is named."""
        for ip in self.ips:
            seen, url = set(), f"http://[{ip}]/" if ":" in ip else f"http://{ip}/"
            for n in range(200):  # enough to meet each of three
                text = self.pods["client"].curl(url, "-m", "1" if not wanted else "5")
                seen.add(text and text.split()[0])
                assert seen <= set(wanted or [None]), (ip, seen)
                if len(seen) == len(wanted or [None]) and n >= (10 if wanted else 0):
                    break
            assert seen == set(wanted or [None]), (ip, seen)


def hints(*zones):
    return {"hints": {"forZones": [{"name": z} for z in zones]}}


def zone(knetd, value):
    assert knetd.api("PATCH", NODE, {"metadata": {"labels": {"topology.kubernetes.io/zone": value}}}, MERGE)[0] == 200


def test_the_zone_of_the_node(knetd, pods):
    with Service(knetd, pods, "zones") as service:
        service.slices(one=hints("east"), two=hints("west"), three=hints("west", "north"))
        service.expect("one", "two", "three")  # the node is in no zone
        for name, wanted in (("east", {"one"}), ("west", {"two", "three"}), ("north", {"three"}),
                             ("south", {"one", "two", "three"}), ("east", {"one"}), (None, {"one", "two", "three"})):
            zone(knetd, name)
            service.expect(*wanted)
        zone(knetd, "east")
        knetd.stop(9)
        knetd.start()
        service.expect("one")
        service.slices(one={**hints("east"), "conditions": {"ready": False}}, two=hints("west"), three=hints("west"))
        service.expect("two", "three")  # none for this zone is ready
        zone(knetd, None)


def test_a_pod_that_drains_is_the_last_one(knetd, pods):
    """Its connections go on, and new ones come as long as nobody else is there."""
    extra = Pod(knetd, "extra", labels={"app": "draining"})
    try:
        extra.serve(8080)
        pods = {**pods, "extra": extra}
        with Service(knetd, pods, "drain", selector={"app": "draining"}) as service:
            service.expect("extra")
            assert knetd.api("DELETE", PODS + "/extra?gracePeriodSeconds=60")[0] == 200
            service.expect("extra")
            other = Pod(knetd, "other", labels={"app": "draining"})
            try:
                other.serve(8080)
                service.expect("other")
            finally:
                other.remove()
                knetd.api("DELETE", PODS + "/other?gracePeriodSeconds=0")
            service.expect("extra")
            assert knetd.api("DELETE", PODS + "/extra?gracePeriodSeconds=0")[0] == 200
            service.expect()
    finally:
        extra.remove()
