"""The CNI specification, point by point, asked of the real plugin and a real daemon: sections 2 (verbs and their
environment), 4 (chains: test_cni_chain.py too) and 5 (results and errors), in every version that is spoken."""

import concurrent.futures
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import CniError, Sandbox, eventually  # noqa: E402

VERSIONS = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]


@pytest.fixture
def box(knetd):
    with Sandbox(knetd) as sandbox:
        yield sandbox


@pytest.fixture
def boxes(knetd):
    made = []

    def make():
        made.append(Sandbox(knetd))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.remove()


def attachments(knetd):
    return knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]


def of(knetd, sandbox):
    return sorted(a["spec"]["ifName"] for a in attachments(knetd) if a["spec"]["containerID"] == sandbox.container)


def used(knetd):
    """Addresses of each range; those of earlier tests may still be on their way back."""
    return [float(x.split()[1]) for x in knetd.api("GET", "/metrics")[1].splitlines() if x.startswith("knetd_podnet_addresses_used{")]


def nothing_more_used(knetd, before):
    return all(now <= was for now, was in zip(used(knetd), before))


def refused(sandbox, command, conf=None, **env):
    with pytest.raises(CniError) as e:
        sandbox.call(command, conf, **env)
    answer = json.loads(str(e.value))
    assert answer["cniVersion"] in VERSIONS and answer["msg"] and "code" in answer
    return e.value.code, answer["msg"], answer["cniVersion"]


def stranger(sandbox):
    assert sandbox.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "x0").returncode == 0


# ---- the environment ------------------------------------------------------------------------------

