"""Real kubectls, of two Debian releases, over HTTPS with the kubeconfig the daemon made: kubectl_cases.py."""

import json
import os
import re
import shlex
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import kubectl as client_of  # noqa: E402
from daemon import Knetd  # noqa: E402
from kubectl_cases import CASES, NEW, OLD  # noqa: E402

KUSTOMIZATION = "configMapGenerator:\n- {name: from-kustomize, literals: [a=b]}\n"


class Kubectl:
    def __init__(self, daemon, version, home):
        self.daemon, self.binary, self.home = daemon, client_of(version), str(home)

    def run(self, args, stdin=None, env=None):
        return subprocess.run([*self.daemon.enter, self.binary, *args], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                              env=dict(os.environ, HOME=self.home, KUBECONFIG=f"{self.daemon.dir}/run/kubeconfig", **(env or {})))


@pytest.fixture(scope="module")
def kubectl(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "kustomization.yaml").write_text(KUSTOMIZATION)
    with Knetd() as daemon:
        yield Kubectl(daemon, request.param, home)


def texts(value):
    return [value] if isinstance(value, str) else value


def check(r, expect, fill):
    out, code = r.stdout + r.stderr, expect.get("code", 0)
    said = f"{' '.join(r.args[4:])}\n{out}"
    assert code is None or r.returncode == code, f"exit {r.returncode}, not {code}: {said}"
    for text in texts(expect.get("has", [])):
        assert fill(text) in out, f"{text!r} is missing: {said}"
    for text in texts(expect.get("hasnt", [])):
        assert fill(text) not in out, f"{text!r} should not be there: {said}"
    if "like" in expect:
        assert re.fullmatch(fill(expect["like"]), out), f"not like {expect['like']!r}: {said}"
    if "json" in expect:
        assert expect["json"](json.loads(r.stdout)), said


ROWS = [(version, case) for version in (OLD, NEW) for case in CASES if version in case[1]]


@pytest.mark.parametrize("kubectl,case", ROWS, indirect=["kubectl"], ids=[f"{version} {case[0]}" for version, case in ROWS])
def test_case(kubectl, case):
    client, steps = kubectl, case[2]
    namespace = f"case-{CASES.index(case)}"
    words = {"NAMESPACE": namespace, "KUSTOMIZE": client.home}
    client.daemon.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def fill(text):
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    for args, expect in steps:
        argv = shlex.split(fill(args))
        env = {"KUBE_EDITOR": f"sed -i -e '{expect['edit']}'"} if "edit" in expect else None
        stdin = fill(expect["stdin"]) if "stdin" in expect else None
        argv = argv if "-n" in argv else [*argv, "-n", namespace]
        end = time.monotonic() + (10 if expect.get("until") else 0)
        while True:
            r = client.run(argv, stdin, env)
            try:
                check(r, expect, fill)
                break
            except AssertionError:
                if time.monotonic() >= end:
                    raise
        if "keep" in expect:
            words[expect["keep"]] = r.stdout
    client.daemon.api("DELETE", f"/api/v1/namespaces/{namespace}")
