"""Every rule of gateway_table.py, with real packets: one daemon, a few echo pods, a client that sees each byte."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gateway_table import GROUPS  # noqa: E402
from gateway_world import living  # noqa: E402


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with living(str(tmp_path_factory.mktemp("certs"))) as w:
        yield w


@pytest.fixture(scope="module")
def at(world):
    """Makes the group's objects, and deletes those of the group before."""
    there, refused = [], {}

    def go(group):
        if not there or there[0] is not group:
            leave()
            there.append(group)
            try:
                for o in group["objects"]:
                    world.make(o)
            except AssertionError as e:
                refused[group["name"]] = str(e)
        assert group["name"] not in refused, refused[group["name"]]
        return world

    def leave():
        for group in there:
            for o in reversed(group["objects"]):
                world.drop(o)
                if o["kind"] == "Gateway":
                    world.addresses.pop((o["metadata"]["namespace"], o["metadata"]["name"]), None)
        there.clear()

    yield go
    leave()


CASES = [(g, r) for g in GROUPS for r in g["rows"]]


@pytest.mark.parametrize("group, row", CASES, ids=[f"{g['name']}: {r.name}" for g, r in CASES])
def test_row(at, group, row):
    row.ask(at(group))
