"""Every annotation of ingress-nginx that is obeyed, with real requests."""

import base64
import hashlib
import http.client
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ingress_lab import (CORE, HTTPS, INGRESSES, INI, PREFIX, ask, backend, certificate, connect, create, events,  # noqa: E402
                         ingress, path, pods, service, text_of)
from daemon import ROOT, Knetd  # noqa: E402
from pods import Pod, eventually  # noqa: E402

SHA = "{SHA}" + base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
HTPASSWD = "\n".join(["# people", f"ann:{SHA}", "bob:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
                      "cat:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
                      "dan:$6$rounds=1000$salt$HNxBeBnDfSfUrTj6KiLnmd7tGCvHEmcExh8kl/S0cZ5WrCciNZgfhbpkeFQ4JfkHX.8vPq45lY0iINnCx1Lkm.",
                      "old:abJnggxhB/yWI"])


def secret(knetd, name, **data):
    create(knetd, f"{CORE}/secrets", {"metadata": {"name": name}, "data": {
        k: base64.b64encode(v.encode()).decode() for k, v in data.items()}})


@pytest.fixture(scope="module")
def node():
    with Knetd(ini=INI) as knetd, pods(knetd, "web-1", "web-2", "web-3", "next-1", "auth-1") as made_pods:
        knetd.backends = made_pods
        service(knetd, "empty")
        secret(knetd, "people", auth=HTPASSWD)
        secret(knetd, "map", ann=SHA)
        create(knetd, f"{CORE}/configmaps", {"metadata": {"name": "fields"}, "data": {"X-One": "1", "X-Two": "two"}})
        yield knetd


SERIAL = iter(range(1000))


def made(node, notes, where="/", kind="Prefix", backend="web", **spec):
    """An Ingress with those annotations; its host."""
    n = next(SERIAL)
    host = f"h{n}.example"
    ingress(node, f"i{n}", host, [path(where, backend, kind)], notes, **spec)
    return host


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# ---- paths ---------------------------------------------------------------------------------------

REWRITES = [  # target, use-regex, path, asked, what the backend gets (None: 404)
    ("/", None, "/app", "/app/x?q=1", "/?q=1"),
    ("/$2", "true", "/app(/|$)(.*)", "/app/x/y", "/x/y"),
    ("/$2", "true", "/app(/|$)(.*)", "/app", "/"),
    ("/$2", None, "/app(/|$)(.*)", "/app/x?q=1", "/x?q=1"),
    ("/$2", "true", "/app(/|$)(.*)", "/application", None),
    ("/v2/$1", "true", "/api/([0-9]+)", "/API/17", "/v2/17"),
    (None, "true", "/a[bc]+", "/abcb/d", "/abcb/d"),
    (None, "true", "/a[bc]+", "/ad", None),
    (None, None, "/app", "/app/x", "/app/x"),
]


@pytest.mark.parametrize("target, regex, where, asked, got", REWRITES)
def test_rewrite(node, target, regex, where, asked, got):
    notes = {k: v for k, v in (("rewrite-target", target), ("use-regex", regex)) if v}
    answer = ask(node, made(node, notes, where, "ImplementationSpecific"), asked)
    assert answer.status == (404 if got is None else 200)
    if got:
        assert answer.json["path"] == got


def test_app_root(node):
    host = made(node, {"app-root": "/start"})
    answer = ask(node, host)
    assert (answer.status, answer.headers["Location"]) == (302, f"http://{host}:8080/start")
    assert ask(node, host, "/start").json["path"] == "/start"


# ---- redirects -----------------------------------------------------------------------------------

REDIRECTS = [
    ({"permanent-redirect": "https://new.example"}, 301, "https://new.example"),
    ({"permanent-redirect": "https://new.example$request_uri"}, 301, "https://new.example/a?b=c"),
    ({"permanent-redirect": "https://new.example", "permanent-redirect-code": "308"}, 308, "https://new.example"),
    ({"temporal-redirect": "https://$host/new?was=$escaped_request_uri"}, 302, "https://HOST/new?was=%2Fa%3Fb%3Dc"),
    ({"temporal-redirect": "/elsewhere", "temporal-redirect-code": "307"}, 307, "/elsewhere"),
    ({"force-ssl-redirect": "true"}, 308, f"https://HOST:{HTTPS}/a?b=c"),
]


