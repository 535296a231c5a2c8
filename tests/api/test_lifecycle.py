"""How objects end: finalizers, owners, namespaces, preconditions; what a write may and may not change."""

import json
import time

import pytest

NS = "/api/v1/namespaces"
SERVICES = NS + "/default/services"
MAPS = NS + "/default/configmaps"
MERGE = "application/merge-patch+json"


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never so"
        time.sleep(0.02)


def make(knetd, path, **metadata):
    body = {"metadata": metadata}
    if path.endswith("/services"):
        body["spec"] = {"ports": [{"port": 80}]}
    status, made = knetd.api("POST", path, body)
    assert status == 201, made
    return made


def owned(owner, block=False, **more):
    ref = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
           "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block}
    return [{**ref, **more}]


def code(knetd, path):
    return knetd.api("GET", path)[0]


# ---- finalizers


def test_finalizers_hold_an_object(knetd):
    made = make(knetd, MAPS, name="held", finalizers=["example.com/a", "example.com/b"])
    status, left = knetd.api("DELETE", MAPS + "/held")
    assert status == 200 and left["metadata"]["deletionTimestamp"].endswith("Z")
    assert left["metadata"]["deletionGracePeriodSeconds"] == 0 and left["metadata"]["uid"] == made["metadata"]["uid"]
    assert knetd.api("DELETE", MAPS + "/held")[1] == left, "once is enough"
    status, answer = knetd.api("PATCH", MAPS + "/held", {"metadata": {"finalizers": ["example.com/a", "example.com/c"]}}, MERGE)
    assert status == 422 and answer["details"]["causes"][0]["field"] == "metadata.finalizers"
    assert 'no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/c"}' \
        in answer["message"]
    status, answer = knetd.api("PATCH", MAPS + "/held", {"data": {"a": "b"}, "metadata": {"deletionTimestamp": None}}, MERGE)
    assert status == 200 and answer["data"] == {"a": "b"}
    assert answer["metadata"]["deletionTimestamp"] == left["metadata"]["deletionTimestamp"], "not taken back"
    knetd.api("PATCH", MAPS + "/held", {"metadata": {"finalizers": ["example.com/b"]}}, MERGE)
    assert code(knetd, MAPS + "/held") == 200
    status, last = knetd.api("PATCH", MAPS + "/held", {"metadata": {"finalizers": None}}, MERGE)
    assert status == 200 and "finalizers" not in last["metadata"]
    assert code(knetd, MAPS + "/held") == 404


def test_a_new_object_is_not_born_ending(knetd):
    made = make(knetd, MAPS, name="young", deletionTimestamp="2020-01-01T00:00:00Z", uid="mine", generation=7)
    assert "deletionTimestamp" not in made["metadata"] and made["metadata"]["uid"] != "mine"
    knetd.api("DELETE", MAPS + "/young")


def test_preconditions(knetd):
    made = make(knetd, MAPS, name="pre")
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    for wrong, words in (({"uid": "other"}, f"the UID in the precondition (other) does not match the UID in record ({uid})"),
                         ({"resourceVersion": "1"}, "the ResourceVersion in the precondition (1) does not match")):
        status, answer = knetd.api("DELETE", MAPS + "/pre", {"preconditions": wrong})
        assert status == 409 and answer["reason"] == "Conflict" and words in answer["message"]
    status, answer = knetd.api("DELETE", MAPS + "/pre", {"preconditions": {"uid": uid, "resourceVersion": version}})
    assert status == 200 and answer["status"] == "Success"


@pytest.mark.parametrize("query,body,field", [
    ("?propagationPolicy=Sideways", None, "propagationPolicy"),
    ("?propagationPolicy=Orphan&orphanDependents=true", None, "propagationPolicy"),
    ("", {"propagationPolicy": "x"}, "propagationPolicy"),
    ("", {"dryRun": ["Some"]}, "dryRun"),
])
def test_wrong_options_delete_nothing(knetd, query, body, field):
    make(knetd, MAPS, name="options")
    status, answer = knetd.api("DELETE", MAPS + "/options" + query, body)
    assert status == 422 and answer["details"]["causes"][0]["field"] == field
    assert 'DeleteOptions.meta.k8s.io "" is invalid' in answer["message"]
    assert knetd.api("DELETE", MAPS + "/options", "{", "application/json")[0] == 400
    assert knetd.api("DELETE", MAPS + "/options")[0] == 200


