"""A process inside a network namespace that serves and asks on orders: one JSON object a line comes in, one goes out
for each. It lives as long as the test, so that one more question costs a fraction of a millisecond and not a process.

    {"serve": [[PROTO, ADDRESS, PORT, NAME]...]}   answers whoever comes with "NAME PEER", then echoes
    {"ask": [[PROTO, FROM, TO, PORT, TIMES, SILENT]...], "patience": S, "silence": S, "open": N}
                                           a list of answers a flow: [NAME, PEER], "refused", "timeout", "unreachable";
                                           and behind them how many questions had to be sent twice
    {"talk": KEY, "flow": [PROTO, TO, PORT], "every": S}   goes on asking and hearing the echo on one connection
    {"talked": KEY, "end": BOOL}           how that goes: rounds, lost, error, who answers

SILENT says that no answer is expected: those questions are over `silence` seconds after all others have been answered,
so a slow machine does not turn a late answer into silence. SCTP is done by hand over raw sockets, an INIT and its ACK:
few kernels have SCTP sockets, and connection tracking sees no difference."""

import collections
import contextlib
import errno
import itertools
import json
import os
import selectors
import socket
import struct
import sys
import time

AGAIN = 2 * float(os.environ.get("KNET_SLOW", "1"))  # seconds until a datagram is sent again, as clients do
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "sctp": socket.SOCK_RAW}
ANY = "::"
selector = selectors.DefaultSelector()
ports = itertools.cycle(range(33000, 60000))  # a port used again soon would find the connection of before in conntrack


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def plain(address):
    return address.split("%")[0].removeprefix("::ffff:")


def watch(sock, what, events=selectors.EVENT_READ):
    sock.setblocking(False)
    selector.register(sock, events, what)


def drop(sock):
    try:
        selector.unregister(sock)
    except (KeyError, ValueError):
        pass
    sock.close()


# ---- SCTP by hand (RFC 9260) ----------------------------------------------------------------------------

INIT, INIT_ACK = 1, 2
RECVERR4, RECVERR6 = (socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25)
CRC = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    CRC.append(n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


def sctp_packet(source, to, tag, chunk, text=b""):
    """INIT, or its ACK with a cookie that carries a text."""
    text += bytes(-len(text) % 4)
    cookie = struct.pack("!HH", 7, 4 + len(text)) + text if chunk == INIT_ACK else b""
    body = struct.pack("!BBHIIHHI", chunk, 0, 20 + len(cookie), tag or 1, 65536, 1, 1, 1) + cookie
    head = struct.pack("!HHI", source, to, 0 if chunk == INIT else tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + body)) + body


def sctp_parts(data, version):
    """Source port, destination port, chunk, the sender's tag, what the cookie says."""
    if version == socket.AF_INET:
        data = data[(data[0] & 15) * 4:]
    if len(data) < 32:
        return 0, 0, 0, 0, ""
    source, to = struct.unpack("!HH", data[:4])
    return source, to, data[12], struct.unpack("!I", data[16:20])[0], data[36:].rstrip(b"\0").decode(errors="replace")


# ---- serving --------------------------------------------------------------------------------------------

def serve_tcp(sock, name):
    def accept():
        conn, peer = sock.accept()

        def echo():
            try:
                data = conn.recv(65536)
                if data:
                    conn.send(data)
                    return
            except OSError:
                pass
            drop(conn)

        try:
            conn.send(f"{name} {plain(peer[0])}\n".encode())
            watch(conn, echo)
        except OSError:
            conn.close()

    sock.listen(1024)
    return accept


def serve_udp(sock, name):
    def answer():
        data, peer = sock.recvfrom(2048)
        try:
            sock.sendto(f"{name} {plain(peer[0])}\n".encode() + data, peer)
        except OSError:
            pass
    return answer


def serve_sctp(sock, name, port):
    def answer():
        data, peer = sock.recvfrom(2048)
        source, to, chunk, tag, _ = sctp_parts(data, sock.family)
        if (to, chunk) == (port, INIT):
            try:
                sock.sendto(sctp_packet(port, source, tag, INIT_ACK, f"{name} {plain(peer[0])}".encode()), (peer[0], 0))
            except OSError:
                pass
    return answer


