"""/cni/v1 as a runtime that calls it without the plugin: statuses, many at once, clients that misbehave."""

import json
import os
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import UnixConnection  # noqa: E402
from pods import Sandbox, eventually  # noqa: E402

CONFIG = {"cniVersion": "1.1.0", "name": "rest"}


def body(sandbox, config=None, **members):
    return {"containerID": sandbox.container, "netns": f"/run/netns/{sandbox.netns}", "ifName": "eth0",
            "config": {**CONFIG, **(config or {})}, **members}


def post(knetd, verb, what):
    return knetd.api("POST", f"/cni/v1/{verb}", what)


def attached(knetd):
    return {a["spec"]["containerID"] for a in knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]}


@pytest.fixture
def box(knetd):
    with Sandbox(knetd) as sandbox:
        yield sandbox


def test_a_whole_life(knetd, box):
    status, result = post(knetd, "add", body(box, args="K8S_POD_NAME=rest;K8S_POD_NAMESPACE=default"))
    assert status == 200 and result["interfaces"][1]["sandbox"] == f"/run/netns/{box.netns}"
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/rest")[1]["status"]["podIP"] in result["ips"][0]["address"]
    assert post(knetd, "check", body(box, {"prevResult": result})) == (200, "")
    assert post(knetd, "status", {"config": CONFIG}) == (200, "")
    keep = [{"containerID": box.container, "ifname": "eth0"}]
    assert post(knetd, "gc", {"config": {**CONFIG, "cni.dev/valid-attachments": keep}}) == (200, "")
    assert box.container in attached(knetd)
    assert post(knetd, "del", body(box)) == (200, "") and post(knetd, "del", body(box)) == (200, "")
    assert box.container not in attached(knetd)


def test_runtime_config_and_requested_addresses(knetd, box):
    wish = {"runtimeConfig": {"ips": ["10.244.0.99"], "io.kubernetes.cri.pod-annotations": {"knetd.io/labels": "app=rest"}}}
    status, result = post(knetd, "add", body(box, wish, args="K8S_POD_NAME=wishes"))
    assert status == 200 and result["ips"][0]["address"] == "10.244.0.99/32"
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/wishes")[1]["metadata"]["labels"] == {"app": "rest"}


@pytest.mark.parametrize("verb,change,status,code", [
    ("add", {"config": {"cniVersion": "9"}}, 400, 1), ("add", {"config": {**CONFIG, "ipam": {"type": "x"}}}, 400, 2),
    ("check", {"config": {**CONFIG, "prevResult": {}}}, 404, 3), ("add", {"netns": "/nowhere"}, 400, 4), ("add", {"config": None}, 400, 6),
    ("add", {"config": {"cniVersion": "1.1.0"}}, 400, 7), ("gc", {}, 400, 7), ("add", {"args": 5, "containerID": 7}, 400, 4)])
def test_statuses_of_errors(knetd, box, verb, change, status, code):
    got, answer = post(knetd, verb, {**body(box), **change})
    assert (got, answer["code"]) == (status, code) and answer["cniVersion"] and answer["msg"]


def test_status_of_a_failed_check_and_of_a_taken_address(knetd, box):
    _, result = post(knetd, "add", body(box))
    assert post(knetd, "check", body(box, {"prevResult": {**result, "ips": []}}))[0] == 409
    with Sandbox(knetd) as other:
        taken = {"runtimeConfig": {"ips": [result["ips"][0]["address"]]}}
        status, answer = post(knetd, "add", body(other, taken))
        assert (status, answer["code"]) == (503, 11) and other.links() == ["lo"]


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/cni/v1/add", 405), ("PUT", "/cni/v1/add", 405), ("DELETE", "/cni/v1/del", 405), ("GET", "/cni/v1/status", 405),
    ("POST", "/cni/v1/version", 404), ("POST", "/cni/v1/", 404), ("POST", "/cni/v2/add", 404), ("POST", "/cni/v1/ADD", 404)])
def test_wrong_methods_and_paths(knetd, box, method, path, status):
    assert knetd.api(method, path, body(box))[0] == status
    assert box.container not in attached(knetd)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\0" * 100, b"\xff\xfe", b"[" * 100000])
def test_bodies_that_are_none(knetd, data):
    for verb in ("add", "del", "check", "gc", "status"):
        c = UnixConnection(knetd.socket)
        c.request("POST", f"/cni/v1/{verb}", data)
        answer = c.getresponse()
        assert answer.status == 400 and json.loads(answer.read())["code"] == 6
        c.close()


def test_large_bodies(knetd, box):
    status, _ = post(knetd, "add", body(box, padding="x" * (3 << 20)))
    assert status == 413 and box.container not in attached(knetd)
    status, result = post(knetd, "add", body(box, padding="x" * (2 << 20)))
    assert status == 200 and result["ips"]


def test_fifty_at_once(knetd_factory):
    """As many curls, all of them started before one is waited for."""
    knetd = knetd_factory()
    boxes = [Sandbox(knetd) for _ in range(50)]
    try:
        answers = together(knetd, "add", boxes)
        addresses = [ip["address"] for a in answers for ip in json.loads(a)["ips"]]
        assert len(set(addresses)) == 100 and attached(knetd) == {b.container for b in boxes}
        assert together(knetd, "del", boxes) == [""] * 50
        assert attached(knetd) == set()
        eventually(lambda: all(b.links() == ["lo"] for b in boxes))
    finally:
        for sandbox in boxes:
            sandbox.remove()


def together(knetd, verb, boxes):
    curls = [subprocess.Popen(["curl", "-sS", "-m", "30", "--unix-socket", knetd.socket, "-d", json.dumps(body(b)), f"http://localhost/cni/v1/{verb}"],
                              stdout=subprocess.PIPE, text=True) for b in boxes]
    return [c.communicate(timeout=60)[0] for c in curls]


def test_one_container_asked_for_by_many(knetd, box):
    """One of them gets it, the others are told that it is taken or on its way."""
    answers = [json.loads(a) for a in together(knetd, "add", [box] * 8)]
    assert len([a for a in answers if "ips" in a]) == 1
    assert {a["code"] for a in answers if "code" in a} <= {4, 11}
    assert box.container in attached(knetd)


def test_a_client_that_goes_away(knetd, box):
    """In the middle of its request: nothing has happened. Behind it: the attachment stands until DEL."""
    data = json.dumps(body(box)).encode()
    head = b"POST /cni/v1/add HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(data)
    for part in (head[:20], head, head + data[:-1]):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(knetd.socket)
            s.sendall(part)
        assert post(knetd, "status", {"config": CONFIG})[0] == 200
        assert box.container not in attached(knetd) and box.links() == ["lo"]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(knetd.socket)
        s.sendall(head + data)
    eventually(lambda: box.container in attached(knetd))
    assert post(knetd, "del", body(box))[0] == 200
    eventually(lambda: box.links() == ["lo"])


def test_the_tcp_doors_have_no_such_call(knetd_factory):
    knetd = knetd_factory(ini="[api]\ninsecure_listen = 127.0.0.1:8080")
    answer = knetd.exec("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", "{}", "http://127.0.0.1:8080/cni/v1/status")
    assert answer.stdout in ("403", "404"), answer