@pytest.mark.parametrize("notes, status, location", REDIRECTS)
def test_redirect(node, notes, status, location):
    host = made(node, notes)
    answer = ask(node, host, "/a?b=c")
    assert (answer.status, answer.headers["Location"]) == (status, location.replace("HOST", host))


def test_www(node):
    host = made(node, {"from-to-www-redirect": "true"})
    answer = ask(node, f"www.{host}", "/a?b")
    assert (answer.status, answer.headers["Location"]) == (308, f"http://{host}:8080/a?b")
    assert ask(node, host).status == 200


def test_ssl_redirect_follows_tls(node):
    host = f"h{next(SERIAL)}.example"
    rule = [path("/", "web")]
    ingress(node, "with-tls", host, rule, tls=[{"hosts": [host]}])
    assert ask(node, host, "/a").headers["Location"] == f"https://{host}:{HTTPS}/a"
    assert ask(node, host, "/a", tls=host).status == 200
    ingress(node, "without", f"no.{host}", rule, {"ssl-redirect": "false"}, tls=[{"hosts": [f"no.{host}"]}])
    assert ask(node, f"no.{host}").status == 200


# ---- bodies and time -------------------------------------------------------------------------------

def test_body_size(node):
    host = made(node, {"proxy-body-size": "1k"})
    assert ask(node, host, method="POST", body=b"x" * 1024).json["body"] == 1024
    assert ask(node, host, method="POST", body=b"x" * 1025).status == 413
    assert ask(node, host, method="POST", body=[b"x" * 1000, b"y" * 24], chunked=True).json["body"] == 1024
    assert ask(node, host, method="POST", body=[b"x" * 1000, b"y" * 2000], chunked=True).status == 413
    assert ask(node, made(node, {"proxy-body-size": "0"}), method="POST", body=b"x" * 100000).status == 200


def test_read_timeout(node):
    assert ask(node, made(node, {"proxy-read-timeout": "1"}), "/?sleep=3").status == 504
    assert ask(node, made(node, {"proxy-read-timeout": "5", "proxy-send-timeout": "5", "proxy-connect-timeout": "5"}),
               "/?sleep=1.5").status == 200


def test_next_upstream(node):
    host = made(node, {"proxy-next-upstream": "error http_503", "proxy-next-upstream-tries": "3"})
    name = f"/n{next(SERIAL)}?status=503"
    assert ask(node, host, name).status == 503
    assert tries_of(node, name)["GET"] == 3
    assert ask(node, host, name, "POST", body=b"").status == 503
    assert tries_of(node, name)["POST"] == 1  # it may have done something
    off = made(node, {"proxy-next-upstream": "off"})
    assert ask(node, off, name + "&off").status == 503 and tries_of(node, name + "&off")["GET"] == 1


def tries_of(node, name):
    """How often each method was asked for that path, over all pods of web."""
    found = {"GET": 0, "POST": 0}
    for pod in node.backends:
        seen = pod.run("curl", "-s", "http://127.0.0.1:8080/seen").stdout
        for method in found:
            found[method] += seen.count(f'"{method} {name}"')
    return found


# ---- who may ---------------------------------------------------------------------------------------

RANGES = [  # annotations, client, status
    ({"whitelist-source-range": "127.0.0.0/30, 10.0.0.1"}, "127.0.0.1", 200),
    ({"whitelist-source-range": "127.0.0.0/30"}, "127.0.0.9", 403),
    ({"allowlist-source-range": "127.0.0.9"}, "127.0.0.9", 200),
    ({"denylist-source-range": "127.0.0.9"}, "127.0.0.9", 403),
    ({"denylist-source-range": "127.0.0.9"}, "127.0.0.1", 200),
    ({"whitelist-source-range": "127.0.0.0/8", "denylist-source-range": "127.0.0.9"}, "127.0.0.9", 403),
    ({"whitelist-source-range": "the office"}, "127.0.0.1", 503),
    ({"whitelist-source-range": "127.0.0.9", "satisfy": "any", "auth-type": "basic", "auth-secret": "people"},
     "127.0.0.9", 200),
    ({"whitelist-source-range": "127.0.0.9", "satisfy": "any", "auth-type": "basic", "auth-secret": "people"},
     "127.0.0.1", 401),
]


