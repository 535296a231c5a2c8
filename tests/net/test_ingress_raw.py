"""Raw bytes at the proxy: raw_http_table.py, row by row. A backend writes down every request that it gets to see."""

import contextlib
import os
import socket
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd, inside  # noqa: E402
from pods import Pod  # noqa: E402
from raw_http_table import END, HIDDEN, ROWS, get  # noqa: E402

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-From: backend\r\n\r\n"


class Backend:
    """Reads requests as plainly as can be; whatever it cannot read is written down as it came."""

    def __init__(self, pod):
        self.seen, self.heads = [], []
        with inside(pod.netns):
            self.listener = socket.create_server(("", 8080), backlog=256)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, c):
        with c, c.makefile("rb") as f, contextlib.suppress(OSError):
            while self.one(f):
                c.sendall(ANSWER)

    def one(self, f):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = f.readline()
            if not line:
                if head:
                    self.seen.append(("cut", head, b""))
                return False
            head += line
        first, *fields = head[:-4].split(b"\r\n")
        method, target, _ = first.decode("latin-1").split(" ")
        names = {x.split(b":")[0].lower(): x.split(b":", 1)[1].strip() for x in fields}
        body = self.chunked(f) if b"transfer-encoding" in names else f.read(int(names.get(b"content-length", b"0")))
        if body is None:
            return False  # given up halfway: nobody takes it for a request
        self.heads.append(head)
        self.seen.append((method, target, body))
        return True

    @staticmethod
    def chunked(f):
        body = b""
        while True:
            size = f.readline()
            if not size.endswith(b"\r\n"):
                return None
            n = int(size, 16)
            if n == 0:  # what comes behind it are trailers
                while (line := f.readline()) != b"\r\n":
                    if not line:
                        return None
                return body
            piece = f.read(n + 2)
            if len(piece) != n + 2:
                return None
            body += piece[:-2]


@pytest.fixture(scope="module")
def node():
    with Knetd(ini="[ingress]\nhttp = 8080\n") as knetd:
        pod = Pod(knetd, "web", labels={"app": "web"})
        knetd.backend = Backend(pod)
        try:
            for path, body in (
                    ("/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": {
                        "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
                    ("/apis/networking.k8s.io/v1/namespaces/default/ingresses", {"metadata": {"name": "web"}, "spec": {
                        "ingressClassName": "knetd", "rules": [{"host": "a.example", "http": {"paths": [
                            {"path": "/", "pathType": "Prefix",
                             "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}})):
                assert knetd.api("POST", path, body)[0] == 201
            yield knetd
        finally:
            knetd.backend.listener.close()
            pod.remove()


def converse(node, sent):
    """The statuses of all answers, until the proxy closes; bodies by their lengths, so that nothing hides in them."""
    with inside(node.netns):
        s = socket.create_connection(("127.0.0.1", 8080), timeout=20)
    statuses, heads = [], []
    with s, s.makefile("rb") as f:
        with contextlib.suppress(ConnectionError):
            s.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while line := f.readline():
                head = line
                while not head.endswith(b"\r\n\r\n"):
                    more = f.readline()
                    assert more, (statuses, head)
                    head += more
                statuses.append(int(line.split(b" ")[1]))
                heads.append(head)
                if statuses[-1] >= 200 and b"X-From: backend" not in head:
                    f.read(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
    return [x for x in statuses if x >= 200], heads


def as_seen(row):
    return tuple(row) if not isinstance(row, str) else (*row.split(" ", 1), b"")


@pytest.mark.parametrize("sent, what", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_row(node, sent, what):
    node.backend.seen.clear()
    statuses, heads = converse(node, sent + END)
    if isinstance(what, int):
        assert statuses == [what], statuses
        assert node.backend.seen == []
        assert b"\r\nconnection: close\r\n" in heads[-1].lower()
    else:
        assert statuses == [200] * (len(what) + 1)
        assert node.backend.seen == [as_seen(x) for x in what] + [("GET", "/end", b"")]


@pytest.mark.parametrize("fields, hidden", HIDDEN)
def test_what_a_backend_must_not_see(node, fields, hidden):
    node.backend.heads.clear()
    assert converse(node, get(b"/x", more=fields) + END)[0] == [200, 200]
    assert len(node.backend.heads) == 2
    for text in hidden:
        assert text.lower() not in node.backend.heads[0].lower()


def test_the_table_is_as_large_as_it_should_be():
    assert len(ROWS) >= 150
