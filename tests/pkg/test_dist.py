"""make dist: what is given away is whole, is the same each time, and installs."""

import gzip
import json
import os
import shutil
import subprocess
import tarfile

import pytest

from kit import ARCH, ROOT, documents, run, tree

DEB = {"x86_64": "amd64", "aarch64": "arm64"}.get(ARCH, ARCH)


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The release of this machine's architecture, made twice: by two people."""
    made = []
    for who in ({"LC_ALL": "C.UTF-8", "TZ": "UTC"}, {"LC_ALL": "C", "TZ": "Asia/Tokyo"}):
        old = os.umask(0o077 if made else 0o022)
        run("make", "-s", "dist", f"DIST_ARCHES={ARCH}", **who)
        os.umask(old)
        made.append(tmp_path_factory.mktemp("dist"))
        shutil.copytree(os.path.join(ROOT, "build", "dist"), made[-1], dirs_exist_ok=True)
    return made


def named(folder, end):
    found = [name for name in os.listdir(folder) if name.endswith(end)]
    assert len(found) == 1, (end, found)
    return os.path.join(folder, found[0])


def test_two_people_make_the_same_bytes(dist):
    first, second = ({name: open(os.path.join(d, name), "rb").read() for name in sorted(os.listdir(d))} for d in dist)
    assert first.keys() == second.keys() and len(first) == 6
    assert [name for name in first if first[name] != second[name]] == []


def test_sums_are_right(dist):
    out = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=dist[0], check=True, capture_output=True, text=True).stdout
    assert out.count(": OK") == 5


def test_source_is_what_is_committed(dist):
    with tarfile.open(named(dist[0], ".tar.gz")) as tar:
        names = [m.name for m in tar.getmembers() if m.isfile()]
    top = {name.split("/")[0] for name in names}
    assert len(top) == 1 and top.pop().startswith("knetd-0.")
    committed = run("git", "ls-tree", "-r", "--name-only", "HEAD").split()
    assert sorted(name.split("/", 1)[1] for name in names) == sorted(committed)


def test_binary_runs_and_is_static(dist):
    binary = named(dist[0], f"-{ARCH}")
    assert run(binary, "-V").startswith("knetd 0.")
    assert "INTERP" not in run("readelf", "-lW", binary) and "NEEDED" not in run("readelf", "-dW", binary)


def test_debug_information_belongs_to_the_binary(dist):
    def build_id(path):
        return run("readelf", "-nW", path).split("Build ID:")[1].split()[0]
    assert build_id(named(dist[0], f"-{ARCH}")) == build_id(named(dist[0], ".dbg"))
    assert ".debug_info" in run("readelf", "-SW", named(dist[0], ".dbg"))


def test_package_says_what_it_is(dist):
    deb = named(dist[0], ".deb")
    assert run("dpkg-deb", "-f", deb, "Package", "Architecture") == f"Package: knetd\nArchitecture: {DEB}\n"
    run("lintian", "--fail-on", "error,warning", "--no-tag-display-limit", "--allow-root", deb)


def dpkg(root, *words):
    return run("dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends", *words)


def test_package_installs_upgrades_and_goes(dist, tmp_path):
    deb = named(dist[0], ".deb")
    for d in ("var/lib/dpkg/info", "var/lib/dpkg/updates"):
        os.makedirs(tmp_path / d)
    (tmp_path / "var/lib/dpkg/status").touch()
    dpkg(tmp_path, "-i", deb)
    found = {path: told for path, told in tree(tmp_path).items() if not path.startswith("/var/lib/dpkg")}
    doc = "/usr/share/doc/knetd"
    assert found == {
        "/usr/sbin/knetd": "755", "/usr/bin/knetctl": "../sbin/knetd", "/usr/lib/cni/knet": "../../sbin/knetd",
        "/usr/lib/cni/loopback": "/usr/sbin/knetd", "/opt/cni/bin/knet": "/usr/sbin/knetd", "/opt/cni/bin/loopback": "/usr/sbin/knetd",
        "/etc/knetd.ini": "644", "/etc/cni/net.d/10-knet.conflist": "644", f"{doc}/examples/openrc": "644",
        "/usr/lib/systemd/system/knetd.service": "644", "/usr/share/lintian/overrides/knetd": "644",
        "/usr/share/man/man1/knetctl.1.gz": "644", "/usr/share/man/man5/knetd.ini.5.gz": "644", "/usr/share/man/man8/knet.8.gz": "644",
        "/usr/share/man/man8/knetd.8.gz": "644", f"{doc}/README.md": "644", f"{doc}/NEWS.md.gz": "644", f"{doc}/changelog.gz": "644",
        f"{doc}/copyright": "644", f"{doc}/containerd.toml": "644", **documents(doc)}
    assert run(f"{tmp_path}/usr/bin/knetctl", "help") and run(f"{tmp_path}/usr/sbin/knetd", "-t", "-c", f"{tmp_path}/etc/knetd.ini")
    with gzip.open(f"{tmp_path}/usr/share/man/man8/knetd.8.gz", "rt") as f:
        assert ".Nm knetd" in f.read()
    with open(tmp_path / "etc/knetd.ini", "a", encoding="utf-8") as f:
        f.write("# mine\n")
    dpkg(tmp_path, "-i", deb)
    assert (tmp_path / "etc/knetd.ini").read_text().endswith("# mine\n")
    os.makedirs(tmp_path / "var/lib/knetd")
    dpkg(tmp_path, "-r", "knetd")
    left = {path for path in tree(tmp_path) if not path.startswith("/var/lib/dpkg")}
    assert left == {"/etc/knetd.ini", "/etc/cni/net.d/10-knet.conflist"}
    dpkg(tmp_path, "-P", "knetd")
    assert {path for path in tree(tmp_path) if not path.startswith("/var/lib/dpkg")} == set()
    assert not (tmp_path / "var/lib/knetd").exists() and not (tmp_path / "opt/cni").exists()


def pins():
    with open(os.path.join(ROOT, "deps", "pins"), encoding="utf-8") as f:
        lines = [line.split() for line in f if line.strip() and not line.startswith("#")]
    return [p for p in lines if p[2] in ("tar", "diff", ARCH) and p[0] not in ("cmocka", "dhcpcd")]


def test_spdx_lists_what_is_linked(dist):
    with open(named(dist[0], ".spdx.json"), encoding="utf-8") as f:
        document = json.load(f)
    packages = {p["SPDXID"]: p for p in document["packages"]}
    sums = {c["checksumValue"] for p in packages.values() for c in p.get("checksums", [])}
    assert {p[5] for p in pins()} < sums
    linked = {packages[r["relatedSpdxElement"]]["name"] for r in document["relationships"] if r["relationshipType"] == "STATIC_LINK"}
    assert linked == {"musl", "libmnl", "libnftnl", "bearssl", "inih", "yyjson", "libyaml", "lmdb", "nghttp2", "zlib", "libgcc"}
    mine = packages[f"SPDXRef-knetd-{ARCH.replace('_', '-')}"]
    assert mine["checksums"][0]["checksumValue"] == run("sha256sum", named(dist[0], f"-{ARCH}")).split()[0]
    assert mine["licenseDeclared"] == "GPL-2.0-or-later"


def test_spdx_is_valid(dist):
    """By the judgement of SPDX's own tools."""
    run("tests/fetch-client.sh", "spdx")
    run("/usr/bin/python3", "-c", "from spdx_tools.spdx.clitools.pyspdxtools import main; main()",
        "-i", named(dist[0], ".spdx.json"), "--version", "SPDX-2.3", PYTHONPATH=os.path.join(ROOT, "build", "clients", "spdx"))
