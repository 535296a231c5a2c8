"""The doors of the API: who gets in, by which one, and that nobody takes another's place."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import stat
import subprocess
import time

import pytest
from daemon import Knetd, inside

PLAIN = "[api]\ninsecure_listen = 127.0.0.1:8001\n"
CM = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def plain():
    with Knetd(ini=PLAIN) as daemon:
        yield daemon


def tcp(daemon, port=8001, timeout=20, host="127.0.0.1"):
    with inside(daemon.netns):
        s = socket.socket()
        s.settimeout(timeout)
        s.connect((host, port))
    return s


def ask(s, data):
    """What comes back until the other side closes."""
    s.sendall(data)
    return drain(s)


def drain(s):
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := s.recv(65536):
            got += piece
    return got


def request(target, *headers, method="GET", body=""):
    head = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer else 0


# ---- who may ------------------------------------------------------------------------------------


def test_cni_calls_come_by_the_unix_socket_alone(plain):
    body = "{}"
    got = ask(tcp(plain), request("/cni/v1/add", "Content-Type: application/json", method="POST", body=body))
    assert status(got) == 403 and json.loads(got.split(b"\r\n\r\n", 1)[1])["reason"] == "Forbidden"
    assert plain.api("POST", "/cni/v1/status", "{}")[0] != 403


@pytest.mark.parametrize("header, code", [
    ("Host: localhost:8001", 200), ("Host: 127.0.0.1", 200), ("Host: [::1]:8001", 200), ("Host: 127.1.2.3", 200),
    ("Host: LOCALHOST", 200), ("Host: evil.example", 403), ("Host: 10.0.0.1", 403), ("Host: localhost.evil.example", 403),
    ("Host: 127.0.0.1.evil.example", 403), ("Host: [::1", 400), ("Host:", 403)])
def test_host_is_checked_on_the_plain_door(plain, header, code):
    assert status(ask(tcp(plain), f"GET /version HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n".encode())) == code


@pytest.mark.parametrize("header, code", [
    ("Origin: http://localhost:8001", 403), ("Origin: null", 403), ("Sec-Fetch-Site: cross-site", 403),
    ("Sec-Fetch-Site: same-site", 403), ("Sec-Fetch-Site: none", 200), ("Referer: http://evil.example/", 200)])
def test_pages_of_browsers_are_refused(plain, header, code):
    assert status(ask(tcp(plain), request(CM, header))) == code


# ---- sizes --------------------------------------------------------------------------------------


def test_bodies_up_to_three_megabytes(plain):
    def post(name, size, *headers):
        body = json.dumps({"metadata": {"name": name}}).ljust(size)  # blanks: what is stored may be less
        return ask(tcp(plain), request(CM, "Content-Type: application/json", *headers, method="POST", body=body))

    assert status(post("fits", 3 << 20)) == 201
    assert status(post("huge", (3 << 20) + 1)) == 413
    got = post("asks", 3 << 20, "Expect: 100-continue")
    assert got.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ") or got.startswith(b"HTTP/1.1 201 ")


def test_heads_are_bounded(plain):
    assert status(ask(tcp(plain), request("/version", "X-Long: " + "x" * 40_000))) == 431
    assert status(ask(tcp(plain), request("/version", *[f"X-{i}: 1" for i in range(200)]))) == 431
    assert status(ask(tcp(plain), request("/" + "x" * 40_000))) in (414, 431)


def test_large_bodies_together_are_bounded(plain):
    """256 MB of promised bodies, then 429; small ones always get in."""
    head = (b"POST /apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n"
            b"Content-Length: 67108864\r\n\r\n")
    big = [tcp(plain) for _ in range(5)]
    for s in big:
        s.sendall(head)
    ready = select.select(big, [], [], 20)[0]
    assert len(ready) == 1
    got = ready[0].recv(4096)
    assert status(got) == 429 and b"Retry-After: 1\r\n" in got and b"TooManyRequests" in got
    body = json.dumps({"metadata": {"name": "small"}})
    assert status(ask(tcp(plain), request(CM, "Content-Type: application/json", method="POST", body=body))) == 201
    for s in big:
        s.close()

    def accepted():
        s = tcp(plain)
        s.sendall(head)
        quiet = not select.select([s], [], [], 0.2)[0]
        s.close()
        return quiet
    end = time.monotonic() + 10
    while not accepted():
        assert time.monotonic() < end, "what was reserved is not given back"


# ---- many and slow ------------------------------------------------------------------------------


def test_a_crowd_at_one_door_leaves_the_others_alone():
    with Knetd(ini=PLAIN) as daemon, contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(tcp(daemon)) for _ in range(2048)]
        late = stack.enter_context(tcp(daemon))
        assert drain(late) == b""  # no place: closed
        assert daemon.api("GET", "/version")[0] == 200
        metrics = daemon.api("GET", "/metrics")[1]
        assert "knetd_api_connections 2049" in metrics
        crowd[0].sendall(request("/version"))
        assert status(drain(crowd[0])) == 200
        end = time.monotonic() + 10
        while status(ask(stack.enter_context(tcp(daemon)), request("/version"))) != 200:  # a place became free
            assert time.monotonic() < end


def test_a_thousand_watchers(plain):
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(tcp(plain)) for _ in range(1000)]
        for s in watchers:
            s.sendall(request(f"{CM}?watch=1&resourceVersion=0&fieldSelector=metadata.name=seen"))
        for s in watchers:
            assert status(s.recv(65536)) == 200
        assert plain.api("POST", CM, {"metadata": {"name": "seen"}})[0] == 201
        for s in watchers:
            got = b""
            while b'"ADDED"' not in got:
                piece = s.recv(65536)
                assert piece
                got += piece


def test_slow_clients_are_cut_off(plain):
    """One who never finishes a head, and one who never begins it, are let go after HEAD_MS; a reader that stands
    still after WRITE_MS; all of them while others are served."""
    name = "bulk"
    for i in range(12):
        plain.api("POST", CM, {"metadata": {"name": f"{name}{i}"}, "data": {"x": "y" * 900_000}})
    begun = time.monotonic()
    mute, sipper, stander = tcp(plain, timeout=60), tcp(plain, timeout=60), tcp(plain, timeout=60)
    stander.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stander.sendall(request(CM))
    sipper.sendall(b"GET /version HTTP/1.1\r\n")
    open_ones = {mute, sipper}
    while open_ones:
        assert time.monotonic() - begun < 40
        for s in select.select(list(open_ones), [], [], 0.5)[0]:
            assert drain(s) == b""
            open_ones.discard(s)
        if sipper in open_ones:
            with contextlib.suppress(OSError):
                sipper.sendall(b"X: y\r\n")
        assert plain.api("GET", "/version")[0] == 200
    assert time.monotonic() - begun > 5  # they had some time
    end = time.monotonic() + 60
    while connections(plain) > 1:
        assert time.monotonic() < end, "the reader that stands still is still there"
        time.sleep(0.2)
    stander.close()


def connections(daemon):
    line = next(x for x in daemon.api("GET", "/metrics")[1].splitlines() if x.startswith("knetd_api_connections "))
    return int(line.split()[1])


def test_cni_does_not_wait_behind_a_crowd(plain):
    """While 64 clients write without a pause, a CNI call comes through in a few turns: sooner than one client's
    worth of the crowd's requests."""
    crowd = [http.client.HTTPConnection("127.0.0.1", 8001) for _ in range(64)]
    for c in crowd:
        c.sock = tcp(plain)
    done, asked = 0, 0
    body = {c: json.dumps({"metadata": {"name": f"crowd{i}"}, "data": {"n": "x" * 1000}}) for i, c in enumerate(crowd)}
    by_socket = {c.sock: c for c in crowd}

    def send(c, method, path):
        c.sock.sendall((f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body[c])}\r\n\r\n{body[c]}").encode())

    for i, c in enumerate(crowd):
        send(c, "PUT", f"{CM}/crowd{i}")
    cni = socket.socket(socket.AF_UNIX)
    cni.connect(plain.socket)
    cni.sendall(b"POST /cni/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    while True:
        ready = select.select([cni, *by_socket], [], [], 20)[0]
        assert ready
        if cni in ready:
            break
        for s in ready:
            assert s.recv(65536)
            done += 1
            asked += 1
            send(by_socket[s], "PUT", f"{CM}/crowd{crowd.index(by_socket[s])}")
    assert cni.recv(4096).startswith(b"HTTP/1.1 ")
    assert done < 10 * len(crowd)
    cni.close()
    for c in crowd:
        c.close()


# ---- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls():
    with Knetd(ini="[api]\nlisten = 127.0.0.1:6443, 127.0.0.5:7443\nnames = node.example.org, 192.0.2.7\n") as daemon:
        yield daemon


def pki(daemon, name):
    return os.path.join(daemon.dir, "state", "pki", name)


def token(daemon):
    with open(pki(daemon, "token"), encoding="ascii") as f:
        return f.read().strip()


def context(daemon, cert=None):
    c = ssl.create_default_context(cafile=pki(daemon, "ca.crt"))
    c.verify_flags |= ssl.VERIFY_X509_STRICT
    if cert:
        c.load_cert_chain(cert)
    return c


def https(daemon, data, name="localhost", cert=None, port=6443):
    with context(daemon, cert).wrap_socket(tcp(daemon, port), server_hostname=name) as s:
        return ask(s, data)


def bearer(daemon, value=None):
    return f"Authorization: Bearer {value or token(daemon)}"


def kubectl(daemon, *args, stdin=None, check=True):
    env = {**os.environ, "KUBECONFIG": os.path.join(daemon.dir, "run", "kubeconfig"), "HOME": daemon.dir}
    p = subprocess.run([*daemon.enter, "/usr/bin/kubectl", *args], input=stdin, capture_output=True, text=True, timeout=60,
                       env=env, check=False)
    assert not check or p.returncode == 0, p.stderr
    return p


def signed(daemon, tmp, subject, ca=None, usage="clientAuth"):
    """A client's key and certificate in one file, signed by our authority or by another."""
    ca = ca or pki(daemon, "ca.pem")
    base = os.path.join(str(tmp), str(len(os.listdir(tmp))))
    with open(base + ".ext", "w", encoding="ascii") as f:
        f.write(f"extendedKeyUsage={usage}\nkeyUsage=critical,digitalSignature\n")
    for args in (["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key", "-out", base + ".csr",
                  "-subj", subject],
                 ["x509", "-req", "-in", base + ".csr", "-CA", ca, "-CAkey", ca, "-days", "30", "-out", base + ".crt",
                  "-extfile", base + ".ext"]):
        subprocess.run(["openssl", *args], check=True, capture_output=True)
    with open(base + ".pem", "w", encoding="ascii") as out:
        for part in (".key", ".crt"):
            with open(base + part, encoding="ascii") as f:
                out.write(f.read())
    return base + ".pem"


def other_authority(tmp):
    path = os.path.join(str(tmp), "other")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key",
                    "-out", path + ".crt", "-subj", "/CN=knetd-ca", "-days", "30"], check=True, capture_output=True)
    with open(path + ".pem", "w", encoding="ascii") as out:
        for part in (".key", ".crt"):
            with open(path + part, encoding="ascii") as f:
                out.write(f.read())
    return path + ".pem"


