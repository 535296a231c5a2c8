"""Fixtures of the tests that run a daemon: `knetd` one a file, `knetd_factory` as many as a test wants."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd  # noqa: E402


@pytest.fixture(scope="module")
def knetd():
    with Knetd() as daemon:
        yield daemon


@pytest.fixture
def knetd_factory():
    started = []

    def make(before=lambda daemon: None, **options):
        daemon = Knetd(**options)
        started.append(daemon)
        before(daemon)
        return daemon.start()

    yield make
    for daemon in started:
        daemon.close()
