"""Tests of the conformance suite that knetd is known to fail, with the reason. One that passes has to be taken off."""

GAPS = {
}

# Tests that take long for what they show: run.py runs them, test_conformance.py does not.
SLOW = {
}
