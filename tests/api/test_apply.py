"""Server-side apply: managers, conflicts, removal; and patches' options."""

import json

SERVICES = "/api/v1/namespaces/default/services"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


def apply(knetd, path, body, manager="me", query="", code=200):
    status, answer = knetd.api("PATCH", f"{path}?fieldManager={manager}{query}", body, APPLY)
    assert status == code, answer
    return answer


def configmap(name, labels=None, **data):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    if labels:
        body["metadata"]["labels"] = labels
    return body


def service(name, *ports, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list(ports), **spec}}


def managers(answer):
    return {(m["manager"], m["operation"]): m["fieldsV1"] for m in answer["metadata"].get("managedFields", [])}


def test_apply_creates_and_changes_nothing_twice(knetd):
    path = SERVICES + "/ssa"
    body = service("ssa", {"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}, selector={"a": "b"})
    made = apply(knetd, path, body, code=201)
    assert made["spec"]["clusterIP"] and made["spec"]["ports"][0]["targetPort"] == 80
    assert managers(made) == {("me", "Apply"): {"f:spec": {
        "f:selector": {},
        "f:ports": {'k:{"port":53,"protocol":"UDP"}': {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}},
                    'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}}}}}
    assert made["metadata"]["managedFields"][0]["time"] and made["metadata"]["managedFields"][0]["fieldsType"] == "FieldsV1"
    assert apply(knetd, path, json.dumps(body)) == made
    yaml = "apiVersion: v1\nkind: Service\nspec:\n  selector: {a: b}\n  ports:\n  - {name: http, port: 80}\n"
    less = apply(knetd, path, yaml)
    assert [p["port"] for p in less["spec"]["ports"]] == [80] and less["spec"]["clusterIP"] == made["spec"]["clusterIP"]


def test_options_of_apply(knetd):
    path = CONFIGMAPS + "/opt"
    status, answer = knetd.api("PATCH", path, configmap("opt"), APPLY)
    assert status == 422
    assert answer["message"] == 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    assert "Too long" in apply(knetd, path, configmap("opt"), "x" * 129, code=422)["message"]
    answer = apply(knetd, path, dict(configmap("opt"), metadata={"managedFields": [{}]}), code=400)
    assert answer["message"] == "metadata.managedFields must be nil"
    assert apply(knetd, path, configmap("other"), code=400)
    assert apply(knetd, path, dict(configmap("opt"), data=[]), code=422)
    assert "unknown field" in apply(knetd, path, dict(configmap("opt"), colour="red"), query="&fieldValidation=Strict", code=400)["message"]
    apply(knetd, "/api/v1/namespaces/none/configmaps/x", configmap("x"), code=404)
    apply(knetd, path, configmap("opt", a="1"), query="&dryRun=All", code=201)
    assert knetd.api("GET", path)[0] == 404
    knetd.api("POST", CONFIGMAPS, configmap("opt"))
    status, answer = knetd.api("PATCH", path + "?force=true", {}, MERGE)
    assert status == 422 and "force: Forbidden: may not be specified for non-apply patch" in answer["message"]


def test_conflicts_and_force(knetd):
    path = CONFIGMAPS + "/cf"
    apply(knetd, path, configmap("cf", a="1", b="2"), "alice", code=201)
    answer = apply(knetd, path, configmap("cf", a="9"), "bob", code=409)
    assert answer["reason"] == "Conflict"
    assert answer["message"] == 'Apply failed with 1 conflict: conflict with "alice": .data.a'
    assert answer["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "alice"', "field": ".data.a"}]
    answer = apply(knetd, path, configmap("cf", a="9", b="9"), "bob", code=409)
    assert answer["message"] == 'Apply failed with 2 conflicts: conflicts with "alice":\n- .data.a\n- .data.b'
    forced = apply(knetd, path, configmap("cf", a="9"), "bob", "&force=true")
    assert forced["data"] == {"a": "9", "b": "2"}
    assert managers(forced) == {("alice", "Apply"): {"f:data": {"f:b": {}}}, ("bob", "Apply"): {"f:data": {"f:a": {}}}}
    # a value that is the same is owned by both, and stays until both have let go of it
    both = apply(knetd, path, configmap("cf", b="2", a="9"), "bob")
    assert managers(both)[("bob", "Apply")] == {"f:data": {"f:a": {}, "f:b": {}}}
    assert apply(knetd, path, configmap("cf", c="3"), "alice")["data"] == {"a": "9", "b": "2", "c": "3"}
    assert apply(knetd, path, configmap("cf", a="9"), "bob")["data"] == {"a": "9", "c": "3"}


def test_objects_that_were_not_applied(knetd):
    path = CONFIGMAPS + "/bf"
    status, made = knetd.api("POST", CONFIGMAPS, configmap("bf", {"x": "y"}, a="1", b="2"))
    assert status == 201 and "managedFields" not in made["metadata"]
    answer = apply(knetd, path, configmap("bf", a="9"), code=409)
    assert 'conflict with "before-first-apply" using v1' in answer["message"]
    mine = apply(knetd, path, configmap("bf", a="1"))
    assert managers(mine)[("before-first-apply", "Update")] == {
        "f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}}
    # from now on updates are told, and take what they change
    status, answer = knetd.api("PATCH", path + "?fieldManager=editor", {"data": {"a": "5", "d": "4"}}, MERGE)
    assert managers(answer)[("editor", "Update")] == {"f:data": {"f:a": {}, "f:d": {}}}
    assert ("me", "Apply") not in managers(answer)
    version = answer["metadata"]["resourceVersion"]
    # managedFields that come back are no change, and no loss
    status, answer = knetd.api("PUT", path, answer, headers={"User-Agent": "put/1.0 (x)"})
    assert status == 200 and answer["metadata"]["resourceVersion"] == version
    answer["data"]["e"] = "5"
    del answer["metadata"]["managedFields"]
    status, answer = knetd.api("PUT", path, answer, headers={"User-Agent": "put/1.0 (x)"})
    assert managers(answer)[("put", "Update")] == {"f:data": {"f:e": {}}} and ("editor", "Update") in managers(answer)
    # an empty list is no wish, a list of nothing is one
    status, answer = knetd.api("PATCH", path, {"metadata": {"managedFields": []}}, MERGE)
    assert ("editor", "Update") in managers(answer)
    status, answer = knetd.api("PATCH", path, {"metadata": {"managedFields": [{}]}}, MERGE)
    assert status == 200 and "managedFields" not in answer["metadata"]


def test_updates_are_merged_when_they_are_many(knetd):
    path = CONFIGMAPS + "/many"
    apply(knetd, path, configmap("many", k="v"), code=201)
    for i in range(14):
        answer = knetd.api("PATCH", f"{path}?fieldManager=m{i}", {"data": {f"k{i}": "v"}}, MERGE)[1]
    updates = [m for m in managers(answer) if m[1] == "Update"]
    assert len(updates) == 10 and ("ancient-changes", "Update") in updates
    owned = set().union(*(m["f:data"] for m in managers(answer).values()))
    assert owned == {"f:k"} | {f"f:k{i}" for i in range(14)}


def test_status_is_applied_by_itself(knetd):
    path = SERVICES + "/st-ssa"
    apply(knetd, path, dict(service("st-ssa", {"port": 80}), status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}), code=201)
    condition = {"type": "Ready", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "2024-01-01T00:00:00Z"}
    body = dict(service("st-ssa", {"port": 99}), status={"conditions": [condition]})
    answer = apply(knetd, path + "/status", body, "ctl")
    assert answer["status"]["conditions"] == [condition] and [p["port"] for p in answer["spec"]["ports"]] == [80]
    entry = [m for m in answer["metadata"]["managedFields"] if m["manager"] == "ctl"][0]
    assert entry["subresource"] == "status" and list(entry["fieldsV1"]) == ["f:status"]
    answer = apply(knetd, path + "/status", dict(service("st-ssa"), status={"conditions": [dict(condition, status="False")]}), "two", code=409)
    assert answer["details"]["causes"][0]["field"] == '.status.conditions[type="Ready"].status'
    assert 'conflict with "ctl" with subresource "status"' in answer["message"]
    answer = apply(knetd, path + "/status", dict(service("st-ssa"), status={}), "ctl")
    assert "conditions" not in answer["status"]
    apply(knetd, SERVICES + "/absent/status", service("absent"), code=404)


def test_items_of_lists_have_owners(knetd):
    path = SERVICES + "/items"
    apply(knetd, path, service("items", {"name": "a", "port": 80}), "alice", code=201)
    both = apply(knetd, path, service("items", {"name": "b", "port": 81}), "bob")
    assert [p["port"] for p in both["spec"]["ports"]] == [80, 81]
    less = apply(knetd, path, service("items"), "alice")
    assert [p["port"] for p in less["spec"]["ports"]] == [81]
    answer = apply(knetd, path, service("items", {"name": "c", "port": 81}), "alice", code=409)
    assert answer["details"]["causes"][0]["field"] == '.spec.ports[port=81,protocol="TCP"].name'
    answer = apply(knetd, path, service("items", {"name": "x"}), "alice", code=400)
    assert "spec.ports" in answer["message"] or "ports" in answer["message"]
    # an atomic map belongs to one, whole
    apply(knetd, path, service("items", {"name": "b", "port": 81}, selector={"a": "1"}), "bob")
    answer = apply(knetd, path, service("items", selector={"a": "1", "b": "2"}), "carol", code=409)
    assert answer["details"]["causes"][0]["field"] == ".spec.selector"


def test_custom_kinds_apply_too(knetd):
    path = "/apis/gateway.networking.k8s.io/v1/gatewayclasses/ssa"
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "ssa"},
            "spec": {"controllerName": "example.com/x", "description": "d"}}
    made = apply(knetd, path, body, code=201)
    assert managers(made)[("me", "Apply")] == {"f:spec": {"f:controllerName": {}, "f:description": {}}}
    del body["spec"]["description"]
    assert "description" not in apply(knetd, path, body)["spec"]


def test_manifests_are_told_as_well(knetd):
    path = CONFIGMAPS + "/mani"
    apply(knetd, path, configmap("mani", a="1"), code=201)
    assert knetd.api("POST", "/apply?fieldManager=file", configmap("mani", a="2"))[0] == 200
    assert managers(knetd.api("GET", path)[1]) == {("file", "Update"): {"f:data": {"f:a": {}}}}