REQUIRED = {"ADD": ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"], "CHECK": ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            "DEL": ["CNI_CONTAINERID", "CNI_IFNAME"]}


@pytest.mark.parametrize("verb,variable", [(verb, v) for verb, all_of in REQUIRED.items() for v in all_of])
def test_what_a_verb_requires(box, verb, variable):
    for missing in (None, ""):
        code, msg, _ = refused(box, verb, {"prevResult": {"interfaces": []}}, **{variable: missing})
        assert code == 4 and variable in msg


def test_what_no_verb_requires(knetd, box):
    nothing = {"CNI_CONTAINERID": None, "CNI_IFNAME": None, "CNI_NETNS": None, "CNI_ARGS": None, "CNI_PATH": None}
    assert box.call("STATUS", **nothing) is None
    assert box.call("VERSION", **nothing)["supportedVersions"] == VERSIONS
    assert box.call("ADD", CNI_ARGS=None, CNI_PATH=None)["ips"]
    keep = [{"containerID": a["spec"]["containerID"], "ifname": a["spec"]["ifName"]} for a in attachments(knetd)]
    assert box.call("GC", {"cni.dev/valid-attachments": keep}, **nothing) is None
    assert box.call("DEL", CNI_NETNS=None, CNI_ARGS=None, CNI_PATH=None) is None


def test_a_command_that_nobody_knows(box):
    for command in ("FROB", "add", "", None):
        code, msg, _ = refused(box, command)
        assert code == 4 and "CNI_COMMAND" in msg


@pytest.mark.parametrize("variable,value", [
    ("CNI_CONTAINERID", "../etc"), ("CNI_CONTAINERID", "-x"), ("CNI_CONTAINERID", "a b"), ("CNI_CONTAINERID", "x" * 201),
    ("CNI_IFNAME", "eth/0"), ("CNI_IFNAME", "."), ("CNI_IFNAME", ".."), ("CNI_IFNAME", "eth 0"), ("CNI_IFNAME", "eth:0"),
    ("CNI_IFNAME", "sixteencharacter"), ("CNI_NETNS", "relative/path"), ("CNI_NETNS", "/nowhere"),
    ("CNI_NETNS", "/etc/passwd"), ("CNI_NETNS", "/proc/self/ns/uts")])
def test_values_that_cannot_be(knetd, box, variable, value):
    before = used(knetd)
    code, msg, _ = refused(box, "ADD", **{variable: value})
    assert code == 4 and variable in msg
    assert nothing_more_used(knetd, before) and not of(knetd, box)


def test_the_node_s_own_namespace_is_no_pod(knetd, box):
    code, msg, _ = refused(box, "ADD", CNI_NETNS=f"/var/run/netns/{knetd.netns}")
    assert code == 4 and "own" in msg


@pytest.mark.parametrize("args,word", [
    ("FOO=1", "FOO"), ("K8S_POD_NAME=web;FOO=1;BAR=2", "FOO"), ("FOO=1;IgnoreUnknown=0", "FOO"), ("IgnoreUnknown=perhaps", "IgnoreUnknown"),
    ("K8S_POD_NAME", "'='"), ("K8S_POD_NAME=Not_A_Name", "K8S_POD_NAME"), ("K8S_POD_NAMESPACE=a.b", "K8S_POD_NAMESPACE")])
def test_args_that_are_refused(box, args, word):
    code, msg, _ = refused(box, "ADD", CNI_ARGS=args)
    assert code == 4 and "CNI_ARGS" in msg and word in msg


@pytest.mark.parametrize("args", [
    "", ";;", "IgnoreUnknown=1;FOO=1", "FOO=1;IgnoreUnknown=true", "K8S_POD_INFRA_CONTAINER_ID=x;K8S_POD_UID=u",
    "ignoreunknown=TRUE;FOO="])
def test_args_that_are_taken(box, args):
    assert box.call("ADD", CNI_ARGS=args)["ips"]


def test_del_does_not_mind_args(box):
    assert box.call("DEL", CNI_ARGS="FOO=1;novalue") is None


# ---- the configuration ----------------------------------------------------------------------------

@pytest.mark.parametrize("text,code", [
    ("", 6), ("not json", 6), ("[]", 6), ("{", 6), ('{"cniVersion":"1.1.0","name":"x"} trailing', 6),
    ('{"name":"x","type":"knet"}', 1), ('{"cniVersion":"0.2.0","name":"x"}', 1), ('{"cniVersion":"1.2.0","name":"x"}', 1),
    ('{"cniVersion":110,"name":"x"}', 1), ('{"cniVersion":"1.1.0"}', 7), ('{"cniVersion":"1.1.0","name":"../x"}', 7),
    ('{"cniVersion":"1.1.0","name":""}', 7), ('{"cniVersion":"1.1.0","name":"x","ipam":{"type":"host-local"}}', 2),
    ('{"cniVersion":"1.1.0","name":"x","prevResult":"none"}', 7),
    ('{"cniVersion":"1.1.0","name":"x","prevResult":{"cniVersion":"0.2.0"}}', 1)])
def test_configurations_that_are_refused(knetd, box, text, code):
    before = used(knetd)
    assert refused(box, "ADD", text)[0] == code
    assert nothing_more_used(knetd, before) and not of(knetd, box) and box.links() == ["lo"]


@pytest.mark.parametrize("version", VERSIONS)
def test_errors_speak_the_caller_s_version(box, version):
    assert refused(box, "ADD", {"cniVersion": version}, CNI_IFNAME="eth/0")[2] == version
    assert refused(box, "FROB", {"cniVersion": version})[2] == version


def test_an_error_in_a_version_nobody_speaks_is_in_the_newest(box):
    assert refused(box, "ADD", {"cniVersion": "7.0"}) [2] == "1.1.0"
    assert refused(box, "FROB", {"cniVersion": "7.0"})[2] == "1.1.0"


@pytest.mark.parametrize("verb,since", [("CHECK", "0.4.0"), ("GC", "1.1.0"), ("STATUS", "1.1.0")])
def test_verbs_of_later_versions(box, verb, since):
    for version in VERSIONS:
        if version < since:
            code, msg, _ = refused(box, verb, {"cniVersion": version, "cni.dev/valid-attachments": []})
            assert code == 1 and verb in msg and since in msg


def test_a_configuration_of_a_megabyte_and_more(box):
    code, _, _ = refused(box, "ADD", {"padding": "x" * (1 << 20)})
    assert code == 6
    assert box.call("ADD", {"padding": "x" * (1 << 19)})["ips"]


# ---- ADD: results ---------------------------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_the_form_of_a_result(box, version):
    result = box.call("ADD", {"cniVersion": version, "dns": {"nameservers": ["10.96.0.10"], "search": ["a.b"], "options": ["ndots:5"]}})
    host, eth0 = result["interfaces"]
    assert set(result) == {"cniVersion", "interfaces", "ips", "routes", "dns"} and result["cniVersion"] == version
    assert "sandbox" not in host and eth0["name"] == "eth0" and eth0["sandbox"] == f"/var/run/netns/{box.netns}"
    assert ("mtu" in eth0) == ("mtu" in host) == (version == "1.1.0")
    link = box.ip("link", "show", "eth0")[0]
    assert link["address"] == eth0["mac"] and eth0.get("mtu", link["mtu"]) == link["mtu"]
    assert [ip.get("version") for ip in result["ips"]] == (["4", "6"] if version < "1.0.0" else [None, None])
    assert all(ip["interface"] == 1 for ip in result["ips"])
    assert [ip["gateway"] for ip in result["ips"]] == ["169.254.1.1", "fe80::1"]
    assert result["routes"] == [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}, {"dst": "::/0", "gw": "fe80::1"}]
    assert result["dns"] == {"nameservers": ["10.96.0.10"], "search": ["a.b"], "options": ["ndots:5"]}
    there = [f"{a['local']}/{a['prefixlen']}" for x in box.ip("addr", "show", "eth0") for a in x["addr_info"] if a["scope"] == "global"]
    assert sorted(there) == sorted(ip["address"] for ip in result["ips"])


