"""knetctl beside a real kubectl at the same daemon: the same words, tables, messages, exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KNETCTL = os.path.join(ROOT, "build", "knetctl")

MANIFEST = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web, tier: front}}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80}
  - {name: https, port: 443}
---
apiVersion: v1
kind: Service
metadata: {name: a-rather-long-name-of-a-service}
spec: {type: ExternalName, externalName: example.org}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {lines: "one\\ntwo\\n", colon: "a: b", dash: "- x"}}
spec:
  rules:
  - host: shop.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {A: "true", B: "12", C: "1.2.3.4", D: "0x10", E: "<&>", F: "", G: "x # y", H: "2026-11-27", I: "~", J: "*a", K: "k: v\\nl"}
"""


class Both:
    """The two programs at one daemon."""

    def __init__(self, daemon, home):
        self.daemon, self.home = daemon, home
        self.env = dict(os.environ, HOME=str(home), KUBECONFIG="/dev/null", KNETD_SOCKET=daemon.socket)

    def run(self, argv, stdin=None, **options):
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=self.env,
                              **options)

    def knetctl(self, *args, stdin=None, code=0, **options):
        r = self.run([KNETCTL, *args], stdin, **options)
        assert r.returncode == code, r.stdout + r.stderr
        return r.stdout + r.stderr

    def kubectl_command(self, *args):
        return ["ip", "netns", "exec", self.daemon.netns, "kubectl", "-s", "http://127.0.0.1:8001", *args]

    def same(self, *args, stdin=None):
        """Both say the same, to the same stream, and end alike."""
        mine, theirs = self.run([KNETCTL, *args], stdin), self.run(self.kubectl_command(*args), stdin)
        assert (steady(mine.stdout), mine.stderr, mine.returncode) == \
            (steady(theirs.stdout), theirs.stderr, theirs.returncode), args
        return mine.stdout + mine.stderr


def steady(text):
    """An age may be a second more for the second who asks; it is the last of the columns that grow."""
    return re.sub(r" +\d+s\b *", " 1s ", text)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    from daemon import Knetd
    with Knetd(ini="[api]\ninsecure_listen = 127.0.0.1:8001") as daemon:
        b = Both(daemon, tmp_path_factory.mktemp("home"))
        (b.home / "m.yaml").write_text(MANIFEST)
        out = b.knetctl("apply", "-f", str(b.home / "m.yaml"))
        assert out == ("service/web created\nservice/a-rather-long-name-of-a-service created\n"
                       "ingress.networking.k8s.io/shop created\nconfigmap/settings created\n")
        yield b


needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")


@needs_kubectl
@pytest.mark.parametrize("args", [
    "svc", "services", "service", "svc -o wide", "svc --show-labels", "svc --no-headers", "svc -A", "all", "all -A",
    "svc,ing", "svc web", "svc/web ing/shop", "svc web -o wide --show-labels", "svc -l app=web", "svc -l app!=web",
    "svc --field-selector metadata.name=web", "svc -l none=x", "pods", "pods -A", "ns", "nodes", "ing -o wide", "cm",
    "endpointslices -A", "ingressclasses", "svc --show-kind", "services.v1. web", "ing.networking.k8s.io",
    "svc web -o yaml", "svc -o yaml", "ing shop -o yaml", "cm settings -o yaml", "svc -l none=x -o yaml", "ns default -o yaml",
    "svc web -o json", "svc,ing -o json", "cm settings -o json", "svc -l none=x -o json",
    "svc -o name", "svc,ing -o name", "svc web -o name", "svc -l none=x -o name", "pods -n nowhere",
])
def test_get_prints_what_kubectl_prints(both, args):
    both.same("get", *args.split(" "))


@needs_kubectl
@pytest.mark.parametrize("template", [
    "{.items[*].metadata.name}", "{.items[0].spec}", "{range .items[*]}{.metadata.name}{'\\t'}{.spec.type}{'\\n'}{end}",
    "{.items[?(@.metadata.name==\"web\")].spec.ports[*].port}", "{.items[-1].metadata.labels.app}", "{.none}",
    "{.items[*]['kind']}", "no braces", "{.items[1].spec.ports[0:1]}",
])
def test_jsonpath_is_kubectl_s(both, template):
    both.same("get", "svc", "-o", f"jsonpath={template}")


