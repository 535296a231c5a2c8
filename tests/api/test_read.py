"""Reading: lists as clients page, select and pack them."""

import gzip
import json

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