@pytest.mark.parametrize("notes, client, status", RANGES)
def test_ranges(node, notes, client, status):
    assert ask(node, made(node, notes), source=client).status == status


def test_basic(node):
    host = made(node, {"auth-type": "basic", "auth-secret": "people", "auth-realm": "Staff only"})
    answer = ask(node, host)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="Staff only"')
    for user in ("ann", "bob", "cat", "dan"):
        assert ask(node, host, headers=basic(user, "secret")).status == 200, user
        assert ask(node, host, headers=basic(user, "Secret")).status == 401, user
    assert ask(node, host, headers=basic("old", "secret")).status == 401
    assert ask(node, host, headers=basic("eve", "secret")).status == 401
    assert ask(node, host, headers={"Authorization": "Basic !!"}).status == 401
    assert ask(node, made(node, {"auth-type": "basic", "auth-secret": "map", "auth-secret-type": "auth-map"}),
               headers=basic("ann", "secret")).status == 200


def test_basic_without_its_secret(node):
    host = made(node, {"auth-type": "basic", "auth-secret": "late"})
    assert ask(node, host, headers=basic("ann", "secret")).status == 503
    secret(node, "late", auth=f"ann:{SHA}")
    assert ask(node, host, headers=basic("ann", "secret")).status == 200
    assert node.api("DELETE", f"{CORE}/secrets/late")[0] == 200
    assert ask(node, host, headers=basic("ann", "secret")).status == 503


AUTH = "http://auth.default.svc.cluster.local/auth?x=$arg_x"


def test_auth_url(node):
    host = made(node, {"auth-url": AUTH, "auth-response-headers": "X-User, X-Uri"})
    refused = ask(node, host, "/a")
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="x"')
    assert ask(node, host, headers={"X-Token": "no"}).status == 403
    assert ask(node, host, headers={"X-Token": "broken"}).status == 500
    good = ask(node, host, "/a?x=7", headers={"X-Token": "good", "X-User": "root"})
    assert good.status == 200 and good.headers["Set-Cookie"] == "seen=1"
    assert good.json["headers"]["x-user"] == "ann"
    assert good.json["headers"]["x-uri"] == f"http://{host}/a?x=7"
    posted = ask(node, host, "/a", "POST", {"X-Token": "good"}, body=b"z" * 100000)
    assert (posted.json["method"], posted.json["body"]) == ("POST", 100000)
    posted = ask(node, host, "/a", "POST", {"X-Token": "good"}, body=[b"z" * 50000] * 4, chunked=True)
    assert posted.json["body"] == 200000


def test_auth_signin(node):
    host = made(node, {"auth-url": AUTH, "auth-signin": "https://$host/start"})
    answer = ask(node, host, "/a?b=c")
    assert (answer.status, answer.headers["Location"]) == \
        (302, f"https://{host}/start?rd=http%3A%2F%2F{host}%2Fa%3Fb%3Dc")


def test_auth_by_our_own_routes(node):
    """As oauth2-proxy is used: the host's own path /oauth2 leads to the authenticator."""
    host = made(node, {"auth-url": "http://$host/auth/check"})
    ingress(node, f"oauth-{host}", host, [path("/auth", "auth")])
    assert ask(node, host, "/").status == 401
    assert ask(node, host, "/", headers={"X-Token": "good"}).pod.startswith("web")
    loop = made(node, {"auth-url": "http://$host/"})
    assert ask(node, loop, "/").status == 500


def test_auth_that_is_not_there(node):
    assert ask(node, made(node, {"auth-url": "http://empty.default.svc/"})).status == 500
    assert ask(node, made(node, {"auth-url": "not a url"})).status == 503


