"""Watches over real HTTP: where they begin, what they tell, how they end, and what slow readers cost."""

import http.client
import json
import socket
import time

import pytest
from daemon import Watch, inside, private_kb

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"}
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


def configmap(name, labels=None, **data):
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


@pytest.fixture
def place(knetd):
    """A namespace of its own with a and b."""
    status, made = knetd.api("POST", "/api/v1/namespaces", {"metadata": {"generateName": "w-"}})
    assert status == 201
    path = f"/api/v1/namespaces/{made['metadata']['name']}/configmaps"
    for name in "ab":
        assert knetd.api("POST", path, configmap(name))[0] == 201
    return path


def version(knetd, path):
    return int(knetd.api("GET", path)[1]["metadata"]["resourceVersion"])


def put(knetd, path, name, **data):
    status, made = knetd.api("PUT", f"{path}/{name}", configmap(name, **data))
    assert status == 200
    return int(made["metadata"]["resourceVersion"])


# ---- where a watch begins ----------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?resourceVersion=", "?resourceVersion=0"])
def test_begins_with_the_present(knetd, place, query):
    with Watch(knetd, place + query) as w:
        assert w.response.status == 200 and w.response.headers["Content-Type"] == "application/json"
        assert w.told(2) == [("ADDED", "a"), ("ADDED", "b")]
        put(knetd, place, "a", x="1")
        assert w.told(1) == [("MODIFIED", "a")]


def test_goes_on_from_a_version(knetd, place):
    then = version(knetd, place)
    between = put(knetd, place, "a", x="1")
    put(knetd, place, "b", x="1")
    with Watch(knetd, f"{place}?resourceVersion={then}") as w:
        assert w.told(2) == [("MODIFIED", "a"), ("MODIFIED", "b")]
    with Watch(knetd, f"{place}?resourceVersion={between}") as w:
        assert w.told(1) == [("MODIFIED", "b")]
        knetd.api("DELETE", place + "/b")
        gone = w.event()
        assert gone["type"] == "DELETED" and gone["object"]["data"] == {"x": "1"}
    with Watch(knetd, f"{place}?resourceVersion={gone['object']['metadata']['resourceVersion']}") as w:
        put(knetd, place, "a", x="2")
        assert w.told(1) == [("MODIFIED", "a")]  # the version of a deletion is one to go on from


def test_too_old(knetd, place):
    with Watch(knetd, place + "?resourceVersion=7") as w:
        assert w.response.status == 200
        error = w.event()
        assert error["type"] == "ERROR"
        status = error["object"]
        assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
        assert status["message"].startswith("too old resource version: 7 (")
        assert w.event() is None


def test_initial_events_then_a_bookmark(knetd, place):
    with Watch(knetd, f"{place}?{INITIAL}") as w:
        seen, mark = w.until_bookmark()
        assert seen == [("ADDED", "a"), ("ADDED", "b")]
        assert mark["kind"] == "ConfigMap" and mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        put(knetd, place, "a", x="1")
        assert w.told(1) == [("MODIFIED", "a")]
    with Watch(knetd, f"{place}?resourceVersion={mark['metadata']['resourceVersion']}") as w:
        assert w.told(1) == [("MODIFIED", "a")]
    # of a version as well: the whole present, which is not older
    with Watch(knetd, f"{place}?{INITIAL}&resourceVersion={mark['metadata']['resourceVersion']}") as w:
        assert w.until_bookmark()[0] == [("ADDED", "a"), ("ADDED", "b")]


def test_initial_events_may_be_declined(knetd, place):
    with Watch(knetd, place + "?sendInitialEvents=false&resourceVersionMatch=NotOlderThan") as w:
        put(knetd, place, "b", x="1")
        assert w.told(1) == [("MODIFIED", "b")]


