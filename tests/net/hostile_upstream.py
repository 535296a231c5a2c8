"""A DNS server for tests that does what the first label of a name says, right or wrong, and tells each question it gets.

As a program: hostile_upstream.py ADDRESS[=HOW] ... serves UDP and TCP port 53 of each address, and port 853 as HOW says: CERT,KEY
for TLS, CERT,KEY,1.3 for nothing older, plain for none, close for a listener that hangs up. A question goes to standard output as a line "HOW ADDRESS NAME TYPE PORT ID"; a line "ADDRESS MODE" on
standard input changes what all of an address' answers are: ok, silent, servfail, shut (nobody listens).
"""

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rrset

ZONE = "cluster.local"
LOCK = threading.Lock()


def rr(message, section, name, kind, *data, ttl=60):
    getattr(message, section).append(dns.rrset.from_text(name, ttl, "IN", kind, *data))


def poisoned(r, name):
    """What was asked, and much that was not."""
    rr(r, "answer", "bank.example.", "A", "192.0.2.66")
    rr(r, "answer", name, "CNAME", "real.poison.example.")
    rr(r, "answer", "bank.example.", "CNAME", "real.poison.example.")
    rr(r, "answer", "real.poison.example.", "A", "192.0.2.9")
    rr(r, "answer", f"web.default.svc.{ZONE}.", "A", "192.0.2.66")
    rr(r, "authority", "example.", "NS", "ns.evil.example.")
    rr(r, "additional", "ns.evil.example.", "A", "192.0.2.66")
    rr(r, "additional", "www.bank.example.", "A", "192.0.2.66")


def answer(q, stream, address, delay=True):
    name, first = q.question[0].name, q.question[0].name.labels[0].decode().lower()
    kind = first.split("-")[0]
    r = dns.message.make_response(q)
    r.flags |= dns.flags.RA | q.flags & dns.flags.AD  # as if it had proved the data
    if kind == "silent":
        return None
    if kind == "slow" and delay:
        time.sleep(float(first.split("-")[1]) / 1000)
    if kind in ("servfail", "refused", "notimp", "formerr"):
        r.set_rcode({"servfail": 2, "refused": 5, "notimp": 4, "formerr": 1}[kind])
    elif kind == "noedns" and q.edns >= 0:
        r = dns.message.make_response(q)
        r.use_edns(-1)
        r.set_rcode(1)
    elif kind == "nx":
        r.set_rcode(3)
        rr(r, "authority", "example.", "SOA", "ns.example. h.example. 1 2 3 4 30")
    elif kind in ("big", "huge") and not stream:
        r.flags |= dns.flags.TC
    elif kind == "big":
        rr(r, "answer", name, "A", *[f"10.1.{i // 200}.{i % 200 + 1}" for i in range(300)])
    elif kind == "huge":
        rr(r, "answer", name, "A", *[f"10.{i // 40000}.{i // 200 % 200}.{i % 200 + 1}" for i in range(4050)])
    elif kind == "trunc":
        r.flags |= dns.flags.TC
    elif kind == "poison":
        poisoned(r, name)
    elif kind == "loop":
        rr(r, "answer", name, "CNAME", "b.loop.example.")
        rr(r, "answer", "b.loop.example.", "CNAME", name.to_text())
    elif kind == "inside":
        rr(r, "answer", name, "CNAME", f"web.default.svc.{ZONE}.")
        rr(r, "answer", f"web.default.svc.{ZONE}.", "A", "192.0.2.66")
    elif kind == "disorder":
        rr(r, "answer", "c.disorder.example.", "A", "192.0.2.8")
        rr(r, "answer", "b.disorder.example.", "CNAME", "c.disorder.example.")
        rr(r, "answer", name, "CNAME", "b.disorder.example.")
    elif kind == "mx" and q.question[0].rdtype == 15:
        rr(r, "answer", name, "MX", "10 Mail.mx.example.", "20 other.example.")
        rr(r, "additional", "mail.mx.example.", "A", "192.0.2.66")
    elif q.question[0].rdtype == 1:
        rr(r, "answer", name, "A", "192.0.2." + address.replace(":", ".").split(".")[-1], ttl=1 if kind == "short" else 60)
    return r


def name_in_record(wire):
    """Where the first record of the answer begins."""
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return at + 5


def spoil(kind, wire):
    """Bytes that are no good answer."""
    w = bytearray(wire)
    at = name_in_record(w)
    if kind == "wrongid":
        w[0] ^= 0xff
    elif kind == "wrongquestion":
        w[13] ^= 1
    elif kind == "wrongtype":
        w[at - 3] = 28
    elif kind == "query":
        w[2] &= 0x7f
    elif kind == "header":
        w = w[:12]
    elif kind == "short7":
        w = w[:7]
    elif kind == "noquestion":
        w = w[:4] + bytes(2) + w[6:12]
    elif kind == "twoquestions":
        w[5] = 2
    elif kind == "counts":
        w[6:12] = b"\xff" * 6
    elif kind == "ownerloop":
        w[at:at + 2] = struct.pack("!H", 0xc000 | at)
    elif kind == "ownerforward":
        w[at:at + 2] = b"\xff\xff"
    elif kind == "label":
        w[at] = 0x80
    elif kind == "rdlength":
        w[at + 10:at + 12] = b"\xff\xff"
    elif kind == "cut":
        w = w[:-3]
    elif kind == "oversize":
        w += bytes(3500)
    elif kind == "empty":
        w = b""
    return bytes(w)