@needs_kubectl
@pytest.mark.parametrize("args", [
    "get svc none", "get svc web none", "get svc/none ing/none", "get foo", "get foo/bar", "get svc -A web",
    "get svc none --ignore-not-found", "get svc -l a=b=c", "get svc --field-selector spec.x=y", "delete svc",
    "delete svc none", "delete svc -l none=x", "delete svc none --ignore-not-found", "delete foo x", "delete svc --all x",
    "get svc -n nowhere", "get svc web -l a=b",
])
def test_errors_are_kubectl_s(both, args):
    both.same(*args.split(" "))


@needs_kubectl
def test_delete_says_what_kubectl_says(both):
    docs = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"
    for args in ("cm x", "cm/x", "cm x --dry-run=server", "cm -l gone=x", "cm x -o name", "cm x --wait=false", "cm x --now"):
        said = []
        for run in ("knetctl", "kubectl"):
            both.knetctl("apply", "-f", "-", stdin=docs.replace("NAME", "x, labels: {gone: x}"))
            argv = [KNETCTL] if run == "knetctl" else both.kubectl_command()
            r = both.run([*argv, "delete", *args.split(" ")])
            said.append((r.stdout, r.stderr, r.returncode))
        assert said[0] == said[1], args


def test_delete_waits_for_finalizers(both):
    both.knetctl("create", "-f", "-", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [a.b/c]}\n")
    both.knetctl("delete", "cm", "held", "--timeout=1s", code=1)
    with subprocess.Popen([KNETCTL, "delete", "cm", "held"], env=both.env, stdout=subprocess.PIPE, text=True) as p:
        assert p.stdout.readline() == 'configmap "held" deleted\n'
        status, _ = both.daemon.api("PATCH", "/api/v1/namespaces/default/configmaps/held", {"metadata": {"finalizers": None}},
                                    "application/merge-patch+json")
        assert status == 200
        assert p.wait(timeout=20) == 0


def test_apply_tells_each_document(both):
    path = str(both.home / "m.yaml")
    assert set(line.split()[1] for line in both.knetctl("apply", "-f", path).splitlines()) == {"unchanged"}
    more = MANIFEST.replace("port: 443", "port: 8443")
    out = both.knetctl("apply", "-f", "-", "--dry-run=server", stdin=more)
    assert "service/web configured (server dry run)" in out
    assert "service/web configured" in both.knetctl("apply", "-f", "-", stdin=more)
    assert "service/web configured" in both.knetctl("apply", "-f", path)
    assert both.knetctl("apply", "-f", path, "-o", "name").splitlines()[0] == "service/web"


def test_apply_of_a_file_is_all_or_nothing(both):
    wrong = MANIFEST.replace("port: 443", "port: 443000").replace("A: ", "Z: \"new\", A: ")
    out = both.knetctl("apply", "-f", "-", stdin=wrong, code=1)
    assert 'error: STDIN: document 1 (line 1): Service "web": spec.ports[1].port: Invalid value: 443000' in out
    assert "nothing of STDIN was applied" in out
    assert '"Z"' not in both.knetctl("get", "cm", "settings", "-o", "json")
    out = both.knetctl("apply", "-f", "-", stdin=MANIFEST.replace("selector", "selektor"), code=1)
    assert "spec.selektor" in out
    assert "line 3" in both.knetctl("apply", "-f", "-", stdin="a: b\nc: d\n  e: f\n", code=1)


def test_apply_reads_directories_and_namespaces(both, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "1.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n")
    (tmp_path / "2.json").write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}}))
    (tmp_path / "note.txt").write_text("no manifest")
    (tmp_path / "sub" / "3.yml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: three}\n")
    assert both.knetctl("apply", "-f", str(tmp_path)) == "namespace/other created\nconfigmap/two created\n"
    out = both.knetctl("apply", "-R", "-f", str(tmp_path / "2.json"), "-f", str(tmp_path / "sub"), "-n", "other")
    assert out == "configmap/two created\nconfigmap/three created\n"
    assert both.knetctl("get", "cm", "-n", "other", "-o", "name") == "configmap/three\nconfigmap/two\n"
    out = both.knetctl("apply", "-n", "other", "-f", "-", code=1,
                       stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\n")
    assert 'does not match the namespace "other"' in out
    assert both.knetctl("delete", "-f", str(tmp_path), "-R", "--ignore-not-found").count("deleted") == 2
    assert "does not exist" in both.knetctl("apply", "-f", str(tmp_path / "none"), code=1)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no objects passed to apply" in both.knetctl("apply", "-f", str(empty), code=1)


def test_kinds_that_are_no_network_s_business_are_told(both):
    out = both.knetctl("apply", "-f", "-", stdin="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n")
    assert out == "Warning: Deployment d is skipped: not a kind that a node's network knows\n"


def test_create(both):
    doc = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made}\n"
    assert both.knetctl("create", "-f", "-", stdin=doc) == "configmap/made created\n"
    out = both.knetctl("create", "-f", "-", stdin=doc, code=1)
    assert out == 'Error from server (AlreadyExists): error when creating "STDIN": configmaps "made" already exists\n'
    both.knetctl("delete", "cm", "made")