OLD = {"cniVersion": "0.3.1", "interfaces": [{"name": "br0", "mac": "02:00:00:00:00:01"}, {"name": "net9", "sandbox": "/x"}],
       "ips": [{"version": "4", "interface": 1, "address": "192.0.2.9/24", "gateway": "192.0.2.1"},
               {"version": "6", "interface": 1, "address": "2001:db8::9/64"}],
       "routes": [{"dst": "198.51.100.0/24"}], "dns": {"nameservers": ["192.0.2.1"]}}
NEW = {"cniVersion": "1.1.0", "interfaces": [{"name": "br0", "mac": "02:00:00:00:00:01", "mtu": 9000},
                                             {"name": "net9", "sandbox": "/x", "socketPath": "/s", "pciID": "0000:01:00.0"}],
       "ips": [{"interface": 1, "address": "192.0.2.9/24", "gateway": "192.0.2.1"}, {"interface": 1, "address": "2001:db8::9/64"}],
       "routes": [{"dst": "198.51.100.0/24", "mtu": 1400, "advmss": 1360, "priority": 5, "table": 7, "scope": 253}],
       "dns": {"nameservers": ["192.0.2.1"]}}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("prev", [OLD, NEW], ids=["old", "new"])
def test_a_previous_result_is_carried_in_every_version(box, version, prev):
    result = box.call("ADD", {"cniVersion": version, "prevResult": prev})
    assert [i["name"] for i in result["interfaces"][:2]] == ["br0", "net9"] and result["interfaces"][3]["name"] == "eth0"
    assert [ip["interface"] for ip in result["ips"]] == [1, 1, 3, 3], "ours point at ours, behind those that were there"
    assert [ip["address"] for ip in result["ips"][:2]] == ["192.0.2.9/24", "2001:db8::9/64"]
    assert [ip.get("version") for ip in result["ips"]] == (["4", "6"] * 2 if version < "1.0.0" else [None] * 4)
    whole = version == "1.1.0" and prev is NEW
    assert result["interfaces"][:2] == (NEW if whole else OLD)["interfaces"]
    assert result["routes"] == (NEW if whole else OLD)["routes"], "the way out is the other's: none of ours is added"
    assert result["dns"] == prev["dns"]
    if version != "0.3.1":
        assert box.call("CHECK", {"cniVersion": version, "prevResult": result}) is None


def test_dns_of_the_configuration_goes_before_the_previous_one(box):
    assert box.call("ADD", {"prevResult": NEW, "dns": {"domain": "x"}})["dns"] == {"domain": "x"}


@pytest.mark.parametrize("prev", [None, {}, {"interfaces": None, "ips": "x", "routes": 5}, {"ips": [None, 7, {}]}])
def test_a_previous_result_without_much(box, prev):
    assert box.call("ADD", {"prevResult": prev})["ips"]


# ---- ADD: what is in the way ----------------------------------------------------------------------

def test_add_again_fails_and_harms_nothing(knetd, box):
    result = box.call("ADD")
    for _ in range(2):
        code, msg, _ = refused(box, "ADD")
        assert code == 4 and "eth0" in msg
    assert of(knetd, box) == ["eth0"]
    assert box.call("CHECK", {"prevResult": result}) is None


