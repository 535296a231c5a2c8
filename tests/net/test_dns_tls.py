"""DNS over TLS to upstreams: good ones by name and by pin, and all that must not be believed. Nothing is ever sent in clear."""

import base64
import datetime
import hashlib
import os
import signal
import socket
import sys

import dns.message
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd  # noqa: E402
from hostile_upstream import Upstreams  # noqa: E402
from test_dns import V4, ask, data, dial, rcode  # noqa: E402
from test_dns_forward import until  # noqa: E402

NAME = "dns.test"
DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, directory, name, key=None):
        self.directory, self.name = directory, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.cert = self.sign(self.name, self.key, ca=True)
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, ca=False, names=(), begin=-1, end=30):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now + begin * DAY).not_valid_after(now + end * DAY)
                   .add_extension(x509.BasicConstraints(ca, None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, label, names=(NAME,), key=None, **options):
        """Files of certificate and key, and the key's pin."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        cert = self.sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)]), key, names=names, **options)
        files = self.directory / f"{label}.crt", self.directory / f"{label}.key"
        files[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return ",".join(map(str, files)), "pin-sha256=" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


# Stub domain: address, what stands in the configuration behind the address, why it fails (None: it is good).
CASES = {
    "byname": ("127.0.2.1", f"#{NAME}", None),
    "bypin": ("127.0.2.2", "#{pin}", None),
    "both": ("127.0.2.3", f"#{NAME}#{{pin}}", None),
    "rsa": ("127.0.2.4", f"#{NAME}", None),
    "oldpinned": ("127.0.2.5", "#{pin}", None),  # a pin vouches for the key, whatever the certificate says
    "wrongname": ("127.0.2.6", "#other.example", "not for that name"),
    "wrongpin": ("127.0.2.7", "#pin-sha256=" + "A" * 43 + "=", "none of the pinned"),
    "goodnamewrongpin": ("127.0.2.8", f"#{NAME}#pin-sha256=" + "A" * 43 + "=", "none of the pinned"),
    "wrongnamegoodpin": ("127.0.2.9", "#other.example#{pin}", "not for that name"),
    "expired": ("127.0.2.10", f"#{NAME}", "expired"),
    "early": ("127.0.2.11", f"#{NAME}", "not valid yet"),
    "stranger": ("127.0.2.12", f"#{NAME}", "no known authority"),
    "modern": ("127.0.2.13", f"#{NAME}", "handshake"),
    "plain": ("127.0.2.14", f"#{NAME}", "handshake"),
    "close": ("127.0.2.15", f"#{NAME}", "closes the connection"),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    ca, stranger = Authority(directory, "ca"), Authority(directory, "stranger")
    made = {case: ca.server(case) for case in CASES}
    made["rsa"] = ca.server("rsa", key=rsa.generate_private_key(65537, 2048))
    made["oldpinned"] = ca.server("oldpinned", begin=-9, end=-1)
    made["expired"] = ca.server("expired", begin=-9, end=-1)
    made["early"] = ca.server("early", begin=1)
    made["stranger"] = stranger.server("stranger")
    made["modern"] = made["modern"][0] + ",1.3", ""
    made["plain"] = made["close"] = None
    stubs = ", ".join(f"{case}.x tls://{address}{proof.format(pin=made[case][1] if made[case] else '')}"
                      for case, (address, proof, _) in CASES.items())
    assert len(stubs) < 980  # a line of the file
    knetd = Knetd(ini=f"[dns]\nupstreams = 127.0.2.99\ntls_ca = {ca.path}\nstub_domains = {stubs}\n")
    try:
        with Upstreams(knetd, *(f"{address}={made[case][0] if made[case] else case}" for case, (address, _, _) in CASES.items())) as up:
            knetd.start()
            yield knetd, up
    finally:
        knetd.close()


@pytest.mark.parametrize("case", [case for case, (_, _, why) in CASES.items() if not why])
def test_good(lab, case):
    knetd, up = lab
    address = CASES[case][0]
    assert data(ask(knetd, f"www.{case}.x.")) == ["192.0.2." + address.split(".")[-1]]
    seen = up.asked(address=address)
    assert seen and {q[0] for q in seen} == {"tls"}
    assert all(q[5] % 128 == 0 for q in seen if q[2].startswith("www"))  # RFC 8467


@pytest.mark.parametrize("case", [case for case, (_, _, why) in CASES.items() if why])
def test_bad(lab, case):
    knetd, up = lab
    address, _, why = CASES[case]
    assert rcode(ask(knetd, f"www.{case}.x.")) == "SERVFAIL"
    assert up.asked(address=address) == []  # neither in clear nor otherwise
    until(lambda: any(why in line and f"upstream tls://{address}:853" in line for line in knetd.logged().splitlines()))


def test_connection_is_shared_and_renewed(lab):
    knetd, up = lab
    address = CASES["byname"][0]
    sockets = [dial(knetd, V4, socket.SOCK_DGRAM) for _ in range(40)]
    before = up.opened(address)
    for i, s in enumerate(sockets):
        s.sendto(dns.message.make_query(f"slow-300-{i}.byname.x.", "A").to_wire(), (V4, 53))
    for s in sockets:
        assert data(dns.message.from_wire(s.recv(2000))) == ["192.0.2.1"]  # in any order, told apart by their ids
        s.close()
    assert up.opened(address) - before <= 2
    assert len(data(ask(knetd, "big.byname.x.", tcp=True))) == 300
    up.set(address, "shut")  # existing connections stay, new ones are refused
    up.set(address, "ok")
    with dial(knetd, V4, socket.SOCK_DGRAM) as s:
        s.sendto(dns.message.make_query("hangup.byname.x.", "A").to_wire(), (V4, 53))
        assert rcode(ask(knetd, "after.byname.x.")) == "NOERROR"
    assert data(ask(knetd, "later.byname.x.")) == ["192.0.2.1"]


def test_good_one_beside_a_bad_one_and_authorities_that_change(tmp_path):
    ca, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(other.path.read_bytes())
    first, second = ca.server("first"), other.server("second")
    knetd = Knetd(ini=f"[dns]\nupstreams = tls://127.0.2.1#{NAME}, tls://127.0.2.2#{NAME}\ntls_ca = {bundle}\n")
    try:
        with Upstreams(knetd, f"127.0.2.1={first[0]}", f"127.0.2.2={second[0]}") as up:
            knetd.start()
            assert data(ask(knetd, "a.example.")) == ["192.0.2.2"]
            bundle.write_bytes(ca.path.read_bytes() + other.path.read_bytes())
            os.kill(knetd.process.pid, signal.SIGHUP)
            names = iter(range(1000))
            until(lambda: data(ask(knetd, f"b{next(names)}.example.")) == ["192.0.2.1"])
            assert not [q for q in up.asked() if q[0] != "tls"]
    finally:
        knetd.close()


def test_no_authorities():
    knetd = Knetd(ini=f"[dns]\nupstreams = tls://127.0.2.1#{NAME}\ntls_ca = /nowhere/ca.pem\n")
    try:
        knetd.start()
        assert "[dns] tls_ca /nowhere/ca.pem" in knetd.logged()
        assert rcode(ask(knetd, "a.example.")) == "SERVFAIL"
    finally:
        knetd.close()
