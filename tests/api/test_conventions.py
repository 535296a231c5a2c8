"""The REST API as its clients meet it: verbs, words, selectors, patches, watches, doors."""

import http.client
import json
import socket
import threading
import time

import pytest
from daemon import Watch

SERVICES = "/api/v1/namespaces/default/services"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def service(name, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": 80}], **spec}}


def configmap(name, labels=None, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}}, "data": data}


def create(knetd, path, body, query=""):
    status, answer = knetd.api("POST", path + query, body)
    assert status == 201, answer
    return answer


def fields(status):
    return {(c["field"], c["message"]) for c in status["details"]["causes"]}


# ---- discovery and health ----------------------------------------------------------------------------


def test_health_and_version(knetd):
    for path in ("/livez", "/readyz", "/healthz", "/readyz/"):
        assert knetd.api("GET", path) == (200, "ok")
    assert knetd.api("GET", "/version")[1]["gitVersion"].startswith("v1.")


def test_discovery_names_every_kind(knetd):
    assert knetd.api("GET", "/api")[1]["versions"] == ["v1"]
    groups = {g["name"] for g in knetd.api("GET", "/apis")[1]["groups"]}
    assert groups == {"discovery.k8s.io", "networking.k8s.io", "gateway.networking.k8s.io", "policy.networking.k8s.io", "knetd.io",
                      "authorization.k8s.io", "authentication.k8s.io"}
    names = {r["name"]: r for r in knetd.api("GET", "/api/v1")[1]["resources"]}
    assert {"namespaces", "pods", "services", "services/status", "configmaps", "secrets", "events"} <= set(names)
    assert names["services"]["shortNames"] == ["svc"] and names["services"]["categories"] == ["all"]
    assert "patch" in names["services"]["verbs"]
    assert knetd.api("GET", "/apis/networking.k8s.io")[1]["preferredVersion"]["version"] == "v1"
    names = {r["name"] for r in knetd.api("GET", "/apis/networking.k8s.io/v1")[1]["resources"]}
    assert {"ingresses", "ingressclasses", "networkpolicies"} <= names


def test_metrics(knetd):
    status, text = knetd.api("GET", "/metrics")
    assert status == 200
    for name in ("apiserver_request_total{verb=\"GET\",code=\"2xx\"}", "process_resident_memory_bytes",
                 "process_open_fds", "process_cpu_seconds_total", "knetd_objects{kind=\"Namespace\"}"):
        assert name in text


def test_first_namespaces_exist(knetd):
    names = [o["metadata"]["name"] for o in knetd.api("GET", "/api/v1/namespaces")[1]["items"]]
    assert names == ["default", "kube-system"]


@pytest.mark.parametrize("method,path,code,reason", [
    ("GET", "/nonsense", 404, "NotFound"),
    ("GET", "/api/v1/widgets", 404, "NotFound"),
    ("GET", SERVICES + "/absent", 404, "NotFound"),
    ("DELETE", "/api/v1/services", 405, "MethodNotAllowed"),
    ("POST", "/apis/knetd.io/v1alpha1/namespaces/default/podnetworks", 405, "MethodNotAllowed"),
    ("GET", CONFIGMAPS + "/x/status", 404, "NotFound"),
    ("DELETE", "/api/v1/namespaces/default", 403, "Forbidden"),
    ("GET", SERVICES + "?labelSelector=a%20in", 400, "BadRequest"),
    ("GET", SERVICES + "?fieldSelector=spec.colour%3Dred", 400, "BadRequest"),
    ("GET", SERVICES + "/%FF", 404, "NotFound"),
])
def test_refusals_are_status_objects(knetd, method, path, code, reason):
    status, answer = knetd.api(method, path, {} if method == "POST" else None)
    assert status == code, answer
    assert (answer["kind"], answer["status"], answer["reason"], answer["code"]) == ("Status", "Failure", reason, code)


# ---- create, read, update, delete ------------------------------------------------------------------------