def test_files_are_for_root_alone(tls):
    for path in (pki(tls, "ca.pem"), pki(tls, "server.pem"), pki(tls, "token"), pki(tls, "ca.crt"),
                 os.path.join(tls.dir, "run", "kubeconfig")):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
    assert stat.S_IMODE(os.stat(pki(tls, "")).st_mode) == 0o700
    assert re.fullmatch("[0-9a-f]{64}", token(tls))
    assert sorted(os.listdir(pki(tls, ""))) == ["ca.crt", "ca.pem", "server.pem", "token"]


@pytest.mark.parametrize("name", [
    "localhost", "node", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
    "127.0.0.1", "::1", "127.0.0.5", "10.96.0.1", "fd00:10:96::1", "node.example.org", "192.0.2.7"])
def test_the_certificate_is_for_all_our_names(tls, name):
    assert status(https(tls, request("/version"), name)) == 200


def test_the_chain_is_checked_by_openssl(tls):
    p = tls.exec("sh", "-c", f"openssl s_client -connect 127.0.0.1:6443 -x509_strict -CAfile {pki(tls, 'ca.crt')} -verify_return_error </dev/null")
    assert "Verify return code: 0 (ok)" in p.stdout and "ECDSA" in p.stdout, p.stdout + p.stderr
    with pytest.raises(ssl.SSLCertVerificationError):
        https(tls, request("/version"), "evil.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(tcp(tls, 6443), server_hostname="localhost")


def test_versions_below_tls12_are_refused(tls):
    for version in ("-tls1", "-tls1_1"):
        p = tls.exec("sh", "-c", f"openssl s_client {version} -cipher ALL:@SECLEVEL=0 -connect 127.0.0.1:6443 </dev/null")
        assert "Cipher is (NONE)" in p.stdout and p.returncode, p.stdout
    with context(tls).wrap_socket(tcp(tls, 7443, host="127.0.0.5"), server_hostname="127.0.0.5") as s:
        assert s.version() == "TLSv1.2" and status(ask(s, request("/version"))) == 200


def test_plain_http_to_the_tls_door_is_told_so(tls):
    got = ask(tcp(tls, 6443), request("/version"))
    assert got.startswith(b"HTTP/1.0 400 ") and b"HTTPS server" in got


def test_token(tls):
    good = bearer(tls)
    for header, code in ((good, 200), (good.replace("Bearer", "bearer"), 200), ("X-None: 1", 401), (good[:-1], 401), (good + "0", 401),
                         ("Authorization: Bearer ", 401), ("Authorization: Basic " + token(tls), 401),
                         (good + "\r\n" + good, 401), ("Authorization: " + token(tls), 401)):
        got = https(tls, request(CM, header))
        assert status(got) == code, (header, got)
        if code == 401:
            head, body = got.split(b"\r\n\r\n", 1)
            answer = json.loads(body)
            assert (answer["kind"], answer["reason"], answer["code"]) == ("Status", "Unauthorized", 401)
            assert b"WWW-Authenticate: Bearer" in head


def test_what_is_anonymous(tls):
    for path in ("/livez", "/readyz", "/healthz", "/version", "/version/"):
        assert status(https(tls, request(path))) == 200
        assert status(https(tls, request(path, bearer(tls, "0" * 64)))) == 401  # wrong is not the same as none
    for path in ("/metrics", "/api", "/apis", "/openapi/v2", "/", "/apply", "/cni/v1/status", "/livezz"):
        assert status(https(tls, request(path))) == 401
    assert status(https(tls, request("/version", method="POST", body="{}"))) == 401


def test_pages_and_foreign_hosts_are_refused_on_tls(tls):
    def code(*headers, host="localhost"):
        return status(https(tls, (f"GET {CM} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n" +
                                  "".join(h + "\r\n" for h in (bearer(tls), *headers)) + "\r\n").encode()))
    assert code() == 200 and code(host="node.example.org:6443") == 200 and code(host="192.0.2.99") == 200
    assert code(host="evil.example") == 403 and code("Origin: https://evil.example") == 403
    assert status(https(tls, request("/cni/v1/status", bearer(tls), method="POST", body="{}"))) == 403


def test_client_certificates(tls, tmp_path):
    mine = signed(tls, tmp_path, "/O=system:masters/CN=alice")
    assert status(https(tls, request(CM), cert=mine)) == 200
    theirs = signed(tls, tmp_path, "/CN=alice", ca=other_authority(tmp_path))
    serving = signed(tls, tmp_path, "/CN=alice", usage="serverAuth")
    nameless = signed(tls, tmp_path, "/O=system:masters")
    for bad in (theirs, serving, nameless):
        assert status(https(tls, request(CM), cert=bad)) == 401
        assert status(https(tls, request("/version"), cert=bad)) == 401
        assert status(https(tls, request(CM, bearer(tls)), cert=bad)) == 200  # the token is enough


def test_bodies_lists_and_watches_over_tls(tls):
    c = http.client.HTTPSConnection("localhost")
    c.sock = context(tls).wrap_socket(tcp(tls, 6443), server_hostname="localhost")
    headers = {"Authorization": "Bearer " + token(tls), "Content-Type": "application/json"}
    watch = context(tls).wrap_socket(tcp(tls, 6443), server_hostname="localhost")
    watch.sendall(request(f"{CM}?watch=1&resourceVersion=0", bearer(tls)))
    for i in range(8):
        c.request("POST", CM, json.dumps({"metadata": {"name": f"m{i}"}, "data": {"x": chr(97 + i) * 700_000}}), headers)
        r = c.getresponse()
        assert r.status == 201, r.read()
        r.read()
    c.request("GET", CM, headers=headers)
    items = json.loads(c.getresponse().read())["items"]
    assert [i["data"]["x"] for i in items] == [chr(97 + i) * 700_000 for i in range(8)]
    got = b""
    while got.count(b'{"type":"ADDED"') < 8 or not got.endswith(b"}\n\r\n"):
        piece = watch.recv(1 << 20)
        assert piece
        got += piece
    # several requests in one record, and one request in many
    watch.close()
    s = context(tls).wrap_socket(tcp(tls, 6443), server_hostname="localhost")
    s.sendall(b"".join(f"GET /version HTTP/1.1\r\nHost: localhost\r\n{bearer(tls)}\r\n\r\n".encode() for _ in range(20)))
    for byte in request("/livez", bearer(tls)):
        s.sendall(bytes([byte]))
    assert drain(s).count(b"HTTP/1.1 200 OK") == 21  # ended by close_notify: an abrupt end would raise
    s.close()


def test_kubectl_over_https(tls):
    assert kubectl(tls, "apply", "-f", "-", stdin=json.dumps(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})).stdout == "service/web created\n"
    assert "web" in kubectl(tls, "get", "svc").stdout
    p = subprocess.Popen([*tls.enter, "/usr/bin/kubectl", "get", "svc", "-w", "-o", "name", "--kubeconfig",
                          os.path.join(tls.dir, "run", "kubeconfig")], stdout=subprocess.PIPE, text=True)
    try:
        assert p.stdout.readline() == "service/web\n"
        kubectl(tls, "label", "svc", "web", "a=b")
        assert p.stdout.readline() == "service/web\n"
    finally:
        p.kill()
        p.wait()
    kubectl(tls, "delete", "svc", "web")
    assert "must be logged in" in kubectl(tls, "get", "svc", "--token", "wrong", check=False).stderr


