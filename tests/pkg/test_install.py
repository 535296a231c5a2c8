"""make install and make uninstall: every file, every link, nobody's changes lost."""

import os

from kit import ROOT, documents, run, tree

SHARE = "/usr/local/share"
INSTALLED = {
    "/usr/local/sbin/knetd": "755",
    "/usr/local/bin/knetctl": "../sbin/knetd",
    "/opt/cni/bin/knet": "/usr/local/sbin/knetd",
    "/opt/cni/bin/loopback": "/usr/local/sbin/knetd",
    "/etc/knetd.ini": "644",
    "/etc/cni/net.d/10-knet.conflist": "644",
    "/etc/systemd/system/knetd.service": "644",
    f"{SHARE}/man/man1/knetctl.1": "644",
    f"{SHARE}/man/man5/knetd.ini.5": "644",
    f"{SHARE}/man/man8/knet.8": "644",
    f"{SHARE}/man/man8/knetd.8": "644",
    f"{SHARE}/doc/knetd/README.md": "644",
    f"{SHARE}/doc/knetd/CHANGELOG.md": "644",
    f"{SHARE}/doc/knetd/LICENSE": "644",
    f"{SHARE}/doc/knetd/containerd.toml": "644",
}


def make(target, root, **settings):
    return run("make", "-s", target, f"DESTDIR={root}", *(f"{k}={v}" for k, v in settings.items()))


def text(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def test_every_file_comes_and_goes(tmp_path):
    os.umask(0o077)  # somebody careful installs: the files are everybody's all the same
    make("install", tmp_path)
    assert tree(tmp_path) == {**INSTALLED, **documents(f"{SHARE}/doc/knetd")}
    assert all(os.stat(d).st_mode & 0o777 == 0o755 for d, _, _ in os.walk(tmp_path) if d != str(tmp_path))
    assert "knetd 0." in run(f"{tmp_path}/usr/local/sbin/knetd", "-V")
    assert "knetctl" in run(os.path.join(tmp_path, "usr/local/bin/knetctl"), "help")
    make("install", tmp_path)  # again: an upgrade
    make("uninstall", tmp_path)
    assert tree(tmp_path) == {}
    assert not os.path.exists(f"{tmp_path}{SHARE}/doc/knetd") and not os.path.exists(f"{tmp_path}/etc/knetd")


def test_a_changed_configuration_stays(tmp_path):
    make("install", tmp_path)
    path = f"{tmp_path}/etc/knetd.ini"
    with open(path, "a", encoding="utf-8") as f:
        f.write("# mine\n")
    mine = text(path)
    assert "knetd.ini was changed here and stays" in make("install", tmp_path)
    assert text(path) == mine and text(path + ".new") == text(ROOT, "etc/knetd.ini")
    os.unlink(f"{tmp_path}/opt/cni/bin/loopback")
    os.symlink("/usr/lib/cni/loopback", f"{tmp_path}/opt/cni/bin/loopback")  # somebody else's by now
    assert "knetd.ini was changed here and stays" in make("uninstall", tmp_path)
    assert tree(tmp_path) == {"/etc/knetd.ini": "644", "/opt/cni/bin/loopback": "/usr/lib/cni/loopback"}


def test_another_prefix_is_meant_everywhere(tmp_path):
    make("install", tmp_path, PREFIX="/usr", INIT="openrc")
    found = tree(tmp_path)
    assert found["/opt/cni/bin/knet"] == "/usr/sbin/knetd" and found["/etc/init.d/knetd"] == "755"
    assert "ExecStart=/usr/sbin/knetd -c" in text(tmp_path, "usr/lib/systemd/system/knetd.service")
    assert "command=/usr/sbin/knetd" in text(tmp_path, "etc/init.d/knetd")
    for path, mode in found.items():
        if mode in ("644", "755") and not path.startswith("/usr/s"):
            assert "/usr/local/sbin/knetd" not in text(f"{tmp_path}{path}"), path
