"""A binary that takes over holds what the one before it held, and no more: however often that happens."""

import collections
import os
import re
import signal

from pods import eventually


def descriptors(knetd):
    found, folder = collections.Counter(), f"/proc/{knetd.process.pid}/fd"
    for fd in os.listdir(folder):
        try:
            found[re.sub(r"socket:.*|\d+", "", os.readlink(f"{folder}/{fd}"))] += 1
        except FileNotFoundError:
            pass  # of a connection that was just closed
    return {what: n for what, n in found.items() if what}


def take_over(knetd):
    before = knetd.logged().count(": ready on")
    knetd.process.send_signal(signal.SIGUSR2)
    eventually(lambda: knetd.logged().count(": ready on") > before, 60)


def test_nothing_piles_up(knetd):
    take_over(knetd)
    seen = [descriptors(knetd)]
    eventually(lambda: seen.append(descriptors(knetd)) or seen[-1] == seen[-2], 20, 0.5)
    for _ in range(3):
        take_over(knetd)
    eventually(lambda: seen.append(descriptors(knetd)) or all(n <= seen[0].get(what, 0) for what, n in seen[-1].items()), 20, 0.5)
