"""The clients people use, each fetched once by its own package manager and kept under build/clients."""

import os
import shutil
import subprocess
import sys

import pytest
from daemon import ROOT

CLIENTS = os.path.join(ROOT, "build", "clients")
KUBECTL = {"1.20": ("bookworm", "kubernetes-client"), "1.32": ("trixie", "kubectl")}


def kubectl(version):
    """The path of the kubectl of that version."""
    suite, package = KUBECTL[version]
    where = os.path.join(CLIENTS, f"kubectl-{suite}")
    subprocess.run([os.path.join(ROOT, "tests", "fetch-deb.sh"), suite, package, where], check=True)
    return os.path.join(where, "usr", "bin", "kubectl")


def client(which, needs):
    """Sees to it that the "go", "js", "python", "cnitool", "conformance" or "conformance-policy" client stands in CLIENTS; why it cannot, or None."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/local/go/bin"])
    if not shutil.which(needs, path=path):
        return f"no {needs} on this machine"
    try:
        r = subprocess.run([os.path.join(ROOT, "tests", "fetch-client.sh"), which], capture_output=True, text=True, timeout=1200, check=False)
    except subprocess.TimeoutExpired:
        return "its registry is too slow"
    return (r.stderr.strip()[-300:] or "fetch-client.sh failed") if r.returncode else None


def python_client():
    """The official Python client, importable from then on."""
    why = client("python", "python3")
    if why:
        pytest.skip(why, allow_module_level=True)
    sys.path.insert(0, os.path.join(CLIENTS, "python"))


def javascript_client():
    """A folder whose scripts can import @kubernetes/client-node."""
    why = client("js", "npm")
    if why:
        pytest.skip(why)
    return os.path.join(CLIENTS, "js")
