"""The doors of the API: who gets in, by which one, and that nobody takes another's place."""

import contextlib
import http.client
import json
import select
import socket
import time

import pytest
from daemon import Knetd, inside

PLAIN = "[api]\ninsecure_listen = 127.0.0.1:8001\n"
CM = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def plain():
    with Knetd(ini=PLAIN) as daemon:
        yield daemon


def tcp(daemon, port=8001, timeout=20):
    with inside(daemon.netns):
        s = socket.socket()
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
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