def test_watch_prints_what_changes(both):
    with subprocess.Popen([KNETCTL, "get", "cm", "-w", "-l", "watched=yes"], env=both.env, stdout=subprocess.PIPE,
                          text=True) as p, \
            subprocess.Popen([KNETCTL, "watch", "cm", "w1", "-o", "name"], env=both.env, stdout=subprocess.PIPE,
                             text=True) as named:
        for i in (1, 2):
            both.knetctl("apply", "-f", "-", stdin=f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: w{i}, "
                                                   "labels: {watched: 'yes'}}\n")
        both.knetctl("delete", "cm", "w1", "w2")
        lines = [p.stdout.readline().split() for _ in range(5)]
        assert lines[0] == ["NAME", "DATA", "AGE"]
        assert [line[0] for line in lines[1:]] == ["w1", "w2", "w1", "w2"]
        assert [named.stdout.readline() for _ in range(2)] == ["configmap/w1\n"] * 2
        for process in (p, named):
            process.send_signal(signal.SIGTERM)
    assert "single resource" in both.knetctl("get", "svc,cm", "-w", code=1)


def test_describe_tells_all(both):
    both.daemon.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "hand", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["10.1.2.3"]}, {"addresses": ["10.1.2.4"], "conditions": {"ready": False}}]})
    uid = json.loads(both.knetctl("get", "svc", "web", "-o", "json"))["metadata"]["uid"]
    both.daemon.api("POST", "/api/v1/namespaces/default/events", {
        "metadata": {"name": "e"}, "type": "Warning", "reason": "Tested", "message": "by hand",
        "involvedObject": {"kind": "Service", "name": "web", "namespace": "default", "uid": uid}})
    out = both.knetctl("describe", "svc", "web")
    assert re.search(r"^Name: +web$", out, re.M) and re.search(r"^Labels: +app=web$", out, re.M)
    assert re.search(r"^  http +10\.1\.2\.3:8080/TCP +ready", out, re.M)
    assert re.search(r"^  http +10\.1\.2\.4:8080/TCP +not ready", out, re.M)
    assert re.search(r"^  Warning +Tested .*by hand$", out, re.M)
    assert re.search(r"^  Port +Address +State +Node +Pod$", out, re.M)
    out = both.knetctl("describe", "ing")
    assert re.search(r"^  shop\.example +/ +web:80$", out, re.M) and re.search(r"^Events: +<none>$", out, re.M)
    both.knetctl("create", "-f", "-", stdin="apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {key: c2VjcmV0}\n")
    out = both.knetctl("describe", "secret/s")
    assert "6 bytes" in out and "c2VjcmV0" not in out
    assert both.knetctl("describe", "svc", "none", code=1) == 'Error from server (NotFound): services "none" not found\n'


def test_describe_tells_how_a_service_is_served(both):
    services = "/api/v1/namespaces/default/services"
    status, made = both.daemon.api("POST", services, {"metadata": {"name": "front"}, "spec": {
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local", "ports": [{"port": 80}],
        "sessionAffinity": "ClientIP", "loadBalancerSourceRanges": ["192.0.2.0/24"], "trafficDistribution": "PreferSameNode"}})
    assert status == 201, made
    both.daemon.api("PATCH", services + "/front/status", {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.9"}]}}},
                    "application/merge-patch+json")
    both.daemon.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "front", "labels": {"kubernetes.io/service-name": "front"}}, "addressType": "IPv4",
        "ports": [{"port": 8080}], "endpoints": [
            {"addresses": ["10.1.2.3"], "nodeName": "node", "targetRef": {"kind": "Pod", "name": "p"},
             "conditions": {"ready": False, "serving": True, "terminating": True}},
            {"addresses": ["10.1.2.4"], "nodeName": "far", "conditions": {"ready": False, "serving": False, "terminating": True}}]})
    out = both.knetctl("describe", "svc", "front")
    for name, value in (("Type", "LoadBalancer"), ("External Traffic Policy", "Local"), ("Internal Traffic Policy", "Local"),
                        ("Session Affinity", "ClientIP"), ("Timeout Seconds", "10800"), ("Ip", "198.51.100.9"), ("Ip Mode", "VIP"),
                        ("Traffic Distribution", "PreferSameNode"),
                        ("Health Check Node Port", str(made["spec"]["healthCheckNodePort"]))):
        assert re.search(rf"^ *{name}: +{value}$", out, re.M), (name, out)
    assert re.search(r"^  Load Balancer Source Ranges:\n    192\.0\.2\.0/24$", out, re.M)
    assert re.search(r"^  <unset> +10\.1\.2\.3:8080/TCP +terminating, serving +node +p$", out, re.M)
    assert re.search(r"^  <unset> +10\.1\.2\.4:8080/TCP +terminating +far +<none>$", out, re.M)
    both.daemon.api("DELETE", services + "/front")


