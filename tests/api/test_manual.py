"""The manual pages say what there is: every key of the configuration, every command, no markup that is wrong."""

import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = ["knet.8", "knetctl.1", "knetd.8", "knetd.ini.5"]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def test_every_key_has_its_place_and_default():
    ini, page = [], []
    for line in read("etc/knetd.ini").splitlines():
        if m := re.match(r"(\[\w+\]|\w+ =.*)$", line):
            ini.append(m.group(1).strip())
    for line in read("etc/man/knetd.ini.5").splitlines():
        if m := re.match(r"\.Ss (\[\w+\])$", line):
            page.append(m.group(1))
        elif m := re.match(r"\.It Cm (\w+) No =(?: Ar (.*))?$", line):
            page.append(f"{m.group(1)} = {m.group(2) or ''}".strip())
    assert page == ini


def test_every_command_is_told():
    page = read("etc/man/knetctl.1")
    table = re.search(r"ctl_command_name\[CTL_COMMANDS\] = \{(.*?)\};", read("knetd/ctl/args.c"), re.S).group(1)
    names = re.findall(r'= "([a-z-]+)"', table)
    assert len(names) >= 10
    for name in names:
        assert f".It Cm {name}" in page


def test_every_key_that_is_read_is_explained():
    code = set(re.findall(r'\b(?:KEY|LIVE_KEY)\((\w+), (\w+),', read("knetd/conf.c"))) | set(re.findall(
        r'^\t\{ "(\w+)", "(\w+)", \w+,', read("knetd/conf.c"), re.M))
    code -= {("section", "name")}  # of the macro itself
    section, told = None, set()
    for line in read("etc/knetd.ini").splitlines():
        if m := re.match(r"\[(\w+)\]", line):
            section = m.group(1)
        elif m := re.match(r"#? ?(\w+) =", line):
            told.add((section, m.group(1)))
    assert len(code) > 50 and not code - told


def test_every_flag_is_told():
    page = read("etc/man/knetctl.1")
    flags = re.findall(r'^\t\{ "([a-z-]+)", (?:\'(\w)\'|0), FLAG_', read("knetd/ctl/args.c"), re.M)
    assert len(flags) > 25
    for name, letter in flags:
        assert re.search(rf"[, ]-{name}\b", page), name
        assert not letter or name == "help" or f"Fl {letter}" in page, letter


def test_every_option_is_told():
    page = read("etc/man/knetd.8")
    letters = re.search(r'getopt\(argc, argv, "([\w:]+)"', read("knetd/main.c")).group(1).replace(":", "").replace("h", "")
    assert len(letters) > 5
    for letter in letters:
        assert f".It Fl {letter}" in page and f".Op Fl {letter}" in page + ".Op Fl V", letter


def test_every_code_and_variable_is_told():
    page = read("etc/man/knet.8")
    codes = [c for c in re.findall(r"^\tCNI_\w+ = (\d+)", read("include/knetd/cni.h"), re.M) if c != "0"]
    assert len(codes) >= 10
    told = re.findall(r"^\.It ([\d, ]+)$", page, re.M)
    assert set(codes) <= set(re.findall(r"\d+", " ".join(told)))
    assert "KNETD_SOCKET" in page and "KNETD_SOCKET" in read("etc/man/knetctl.1")


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_well_formed(page):
    path = os.path.join(ROOT, "etc", "man", page)
    if shutil.which("mandoc"):
        r = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True, check=False)
    elif shutil.which("groff"):
        r = subprocess.run(["groff", "-ww", "-mandoc", "-Tutf8", "-z", path], capture_output=True, text=True, check=False)
    else:
        pytest.skip("neither mandoc nor groff")
    assert r.returncode == 0 and not r.stdout + r.stderr
