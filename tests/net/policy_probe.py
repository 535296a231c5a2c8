"""Who reaches whom, all pairs at once: one process that holds sockets in many network namespaces, so that a thousand
questions cost a tenth of a second.

A question (Cell) is one first packet: a TCP connection, a datagram, an SCTP INIT, a ping, each from a port or with an
identifier that was not used lately, so that connection tracking knows nothing of it. Both ends tell: the one that was
asked that it came, the one that asks that the answer came back; what must not pass must not even come.

Nobody waits for what is not to come longer than needed: all is sent by one processor, whose queues keep their order; so
when words sent afterwards, between every end and the node, have been to and fro some times, nothing sent before them is
still under way. What should have been answered and was not is asked again before it is called lost, and counted."""

import collections
import contextlib
import errno
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402

Cell = collections.namedtuple("Cell", "source to family protocol port via", defaults=[None])
SLOW = float(os.environ.get("KNET_SLOW", "1"))
PATIENCE = 3 * SLOW  # for an answer that should come
TALK = 9  # the port of words between an end and the node
TURNS = 4  # how often they go to and fro: a question takes two links, its answer two more
PORTS = (80, 81)
INIT, INIT_ACK = 1, 2
ECHO = {4: (8, 0), 6: (128, 129)}  # request, reply
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
FIRST, LAST = 10000, 60000  # source ports, in turn
CRC = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82f63b78 if _n & 1 else 0)
    CRC.append(_n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


def sctp(source, to, chunk, tag, own):
    """INIT or INIT ACK; the tag of an INIT is the question's number, which the ACK names as the one it answers."""
    head = struct.pack("!HHI", source, to, tag)
    body = struct.pack("!BBHIIHHI", chunk, 0, 20, own, 65536, 1, 1, 1)
    return head + struct.pack("<I", crc32c(head + bytes(4) + body)) + body


def ping(family, serial, number):
    data = struct.pack("!BBHHHQ", ECHO[family][0], 0, 0, serial & 0xffff, number & 0xffff, number)
    if family == 4:
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total & 0xffff) + (total >> 16)
        data = data[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + data[4:]
    return data


class End:
    """One namespace's sockets: serving on 80 and 81, and asking."""

    def __init__(self, prober, name, netns, ips):
        self.prober, self.name, self.netns, self.ips = prober, name, netns, ips  # ips: family -> address
        self.port, self.fds, self.raw, self.talk = FIRST, {}, {}, {}
        with inside(netns):
            for family in ips:
                self._serve(family)

    def _socket(self, family, kind, protocol, handler, port=0, *options):
        s = socket.socket(FAMILIES[family], kind, protocol)
        s.setblocking(False)
        for option in options:
            s.setsockopt(*option)
        s.bind((self.ips[family], port))
        self.fds[s.fileno()] = s
        self.prober.watch(s, handler)
        return s

    def _serve(self, family):
        big = (socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        for port in PORTS:
            s = self._socket(family, socket.SOCK_STREAM, 0, self._accept, port, (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1))
            s.listen(1024)
            self._socket(family, socket.SOCK_DGRAM, 0, self._echo, port, big)
        self.raw[family, "SCTP"] = self._socket(family, socket.SOCK_RAW, socket.IPPROTO_SCTP, self._sctp, 0, big)
        icmp = socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6
        self.raw[family, "ICMP"] = self._socket(family, socket.SOCK_RAW, icmp, self._icmp, 0, big)
        self.talk[family] = self._socket(family, socket.SOCK_DGRAM, 0, self._talked, TALK)

    def bind(self, s, family):
        """To the next port, the node may hold some; returns it."""
        while True:
            self.port = self.port + 1 if self.port < LAST else FIRST
            try:
                s.bind((self.ips[family], self.port))
                return self.port
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise

    # ---- what comes ----

    def _accept(self, s):
        connection, peer = s.accept()
        talk = self.prober.talks.get((self.name, peer[0], peer[1]))
        if talk:
            talk.taken(connection)
            return
        self.prober.came_by_tcp(self, peer)
        self.prober.open.append(connection)  # reset now, it could be over before its client knows that it stands

    def _echo(self, s):
        data, peer = s.recvfrom(64)
        talk = self.prober.talks.get(data)
        if talk:
            talk.came += len(data)
        else:
            self.prober.came(self, struct.unpack("!Q", data)[0])
        s.sendto(data, peer)

    def _sctp(self, s):
        data, peer = s.recvfrom(256)
        if s.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4:]
        if len(data) < 32:
            return
        source, to, tag = struct.unpack("!HHI", data[:8])
        if data[12] == INIT:
            own = struct.unpack("!I", data[16:20])[0]
            if to in PORTS:  # the link's own answers to itself come here too
                self.prober.came_by_tag(self, own)
                s.sendto(sctp(to, source, INIT_ACK, own, 1), (peer[0], 0))
        elif data[12] == INIT_ACK:
            self.prober.answered_by_tag(self, tag)

    def _icmp(self, s):
        data = s.recv(256)
        family = 4 if s.family == socket.AF_INET else 6
        if family == 4:
            data = data[(data[0] & 15) * 4:]
        if len(data) != 16 or data[0] not in ECHO[family]:
            return
        number = struct.unpack("!Q", data[8:])[0]
        (self.prober.came if data[0] == ECHO[family][0] else self.prober.answered)(self, number)

    def _talked(self, s):
        data, peer = s.recvfrom(64)
        if self.name == self.prober.node:
            s.sendto(data, peer)
        else:
            self.prober.talked(self.name, s.family, data)

    def close(self):
        for s in self.fds.values():
            self.prober.unwatch(s)
            s.close()


class Talk:
    """One connection that goes on, or datagrams from one port: a word out in each round and back; and one from the other
    end, who might try to go on with what was forbidden."""

    serial = 0

    def __init__(self, prober, cell, address):
        self.prober, self.cell, self.server = prober, cell, None
        self.said = self.came = self.back = 0  # bytes: sent, seen at the other end, returned
        self.doubtful, self.silent = False, 0  # was it ever forbidden; rounds since it is
        Talk.serial += 1
        self.word, end = struct.pack("!Q", 1 << 63 | Talk.serial), prober.ends[cell.source]
        with inside(end.netns):
            self.client = socket.socket(FAMILIES[cell.family], socket.SOCK_STREAM if cell.protocol == "TCP" else socket.SOCK_DGRAM)
        self.client.setblocking(False)
        port = end.bind(self.client, cell.family)
        self.key = (cell.to, end.ips[cell.family], port) if cell.protocol == "TCP" else self.word
        prober.talks[self.key] = self
        self.client.connect_ex((address, cell.port))
        prober.watch(self.client, self._returned)

    def taken(self, connection):
        self.server = connection
        connection.setblocking(False)
        self.prober.watch(connection, self._heard)

    def say(self):
        for s in (self.client, self.server):
            if s:
                with contextlib.suppress(OSError):
                    self.said += s.send(self.word)

    def _heard(self, s):
        data = s.recv(4096)
        self.came += len(data)
        if not data:
            self.prober.unwatch(s)
        s.send(data)

    def _returned(self, s):
        data = s.recv(4096)
        self.back += len(data)
        if not data:
            self.prober.unwatch(s)

    def close(self):
        del self.prober.talks[self.key]
        for s in (self.client, self.server):
            if s:
                self.prober.unwatch(s)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()


class Prober:
    def __init__(self, node):
        self.node = node  # the name of the end that all others can always talk to
        self.epoll, self.handlers, self.ends = select.epoll(), {}, {}
        self.serial, self.cells, self.expected = 0, [], {}
        self.arrived, self.answers, self.by_port, self.late = set(), set(), {}, []
        self.stopped = {}  # number -> cell, of the last rounds: what was not to pass
        self.words, self.word, self.asked, self.again, self.open = set(), 0, 0, 0, []
        self.talks = {}  # (end that is talked to, address and port of the other), or the word of datagrams -> Talk

    def add(self, name, netns, ips):
        self.ends[name] = End(self, name, netns, ips)

    def remove(self, name):
        self.ends.pop(name).close()

    def close(self):
        for talk in list(self.talks.values()):
            talk.close()
        for name in list(self.ends):
            self.remove(name)
        self.epoll.close()

    def watch(self, s, handler, events=select.EPOLLIN):
        self.epoll.register(s.fileno(), events)
        self.handlers[s.fileno()] = (s, handler)

    def unwatch(self, s):
        if self.handlers.pop(s.fileno(), None):
            self.epoll.unregister(s.fileno())

    def poll(self, seconds):
        """Everything that has come by now; waits so long for something to come."""
        while True:
            events = self.epoll.poll(seconds, 256)
            for fd, _ in events:
                s, handler = self.handlers.get(fd, (None, None))
                if s:
                    with contextlib.suppress(BlockingIOError, OSError):
                        handler(s)
            if not events or seconds:
                return bool(events)

    # ---- what the ends tell ----

    def came(self, end, number):
        """A question is at its end: of this round, or of one before, which had been thought stopped."""
        serial, index = number >> 32, number & 0xffffffff
        if serial == self.serial:
            cell = self.cells[index]
            if end.name == cell.to:
                self.arrived.add(cell)
            else:
                self.late.append(f"{show(cell)}: came to {end.name}")
        elif number in self.stopped:
            self.late.append(f"{show(self.stopped[number])}: came late, and must not pass")

    def answered(self, end, number):
        if number >> 32 == self.serial and self.cells[number & 0xffffffff].source == end.name:
            self.answers.add(self.cells[number & 0xffffffff])

    def came_by_tcp(self, end, peer):
        cell = self.by_port.get((end.name, peer[0], peer[1]))
        if cell:
            self.arrived.add(cell)

    def came_by_tag(self, end, tag):
        self.came(end, self.number(tag))

    def answered_by_tag(self, end, tag):
        self.answered(end, self.number(tag))

    def number(self, tag):
        """The question of which an SCTP tag has the last bits; tags are 32 bits and not 0."""
        serial = (self.serial & ~0xffff) | (tag >> 16)
        return (serial if serial <= self.serial else serial - 0x10000) << 32 | (tag & 0xffff)

    def talked(self, name, family, data):
        if data == b"%d" % self.word:
            self.words.discard((name, family))

    # ---- asking ----

    def _connected(self, cell):
        def told(s):
            if not s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.answers.add(cell)
            self.unwatch(s)
        return told

    def _heard(self, end):
        def told(s):
            self.answered(end, struct.unpack("!Q", s.recv(64))[0])
        return told

    def _connect(self, end, cell, address):
        s = socket.socket(FAMILIES[cell.family], socket.SOCK_STREAM)
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.open.append(s)
        port = end.bind(s, cell.family)
        self.by_port[cell.to, end.ips[cell.family], port] = cell
        s.connect_ex((address, cell.port))
        self.watch(s, self._connected(cell), select.EPOLLOUT)

    def _datagrams(self, end, family):
        s = socket.socket(FAMILIES[family], socket.SOCK_DGRAM)
        s.setblocking(False)
        self.watch(s, self._heard(end))
        self.open.append(s)
        return s, end.bind(s, family)

    def _ask(self, end, family, cells):
        """One end's questions of one family: (index, cell, address)."""
        udp, port = self._datagrams(end, family)
        for index, cell, address in cells:
            number = self.serial << 32 | index
            if not self.expected[cell]:
                self.stopped[number] = cell
            if cell.protocol == "TCP":
                self._connect(end, cell, address)
            elif cell.protocol == "UDP":
                udp.sendto(struct.pack("!Q", number), (address, cell.port))
            elif cell.protocol == "SCTP":
                tag = (self.serial & 0xffff) << 16 | index
                end.raw[family, "SCTP"].sendto(sctp(port, cell.port, INIT, 0, tag), (address, 0))
            else:
                end.raw[family, "ICMP"].sendto(ping(family, self.serial, number), (address, 0))

    def _settle(self):
        """Until nothing that was sent can still be under way."""
        for _ in range(TURNS):
            self.word += 1
            self.words = {(e.name, FAMILIES[f]) for e in self.ends.values() for f in e.ips if e.name != self.node}
            for e in self.ends.values():
                for family, s in e.talk.items():
                    if e.name != self.node:
                        s.sendto(b"%d" % self.word, (self.ends[self.node].ips[family], TALK))
            end = time.monotonic() + PATIENCE
            while self.words and time.monotonic() < end:
                self.poll(0.05)
            assert not self.words, f"no words with the node: {sorted(self.words)}"
        while self.poll(0):
            pass

    def round(self, expected, address, patience=PATIENCE):
        """Asks each cell once; expected: cell -> does it pass; address(cell): where that is."""
        self.serial += 1
        self.cells, self.expected = list(expected), expected
        self.arrived, self.answers, self.by_port = set(), set(), {}
        if len(self.stopped) > 20000:
            self.stopped.clear()
        self.asked += len(self.cells)
        by_end = {}
        for index, cell in enumerate(self.cells):
            by_end.setdefault(cell.source, {}).setdefault(cell.family, []).append((index, cell, address(cell)))
        for source, families in by_end.items():
            with inside(self.ends[source].netns):
                for family, cells in families.items():
                    self._ask(self.ends[source], family, cells)
            self.poll(0)
        wanted = {cell for cell, passes in expected.items() if passes}
        for talk in self.talks.values():
            talk.say()
        end = time.monotonic() + patience
        while not wanted <= self.answers and time.monotonic() < end:
            self.poll(0.05)
        self._settle()
        for s in self.open:
            self.unwatch(s)
            s.close()
        self.open = []

    def look(self, expected, address, tries=3):
        """What is not as expected, as lines; what should pass and did not is asked again."""
        wrong, todo, first = [], expected, True
        with one_processor():
            while todo and tries:
                self.round(todo, address)
                if first:
                    whole, first = todo, False
                wrong += [f"{show(cell)}: must not pass, but " + ("answered" if cell in self.answers else "came")
                          for cell, passes in todo.items() if not passes and (cell in self.arrived or cell in self.answers)]
                wrong, self.late = wrong + self.late, []
                todo = {cell: True for cell, passes in todo.items() if passes and cell not in self.answers}
                tries -= 1
                self.again += len(todo)
        return wrong + [f"{show(cell)}: must pass, but " + ("its answer did not" if cell in self.arrived else "did not come") for cell in todo]


def show(cell):
    via = f" by {cell.via}" if cell.via else ""
    return f"{cell.source} -> {cell.to}{via} {cell.protocol}{'' if cell.port is None else ' ' + str(cell.port)} IPv{cell.family}"


@contextlib.contextmanager
def one_processor():
    """This thread alone; processes that are started inside would inherit it."""
    had = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(had)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, had)
