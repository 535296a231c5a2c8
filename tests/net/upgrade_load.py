"""Everybody who talks to a node at once, until standard input ends; then tells as JSON how often each has asked, what
was lost, and the longest wait. Runs in the node's namespace.

    upgrade_load.py SOCKET HTTPS-PORT TOKEN HEALTH-PORT POD SERVICE

Each thread asks in a loop. What a client has to expect is no loss: a connection that is kept may be closed between two
requests, a watch may end as it should; then the next one is opened. Everything else is lost and told."""

import base64
import http.client
import json
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time
import traceback

SOCKET, HTTPS, TOKEN, HEALTH, POD, SERVICE = sys.argv[1:7]
DNS = ("10.96.0.10", 53)
NAME = b"".join(bytes([len(x)]) + x for x in b"web.default.svc.cluster.local".split(b".")) + b"\0"
PATIENCE = 15
over = threading.Event()
told = {}


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(SOCKET)


def asker(fn):
    """fn(mine) asks once; mine keeps what it wants."""
    mine = told[fn.__name__] = {"asked": 0, "lost": [], "longest": 0.0, "again": 0}

    def run():
        state = {"told": mine}
        while not over.is_set():
            begun = time.monotonic()
            try:
                fn(state)
                mine["asked"] += 1
            except Exception as e:  # pylint: disable=broad-exception-caught
                where = traceback.extract_tb(e.__traceback__)[-1]
                mine["lost"].append(f"{e!r} {where.name}:{where.lineno} after {mine['asked']}")
                state.pop("kept", None)
                time.sleep(0.05)
            mine["longest"] = max(mine["longest"], time.monotonic() - begun)
            time.sleep(0.003)

    run.is_asker = True
    return run


def kept(state, make, method, path, body=None, headers=None):
    """One request on a connection that is kept; on a fresh one when it was closed meanwhile."""
    for attempt in range(2):
        c = state.get("kept")
        fresh = c is None
        try:
            if fresh:
                c = state["kept"] = make()
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            text = r.read()
            if r.will_close:
                state.pop("kept")
                c.close()
            return r.status, text
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            state.pop("kept", None)
            c.close()
            if fresh or attempt:
                raise
            state["told"]["again"] += 1
    return None


def expect(condition, what):
    if not condition:
        raise AssertionError(str(what)[:200])


# ---- through the workers ----------------------------------------------------------------------------------


@asker
def http_kept(state):
    status, text = kept(state, lambda: http.client.HTTPConnection("127.0.0.1", 80, timeout=PATIENCE), "GET", "/kept",
                        headers={"Host": "web.example"})
    expect(status == 200 and text == b"hello", (status, text))


@asker
def http_new(_state):
    with socket.create_connection(("127.0.0.1", 80), PATIENCE) as c:
        c.sendall(b"GET /new HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")
        got = b""
        while (more := c.recv(4096)):
            got += more
        expect(got.startswith(b"HTTP/1.1 200") and got.endswith(b"hello"), got)


def readline(f):
    line = f.readline()
    expect(line.endswith(b"\n"), f"cut off: {line!r}")
    return line


@asker
def download(state):
    """One answer that goes on all the time: numbered lines. It began in a worker that drains since."""
    if "file" not in state:
        state["c"] = socket.create_connection(("127.0.0.1", 80), PATIENCE)
        state["file"] = state["c"].makefile("rb")
        state["n"] = 0
        state["c"].sendall(b"GET /endless HTTP/1.1\r\nHost: web.example\r\n\r\n")
        while readline(state["file"]) != b"\r\n":
            pass
    size = int(readline(state["file"]), 16)
    chunk = state["file"].read(size + 2)
    for line in chunk.split():
        expect(int(line) == state["n"], (line, state["n"]))
        state["n"] += 1


@asker
def websocket(state):
    if "c" not in state:
        state["c"] = socket.create_connection(("127.0.0.1", 80), PATIENCE)
        state["file"] = state["c"].makefile("rb")
        state["c"].sendall(b"GET /ws HTTP/1.1\r\nHost: web.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n")
        expect(readline(state["file"]).startswith(b"HTTP/1.1 101"), "no upgrade")
        while readline(state["file"]) != b"\r\n":
            pass
        state["n"] = 0
    state["n"] += 1
    state["c"].sendall(b"echo %d\n" % state["n"])
    expect(readline(state["file"]) == b"echo %d\n" % state["n"], "no echo")