UNREACHABLE = [  # auth-url, what the Event says of it (None: nothing)
    ("http://login.outside.example/check", '"login.outside.example" is neither a Service'),
    ("http://nobody.default.svc/check", 'there is no Service "nobody" in namespace "default" yet'),
    ("http://auth.default.svc/check", None), ("http://$host/auth", None), ("http://Served.reach.example/auth", None),
    ("http://any.wild.reach.example/auth", None), ("http://too.far.wild.reach.example/auth", "is neither a Service"),
    ("http://routed.reach.example/auth", None),
]


def test_auth_that_cannot_be_reached_is_told():
    with Knetd(ini=INI) as knetd:
        service(knetd, "auth")
        for name in ("served", "*.wild"):
            ingress(knetd, "reach-" + name.strip("*."), name + ".reach.example", [path("/auth", "auth")])
        create(knetd, "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes", {
            "metadata": {"name": "reach"}, "spec": {"hostnames": ["routed.reach.example"], "rules": [
                {"backendRefs": [{"name": "auth", "port": 80}]}]}})
        for i, (url, _) in enumerate(UNREACHABLE):
            ingress(knetd, f"a{i}", f"a{i}.example", [path("/", "auth")], {"auth-url": url})
        last = len([said for _, said in UNREACHABLE if said])
        eventually(lambda: len([1 for i in range(len(UNREACHABLE)) for _ in events(knetd, f"a{i}")]) >= last)
        for i, (url, said) in enumerate(UNREACHABLE):
            told = [text for reason, text in events(knetd, f"a{i}") if reason == "AnnotationNotObeyed"]
            assert len(told) == (said is not None), (url, told)
            assert not said or ("auth-url: " in told[0] and said in told[0])
            assert not said or ask(knetd, f"a{i}.example").status == 500


# ---- limits ----------------------------------------------------------------------------------------

def test_limit_rpm(node):
    host = made(node, {"limit-rpm": "2", "limit-burst-multiplier": "2"})
    assert [ask(node, host).status for _ in range(7)] == [200] * 5 + [503] * 2
    assert ask(node, host, source="127.0.0.9").status == 200
    free = made(node, {"limit-rps": "1", "limit-burst-multiplier": "1", "limit-whitelist": "127.0.0.0/8"})
    assert [ask(node, free).status for _ in range(5)] == [200] * 5


def test_limit_connections(node):
    host = made(node, {"limit-connections": "1"})
    held = connect(node)
    held.sock.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\r\nab".encode())
    assert ask(node, host).status == 503
    held.sock.sendall(b"cd")
    answer = http.client.HTTPResponse(held.sock)
    answer.begin()
    assert (answer.status, len(answer.read()) > 10) == (200, True)
    assert [ask(node, host).status for _ in range(5)] == [200] * 5


# ---- which backend ---------------------------------------------------------------------------------

def test_affinity(node):
    host = made(node, {"affinity": "cookie", "session-cookie-name": "route", "session-cookie-path": "/x",
                       "session-cookie-max-age": "60", "session-cookie-samesite": "Strict", "session-cookie-secure": "true",
                       "session-cookie-domain": "example", "affinity-mode": "persistent"})
    first = ask(node, host)
    cookie = first.headers["Set-Cookie"]
    assert re.fullmatch(r"route=[0-9a-f]{16}; Path=/x; Domain=example; Max-Age=60; SameSite=Strict; Secure; HttpOnly", cookie)
    for _ in range(10):
        again = ask(node, host, headers={"Cookie": "a=b; " + cookie.split(";")[0]})
        assert again.pod == first.pod and again.headers["Set-Cookie"] is None
    assert ask(node, host, headers={"Cookie": "route=0123456789abcdef"}).headers["Set-Cookie"]
    assert len({ask(node, host).pod for _ in range(40)}) == 3


def test_affinity_defaults(node):
    cookie = ask(node, made(node, {"affinity": "cookie"})).headers["Set-Cookie"]
    assert re.fullmatch(r"INGRESSCOOKIE=[0-9a-f]{16}; Path=/; HttpOnly", cookie)


def test_hash_by(node):
    host = made(node, {"upstream-hash-by": "$arg_user"})
    by_user = {u: {ask(node, host, f"/?user={u}").pod for _ in range(5)} for u in range(12)}
    assert all(len(p) == 1 for p in by_user.values())
    assert len(set.union(*by_user.values())) > 1


