"""Load-balancer addresses through the API: who is given which, what the status and the Events say, and what stays
over restarts, changes of pools and writes by hand. What tests/unit/test_lb_alloc.c has as tables is not repeated."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from outside import Outside  # noqa: E402
from pods import Pod, eventually  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POOLS = "/apis/knetd.io/v1alpha1/addresspools"
SERVICES = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"
MARK = "knetd.io/allocated-from-pool"


@pytest.fixture
def node(knetd):
    """A daemon without any pool or Service: the file's one, emptied."""
    yield knetd
    for collection in (POOLS, SERVICES):
        for item in knetd.api("GET", collection)[1]["items"]:
            if item["metadata"]["name"] != "kubernetes":
                assert knetd.api("DELETE", f"{collection}/{item['metadata']['name']}")[0] == 200


def pool(knetd, name, *addresses, **spec):
    status, answer = knetd.api("POST", POOLS, {"metadata": {"name": name}, "spec": {"addresses": list(addresses), **spec}})
    assert status == 201, answer


def edit(knetd, path, change):
    status, answer = knetd.api("PATCH", path, change, MERGE)
    assert status == 200, answer
    return knetd.api("GET", path)[1]


def service(knetd, name, annotations=None, labels=None, ports=(80,), namespace="default", **spec):
    """Made, and read again: an answer is written before the status is."""
    body = {"metadata": {"name": name, "annotations": annotations or {}, "labels": labels or {}},
            "spec": {"type": "LoadBalancer", "ports": [{"name": f"p{p}", "port": p} for p in ports], **spec}}
    path = SERVICES.replace("default", namespace)
    status, answer = knetd.api("POST", path, body)
    assert status == 201, answer
    return knetd.api("GET", f"{path}/{name}")[1]


def get(knetd, name):
    return knetd.api("GET", f"{SERVICES}/{name}")[1]


def ips(service):
    ingress = service["status"]["loadBalancer"].get("ingress", [])
    assert all(set(i) == {"ip", "ipMode"} and i["ipMode"] == "VIP" for i in ingress)
    return [i["ip"] for i in ingress]


def events(knetd, name):
    return [(e["type"], e["reason"], e["message"]) for e in knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"]
            if e["involvedObject"]["name"] == name]


def told(knetd, name, reason, part):
    eventually(lambda: any(r == reason and part in m for _, r, m in events(knetd, name)))


def knetctl(knetd, *words):
    p = subprocess.run([os.path.join(ROOT, "build", "knetctl"), *words, "-s", knetd.socket], capture_output=True, text=True,
                       timeout=20, check=False)
    assert p.returncode == 0, p.stderr
    return p.stdout


def test_status_event_table_and_release(node):
    pool(node, "lan", "192.0.2.8/30", "2001:db8::8-2001:db8::9")
    web = service(node, "web", ipFamilyPolicy="PreferDualStack", ports=(80, 443))
    assert ips(web) == ["192.0.2.8", "2001:db8::8"] and web["metadata"]["annotations"] == {MARK: "lan"}
    assert ips(service(node, "six", ipFamilies=["IPv6"])) == ["2001:db8::9"]
    assert ips(service(node, "both", ipFamilyPolicy="RequireDualStack")) == []
    told(node, "web", "IPAllocated", '192.0.2.8, 2001:db8::8 from pool "lan"')
    told(node, "both", "AllocationFailed", "RequireDualStack")
    lines = knetctl(node, "get", "svc", "web", "both").splitlines()
    assert lines[1].split()[3] == "192.0.2.8,2001:db8::8" and lines[2].split()[3] == "<pending>"
    assert node.api("GET", f"{POOLS}/lan")[1]["status"] == {"assignedIPv4": 1, "availableIPv4": 3, "assignedIPv6": 2, "availableIPv6": 0}
    assert knetctl(node, "get", "pool").splitlines()[1].split()[:5] == \
        ["lan", "192.0.2.8/30,2001:db8::8-2001:db8::9", "true", "1/3", "2/0"]
    rows = [line.split() for line in knetctl(node, "lb").splitlines()]
    assert rows[0] == ["ADDRESS", "POOL", "SERVICE", "PORTS", "ANNOUNCED", "ON", "STATE"]
    assert [row[:4] for row in rows[1:]] == [["192.0.2.8", "lan", "default/web", "80/TCP,443/TCP"],
                                             ["2001:db8::8", "lan", "default/web", "80/TCP,443/TCP"],
                                             ["2001:db8::9", "lan", "default/six", "80/TCP"],
                                             ["<pending>", "<none>", "default/both", "80/TCP"]]
    assert [x["address"] for x in json.loads(knetctl(node, "lb", "-o", "json"))["held"]] == ["192.0.2.8", "2001:db8::8", "2001:db8::9"]
    metrics = node.api("GET", "/metrics")[1]
    assert 'knetd_lb_addresses{pool="lan",family="IPv6",state="used"} 2\n' in metrics
    assert 'knetd_lb_services{state="waiting"} 1\n' in metrics
    # what one gives back another that waits has in the same moment
    assert node.api("DELETE", f"{SERVICES}/six")[0] == 200
    assert ips(get(node, "both")) == ["192.0.2.9", "2001:db8::9"]