def read(path):
    with open(path, "rb") as f:
        return f.read()


def files(daemon):
    return {n: read(pki(daemon, n)) for n in ("ca.pem", "server.pem", "token")}


def hang_up(daemon):
    """SIGHUP, and what it changes is done when a call behind it is answered."""
    daemon.process.send_signal(signal.SIGHUP)


def eventually(true, daemon):
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, daemon.logged()
        time.sleep(0.02)


def test_restart_keeps_credentials_and_rotation_replaces_them():
    with Knetd() as daemon:
        first = files(daemon)
        daemon.stop()
        daemon.start()
        assert files(daemon) == first
        old = bearer(daemon)
        watch = context(daemon).wrap_socket(tcp(daemon, 6443), server_hostname="localhost")
        watch.sendall(request(f"{CM}?watch=1", old))
        assert status(watch.recv(4096)) == 200
        os.unlink(pki(daemon, "token"))
        hang_up(daemon)
        assert b'"ERROR"' not in drain(watch)  # whoever came in by it is out
        assert status(https(daemon, request(CM, old))) == 401 and status(https(daemon, request(CM, bearer(daemon)))) == 200
        assert files(daemon)["ca.pem"] == first["ca.pem"] and files(daemon)["server.pem"] == first["server.pem"]
        os.unlink(pki(daemon, "ca.pem"))
        hang_up(daemon)
        eventually(lambda: os.path.exists(pki(daemon, "ca.pem")) and files(daemon)["server.pem"] != first["server.pem"], daemon)
        eventually(lambda: kubectl(daemon, "get", "svc", check=False).returncode == 0, daemon)
        with open(daemon.ini, "a", encoding="ascii") as f:
            f.write("[api]\nnames = other.example.org\n")
        second = files(daemon)
        daemon.stop()
        daemon.start()
        assert files(daemon)["ca.pem"] == second["ca.pem"] and files(daemon)["server.pem"] != second["server.pem"]
        assert status(https(daemon, request("/version"), "other.example.org")) == 200