# ---- owners


def test_dependents_follow_their_owner(knetd):
    owner = make(knetd, SERVICES, name="owner")
    child = make(knetd, MAPS, name="child", ownerReferences=owned(owner))
    make(knetd, MAPS, name="grandchild", ownerReferences=owned(child))
    knetd.api("DELETE", SERVICES + "/owner")
    assert code(knetd, MAPS + "/child") == 404, "in force before the call returns"
    wait(lambda: code(knetd, MAPS + "/grandchild") == 404)


def test_one_owner_left_is_enough(knetd):
    one, two = make(knetd, SERVICES, name="one"), make(knetd, SERVICES, name="two")
    make(knetd, MAPS, name="shared", ownerReferences=owned(one) + owned(two))
    knetd.api("DELETE", SERVICES + "/one")
    refs = knetd.api("GET", MAPS + "/shared")[1]["metadata"]["ownerReferences"]
    assert [r["name"] for r in refs] == ["two"]
    knetd.api("DELETE", SERVICES + "/two")
    assert code(knetd, MAPS + "/shared") == 404


def test_whose_owner_never_was(knetd):
    owner = make(knetd, SERVICES, name="real")
    make(knetd, MAPS, name="stale", ownerReferences=owned(owner, uid="11111111-2222-3333-4444-555555555555"))
    wait(lambda: code(knetd, MAPS + "/stale") == 404)
    make(knetd, MAPS, name="foreign", ownerReferences=[{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": "y"}])
    make(knetd, NS, name="elsewhere")
    make(knetd, NS + "/elsewhere/configmaps", name="far", ownerReferences=owned(owner))
    wait(lambda: code(knetd, NS + "/elsewhere/configmaps/far") == 404)
    assert code(knetd, MAPS + "/foreign") == 200, "nobody here knows ReplicaSets"
    for path in (SERVICES + "/real", MAPS + "/foreign", NS + "/elsewhere"):
        knetd.api("DELETE", path)


def test_orphans_stay(knetd):
    owner = make(knetd, SERVICES, name="parent", finalizers=["example.com/slow"])
    make(knetd, MAPS, name="orphan", ownerReferences=owned(owner))
    knetd.api("DELETE", SERVICES + "/parent?propagationPolicy=Orphan")
    wait(lambda: knetd.api("GET", SERVICES + "/parent")[1]["metadata"]["finalizers"] == ["example.com/slow"])
    assert "ownerReferences" not in knetd.api("GET", MAPS + "/orphan")[1]["metadata"]
    knetd.api("PATCH", SERVICES + "/parent", {"metadata": {"finalizers": []}}, MERGE)
    assert code(knetd, SERVICES + "/parent") == 404 and code(knetd, MAPS + "/orphan") == 200
    knetd.api("DELETE", MAPS + "/orphan")


def test_foreground_waits_for_those_who_block(knetd):
    owner = make(knetd, SERVICES, name="slow")
    make(knetd, MAPS, name="blocks", ownerReferences=owned(owner, True), finalizers=["example.com/a"])
    make(knetd, MAPS, name="lets", ownerReferences=owned(owner))
    status, left = knetd.api("DELETE", SERVICES + "/slow", {"propagationPolicy": "Foreground"})
    assert status == 200 and left["metadata"]["finalizers"] == ["foregroundDeletion"]
    wait(lambda: code(knetd, MAPS + "/lets") == 404)
    assert knetd.api("GET", MAPS + "/blocks")[1]["metadata"]["deletionTimestamp"]
    assert code(knetd, SERVICES + "/slow") == 200
    knetd.api("PATCH", MAPS + "/blocks", {"metadata": {"finalizers": []}}, MERGE)
    wait(lambda: code(knetd, SERVICES + "/slow") == 404)


def test_foreground_in_a_circle_ends(knetd):
    a = make(knetd, MAPS, name="circle-a")
    b = make(knetd, MAPS, name="circle-b", ownerReferences=owned(a, True))
    knetd.api("PATCH", MAPS + "/circle-a", {"metadata": {"ownerReferences": owned(b, True)}}, MERGE)
    knetd.api("DELETE", MAPS + "/circle-a?propagationPolicy=Foreground")
    wait(lambda: (code(knetd, MAPS + "/circle-a"), code(knetd, MAPS + "/circle-b")) == (404, 404))


# ---- namespaces


def test_namespace_is_emptied(knetd):
    made = make(knetd, NS, name="full")
    assert made["spec"]["finalizers"] == ["kubernetes"] and made["status"]["phase"] == "Active"
    make(knetd, NS + "/full/services", name="web")
    make(knetd, NS + "/full/configmaps", name="held", finalizers=["example.com/a"])
    status, left = knetd.api("DELETE", NS + "/full")
    assert status == 200 and left["status"]["phase"] == "Terminating" and left["metadata"]["deletionTimestamp"]
    wait(lambda: knetd.api("GET", NS + "/full")[1]["status"].get("conditions"))
    now = knetd.api("GET", NS + "/full")[1]
    assert {c["type"]: c["status"] for c in now["status"]["conditions"]} == {
        "NamespaceContentRemaining": "True", "NamespaceFinalizersRemaining": "True"}
    assert now["status"]["conditions"][0]["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
    assert code(knetd, NS + "/full/services/web") == 404
    status, answer = knetd.api("POST", NS + "/full/configmaps", {"metadata": {"name": "late"}})
    assert status == 403 and answer["reason"] == "Forbidden"
    assert answer["message"] == ('configmaps "late" is forbidden: unable to create new content in namespace full '
                                 'because it is being terminated')
    assert answer["details"]["causes"] == [{"reason": "NamespaceTerminating", "field": "metadata.namespace",
                                            "message": "namespace full is being terminated"}]
    status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": "full"}})
    assert status == 422 and "being terminated" in answer["message"]
    knetd.api("PATCH", NS + "/full/configmaps/held", {"metadata": {"finalizers": None}}, MERGE)
    wait(lambda: code(knetd, NS + "/full") == 404)


def test_finalize_is_the_way_to_the_spec(knetd):
    made = make(knetd, NS, name="final")
    made["spec"]["finalizers"].append("example.com/mine")
    assert knetd.api("PUT", NS + "/final", made)[1]["spec"]["finalizers"] == ["kubernetes"]
    status, made = knetd.api("PUT", NS + "/final/finalize", made)
    assert status == 200 and made["spec"]["finalizers"] == ["kubernetes", "example.com/mine"]
    knetd.api("DELETE", NS + "/final")
    wait(lambda: knetd.api("GET", NS + "/final")[1]["spec"]["finalizers"] == ["example.com/mine"])
    made = knetd.api("GET", NS + "/final")[1]
    made["spec"] = {}
    assert knetd.api("PUT", NS + "/final/finalize", made)[0] == 200
    assert code(knetd, NS + "/final") == 404


def test_what_cannot_be_deleted(knetd):
    for name in ("default", "kube-system"):
        status, answer = knetd.api("DELETE", f"{NS}/{name}")
        assert status == 403 and answer["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    assert knetd.api("DELETE", NS)[0] == 405


def test_many_objects_do_not_stall(knetd):
    make(knetd, NS, name="large")
    body = "\n---\n".join(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{i}", "namespace": "large"}})
                          for i in range(3000))
    assert knetd.api("POST", "/apply", body, "application/yaml")[0] == 200
    status, left = knetd.api("DELETE", NS + "/large")
    assert status == 200 and left["status"]["phase"] == "Terminating"
    seen = [len(knetd.api("GET", NS + "/large/configmaps")[1]["items"])]
    wait(lambda: seen.append(len(knetd.api("GET", NS + "/large/configmaps")[1]["items"])) or code(knetd, NS + "/large") == 404)
    assert seen[0] > 0, "others had their turn in between"


# ---- writes


def test_uid_in_a_write(knetd):
    made = make(knetd, MAPS, name="who")
    made["metadata"]["uid"] = "other"
    del made["metadata"]["resourceVersion"]
    status, answer = knetd.api("PUT", MAPS + "/who", made)
    assert status == 409 and "Precondition failed: UID in precondition: other" in answer["message"]
    del made["metadata"]["uid"]
    assert knetd.api("PUT", MAPS + "/who", {**made, "data": {"a": "1"}})[0] == 200, "no version: unconditional"
    made["metadata"]["resourceVersion"] = "1"
    status, answer = knetd.api("PUT", MAPS + "/who", made)
    assert (status, answer["message"]) == (
        409, 'Operation cannot be fulfilled on configmaps "who": the object has been modified; please apply your changes '
             'to the latest version and try again')
    made["metadata"]["resourceVersion"] = "abc"
    assert knetd.api("PUT", MAPS + "/who", made)[0] == 422
    knetd.api("DELETE", MAPS + "/who")


def test_dry_runs_leave_nothing(knetd):
    status, made = knetd.api("POST", SERVICES, {"metadata": {"name": "dry"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    assert status == 201, made
    before = knetd.api("GET", SERVICES + "/dry")[1]
    status, answer = knetd.api("POST", SERVICES + "?dryRun=All", {"metadata": {"generateName": "g-"}, "spec": {"ports": [{"port": 1}]}})
    assert status == 201 and answer["metadata"]["name"].startswith("g-") and answer["spec"]["clusterIP"]
    assert knetd.api("PATCH", SERVICES + "/dry?dryRun=All", {"metadata": {"labels": {"a": "b"}}}, MERGE)[1]["metadata"]["labels"] == {"a": "b"}
    assert knetd.api("PATCH", SERVICES + "/dry/status?dryRun=All",
                     {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}, MERGE)[1]["status"]["loadBalancer"]["ingress"]
    assert knetd.api("DELETE", SERVICES + "/dry", {"dryRun": ["All"]})[0] == 200
    assert knetd.api("DELETE", SERVICES + "/dry?dryRun=All&propagationPolicy=Foreground")[1]["metadata"]["deletionTimestamp"]
    assert knetd.api("DELETE", SERVICES, {"dryRun": ["All"]})[0] == 200
    assert knetd.api("GET", SERVICES + "/dry")[1] == before == made
    assert code(knetd, SERVICES + "/" + answer["metadata"]["name"]) == 404
    other = make(knetd, SERVICES, name="heir")  # the dry run's address is free
    for name in ("dry", "heir"):
        knetd.api("DELETE", SERVICES + "/" + name)
    assert other["spec"]["clusterIP"]


@pytest.mark.parametrize("method,path,status", [
    ("GET", NS + "/default/pods/x/log", 501), ("POST", NS + "/default/pods/x/exec", 501),
    ("POST", NS + "/default/pods/x/binding", 404), ("POST", NS + "/default/pods/x/eviction", 404),
    ("DELETE", NS + "/default/pods/x/status", 405), ("GET", NS + "/default/services/x/scale", 404),
    ("GET", NS + "/default/finalize", 405), ("PUT", NS + "/nowhere/finalize", 404),
])
def test_subresources_that_are_not_there(knetd, method, path, status):
    got, answer = knetd.api(method, path, {} if method != "GET" else None)
    assert (got, answer["kind"], answer["code"]) == (status, "Status", status)


def test_long_generated_names_are_cut(knetd):
    made = make(knetd, MAPS, generateName="x" * 80)
    assert len(made["metadata"]["name"]) == 63
    knetd.api("DELETE", MAPS + "/" + made["metadata"]["name"])


# ---- events and restarts


def event(name):
    return {"metadata": {"name": name, "namespace": "default"}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
            "reason": "Tested", "message": "m", "type": "Normal"}


def test_restarts_and_events(knetd_factory):
    events = NS + "/default/events"
    knetd = knetd_factory(ini="[api]\nevent_ttl = 2\n")
    owner = make(knetd, SERVICES, name="owner")
    make(knetd, MAPS, name="child", ownerReferences=owned(owner, True), finalizers=["example.com/a"])
    make(knetd, NS, name="going")
    make(knetd, NS + "/going/configmaps", name="held", finalizers=["example.com/a"])
    knetd.api("DELETE", SERVICES + "/owner?propagationPolicy=Foreground")
    knetd.api("DELETE", NS + "/going")
    assert knetd.api("POST", events, event("one"))[0] == 201
    knetd.stop(9)
    knetd.start()
    assert knetd.api("GET", NS + "/going")[1]["status"]["phase"] == "Terminating"
    wait(lambda: code(knetd, events + "/one") == 404)
    for path in (MAPS + "/child", NS + "/going/configmaps/held"):
        assert knetd.api("PATCH", path, {"metadata": {"finalizers": []}}, MERGE)[0] == 200
    for path in (SERVICES + "/owner", NS + "/going"):
        wait(lambda path=path: code(knetd, path) == 404)
    assert knetd.api("POST", events, event("two"))[0] == 201
    assert code(knetd, events + "/two") == 200
    wait(lambda: code(knetd, events + "/two") == 404)
