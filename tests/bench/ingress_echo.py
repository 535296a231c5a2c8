"""Both ends of the WebSocket measure. serve PORT: says 101 to whoever asks, then sends everything back.
ask PORT CONNECTIONS SECONDS: a frame at a time to and fro on each connection; prints round trips, p50 and p99 in ms."""

import selectors
import socket
import sys
import time

HELLO = (b"GET /echo HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
WELCOME = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
FRAME = b"\x82\xfd\x00\x00\x00\x00" + b"x" * 125  # masked with nothing, 125 bytes


def serve(port):
    s = socket.create_server(("", port), backlog=1024)
    poll = selectors.DefaultSelector()
    poll.register(s, selectors.EVENT_READ)
    greeted = set()
    while True:
        for key, _ in poll.select():
            c = key.fileobj
            if c is s:
                c = s.accept()[0]
                c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(c, selectors.EVENT_READ)
                continue
            try:
                got = c.recv(65536)
                if got:
                    c.sendall(got if c in greeted else WELCOME)
                    greeted.add(c)
            except OSError:
                got = b""
            if not got:
                greeted.discard(c)
                poll.unregister(c)
                c.close()


def connect(port):
    c = socket.create_connection(("127.0.0.1", port))
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.sendall(HELLO)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += c.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return c


def ask(port, connections, seconds):
    poll, began, took = selectors.DefaultSelector(), {}, []
    for _ in range(connections):
        c = connect(port)
        poll.register(c, selectors.EVENT_READ, [0])
        began[c] = time.perf_counter()
        c.sendall(FRAME)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, _ in poll.select(1):
            c, got = key.fileobj, key.data
            got[0] += len(c.recv(4096))
            if got[0] == len(FRAME):
                now = time.perf_counter()
                took.append(now - began[c])
                got[0], began[c] = 0, now
                c.sendall(FRAME)
    took.sort()
    print(len(took), took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        ask(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
