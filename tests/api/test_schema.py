"""What the API says of itself: discovery, versions, OpenAPI, forms of an answer, questions about oneself."""

import json

GATEWAY = "/apis/gateway.networking.k8s.io"
GW = {"metadata": {"name": "gw"}, "spec": {"gatewayClassName": "x", "listeners": [{"name": "a", "port": 80, "protocol": "HTTP"}]}}


def documents(knetd):
    index = knetd.api("GET", "/openapi/v3")[1]["paths"]
    return {path: entry["serverRelativeURL"] for path, entry in index.items()}


def test_discovery_of_every_version(knetd):
    groups = {g["name"]: g for g in knetd.api("GET", "/apis")[1]["groups"]}
    gateway = groups["gateway.networking.k8s.io"]
    assert [v["version"] for v in gateway["versions"]] == ["v1", "v1beta1", "v1alpha3", "v1alpha2"]
    assert gateway["preferredVersion"]["version"] == "v1"
    for group in groups.values():
        assert knetd.api("GET", f"/apis/{group['name']}")[1]["versions"] == group["versions"]
        for version in group["versions"]:
            resources = knetd.api("GET", "/apis/" + version["groupVersion"])[1]["resources"]
            assert resources and all(r["verbs"] for r in resources)
            for r in resources:  # each of them is served
                if "list" in r["verbs"]:
                    assert knetd.api("GET", f"/apis/{version['groupVersion']}/{r['name']}")[0] == 200
    assert knetd.api("GET", "/apis/gateway.networking.k8s.io/v9")[0] == 404


def test_aggregated_discovery_says_the_same(knetd):
    for version in ("v2", "v2beta1"):
        form = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
        found = set()
        for path in ("/api", "/apis"):
            status, answer = knetd.api("GET", path, headers={"Accept": form + ",application/json"})
            assert status == 200 and knetd.headers["Content-Type"] == form and answer["apiVersion"].endswith("/" + version)
            for item in answer["items"]:
                for v in item["versions"]:
                    for r in v["resources"]:
                        found.add((item["metadata"].get("name", ""), v["version"], r["resource"], r["responseKind"]["kind"]))
        listed = {("", "v1", r["name"], r["kind"]) for r in knetd.api("GET", "/api/v1")[1]["resources"]}
        for g in knetd.api("GET", "/apis")[1]["groups"]:
            for v in g["versions"]:
                listed |= {(g["name"], v["version"], r["name"], r["kind"])
                           for r in knetd.api("GET", "/apis/" + v["groupVersion"])[1]["resources"]}
        assert found == {r for r in listed if "/" not in r[2]}


def test_an_object_in_another_version(knetd):
    one, other = GATEWAY + "/v1/namespaces/default/gateways", GATEWAY + "/v1beta1/namespaces/default/gateways"
    status, made = knetd.api("POST", other, dict(GW, apiVersion="gateway.networking.k8s.io/v1beta1", kind="Gateway"))
    assert status == 201 and made["apiVersion"] == "gateway.networking.k8s.io/v1beta1"
    assert knetd.api("GET", one + "/gw")[1] == dict(made, apiVersion="gateway.networking.k8s.io/v1")
    assert knetd.api("GET", other + "/gw")[1] == made
    listed = knetd.api("GET", other)[1]
    assert listed["apiVersion"] == made["apiVersion"] and listed["items"] == [made]
    stream = knetd.api("GET", other + "?watch=1&timeoutSeconds=1")[1]
    events = [json.loads(line) for line in stream.splitlines()] if isinstance(stream, str) else [stream]
    assert events[0]["object"] == made
    status, put = knetd.api("PUT", other + "/gw", made)
    assert status == 200 and put == made
    assert knetd.api("POST", other, dict(GW, apiVersion="v1", kind="Gateway"))[0] == 400
    status, result = knetd.api("POST", "/apply", dict(GW, apiVersion="gateway.networking.k8s.io/v1beta1", kind="Gateway"))
    assert status == 200 and result["unchanged"] == 1, result
    assert knetd.api("DELETE", other + "/gw")[0] == 200