@pytest.mark.parametrize("name, text, remade", [
    ("server.pem", b"", True), ("server.pem", b"rubbish", True), ("token", b"", True), ("token", b"short\n", True),
    ("token", b"x" * 5000, True), ("ca.pem", b"", False), ("ca.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n", False),
    ("server.pem", None, True), ("token", None, True)])
def test_broken_files(name, text, remade):
    with Knetd() as daemon:
        before = files(daemon)
        daemon.stop()
        if text is None:
            os.unlink(pki(daemon, name))
        else:
            with open(pki(daemon, name), "wb") as f:
                f.write(text)
        with open(pki(daemon, "server.pem.new"), "wb") as f:
            f.write(before["server.pem"][:100])  # what a crash in the middle leaves
        daemon.start()
        if remade:
            assert status(https(daemon, request(CM, bearer(daemon)))) == 200
            assert files(daemon)["ca.pem"] == before["ca.pem"]
            assert stat.S_IMODE(os.stat(pki(daemon, name)).st_mode) == 0o600
            return
        assert "ca.pem" in daemon.logged() and "delete it" in daemon.logged()
        assert read(pki(daemon, name)) == text  # not touched
        assert daemon.api("GET", CM)[0] == 200  # the network goes on
        assert drain(tcp(daemon, 6443)) == b""
        os.unlink(pki(daemon, "ca.pem"))
        hang_up(daemon)
        eventually(lambda: kubectl(daemon, "get", "svc", check=False).returncode == 0, daemon)


