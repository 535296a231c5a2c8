"""Validation and allocation over HTTP: status codes, causes, what kubectl says, and that numbers are unique,
released, kept over a restart and not spent by dry runs. Each rule by itself: tests/unit/test_valid_*.c."""
import os
import shutil
import subprocess

import pytest

from daemon import Knetd

SVC = "/api/v1/namespaces/default/services"


@pytest.fixture()
def knetd():
    with Knetd(ini="[api]\ninsecure_listen = 127.0.0.1:8001") as daemon:
        yield daemon


def service(name, **spec):
    spec.setdefault("ports", [{"port": 80}])
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def create(knetd, name, query="", **spec):
    status, answer = knetd.api("POST", SVC + query, service(name, **spec))
    assert status == 201, answer
    return answer["spec"]


def causes(answer):
    return [(c["field"], c["reason"], c["message"]) for c in answer["details"]["causes"]]


CASES = [
    (SVC, service("a", clusterIP="10.96.0.0.1"), "spec.clusterIPs[0]", "FieldValueInvalid",
     'Invalid value: "10.96.0.0.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}, "data": {"a/b": ""}}, "data[a/b]", "FieldValueInvalid", None),
    ("/api/v1/namespaces/default/secrets", {"metadata": {"name": "a"}, "type": "kubernetes.io/tls"}, "data[tls.crt]",
     "FieldValueRequired", "Required value"),
    ("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
     {"metadata": {"name": "a"}, "addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}]},
     "endpoints[0].addresses[0]", "FieldValueInvalid", None),
    ("/apis/networking.k8s.io/v1/namespaces/default/ingresses",
     {"metadata": {"name": "a"}, "spec": {"rules": [{"host": "a.*"}]}}, "spec.rules[0].host", "FieldValueInvalid", None),
    ("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
     {"metadata": {"name": "a"}, "spec": {"podSelector": {}, "ingress": [{"ports": [{"endPort": 1}]}]}},
     "spec.ingress[0].ports[0].endPort", "FieldValueInvalid",
     "Invalid value: 1: may not be specified when `port` is not specified"),
    ("/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies",
     {"metadata": {"name": "a"}, "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}},
                                          "egress": [{"action": "Deny", "to": [{"networks": ["10.0.0.1/8"]}]}]}},
     "spec.egress[0].to[0].networks[0]", "FieldValueInvalid", 'Invalid value: "string": Invalid CIDR format provided'),
]


def test_mistakes_are_422_with_causes(knetd):
    for path, body, field, reason, message in CASES:
        status, answer = knetd.api("POST", path, body)
        assert (status, answer["reason"], answer["code"]) == (422, "Invalid", 422), answer
        assert [c for c in causes(answer) if c[:2] == (field, reason) and message in (None, c[2])], answer


def test_updates_are_held_against_the_state_before(knetd):
    create(knetd, "web", clusterIP="10.96.7.7")
    status, answer = knetd.api("PUT", SVC + "/web", service("web", clusterIP="10.96.7.8"))
    assert status == 422 and causes(answer)[0][0] == "spec.clusterIPs[0]"
    status, answer = knetd.api("PUT", SVC + "/web", service("web", type="ExternalName", externalName="a.b", ports=[]))
    assert status == 200 and "clusterIP" not in answer["spec"] and "ipFamilies" not in answer["spec"]
    assert create(knetd, "other", clusterIP="10.96.7.7")["clusterIP"] == "10.96.7.7"  # it was given back


def test_numbers_are_unique_released_and_kept(knetd):
    made = [create(knetd, f"s{i}", type="LoadBalancer", externalTrafficPolicy="Local") for i in range(20)]
    assert len({s["clusterIP"] for s in made}) == 20
    ports = [s["ports"][0]["nodePort"] for s in made] + [s["healthCheckNodePort"] for s in made]
    assert len(set(ports)) == 40 and all(30086 <= p <= 32767 for p in ports)  # above the band for chosen ones
    status, answer = knetd.api("POST", SVC, service("late", type="NodePort", ports=[{"port": 1, "nodePort": ports[-1]}]))
    assert status == 422 and causes(answer)[0][2].endswith("provided port is already allocated")
    knetd.stop()
    knetd.start()
    status, answer = knetd.api("POST", SVC, service("late", clusterIP=made[3]["clusterIP"]))
    assert status == 422 and "provided IP is already allocated" in answer["message"]
    assert knetd.api("DELETE", SVC + "/s3")[0] == 200
    late = create(knetd, "late", type="NodePort", clusterIP=made[3]["clusterIP"],
                  ports=[{"port": 1, "nodePort": made[3]["healthCheckNodePort"]}])
    assert late["clusterIP"] == made[3]["clusterIP"]


def test_one_node_port_for_the_protocols_of_a_port(knetd):
    both = create(knetd, "dns", type="NodePort", ports=[{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}])
    assert both["ports"][0]["nodePort"] == both["ports"][1]["nodePort"]


def test_what_is_not_written_holds_nothing(knetd):
    dry = create(knetd, "dry", "?dryRun=All", type="NodePort")
    assert dry["clusterIP"] and dry["ports"][0]["nodePort"]
    taken = create(knetd, "real", type="NodePort", clusterIP=dry["clusterIP"],
                   ports=[{"port": 1, "nodePort": dry["ports"][0]["nodePort"]}])
    assert taken["clusterIP"] == dry["clusterIP"]
    # the second port is refused: the address and the first port go back
    bad = service("bad", type="NodePort", clusterIP="10.96.9.9",
                  ports=[{"name": "a", "port": 1, "nodePort": 31999}, {"name": "b", "port": 2, "nodePort": dry["ports"][0]["nodePort"]}])
    assert knetd.api("POST", SVC, bad)[0] == 422
    create(knetd, "good", type="NodePort", clusterIP="10.96.9.9", ports=[{"port": 1, "nodePort": 31999}])
    # a dry run that moves a number away leaves it where it is
    assert knetd.api("PUT", SVC + "/good?dryRun=All", service("good"))[1]["spec"]["type"] == "ClusterIP"
    status, answer = knetd.api("POST", SVC, service("thief", type="NodePort", ports=[{"port": 1, "nodePort": 31999}]))
    assert status == 422, answer


def put(knetd, name, want=200, **spec):
    status, answer = knetd.api("PUT", f"{SVC}/{name}", service(name, **spec))
    assert status == want, answer
    return answer["spec"] if status == 200 else [c[0] for c in causes(answer)]


def test_a_load_balancer_without_node_ports(knetd):
    made = create(knetd, "web", type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert "nodePort" not in made["ports"][0] and made["externalTrafficPolicy"] == "Cluster"
    # one that is asked for is given all the same; what is there stays when others are no longer wanted
    chosen = create(knetd, "chosen", type="LoadBalancer", allocateLoadBalancerNodePorts=False, ports=[{"port": 80, "nodePort": 31500}])
    assert chosen["ports"][0]["nodePort"] == 31500
    port = put(knetd, "web", type="LoadBalancer")["ports"][0]["nodePort"]
    assert put(knetd, "web", type="LoadBalancer", allocateLoadBalancerNodePorts=False)["ports"][0]["nodePort"] == port
    two = put(knetd, "web", type="LoadBalancer", allocateLoadBalancerNodePorts=False,
              ports=[{"name": "a", "port": 80, "nodePort": port}, {"name": "b", "port": 81}])["ports"]
    assert two[0]["nodePort"] == port and "nodePort" not in two[1]
    # a name more, a name less: the port goes with its name
    assert "nodePort" not in put(knetd, "web", type="LoadBalancer", allocateLoadBalancerNodePorts=False, ports=[{"name": "b", "port": 81}])["ports"][0]
    assert create(knetd, "heir", type="NodePort", ports=[{"port": 1, "nodePort": port}])["ports"][0]["nodePort"] == port


def test_the_health_port_lives_with_its_policy(knetd):
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    port = create(knetd, "web", **local)["healthCheckNodePort"]
    assert put(knetd, "web", **local)["healthCheckNodePort"] == port
    assert put(knetd, "web", want=422, **local, healthCheckNodePort=port + 1) == ["spec.healthCheckNodePort"]
    assert put(knetd, "web", want=422, type="LoadBalancer", healthCheckNodePort=port + 1) == ["spec.healthCheckNodePort"]
    assert create(knetd, "other", **local)["healthCheckNodePort"] != port
    assert "healthCheckNodePort" not in put(knetd, "web", type="LoadBalancer")
    assert create(knetd, "heir", **local, healthCheckNodePort=port)["healthCheckNodePort"] == port
    assert put(knetd, "web", **local)["healthCheckNodePort"] not in (0, port)
    status, answer = knetd.api("POST", SVC, service("thief", **local, healthCheckNodePort=port))
    assert status == 500 and "provided port is already allocated" in answer["message"]


def test_a_load_balancer_becomes_something_else(knetd):
    create(knetd, "web", type="LoadBalancer", loadBalancerClass="example.com/lb", loadBalancerSourceRanges=[" 192.0.2.0/24 "],
           externalTrafficPolicy="Local", externalIPs=["198.51.100.9"], loadBalancerIP="192.0.2.9")
    ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}}
    status, answer = knetd.api("PATCH", f"{SVC}/web/status", ingress, "application/merge-patch+json")
    assert status == 200 and answer["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9", "ipMode": "VIP"}]
    web = knetd.api("GET", f"{SVC}/web")[1]
    assert web["spec"]["loadBalancerSourceRanges"] == [" 192.0.2.0/24 "]
    # everything as it is but the type: what the server filled in goes, what the user wrote is his to take back
    status, answer = knetd.api("PUT", f"{SVC}/web", {**web, "spec": {**web["spec"], "type": "NodePort"}})
    assert status == 422 and [c[0] for c in causes(answer)] == ["spec.loadBalancerSourceRanges"]
    del web["spec"]["loadBalancerSourceRanges"]
    status, answer = knetd.api("PUT", f"{SVC}/web", {**web, "spec": {**web["spec"], "type": "NodePort"}})
    assert status == 200 and answer["status"] == {"loadBalancer": {}}, answer
    spec = answer["spec"]
    assert spec["ports"][0]["nodePort"] == web["spec"]["ports"][0]["nodePort"] and spec["externalTrafficPolicy"] == "Local"
    assert not {"healthCheckNodePort", "loadBalancerClass", "allocateLoadBalancerNodePorts"} & set(spec)
    # with an external address it goes on having a policy; without one it does not
    spec = put(knetd, "web", externalIPs=["198.51.100.9"], externalTrafficPolicy="Local")
    assert spec["type"] == "ClusterIP" and spec["externalTrafficPolicy"] == "Local" and "nodePort" not in spec["ports"][0]
    assert "externalTrafficPolicy" not in put(knetd, "web")
    spec = put(knetd, "web", type="ExternalName", externalName="example.com", ports=[])
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"} & set(spec)
    spec = put(knetd, "web", type="LoadBalancer", sessionAffinity="ClientIP")
    assert spec["clusterIP"] and spec["ports"][0]["nodePort"] and spec["allocateLoadBalancerNodePorts"]
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    assert "sessionAffinityConfig" not in put(knetd, "web", type="LoadBalancer")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_what_kubectl_says(knetd, tmp_path):
    said = subprocess.run(["ip", "netns", "exec", knetd.netns, "kubectl", "-s", "http://127.0.0.1:8001", "create", "service", "clusterip",
                           "a", "--clusterip=10.96.0.0.1", "--tcp=80"], capture_output=True, text=True, timeout=60, check=False,
                          env=dict(os.environ, HOME=str(tmp_path), KUBECONFIG="/dev/null"))
    assert said.returncode == 1
    assert 'Service "a" is invalid: spec.clusterIPs[0]: Invalid value: "10.96.0.0.1": must be a valid IP' in said.stderr
