#!/usr/bin/python3
"""The API's doors side by side: the same requests over the unix socket, plain loopback and HTTPS, and what a TLS
handshake costs. Processor time is the control process's alone; the client takes the rest of the machine. Read the ratios.

  tests/bench/doors.py [SECONDS]      seconds a measurement, default 3
"""

import os
import re
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
CM = "/api/v1/namespaces/default/configmaps"


def cpu(pid):
    """Seconds, from the scheduler's own count (the ticks of stat are too coarse)."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e9


def connect(knetd, door, context=None):
    if door == "unix":
        s = socket.socket(socket.AF_UNIX)
        s.connect(knetd.socket)
        return s
    with inside(knetd.netns):
        s = socket.create_connection(("127.0.0.1", 8001 if door == "plain" else 6443))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(s, server_hostname="localhost") if door == "https" else s


def read_answer(s):
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(1 << 20)
    head, body = got.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200"), head
    length, have = int(re.search(rb"Content-Length: (\d+)", head).group(1)), len(body)
    while have < length:
        have += len(s.recv(1 << 20))


def measure(knetd, one):
    for _ in range(50):  # warm
        one()
    pid, done, begun = knetd.process.pid, 0, time.monotonic()
    end, before = begun + SECONDS, cpu(pid)
    while time.monotonic() < end:
        one()
        done += 1
    return done / (time.monotonic() - begun), (cpu(pid) - before) * 1e6 / done


def table(knetd, what, doors, context, request):
    first = None
    for door in doors:
        s = connect(knetd, door, context)

        def one():
            s.sendall(request)
            read_answer(s)
        rate, cost = measure(knetd, one)
        s.close()
        first = first or cost
        print(f"{what:28} {door:8} {rate:10.0f}/s {cost:10.1f} us CPU {cost / first:8.2f}x")


def main():
    with Knetd(ini="[api]\ninsecure_listen = 127.0.0.1:8001\n") as knetd:
        with open(f"{knetd.dir}/state/pki/token", encoding="ascii") as f:
            token = f.read().strip()
        context = ssl.create_default_context(cafile=f"{knetd.dir}/state/pki/ca.crt")
        for i in range(100):
            assert knetd.api("POST", CM, {"metadata": {"name": f"m{i}"}, "data": {"x": "y" * 10_000 if i else "z"}})[0] == 201

        def get(path):
            return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

        doors = ["plain", "unix", "https"]
        table(knetd, "GET of one object", doors, context, get(f"{CM}/m0"))
        table(knetd, "LIST of 1 MB", doors, context, get(CM))
        for door in ("plain", "https"):
            def one():
                s = connect(knetd, door, context)
                s.sendall(get("/version"))
                read_answer(s)
                s.close()
            rate, cost = measure(knetd, one)
            print(f"{'new connection, one GET':28} {door:8} {rate:10.0f}/s {cost:10.1f} us CPU")


main()
