"""A segment outside of the window of a connection through a Service does not end it (kubernetes/kubernetes#74839)."""

import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402
from pods import Pod  # noqa: E402


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def sent_so_far(tap, port, size):
    """Of the data segment of that size to the port: where its sender is, and where it believes the other."""
    while True:
        packet = tap.recv(2048)
        tcp = packet[(packet[0] & 15) * 4:]
        to, seq, ack = struct.unpack("!2xHII", tcp[:12])
        if to == port and len(tcp) - (tcp[12] >> 4) * 4 == size:
            return seq + size, ack


def stray_segment(source, target, seq, ack):
    """What is acknowledged is right, so that a reset in answer to it would count; the rest fits no window."""
    head = struct.pack("!HHIIBBHHH", source[1], target[1], (seq + (1 << 30)) % (1 << 32), ack % (1 << 32), 5 << 4, 0x10,
                       512, 0, 0)
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(target[0]) + struct.pack("!BBH", 0, 6, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def test_a_stray_segment_of_the_endpoint(knetd):
    client, server = Pod(knetd, "stray-c"), Pod(knetd, "stray-s", labels={"app": "stray"})
    try:
        status, made = knetd.api("POST", "/api/v1/namespaces/default/services", {
            "metadata": {"name": "stray"}, "spec": {"selector": {"app": "stray"}, "ports": [{"port": 80, "targetPort": 8080}]}})
        assert status == 201, made
        with inside(server.netns):
            listener = socket.create_server(("0.0.0.0", 8080))
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        with inside(client.netns):
            near = socket.create_connection((made["spec"]["clusterIP"], 80), 5)
        far, peer = listener.accept()
        far.settimeout(5)
        near.settimeout(5)
        near.sendall(b"before")
        assert far.recv(99) == b"before" and peer[0] == client.ip4
        ack, seq = sent_so_far(tap, 8080, len(b"before"))
        raw.sendto(stray_segment(far.getsockname(), peer, seq, ack), (peer[0], 0))
        near.sendall(b"behind")
        assert far.recv(99) == b"behind"
        far.sendall(b"answer")
        assert near.recv(99) == b"answer"
    finally:
        client.remove()
        server.remove()