def test_a_status_is_never_without_its_balancer(node):
    assert service(node, "web")["status"] == {"loadBalancer": {}}
    for status in (None, {}, {"loadBalancer": None}, {"loadBalancer": {}}):
        assert edit(node, f"{SERVICES}/web/status", {"status": status})["status"] == {"loadBalancer": {}}


def test_a_type_change_gives_the_address_back(node):
    pool(node, "lan", "192.0.2.8")
    assert ips(service(node, "web")) == ["192.0.2.8"]
    assert ips(service(node, "next")) == []
    told(node, "next", "AllocationFailed", 'pool "lan" has no free IPv4 address')
    web = edit(node, f"{SERVICES}/web", {"spec": {"type": "ClusterIP"}})
    assert web["status"] == {"loadBalancer": {}} and MARK not in web["metadata"].get("annotations", {})
    assert ips(get(node, "next")) == ["192.0.2.8"]
    assert ips(edit(node, f"{SERVICES}/web", {"spec": {"type": "LoadBalancer"}})) == []


def test_another_class_is_not_touched(node):
    pool(node, "lan", "192.0.2.8/30")
    foreign = service(node, "foreign", loadBalancerClass="example.com/lb")
    assert ips(foreign) == []
    theirs = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9", "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}]}}
    assert edit(node, f"{SERVICES}/foreign/status", {"status": theirs})["status"] == theirs
    version = get(node, "foreign")["metadata"]["resourceVersion"]
    assert ips(service(node, "ours", loadBalancerClass="knetd.io/lb")) == ["192.0.2.8"]
    edit(node, f"{POOLS}/lan", {"spec": {"addresses": ["192.0.2.16/30"]}})
    assert ips(get(node, "ours")) == ["192.0.2.16"]
    assert get(node, "foreign")["metadata"]["resourceVersion"] == version
    status, answer = node.api("PATCH", f"{SERVICES}/ours", {"spec": {"loadBalancerClass": "example.com/lb"}}, MERGE)
    assert status == 422 and answer["details"]["causes"][0]["field"] == "spec.loadBalancerClass"
    # by way of another type it may become another's: the address is given back, and their status stays
    edit(node, f"{SERVICES}/ours", {"spec": {"type": "ClusterIP"}})
    edit(node, f"{SERVICES}/ours", {"spec": {"type": "LoadBalancer", "loadBalancerClass": "example.com/lb"}})
    edit(node, f"{SERVICES}/ours/status", {"status": theirs})
    assert ips(service(node, "next")) == ["192.0.2.16"]
    assert get(node, "ours")["status"] == theirs


