#!/usr/bin/python3
"""The soak: everything knetd does, under traffic, while everything that can happen to a node happens to it.

    tests/soak/soak.py [SECONDS]        KNETD_SOAK_SEED repeats what was drawn; KNETD_SOAK_ONLY=FAULT,FAULT draws of these alone

Prints a table of what each kind of fault cost, and what was wrong; build/soak.json (KNETD_SOAK_REPORT) has the same for programs.
The clock is set only where KNETD_SOAK_CLOCK=1 says that the machine is ours (the test machine: vm/flows.sh)."""

import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from soak_world import SLOW, World  # noqa: E402
import soak_account as account  # noqa: E402
from soak_faults import CLOCK, Faults, allowed  # noqa: E402
from soak_ledger import Api, Ledger, Watcher  # noqa: E402
from soak_pods import Runtime  # noqa: E402
from soak_tally import Tally, Verdict  # noqa: E402
from soak_traffic import Loop, Traffic  # noqa: E402
from daemon import ROOT  # noqa: E402
from pods import eventually  # noqa: E402

SEED = int(os.environ.get("KNETD_SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
REPORT = os.environ.get("KNETD_SOAK_REPORT", os.path.join(ROOT, "build", "soak.json"))
WRITERS, RUNTIMES = 3, 2


class Soak:
    def __init__(self, world):
        self.world, self.knetd, self.tally = world, world.knetd, Tally()
        draw = random.Random(SEED)
        self.traffic = Traffic(world, self.tally)
        self.ledgers = [Ledger(self.knetd, self.tally, f"w{n}", draw.random()) for n in range(WRITERS)]
        self.runtimes = [Runtime(world, self.tally, draw.random()) for _ in range(RUNTIMES)]
        for one in self.runtimes:
            one.theirs = lambda one=one: set().union(*(other.held() for other in self.runtimes if other is not one))
        self.watcher = Watcher(self.knetd, self.tally)
        self.faults = Faults(world, self.tally, self.runtimes, draw.random())
        only = os.environ.get("KNETD_SOAK_ONLY")
        if only:
            self.faults.kinds = {k: self.faults.kinds[k] for k in only.split(",")}
        self.loops = []

    def living(self):
        return {ip for pod in self.world.pods.values() for ip in pod.ips}

    def churn(self):
        """The writers and runtimes begin, or go on."""
        self.loops = [Loop(self.tally, None, one.step, 0.02) for one in self.ledgers] + [Loop(self.tally, None, one.step, 0.05) for one in self.runtimes]
        for one in self.loops:
            one.start()

    def rest(self):
        """They stop, and what they made goes."""
        for one in self.loops:
            one.over.set()
        for one in self.loops:
            one.join(60 * SLOW)
        for one in (*self.ledgers, *self.runtimes):
            one.clear()

    def weighed(self, seconds):
        """What everything weighs when writers and pods have come and gone for a while."""
        self.churn()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            self.world.stub.seen()  # as in recover()
        self.rest()
        return self.at_rest(), account.weights(self.knetd)

    def at_rest(self):
        """Links go a moment after their pods: what is there when nothing changes any more."""
        last, now = None, account.kernel(self.knetd, self.living())
        while now != last:
            time.sleep(SLOW)
            last, now = now, account.kernel(self.knetd, self.living())
        return now

    def settled(self, before):
        """Links go a moment after their pods, the kernel's own routes with them: then what is there must be what was."""
        def same():
            return not account.grown(before, account.kernel(self.knetd, self.living()))
        try:
            eventually(same, 20 * SLOW, 0.5)
        except AssertionError:
            now = account.kernel(self.knetd, self.living())
            self.tally.wrong += [f"left over: {x}" for x in account.grown(before, now)]
            self.tally.wrong += account.connections_of_nobody(self.knetd, self.living())[:5]

    def run(self, seconds):
        part = min(max(seconds * 0.1, 3), 30)
        self.watcher.start()
        self.traffic.start()
        kernel, first = self.weighed(part)
        self.churn()
        end = time.monotonic() + seconds - 3 * part
        while time.monotonic() < end:
            self.faults.pause(0.4)
            self.faults.next()
        self.rest()
        self.still_passing()
        self.settled(kernel)
        _, before = self.weighed(part)
        _, after = self.weighed(part)
        self.tally.wrong += [f"grown without faults: {x}" for x in account.heavier(before, after)]
        self.tally.wrong += [f"grown over the run: {x}" for x in account.heavier(first, after)]
        api = Api(self.knetd)
        self.watcher.judge(self.ledgers, api)
        api.close()
        self.traffic.stop()
        self.weights = {"first": first, "before": before, "after": after}
        self.settled(kernel)
        return Verdict(self.tally, allowed(self.knetd))

    def still_passing(self):
        """Connections that slipped in while there were no rules: what is forbidden has been cut since."""
        for one in self.traffic.shut:
            n = one.still_pass()
            if n:
                self.tally.is_wrong(f"{one.kind} to {one.address}: {n} connections made while there were no rules go on")


def soak(seconds):
    """The verdict of a run, told and written."""
    print(f"KNETD_SOAK_SEED={SEED}", flush=True)
    with World() as world:
        run = Soak(world)
        began = time.monotonic()
        verdict = run.run(seconds)
        summary = {"seed": SEED, "seconds": round(time.monotonic() - began, 1), "clock": CLOCK, **verdict.summary(), "weights": run.weights}
        log = world.knetd.logged()
    with open(REPORT, "w", encoding="utf-8") as f:
        json.dump(summary, f, indent=1)
    print(told(verdict, summary), flush=True)
    return verdict, log


def told(verdict, summary):
    asked = sum(summary["asked"].values())
    out = [f"{summary['seconds']} s, {asked} questions answered, " + ", ".join(f"{n} {what}" for what, n in summary["counts"].items() if "rounds" not in what),
           f"{sum(n for what, n in summary['counts'].items() if 'rounds' in what)} rounds on connections that stay",
           *(() if CLOCK else ("the clock was left alone: this machine is not ours",)), "", verdict.table(), ""]
    for name in summary["weights"]["first"]:
        at = [summary["weights"][k].get(name, {}) for k in ("first", "before", "after")]
        out.append(f"{name}: private memory {' -> '.join(str(w.get('private_kb')) for w in at)} KB, descriptors {' -> '.join(str(w.get('fds')) for w in at)}")
    out += ["", f"{len(verdict.problems)} problems"] + [f"  {p}" for p in verdict.problems[:40]]
    return "\n".join(out)


def main():
    verdict, _ = soak(float(sys.argv[1]) if len(sys.argv) > 1 else float(os.environ.get("KNETD_SOAK_SECONDS", "600")))
    return bool(verdict.problems)


if __name__ == "__main__":
    sys.exit(main())
