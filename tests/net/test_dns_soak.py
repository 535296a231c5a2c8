"""Twenty seconds of the soak (tests/dns_soak.py): what stays is answered rightly, whatever
changes around it and whoever dies."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from dns_soak import WINDOW, Soak  # noqa: E402


@pytest.fixture
def soak():
    s = Soak()
    yield s
    s.close()


def test_soak(soak):
    r = soak.run(20)
    assert r["wrong"] == []
    assert r["asked"] > 5000 and soak.counts["services"] > 5, (r["asked"], soak.counts)
    # a killed worker takes with it what the kernel had given it: of one window, at most
    assert r["lost"] <= WINDOW * soak.counts["workers killed"]
    for who, (kb, files) in r["before"].items():
        kb_after, files_after = r["after"][who]
        assert files_after <= files + 2, (who, r)  # a connection of the API may be open at either moment
        assert kb_after <= kb * 1.1 + 512, (who, r)
