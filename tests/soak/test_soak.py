"""A minute of the soak (soak.py), with what comes before and behind: no acknowledged write is lost, nothing forbidden passes, nothing is left over, and each fault
costs what it may and no more. KNETD_SOAK_SECONDS says how long, KNETD_SOAK_SEED repeats a run."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from soak import SEED, soak  # noqa: E402

SECONDS = float(os.environ.get("KNETD_SOAK_SECONDS", "40"))


def test_soak(capsys):
    with capsys.disabled():
        print()
        verdict, log = soak(SECONDS)
    counts = verdict.tally.counts
    assert counts["writes acknowledged"] > 20 and counts["ADD"] > 3 and counts["watch events"] > 20, counts
    assert len(verdict.tally.faults) > 5
    assert not verdict.problems, f"KNETD_SOAK_SEED={SEED}\n" + "\n".join(verdict.problems[:30]) + "\n" + log[-3000:]
