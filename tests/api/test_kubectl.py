"""A real kubectl against the plain loopback door: what people type every day."""

import json
import os
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")

MANIFEST = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80}
  - {name: https, port: 443}
"""


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    from daemon import Knetd
    home = tmp_path_factory.mktemp("home")
    with Knetd(ini="[api]\ninsecure_listen = 127.0.0.1:8001") as daemon:
        def run(*args, stdin=None, code=0):
            r = subprocess.run(["ip", "netns", "exec", daemon.netns, "kubectl", "-s", "http://127.0.0.1:8001", *args],
                               input=stdin, capture_output=True, text=True, timeout=60, check=False,
                               env=dict(os.environ, HOME=str(home), KUBECONFIG="/dev/null"))
            assert r.returncode == code, r.stdout + r.stderr
            return r.stdout + r.stderr
        yield run


def test_apply_until_it_is_as_asked(kubectl):
    assert "service/web created" in kubectl("apply", "-f", "-", stdin=MANIFEST)
    ip = kubectl("get", "svc", "web", "-o", "jsonpath={.spec.clusterIP}")
    assert "service/web unchanged" in kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert "+  - " in kubectl("diff", "-f", "-", stdin=MANIFEST + "  - {name: more, port: 99}\n", code=1)
    less = MANIFEST.replace("  - {name: https, port: 443}\n", "")
    assert "service/web configured" in kubectl("apply", "-f", "-", stdin=less)
    spec = json.loads(kubectl("get", "svc", "web", "-o", "json"))["spec"]
    assert [p["port"] for p in spec["ports"]] == [80] and spec["clusterIP"] == ip


def test_mistakes_are_told_in_kubernetes_words(kubectl):
    out = kubectl("apply", "-f", "-", stdin=MANIFEST.replace("port: 443", "port: 443000"), code=1)
    assert 'The Service "web" is invalid' in out and "spec.ports[1].port: Invalid value: 443000" in out
    out = kubectl("apply", "-f", "-", stdin=MANIFEST.replace("selector", "selektor"), code=1)
    assert 'strict decoding error: unknown field "spec.selektor"' in out
    assert '(NotFound): services "none" not found' in kubectl("get", "svc", "none", code=1)


def test_every_day_commands(kubectl):
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("label", "svc", "web", "x=y")
    kubectl("annotate", "svc", "web", "a=b")
    kubectl("patch", "svc", "web", "-p", '{"spec":{"ports":[{"port":80,"targetPort":8080}]}}')
    kubectl("patch", "svc", "web", "--type=json", "-p", '[{"op":"add","path":"/spec/selector/tier","value":"front"}]')
    kubectl("patch", "svc", "web", "--type=merge", "-p", '{"spec":{"type":"NodePort"}}')
    kubectl("wait", "--for=jsonpath={.spec.type}=NodePort", "svc/web", "--timeout=5s")
    table = kubectl("get", "svc", "-l", "x=y", "-o", "wide")
    assert table.split()[:7] == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"]
    assert "80:3" in table and "app=web,tier=front" in table
    assert "TargetPort:               8080/TCP" in kubectl("describe", "svc", "web")
    assert "service \"web\" deleted" in kubectl("delete", "svc", "web")
    assert "No resources found" in kubectl("get", "svc")


def test_api_resources(kubectl):
    out = kubectl("api-resources")
    for kind in ("Service", "EndpointSlice", "Ingress", "NetworkPolicy", "PodNetwork"):
        assert kind in out


def test_create_sends_protobuf(kubectl):
    """Every one of these has a protobuf body (kubectl 1.32)."""
    kubectl("create", "namespace", "pb")
    kubectl("-n", "pb", "create", "service", "clusterip", "web", "--tcp=80:8080", "--tcp=443:https")
    kubectl("-n", "pb", "create", "service", "nodeport", "np", "--tcp=80", "--node-port=30080")
    kubectl("-n", "pb", "create", "service", "externalname", "en", "--external-name=example.com")
    kubectl("-n", "pb", "create", "configmap", "cm", "--from-literal=a=b", "--from-literal=c=d")
    kubectl("-n", "pb", "create", "secret", "generic", "s", "--from-literal=k=v")
    kubectl("-n", "pb", "create", "ingress", "in", "--rule=a.b/x*=web:80,tls=t", "--default-backend=d:http")

    def get(what):
        return json.loads(kubectl("-n", "pb", "get", *what.split(), "-o", "json"))
    ports = get("svc web")["spec"]["ports"]
    assert [(p["name"], p["port"], p["targetPort"]) for p in ports] == [("80-8080", 80, 8080), ("443-https", 443, "https")]
    assert get("svc np")["spec"]["ports"][0]["nodePort"] == 30080
    assert get("svc en")["spec"]["externalName"] == "example.com"
    assert get("configmap cm")["data"] == {"a": "b", "c": "d"} and get("secret s")["data"] == {"k": "dg=="}
    spec = get("ingress in")["spec"]
    assert spec["rules"][0]["http"]["paths"][0]["backend"] == {"service": {"name": "web", "port": {"number": 80}}}
    assert spec["tls"] == [{"hosts": ["a.b"], "secretName": "t"}]
    assert "already exists" in kubectl("-n", "pb", "create", "configmap", "cm", code=1)
    assert "namespaces \"none\" not found" in kubectl("-n", "none", "create", "configmap", "cm", code=1)
    kubectl("delete", "namespace", "pb")


def test_server_side_apply(kubectl):
    def apply(text, *args, code=0):
        return kubectl("apply", "--server-side", "-f", "-", *args, stdin=text, code=code)

    def get():
        return json.loads(kubectl("get", "svc", "ssa", "-o", "json", "--show-managed-fields"))
    manifest = MANIFEST.replace("name: web,", "name: ssa,")
    assert "serverside-applied" in apply(manifest)
    version = get()["metadata"]["resourceVersion"]
    assert "serverside-applied" in apply(manifest) and get()["metadata"]["resourceVersion"] == version
    apply(manifest.replace("  - {name: https, port: 443}\n", ""))
    assert [p["port"] for p in get()["spec"]["ports"]] == [80]
    other = manifest.replace("app: web}}", "app: other}}")
    out = apply(other, "--field-manager=other", code=1)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .metadata.labels.app' in out
    apply(other, "--field-manager=other", "--force-conflicts")
    assert get()["metadata"]["labels"] == {"app": "other"}
    assert {m["manager"] for m in get()["metadata"]["managedFields"]} == {"kubectl", "other"}


def test_from_client_side_to_server_side(kubectl):
    """What was applied by the client becomes the server's apply: what goes from the manifest goes from the object."""
    manifest = MANIFEST.replace("name: web,", "name: csa,")
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest.replace("  - {name: https, port: 443}\n", ""))
    answer = json.loads(kubectl("get", "svc", "csa", "-o", "json", "--show-managed-fields"))
    assert [p["port"] for p in answer["spec"]["ports"]] == [80]
    assert {(m["manager"], m["operation"]) for m in answer["metadata"]["managedFields"]} >= {("kubectl", "Apply")}
    assert all(m["manager"] != "before-first-apply" for m in answer["metadata"]["managedFields"])
