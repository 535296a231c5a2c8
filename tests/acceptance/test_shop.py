"""The repository's own acceptance: a real multi-part application, written as people write manifests,
applied with one curl, its pods attached by the CNI plugin, and answered end to end."""

import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import Pod, eventually  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = os.path.join(HERE, "shop.yaml")


def apply(knetd, path):
    """One curl, as a person would type it. Returns status and answer."""
    p = subprocess.run(
        ["curl", "-sS", "--unix-socket", knetd.socket, "-X", "POST", "-w", "\n%{http_code}",
         "-H", "Content-Type: application/yaml", "--data-binary", f"@{path}", "http://localhost/apply"],
        capture_output=True, text=True, check=True, timeout=30)
    body, _, status = p.stdout.rpartition("\n")
    return int(status), json.loads(body)


@pytest.fixture(scope="module")
def shop(knetd):
    status, answer = apply(knetd, MANIFEST)
    assert status == 200, answer
    pods = {}
    try:
        for name, labels, port in (("frontend-0", {"app": "frontend"}, 8080),
                                   ("backend-0", {"app": "backend"}, 9000),
                                   ("backend-1", {"app": "backend"}, 9000),
                                   ("cache-0", {"app": "cache"}, 6379)):
            pods[name] = Pod(knetd, name, "shop", labels)
            pods[name].serve(port)
        yield pods
    finally:
        for pod in pods.values():
            pod.remove()


def dig(pod, name, kind="A"):
    return sorted(pod.run("dig", "+short", "+time=2", "@10.96.0.10", name, kind).stdout.split())


def test_every_document_is_told(knetd, shop):
    status, answer = apply(knetd, MANIFEST)
    assert status == 200
    text = json.dumps(answer)
    for name in ("frontend", "backend", "cache", "shop-settings", "backend-1"):
        assert name in text
    assert "skipped" in text, "the Deployment is told, not swallowed"


def test_manifest_is_kept_whole(knetd, shop):
    status, service = knetd.api("GET", "/api/v1/namespaces/shop/services/backend")
    assert status == 200
    assert service["metadata"]["annotations"]["service.alpha.example/owner"] == "api team <api@shop.example>"
    assert [p["name"] for p in service["spec"]["ports"]] == ["api", "metrics"]
    status, settings = knetd.api("GET", "/api/v1/namespaces/shop/configmaps/shop-settings")
    assert settings["data"]["LOG_LEVEL"] == "debug"
    assert settings["data"]["nginx.conf"] == "server {\n  listen 8080;\n}\n"


def test_name_service_pod(shop):
    client = shop["frontend-0"]
    [address] = dig(client, "backend.shop.svc.cluster.local")
    seen = {client.curl(f"http://{address}/orders") for _ in range(40)}
    assert seen == {"backend-0 /orders\n", "backend-1 /orders\n"}


def test_both_families(knetd, shop):
    client = shop["frontend-0"]
    [address] = dig(client, "backend.shop.svc.cluster.local", "AAAA")
    assert client.curl(f"http://[{address}]/v6") in ("backend-0 /v6\n", "backend-1 /v6\n")


def test_headless_names_are_the_pods(shop):
    client, cache = shop["frontend-0"], shop["cache-0"]
    assert dig(client, "cache.shop.svc.cluster.local") == [cache.ip4]
    assert dig(client, "cache-0.cache.shop.svc.cluster.local") == [cache.ip4]
    srv = dig(client, "_redis._tcp.cache.shop.svc.cluster.local", "SRV")
    assert any(word.startswith("cache-0.cache.shop") for word in srv)


@pytest.mark.parametrize("host,path,served_by", [
    ("shop.example", "/", {"frontend-0"}),
    ("shop.example", "/apiary", {"frontend-0"}),
    ("shop.example", "/api/orders", {"backend-0", "backend-1"}),
    ("api.shop.example", "/orders", {"backend-0", "backend-1"}),
])
def test_host_ingress_service_pod(knetd, shop, host, path, served_by):
    seen = set()
    for _ in range(20):
        p = subprocess.run(["ip", "netns", "exec", knetd.netns, "curl", "-sS", "-m", "5", "-H", f"Host: {host}",
                            f"http://127.0.0.1{path}"], capture_output=True, text=True, check=True)
        who, got = p.stdout.split()
        assert got == path
        seen.add(who)
    assert seen == served_by


def test_unknown_host_is_404(knetd, shop):
    p = subprocess.run(["ip", "netns", "exec", knetd.netns, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                        "-H", "Host: other.example", "http://127.0.0.1/"], capture_output=True, text=True, check=True)
    assert p.stdout == "404"


def test_one_wrong_field_names_itself_and_changes_nothing(knetd, shop, tmp_path):
    with open(MANIFEST, encoding="utf-8") as f:
        good = f.read()
    bad = good.replace("- {name: api, port: 80, targetPort: api, appProtocol: http}",
                       "- {name: api, port: 80800, targetPort: api, appProtocol: http}")
    bad = bad.replace("name: frontend-0", "name: frontend-9")
    assert bad != good
    path = tmp_path / "bad.yaml"
    path.write_text(bad, encoding="utf-8")
    status, answer = apply(knetd, path)
    text = json.dumps(answer)
    assert status == 422
    assert answer["kind"] == "Status" and answer["reason"] == "Invalid"
    assert "spec.ports[0].port" in text and "backend" in text
    assert "frontend-9" in text, "the good documents are told apart from the wrong one"
    assert knetd.api("GET", "/api/v1/namespaces/shop/pods/frontend-9")[0] == 404, "nothing half-done"


def test_a_pod_that_goes_leaves_no_trace(knetd, shop):
    extra = Pod(knetd, "backend-2", "shop", {"app": "backend", "tier": "api"},
                {"knetd.io/ports": "api=9000,metrics=9100"})
    client = shop["frontend-0"]
    [address] = dig(client, "backend.shop.svc.cluster.local")
    try:
        extra.serve(9000)
        eventually(lambda: client.curl(f"http://{address}/") == "backend-2 /\n")
    finally:
        extra.remove()
    for _ in range(30):
        assert client.curl(f"http://{address}/") != "backend-2 /\n"
    links = subprocess.run(["ip", "-n", knetd.netns, "route"], capture_output=True, text=True, check=True).stdout
    assert extra.ip4 not in links