@pytest.mark.parametrize("query,code,words", [
    ("sendInitialEvents=true", 422, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    ("sendInitialEvents=true&resourceVersionMatch=Exact", 422, 'Unsupported value: "Exact": supported values: "NotOlderThan"'),
    ("resourceVersionMatch=NotOlderThan", 422, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
    ("resourceVersion=abc", 400, "resourceVersion: Invalid value"),
    ("timeoutSeconds=soon", 400, 'strconv.ParseInt: parsing "soon": invalid syntax'),
    ("labelSelector=!", 400, "unable to parse requirement: found '', expected: identifier"),
    ("resourceVersion=9000000000000000000", 504, "Too large resource version"),
])
def test_refusals(knetd, place, query, code, words):
    status, answer = knetd.api("GET", f"{place}?watch=true&{query}")
    assert status == code and words in answer["message"], answer


# ---- which objects, in which form ----------------------------------------------------------------------------


def test_entering_and_leaving_a_selection(knetd, place):
    then = version(knetd, place)
    with Watch(knetd, f"{place}?labelSelector=on%3Dyes&resourceVersion={then}") as w:
        for labels in ({}, {"on": "yes"}, {"on": "yes", "x": "y"}, {"on": "no"}):
            assert knetd.api("PUT", place + "/a", configmap("a", labels))[0] == 200
        last = version(knetd, place)
        assert w.told(2) == [("ADDED", "a"), ("MODIFIED", "a")]
        gone = w.event()
        assert gone["type"] == "DELETED" and int(gone["object"]["metadata"]["resourceVersion"]) == last
        assert gone["object"]["metadata"]["labels"] == {"on": "yes", "x": "y"}  # as it was when it was selected


def test_one_object_by_each_way(knetd, place):
    ns = place.split("/")[4]
    for path in (place + "?fieldSelector=metadata.name%3Db", place + "/b",
                 f"/api/v1/watch/namespaces/{ns}/configmaps/b"):
        with Watch(knetd, path) as w:
            assert w.told(1) == [("ADDED", "b")]
            put(knetd, place, "a", t=str(time.monotonic()))
            put(knetd, place, "b", t=str(time.monotonic()))
            assert w.told(1) == [("MODIFIED", "b")]
    with Watch(knetd, f"/api/v1/watch/namespaces/{ns}/configmaps") as w:
        assert w.told(2) == [("ADDED", "a"), ("ADDED", "b")]


def test_metadata_alone(knetd, place):
    with Watch(knetd, f"{place}?{INITIAL}", PARTIAL) as w:
        first = w.event()["object"]
        assert first["kind"] == "PartialObjectMetadata" and set(first) == {"kind", "apiVersion", "metadata"}
        w.event()
        mark = w.event()["object"]
        assert mark["kind"] == "PartialObjectMetadata" and mark["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
        knetd.api("DELETE", place + "/a")
        gone = w.event()
        assert gone["type"] == "DELETED" and gone["object"]["kind"] == "PartialObjectMetadata"
        assert int(gone["object"]["metadata"]["resourceVersion"]) == version(knetd, place)


def test_tables(knetd, place):
    with Watch(knetd, place, TABLE) as w:
        first, second = w.event()["object"], w.event()["object"]
        assert first["columnDefinitions"][0]["name"] == "Name" and first["rows"][0]["cells"][0] == "a"
        assert second["columnDefinitions"] is None and second["rows"][0]["cells"][0] == "b"
        knetd.api("DELETE", place + "/a")
        gone = w.event()
        row = gone["object"]["rows"][0]
        assert gone["type"] == "DELETED" and row["cells"][0] == "a" and row["object"]["kind"] == "PartialObjectMetadata"
        assert int(row["object"]["metadata"]["resourceVersion"]) == version(knetd, place)


# ---- how it is carried, how it ends ---------------------------------------------------------------------------------


def test_ends_in_time_with_a_bookmark(knetd, place):
    with Watch(knetd, place + "?timeoutSeconds=1&allowWatchBookmarks=true") as w:
        assert w.told(2) == [("ADDED", "a"), ("ADDED", "b")]
        mark = w.event()
        assert mark["type"] == "BOOKMARK" and set(mark["object"]) == {"kind", "apiVersion", "metadata"}
        assert int(mark["object"]["metadata"]["resourceVersion"]) >= version(knetd, place) - 1
        assert w.event() is None
    with Watch(knetd, place + "?timeoutSeconds=1") as w:
        assert w.told(2) == [("ADDED", "a"), ("ADDED", "b")] and w.event() is None


def raw(knetd, request):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(knetd.socket)
    s.sendall(request.encode())
    return s


def read_all(s):
    data = b""
    while part := s.recv(65536):
        data += part
    s.close()
    return data


def test_chunks_for_http_1_1_and_none_for_1_0(knetd, place):
    path = place + "?watch=true&timeoutSeconds=1"
    head, body = read_all(raw(knetd, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding: chunked" in head and body.endswith(b"0\r\n\r\n")
    head, body = read_all(raw(knetd, f"GET {path} HTTP/1.0\r\n\r\n")).split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding" not in head and b"Connection: close" in head
    assert [json.loads(line)["type"] for line in body.splitlines()] == ["ADDED", "ADDED"]


def test_head_does_not_hang(knetd, place):
    data = read_all(raw(knetd, f"HEAD {place}?watch=true HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    assert data.startswith(b"HTTP/1.1 200") and data.endswith(b"\r\n\r\n")


# ---- many, and slow ones ------------------------------------------------------------------------------------------------


def test_a_reader_who_lags_is_not_waited_for(knetd, place):
    """16 MB of replaced states are remembered: whoever is further behind is let go, and costs little until then."""
    slow = raw(knetd, f"GET {place}?watch=true&resourceVersion={version(knetd, place)} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with Watch(knetd, f"{place}?resourceVersion={version(knetd, place)}") as quick:
        for i in range(40):
            put(knetd, place, "a", text=f"{i} " * 250000)
            assert quick.event()["object"]["data"]["text"].startswith(f"{i} ")
    told = read_all(slow)
    assert b'"code":410' in told[-2000:] and told.endswith(b"0\r\n\r\n")
    assert told.count(b'"type":"MODIFIED"') < 40


def test_a_large_turn_reaches_everybody(knetd):
    """One request with more than waits for any reader, and than the ring held once."""
    n = 5000
    items = [{"apiVersion": "v1", "kind": "ConfigMap", **configmap(f"m{i}", many="yes")} for i in range(n)]
    path = "/api/v1/namespaces/default/configmaps"
    with Watch(knetd, f"{path}?resourceVersion={version(knetd, path)}") as w:
        assert knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})[0] == 200
        assert sorted(w.told(n)) == sorted(("ADDED", f"m{i}") for i in range(n))
        with Watch(knetd, f"{path}?{INITIAL}") as again:
            assert len(again.until_bookmark()[0]) >= n
        assert knetd.api("DELETE", path)[0] == 200
        assert len([1 for _ in range(n) if w.event()["type"] == "DELETED"]) == n


def test_a_busy_kind_does_not_age_a_quiet_one(knetd, place):
    quiet = place.replace("configmaps", "services")
    then = version(knetd, quiet)
    for i in range(30):
        put(knetd, place, "a", text=f"{i} " * 300000)
    with Watch(knetd, f"{place}?resourceVersion={then}") as w:
        assert w.event()["object"]["code"] == 410
    with Watch(knetd, f"{quiet}?resourceVersion={then}") as w:
        assert knetd.api("POST", quiet, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})[0] == 201
        assert w.told(1) == [("ADDED", "s")]


def test_many_watchers(knetd, place):
    """All are told; each costs a bounded piece of memory."""
    n, pid = 500, knetd.process.pid
    before = private_kb(pid)
    watches = [raw(knetd, f"GET {place}?watch=true&resourceVersion={version(knetd, place)} HTTP/1.0\r\n\r\n") for _ in range(n)]
    for w in watches:
        assert w.recv(65536).startswith(b"HTTP/1.1 200")
    each = (private_kb(pid) - before) / n
    put(knetd, place, "a", x="1")
    for w in watches:
        event = b""
        while not event.endswith(b"\n"):
            event += w.recv(65536)
        assert json.loads(event)["type"] == "MODIFIED"
        w.close()
    assert each < 8, f"{each} KB a watcher"


def test_one_watch_of_several_kinds(knetd, place):
    """The present state of each, a bookmark, then every change in its order; or what was behind a version."""
    ns = place.split("/")[4]
    several = "/knetd/v1/watch?kinds=configmaps,httproutes,namespaces"
    with Watch(knetd, several) as watch:
        present, bookmark = watch.until_bookmark()
        assert ("ADDED", ns) in present and [name for _, name in present if name in "ab"].count("a") >= 1
        assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        seen = int(bookmark["metadata"]["resourceVersion"])
        assert knetd.api("POST", place, configmap("several"))[0] == 201
        route = f"/apis/gateway.networking.k8s.io/v1/namespaces/{ns}/httproutes"
        assert knetd.api("POST", route, {"metadata": {"name": "several"}, "spec": {"rules": []}})[0] == 201
        assert knetd.api("POST", f"/api/v1/namespaces/{ns}/secrets", {"metadata": {"name": "several"}})[0] == 201
        assert knetd.api("DELETE", f"{place}/several")[0] == 200
        told = [watch.event() for _ in range(3)]
        assert [(e["type"], e["object"]["kind"]) for e in told if e["type"] != "MODIFIED"] == [
            ("ADDED", "ConfigMap"), ("ADDED", "HTTPRoute"), ("DELETED", "ConfigMap")]
        assert told[1]["object"]["apiVersion"] == "gateway.networking.k8s.io/v1"
    with Watch(knetd, f"{several}&resourceVersion={seen}") as watch:
        assert [watch.event()["object"]["metadata"] for _ in range(3)] == [e["object"]["metadata"] for e in told]


@pytest.mark.parametrize("query, code, words", [
    ("", 400, "plurals"), ("kinds=", 400, "plurals"), ("kinds=pods,nothings", 400, "nothings"), ("kinds=pods,,services", 400, "there is no"),
    ("kinds=pods&labelSelector=a", 400, "no selector"), ("kinds=pods&resourceVersion=x", 400, "resourceVersion"),
    ("kinds=pods,services&resourceVersion=1", 200, "Expired")])
def test_a_watch_of_several_kinds_is_refused(knetd, query, code, words):
    with Watch(knetd, "/knetd/v1/watch?" + query) as watch:
        assert watch.response.status == code and words in watch.response.readline().decode()


def test_over_tcp_with_a_library(knetd_factory):
    knetd = knetd_factory(ini="[api]\ninsecure_listen = 127.0.0.1:8001")
    with inside(knetd.netns):
        c = http.client.HTTPConnection("127.0.0.1", 8001, timeout=20)
        c.connect()
    c.request("GET", "/api/v1/namespaces?watch=true&timeoutSeconds=1")
    events = [json.loads(line) for line in c.getresponse()]
    assert {e["object"]["metadata"]["name"] for e in events} >= {"default", "kube-system"}