def test_add_beside_a_stranger_s_interface(knetd, box):
    before = used(knetd)
    stranger(box)
    code, msg, _ = refused(box, "ADD")
    assert code == 4 and "eth0" in msg
    assert nothing_more_used(knetd, before) and not of(knetd, box) and "eth0" in box.links(), "it is not ours to take away"
    assert box.call("ADD", CNI_IFNAME="eth1")["ips"]


def test_add_after_a_plugin_that_made_the_interface(box):
    stranger(box)
    code, msg, _ = refused(box, "ADD", {"prevResult": {"interfaces": [{"name": "eth0", "sandbox": "/x"}]}})
    assert code == 4 and "before" in msg


def test_several_interfaces(knetd, box):
    results = [box.call("ADD", CNI_IFNAME=f"net{i}") for i in range(4)]
    assert len({ip["address"] for r in results for ip in r["ips"]}) == 8
    assert results[0]["routes"] and not any(r["routes"] for r in results[1:]), "the first is the way out"
    assert of(knetd, box) == ["net0", "net1", "net2", "net3"]
    box.call("DEL", CNI_IFNAME="net2")
    assert of(knetd, box) == ["net0", "net1", "net3"]
    for i in (0, 1, 3):
        assert box.call("CHECK", {"prevResult": results[i]}, CNI_IFNAME=f"net{i}") is None
    for i in range(4):
        box.call("DEL", CNI_IFNAME=f"net{i}")
    eventually(lambda: box.links() == ["lo"])


# ---- DEL ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("prev", [None, {}, "broken", 7, [], {"cniVersion": "9.9"}, {"interfaces": "x", "ips": [1]}])
def test_del_whatever_the_previous_result(knetd, box, prev):
    before = used(knetd)
    box.call("ADD")
    assert box.call("DEL", {"prevResult": prev}) is None
    assert not of(knetd, box)
    eventually(lambda: nothing_more_used(knetd, before) and box.links() == ["lo"])


def test_del_with_anything_missing(knetd, box):
    assert box.call("DEL") is None, "was never attached"
    box.call("ADD")
    subprocess.run(["ip", "netns", "del", box.netns], check=True)
    assert box.call("DEL") is None, "its namespace is gone"
    assert box.call("DEL", CNI_NETNS="") is None and box.call("DEL", CNI_CONTAINERID="unknown") is None
    assert box.call("DEL", CNI_IFNAME="other") is None and box.call("DEL", CNI_NETNS="/etc/passwd") is None
    assert not of(knetd, box)


@pytest.mark.parametrize("version", VERSIONS)
def test_del_in_each_version_and_without_a_name(knetd, box, version):
    box.call("ADD", {"cniVersion": "0.3.1"})
    assert box.call("DEL", json.dumps({"cniVersion": version, "type": "knet"})) is None
    assert not of(knetd, box)


# ---- CHECK ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("harm,word", [
    ("ip addr del {ip4} dev eth0", "address"), ("ip route del default", "route"), ("ip link set eth0 down", "down"),
    ("ip link set eth0 address 02:00:00:00:00:09", "not ours")])
def test_check_finds_what_was_changed(box, harm, word):
    result = box.call("ADD")
    assert box.call("CHECK", {"prevResult": result}) is None
    assert box.run(*harm.format(ip4=result["ips"][0]["address"]).split()).returncode == 0
    code, msg, _ = refused(box, "CHECK", {"prevResult": result})
    assert code >= 100 and word in msg


def test_check_of_a_pod_that_lost_its_interface(knetd, box):
    result = box.call("ADD")
    assert box.run("ip", "link", "del", "eth0").returncode == 0
    eventually(lambda: not of(knetd, box))
    assert refused(box, "CHECK", {"prevResult": result})[0] == 3
    assert box.call("DEL") is None


def test_check_finds_what_the_node_lost(knetd, box):
    result = box.call("ADD")
    knetd.exec("ip", "route", "del", result["ips"][0]["address"], check=True)
    code, msg, _ = refused(box, "CHECK", {"prevResult": result})
    assert code >= 100 and "route" in msg


