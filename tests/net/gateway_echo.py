"""The backend of the Gateway tables: tells what it was asked, by every protocol a route can end in.

    gateway_echo.py NAME CERT KEY

8080 HTTP/1.1 (and upgrades, which it echoes), 8081 HTTP/2 without TLS (and gRPC), 8443 HTTP/1.1 over TLS, 9000 TCP,
9001 UDP. `X-Do: status=503`, `delay=0.4`, `fail=KEY:TIMES:503` (the first times), `close=KEY:TIMES`, `set=Name:value`
(several, by `;`) say what else it should do. /seen?PATH answers how often that target has been asked for."""

import collections
import json
import socket
import ssl
import struct
import sys
import threading
import time

NAME, CERT, KEY = sys.argv[1:4]
LOCK = threading.Lock()
ASKED, FAILED = collections.Counter(), collections.Counter()


def todo(headers):
    """What X-Do asks for: [(verb, argument)]."""
    return [part.strip().split("=", 1) for name, value in headers if name.lower() == "x-do" for part in value.split(";") if "=" in part]


def fails(argument):
    key, times, *rest = argument.split(":")
    with LOCK:
        FAILED[key] += 1
        return FAILED[key] <= int(times) and (rest or ["close"])[0]


def answer(method, target, version, headers, body, tls=None):
    """(status, headers, body) of a request; status 0: hang up."""
    if target.startswith("/seen?"):
        return 200, [], str(ASKED[target[6:]]).encode()
    with LOCK:
        ASKED[target] += 1
    status, more = 200, []
    for verb, argument in todo(headers):
        if verb == "delay":
            time.sleep(float(argument))
        elif verb == "status":
            status = int(argument)
        elif verb == "set":
            more.append(tuple(argument.split(":", 1)))
        elif verb in ("fail", "close") and (code := fails(argument)):
            status = 0 if verb == "close" else int(code)
            if verb == "close":
                break
    saw = {"pod": NAME, "method": method, "target": target, "version": version, "headers": headers, "body": len(body), "tls": tls}
    return status, [("Content-Type", "application/json"), ("X-Pod", NAME), *more], json.dumps(saw).encode()


# ---- HTTP/1.1

def read_body(f, headers):
    h = {k.lower(): v for k, v in headers}
    if "chunked" in h.get("transfer-encoding", ""):
        body = b""
        while n := int(f.readline().split(b";")[0], 16):
            body += f.read(n)
            f.readline()
        while f.readline() not in (b"\r\n", b""):
            pass
        return body
    return f.read(int(h.get("content-length", 0)))


def http1(c, tls=None):
    f = c.makefile("rb")
    while line := f.readline():
        method, target, version = line.decode("latin-1").split()
        headers = []
        while (line := f.readline()) not in (b"\r\n", b""):
            name, value = line.decode("latin-1").split(":", 1)
            headers.append((name, value.strip()))
        if any(k.lower() == "upgrade" for k, v in headers):
            c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Pod: %s\r\n\r\n" % NAME.encode())
            while got := f.read1(65536):
                c.sendall(got)
            return
        status, more, body = answer(method, target, version, headers, read_body(f, headers), tls)
        if not status:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()
            return
        head = "".join(f"{k}: {v}\r\n" for k, v in more)
        c.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode("latin-1") + (b"" if method == "HEAD" else body))


# ---- HTTP/2

def reply2(conn, stream, headers, body):
    h = dict(headers)
    status, more, text = answer(h[":method"], h[":path"], "HTTP/2", headers, body)
    more = [(k.lower(), v) for k, v in more if k != "Content-Type"]
    if h.get("content-type", "").startswith("application/grpc"):
        conn.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc"), *more])
        conn.send_data(stream, b"\0" + struct.pack(">I", len(text)) + text)
        conn.send_headers(stream, [("grpc-status", "0"), ("grpc-message", "fine")], end_stream=True)
    else:
        conn.send_headers(stream, [(":status", str(status)), ("content-type", "application/json"), *more], end_stream=h[":method"] == "HEAD")
        if h[":method"] != "HEAD":
            conn.send_data(stream, text, end_stream=True)


def http2(c):
    import h2.config  # pylint: disable=import-outside-toplevel
    import h2.connection
    import h2.events
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    conn.initiate_connection()
    c.sendall(conn.data_to_send())
    heads, bodies = {}, collections.defaultdict(bytes)
    while data := c.recv(65536):
        for e in conn.receive_data(data):
            if isinstance(e, h2.events.RequestReceived):
                heads[e.stream_id] = [(k, v) for k, v in e.headers]
            elif isinstance(e, h2.events.DataReceived):
                bodies[e.stream_id] += e.data
                conn.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
            elif isinstance(e, h2.events.StreamEnded):
                reply2(conn, e.stream_id, heads.pop(e.stream_id), bodies.pop(e.stream_id, b""))
        c.sendall(conn.data_to_send())


# ---- the rest

def https(c):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERT, KEY)
    names = []
    context.sni_callback = lambda s, name, _: names.append(name)
    with context.wrap_socket(c, server_side=True) as t:
        http1(t, {"sni": names[0] if names else None, "version": t.version()})


def tcp(c):
    c.sendall(NAME.encode() + b"\n")
    while got := c.recv(65536):
        c.sendall(got)


def guarded(serve, c):
    try:
        with c:
            serve(c)
    except (OSError, ValueError, EOFError):
        pass


def listening(port, serve):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    s.listen(256)

    def accept():
        while True:
            threading.Thread(target=guarded, args=(serve, s.accept()[0]), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


def main():
    for port, serve in ((8080, http1), (8081, http2), (8443, https), (9000, tcp)):
        listening(port, serve)
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    u.bind(("::", 9001))
    print("ready", flush=True)
    while True:
        data, peer = u.recvfrom(2048)
        u.sendto(NAME.encode() + b" " + data, peer)


main()
