"""The REST API as curl and client libraries see it: verbs, status codes, Status objects, watches."""

import http.client
import json
import socket
import subprocess
import threading

import pytest

SVC = "/api/v1/namespaces/default/services"


def service(name, **spec):
    spec.setdefault("ports", [{"port": 80}])
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def web(knetd):
    status, made = knetd.api("POST", SVC, service("web"))
    assert status == 201
    yield made
    knetd.api("DELETE", SVC + "/web")


def test_health_and_version(knetd):
    for path in ("/livez", "/readyz", "/healthz"):
        assert knetd.api("GET", path) == (200, "ok")
    assert knetd.api("GET", "/version")[1]["gitVersion"].startswith("v1.")
    assert "knetd_build_info" in knetd.api("GET", "/metrics")[1]


def test_discovery(knetd):
    assert knetd.api("GET", "/api")[1]["versions"] == ["v1"]
    names = {r["name"] for r in knetd.api("GET", "/api/v1/")[1]["resources"]}
    assert {"pods", "services", "namespaces", "events"} <= names
    groups = {g["name"] for g in knetd.api("GET", "/apis")[1]["groups"]}
    assert {"discovery.k8s.io", "networking.k8s.io", "gateway.networking.k8s.io", "policy.networking.k8s.io", "knetd.io",
            "authorization.k8s.io", "authentication.k8s.io"} == groups
    assert knetd.api("GET", "/apis/networking.k8s.io/v1")[1]["groupVersion"] == "networking.k8s.io/v1"


