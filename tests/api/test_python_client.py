"""The official Python client against the HTTPS door: the life of each kind as Kubernetes' conformance tests walk it
("should support creating ... API operations"), the dynamic client, custom objects, and its words for mistakes."""

import pytest

from clients import python_client
from daemon import Knetd, inside

python_client()
from kubernetes import client, config, dynamic, utils, watch  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402

PORT = client.V1ServicePort(name="http", port=80)
BACKEND = client.V1IngressBackend(service=client.V1IngressServiceBackend(name="web", port=client.V1ServiceBackendPort(number=80)))
SELECTOR = client.V1LabelSelector(match_labels={"app": "web"})

# kind as in the method names, its API, and what goes into a new one beside metadata
KINDS = [
    ("config_map", client.CoreV1Api, lambda: client.V1ConfigMap(data={"a": "b"})),
    ("secret", client.CoreV1Api, lambda: client.V1Secret(string_data={"a": "b"})),
    ("service", client.CoreV1Api, lambda: client.V1Service(spec=client.V1ServiceSpec(selector={"app": "web"}, ports=[PORT]))),
    ("endpoints", client.CoreV1Api, lambda: client.V1Endpoints(subsets=[client.V1EndpointSubset(
        addresses=[client.V1EndpointAddress(ip="192.0.2.1")], ports=[client.CoreV1EndpointPort(port=80)])])),
    ("pod", client.CoreV1Api, lambda: client.V1Pod(spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="i")]))),
    ("endpoint_slice", client.DiscoveryV1Api, lambda: client.V1EndpointSlice(
        address_type="IPv4", endpoints=[client.V1Endpoint(addresses=["192.0.2.1"])], ports=[client.DiscoveryV1EndpointPort(port=80)])),
    # of another controller's class: the status of ours is the daemon's alone
    ("ingress", client.NetworkingV1Api, lambda: client.V1Ingress(spec=client.V1IngressSpec(ingress_class_name="other", default_backend=BACKEND))),
    ("network_policy", client.NetworkingV1Api, lambda: client.V1NetworkPolicy(spec=client.V1NetworkPolicySpec(pod_selector=SELECTOR))),
]
STATUS = {"service": {"conditions": [{"type": "Tested", "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
          "ingress": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}},
          "pod": {"phase": "Running"}}


@pytest.fixture(scope="module")
def node():
    with Knetd() as daemon, inside(daemon.netns):
        config.load_kube_config(f"{daemon.dir}/run/kubeconfig")
        yield daemon


def methods(kind, api):
    """name -> the client's function for it, with the namespace put in."""
    instance = api()
    found = {verb: getattr(instance, f"{verb}_namespaced_{kind}") for verb in ("create", "read", "list", "patch", "replace", "delete")}
    found["delete_collection"] = getattr(instance, f"delete_collection_namespaced_{kind}")
    found["list_all"] = getattr(instance, f"list_{kind}_for_all_namespaces")
    for verb in ("read", "patch", "replace"):
        found[verb + "_status"] = getattr(instance, f"{verb}_namespaced_{kind}_status", None)
    return found


def made_at(api, kind):
    group = "api/v1" if api is client.CoreV1Api else "apis/networking.k8s.io/v1"
    return f"/{group}/namespaces/default/{'ingresses' if kind == 'ingress' else kind + 's'}"


def refused(code, reason, fn, *args, **options):
    with pytest.raises(ApiException) as e:
        fn(*args, **options)
    assert (e.value.status, e.value.reason and reason in e.value.body) == (code, True), e.value.body


@pytest.mark.parametrize("kind,api,make", KINDS, ids=[k[0] for k in KINDS])
def test_the_life_of(node, kind, api, make):
    do, ns, label = methods(kind, api), "default", f"life={kind}"
    body = make()
    body.metadata = client.V1ObjectMeta(name="one", labels={"life": kind})
    start = do["list"](ns).metadata.resource_version
    made = do["create"](ns, body)
    assert made.metadata.uid and made.metadata.creation_timestamp and made.metadata.namespace == ns
    refused(409, "AlreadyExists", do["create"], ns, body)
    body.metadata.name = "two"
    do["create"](ns, body)
    assert do["read"]("one", ns).metadata.uid == made.metadata.uid
    assert [o.metadata.name for o in do["list"](ns, label_selector=label).items] == ["one", "two"]
    assert [o.metadata.name for o in do["list_all"](field_selector="metadata.name=two,metadata.namespace=default").items] == ["two"]

    patched = do["patch"]("one", ns, {"metadata": {"annotations": {"patched": "yes"}}})
    assert patched.metadata.annotations["patched"] == "yes"
    fresh = do["read"]("one", ns)
    fresh.metadata.annotations["updated"] = "yes"
    updated = do["replace"]("one", ns, fresh)
    assert updated.metadata.annotations["updated"] == "yes" and updated.metadata.uid == made.metadata.uid
    refused(409, "Conflict", do["replace"], "one", ns, fresh)  # its resourceVersion is of before
    refused(404, "NotFound", do["read"], "none", ns)
    if kind in STATUS:
        do["patch_status"]("one", ns, {"metadata": {"annotations": {"by": "status"}}, "status": STATUS[kind]})
        got = node.api("GET", made_at(api, kind) + "/one/status")[1]
        assert STATUS[kind].items() <= got["status"].items()

    do["delete"]("one", ns, grace_period_seconds=0)
    refused(404, "NotFound", do["read"], "one", ns)
    do["delete_collection"](ns, label_selector=label, grace_period_seconds=0)
    assert do["list"](ns, label_selector=label).items == []

    seen = []
    for event in watch.Watch().stream(do["list"], ns, resource_version=start, label_selector=label, timeout_seconds=1):
        seen.append((event["type"], event["object"].metadata.name))
    assert seen[:3] == [("ADDED", "one"), ("ADDED", "two"), ("MODIFIED", "one")]
    assert sorted(seen)[-5:].count(("MODIFIED", "one")) >= 1 and {("DELETED", "one"), ("DELETED", "two")} <= set(seen)


def test_cluster_kinds(node):
    core, networking = client.CoreV1Api(), client.NetworkingV1Api()
    networking.create_ingress_class(client.V1IngressClass(metadata=client.V1ObjectMeta(name="other"), spec=client.V1IngressClassSpec(controller="example.com/c")))
    assert networking.read_ingress_class("other").spec.controller == "example.com/c"
    networking.delete_ingress_class("other")
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="fresh")))
    assert core.read_namespace("fresh").status.phase == "Active"
    core.create_namespaced_config_map("fresh", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c")))
    core.delete_namespace("fresh")
    for event in watch.Watch().stream(core.list_namespace, field_selector="metadata.name=fresh", timeout_seconds=5):
        if event["type"] == "DELETED":
            break
    refused(404, "NotFound", core.read_namespace, "fresh")
    assert [n.metadata.name for n in core.list_node().items] == ["node"]


def test_type_changes_of_a_service(node):
    core = client.CoreV1Api()
    core.create_namespaced_service("default", client.V1Service(metadata=client.V1ObjectMeta(name="change"), spec=client.V1ServiceSpec(type="ExternalName", external_name="example.com")))
    s = core.patch_namespaced_service("change", "default", {"spec": {"type": "ClusterIP", "externalName": None, "ports": [{"port": 80}]}})
    assert s.spec.cluster_ip.startswith("10.96.") and not s.spec.external_name
    s = core.patch_namespaced_service("change", "default", {"spec": {"type": "NodePort"}})
    port = s.spec.ports[0].node_port
    assert 30000 <= port <= 32767
    s = core.patch_namespaced_service("change", "default", {"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}})
    assert s.spec.ports[0].node_port == port and s.spec.health_check_node_port
    s = core.patch_namespaced_service("change", "default", {"spec": {"type": "ExternalName", "externalName": "example.org", "externalTrafficPolicy": None}})
    assert not s.spec.cluster_ip
    core.delete_namespaced_service("change", "default")


def test_server_side_apply(node):
    maps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")

    def apply(manager, data, **options):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": data}
        return maps.server_side_apply(body=body, name="applied", namespace="default", field_manager=manager, **options).to_dict()["data"]

    apply("a", {"one": "1", "two": "2"})
    apply("b", {"three": "3"})
    with pytest.raises(dynamic.exceptions.ConflictError):
        apply("b", {"one": "other"})
    assert apply("a", {"one": "1"}) == {"one": "1", "three": "3"}
    assert apply("b", {"one": "b"}, force_conflicts=True) == {"one": "b"}


def test_dynamic_client(node):
    d = dynamic.DynamicClient(client.ApiClient())
    routes = d.resources.get(api_version="gateway.networking.k8s.io/v1", kind="HTTPRoute")
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": {"hostnames": ["a.example"]}}
    routes.create(body=body, namespace="default")
    assert routes.get(name="r", namespace="default").spec.hostnames == ["a.example"]
    routes.patch(name="r", namespace="default", body={"spec": {"hostnames": ["b.example"]}}, content_type="application/merge-patch+json")
    assert [r.spec.hostnames for r in routes.get(namespace="default").items] == [["b.example"]]
    routes.delete(name="r", namespace="default")


def test_custom_objects(node):
    api = client.CustomObjectsApi()
    where = ("gateway.networking.k8s.io", "v1", "default", "gateways")
    api.create_namespaced_custom_object(*where, {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g"},
                                                 "spec": {"gatewayClassName": "knetd", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}})
    status = {"status": {"conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
    api.patch_namespaced_custom_object_status(*where, "g", status)
    got = api.get_namespaced_custom_object(*where, "g")
    assert got["status"]["conditions"][0]["type"] == "Accepted" and got["metadata"]["generation"] == 1
    api.delete_namespaced_custom_object(*where, "g")


def test_a_file_of_manifests(node, tmp_path):
    (tmp_path / "m.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f1}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: f2}\nspec: {ports: [{port: 1}]}\n")
    made = utils.create_from_yaml(client.ApiClient(), str(tmp_path / "m.yaml"))
    assert [o[0].metadata.name for o in made] == ["f1", "f2"]


def test_wrong_credentials(node):
    known, stranger = client.Configuration.get_default_copy(), client.Configuration(api_key={"authorization": "Bearer nonsense"})
    stranger.host, stranger.ssl_ca_cert = known.host, known.ssl_ca_cert
    with client.ApiClient(stranger) as c:
        refused(401, "Unauthorized", client.CoreV1Api(c).list_namespaced_service, "default")