def test_create_get_update_delete(knetd):
    made = create(knetd, CONFIGMAPS, configmap("life", a="1"))
    meta = made["metadata"]
    assert meta["uid"] and meta["creationTimestamp"].endswith("Z") and int(meta["resourceVersion"]) > 0
    assert knetd.api("GET", CONFIGMAPS + "/life")[1] == made
    status, answer = knetd.api("POST", CONFIGMAPS, configmap("life"))
    assert (status, answer["reason"], answer["message"]) == (409, "AlreadyExists", 'configmaps "life" already exists')

    made["data"]["a"] = "2"
    status, second = knetd.api("PUT", CONFIGMAPS + "/life", made)
    assert status == 200 and second["metadata"]["uid"] == meta["uid"]
    assert int(second["metadata"]["resourceVersion"]) > int(meta["resourceVersion"])
    made["data"]["a"] = "3"
    status, answer = knetd.api("PUT", CONFIGMAPS + "/life", made)
    assert (status, answer["reason"]) == (409, "Conflict")
    assert knetd.api("PUT", CONFIGMAPS + "/life", second)[1] == second  # nothing changed: the version stays
    assert knetd.api("PUT", CONFIGMAPS + "/other", made)[0] == 404

    status, answer = knetd.api("DELETE", CONFIGMAPS + "/life", {"preconditions": {"uid": "someone-else"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    status, answer = knetd.api("DELETE", CONFIGMAPS + "/life")
    assert (status, answer["status"], answer["details"]["uid"]) == (200, "Success", meta["uid"])
    assert knetd.api("GET", CONFIGMAPS + "/life")[0] == 404
    assert knetd.api("DELETE", CONFIGMAPS + "/life")[0] == 404


def test_which_object_is_meant(knetd):
    """A create that names a version means one that was there; a write that names a uid means that very object."""
    body = configmap("meant")
    body["metadata"]["resourceVersion"] = "17"
    status, answer = knetd.api("POST", CONFIGMAPS, body)
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert answer["message"] == "resourceVersion should not be set on objects to be created"
    body["metadata"]["resourceVersion"] = "0"
    meta = create(knetd, CONFIGMAPS, body)["metadata"]
    other = configmap("meant", v="other")
    other["metadata"]["uid"] = "someone-else"
    status, answer = knetd.api("PUT", CONFIGMAPS + "/meant", other)
    assert (status, answer["reason"]) == (409, "Conflict")
    assert answer["message"].endswith("Precondition failed: UID in precondition: someone-else, "
                                      f"UID in object meta: {meta['uid']}")
    assert knetd.api("GET", CONFIGMAPS + "/meant")[1]["metadata"]["resourceVersion"] == meta["resourceVersion"]
    other["metadata"]["uid"] = meta["uid"]
    assert knetd.api("PUT", CONFIGMAPS + "/meant", other)[0] == 200


def test_identity_comes_from_the_path(knetd):
    made = create(knetd, CONFIGMAPS, {"metadata": {"generateName": "gen-"}})
    assert made["kind"] == "ConfigMap" and made["apiVersion"] == "v1"
    assert made["metadata"]["namespace"] == "default" and len(made["metadata"]["name"]) == 9
    for wrong in ({"kind": "Secret"}, {"metadata": {"name": "x", "namespace": "other"}}, {"apiVersion": "v2"}):
        assert knetd.api("POST", CONFIGMAPS, {"metadata": {"name": "x"}, **wrong})[0] == 400
    assert knetd.api("PUT", CONFIGMAPS + "/" + made["metadata"]["name"], configmap("other"))[0] == 400
    status, answer = knetd.api("POST", "/api/v1/namespaces/nowhere/configmaps", configmap("x"))
    assert (status, answer["message"]) == (404, 'namespaces "nowhere" not found')


@pytest.mark.parametrize("ctype,body,code", [
    ("application/json", "", 400),
    ("application/json", "{", 400),
    ("application/json", "[]", 400),
    ("application/json", '"text"', 400),
    ("application/json", '{"metadata":"text"}', 422),
    ("application/json", '{"metadata":null}', 422),
    ("application/json", "[" * 100000, 400),
    ("application/yaml", "a: b: c", 400),
    ("application/yaml", "metadata: {name: a}\n---\nmetadata: {name: b}\n", 400),
    ("application/vnd.kubernetes.protobuf", "k8s\0", 422),
    ("application/vnd.kubernetes.protobuf", "k8s", 400),
    ("text/plain", "x", 415),
])
def test_bodies_that_cannot_be_read(knetd, ctype, body, code):
    status, answer = knetd.api("POST", CONFIGMAPS, body, ctype)
    assert status == code and answer["kind"] == "Status", answer


def test_yaml_in_and_out(knetd):
    text = "metadata:\n  name: yaml\n  labels: {on: \"yes\", n: \"1\"}\ndata:\n  port: \"80\"\n  empty:\n  text: |\n    a: b\n"
    status, made = knetd.api("POST", CONFIGMAPS, text, "application/yaml")
    assert status == 201 and made["data"] == {"port": "80", "empty": "", "text": "a: b\n"}, made
    status, out = knetd.api("GET", CONFIGMAPS + "/yaml", headers={"Accept": "application/yaml"})
    assert status == 200 and knetd.headers["Content-Type"] == "application/yaml"
    assert knetd.api("PUT", CONFIGMAPS + "/yaml", out, "application/yaml")[1] == made
    assert knetd.api("GET", CONFIGMAPS, headers={"Accept": "application/yaml"})[1].startswith("kind: ConfigMapList")
    assert knetd.api("GET", CONFIGMAPS, headers={"Accept": "application/vnd.kubernetes.protobuf"})[0] == 406


def test_lists_are_sorted_and_selected(knetd):
    ns = "/api/v1/namespaces"
    create(knetd, ns, {"metadata": {"name": "lists"}})
    path = ns + "/lists/configmaps"
    for name, labels in (("c", {"app": "web", "tier": "front"}), ("a", {"app": "web"}), ("b", {"app": "db"})):
        create(knetd, path, configmap(name, labels))
    names = lambda query: [o["metadata"]["name"] for o in knetd.api("GET", path + query)[1]["items"]]  # noqa: E731
    assert names("") == ["a", "b", "c"]
    assert names("?labelSelector=app%3Dweb") == ["a", "c"]
    assert names("?labelSelector=app%3D%3Dweb,!tier") == ["a"]
    assert names("?labelSelector=app+notin+(web,x)") == ["b"]
    assert names("?labelSelector=app+in+(web,db),tier") == ["c"]
    assert names("?labelSelector=tier!%3Dfront") == ["a", "b"]
    assert names("?fieldSelector=metadata.name%3Db") == ["b"]
    assert names("?limit=2&pretty=true") == ["a", "b"]
    everywhere = knetd.api("GET", "/api/v1/configmaps?labelSelector=app%3Ddb")[1]
    assert [o["metadata"]["namespace"] for o in everywhere["items"]] == ["lists"]
    assert everywhere["kind"] == "ConfigMapList" and int(everywhere["metadata"]["resourceVersion"]) > 0

    status, _ = knetd.api("DELETE", path + "?labelSelector=app%3Dweb")
    assert status == 200 and names("") == ["b"]


def test_namespace_goes_with_all_that_is_in_it(knetd):
    create(knetd, "/api/v1/namespaces", {"metadata": {"name": "gone"}})
    create(knetd, "/api/v1/namespaces/gone/configmaps", configmap("x"))
    ip = create(knetd, "/api/v1/namespaces/gone/services", service("x"))["spec"]["clusterIP"]
    assert knetd.api("DELETE", "/api/v1/namespaces/gone")[0] == 200
    assert knetd.api("GET", "/api/v1/namespaces/gone/configmaps")[1]["items"] == []
    assert knetd.api("GET", "/api/v1/namespaces/gone/services/x")[0] == 404
    create(knetd, SERVICES, service("heir", clusterIP=ip))
    knetd.api("DELETE", SERVICES + "/heir")


def test_dry_run_changes_nothing(knetd):
    made = create(knetd, SERVICES, service("dry"), "?dryRun=All")
    assert made["spec"]["clusterIP"] and knetd.api("GET", SERVICES + "/dry")[0] == 404
    create(knetd, SERVICES, service("dry", clusterIP=made["spec"]["clusterIP"]))  # it was not taken
    assert knetd.api("DELETE", SERVICES + "/dry?dryRun=All")[0] == 200
    assert knetd.api("DELETE", SERVICES + "/dry", {"dryRun": ["All"]})[0] == 200
    assert knetd.api("GET", SERVICES + "/dry")[0] == 200
    assert knetd.api("DELETE", SERVICES + "/dry?dryRun=true")[0] == 422
    assert knetd.api("DELETE", SERVICES + "/dry")[0] == 200


def test_status_has_its_own_door(knetd):
    made = create(knetd, SERVICES, {**service("st", type="LoadBalancer"), "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    assert made["status"] == {"loadBalancer": {}}
    made["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}
    made["spec"]["sessionAffinity"] = "ClientIP"
    status, answer = knetd.api("PUT", SERVICES + "/st/status", made)
    assert status == 200 and answer["spec"]["sessionAffinity"] == "None"
    made["status"]["loadBalancer"]["ingress"][0]["ipMode"] = "VIP"
    assert answer["status"] == made["status"]
    answer["status"] = {}
    assert knetd.api("PUT", SERVICES + "/st", answer)[1]["status"] == made["status"]
    patch = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"sessionAffinity": "ClientIP"}}
    status, answer = knetd.api("PATCH", SERVICES + "/st/status", patch, "application/merge-patch+json")
    assert status == 200 and answer["status"]["conditions"][0]["type"] == "Ready"
    assert answer["spec"]["sessionAffinity"] == "None" and answer["metadata"]["generation"] == 1


# ---- what is checked ------------------------------------------------------------------------------------------


def test_all_errors_are_told_at_once(knetd):
    bad = service("bad", type="Nonsense", ports=[{"port": 0}, {"name": "b", "port": 70000, "protocol": "ICMP"}])
    status, answer = knetd.api("POST", SERVICES, bad)
    assert status == 422 and answer["reason"] == "Invalid" and answer["details"]["kind"] == "Service"
    assert answer["message"].startswith('Service "bad" is invalid: [')
    assert fields(answer) == {
        ("spec.type", 'Unsupported value: "Nonsense": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
        ("spec.ports[0].port", "Invalid value: 0: must be between 1 and 65535, inclusive"),
        ("spec.ports[0].name", "Required value"),
        ("spec.ports[0].targetPort", "Invalid value: 0: must be between 1 and 65535, inclusive"),
        ("spec.ports[1].port", "Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ("spec.ports[1].targetPort", "Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ("spec.ports[1].protocol", 'Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'),
    }


def test_wrong_types_name_their_path(knetd):
    status, answer = knetd.api("POST", SERVICES, service("bad", ports=[{"port": "80"}], selector={"a": 1}))
    assert status == 422 and {c["field"] for c in answer["details"]["causes"]} == {"spec.ports[0].port", "spec.selector.a"}


def test_unknown_fields_are_kept_and_told(knetd):
    made = create(knetd, SERVICES, service("odd", selektor={"a": "b"}))
    assert made["spec"]["selektor"] == {"a": "b"}
    assert knetd.headers["Warning"] == '299 - "unknown field \\"spec.selektor\\""'
    status, answer = knetd.api("POST", SERVICES + "?fieldValidation=Strict", service("odd2", selektor={}))
    assert status == 400 and 'strict decoding error: unknown field "spec.selektor"' in answer["message"]
    create(knetd, SERVICES, service("odd2", selektor={}), "?fieldValidation=Ignore")
    assert knetd.headers["Warning"] is None


def test_nulls_are_nothing(knetd):
    status, answer = knetd.api("POST", SERVICES, {"metadata": {"name": "nul"}, "spec": None, "status": None})
    assert status == 422 and ("spec.ports", "Required value") in fields(answer)
    body = service("nul", selector=None, clusterIP=None, type=None)
    body["metadata"]["annotations"] = {"empty": None}
    made = create(knetd, SERVICES, body)
    assert made["metadata"]["annotations"] == {"empty": ""} and "selector" not in made["spec"]


def test_cut_messages_stay_text(knetd):
    status, answer = knetd.api("POST", SERVICES, service("x", type="ü" * 200))
    assert status == 422 and "\ufffd" in answer["message"] or "ü" in answer["message"]


def test_network_policy_defaults(knetd):
    path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
    made = create(knetd, path, {"metadata": {"name": "p"}, "spec": {"podSelector": {}, "egress": [{}]}})
    assert made["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "Warning" not in knetd.headers


# ---- Services ------------------------------------------------------------------------------------------------------


def test_service_defaults(knetd):
    spec = create(knetd, SERVICES, service("plain"))["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("ClusterIP", "None", "Cluster")
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("SingleStack", ["IPv4"])
    assert spec["clusterIPs"] == [spec["clusterIP"]] and spec["clusterIP"].startswith("10.96.")


def test_service_families(knetd):
    dual = create(knetd, SERVICES, service("dual", ipFamilyPolicy="PreferDualStack"))
    assert dual["spec"]["ipFamilies"] == ["IPv4", "IPv6"] and len(dual["spec"]["clusterIPs"]) == 2
    dual["spec"]["ipFamilyPolicy"] = "SingleStack"
    status, single = knetd.api("PUT", SERVICES + "/dual", dual)
    assert status == 200 and single["spec"]["clusterIPs"] == dual["spec"]["clusterIPs"][:1]
    assert single["spec"]["ipFamilies"] == ["IPv4"]
    six = create(knetd, SERVICES, service("six", ipFamilies=["IPv6"]))
    assert ":" in six["spec"]["clusterIP"]
    both = create(knetd, SERVICES, service("both", ipFamilies=["IPv6", "IPv4"], ipFamilyPolicy="RequireDualStack"))
    assert both["spec"]["ipFamilyPolicy"] == "RequireDualStack" and ":" in both["spec"]["clusterIP"]
    status, answer = knetd.api("POST", SERVICES, service("mix", clusterIP="10.96.7.7", ipFamilies=["IPv6"]))
    assert status == 422, answer


def test_headless_and_external(knetd):
    spec = create(knetd, SERVICES, service("headless", clusterIP="None"))["spec"]
    assert spec["clusterIPs"] == ["None"]
    spec = create(knetd, SERVICES, {"metadata": {"name": "ext"},
                                    "spec": {"type": "ExternalName", "externalName": "example.com"}})["spec"]
    assert "clusterIP" not in spec and "ipFamilies" not in spec
    assert knetd.api("POST", SERVICES, service("x", clusterIP="None", type="NodePort"))[0] == 422


def test_addresses_are_unique_and_kept(knetd):
    create(knetd, SERVICES, service("wish", clusterIP="10.96.3.3"))
    for ip, why in (("10.96.3.3", "already allocated"), ("10.96.0.10", "already allocated"),
                    ("192.0.2.1", "not in the valid range"), ("10.96.0.300", "must be a valid IP")):
        status, answer = knetd.api("POST", SERVICES, service("late", clusterIP=ip))
        assert status == 422 and answer["details"]["causes"][0]["field"].startswith("spec.clusterIPs")
        assert why in answer["message"]
    status, kept = knetd.api("PUT", SERVICES + "/wish", service("wish", selector={"a": "b"}))
    assert status == 200 and kept["spec"]["clusterIP"] == "10.96.3.3"
    status, answer = knetd.api("PUT", SERVICES + "/wish", service("wish", clusterIP="10.96.3.4"))
    assert status == 422 and ("spec.clusterIPs[0]", 'Invalid value: ["10.96.3.4"]: may not change once set') in fields(answer)
    knetd.api("DELETE", SERVICES + "/wish")
    create(knetd, SERVICES, service("late", clusterIP="10.96.3.3"))


@pytest.mark.parametrize("spec,field", [
    ({"clusterIPs": ["10.96.1.1"]}, "spec.clusterIPs"),
    ({"clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.2"]}, "spec.clusterIPs"),
    ({"clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.1", "x"]}, "spec.clusterIPs[1]"),
    ({"externalIPs": ["x"]}, "spec.externalIPs[0]"),
    ({"ports": [{"port": 80, "nodePort": 30000}]}, "spec.ports[0].nodePort"),
    ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}, "spec.ports[0].nodePort"),
    ({"externalTrafficPolicy": "Local"}, "spec.externalTrafficPolicy"),
    ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies[0]"),
    ({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}, "spec.ports[1]"),
    ({"ports": [{"name": f"p{i}", "port": i + 1} for i in range(300)]}, "spec.ports"),
])
def test_service_mistakes(knetd, spec, field):
    status, answer = knetd.api("POST", SERVICES, service("mistake", **spec))
    assert status == 422 and field in {c["field"] for c in answer["details"]["causes"]}, answer


def test_node_ports(knetd):
    first = create(knetd, SERVICES, service("np", type="NodePort"))
    port = first["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767 and first["spec"]["externalTrafficPolicy"] == "Cluster"
    status, answer = knetd.api("POST", SERVICES, service("np2", type="NodePort", ports=[{"port": 1, "nodePort": port}]))
    assert status == 422 and "already allocated" in answer["message"]
    kept = knetd.api("PUT", SERVICES + "/np", service("np", type="NodePort"))[1]
    assert kept["spec"]["ports"][0]["nodePort"] == port
    kept["spec"]["type"] = "ClusterIP"  # what was given is given back
    status, plain = knetd.api("PUT", SERVICES + "/np", kept)
    assert status == 200 and "nodePort" not in plain["spec"]["ports"][0] and "externalTrafficPolicy" not in plain["spec"]
    create(knetd, SERVICES, service("np2", type="NodePort", ports=[{"port": 1, "nodePort": port}]))


def test_addresses_survive_a_restart(knetd_factory):
    daemon = knetd_factory()
    made = create(daemon, SERVICES, service("stays"))
    daemon.stop()
    daemon.start()
    assert daemon.api("GET", SERVICES + "/stays")[1] == made
    status, answer = daemon.api("POST", SERVICES, service("late", clusterIP=made["spec"]["clusterIP"]))
    assert status == 422, answer
    assert create(daemon, SERVICES, service("other"))["spec"]["clusterIP"] != made["spec"]["clusterIP"]


# ---- patches ----------------------------------------------------------------------------------------------------------

MERGE, JSON, STRATEGIC = ("application/" + t for t in
                          ("merge-patch+json", "json-patch+json", "strategic-merge-patch+json"))


def test_merge_patch(knetd):
    create(knetd, CONFIGMAPS, configmap("mp", {"x": "1"}, a="1", b="2"))
    status, answer = knetd.api("PATCH", CONFIGMAPS + "/mp", {"data": {"a": None, "c": "3"}}, MERGE)
    assert status == 200 and answer["data"] == {"b": "2", "c": "3"} and answer["metadata"]["labels"] == {"x": "1"}
    status, answer = knetd.api("PATCH", CONFIGMAPS + "/mp", {"metadata": {"resourceVersion": "1"}}, MERGE)
    assert (status, answer["reason"]) == (409, "Conflict")
    assert knetd.api("PATCH", CONFIGMAPS + "/mp", {"metadata": {"name": "other"}}, MERGE)[0] == 400
    assert knetd.api("PATCH", CONFIGMAPS + "/absent", {}, MERGE)[0] == 404


def test_json_patch(knetd):
    create(knetd, CONFIGMAPS, configmap("jp", a="1"))
    steps = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "copy", "from": "/data/a", "path": "/data/b"},
             {"op": "add", "path": "/metadata/annotations", "value": {}},
             {"op": "move", "from": "/data/a", "path": "/metadata/annotations/c~1d"}, {"op": "replace", "path": "/data/b", "value": "2"},
             {"op": "add", "path": "/metadata/finalizers", "value": ["x/y"]},
             {"op": "add", "path": "/metadata/finalizers/0", "value": "v/w"},
             {"op": "remove", "path": "/metadata/finalizers/1"}]
    status, answer = knetd.api("PATCH", CONFIGMAPS + "/jp", steps, JSON)
    assert status == 200 and answer["data"] == {"b": "2"} and answer["metadata"]["finalizers"] == ["v/w"]
    assert answer["metadata"]["annotations"] == {"c/d": "1"}
    for bad in ([{"op": "test", "path": "/data/b", "value": "9"}], [{"op": "remove", "path": "/data/none"}],
                [{"op": "replace", "path": "/data/none", "value": "1"}], [{"op": "dance", "path": "/data"}],
                [{"op": "move", "from": "/data", "path": "/data/b/x"}], [{}],
                [{"op": "add", "path": "/data/x/y/z", "value": 1}],
                [{"op": "copy", "from": "/data", "path": "/data/x"}] * 40):
        status, answer = knetd.api("PATCH", CONFIGMAPS + "/jp", bad, JSON)
        assert status == 422, (bad, answer)
    answer = knetd.api("PATCH", CONFIGMAPS + "/jp", [{"op": "test", "path": "/data/b", "value": "9"}], JSON)[1]
    assert answer["message"].startswith("the server rejected our request due to an error in our request")


def test_custom_kinds_have_no_strategic_patch(knetd):
    path = "/apis/gateway.networking.k8s.io/v1/gatewayclasses/x"
    status, answer = knetd.api("PATCH", path, {}, STRATEGIC)
    assert status == 415 and MERGE in answer["message"] and STRATEGIC not in answer["message"]
    assert knetd.api("PATCH", path, {}, MERGE)[0] == 404


def test_strategic_patch_merges_ports_by_number(knetd):
    create(knetd, SERVICES, service("smp", ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}]))
    patch = {"spec": {"$setElementOrder/ports": [{"port": 82}, {"port": 80}],
                      "ports": [{"port": 82, "name": "c"}, {"port": 80, "targetPort": 8080}, {"$patch": "delete", "port": 81}]}}
    status, answer = knetd.api("PATCH", SERVICES + "/smp", patch, STRATEGIC)
    assert status == 200
    assert [(p["port"], p["name"], p["targetPort"]) for p in answer["spec"]["ports"]] == [(82, "c", 82), (80, "a", 8080)]
    status, answer = knetd.api("PATCH", SERVICES + "/smp", {"spec": {"selector": {"app": "x"}, "ports": None}}, STRATEGIC)
    assert status == 422 and ("spec.ports", "Required value") in fields(answer)
    patch = {"spec": {"ports": [{"name": "nameless"}]}}
    assert knetd.api("PATCH", SERVICES + "/smp", patch, STRATEGIC)[0] == 400
    patch = {"spec": {"ports": [{"$patch": "replace"}, {"port": 9}], "selector": {"$patch": "replace", "k": "v"}}}
    status, answer = knetd.api("PATCH", SERVICES + "/smp", patch, STRATEGIC)
    assert [p["port"] for p in answer["spec"]["ports"]] == [9] and answer["spec"]["selector"] == {"k": "v"}


# ---- tables --------------------------------------------------------------------------------------------------------------

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def test_every_kind_has_its_table(knetd):
    for base in ("/api/v1", "/apis/networking.k8s.io/v1", "/apis/discovery.k8s.io/v1", "/apis/knetd.io/v1alpha1"):
        for r in knetd.api("GET", base)[1]["resources"]:
            if "/" in r["name"]:
                continue
            status, table = knetd.api("GET", f"{base}/{r['name']}", headers=TABLE)
            assert status == 200 and table["kind"] == "Table", table
            for row in table["rows"]:
                assert len(row["cells"]) == len(table["columnDefinitions"])


def test_service_table(knetd):
    create(knetd, SERVICES, service("tab", clusterIP="10.96.4.4", selector={"a": "b"}))
    table = knetd.api("GET", SERVICES + "/tab", headers=TABLE)[1]
    cells = dict(zip([c["name"] for c in table["columnDefinitions"]], table["rows"][0]["cells"]))
    assert cells.pop("Age").endswith("s")
    assert cells == {"Name": "tab", "Type": "ClusterIP", "Cluster-IP": "10.96.4.4", "External-IP": "<none>",
                     "Port(s)": "80/TCP", "Selector": "a=b"}
    row = table["rows"][0]["object"]
    assert row["kind"] == "PartialObjectMetadata" and row["metadata"]["name"] == "tab" and "spec" not in row
    table = knetd.api("GET", SERVICES + "/tab?includeObject=Object", headers=TABLE)[1]
    assert table["rows"][0]["object"]["spec"]["clusterIP"] == "10.96.4.4"


# ---- POST /apply -----------------------------------------------------------------------------------------------------------

FILE = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  ports:
  - port: %s
---
# a comment alone

---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
"""


def apply(knetd, text, query=""):
    return knetd.api("POST", "/apply" + query, text, "application/yaml")


def test_apply_tells_every_document(knetd):
    status, answer = knetd.api("POST", "/apply", FILE % 80, "application/x-www-form-urlencoded")
    assert status == 200, answer
    told = [(r["kind"], r["name"], r["result"], r["line"]) for r in answer["results"]]
    assert told == [("Namespace", "shop", "created", 1), ("Service", "web", "created", 5), ("Deployment", "web", "skipped", 17)]
    assert (answer["created"], answer["skipped"]) == (2, 1) and "Deployment web is skipped" in knetd.headers["Warning"]
    again = apply(knetd, FILE % 80)[1]
    assert [r["result"] for r in again["results"]] == ["unchanged", "unchanged", "skipped"]
    changed = apply(knetd, FILE % 81)[1]
    assert [r["result"] for r in changed["results"]] == ["unchanged", "configured", "skipped"]


def test_apply_is_all_or_nothing(knetd):
    text = (FILE % 70000).replace("shop", "shop2")
    status, answer = apply(knetd, text)
    assert status == 422 and answer["reason"] == "Invalid"
    cause = answer["details"]["causes"][0]
    assert (cause["document"], cause["line"], cause["kind"], cause["name"]) == (2, 5, "Service", "web")
    assert cause["field"] == "spec.ports[0].port" and "70000" in cause["message"]
    assert [r["result"] for r in answer["results"]] == ["valid, not applied", "invalid", "skipped"]
    assert knetd.api("GET", "/api/v1/namespaces/shop2")[0] == 404


@pytest.mark.parametrize("text,field", [
    ("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: nowhere}\nspec: {ports: [{port: 1}]}", "metadata.namespace"),
    ("apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x}", "kind"),
    ("apiVersion: knetd.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: x}", "kind"),
    ("kind: Service\nmetadata: {name: x}", "apiVersion"),
    ("apiVersion: v1\nmetadata: {name: x}", "kind"),
    ("apiVersion: v1\nkind: Service", "metadata.name"),
    ("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:", "spec.ports"),
])
def test_apply_refuses(knetd, text, field):
    status, answer = apply(knetd, text)
    assert status == 422 and answer["details"]["causes"][0]["field"] == field, answer


def test_apply_names_the_line_of_bad_yaml(knetd):
    status, answer = apply(knetd, "a: 1\nb: [1\nc: 2\n")
    assert status == 400 and answer["message"].startswith("line 3: ")
    status, answer = apply(knetd, "a: 1\na: 2\n")
    assert status == 400 and answer["message"] == 'line 2: key "a" is given twice'


def test_apply_takes_json_and_lists(knetd):
    items = [configmap("l1"), {**configmap("l2"), "metadata": {"name": "l2"}}]
    status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})
    assert status == 200 and [r["name"] for r in answer["results"]] == ["l1", "l2"]
    assert knetd.api("GET", CONFIGMAPS + "/l2")[0] == 200
    status, answer = knetd.api("POST", "/apply?dryRun=All", configmap("l3"))
    assert status == 200 and knetd.api("GET", CONFIGMAPS + "/l3")[0] == 404


def test_apply_keeps_what_the_server_gave(knetd):
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: ak}\nspec: {type: NodePort, ports: [{port: 80}]}\n"
    apply(knetd, text)
    first = knetd.api("GET", SERVICES + "/ak")[1]["spec"]
    assert apply(knetd, text)[1]["unchanged"] == 1
    apply(knetd, text.replace("port: 80", "port: 80, targetPort: http"))
    second = knetd.api("GET", SERVICES + "/ak")[1]["spec"]
    assert second["clusterIP"] == first["clusterIP"] and second["ports"][0]["nodePort"] == first["ports"][0]["nodePort"]


def processor_seconds(knetd):
    """What the daemon has used: how busy the machine is does not count."""
    with open(f"/proc/{knetd.process.pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def test_aliases_cannot_blow_up(knetd):
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join(['*a%d' % (i - 1)] * 10)}]\n" for i in range(1, 12))
    deep = "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {'{k: ' * 30}*a{i - 1}{'}' * 30}\n" for i in range(1, 500))
    long = "a: &a " + "x" * 1000000 + "\nb: [" + ",".join(["*a"] * 100000) + "]\n"
    for text in (laughs, deep, long):
        began = processor_seconds(knetd)
        assert apply(knetd, text)[0] == 400
        assert processor_seconds(knetd) - began < 5


def test_no_request_keeps_the_api_busy(knetd):
    many = {f"k{i}": "" for i in range(100000)}
    body = {"metadata": {"name": "many"}, "stringData": many}
    ports = [{"name": f"p{i}", "port": i % 60000 + 1} for i in range(50000)]
    began = processor_seconds(knetd)
    assert knetd.api("POST", "/api/v1/namespaces/default/secrets", body)[0] == 400
    assert knetd.api("POST", "/apply", json.dumps(body), "application/yaml")[0] == 400
    assert knetd.api("POST", SERVICES, service("many", ports=ports))[0] == 422
    assert processor_seconds(knetd) - began < 5


# ---- watches ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(knetd):
    """An empty namespace."""
    name = create(knetd, "/api/v1/namespaces", {"metadata": {"generateName": "w-"}})["metadata"]["name"]
    return f"/api/v1/namespaces/{name}/configmaps"


def test_watch_begins_with_the_present(knetd, place):
    create(knetd, place, configmap("a"))
    with Watch(knetd, place + "?watch=true") as w:
        assert w.response.status == 200 and w.told(1) == [("ADDED", "a")]
        create(knetd, place, configmap("b"))
        knetd.api("PUT", place + "/a", configmap("a", x="1"))
        version = int(knetd.api("GET", place)[1]["metadata"]["resourceVersion"])
        knetd.api("DELETE", place + "/a")
        assert w.told(2) == [("ADDED", "b"), ("MODIFIED", "a")]
        gone = w.event()
        assert gone["type"] == "DELETED" and gone["object"]["data"] == {"x": "1"}
        assert int(gone["object"]["metadata"]["resourceVersion"]) > version


def test_watch_goes_on_from_a_version(knetd, place):
    create(knetd, place, configmap("a"))
    version = knetd.api("GET", place)[1]["metadata"]["resourceVersion"]
    with Watch(knetd, f"{place}?watch=1&resourceVersion={version}") as w:
        create(knetd, place, configmap("b"))
        assert w.told(1) == [("ADDED", "b")]
    with Watch(knetd, f"{place}?watch=1&resourceVersion={version}") as w:
        assert w.told(1) == [("ADDED", "b")]


def test_watch_selects(knetd, place):
    with Watch(knetd, place + "?watch=true&labelSelector=on%3Dyes") as w:
        create(knetd, place, configmap("a"))
        knetd.api("PUT", place + "/a", configmap("a", {"on": "yes"}))
        knetd.api("PUT", place + "/a", configmap("a", {"on": "yes"}, k="v"))
        knetd.api("PUT", place + "/a", configmap("a", {"on": "no"}))
        create(knetd, place, configmap("b", {"on": "yes"}))
        assert w.told(4) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b")]
    with Watch(knetd, place + "?watch=true&fieldSelector=metadata.name%3Db&timeoutSeconds=1") as w:
        assert w.told(1) == [("ADDED", "b")] and w.event() is None


def test_watch_of_the_past_is_gone(knetd, place):
    with Watch(knetd, place + "?watch=true&resourceVersion=1") as w:
        event = w.event()
        assert event["type"] == "ERROR" and event["object"]["code"] == 410 and event["object"]["reason"] == "Expired"
        assert w.event() is None


def test_watch_ends_in_time_with_a_bookmark(knetd, place):
    with Watch(knetd, place + "?watch=true&timeoutSeconds=1&allowWatchBookmarks=true") as w:
        event = w.event()
        assert event["type"] == "BOOKMARK" and event["object"]["kind"] == "ConfigMap"
        assert int(event["object"]["metadata"]["resourceVersion"]) > 0 and w.event() is None


def test_watch_refuses(knetd, place):
    assert knetd.api("GET", place + "?watch=true&sendInitialEvents=true")[0] == 422
    assert knetd.api("GET", place + "?watch=true&resourceVersion=abc")[0] == 400
    assert knetd.api("GET", place + "?watch=true&labelSelector=!")[0] == 400


def test_watch_as_table(knetd, place):
    with Watch(knetd, place + "?watch=true", TABLE) as w:
        create(knetd, place, configmap("a"))
        create(knetd, place, configmap("b"))
        first, second = w.event()["object"], w.event()["object"]
        assert first["kind"] == "Table" and first["columnDefinitions"][0]["name"] == "Name" and first["rows"][0]["cells"][0] == "a"
        assert second["columnDefinitions"] is None and second["rows"][0]["cells"][0] == "b"


def test_large_present_is_watched_whole(knetd, place):
    for i in range(8):
        create(knetd, place, configmap(f"big{i}", text="x" * 900000))
    with Watch(knetd, place + "?watch=true") as w:
        assert {n for _, n in w.told(8)} == {f"big{i}" for i in range(8)}
        create(knetd, place, configmap("small"))
        assert w.told(1) == [("ADDED", "small")]


# ---- doors and connections ----------------------------------------------------------------------------------------------------------


def raw(knetd, data, wait=2.0):
    """All that comes back for these bytes."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(wait)
    s.connect(knetd.socket)
    out = b""
    try:
        s.sendall(data)
        while chunk := s.recv(65536):
            out += chunk
    except (TimeoutError, socket.timeout, BrokenPipeError, ConnectionResetError):
        pass
    finally:
        s.close()
    return out.decode(errors="replace")


def test_pipelined_requests_are_answered_in_order(knetd):
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /nonsense HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    out = raw(knetd, one * 20 + two)
    assert out.count("HTTP/1.1 200 OK") == 20 and out.rindex("404 Not Found") > out.rindex("200 OK")


def test_chunked_body_and_keep_alive(knetd):
    body = json.dumps(configmap("chunked")).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n"
    head = f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    out = raw(knetd, head.encode() + chunks + last)
    assert "201 Created" in out and out.endswith("ok")


def test_expect_continue(knetd):
    body = json.dumps(configmap("expected")).encode()
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(5)
    s.connect(knetd.socket)
    s.sendall(f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    assert s.recv(1000).startswith(b"HTTP/1.1 100 ")
    s.sendall(body)
    assert s.recv(1000).startswith(b"HTTP/1.1 201 ")
    s.close()


def test_bodies_have_an_end(knetd):
    head = f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert " 413 " in raw(knetd, (head % (4 << 20)).encode() + b"x" * (4 << 20))
    head = f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert " 413 " in raw(knetd, head.encode() + (b"100000\r\n" + b"x" * (1 << 20) + b"\r\n") * 4)
    status, answer = knetd.api("POST", CONFIGMAPS, configmap("huge", text="x" * (2 << 20)))
    assert (status, answer["details"]["causes"][0]["reason"]) == (422, "FieldValueTooLong")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "huge"},
           "spec": {"containers": [{"name": "a", "image": "x" * (2 << 20)}]}}
    status, answer = knetd.api("POST", "/api/v1/namespaces/default/pods", pod)
    assert (status, answer["reason"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("request_bytes", [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"\0" * 100,
                                           b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                                           b"GET / HTTP/1.1\r\nX: " + b"y" * 40000 + b"\r\n\r\n",
                                           b"POST /apply HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"])
def test_broken_requests_get_an_answer_and_an_end(knetd, request_bytes):
    out = raw(knetd, request_bytes)
    assert out == "" or out.split(" ")[1] in ("400", "431", "505"), out
    assert knetd.api("GET", "/livez")[0] == 200


def test_many_connections_are_bounded(knetd):
    held = []
    try:
        for _ in range(600):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.connect(knetd.socket)
            held.append(s)
        time.sleep(0.2)
        assert len(knetd.pids()) >= 1
    finally:
        for s in held:
            s.close()
    for _ in range(50):
        try:
            assert knetd.api("GET", "/livez")[0] == 200
            break
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    else:
        pytest.fail("the API did not come back")


def test_parallel_writers(knetd, place):
    def write(worker):
        for i in range(20):
            create(knetd, place, configmap(f"p{worker}-{i}"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(knetd.api("GET", place)[1]["items"]) == 160


def test_socket_mode(knetd):
    import os
    import stat
    assert stat.S_IMODE(os.stat(knetd.socket).st_mode) == 0o660


def test_plain_http_is_for_this_machine_only(knetd_factory):
    daemon = knetd_factory(ini="[api]\ninsecure_listen = 127.0.0.1:8001")

    def code(*headers):
        args = [a for h in headers for a in ("-H", h)]
        return daemon.exec("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *args,
                           "http://127.0.0.1:8001/api/v1/services").stdout

    assert code() == "200" and code("Host: localhost:8001") == "200" and code("Host: [::1]:8001") == "200"
    assert code("Host: evil.example") == "403" and code("Origin: http://evil.example") == "403"
    big = daemon.exec("sh", "-c", "head -c 5000000 /dev/zero | curl -s -o /dev/null -w '%{http_code}' -H Expect: "
                      "--data-binary @- http://127.0.0.1:8001/api/v1/namespaces").stdout
    assert big == "413"


def test_manifests_are_applied_at_start(knetd_factory):
    import os
    daemon = knetd_factory()
    daemon.stop()
    manifests = os.path.join(daemon.dir, "manifests")
    os.makedirs(manifests, exist_ok=True)
    for name, text in (("10-good.yaml", FILE % 80), ("20-bad.yaml", "kind: [\n"), ("30.json", json.dumps(configmap("m")))):
        with open(os.path.join(manifests, name), "w", encoding="utf-8") as f:
            f.write(text)
    daemon.start()
    assert daemon.api("GET", "/api/v1/namespaces/shop/services/web")[0] == 200
    assert daemon.api("GET", CONFIGMAPS + "/m")[0] == 200
    assert "20-bad.yaml" in daemon.logged()
