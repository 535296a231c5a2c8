#!/usr/bin/python3
"""Cluster DNS under load while everything changes (tests/dns_soak.py), for minutes.

    tests/bench/dns_soak.py [MINUTES]       as root; default 5

Ends with 1 when an answer was wrong or more was lost than killed workers had in their hands."""

import os
import sys

# in place of this directory, whose dns.py is not the dns that tests need
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
from dns_soak import main  # noqa: E402

sys.exit(main())