@asker
def dns_udp(state):
    state["n"] = (state.get("n", 0) + 1) % 65536
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.settimeout(PATIENCE)
        u.sendto(struct.pack("!6H", state["n"], 0, 1, 0, 0, 0) + NAME + b"\0\1\0\1", DNS)
        r = u.recv(512)
        expect(r[3] & 15 == 0 and r[7] == 1, r.hex())


@asker
def dns_tcp(_state):
    with socket.create_connection(DNS, PATIENCE) as c:
        q = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + NAME + b"\0\1\0\1"
        c.sendall(struct.pack("!H", len(q)) + q)
        r = c.recv(600)
        expect(len(r) > 12 and r[5] & 15 == 0 and r[9] == 1, r.hex())


# ---- the kernel's ------------------------------------------------------------------------------------------


@asker
def service(_state):
    with socket.create_connection((SERVICE, 80), PATIENCE) as c:
        c.sendall(b"GET / HTTP/1.0\r\n\r\n")
        expect(c.recv(4096).startswith(b"HTTP/1.1 200"), "service")


# ---- the API's ---------------------------------------------------------------------------------------------

written = {"unix": -1, "kept": -1}


def write(state, who, send):
    """A ConfigMap whose number grows; an acknowledged one has to be there at the end."""
    n = state["n"] = state.get("n", -1) + 1
    body = json.dumps({"metadata": {"name": f"load-{who}"}, "data": {"n": str(n)}})
    status, text = send("PUT" if n else "POST", f"/api/v1/namespaces/default/configmaps{f'/load-{who}' if n else ''}", body)
    expect(status in (200, 201), (status, text))
    written[who] = n


@asker
def api_new(state):
    def send(method, path, body):
        c = Unix("localhost")
        try:
            c.request(method, path, body=body, headers={"Content-Type": "application/json", "Connection": "close"})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()
    write(state, "unix", send)


@asker
def api_kept(state):
    write(state, "kept", lambda method, path, body: kept(state, lambda: Unix("localhost"), method, path, body,
                                                         {"Content-Type": "application/json"}))


@asker
def api_https(state):
    def make():
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", int(HTTPS), timeout=PATIENCE, context=context)
    status, text = kept(state, make, "GET", "/api/v1/namespaces/default", headers={"Authorization": f"Bearer {TOKEN}"})
    expect(status == 200, (status, text))


@asker
def api_watch(state):
    """Every change of load-kept, in order and without listing again."""
    if "f" not in state:
        version = f"&resourceVersion={state['version']}" if "version" in state else ""
        c = state["c"] = Unix("localhost")
        c.request("GET", "/api/v1/namespaces/default/configmaps?watch=true&allowWatchBookmarks=true"
                  "&fieldSelector=metadata.name%3Dload-kept" + version)
        state["f"] = c.getresponse()
        expect(state["f"].status == 200, state["f"].status)
    line = state["f"].readline()
    if not line:
        state.pop("f").close()
        state.pop("c").close()
        state["told"]["again"] += 1
        return
    event = json.loads(line)
    if event["type"] == "BOOKMARK":
        state["version"] = event["object"]["metadata"]["resourceVersion"]
        return
    expect(event["type"] in ("ADDED", "MODIFIED"), event)
    n = int(event["object"]["data"]["n"])
    expect("n" not in state or n == state["n"] + 1, (n, state.get("n")))
    state["n"] = n
    state["version"] = event["object"]["metadata"]["resourceVersion"]
    written["seen"] = n


@asker
def health(_state):
    with socket.create_connection(("127.0.0.1", int(HEALTH)), PATIENCE) as c:
        c.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        expect(c.recv(4096).startswith(b"HTTP/1.1 200"), "health")


def main():
    threads = [threading.Thread(target=fn, daemon=True) for fn in globals().values() if getattr(fn, "is_asker", False)]
    for t in threads:
        t.start()
    print("begun", flush=True)
    select.select([sys.stdin], [], [])
    end = time.monotonic() + PATIENCE
    while not all(v["asked"] > 5 for v in told.values()) and time.monotonic() < end:
        time.sleep(0.05)
    over.set()
    for t in threads:
        t.join(2)
    print(json.dumps({"told": told, "written": written}), flush=True)
    os._exit(0)


main()