CANARIES = [  # the canary's annotations, a request's headers, which backend
    ({"canary-by-header": "X-Canary"}, {"X-Canary": "always"}, "next"),
    ({"canary-by-header": "X-Canary"}, {"X-Canary": "never"}, "web"),
    ({"canary-by-header": "X-Canary"}, {"X-Canary": "yes"}, "web"),
    ({"canary-by-header": "X-Canary", "canary-weight": "100"}, {"X-Canary": "never"}, "web"),
    ({"canary-by-header": "X-Canary", "canary-by-header-value": "yes"}, {"X-Canary": "yes"}, "next"),
    ({"canary-by-header": "X-Canary", "canary-by-header-value": "yes"}, {"X-Canary": "always"}, "web"),
    ({"canary-by-header": "X-Canary", "canary-by-header-pattern": "^(a|b)$"}, {"X-Canary": "b"}, "next"),
    ({"canary-by-header": "X-Canary", "canary-by-header-pattern": "^(a|b)$"}, {"X-Canary": "c"}, "web"),
    ({"canary-by-cookie": "canary"}, {"Cookie": "x=1; canary=always"}, "next"),
    ({"canary-by-cookie": "canary", "canary-weight": "100"}, {"Cookie": "canary=never"}, "web"),
    ({"canary-weight": "100"}, {}, "next"),
    ({"canary-weight": "0"}, {}, "web"),
    ({"canary-weight": "7", "canary-weight-total": "7"}, {}, "next"),
]


@pytest.mark.parametrize("notes, headers, got", CANARIES)
def test_canary(node, notes, headers, got):
    host = made(node, {})
    ingress(node, f"canary-{host}", host, [path("/", "next")], {"canary": "true", **notes})
    assert {ask(node, host, headers=headers).pod.split("-")[0] for _ in range(4)} == {got}


def test_canary_weight(node):
    host = made(node, {})
    ingress(node, f"canary-{host}", host, [path("/", "next")], {"canary": "true", "canary-weight": "50"})
    pods_seen = [ask(node, host).pod.split("-")[0] for _ in range(60)]
    assert 10 < pods_seen.count("next") < 50
    assert node.api("DELETE", f"{INGRESSES}/canary-{host}")[0] == 200
    assert {ask(node, host).pod.split("-")[0] for _ in range(10)} == {"web"}


def test_default_backend(node):
    assert ask(node, made(node, {"default-backend": "next"}, backend="empty")).pod == "next-1"
    assert ask(node, made(node, {}, backend="empty")).status == 503


def test_service_upstream(node):
    """The Service's own address is asked: without endpoints that refuses the connection."""
    assert ask(node, made(node, {"service-upstream": "true"})).status == 200
    assert ask(node, made(node, {"service-upstream": "true"}, backend="empty")).status == 502


def test_backends_by_tls(node, tmp_path):
    ours, theirs = (certificate(tmp_path, n, authority=True) for n in ("ours", "theirs"))
    server = certificate(tmp_path, "server", "tls.default.svc", signer=ours)
    client = certificate(tmp_path, "client", signer=ours)
    for name, authority in (("good", ours), ("bad", theirs)):
        create(node, f"{CORE}/secrets", {"metadata": {"name": name}, "type": "kubernetes.io/tls", "data": {
            "tls.crt": text_of(client[0]), "tls.key": text_of(client[1]), "ca.crt": text_of(authority[0])}})
    pod = Pod(node, "tls-1", labels={"app": "tls"})
    try:
        backend(pod, *server, ours[0])
        service(node, "tls")
        for more, status in (({}, 200), ({"proxy-ssl-secret": "bad"}, 200),
                             ({"proxy-ssl-secret": "good", "proxy-ssl-verify": "on"}, 200),
                             ({"proxy-ssl-secret": "bad", "proxy-ssl-verify": "on"}, 502),
                             ({"proxy-ssl-secret": "good", "proxy-ssl-verify": "on", "proxy-ssl-name": "x.example"}, 502)):
            assert ask(node, made(node, {"backend-protocol": "HTTPS", **more}, backend="tls")).status == status, more
        assert ask(node, made(node, {}, backend="tls")).status == 502  # in clear
    finally:
        pod.remove()