def test_life_of_an_object(knetd):
    status, made = knetd.api("POST", SVC, service("life"))
    assert status == 201 and made["metadata"]["uid"] and made["metadata"]["creationTimestamp"].endswith("Z")
    assert made["spec"]["clusterIP"].startswith("10.96.") and made["spec"]["ports"][0]["targetPort"] == 80
    status, again = knetd.api("POST", SVC, service("life"))
    assert status == 409 and again["reason"] == "AlreadyExists" and again["details"]["name"] == "life"
    status, got = knetd.api("GET", SVC + "/life")
    assert status == 200 and got == made
    changed = json.loads(json.dumps(made))
    changed["spec"]["ports"][0]["port"] = 81
    status, put = knetd.api("PUT", SVC + "/life", changed)
    assert status == 200 and put["metadata"]["generation"] == 2 and put["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert int(put["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    status, stale = knetd.api("PUT", SVC + "/life", changed)
    assert status == 409 and stale["reason"] == "Conflict"
    status, gone = knetd.api("DELETE", SVC + "/life")
    assert status == 200 and gone["status"] == "Success" and gone["details"]["uid"] == made["metadata"]["uid"]
    status, missing = knetd.api("GET", SVC + "/life")
    assert status == 404 and missing["message"] == 'services "life" not found' and missing["code"] == 404


def test_unchanged_write_keeps_the_version(knetd, web):
    status, put = knetd.api("PUT", SVC + "/web", web)
    assert status == 200 and put["metadata"]["resourceVersion"] == web["metadata"]["resourceVersion"]


def test_merge_patch(knetd, web):
    status, answer = knetd.api("PATCH", SVC + "/web", {"metadata": {"labels": {"a": "b"}}}, "application/merge-patch+json")
    assert status == 200 and answer["metadata"]["labels"] == {"a": "b"}
    status, answer = knetd.api("PATCH", SVC + "/web", {"metadata": {"labels": None}}, "application/merge-patch+json")
    assert "labels" not in answer["metadata"]
    assert knetd.api("PATCH", SVC + "/web", {}, "application/x-unknown")[0] == 415


def test_dry_run_changes_nothing(knetd):
    status, answer = knetd.api("POST", SVC + "?dryRun=All", service("dry"))
    assert status == 201 and answer["spec"]["clusterIP"]
    assert knetd.api("GET", SVC + "/dry")[0] == 404


def test_yaml_in_and_out(knetd):
    body = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: settings}\ndata: {port: '80', word: 'yes', text: \"a\\nb\"}\n"
    status, made = knetd.api("POST", "/api/v1/namespaces/default/configmaps", body, "application/yaml")
    assert status == 201 and made["data"] == {"port": "80", "word": "yes", "text": "a\nb"}
    status, text = knetd.api("GET", "/api/v1/namespaces/default/configmaps/settings", headers={"Accept": "application/yaml"})
    assert status == 200 and "kind: ConfigMap" in text and 'port: "80"' in text
    knetd.api("DELETE", "/api/v1/namespaces/default/configmaps/settings")


def test_list_and_selectors(knetd):
    for name, labels in (("a", {"app": "x", "tier": "1"}), ("b", {"app": "x"}), ("c", {"app": "y"})):
        body = service(name)
        body["metadata"]["labels"] = labels
        assert knetd.api("POST", SVC, body)[0] == 201

    def names(query):
        status, answer = knetd.api("GET", SVC + "?" + query)
        assert status == 200 and answer["kind"] == "ServiceList" and answer["metadata"]["resourceVersion"]
        return [o["metadata"]["name"] for o in answer["items"]]

    assert names("labelSelector=app%3Dx") == ["a", "b"]
    assert names("labelSelector=app+in+(x,y),tier") == ["a"]
    assert names("labelSelector=app,!tier") == ["b", "c"]
    assert names("labelSelector=app!%3Dx,app") == ["c"]
    assert names("fieldSelector=metadata.name%3Db") == ["b"]
    status, answer = knetd.api("GET", SVC + "?fieldSelector=spec.nonsense%3Db")
    assert status == 400 and answer["message"] == "field label not supported: spec.nonsense"
    assert knetd.api("DELETE", SVC + "?labelSelector=app")[0] == 200
    assert names("labelSelector=app") == []


@pytest.mark.parametrize("body,field,reason", [
    (service("Bad_Name"), "metadata.name", "FieldValueInvalid"),
    (service("w", ports=[]), "spec.ports", "FieldValueRequired"),
    (service("w", ports=[{"port": 0}]), "spec.ports[0].port", "FieldValueInvalid"),
    (service("w", ports=[{"port": 65536}]), "spec.ports[0].port", "FieldValueInvalid"),
    (service("w", ports=[{"port": "80"}]), "spec.ports[0].port", "FieldValueTypeInvalid"),
    (service("w", ports=[{"port": 80, "protocol": "ICMP"}]), "spec.ports[0].protocol", "FieldValueNotSupported"),
    (service("w", ports=[{"port": 1}, {"port": 2}]), "spec.ports[0].name", "FieldValueRequired"),
    (service("w", ports=[{"name": "a", "port": 1}, {"name": "a", "port": 2}]), "spec.ports[1].name", "FieldValueDuplicate"),
    (service("w", type="Nonsense"), "spec.type", "FieldValueNotSupported"),
    (service("w", clusterIP="1.2.3"), "spec.clusterIPs[0]", "FieldValueInvalid"),
    (service("w", clusterIP="192.0.2.1"), "spec.clusterIPs", "FieldValueInvalid"),
    (service("w", type="ExternalName"), "spec.externalName", "FieldValueRequired"),
    (service("w", selector={"a": 1}), "spec.selector.a", "FieldValueTypeInvalid"),
    (service("w", sessionAffinity="Maybe"), "spec.sessionAffinity", "FieldValueNotSupported"),
])
def test_wrong_services_name_their_field(knetd, body, field, reason):
    status, answer = knetd.api("POST", SVC, body)
    assert status == 422 and answer["reason"] == "Invalid", answer
    assert (field, reason) in [(c["field"], c["reason"]) for c in answer["details"]["causes"]]
    assert knetd.api("GET", SVC + "/" + body["metadata"]["name"])[0] == 404


def test_wrong_others_name_their_field(knetd):
    def fields(path, body):
        status, answer = knetd.api("POST", path, body)
        assert status == 422, answer
        return {c["field"] for c in answer["details"]["causes"]}

    assert "spec.rules[0].http.paths[0].pathType" in fields("/apis/networking.k8s.io/v1/namespaces/default/ingresses", {
        "metadata": {"name": "i"}, "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": {"service": {
            "name": "s", "port": {"number": 80}}}}]}}]}})
    assert "endpoints[0].addresses[0]" in fields("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}]})
    assert "spec.ingress[0].ports[0].endPort" in fields("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", {
        "metadata": {"name": "n"}, "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 90, "endPort": 80}]}]}})


def test_network_policy_is_in_force_without_a_warning(knetd):
    path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    status, made = knetd.api("POST", path, {"metadata": {"name": "deny"}, "spec": {"podSelector": {}}})
    assert status == 201 and made["spec"]["policyTypes"] == ["Ingress"]
    assert "Warning" not in knetd.headers
    assert knetd.api("DELETE", path + "/deny")[0] == 200


def test_unknown_fields(knetd):
    body = service("unknown")
    body["spec"]["selektor"] = {"a": "b"}
    assert knetd.api("POST", SVC + "?fieldValidation=Strict", body)[0] == 400
    status, made = knetd.api("POST", SVC, body)
    assert status == 201 and 'unknown field \\"spec.selektor\\"' in knetd.headers["Warning"]
    assert made["spec"]["selektor"] == {"a": "b"}
    knetd.api("DELETE", SVC + "/unknown")


def test_errors_of_requests(knetd):
    assert knetd.api("GET", "/nonsense")[0] == 404
    assert knetd.api("GET", "/api/v1/nonsense")[0] == 404
    assert knetd.api("POST", SVC, "{", "application/json")[0] == 400
    assert knetd.api("POST", SVC, "", "application/json")[0] == 400
    assert knetd.api("POST", SVC, "a: b: c", "application/yaml")[0] == 400
    assert knetd.api("POST", SVC, "x", "text/plain")[0] == 415
    assert knetd.api("GET", SVC, headers={"Accept": "application/vnd.kubernetes.protobuf"})[0] == 406
    assert knetd.api("POST", "/api/v1/namespaces/nowhere/services", service("x"))[0] == 404
    assert knetd.api("PUT", SVC + "/absent", service("absent"))[0] == 404
    assert knetd.api("DELETE", "/apis/knetd.io/v1alpha1/namespaces/default/podnetworks/x")[0] == 405
    assert knetd.api("POST", SVC, "[" * 5000, "application/json")[0] == 400
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
    status, answer = knetd.api("POST", SVC, laughs, "application/yaml")
    assert status == 400 and "line" in answer["message"]


def test_namespace_takes_its_objects_along(knetd):
    assert knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})[0] == 201
    assert knetd.api("POST", "/api/v1/namespaces/team/services", service("web"))[0] == 201
    assert knetd.api("DELETE", "/api/v1/namespaces/team")[0] == 200
    assert knetd.api("GET", "/api/v1/namespaces/team/services")[1]["items"] == []
    assert knetd.api("DELETE", "/api/v1/namespaces/default")[0] == 403


class Watch:
    """A watch stream, read line by line in a thread."""

    def __init__(self, knetd, path):
        self.events, self.ended = [], threading.Event()
        self.more = threading.Condition()
        self.curl = subprocess.Popen(["curl", "-sSN", "--unix-socket", knetd.socket, "http://localhost" + path],
                                     stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.curl.stdout:
            with self.more:
                self.events.append(json.loads(line))
                self.more.notify()
        self.ended.set()

    def wait(self, n):
        with self.more:
            assert self.more.wait_for(lambda: len(self.events) >= n, 10), self.events
            return [(e["type"], e["object"].get("metadata", {}).get("name")) for e in self.events]

    def stop(self):
        self.curl.kill()
        self.curl.wait()


def test_watch_from_a_version(knetd, web):
    watch = Watch(knetd, f"{SVC}?watch=true&resourceVersion={web['metadata']['resourceVersion']}")
    try:
        knetd.api("POST", SVC, service("seen"))
        body = service("seen", ports=[{"port": 99}])
        knetd.api("PUT", SVC + "/seen", body)
        knetd.api("DELETE", SVC + "/seen")
        assert watch.wait(3) == [("ADDED", "seen"), ("MODIFIED", "seen"), ("DELETED", "seen")]
        versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in watch.events]
        assert versions == sorted(set(versions)), "each event has a version of its own"
    finally:
        watch.stop()


def test_watch_begins_with_what_is_there(knetd, web):
    watch = Watch(knetd, f"{SVC}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true")
    try:
        assert ("ADDED", "web") in watch.wait(1)
        assert watch.ended.wait(5) and watch.events[-1]["type"] == "BOOKMARK"
    finally:
        watch.stop()


def test_watch_selection_is_entered_and_left(knetd, web):
    watch = Watch(knetd, f"{SVC}?watch=true&labelSelector=on&resourceVersion={web['metadata']['resourceVersion']}")
    try:
        for labels in ({"on": "1"}, {"on": "2"}, {"on": None}):
            knetd.api("PATCH", SVC + "/web", {"metadata": {"labels": labels}}, "application/merge-patch+json")
        assert watch.wait(3) == [("ADDED", "web"), ("MODIFIED", "web"), ("DELETED", "web")]
    finally:
        watch.stop()


def test_watch_too_old_and_send_initial_events(knetd):
    watch = Watch(knetd, SVC + "?watch=true&resourceVersion=1")
    try:
        watch.wait(1)
        assert watch.events[0]["type"] == "ERROR" and watch.events[0]["object"]["code"] == 410
        assert watch.ended.wait(5)
    finally:
        watch.stop()
    assert knetd.api("GET", SVC + "?watch=true&sendInitialEvents=true")[0] == 422


def raw(knetd, data):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(knetd.socket)
    s.sendall(data)
    got = b""
    while chunk := s.recv(65536):
        got += chunk
    return got


def test_bytes_that_are_not_http(knetd):
    assert raw(knetd, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(knetd, b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(knetd, b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n").startswith(b"HTTP/1.1 413")


def test_chunked_body_and_pipelining(knetd):
    body = json.dumps({"metadata": {"name": "chunky"}}).encode()
    data = (b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
            b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5]), body[i:i + 5]) for i in range(0, len(body), 5)) + b"0\r\n\r\n" +
            b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nDELETE /api/v1/namespaces/chunky HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = raw(knetd, data)
    assert got.count(b"HTTP/1.1 ") == 3 and got.startswith(b"HTTP/1.1 201"), got


def test_loopback_door_refuses_browsers(knetd_factory):
    daemon = knetd_factory(ini="[api]\ninsecure_listen = 127.0.0.1:8001")

    def code(*options):
        return daemon.exec("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, "http://127.0.0.1:8001/version").stdout

    assert code() == "200"
    assert code("-H", "Host: evil.example") == "403"
    assert code("-H", "Origin: http://evil.example") == "403"


def test_keep_alive_serves_many(knetd):
    c = http.client.HTTPConnection("localhost")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(knetd.socket)
    for _ in range(50):
        c.request("GET", SVC)
        assert json.loads(c.getresponse().read())["kind"] == "ServiceList"
    c.close()


def test_wrong_ini_names_file_and_line(knetd, tmp_path):
    from daemon import BINARY
    for text, words in (("[node]\nnme = x\n", ":2: [node] nme: unknown key"), ("[nod]\nname = x\n", "unknown section"),
                        ("[podnet]\nmtu = big\n", ":2: [podnet] mtu"), ("[api]\ninsecure_listen = 10.0.0.1:80\n", "loopback"),
                        ("nonsense\n", ":1:")):
        ini = tmp_path / "x.ini"
        ini.write_text(text, encoding="utf-8")
        p = subprocess.run([BINARY, "-t", "-c", str(ini)], capture_output=True, text=True, check=False)
        assert p.returncode == 1 and words in p.stderr and str(ini) in p.stderr, p.stderr
    p = subprocess.run([BINARY, "-t", "-c", "etc/knetd.ini"], capture_output=True, text=True, check=False,
                       cwd=BINARY.rsplit("/build/", 1)[0])
    assert p.returncode == 0, p.stderr
