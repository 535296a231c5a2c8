"""Reading: lists as clients page, select and pack them."""

import base64
import gzip
import json
import random

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def configmap(name, labels=None, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}}, "data": data}


def raw(knetd, method, path, body=None, **headers):
    """Status, headers and the bytes as they came."""
    from daemon import UnixConnection
    c = UnixConnection(knetd.socket)
    try:
        c.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        return r.status, r.headers, r.read()
    finally:
        c.close()


# ---- gzip --------------------------------------------------------------------------------------------


def test_large_answers_are_packed_for_who_wants_it(knetd):
    for i in range(3):
        assert knetd.api("POST", CONFIGMAPS, configmap(f"big{i}", text=f"{i} words " * 9000))[0] == 201
    status, headers, plain = raw(knetd, "GET", CONFIGMAPS)
    assert status == 200 and len(plain) > 128 * 1024
    assert headers["Content-Encoding"] is None and headers["Vary"] == "Accept-Encoding"
    for wish in ("gzip", "deflate, gzip, br"):
        status, headers, packed = raw(knetd, "GET", CONFIGMAPS, Accept_Encoding=wish)
        assert status == 200 and headers["Content-Encoding"] == "gzip" and headers["Vary"] == "Accept-Encoding"
        assert len(packed) < len(plain) // 4 and int(headers["Content-Length"]) == len(packed)
        assert gzip.decompress(packed) == plain
    for wish in ("gzip;q=0", "br", ""):
        _, headers, body = raw(knetd, "GET", CONFIGMAPS, Accept_Encoding=wish)
        assert headers["Content-Encoding"] is None and body == plain
    _, headers, _ = raw(knetd, "GET", CONFIGMAPS + "/big0", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] is None and headers["Vary"] is None  # small: not worth it


def test_bodies_may_come_packed(knetd):
    body = gzip.compress(json.dumps(configmap("packed", a="1")).encode())
    how = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
    status, _, answer = raw(knetd, "POST", CONFIGMAPS, body, **how)
    assert status == 201 and json.loads(answer)["data"] == {"a": "1"}
    assert raw(knetd, "POST", CONFIGMAPS, body[:-3], **how)[0] == 400
    bomb = gzip.compress(b" " * (4 << 20))
    status, _, answer = raw(knetd, "POST", CONFIGMAPS, bomb, **how)
    assert status == 413 and "unpacked" in json.loads(answer)["message"]
    how["Content_Encoding"] = "br"
    status, headers, answer = raw(knetd, "POST", CONFIGMAPS, body, **how)
    assert status == 415 and headers["Accept-Encoding"] == "gzip" and json.loads(answer)["reason"] == "UnsupportedMediaType"


# ---- lists in pieces -------------------------------------------------------------------------------------


@pytest.fixture
def place(knetd):
    """A namespace with c0 to c6."""
    status, made = knetd.api("POST", "/api/v1/namespaces", {"metadata": {"generateName": "r-"}})
    assert status == 201
    path = f"/api/v1/namespaces/{made['metadata']['name']}/configmaps"
    for i in range(7):
        assert knetd.api("POST", path, configmap(f"c{i}", {"odd": str(i % 2)}))[0] == 201
    return path


def names(answer):
    return [o["metadata"]["name"] for o in answer["items"]]


def test_pages_are_of_one_moment(knetd, place):
    first = knetd.api("GET", place + "?limit=3")[1]
    meta = first["metadata"]
    assert names(first) == ["c0", "c1", "c2"] and meta["remainingItemCount"] == 4 and "selfLink" not in meta
    token = json.loads(base64.urlsafe_b64decode(meta["continue"] + "=="))
    assert token["v"] == "meta.k8s.io/v1" and token["rv"] == int(meta["resourceVersion"]) and token["start"].endswith("/c2\0")
    # what changes meanwhile is not in the later pages
    assert knetd.api("DELETE", place + "/c3")[0] == 200
    assert knetd.api("PUT", place + "/c4", configmap("c4", x="new"))[0] == 200
    assert knetd.api("POST", place, configmap("c31"))[0] == 201
    second = knetd.api("GET", f"{place}?limit=3&continue={meta['continue']}")[1]
    assert names(second) == ["c3", "c4", "c5"] and second["items"][1]["data"] == {}
    assert second["metadata"]["resourceVersion"] == meta["resourceVersion"] and second["metadata"]["remainingItemCount"] == 1
    last = knetd.api("GET", f"{place}?limit=3&continue={second['metadata']['continue']}")[1]
    assert names(last) == ["c6"] and "continue" not in last["metadata"] and "remainingItemCount" not in last["metadata"]
    assert names(knetd.api("GET", place)[1]) == ["c0", "c1", "c2", "c31", "c4", "c5", "c6"]


def test_all_pages_are_the_whole_in_order(knetd, place):
    made = random.Random(2).sample([f"{a}{b}-{c}" for a in "xyz" for b in "pq0" for c in range(40)], 300)
    items = [{"apiVersion": "v1", "kind": "ConfigMap", **configmap(n)} for n in made]
    for item in items:
        item["metadata"]["namespace"] = place.split("/")[4]
    assert knetd.api("POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": items})[0] == 200
    whole = names(knetd.api("GET", place)[1])
    assert whole == sorted(whole) and set(made) < set(whole)
    for limit in (1, 7, 100, 306, 307, 1000):
        told, more = [], ""
        while more is not None and len(told) < 40 * limit:
            page = knetd.api("GET", f"{place}?limit={limit}&continue={more}")[1]
            more = page["metadata"].get("continue")
            told += names(page)
        assert told == whole[:len(told)] and (more or told == whole)