def test_a_given_certificate(tmp_path):
    for kind in (["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]):
        cert, key = str(tmp_path / "c.pem"), str(tmp_path / "k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", key, "-out", cert, "-days", "90", "-subj",
                        "/CN=api", "-addext", "subjectAltName=DNS:api.example.org"], check=True, capture_output=True)
        with Knetd(ini=f"[api]\ncert = {cert}\nkey = {key}\n") as daemon:
            c = ssl.create_default_context(cafile=cert)
            with c.wrap_socket(tcp(daemon, 6443), server_hostname="api.example.org") as s:
                assert status(ask(s, f"GET {CM} HTTP/1.1\r\nHost: api.example.org\r\n{bearer(daemon)}\r\nConnection: close\r\n\r\n".encode())) == 200
            assert kubectl(daemon, "get", "svc").returncode == 0  # the kubeconfig tells the name


def test_a_handshake_has_an_end(tls):
    silent, half = tcp(tls, 6443, timeout=60), tcp(tls, 6443, timeout=60)
    half.sendall(bytes.fromhex("160301020001000"  + "1"))
    assert drain(silent) == b"" and drain(half) == b""
    many = [tcp(tls, 6443) for _ in range(200)]
    for s in many:
        s.sendall(os.urandom(50).replace(b"\x16", b"\x00"))
    assert status(https(tls, request("/version"))) == 200
    for s in many:
        drain(s)
        s.close()
