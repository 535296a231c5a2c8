"""Bodies of requests: protobuf, JSON and YAML by their Content-Type."""

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PROTOBUF = "application/vnd.kubernetes.protobuf"


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def member(number, value):
    """A field: an int as a varint, text, or bytes (a message)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def protobuf(api_version, kind, *members):
    return b"k8s\0" + member(1, member(1, api_version) + member(2, kind)) + member(2, b"".join(members))


def configmap(name, value, version=""):
    return protobuf("v1", "ConfigMap", member(1, member(1, name) + member(3, "") + member(6, version)),
                    member(2, member(1, "k") + member(2, value)))


def test_protobuf_creates_updates_and_deletes(knetd):
    status, made = knetd.api("POST", CONFIGMAPS, configmap("pb", "one"), PROTOBUF)
    assert status == 201 and made["data"] == {"k": "one"}, made
    status, new = knetd.api("PUT", CONFIGMAPS + "/pb", configmap("pb", "two", made["metadata"]["resourceVersion"]), PROTOBUF)
    assert status == 200 and new["data"] == {"k": "two"}
    assert knetd.api("PUT", CONFIGMAPS + "/pb", configmap("pb", "3", made["metadata"]["resourceVersion"]), PROTOBUF)[0] == 409
    options = protobuf("v1", "DeleteOptions", member(2, member(1, "someone-else")))
    assert knetd.api("DELETE", CONFIGMAPS + "/pb", options, PROTOBUF)[0] == 409
    dry = protobuf("v1", "DeleteOptions", member(5, "All"))
    assert knetd.api("DELETE", CONFIGMAPS + "/pb", dry, PROTOBUF)[0] == 200
    assert knetd.api("GET", CONFIGMAPS + "/pb")[0] == 200
    options = protobuf("v1", "DeleteOptions", member(2, member(1, made["metadata"]["uid"])), member(4, "Background"))
    assert knetd.api("DELETE", CONFIGMAPS + "/pb", options, PROTOBUF)[0] == 200
    assert knetd.api("GET", CONFIGMAPS + "/pb")[0] == 404


@pytest.mark.parametrize("body, word", [
    (b"{}", "does not appear to be a protobuf message"),
    (protobuf("v1", "ConfigMap", member(1, 5)), "metadata: proto: wrong wireType = 0"),
    (protobuf("v1", "ConfigMap", b"\x12\x7f"), "unexpected EOF"),
    (protobuf("v1", "Secret", member(1, member(1, "x"))), "Secret"),
])
def test_protobuf_refused(knetd, body, word):
    status, answer = knetd.api("POST", CONFIGMAPS, body, PROTOBUF)
    assert status == 400 and answer["reason"] == "BadRequest" and word in answer["message"], answer


def test_protobuf_is_for_builtin_kinds(knetd):
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes"
    status, answer = knetd.api("POST", path, protobuf("gateway.networking.k8s.io/v1", "HTTPRoute"), PROTOBUF)
    assert status == 415 and "protobuf" not in answer["message"]
    assert PROTOBUF in knetd.api("POST", CONFIGMAPS, "x", "text/plain")[1]["message"]


def test_delete_options_that_cannot_be_read(knetd):
    knetd.api("POST", CONFIGMAPS, {"metadata": {"name": "kept"}})
    assert knetd.api("DELETE", CONFIGMAPS + "/kept", "{dryRun")[0] == 400
    assert knetd.api("DELETE", CONFIGMAPS + "/kept", "dryRun=All", "text/plain")[0] == 415
    assert knetd.api("GET", CONFIGMAPS + "/kept")[0] == 200


TWICE = '{"metadata":{"name":"tw"},"data":{"a":"1","b":"2","a":"3"}}'


def test_members_that_are_there_twice(knetd):
    status, answer = knetd.api("POST", CONFIGMAPS + "?fieldValidation=Strict", TWICE)
    assert status == 400 and answer["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"')
    status, answer = knetd.api("POST", CONFIGMAPS + "?dryRun=All", TWICE)
    assert status == 201 and answer["data"] == {"a": "3", "b": "2"}
    assert knetd.headers["Warning"] == '299 - "duplicate field \\"data.a\\""'
    status, answer = knetd.api("POST", CONFIGMAPS + "?dryRun=All&fieldValidation=Ignore", TWICE)
    assert status == 201 and "Warning" not in knetd.headers


def test_content_types(knetd):
    body = '{"data":{"a":"1"}}'
    for kind in ("application/json; charset=utf-8", "application/json;stream=watch", "application/yaml", "application/yaml;x=y"):
        status, answer = knetd.api("POST", CONFIGMAPS + "?dryRun=All", body.replace("{", '{"metadata":{"name":"ct"},', 1), kind)
        assert status == 201 and answer["kind"] == "ConfigMap" and answer["apiVersion"] == "v1", (kind, answer)
    status, answer = knetd.api("POST", CONFIGMAPS, body, "application/cbor")
    assert status == 415 and answer["reason"] == "UnsupportedMediaType"
    for accepted in ("application/json", "application/yaml", PROTOBUF):
        assert accepted in answer["message"]
