"""The status page in a real browser, beside a real daemon with real pods."""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser  # noqa: E402
from daemon import ROOT, Knetd, inside  # noqa: E402
from pods import Pod  # noqa: E402

PLAIN, TLS = "http://127.0.0.1:8001", "https://127.0.0.1:6443"
DEFAULT = "/api/v1/namespaces/default"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
HTML = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def post(daemon, path, body):
    status, answer = daemon.api("POST", path, body)
    assert status == 201, answer
    return answer


def service(daemon, name, selector, port, target, **spec):
    return post(daemon, f"{DEFAULT}/services", {"metadata": {"name": name}, "spec": {
        "selector": selector, "ports": [{"name": "main", "port": port, "targetPort": target}], **spec}})


def policy(daemon, name="db"):
    return post(daemon, POLICIES, {"metadata": {"name": name}, "spec": {
        "podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]}})


class World:
    def __init__(self, daemon):
        self.daemon, self.pods = daemon, {}

    def pod(self, name, app, port=0):
        self.pods[name] = Pod(self.daemon, name, labels={"app": app})
        if port:
            self.pods[name].serve(port)

    def build(self):
        for name, app, port in (("web-0", "web", 8080), ("web-1", "web", 8080), ("db", "db", 5432), ("cli", "cli", 0)):
            self.pod(name, app, port)
        self.web = service(self.daemon, "web", {"app": "web"}, 80, 8080, type="NodePort")["spec"]["clusterIP"]
        service(self.daemon, "db", {"app": "db"}, 5432, 5432)
        policy(self.daemon)
        post(self.daemon, "/apis/networking.k8s.io/v1/namespaces/default/ingresses", {"metadata": {"name": "web"}, "spec": {
            "ingressClassName": "knetd", "rules": [{"host": "shop.example", "http": {"paths": [{
                "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}})
        post(self.daemon, "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways", {"metadata": {"name": "gw"}, "spec": {
            "gatewayClassName": "knetd", "listeners": [{"name": "http", "port": 8088, "protocol": "HTTP"}]}})
        post(self.daemon, "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes", {"metadata": {"name": "cart"}, "spec": {
            "parentRefs": [{"name": "gw"}], "hostnames": ["cart.example"], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}})


@pytest.fixture(scope="module")
def world():
    with Knetd(ini="[api]\ninsecure_listen = 127.0.0.1:8001\n") as daemon:
        w = World(daemon)
        try:
            w.build()
            yield w
        finally:
            for pod in w.pods.values():
                pod.remove()


@pytest.fixture(scope="module")
def browser(world):
    with Browser(world.daemon.netns) as b:
        yield b


@pytest.fixture
def page(browser):
    """The page, live; it may complain of nothing, and only read."""
    browser.complaints, browser.requests = [], []
    browser.open("about:blank")
    browser.until("location.href === 'about:blank'")
    browser.open(PLAIN + "/ui")
    browser.until("document.querySelector('#state').className === 'live' && document.querySelector('.card.svc')")
    yield browser
    assert not browser.complaints
    assert {method for method, _ in browser.requests} == {"GET"}
    assert all(url.startswith((PLAIN, "data:", "about:")) for _, url in browser.requests), browser.requests


def card(name):
    return f"document.querySelector('[data-id={json.dumps(name)}]')"


# ---- the picture --------------------------------------------------------------------------------


def test_what_there_is_is_shown(world, page):
    for name, *texts in (("Service/default/web", "web", world.web, "2 of 2 ready"), ("Service/default/db", "1 of 1 ready"),
                         ("Ingress/default/web", "shop.example"), ("HTTPRoute/default/cart", "cart.example"),
                         ("Gateway/default/gw", "HTTP 8088"), ("nodeport/default/web", "node port of web"),
                         ("Pod/default/web-0", world.pods["web-0"].ip4), ("Pod/default/cli", "cli")):
        for text in texts:
            page.until(f"{card(name)}.innerText.includes({json.dumps(text)})")
    marks = "[...document.querySelectorAll('.row')].filter(r => r.querySelector('.mark')).map(r => r.dataset.id)"
    assert page.js(marks) == ["Pod/default/db"]
    assert page.js(card("Pod/default/db") + ".querySelector('.mark').title").endswith(": db")
    lines = page.js("[...document.querySelectorAll('#graph path')].map(p => p.props?.key).filter(Boolean)")
    assert {"Gateway/default/gw>HTTPRoute/default/cart", "HTTPRoute/default/cart>Service/default/web",
            "ingress>Ingress/default/web", "Service/default/db>group/Service/default/db"} <= set(lines)
    page.js(card("Gateway/default/gw") + ".dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))")
    lit = page.js("[...document.querySelectorAll('#graph.focus .lit.card')].map(c => c.dataset.id)")
    assert lit == ["Gateway/default/gw", "HTTPRoute/default/cart", "Service/default/web", "group/Service/default/web"]


def test_details_and_the_keyboard(page):
    page.until(card("Service/default/web"))
    page.js(card("Service/default/web") + ".focus()")
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    page.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    page.until("document.querySelector('#details pre').innerText.includes('targetPort: 8080')")
    assert "web.default.svc.cluster.local" in page.text("#details")
    assert page.js("document.activeElement.ariaLabel") == "Close the details"
    page.press("Escape", 27)
    page.until("document.querySelector('#details').hidden")
    assert page.js("document.activeElement.dataset.id") == "Service/default/web"


def test_tables_say_the_same(world, page):
    page.js("location.hash = '#tables'")
    page.until("document.querySelectorAll('table').length === 5")
    assert page.js("[...document.querySelectorAll('caption')].map(c => c.innerText.split(' (')[0])") == [
        "Pods", "Services", "Routes", "Policies", "Events"]
    assert world.pods["db"].ip6 in page.text("main") and "cart.example" in page.text("main")
    assert page.js("[...document.querySelectorAll('th')].every(th => th.scope === 'col')")


def test_names_and_queries_as_they_come(world, page):
    page.js("location.hash = '#names'")
    page.until("document.querySelector('main').innerText.includes('web.default.svc.cluster.local')")
    asks = "document.querySelector('#queries').innerText.includes('db.default.svc.cluster.local')"
    for _ in range(20):
        world.pods["cli"].run("dig", "+short", "+tries=1", "+time=1", "@10.96.0.10", "db.default.svc.cluster.local")
        if page.js(asks):
            break
    page.until(asks)


def test_a_new_service_appears_by_itself(world, page):
    page.js("window.same = true")
    service(world.daemon, "late", {"app": "cli"}, 81, 81)
    page.until(card("Service/default/late") + ".innerText.includes('1 of 1 ready')")
    assert world.daemon.api("DELETE", f"{DEFAULT}/services/late")[0] == 200
    page.until("!" + card("Service/default/late"))
    assert page.js("window.same")


def test_counters_move(world, page):
    page.until("document.querySelector('#rate-connections').innerText !== '– /s'")
    busy = f"{card('Service/default/web')}.querySelector('.rate.on') && parseFloat(document.querySelector('#rate-requests').innerText) > 0"
    for _ in range(200):
        assert world.pods["cli"].curl(f"http://{world.web}/") is not None
        assert world.daemon.exec("curl", "-sS", "-m", "5", "-H", "Host: shop.example", "http://127.0.0.1/").returncode == 0
        if page.js(f"!!({busy})"):
            break
    page.until(busy)
    assert page.js("!!document.querySelector('#graph path.on')")


def test_filter_and_namespace(page):
    page.type("#filter", "app=db")
    page.until("[...document.querySelectorAll('.card.svc')].map(c => c.dataset.id).join() === 'Service/default/db'")
    page.js("document.querySelector('#filter').value = ''; document.querySelector('#filter').dispatchEvent(new Event('input'))")
    page.until(card("Service/default/web"))
    page.js("document.querySelector('#ns').value = 'kube-system'; document.querySelector('#ns').dispatchEvent(new Event('change'))")
    page.until("!document.querySelector('.card.svc')")


def test_texts_of_objects_stay_text(world, page):
    post(world.daemon, f"{DEFAULT}/services", {"metadata": {"name": "sly", "annotations": {"note": HTML}}, "spec": {"ports": [{"port": 1}]}})
    post(world.daemon, f"{DEFAULT}/events", {"metadata": {"name": "sly"}, "reason": "Sly", "message": HTML, "type": "Warning",
         "involvedObject": {"kind": "Service", "namespace": "default", "name": "sly", "apiVersion": "v1"}})
    page.click('[data-id="Service/default/sly"]')
    page.until(f"document.querySelector('#details .event').innerText.includes({json.dumps(HTML)})")
    assert HTML in page.js("JSON.parse('\"' + document.querySelector('#details pre').innerText.match(/note: \"(.*)\"/)[1] + '\"')")
    page.js("location.hash = '#tables'")
    page.until(f"document.querySelector('main').innerText.includes({json.dumps(HTML)})")
    assert page.js("document.querySelectorAll('img, body script').length") == 0
    world.daemon.api("DELETE", f"{DEFAULT}/services/sly")


# ---- why can A not reach B ----------------------------------------------------------------------


def test_the_trace_names_the_policy_and_follows_changes(world, page):
    page.js("location.hash = '#trace'")
    page.until("document.querySelector('#ask')")
    page.type("#from", "cli")
    page.type("#to", "db.default:5432")
    page.click("#ask button")
    page.until("document.querySelector('.way .stop').innerText.includes('isolated by db')")
    assert page.text(".verdict").startswith("✗ cli does not reach db.default:5432")
    world.daemon.api("DELETE", f"{POLICIES}/db")
    page.until("document.querySelector('.verdict').innerText.startsWith('✓')")
    policy(world.daemon)
    page.until("document.querySelector('.verdict').innerText.startsWith('✗')")
    shared = page.js("location.href")
    assert "?trace=cli%2Cdb.default%3A5432" in shared
    page.open("about:blank")
    page.open(shared)
    page.until("document.querySelector('.way .stop').innerText.includes('isolated by db')")
    assert page.js("document.querySelector('#to').value") == "db.default:5432"


def test_a_question_that_cannot_be_read(browser):
    browser.open(PLAIN + "/ui?trace=nobody,db:5432")
    browser.until("document.querySelector('.verdict.no').innerText.includes('nobody')")


# ---- doors --------------------------------------------------------------------------------------


def token_of(daemon):
    with open(os.path.join(daemon.dir, "state", "pki", "token"), encoding="ascii") as f:
        return f.read().strip()


def test_https_asks_for_the_token(world):
    with Browser(world.daemon.netns, "--ignore-certificate-errors") as b:
        b.open(TLS + "/ui")
        b.until("document.querySelector('#login').open")
        b.type("#token", "wrong")
        b.click("#login button")
        b.until("document.querySelector('#login').open && document.querySelector('#login-wrong').innerText")
        b.type("#token", token_of(world.daemon))
        b.click("#login button")
        b.until(card("Service/default/web"))
        assert b.js("localStorage.length") == 0 and not b.js("document.querySelector('#token').value")
        assert [c for c in b.complaints if "401" not in c] == []


def test_https_takes_the_token_of_the_address_and_hides_it(world):
    with Browser(world.daemon.netns, "--ignore-certificate-errors") as b:
        b.open(f"{TLS}/ui#token={token_of(world.daemon)}")
        b.until(card("Service/default/web"))
        assert b.js("location.href") == TLS + "/ui" and b.js("localStorage.length") == 0
        assert not any("token" in url for _, url in b.requests[1:])
        assert b.complaints == []


def test_knetctl_says_where_the_page_is(world):
    argv = [os.path.join(ROOT, "build", "knetctl"), "ui", "--socket", world.daemon.socket]
    assert subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout == PLAIN + "/ui\n"
    with Knetd(ini="[api]\nlisten = 0.0.0.0:6443\n") as daemon:
        argv[-1] = daemon.socket
        out = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout
        assert out == f"{TLS}/ui#token={token_of(daemon)}\n"


class Relay:
    """A port whose connections can be cut while the daemon stays."""

    def __init__(self, netns, port, to):
        with inside(netns):
            self.listener = socket.create_server(("127.0.0.1", port))
        self.netns, self.to, self.open = netns, to, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            with inside(self.netns):
                far = socket.create_connection(("127.0.0.1", self.to))
            self.open += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    @staticmethod
    def carry(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_a_watch_that_is_cut_goes_on_where_it_was(world, browser):
    relay = Relay(world.daemon.netns, 8002, 8001)
    browser.open("http://127.0.0.1:8002/ui")
    browser.until(card("Service/default/web"))
    browser.requests = []
    relay.cut()
    service(world.daemon, "meanwhile", {"app": "cli"}, 83, 83)
    browser.until(card("Service/default/meanwhile"))
    world.daemon.api("DELETE", f"{DEFAULT}/services/meanwhile")
    browser.until("!" + card("Service/default/meanwhile"))
    watches = [url for _, url in browser.requests if "/knetd/v1/watch" in url]
    assert watches and all("resourceVersion=" in url for url in watches)
    relay.listener.close()
    relay.cut()


def test_the_page_outlives_the_daemon(world, browser):
    browser.open(PLAIN + "/ui")
    browser.until(card("Service/default/web"))
    browser.js("window.same = true")
    world.daemon.stop()
    browser.until("document.querySelector('#state').className === 'broken'")
    world.daemon.start()
    service(world.daemon, "after", {"app": "cli"}, 82, 82)
    browser.until(card("Service/default/after"))
    world.daemon.api("DELETE", f"{DEFAULT}/services/after")
    browser.until("!" + card("Service/default/after"))
    assert browser.js("window.same")


# ---- many ---------------------------------------------------------------------------------------


def test_a_thousand_pods_are_drawn_with_few_elements(world, page):
    documents = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"s{i:03}", "namespace": "default"},
                  "spec": {"selector": {"crowd": f"a{i}"}, "ports": [{"port": 80}]}} for i in range(100)]
    documents += [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{i:04}", "namespace": "default",
                                                                     "labels": {"crowd": f"a{i % 100 if i > 300 else 7}"}},
                   "spec": {"containers": [], "nodeName": "node"},
                   "status": {"phase": "Running", "podIP": f"10.9.{i // 250}.{i % 250 + 1}",
                              "conditions": [{"type": "Ready", "status": "True"}]}} for i in range(1000)]
    status, answer = world.daemon.api("POST", "/apply", "\n---\n".join(map(json.dumps, documents)), "application/yaml")
    assert status == 200, answer
    page.until("document.querySelector('[aria-label=Pods] h2').innerText.includes('1,004')")
    count = "document.querySelectorAll('*').length"
    assert page.js(count) < 2500
    page.until("document.querySelector('[aria-label=Services]').innerText.includes('more: a filter')")
    page.type("#filter", "p0007")
    page.until("document.querySelectorAll('.card.svc').length === 1 && document.querySelector('main').innerText.includes('308 pods, 308 ready')")
    page.click(".card.pods [data-open]")
    page.until("document.querySelectorAll('.row').length > 40")
    assert page.js(count) < 800
    page.js("location.hash = '#tables'")
    page.until("document.querySelector('table')")
    page.js("document.querySelector('#filter').value = ''; document.querySelector('#filter').dispatchEvent(new Event('input'))")
    page.until("document.querySelector('main').innerText.includes('the first 200 of 1,004')")
    assert page.js(count) < 8000


# ---- what is served -----------------------------------------------------------------------------


def curl(daemon, path, *options, door=PLAIN):
    p = subprocess.run(["ip", "netns", "exec", daemon.netns, "curl", "-sSk", "-i", "-m", "20", *options, door + path], capture_output=True,
                       timeout=30, check=True)
    head, _, body = p.stdout.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


@pytest.mark.parametrize("path, name, kind", [("/ui", "ui.html", "text/html"), ("/ui/", "ui.html", "text/html"),
                                              ("/ui/ui.css", "ui.css", "text/css"), ("/ui/ui.js", "ui.js", "text/javascript")])
def test_files(world, path, name, kind):
    with open(os.path.join(ROOT, "modules", "ui", name), "rb") as f:
        source = f.read()
    for door in (PLAIN, TLS):
        status, headers, body = curl(world.daemon, path, door=door)
        assert (status, body) == (200, source) and headers["Content-Type"].startswith(kind)
    assert "default-src 'none'" in headers["Content-Security-Policy"] and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    _, packed, body = curl(world.daemon, path, "-H", "Accept-Encoding: gzip")
    assert packed["Content-Encoding"] == "gzip" and gzip.decompress(body) == source and packed["ETag"] == headers["ETag"]
    status, again, body = curl(world.daemon, path, "-H", f"If-None-Match: \"other\", {headers['ETag']}")
    assert (status, body) == (304, b"") and again["ETag"] == headers["ETag"] and "Content-Length" not in again
    assert curl(world.daemon, path, "-H", "If-None-Match: \"other\"")[0] == 200
    assert world.daemon.api("HEAD", path) == (200, "")
    assert world.daemon.api("POST", path, "{}")[0] == 405 and world.daemon.api("GET", path + "x")[0] == 404


def test_data_still_asks_for_a_token(world):
    assert curl(world.daemon, "/ui", door=TLS)[0] == 200
    for path in ("/api/v1/pods", "/metrics", "/uix", "/knetd/v1/trace?from=cli&to=db", "/knetd/v1/watch?kinds=pods"):
        assert curl(world.daemon, path, door=TLS)[0] == 401
    assert curl(world.daemon, "/ui", "-X", "POST", "-d", "{}", door=TLS)[0] == 401


OWN = "Sec-Fetch-Site: same-origin"
CROSS = ("-H", "Sec-Fetch-Site: cross-site")


@pytest.mark.parametrize("path, options, status", [
    ("/version", ("-H", OWN), 200),
    ("/version", ("-H", f"Origin: {PLAIN}"), 200),
    ("/version", ("-H", OWN, "-H", f"Origin: {PLAIN}"), 200),
    ("/version", ("-H", "Origin: http://127.0.0.1:8002"), 403),
    ("/version", ("-H", "Origin: https://127.0.0.1:8001"), 403),
    ("/version", ("-H", "Origin: http://127.0.0.1:80010"), 403),
    ("/version", ("-H", "Origin: http://localhost:8001"), 403),
    ("/version", ("-H", "Origin: null"), 403),
    ("/version", ("-H", "Host: evil.example:8001", "-H", "Origin: http://evil.example:8001"), 403),
    ("/version", CROSS, 403),
    ("/version", (*CROSS, "-H", "Sec-Fetch-Mode: navigate", "-H", "Sec-Fetch-Dest: document"), 403),
    ("/ui", (*CROSS, "-H", "Sec-Fetch-Mode: navigate", "-H", "Sec-Fetch-Dest: document"), 200),
    ("/ui", (*CROSS, "-H", "Sec-Fetch-Mode: navigate", "-H", "Sec-Fetch-Dest: iframe"), 403),
    ("/ui/ui.js", (*CROSS, "-H", "Sec-Fetch-Mode: no-cors", "-H", "Sec-Fetch-Dest: script"), 403),
    (f"{DEFAULT}/configmaps", ("-H", OWN, "-H", f"Origin: {PLAIN}", "-H", "Content-Type: application/json", "-d", "{}"), 403),
    (f"{DEFAULT}/configmaps", ("-H", OWN, "-H", "Content-Type: application/json", "-d", "{}"), 403),
])
def test_web_pages_are_refused_but_for_our_own(world, path, options, status):
    assert curl(world.daemon, path, *options)[0] == status
