"""The official JavaScript client against the HTTPS door; what it does is in javascript_client.mjs."""

import os
import shutil
import subprocess

import pytest

from clients import javascript_client
from daemon import Knetd

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "javascript_client.mjs")


@pytest.fixture(scope="module")
def node():
    with Knetd() as daemon:
        yield daemon


@pytest.mark.parametrize("part", ["typed", "byKind", "watched"])
def test_what_a_program_does(node, part):
    script = shutil.copy(SCRIPT, javascript_client())  # imports are looked up from where the script is
    r = subprocess.run([*node.enter, "node", script, part], capture_output=True, text=True, timeout=60, check=False,
                       env=dict(os.environ, KUBECONFIG=f"{node.dir}/run/kubeconfig"))
    assert (r.returncode, r.stdout) == (0, "ok\n"), r.stderr