def test_check_wants_the_previous_result(box):
    result = box.call("ADD")
    assert refused(box, "CHECK")[0] == 7
    assert refused(box, "CHECK", {"prevResult": "x"})[0] == 7
    assert refused(box, "CHECK", {"prevResult": {**result, "interfaces": []}})[0] >= 100
    assert refused(box, "CHECK", {"prevResult": {**result, "ips": result["ips"][:1]}})[0] >= 100
    assert refused(box, "CHECK", {"prevResult": result}, CNI_CONTAINERID="unknown")[0] == 3
    assert refused(box, "CHECK", {"prevResult": result}, CNI_IFNAME="eth5")[0] == 3


# ---- GC -------------------------------------------------------------------------------------------

def gc(sandbox, keep, member="cni.dev/valid-attachments", **conf):
    valid = [{"containerID": s.container, "ifname": "eth0"} for s in keep]
    return sandbox.call("GC", {member: valid, **conf}, CNI_CONTAINERID=None, CNI_IFNAME=None, CNI_NETNS=None)


@pytest.mark.parametrize("member", ["cni.dev/valid-attachments", "cni.dev/attachments"])
def test_gc_keeps_the_valid_ones(knetd, boxes, member):
    keep, lose, other = boxes(), boxes(), boxes()
    name = f"gc-{member[8:]}"
    results = [s.call("ADD", {"name": name}) for s in (keep, lose)]
    lose.call("ADD", {"name": name}, CNI_IFNAME="net1")
    other.call("ADD", {"name": "another"})
    removed = metric(knetd, "knetd_cni_gc_removed_total")
    assert gc(keep, [keep], member, name=name) is None
    assert of(knetd, keep) == ["eth0"] and not of(knetd, lose) and of(knetd, other) == ["eth0"], "one network's GC is not another's"
    assert metric(knetd, "knetd_cni_gc_removed_total") == removed + 2
    eventually(lambda: lose.links() == ["lo"])
    assert keep.call("CHECK", {"name": name, "prevResult": results[0]}) is None
    assert gc(keep, [keep], member, name=name) is None, "and again, with nothing to do"
    assert gc(keep, [], member, name=name) is None
    assert not of(knetd, keep)


def test_gc_may_be_switched_off(knetd, box):
    box.call("ADD", {"name": "shared"})
    assert gc(box, [], name="shared", disableGC=True) is None
    assert of(knetd, box) == ["eth0"]


@pytest.mark.parametrize("valid", ["x", {}, [{}], [{"containerID": "c"}], [{"ifname": "eth0"}], ["x"], [{"containerID": 5, "ifname": "e"}]])
def test_gc_with_a_list_that_cannot_be_read_removes_nothing(knetd, box, valid):
    box.call("ADD", {"name": "careful"})
    code, msg, _ = refused(box, "GC", {"name": "careful", "cni.dev/valid-attachments": valid})
    assert code == 7 and "valid-attachments" in msg
    assert of(knetd, box) == ["eth0"]


def test_one_container_and_interface_in_two_networks(knetd, box):
    """The attachment is the pair of container and interface: a second network needs another interface."""
    box.call("ADD", {"name": "one"})
    assert refused(box, "ADD", {"name": "two"})[0] == 4
    box.call("ADD", {"name": "two"}, CNI_IFNAME="eth1")
    assert gc(box, [], name="two") is None
    assert of(knetd, box) == ["eth0"]


# ---- STATUS ---------------------------------------------------------------------------------------

def metric(knetd, name):
    return next(float(line.split()[1]) for line in knetd.api("GET", "/metrics")[1].splitlines() if line.split(" ")[0] == name)


@pytest.mark.parametrize("cidr,room,family", [("10.9.0.0/29", 6, "IPv4"), ("10.9.0.0/24,fd00:9::/126", 3, "IPv6")])
def test_status_tells_50_before_an_add_would_fail(knetd_factory, cidr, room, family):
    """As long as an ADD would work it is 0: a runtime that hears anything else stops making pods."""
    small, boxes = knetd_factory(pod_cidr=cidr), []
    try:
        for _ in range(room):
            boxes.append(Sandbox(small))
            assert boxes[-1].call("STATUS") is None
            boxes[-1].call("ADD")
        code, msg, _ = refused(boxes[0], "STATUS")
        assert code == 50 and family in msg
        boxes.append(Sandbox(small))
        code, msg, _ = refused(boxes[-1], "ADD")
        assert code == 11 and family in msg and boxes[-1].links() == ["lo"]
        boxes.pop(0).remove()
        assert boxes[0].call("STATUS") is None
    finally:
        for sandbox in boxes:
            sandbox.remove()


