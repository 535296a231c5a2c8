"""Services with so many endpoints that the daemon does not list the kernel's maps but asks for what should be in them."""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import eventually  # noqa: E402

SERVICES, EACH = 9, 4000  # more than NFT_DUMP_ELEMENTS together
SLICE = 1000


def endpoint(i, k):
    n = i * EACH + k
    return f"10.{128 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}"


def slice_of(i, first, count):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": f"many-{i}-{first}", "namespace": "default",
                         "labels": {"kubernetes.io/service-name": f"many-{i}"}},
            "addressType": "IPv4", "ports": [{"port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [endpoint(i, k)]} for k in range(first, first + count)]}


def apply(knetd, *items):
    status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": list(items)})
    assert status == 200, str(answer)[:500]


@pytest.fixture(scope="module")
def many(knetd):
    for i in range(SERVICES):
        apply(knetd, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"many-{i}", "namespace": "default"},
                      "spec": {"clusterIP": f"10.96.1.{i + 1}", "ports": [{"port": 80, "targetPort": 8080}]}},
              *(slice_of(i, first, SLICE) for first in range(0, EACH, SLICE)))
    return knetd


def sent(knetd):
    return int(re.search(r"^knetd_svcnat_elements_sent_total (\d+)", knetd.api("GET", "/metrics")[1], re.M).group(1))


def restart(knetd, *commands):
    """With these nft commands while it is away; returns how many elements it sent afterwards."""
    knetd.stop()
    for command in commands:
        knetd.exec("nft", command, check=True)
    knetd.start()
    return sent(knetd)


def has(knetd, element):
    """Of a set, or of a map with what it leads to."""
    key, _, data = element.partition(" : ")
    name, key = key.split(" ", 1)
    p = knetd.exec("nft", "get", "element", "inet", "knetd", name, f"{{ {key} }}")
    return p.returncode == 0 and data in p.stdout


def test_an_intact_table_is_left_alone(many):
    assert restart(many) == 0


def test_what_is_missing_or_wrong_is_put_right(many):
    place = "10.96.1.3 . tcp . 80 . 0x{:08x}".format
    assert all(has(many, f"eps4 {place(i)}") for i in (0, 7, EACH - 1)) and not has(many, f"eps4 {place(EACH)}")
    hairpin = "hairpin4 {0} . {0}".format(endpoint(2, 5))
    assert has(many, hairpin)
    assert restart(many, f"delete element inet knetd eps4 {{ {place(7)} }}",
                   f"delete element inet knetd eps4 {{ {place(9)} }}",
                   f"add element inet knetd eps4 {{ {place(9)} : 203.0.113.9 . 9 }}",
                   "delete element inet knetd " + hairpin.replace(" ", " { ", 1) + " }") >= 4
    assert has(many, f"eps4 {place(7)}") and has(many, hairpin)
    assert not has(many, f"eps4 {place(9)} : 203.0.113.9 . 9")


def test_what_somebody_put_in_the_way_goes(many):
    """Nobody sees the element until the Service grows to where it lies; then the table is made anew."""
    place = f"10.96.1.1 . tcp . 80 . 0x{EACH:08x}"
    assert restart(many, f"add element inet knetd eps4 {{ {place} : 203.0.113.9 . 9 }}") == 0
    apply(many, slice_of(0, EACH, 1))
    eventually(lambda: has(many, f"eps4 {place} : {endpoint(0, EACH)} . 8080"))
    assert has(many, f"svc4 10.96.1.1 . tcp . 80 : 0x{EACH + 1:08x}") and has(many, f"eps4 10.96.1.9 . tcp . 80 . 0x{EACH - 1:08x}")