def test_openapi_v3(knetd):
    for path, url in documents(knetd).items():
        status, document = knetd.api("GET", url)
        assert status == 200 and document["openapi"].startswith("3.")
        schemas = document["components"]["schemas"]
        text = json.dumps(document)
        for ref in set(part.split('"')[0] for part in text.split("#/components/schemas/")[1:]):
            assert ref in schemas
        kinds = {gvk["kind"] for s in schemas.values() for gvk in s.get("x-kubernetes-group-version-kind", [])}
        assert {p["patch"]["x-kubernetes-group-version-kind"]["kind"] for p in document["paths"].values()} <= kinds
        assert knetd.api("GET", url, headers={"If-None-Match": knetd.headers["ETag"]})[0] == 304
        assert ("strategic-merge" in text) == (path == "api/v1" or path.endswith("k8s.io/v1") and "gateway" not in path), path
    ports = knetd.api("GET", documents(knetd)["api/v1"])[1]["components"]["schemas"]["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["x-kubernetes-list-map-keys"] == ["port", "protocol"] and ports["x-kubernetes-patch-merge-key"] == "port"
    assert ports["description"]


def test_openapi_v2_is_protobuf(knetd):
    asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    status, text = knetd.api("GET", "/openapi/v2", headers={"Accept": asked})
    assert status == 200 and "@" not in knetd.headers["Content-Type"] and "io.k8s.api.core.v1.ServiceSpec" in text
    assert knetd.api("GET", "/openapi/v2", headers={"Accept": asked, "If-None-Match": knetd.headers["ETag"]})[0] == 304


def test_metadata_alone(knetd):
    form = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"
    status, listed = knetd.api("GET", "/api/v1/namespaces", headers={"Accept": form.format("List")})
    assert status == 200 and listed["kind"] == "PartialObjectMetadataList" and listed["metadata"]["resourceVersion"]
    for item in listed["items"]:
        assert set(item) == {"kind", "apiVersion", "metadata"} and item["kind"] == "PartialObjectMetadata"
    status, one = knetd.api("GET", "/api/v1/namespaces/default", headers={"Accept": form.format("")})
    assert status == 200 and one in listed["items"]


def test_questions_about_oneself(knetd):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    def allowed(**what):
        status, answer = knetd.api("POST", path, {"spec": {"resourceAttributes": what}})
        assert status == 201 and answer["kind"] == "SelfSubjectAccessReview"
        return answer["status"]["allowed"]

    assert allowed(verb="create", resource="services") and allowed(verb="*", group="*", resource="*")
    assert allowed(verb="list", group="knetd.io", resource="podnetworks")
    assert not allowed(verb="delete", group="knetd.io", resource="podnetworks")
    assert not allowed(verb="get", group="apps", resource="deployments")
    status, who = knetd.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert status == 201 and who["status"]["userInfo"]["username"]
    assert knetd.api("GET", path)[0] == 405


def table(knetd, path):
    status, answer = knetd.api("GET", path, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert status == 200 and answer["kind"] == "Table"
    return [dict(zip([c["name"] for c in answer["columnDefinitions"]], row["cells"])) for row in answer["rows"]], answer


def test_tables_have_the_columns_people_know(knetd):
    ready = {"type": "Ready", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    assert knetd.api("POST", GATEWAY + "/v1/namespaces/default/gateways", GW)[0] == 201
    status = {"addresses": [{"value": "192.0.2.1"}], "conditions": [dict(ready, type="Programmed")]}
    assert knetd.api("PATCH", GATEWAY + "/v1/namespaces/default/gateways/gw/status", {"status": status},
                     "application/merge-patch+json")[0] == 200
    row = table(knetd, GATEWAY + "/v1/namespaces/default/gateways/gw")[0][0]
    assert (row["Class"], row["Address"], row["Programmed"]) == ("x", "192.0.2.1", "True")
    assert knetd.api("DELETE", GATEWAY + "/v1/namespaces/default/gateways/gw")[0] == 200
    routes = GATEWAY + "/v1/namespaces/default/httproutes"
    assert knetd.api("POST", routes, {"metadata": {"name": "r"}, "spec": {"hostnames": ["a.example", "b.example"]}})[0] == 201
    assert table(knetd, routes)[0][0]["Hostnames"] == '["a.example","b.example"]'
    assert knetd.api("DELETE", routes + "/r")[0] == 200
    pools = "/apis/knetd.io/v1alpha1/addresspools"
    assert knetd.api("POST", pools, {"metadata": {"name": "p"}, "spec": {"addresses": ["192.0.2.0/28", "192.0.2.32-192.0.2.40"]}})[0] == 201
    rows, answer = table(knetd, pools)
    assert rows[0]["Addresses"] == "192.0.2.0/28,192.0.2.32-192.0.2.40" and rows[0]["Auto-Assign"] == "true"
    assert (rows[0]["IPv4-Used/Free"], rows[0]["IPv6-Used/Free"]) == ("0/25", "<none>")
    assert {c["name"]: c["priority"] for c in answer["columnDefinitions"]}["Priority"] == 1
    assert knetd.api("DELETE", pools + "/p")[0] == 200
    wide = {c["name"] for c in table(knetd, "/api/v1/nodes")[1]["columnDefinitions"] if c["priority"]}
    assert wide == {"Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"}
    points = "/api/v1/namespaces/default/endpoints"
    subset = {"addresses": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}], "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}
    assert knetd.api("POST", points, {"metadata": {"name": "e"}, "subsets": [subset]})[0] == 201
    row = [r for r in table(knetd, points)[0] if r["Name"] == "e"][0]
    assert row["Endpoints"] == "192.0.2.1:1,192.0.2.1:2,192.0.2.2:1 + 1 more..."
    assert knetd.api("DELETE", points + "/e")[0] == 200