def test_status_tells_50_when_nobody_is_there(box, tmp_path):
    away = {"KNETD_SOCKET": str(tmp_path / "none")}
    assert refused(box, "STATUS", **away)[0] == 50
    with concurrent.futures.ThreadPoolExecutor() as pool:  # each waits a moment
        codes = pool.map(lambda verb: refused(box, verb, **away)[0], ("ADD", "DEL", "CHECK", "GC"))
        assert list(codes) == [11] * 4


# ---- what others see ------------------------------------------------------------------------------

def test_a_failed_add_is_told_on_the_pod(knetd, box):
    args = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=unlucky"
    stranger(box)
    refused(box, "ADD", CNI_ARGS=args)
    refused(box, "ADD", {"runtimeConfig": {"ips": ["192.0.2.1"]}}, CNI_ARGS=args, CNI_IFNAME="eth3")

    def told():
        items = knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"]
        return [e["message"] for e in items if e["involvedObject"]["name"] == "unlucky" and e["reason"] == "FailedCreatePodSandBox"]

    messages = eventually(lambda: len(told()) == 2 and told())
    assert any("eth0 exists" in m for m in messages) and any("192.0.2.1" in m for m in messages)
    assert knetd.api("GET", "/api/v1/namespaces/default/pods/unlucky")[0] == 404


def test_metrics_of_calls(knetd, box):
    def failed(code):
        name = f'knetd_cni_errors_total{{verb="add",code="{code}"}}'
        return sum(float(line.split()[1]) for line in knetd.api("GET", "/metrics")[1].splitlines() if line.startswith(name))

    count, seven = metric(knetd, 'knetd_cni_duration_seconds_count{verb="add"}'), failed(7)
    box.call("ADD")
    refused(box, "ADD", {"name": ""})
    assert metric(knetd, 'knetd_cni_duration_seconds_count{verb="add"}') == count + 2 and failed(7) == seven + 1
    lines = [x.split() for x in knetd.api("GET", "/metrics")[1].splitlines() if x.startswith('knetd_cni_duration_seconds_bucket{verb="add"')]
    values = [float(v) for _, v in lines]
    assert values == sorted(values) and '+Inf' in lines[-1][0] and values[-1] == count + 2
    assert len([x for x in knetd.api("GET", "/metrics")[1].splitlines() if x.startswith("knetd_cni")]) < 120


def test_a_podnetwork_shows_the_attachment(knetd, box):
    result = box.call("ADD", {"name": "shown"}, CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=shown;K8S_POD_UID=u1")
    made = next(a for a in attachments(knetd) if a["spec"]["containerID"] == box.container)
    host, eth0 = result["interfaces"]
    assert made["spec"] == {
        **made["spec"], "netns": f"/var/run/netns/{box.netns}", "ifName": "eth0", "network": "shown", "hostInterface": host["name"],
        "mac": eth0["mac"], "hostMac": host["mac"], "mtu": eth0["mtu"], "defaultRoute": True,
        "podRef": {"namespace": "default", "name": "shown", "uid": "u1"}}
    assert made["status"]["ips"] == [ip["address"].split("/")[0] for ip in result["ips"]]
    ready = made["status"]["conditions"][0]
    assert (ready["type"], ready["status"]) == ("Ready", "True")
    table = knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})[1]
    names = [c["name"] for c in table["columnDefinitions"]]
    row = next(dict(zip(names, r["cells"])) for r in table["rows"] if "shown" in r["cells"])
    assert row["Pod"] == "shown" and row["Ready"] == "True" and row["Netns"].endswith(box.netns) and row["MTU"] == str(eth0["mtu"])


def test_what_repair_finds_is_told(knetd, box):
    result = box.call("ADD", CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=mended")
    knetd.exec("ip", "route", "del", result["ips"][0]["address"], check=True)
    knetd.exec("nft", "delete", "table", "inet", "knetd_podnet", check=True)  # noticed: a repair follows

    def reasons():
        items = knetd.api("GET", "/api/v1/namespaces/default/events")[1]["items"]
        return [e["reason"] for e in items if e["involvedObject"]["name"] == "mended"]

    eventually(lambda: "NetworkRepaired" in reasons())
    assert box.call("CHECK", {"prevResult": result}) is None