def test_mirror(node):
    host = made(node, {"mirror-target": "http://next.default.svc$request_uri"})
    name = f"/m{next(SERIAL)}"
    assert ask(node, host, name).pod.startswith("web")
    pod = next(p for p in node.backends if p.name == "next-1")
    eventually(lambda: f"GET {name}" in pod.run("curl", "-s", "http://127.0.0.1:8080/seen").stdout)


# ---- headers ---------------------------------------------------------------------------------------

def test_headers_sent_on(node):
    host = made(node, {"x-forwarded-prefix": "/base", "upstream-vhost": "inside.example:81", "custom-headers": "fields"})
    answer = ask(node, host, headers={"X-Forwarded-Prefix": "/evil"})
    assert answer.json["headers"]["x-forwarded-prefix"] == "/base"
    assert answer.json["headers"]["host"] == "inside.example:81"
    assert (answer.headers["X-One"], answer.headers["X-Two"]) == ("1", "two")


def test_cors(node):
    host = made(node, {"enable-cors": "true", "cors-allow-origin": "https://*.good.example", "cors-allow-methods": "GET, PUT",
                       "cors-allow-headers": "X-A", "cors-expose-headers": "X-B", "cors-max-age": "5",
                       "cors-allow-credentials": "true", "auth-type": "basic", "auth-secret": "people"})
    asked = {"Origin": "https://a.good.example", "Access-Control-Request-Method": "PUT"}
    answer = ask(node, host, method="OPTIONS", headers=asked)  # without a password
    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.good.example"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true" and answer.headers["Access-Control-Max-Age"] == "5"
    real = ask(node, host, headers={"Origin": "https://a.good.example", **basic("ann", "secret")})
    assert real.headers["Access-Control-Allow-Origin"] == "https://a.good.example"
    assert real.headers["Access-Control-Expose-Headers"] == "X-B"
    bad = ask(node, host, headers={"Origin": "https://evil.example", **basic("ann", "secret")})
    assert bad.headers["Access-Control-Allow-Origin"] is None
    assert ask(node, host, method="OPTIONS").status == 401


def test_server_alias(node):
    host = made(node, {"server-alias": "alias-one.example, alias-two.example"})
    for name in (host, "alias-one.example", "alias-two.example"):
        assert ask(node, name).status == 200


# ---- what is not obeyed ------------------------------------------------------------------------------

WRONG = [
    ({"configuration-snippet": "return 200;"}, 200, "configuration-snippet: snippets"),
    ({"server-snippet": "return 200;"}, 200, "server-snippet: snippets"),
    ({"proxy-buffering": "on"}, 200, "proxy-buffering: it is not known"),
    ({"proxy-read-timeout": "soon"}, 200, "proxy-read-timeout: it must be a number"),
    ({"rewrite-target": "x"}, 200, "rewrite-target: it must be a path"),
    ({"auth-type": "digest"}, 503, "auth-type: only \"basic\""),
    ({"auth-type": "basic", "auth-secret": "other/people"}, 503, "auth-secret: it must be of the Ingress' own namespace"),
    ({"custom-headers": "nowhere"}, 200, "custom-headers: there is no ConfigMap"),
]


@pytest.mark.parametrize("notes, status, told", WRONG)
def test_wrong(node, notes, status, told):
    host = made(node, notes)
    name = "i" + host[1:].split(".")[0]
    assert ask(node, host).status == status
    found = eventually(lambda: [m for _, m in events(node, name) if PREFIX + told in m])
    assert len(found) == 1


def test_the_guide_has_them_all():
    """The guide's table and the code's are the same names."""
    with open(os.path.join(ROOT, "modules/ingress/ingress_annotations.c"), encoding="utf-8") as f:
        code = set(re.findall(r'^\t\{ "([a-z-]+)", read_', f.read(), re.M))
    with open(os.path.join(ROOT, "etc/doc/from-ingress-nginx.md"), encoding="utf-8") as f:
        rows = [line.split("|")[1] for line in f if line.startswith("| `")]
    assert code == set(re.findall(r"`([a-z-]+)`", " ".join(rows))) and len(code) > 70