def test_pages_with_a_selector_do_not_count_the_rest(knetd, place):
    first = knetd.api("GET", place + "?limit=2&labelSelector=odd%3D1")[1]
    assert names(first) == ["c1", "c3"] and "remainingItemCount" not in first["metadata"]
    rest = knetd.api("GET", f"{place}?limit=2&labelSelector=odd%3D1&continue={first['metadata']['continue']}")[1]
    assert names(rest) == ["c5"] and "continue" not in rest["metadata"]


def test_tables_and_metadata_come_in_pieces_too(knetd, place):
    as_table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = knetd.api("GET", place + "?limit=2", headers=as_table)[1]
    assert len(table["rows"]) == 2 and table["metadata"]["remainingItemCount"] == 5
    rest = knetd.api("GET", f"{place}?continue={table['metadata']['continue']}", headers=as_table)[1]
    assert [r["cells"][0] for r in rest["rows"]] == ["c2", "c3", "c4", "c5", "c6"]
    partial = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"}
    answer = knetd.api("GET", place + "?limit=1", headers=partial)[1]
    assert (answer["kind"], answer["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    item = answer["items"][0]
    assert item["kind"] == "PartialObjectMetadata" and item["metadata"]["labels"] == {"odd": "0"} and set(item) == {
        "kind", "apiVersion", "metadata"}


def test_lists_of_an_earlier_version(knetd, place):
    then = knetd.api("GET", place)[1]["metadata"]["resourceVersion"]
    assert knetd.api("DELETE", place + "/c0")[0] == 200
    exact = knetd.api("GET", f"{place}?resourceVersion={then}&resourceVersionMatch=Exact")[1]
    assert names(exact)[0] == "c0" and exact["metadata"]["resourceVersion"] == then
    newer = knetd.api("GET", f"{place}?resourceVersion={then}&resourceVersionMatch=NotOlderThan")[1]
    assert names(newer)[0] == "c1"
    assert names(knetd.api("GET", place + "?resourceVersion=0")[1])[0] == "c1"
    status, answer = knetd.api("GET", place + "?resourceVersion=5&resourceVersionMatch=Exact")
    assert (status, answer["reason"], answer["message"]) == (
        410, "Expired", "The resourceVersion for the provided list is too old.")


def token(**fields):
    return base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", **fields}).encode()).decode().rstrip("=")


def test_expired_tokens_offer_another(knetd, place):
    ns = place.split("/")[4]
    status, answer = knetd.api("GET", f"{place}?limit=2&continue=" + token(rv=5, start=f"{ns}/c4\0"))
    assert (status, answer["reason"], answer["code"]) == (410, "Expired", 410)
    assert answer["message"].startswith("The provided continue parameter is too old to display a consistent list result.")
    rest = knetd.api("GET", f"{place}?limit=2&continue={answer['metadata']['continue']}")[1]
    assert names(rest) == ["c5", "c6"] and int(rest["metadata"]["resourceVersion"]) > 5


@pytest.mark.parametrize("query,code,words", [
    ("continue=@@@", 400, "continue key is not valid"),
    ("continue=" + token(rv=0, start="a/b\0"), 400, "incorrect encoded start resourceVersion"),
    ("continue=" + token(rv=5, start=""), 400, "encoded start key empty"),
    ("continue=" + token(rv=5, start="a/b"), 400, "continue key is not valid"),
    ("continue=" + token(rv=5, start="a\0b\0"), 400, "continue key is not valid"),
    ("resourceVersion=5&continue=" + token(rv=5, start="a/b\0"), 400,
     "specifying resource version is not allowed when using continue"),
    ("limit=many", 400, 'strconv.ParseInt: parsing "many": invalid syntax'),
    ("resourceVersion=-1", 400, 'parsing "-1": invalid syntax'),
    ("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    ("resourceVersion=0&resourceVersionMatch=Exact", 422, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    ("resourceVersion=1&resourceVersionMatch=exact", 422, 'Unsupported value: "exact": supported values: "Exact", "NotOlderThan", ""'),
    ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
    ("resourceVersion=9000000000000000000", 504, "Timeout: Too large resource version: 9000000000000000000, current: "),
    ("labelSelector=a+in", 400, "unable to parse requirement: found '' expected: '('"),
    ("fieldSelector=data.x%3D1", 400, '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"'),
])
def test_list_options_that_are_refused(knetd, query, code, words):
    status, answer = knetd.api("GET", CONFIGMAPS + "?" + query)
    assert status == code and answer["kind"] == "Status" and words in answer["message"], answer
    if code == 422:
        assert answer["message"].startswith('ListOptions.meta.k8s.io "" is invalid: ')
    if code == 504:
        assert answer["reason"] == "Timeout" and answer["details"]["retryAfterSeconds"] == 1
        assert answer["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge" and knetd.headers["Retry-After"] == "1"


def test_delete_collection_deletes_what_it_tells(knetd, place):
    status, answer = knetd.api("DELETE", place + "?limit=2&labelSelector=odd%3D0")
    assert status == 200 and names(answer) == ["c0", "c2"]
    assert names(knetd.api("GET", place)[1]) == ["c1", "c3", "c4", "c5", "c6"]
