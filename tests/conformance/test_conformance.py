"""The Gateway API's conformance suite, for every feature that knetd's GatewayClass claims: run.py runs it, this judges it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run  # noqa: E402
from gaps import GAPS, SLOW  # noqa: E402

AT_LEAST = 120  # of the 129 that are run: the suite has not ended halfway


@pytest.fixture(scope="module")
def results():
    if why := run.missing():
        pytest.skip(why)
    found = run.run(skip=SLOW)
    assert found, f"the suite did not begin: {run.OUT}/suite.log"
    return found


def test_what_fails_is_known(results):
    failed = {r["name"] for r in results if r["result"] == "fail"}
    assert failed <= GAPS.keys(), f"{sorted(failed - GAPS.keys())}: see {run.OUT}/suite.log"


def test_what_is_known_fails(results):
    """A gap that has closed is no longer listed."""
    passed = {r["name"] for r in results if r["result"] == "pass"}
    assert not passed & GAPS.keys()
    assert not GAPS.keys() - {r["name"] for r in results}, "no such tests"


def test_enough_was_run(results):
    assert sum(r["result"] == "pass" for r in results) >= AT_LEAST


def test_every_pod_ran(results):
    with open(os.path.join(run.OUT, "suite.log"), encoding="utf-8") as f:
        assert "Pods that did not run" not in f.read()