def test_a_status_written_by_hand_is_put_right(node):
    pool(node, "lan", "192.0.2.8/30")
    assert ips(service(node, "web")) == ["192.0.2.8"]
    for status in ({"loadBalancer": None}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}},
                   {"loadBalancer": {"ingress": [{"hostname": "x.example"}]}}):
        assert ips(edit(node, f"{SERVICES}/web/status", {"status": status})) == ["192.0.2.8"]
    conditions = [{"type": "Mine", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    web = edit(node, f"{SERVICES}/web/status", {"status": {"loadBalancer": {"ingress": []}, "conditions": conditions}})
    assert ips(web) == ["192.0.2.8"] and web["status"]["conditions"] == conditions
    # the mark is put back, and nothing else of the user's is changed
    body = get(node, "web")
    body["metadata"]["annotations"] = {"mine": "1"}
    assert node.api("PUT", f"{SERVICES}/web", body)[0] == 200
    assert get(node, "web")["metadata"]["annotations"] == {"mine": "1", MARK: "lan"}
    assert edit(node, f"{POOLS}/lan/status", {"status": {"assignedIPv4": 77}})["status"]["assignedIPv4"] == 1


def test_addresses_asked_for(node):
    pool(node, "lan", "192.0.2.8/30")
    pool(node, "kept", "198.51.100.0/30", autoAssign=False)
    assert ips(service(node, "field", loadBalancerIP="192.0.2.10")) == ["192.0.2.10"]
    assert ips(service(node, "ours", {"knetd.io/load-balancer-ips": " 192.0.2.9 "})) == ["192.0.2.9"]
    assert ips(service(node, "metallb", {"metallb.io/loadBalancerIPs": "192.0.2.11"})) == ["192.0.2.11"]
    assert ips(service(node, "older", {"metallb.universe.tf/loadBalancerIPs": "198.51.100.2"})) == ["198.51.100.2"]
    assert ips(service(node, "pool", {"metallb.io/address-pool": "kept"})) == ["198.51.100.0"]
    assert ips(service(node, "taken", loadBalancerIP="192.0.2.10")) == []
    told(node, "taken", "AllocationFailed", "192.0.2.10 is held by default/field")
    assert ips(edit(node, f"{SERVICES}/field", {"spec": {"loadBalancerIP": "192.0.2.8"}})) == ["192.0.2.8"]
    told(node, "field", "IPAllocated", '192.0.2.8 from pool "lan", in place of 192.0.2.10')
    assert ips(get(node, "taken")) == ["192.0.2.10"]


def test_shared_addresses(node):
    pool(node, "lan", "192.0.2.8/31")
    key = {"metallb.io/allow-shared-ip": "one"}
    assert ips(service(node, "dns", {"knetd.io/allow-shared-ip": "one"}, ports=(53,))) == ["192.0.2.8"]
    assert ips(service(node, "web", key)) == ["192.0.2.8"]
    assert ips(service(node, "web2", key)) == ["192.0.2.9"]
    assert ips(service(node, "web3", key)) == []
    assert ips(edit(node, f"{SERVICES}/web3", {"spec": {"ports": [{"port": 81}]}})) == ["192.0.2.8"]
    assert node.api("GET", f"{POOLS}/lan")[1]["status"]["assignedIPv4"] == 2
    assert node.api("DELETE", f"{SERVICES}/dns")[0] == 200 and node.api("DELETE", f"{SERVICES}/web")[0] == 200
    assert ips(get(node, "web3")) == ["192.0.2.8"] and node.api("GET", f"{POOLS}/lan")[1]["status"]["assignedIPv4"] == 2


def test_pools_come_change_and_go(node):
    web = service(node, "web")
    assert ips(web) == []
    told(node, "web", "AllocationFailed", "there is no pool")
    pool(node, "lan", "192.0.2.8/30")
    assert ips(get(node, "web")) == ["192.0.2.8"]
    assert ips(service(node, "db")) == ["192.0.2.9"]
    edit(node, f"{POOLS}/lan", {"spec": {"addresses": ["192.0.2.9-192.0.2.12"]}})
    assert ips(get(node, "web")) == ["192.0.2.10"] and ips(get(node, "db")) == ["192.0.2.9"]
    told(node, "web", "IPAllocated", '192.0.2.10 from pool "lan", in place of 192.0.2.8')
    pool(node, "spare", "198.51.100.0/30")
    edit(node, f"{POOLS}/lan", {"spec": {"serviceSelector": {"matchLabels": {"app": "db"}}}})
    db = ips(get(node, "db"))
    assert sorted(ips(get(node, "web")) + db) == ["198.51.100.0", "198.51.100.1"]
    assert ips(edit(node, f"{SERVICES}/db", {"metadata": {"labels": {"app": "db"}}})) == db
    assert node.api("DELETE", f"{POOLS}/spare")[0] == 200
    assert ips(get(node, "db")) == ["192.0.2.9"] and ips(get(node, "web")) == []
    told(node, "web", "AllocationFailed", "no pool is for this Service")
    assert node.api("DELETE", f"{POOLS}/lan")[0] == 200
    assert ips(get(node, "db")) == [] and "annotations" not in get(node, "db")["metadata"]
    status, answer = node.api("POST", POOLS, {"metadata": {"name": "bad"}, "spec": {"addresses": ["10.96.0.0/24", "10.244.0.9"]}})
    assert status == 422 and [c["field"] for c in answer["details"]["causes"]] == ["spec.addresses[0]", "spec.addresses[1]"]


def test_pools_do_not_overlap(knetd_factory):
    knetd = knetd_factory(ini="[lb]\npools = 203.0.113.0/28")
    pool(knetd, "lan", "192.0.2.0/28", "2001:db8::/120")
    pool(knetd, "next", "192.0.2.16/28")

    def refused(name, *addresses, method="POST", path=POOLS):
        status, answer = knetd.api(method, path, {"apiVersion": "knetd.io/v1alpha1", "kind": "AddressPool", "metadata": {"name": name},
                                                  "spec": {"addresses": list(addresses)}})
        assert status == 422, answer
        return [(c["field"], c["message"].split(": ")[-1]) for c in answer["details"]["causes"]]

    assert refused("a", "198.51.100.0/24", "192.0.2.15") == [("spec.addresses[1]", 'overlaps with "192.0.2.0/28" of AddressPool "lan"')]
    assert sorted(refused("a", "192.0.2.10-192.0.2.20")) == [("spec.addresses[0]", f'overlaps with "{of}" of AddressPool "{by}"')
                                                            for of, by in (("192.0.2.0/28", "lan"), ("192.0.2.16/28", "next"))]
    assert refused("a", "2001:db8::/32")[0][0] == "spec.addresses[0]"
    assert refused("a", "203.0.113.15-203.0.113.16") == [("spec.addresses[0]", "overlaps with [lb] pools")]
    assert refused("next", "192.0.2.0/27", method="PUT", path=f"{POOLS}/next")[0][0] == "spec.addresses[0]"
    # its own ranges are no obstacle, and what was given up is another's to take
    edit(knetd, f"{POOLS}/next", {"spec": {"addresses": ["192.0.2.24/29", "192.0.2.32/28"]}})
    edit(knetd, f"{POOLS}/lan", {"spec": {"addresses": ["192.0.2.0-192.0.2.23"]}})


def test_pools_by_the_labels_of_namespaces(node):
    assert node.api("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})[0] == 201
    try:
        pool(node, "some", "192.0.2.8/30", namespaceSelector={"matchExpressions": [{"key": "lb", "operator": "Exists"}]})
        made = service(node, "web", namespace="team")
        assert ips(made) == [] and ips(service(node, "other")) == []
        path = "/api/v1/namespaces/team"
        edit(node, path, {"metadata": {"labels": {"lb": ""}}})
        assert ips(node.api("GET", f"{path}/services/web")[1]) == ["192.0.2.8"]
        edit(node, path, {"metadata": {"labels": {"lb": None}}})
        assert ips(node.api("GET", f"{path}/services/web")[1]) == []
    finally:
        assert node.api("DELETE", "/api/v1/namespaces/team")[0] == 200


def test_without_pools_another_controllers_status_stays(node):
    service(node, "cloud")
    theirs = {"loadBalancer": {"ingress": [{"hostname": "lb.example.net"}, {"ip": "203.0.113.9", "ipMode": "VIP"}]}}
    assert edit(node, f"{SERVICES}/cloud/status", {"status": theirs})["status"] == theirs
    node.stop()
    node.start()
    assert get(node, "cloud")["status"] == theirs
    service(node, "ours", loadBalancerClass="knetd.io/lb")  # but where it names us, it is ours
    assert edit(node, f"{SERVICES}/ours/status", {"status": theirs})["status"] == {"loadBalancer": {}}


def test_kept_over_restarts(knetd_factory):
    knetd = knetd_factory(ini="[lb]\npools = 192.0.2.8-192.0.2.12, 2001:db8::8/125")
    made = {n: ips(service(knetd, n, {"knetd.io/allow-shared-ip": "k"} if n in ("c", "d") else None, ports=(80 + i,),
                           ipFamilyPolicy="PreferDualStack")) for i, n in enumerate("abcdef")}
    assert made["c"] == made["d"] == ["192.0.2.10", "2001:db8::a"] and made["f"] == ["192.0.2.12", "2001:db8::c"]
    assert knetd.api("DELETE", f"{SERVICES}/a")[0] == 200
    versions = {n: get(knetd, n)["metadata"]["resourceVersion"] for n in "bcdef"}
    for sig in (signal.SIGTERM, signal.SIGKILL):
        knetd.stop(sig)
        knetd.start()
        assert {n: ips(get(knetd, n)) for n in "bcdef"} == {n: made[n] for n in "bcdef"}
        assert {n: get(knetd, n)["metadata"]["resourceVersion"] for n in "bcdef"} == versions  # nothing was written
    assert ips(service(knetd, "g")) == ["192.0.2.8"]
    assert get(knetd, "g")["metadata"]["annotations"] == {MARK: "knetd.ini"}
    # another configuration: who is out moves, who is in stays; without any, what we wrote is taken back
    with open(knetd.ini, encoding="utf-8") as f:
        ini = f.read()
    for pools, b, g in (("192.0.2.9-192.0.2.10,198.51.100.0/30", made["b"][:1], ["198.51.100.2"]), ("", [], [])):
        knetd.stop()
        with open(knetd.ini, "w", encoding="utf-8") as f:
            f.write(ini[:ini.index("[lb]")] + f"[lb]\npools = {pools}\n")
        knetd.start()
        assert ips(get(knetd, "b")) == b and ips(get(knetd, "g")) == g


def wired(knetd, *addresses):
    """An uplink with these addresses, so that the node has some of its own."""
    knetd.exec("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", check=True)
    for a in addresses:
        knetd.exec("ip", "addr", "add", a, "dev", "up0", "nodad", check=True)
    for link in ("up0", "up1"):
        knetd.exec("ip", "link", "set", link, "up", check=True)
    knetd.exec("ip", "route", "add", "default", "via", addresses[0].split("/")[0].rsplit(".", 1)[0] + ".1", check=True)


def test_the_nodes_own_address(knetd_factory):
    knetd = knetd_factory(ini="[lb]\npools = node")
    assert ips(service(knetd, "web", ports=(80, 443), ipFamilyPolicy="PreferDualStack")) == []  # the uplink is late
    wired(knetd, "203.0.113.7/24", "2001:db8:7::7/64")
    eventually(lambda: ips(get(knetd, "web")) == ["203.0.113.7", "2001:db8:7::7"])
    assert ips(service(knetd, "mail", ports=(25,))) == ["203.0.113.7"]
    assert ips(service(knetd, "clash", ports=(443,))) == []
    told(knetd, "clash", "AllocationFailed", "port 443/TCP of 203.0.113.7 is held by default/web")
    assert "the node's own" in knetctl(knetd, "lb")
    edit(knetd, f"{SERVICES}/web", {"spec": {"ports": [{"port": 80}]}})
    assert ips(get(knetd, "clash")) == ["203.0.113.7"]
    # the uplink is lost for a while: nobody loses his address for that, over a restart either
    knetd.exec("ip", "addr", "del", "203.0.113.7/24", "dev", "up0", check=True)
    knetd.stop()
    knetd.start()
    assert ips(get(knetd, "mail")) == ["203.0.113.7"]
    # it comes back with another one: so does everybody
    knetd.exec("ip", "addr", "add", "203.0.113.8/24", "dev", "up0", check=True)
    knetd.exec("ip", "route", "replace", "default", "via", "203.0.113.1", check=True)
    eventually(lambda: ips(get(knetd, "mail")) == ["203.0.113.8"])
    # beside a pool of ranges the node's is the last to be taken
    pool(knetd, "lan", "203.0.113.100", priority=1)
    assert ips(service(knetd, "first", ports=(90,))) == ["203.0.113.100"]
    assert ips(service(knetd, "second", ports=(90,))) == ["203.0.113.8"]


def test_packets_reach_what_the_status_says(knetd_factory):
    """From outside, in both families: the node's own address, and one of a range that a router would send to the node."""
    made = []
    knetd = knetd_factory(lambda d: made.append(Outside(d)), ini="[lb]\npools = node")
    outside, pod = made[0], None
    try:
        knetd.exec("ip", "route", "add", "default", "via", outside.ip4, check=True)
        knetd.exec("ip", "-6", "route", "add", "default", "via", outside.ip6, check=True)
        eventually(lambda: "InternalIP" in json.dumps(knetd.api("GET", "/api/v1/nodes/node")[1]))
        pool(knetd, "routed", "198.51.100.0/28", "2001:db8:51::/120", autoAssign=False)
        outside.routes_to("198.51.100.0/28", "2001:db8:51::/120")
        pod = Pod(knetd, "web", labels={"app": "web"})
        pod.serve(8080)
        spec = {"selector": {"app": "web"}, "ipFamilyPolicy": "RequireDualStack", "allocateLoadBalancerNodePorts": False}
        own = ips(service(knetd, "own", **spec))
        routed = ips(service(knetd, "routed", {"knetd.io/address-pool": "routed"}, **spec))
        assert own == [outside.node4, outside.node6] and routed == ["198.51.100.0", "2001:db8:51::1"]
        for name in ("own", "routed"):
            edit(knetd, f"{SERVICES}/{name}", {"spec": {"ports": [{"name": "p80", "port": 80, "targetPort": 8080}]}})

        def said(ip, seconds="5"):
            return outside.run("curl", "-sS", "-m", seconds, f"http://[{ip}]/x" if ":" in ip else f"http://{ip}/x").stdout

        assert [said(ip) for ip in own + routed] == ["web /x\n"] * 4
        assert knetd.api("DELETE", f"{SERVICES}/own")[0] == 200
        edit(knetd, f"{SERVICES}/routed", {"spec": {"type": "ClusterIP"}})
        assert not any(said(ip, "1").startswith("web") for ip in own + routed)
    finally:
        if pod:
            pod.remove()
        outside.remove()


def random_act(knetd):
    """Something a user may do to one of thirty Services or two pools."""
    name, r = f"s{random.randrange(30)}", random.random()
    notes = {"knetd.io/allow-shared-ip": random.choice(["", "k"]), "knetd.io/address-pool": random.choice(["", "", "a", "b"])}
    p = random.choice("ab")
    ranges = {"a": ["192.0.2.0/29", "2001:db8::/125"], "b": ["198.51.100.0/30", "2001:db8:1::/126"]}[p]
    if r < .4:
        spec = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": random.choice([80, 81, 82])}],
                "ipFamilyPolicy": random.choice(["SingleStack", "PreferDualStack", "RequireDualStack"])}
        return knetd.api("POST", SERVICES, {"metadata": {"name": name, "annotations": notes}, "spec": spec})
    if r < .6:
        return knetd.api("DELETE", f"{SERVICES}/{name}")
    if r < .8:
        change = {"metadata": {"annotations": notes}, "spec": {"type": random.choice(["LoadBalancer", "ClusterIP"])}}
        return knetd.api("PATCH", f"{SERVICES}/{name}", change, MERGE)
    if r < .9:
        return knetd.api("PATCH", f"{SERVICES}/{name}/status", {"status": {"loadBalancer": None}}, MERGE)
    if r < .94:
        return knetd.api("POST", POOLS, {"metadata": {"name": p}, "spec": {"addresses": ranges}})
    if r < .96:
        return knetd.api("DELETE", f"{POOLS}/{p}")
    change = {"addresses": random.sample(ranges, random.choice([1, 2])), "autoAssign": random.choice([True, False])}
    return knetd.api("PATCH", f"{POOLS}/{p}", {"spec": change}, MERGE)


def consistent(knetd):
    """Status, mark, list and counts say the same, and nobody shares what he may not."""
    listed = knetd.api("GET", "/knetd/v1/lb")[1]
    services = {f"default/{s['metadata']['name']}": s for s in knetd.api("GET", SERVICES)[1]["items"]}
    by_service, by_address = {}, {}
    for h in listed["held"]:
        by_service.setdefault(h["service"], set()).add(h["address"])
        by_address.setdefault(h["address"], []).append(h)
    for key, s in services.items():
        has, mark = set(ips(s)), s["metadata"].get("annotations", {}).get(MARK)
        assert has == by_service.get(key, set()) and bool(mark) == bool(has), (s, by_service.get(key))
        assert has or s["spec"]["type"] != "LoadBalancer" or any(w["service"] == key for w in listed["waiting"]), key
    assert set(by_service) <= set(services)
    for holders in by_address.values():
        ports = [p for h in holders for p in h["ports"]]
        assert len(ports) == len(set(ports)), holders
        assert len(holders) == 1 or all(services[h["service"]]["metadata"]["annotations"]["knetd.io/allow-shared-ip"] for h in holders)
    for p in knetd.api("GET", POOLS)[1]["items"]:
        status = p.get("status", {})
        assert status.get("assignedIPv4", 0) + status.get("assignedIPv6", 0) == \
            len([a for a, v in by_address.items() if v[0]["pool"] == p["metadata"]["name"]])


def test_killed_at_any_instant(knetd_factory):
    knetd = knetd_factory()
    random.seed(11)
    for _ in range(12):
        killer = threading.Timer(random.uniform(.05, .2), lambda: knetd.process.send_signal(signal.SIGKILL))
        killer.start()
        try:
            while True:
                assert random_act(knetd)[0] in (200, 201, 404, 409, 422)
        except (OSError, http.client.HTTPException):
            pass
        killer.join()
        knetd.process.wait(timeout=20)
        knetd.start()
        consistent(knetd)
        for _ in range(20):
            random_act(knetd)
        consistent(knetd)


def test_a_thousand(knetd_factory):
    """Made at once, they all have an address of their own; one change then writes one Service and one pool."""
    knetd = knetd_factory(service_cidr="10.96.0.0/16")
    pool(knetd, "lan", "172.20.0.0/16")
    docs = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{i}"},
             "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}} for i in range(1000)]
    status, answer = knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": docs})
    assert status == 200, answer
    items = [s for s in knetd.api("GET", SERVICES)[1]["items"] if s["spec"]["type"] == "LoadBalancer"]
    assert len({ip for s in items for ip in ips(s)}) == 1000
    before = {s["metadata"]["name"]: s["metadata"]["resourceVersion"] for s in items}
    assert knetd.api("DELETE", f"{SERVICES}/s500")[0] == 200
    assert ips(service(knetd, "new"))[0] == next(ips(s)[0] for s in items if s["metadata"]["name"] == "s500")
    after = {s["metadata"]["name"]: s["metadata"]["resourceVersion"] for s in knetd.api("GET", SERVICES)[1]["items"]}
    assert all(after[n] == v for n, v in before.items() if n != "s500")
    assert knetd.api("GET", f"{POOLS}/lan")[1]["status"] == {"assignedIPv4": 1000, "availableIPv4": 64536, "assignedIPv6": 0, "availableIPv6": 0}