def serve(proto, address, port, name):
    for one in ("0.0.0.0", "::") if address == ANY and proto == "sctp" else (address,):
        sock = socket.socket(family(one), KINDS[proto], socket.IPPROTO_SCTP if proto == "sctp" else 0)
        if proto == "sctp":
            sock.bind((one, 0))
            watch(sock, serve_sctp(sock, name, port))
            continue
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((one, port))
        watch(sock, (serve_tcp if proto == "tcp" else serve_udp)(sock, name))


# ---- asking ---------------------------------------------------------------------------------------------

def error_name(number):
    if number == errno.ECONNREFUSED:
        return "refused"
    return "unreachable" if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM) else os.strerror(number)


class Question:
    """One connection, datagram or INIT: `done` is told how it ended."""

    def __init__(self, flow, done):
        self.proto, self.source, self.to, self.port, _, self.silent = flow
        self.done, self.heard = done, b""
        self.own, self.again = next(ports), None
        self.sock = socket.socket(family(self.to), KINDS[self.proto], socket.IPPROTO_SCTP if self.proto == "sctp" else 0)
        self.sock.setblocking(False)
        try:
            if self.proto == "sctp":
                self.sock.setsockopt(*(RECVERR6 if ":" in self.to else RECVERR4), 1)
            if self.proto == "udp":
                self.bind()
            elif self.source:
                self.sock.bind((self.source, 0))
            self.sock.connect((self.to, 0 if self.proto == "sctp" else self.port))
        except BlockingIOError:
            pass
        except OSError as e:
            self.end(error_name(e.errno))
            return
        watch(self.sock, self.ready, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def bind(self):
        """To the next port that nobody holds."""
        while True:
            try:
                self.sock.bind((self.source or "", self.own))
                return
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise
                self.own = next(ports)

    def end(self, how):
        drop(self.sock)
        self.done(self, how)

    def ready(self):
        try:
            number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number and self.proto != "sctp":
                raise OSError(number, "")
            if number and self.refused_by_hand():
                return
            if selector.get_key(self.sock).events & selectors.EVENT_WRITE:
                if self.proto != "tcp":
                    self.send()
                selector.modify(self.sock, selectors.EVENT_READ, self.ready)
                return
            self.hear()
        except BlockingIOError:
            pass
        except OSError as e:
            if self.proto != "sctp":
                self.end(error_name(e.errno))

    def send(self):
        self.again = time.monotonic() + AGAIN
        try:
            self.sock.send(sctp_packet(self.own, self.port, 0, INIT) if self.proto == "sctp" else b"")
        except PermissionError:  # refused on its way out: the ICMP comes behind
            pass

    def refused_by_hand(self):
        """A raw socket is told what happens to any packet to that address: looks for its own."""
        while True:
            try:
                packet = self.sock.recvmsg(64, 256, socket.MSG_ERRQUEUE)[0]
            except BlockingIOError:
                return False
            if len(packet) >= 4 and struct.unpack("!HH", packet[:4]) == (self.own, self.port):
                self.end("refused")
                return True

    def hear(self):
        data = self.sock.recv(2048)
        if self.proto == "sctp":
            source, to, chunk, _, text = sctp_parts(data, self.sock.family)
            if (source, to, chunk) == (self.port, self.own, INIT_ACK):
                self.end(text.split())
            return
        self.heard += data
        if self.heard.endswith(b"\n"):
            self.end(self.heard.decode().split())
        elif not data:
            self.end("closed")


class Asking:
    """All questions of one order."""

    def __init__(self, order):
        self.answers = [[] for _ in order["ask"]]
        # the silent ones first: their time passes while the others are asked
        flows = sorted(enumerate(order["ask"]), key=lambda x: not x[1][5])
        self.most, self.again = order.get("open", 100), 0
        self.waiting = collections.deque((i, flow) for i, flow in flows for _ in range(flow[4]))
        self.open, self.patience, self.silence = {}, order["patience"], order["silence"]
        self.end = time.monotonic() + self.patience
        self.last = time.monotonic()  # when the last answer that was expected came, or the last question went out

    def ended(self, question, how):
        self.answers[self.open.pop(question) if question in self.open else self.index].append(how)
        self.last = time.monotonic()

    def step(self):
        """Asks on; True when all is over."""
        now = time.monotonic()
        while self.waiting and sum(not q.silent for q in self.open) < self.most:
            self.index, flow = self.waiting.popleft()
            question = Question(flow, self.ended)
            if question.sock.fileno() >= 0:
                self.open[question] = self.index
            self.last = now
        for question in self.open:
            if question.again and now > question.again and not question.silent:
                self.again += 1
                with contextlib.suppress(OSError):
                    question.send()
        expected = any(not q.silent for q in self.open) or self.waiting
        if not self.open and not self.waiting:
            return True
        if now < (self.end if expected else self.last + self.silence):
            return False
        for question in list(self.open):
            question.end("timeout")
        return not self.waiting


# ---- talking --------------------------------------------------------------------------------------------

class Talk:
    """One connection that goes on: a line out, the same line back, then the next. What does not come back within a
    second over UDP is lost and the next goes out; over TCP it is waited for."""

    def __init__(self, flow, every):
        self.proto, to, port = flow
        self.every, self.rounds, self.lost, self.error, self.who = every, 0, 0, None, []
        self.slowest, self.due, self.sent, self.heard = 0.0, time.monotonic(), None, b""
        self.sock = socket.socket(family(to), KINDS[self.proto])
        self.sock.settimeout(10)
        try:
            self.sock.connect((to, port))
            if self.proto == "tcp":
                self.who = [self.sock.recv(200).decode().split()]
        except OSError as e:
            self.fail(e)
            return
        watch(self.sock, self.ready)

    def fail(self, e):
        self.error = str(e)
        drop(self.sock)

    def ready(self):
        try:
            data = self.sock.recv(65536)
        except OSError as e:
            self.fail(e)
            return
        if self.proto == "tcp" and not data:
            self.fail("closed")
            return
        self.heard = self.heard + data if self.proto == "tcp" else data
        head, _, echo = self.heard.partition(b"\n") if self.proto == "udp" else (b"", b"", self.heard)
        if echo != b"%d\n" % self.rounds:
            return
        if head and head.decode().split() not in self.who:
            self.who.append(head.decode().split())
        now = time.monotonic()
        self.slowest = max(self.slowest, now - self.sent)
        self.rounds, self.heard, self.sent, self.due = self.rounds + 1, b"", None, now + self.every

    def step(self, now):
        if self.error:
            return
        try:
            if self.sent is None and now >= self.due:
                self.sock.send(b"%d\n" % self.rounds)
                self.sent = now
            elif self.sent and self.proto == "udp" and now > self.sent + 1:
                self.lost += 1
                self.rounds += 1
                self.sent = None
        except OSError as e:
            self.fail(e)

    def report(self):
        return {"rounds": self.rounds, "lost": self.lost, "error": self.error, "who": self.who, "slowest": self.slowest}


# ---- orders ---------------------------------------------------------------------------------------------

asking, talks = [], {}


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def obey(order):
    if "serve" in order:
        for one in order["serve"]:
            serve(*one)
        say("ready")
    elif "ask" in order:
        asking.append(Asking(order))
    elif "talk" in order:
        talks[order["talk"]] = talk = Talk(order["flow"], order["every"])
        say(talk.report())
    elif "talked" in order:
        talk = talks[order["talked"]]
        if order["end"]:
            del talks[order["talked"]]
            drop(talk.sock)
        say(talk.report())


def main():
    buffered = b""
    os.set_blocking(0, False)
    selector.register(0, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select(0.005 if asking or talks else None):
            if key.data:
                key.data()
                continue
            data = os.read(0, 1 << 20)
            if not data:
                return
            buffered += data
            *lines, buffered = buffered.split(b"\n")
            for line in lines:
                obey(json.loads(line))
        for one in list(asking):
            if one.step():
                asking.remove(one)
                say(one.answers + [one.again])
        for talk in talks.values():
            talk.step(time.monotonic())


main()