SPOILT = ("wrongid", "wrongquestion", "wrongtype", "query", "header", "short7", "noquestion", "twoquestions", "counts",
          "ownerloop", "ownerforward", "label", "rdlength", "cut", "empty")


class Server:
    def __init__(self, address, tls):
        self.address, self.tls, self.mode = address, tls, "ok"
        self.open()

    def open(self):
        self.family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.udp = socket.socket(self.family, socket.SOCK_DGRAM)
        self.udp.bind((self.address, 53))
        self.tcp = self.listener(53)
        threading.Thread(target=self.datagrams, args=(self.udp,), daemon=True).start()
        threading.Thread(target=self.accepts, args=(self.tcp, None, "tcp"), daemon=True).start()
        self.secure = None
        if self.tls:
            self.secure = self.listener(853)
            threading.Thread(target=self.accepts, args=(self.secure, self.context(), "tls"), daemon=True).start()

    def context(self):
        if self.tls[0] in ("plain", "close"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.tls[:2])
        if self.tls[2:] == ["1.3"]:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def listener(self, port):
        s = socket.socket(self.family)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.address, port))
        s.listen(64)
        return s

    def set(self, mode):
        was, self.mode = self.mode, mode
        if mode == "shut":
            for s in filter(None, (self.udp, self.tcp, self.secure)):
                try:
                    s.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits there, which then lets go of it
                except OSError:
                    pass
                s.close()
        elif was == "shut":
            for attempt in range(100):
                try:
                    return self.open()
                except OSError:  # the thread is still at it
                    time.sleep(0.05)
            self.open()

    def reply(self, data, how, port):
        """The bytes to send, None for nothing."""
        try:
            q = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return None
        with LOCK:
            print(how, self.address, q.question[0].name, q.question[0].rdtype, port, q.id, len(data), flush=True)
        kind = q.question[0].name.labels[0].decode().split("-")[0].lower() if len(q.question[0].name) > 1 else ""
        if self.mode == "silent":
            return None
        if self.mode == "servfail":
            r = dns.message.make_response(q)
            r.set_rcode(2)
            return r.to_wire()
        r = answer(q, how != "udp", self.address)
        return r and spoil(kind, r.to_wire(max_size=65535))

    def datagram(self, u, data, peer):
        wire = self.reply(data, "udp", peer[1])
        try:
            if wire is not None:
                u.sendto(wire, peer)
        except OSError:
            pass

    def datagrams(self, u):
        while True:
            try:
                data, peer = u.recvfrom(4096)
            except OSError:
                return
            if not peer:  # shut
                return
            threading.Thread(target=self.datagram, args=(u, data, peer), daemon=True).start()

    def accepts(self, listener, context, how):
        while True:
            try:
                c, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connection, args=(c, context, how, peer[1]), daemon=True).start()

    def connection(self, c, context, how, port):
        try:
            if how == "tls" and self.tls == ["close"]:
                return
            if context:
                c = context.wrap_socket(c, server_side=True)
            with LOCK:
                print("open", self.address, how, 0, port, 0, 0, flush=True)
            self.messages(c, how, port)
        except (OSError, struct.error):
            pass
        finally:
            c.close()

    def messages(self, c, how, port):
        stream, lock = c.makefile("rb"), threading.Lock()
        while True:
            data = stream.read(struct.unpack("!H", stream.read(2))[0])
            first = data[13:13 + data[12]].decode(errors="replace").lower()
            if first.startswith("stall"):
                c.sendall(b"\x01\x00" + data[:20])
                time.sleep(30)
            elif first.startswith("hangup"):
                return
            threading.Thread(target=self.message, args=(c, lock, data, how, port), daemon=True).start()

    def message(self, c, lock, data, how, port):
        wire = self.reply(data, how, port)
        if wire is None:
            return
        wire = struct.pack("!H", len(wire)) + wire
        try:
            with lock:
                for i in range(0, len(wire), 1000):
                    c.sendall(wire[i:i + 1000])
        except OSError:
            pass


def main():
    servers = {}
    for argument in sys.argv[1:]:
        address, _, files = argument.partition("=")
        servers[address] = Server(address, files.split(",") if files else None)
    print("ready", flush=True)
    for line in sys.stdin:
        address, mode = line.split()
        if address in servers:
            servers[address].set(mode)
        with LOCK:
            print("mode", address, mode, 0, 0, 0, 0, flush=True)
    os._exit(0)


class Upstreams:
    """The program, in the network namespace of a daemon."""

    def __init__(self, knetd, *arguments):
        self.process = subprocess.Popen(["ip", "netns", "exec", knetd.netns, sys.executable, __file__, *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout.readline() == "ready\n"
        self.lines, self.kept, self.condition = [], [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.condition:
                self.lines.append(line.split())
                self.condition.notify_all()

    def set(self, address, mode):
        with self.condition:
            n = sum(line[0] == "mode" for line in self.lines)
            self.process.stdin.write(f"{address} {mode}\n")
            assert self.condition.wait_for(lambda: sum(line[0] == "mode" for line in self.lines) > n, 10)

    def asked(self, name=None, address=None, how=None):
        """Questions so far: (how, address, name, port, id, size)."""
        self.set("-", "sync")  # what was answered has been told by then
        with self.condition:
            return [(h, a, n, int(p), int(i), int(s)) for h, a, n, _, p, i, s in self.lines
                    if h in ("udp", "tcp", "tls") and name in (None, n) and address in (None, a) and how in (None, h)]

    def opened(self, address):
        self.set("-", "sync")
        with self.condition:
            return sum(line[:2] == ["open", address] for line in self.lines)

    def close(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    main()
