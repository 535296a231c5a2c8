"""`node`: knetd and a containerd of each version, one a file, idle before and after."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import VERSIONS  # noqa: E402
from leftovers import Leftovers  # noqa: E402
from node import Node  # noqa: E402


@pytest.fixture(scope="module", params=VERSIONS)
def node(request):
    made = Node(request.param)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def idle(node):
    """What is there before a test is there after it, and nothing more."""
    state = Leftovers(node)
    yield state
    state.gone()