def test_status_and_log_level(both):
    out = both.knetctl("status")
    assert re.search(r"^State: +ready$", out, re.M) and both.daemon.socket in out and "http://127.0.0.1:8001" in out
    assert "podnet: ready\n" in out and "Service 2" in out
    assert json.loads(both.knetctl("status", "-o", "json"))["objects"]["Ingress"] == 1
    assert both.knetctl("logs-level") == "info\n"
    assert both.knetctl("logs-level", "debug") == "debug\n"
    assert both.knetctl("logs-level") == "debug\n"
    assert "api: log level debug, set by " in both.daemon.logged()
    assert 'Unsupported value: "loud"' in both.knetctl("logs-level", "loud", code=1)
    both.knetctl("logs-level", "info")


def test_a_daemon_that_is_not_there(both, tmp_path):
    out = both.knetctl("get", "svc", "-s", str(tmp_path / "none"), code=1)
    assert out.startswith("error: knetd does not answer on ") and "is the daemon running?" in out
    if os.geteuid() == 0:
        mode = os.stat(both.daemon.dir).st_mode
        os.chmod(both.daemon.dir, 0o755)
        try:
            out = both.knetctl("get", "svc", code=1, user=65534, group=65534, extra_groups=[])
            assert "permission denied" in out and "knetd" in out
        finally:
            os.chmod(both.daemon.dir, mode)


def test_the_same_by_the_daemon_s_own_name(both):
    r = both.run([os.path.join(ROOT, "build", "knetd"), "ctl", "get", "svc", "web", "-o", "name"])
    assert (r.returncode, r.stdout) == (0, "service/web\n")
    assert "usage: knetctl get" in both.knetctl("get", "--help")
    assert "unknown flag: --zz" in both.knetctl("get", "svc", "--zz", code=1)


def test_export(both):
    """What was written comes out again, and nothing that a server made of it."""
    both.knetctl("create", "-f", "-", stdin="""
apiVersion: v1
kind: Namespace
metadata: {name: moving}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: moving}
spec: {selector: {app: web}, ports: [{port: 80}], type: LoadBalancer}
---
apiVersion: v1
kind: Service
metadata: {name: fixed, namespace: moving}
spec: {ports: [{port: 80, nodePort: 30999}], type: NodePort, ipFamilyPolicy: RequireDualStack}
---
apiVersion: knetd.io/v1alpha1
kind: AddressPool
metadata: {name: moving}
spec: {addresses: [192.0.2.250]}
""")
    said = both.knetctl("export")
    assert 'left out: AddressPool "moving"' in said and "kind: AddressPool" not in said
    objects = {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(both.knetctl("export", "-n", "moving"))}
    assert set(objects) == {("Service", "web"), ("Service", "fixed")}
    assert objects["Service", "web"]["metadata"] == {"name": "web", "namespace": "moving"}
    assert not {"status", "clusterIP", "clusterIPs", "ipFamilies"} & {*objects["Service", "web"], *objects["Service", "web"]["spec"]}
    assert "nodePort" not in objects["Service", "web"]["spec"]["ports"][0]
    assert objects["Service", "fixed"]["spec"]["ports"][0]["nodePort"] == 30999
    assert objects["Service", "fixed"]["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    again = both.knetctl("export", "svc", "-n", "moving")
    assert both.knetctl("apply", "-f", "-", stdin=again).startswith("service/")
    both.knetctl("export", "nodes", code=1)
    both.knetctl("delete", "ns", "moving")
    both.knetctl("delete", "addresspool", "moving")
