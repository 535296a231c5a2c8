"""What happened when: questions that were answered or not, connections that ended, probes that passed though forbidden; and the
faults, with the time from their beginning until everything was as it should be again. The verdict lays both side by side."""

import bisect
import collections
import fnmatch
import threading
import time

FAILURES_MAX = 20000


class Fault:
    """One fault. Between `begin` and `until` what its kind allows may fail."""

    def __init__(self, kind, detail=""):
        self.kind, self.detail, self.begin, self.end, self.until = kind, detail, time.monotonic(), None, None

    def covers(self, t0, t1):
        return self.begin <= t1 and (self.until is None or t0 <= self.until)


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.good = collections.defaultdict(list)  # kind of question -> when it was asked, of those that were answered
        self.answered = collections.defaultdict(list)  # and when they were answered
        self.bad = []  # (kind, asked, given up, what)
        self.lost = []  # connections: (kind, last heard, noticed, what)
        self.leaks = []  # probes: (kind, asked, passed, what)
        self.wrong = []  # what no fault excuses
        self.faults = []
        self.counts = collections.Counter()

    def ok(self, kind, t0):
        with self.lock:
            self.good[kind].append(t0)
            self.answered[kind].append(time.monotonic())

    def failed(self, kind, t0, what):
        with self.lock:
            self.bad.append((kind, t0, time.monotonic(), what))
            del self.bad[FAILURES_MAX:]

    def ended(self, kind, t0, what):
        with self.lock:
            self.lost.append((kind, t0, time.monotonic(), what))

    def leaked(self, kind, t0, what):
        with self.lock:
            self.leaks.append((kind, t0, time.monotonic(), what))

    def is_wrong(self, what):
        with self.lock:
            self.wrong.append(what)

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] += n

    def silent_since(self, t):
        """Kinds that no question asked since then was answered of."""
        with self.lock:
            return sorted(kind for kind, when in self.good.items() if when[-1] < t)

    def outage(self, kind, t0, t1):
        """How long around a failure nothing was answered: from the last answer before it was asked to the next one."""
        with self.lock:
            when = sorted(self.answered[kind])
        before = bisect.bisect_left(when, t0)
        after = bisect.bisect_left(when, t1)
        return (when[after] if after < len(when) else t1) - (when[before - 1] if before else t0)


class Line:
    """What one kind of fault cost."""

    def __init__(self):
        self.times = self.lost = self.leaks = 0
        self.failed, self.slowest, self.outage, self.outage_of = collections.Counter(), 0.0, 0.0, ""


class Verdict:
    """tally: what happened; allow: kind of fault -> patterns of what it may cost, "lost:..." for connections and "leak" for what
    passes though it is forbidden."""

    def __init__(self, tally, allow):
        self.tally, self.allow = tally, allow
        self.lines = collections.defaultdict(Line)
        self.problems = list(tally.wrong)
        for f in tally.faults:
            line = self.lines[f.kind]
            line.times += 1
            line.slowest = max(line.slowest, (f.until or f.end) - f.end)
        for kind, t0, t1, what in tally.bad:
            fault = self.blame(kind, t0, t1, f"{kind}: {what}")
            line = self.lines[fault]
            line.failed[kind] += 1
            gap = tally.outage(kind, t0, t1)
            if gap > line.outage and not kind.startswith("api"):
                line.outage, line.outage_of = gap, kind
        for kind, t0, t1, what in tally.lost:
            self.lines[self.blame(f"lost:{kind}", t0, t1, f"connection {kind}: {what}")].lost += 1
        for kind, t0, t1, what in tally.leaks:
            self.lines[self.blame("leak", t0, t1, f"{kind} passed, and is forbidden: {what}")].leaks += 1

    def allows(self, fault, what):
        return any(fnmatch.fnmatch(what, pattern) for pattern in self.allow[fault.kind])

    def blame(self, key, t0, t1, text):
        """The fault that it is put down to; a problem when none allows it."""
        covering = [f for f in self.tally.faults if f.covers(t0, t1)]
        for f in covering:
            if self.allows(f, key):
                return f.kind
        start = self.tally.faults[0].begin if self.tally.faults else t0
        where = ", ".join(f"{f.kind} {f.detail}".strip() + f" ({t0 - f.begin:+.2f} s to {t1 - f.begin:+.2f} s of it)" for f in covering)
        self.problems.append(f"at {t0 - start:.2f} s, during {where or 'nothing'}: {text}")
        return covering[-1].kind if covering else "no fault"

    def summary(self):
        t = self.tally
        return {
            "asked": {k: len(v) for k, v in sorted(t.good.items())}, "counts": dict(sorted(t.counts.items())),
            "faults": {k: {"times": v.times, "failed": dict(v.failed), "longest_outage_seconds": round(v.outage, 3), "outage_of": v.outage_of,
                           "connections_lost": v.lost, "forbidden_passed": v.leaks, "recovered_within_seconds": round(v.slowest, 3)}
                       for k, v in sorted(self.lines.items())},
            "problems": self.problems}

    def table(self):
        rows = [("fault", "times", "failed of new questions", "longest outage", "connections lost", "forbidden, passed", "all well after")]
        for kind, v in sorted(self.lines.items()):
            failed = ", ".join(f"{n} {what}" for what, n in sorted(v.failed.items())) or "0"
            rows.append((kind, str(v.times), failed, f"{v.outage:.2f} s {v.outage_of}".strip() if v.outage else "0", str(v.lost), str(v.leaks),
                         f"{v.slowest:.2f} s"))
        out = ["| " + " | ".join(row) + " |" for row in rows]
        out.insert(1, "|" + "---|" * len(rows[0]))
        return "\n".join(out)
