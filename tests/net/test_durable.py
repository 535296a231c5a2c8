"""Acknowledged writes survive: kill -9 at random instants under concurrent writers, and a power failure at any
write of the disk, replayed from the daemon's own system calls. KNETD_SEED=N repeats a run."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import UnixConnection  # noqa: E402

MAPS = "/api/v1/namespaces/default/configmaps"
WRITERS, WRITES = 12, 4000  # acknowledged by all of them together, over all the kills
SEED = int(os.environ.get("KNETD_SEED", random.randrange(1 << 30)))


def config_map(name, v):
    """Two members that have to agree: half a write would show."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
            "data": {"v": str(v), "w": str(v), "fill": "x" * (v * 37 % 3000)}}


class Writer(threading.Thread):
    """Writes objects of its own, one request at a time. `have` is what was acknowledged, `pending` the
    write whose answer did not come: {name: value after it, None for deleted}."""

    def __init__(self, daemon, n, rng, have):
        super().__init__()
        self.daemon_, self.n, self.rng, self.have = daemon, n, rng, have
        self.pending, self.wrong, self.done = {}, [], 0

    def choose(self):
        name = f"w{self.n}-{self.rng.randrange(25)}"
        v = self.rng.randrange(1 << 30)
        if self.rng.random() < 0.1:  # several objects in one request: all or none
            after = {f"w{self.n}-{self.rng.randrange(25)}": v for _ in range(5)}
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [config_map(k, v) for k in after]})
            return "POST", "/apply", text, "application/json", after
        if name not in self.have:
            return "POST", MAPS, json.dumps(config_map(name, v)), "application/json", {name: v}
        kind = self.rng.choice(["PUT", "PATCH", "DELETE"])
        if kind == "DELETE":
            return kind, f"{MAPS}/{name}", None, None, {name: None}
        ctype = "application/json" if kind == "PUT" else "application/merge-patch+json"
        return kind, f"{MAPS}/{name}", json.dumps(config_map(name, v)), ctype, {name: v}

    def run(self):
        c = UnixConnection(self.daemon_.socket, timeout=30)
        while True:
            method, path, body, ctype, self.pending = self.choose()
            try:
                c.request(method, path, body=body, headers={"Content-Type": ctype} if body else {})
                r = c.getresponse()
                r.read()
            except (OSError, ValueError, subprocess.SubprocessError, EOFError):
                return
            except Exception as e:  # http.client's: an answer cut in the middle is none
                assert type(e).__module__ == "http.client", e
                return
            if r.status not in (200, 201):
                self.wrong.append((method, path, r.status))
            apply_to(self.have, self.pending)
            self.pending = {}
            self.done += 1


def apply_to(have, after):
    for name, v in after.items():
        if v is None:
            have.pop(name, None)
        else:
            have[name] = v


def stored(daemon):
    found = {}
    for o in daemon.api("GET", MAPS)[1]["items"]:
        name, data = o["metadata"]["name"], o["data"]
        assert data == config_map(name, int(data["v"]))["data"], f"{name} is half written"
        found[name] = int(data["v"])
    return found


def test_kills_lose_nothing_and_tear_nothing(knetd):
    print(f"KNETD_SEED={SEED}")
    rng = random.Random(SEED)
    have = [{} for _ in range(WRITERS)]
    done, version, kills = 0, 0, 0
    while done < WRITES or kills < 8:
        assert kills < 50, f"{done} writes: the machine writes too little to prove anything"
        kills += 1
        writers = [Writer(knetd, i, random.Random(rng.random()), have[i]) for i in range(WRITERS)]
        for w in writers:
            w.start()
        time.sleep(rng.uniform(0.1, 0.8))  # the instant of the kill: nothing is awaited
        knetd.stop(signal.SIGKILL)
        for w in writers:
            w.join(30)
            assert not w.is_alive()
        knetd.start()
        found = stored(knetd)
        for w in writers:
            mine = {k: v for k, v in found.items() if k.startswith(f"w{w.n}-")}
            after = dict(w.have)
            apply_to(after, w.pending)
            assert mine in (w.have, after), f"KNETD_SEED={SEED}"
            have[w.n] = mine
            assert not w.wrong
            done += w.done
        now = int(knetd.api("GET", MAPS)[1]["metadata"]["resourceVersion"])
        assert now > version
        version = now
    print(f"{done} writes over {kills} kills")


# ---- power loss --------------------------------------------------------------------------------------

CALL = re.compile(r'^(pwrite64|lseek|writev|fdatasync|sendmsg)\((\d+)<(.*?)>')
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def strings(line):
    return [bytes.fromhex(t.replace("\\x", "")) for t in TEXT.findall(line)]


def parse(trace, data):
    """("write", fd, offset, bytes), ("sync",) and ("ack", name, value or None) in their order."""
    place = {}
    for line in trace:
        m = CALL.match(line)
        if not m or " = -1 " in line:
            continue
        call, fd, path = m.groups()
        path = bytes.fromhex(path.replace("\\x", "")).decode() if "\\x" in path else path
        if call == "sendmsg":
            body = b"".join(strings(line)).split(b"\r\n\r\n", 1)[-1]
            answer = json.loads(body) if body.startswith(b"{") else {}
            if answer.get("kind") == "ConfigMap":
                yield "ack", answer["metadata"]["name"], int(answer["data"]["v"])
            elif answer.get("status") == "Success":
                yield "ack", answer["details"]["name"], None
        elif path != data:
            continue
        elif call == "fdatasync":
            yield ("sync",)
        elif call == "lseek":
            place[fd] = int(re.search(r"= (\d+)$", line).group(1))
        else:
            written = b"".join(strings(line))
            assert len(written) == int(re.search(r"= (\d+)$", line).group(1)), line[:200]
            offset = place.get(fd)
            if call == "pwrite64":
                offset = int(re.search(r", (\d+)\)\s+= \d+$", line).group(1))
            else:
                place[fd] += len(written)
            yield "write", int(fd), offset, written


def put(image, offset, data):
    if len(image) < offset + len(data):
        image.extend(bytes(offset + len(data) - len(image)))
    image[offset:offset + len(data)] = data


def images(base, events, through, rng, points):
    """A disk after a power failure at each point: what was synced, and any pages of what was not."""
    acked = 0
    synced, loose = bytearray(base), []
    for i, event in enumerate(events):
        if i in points:
            image = bytearray(synced)
            for offset, page in rng.sample(loose, rng.randint(0, len(loose))):
                put(image, offset, page)
            yield image, acked
        if event[0] == "ack":
            acked += 1
        elif event[0] == "sync":
            for offset, page in loose:
                put(synced, offset, page)
            loose = []
        elif event[1] in through:  # opened with O_DSYNC: the write is its own sync
            put(synced, event[2], event[3])
        else:
            loose += [(event[2] + k, event[3][k:k + 4096]) for k in range(0, len(event[3]), 4096)]


def opened_through(pid):
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError):  # a connection that was just closed
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
                if int(re.search(r"flags:\s+(\d+)", f.read()).group(1), 8) & os.O_DSYNC:
                    found.add(int(fd))
    return found


def record(daemon, trace):
    """Some turns of six writers under strace."""
    rng = random.Random(SEED)
    with subprocess.Popen(["strace", "-qq", "-y", "-xx", "-s", "4000000", "-p", str(daemon.process.pid), "-o", trace,
                           "-e", "trace=pwrite64,lseek,writev,fdatasync,sendmsg"], stderr=subprocess.PIPE) as strace:
        daemon.api("POST", MAPS, config_map("probe", 0))
        while not os.path.exists(trace) or b"fdatasync" not in open(trace, "rb").read():
            assert strace.poll() is None, strace.stderr.read()
            daemon.api("PATCH", MAPS + "/probe", json.dumps(config_map("probe", rng.randrange(1 << 30))),
                       "application/merge-patch+json")
        with open(daemon.data, "rb") as f, open(trace, "rb") as t:
            base, start = f.read(), len(t.read())
        threads = []
        for n in range(6):
            def work(n=n, mine=random.Random(rng.random())):
                have = {}
                for _ in range(25):
                    name, v = f"w{n}-{mine.randrange(8)}", mine.randrange(1 << 30)
                    if name in have and mine.random() < 0.3:
                        assert daemon_call(daemon, "DELETE", f"{MAPS}/{name}") == 200
                        del have[name]
                    elif name in have:
                        assert daemon_call(daemon, "PUT", f"{MAPS}/{name}", config_map(name, v)) == 200
                    else:
                        assert daemon_call(daemon, "POST", MAPS, config_map(name, v)) == 201
                        have[name] = v
            threads.append(threading.Thread(target=work))
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        strace.send_signal(signal.SIGINT)
    with open(trace, encoding="ascii") as f:
        f.seek(start)
        return base, list(parse(f, daemon.data))


def daemon_call(daemon, method, path, body=None):
    c = UnixConnection(daemon.socket)
    try:
        c.request(method, path, body=json.dumps(body) if body else None,
                  headers={"Content-Type": "application/json"} if body else {})
        r = c.getresponse()
        r.read()
        return r.status
    finally:
        c.close()


def test_power_loss_at_any_write(knetd_factory):
    print(f"KNETD_SEED={SEED}")
    rng = random.Random(SEED)
    daemon = knetd_factory()
    daemon.data = f"{daemon.dir}/state/store/data.mdb"
    through = opened_through(daemon.process.pid)
    before = stored(daemon)
    assert before == {}
    base, events = record(daemon, f"{daemon.dir}/trace")
    daemon.stop(signal.SIGKILL)
    acks = [e[1:] for e in events if e[0] == "ack" and e[1] != "probe"]
    events = [e for e in events if e[0] != "ack" or e[1] != "probe"]
    assert len(acks) == 150 and ("sync",) in events and through
    states = [{}]
    for name, v in acks:
        states.append(dict(states[-1]))
        apply_to(states[-1], {name: v})
    places = [i for i, e in enumerate(events) if e[0] != "ack"]
    points = set(rng.sample(places, min(16, len(places))))
    for image, acked in images(base, events, through, rng, points):
        shutil.rmtree(f"{daemon.dir}/run/store", ignore_errors=True)
        os.unlink(f"{daemon.dir}/state/store/lock.mdb")
        with open(daemon.data, "wb") as f:
            f.write(image)
        daemon.start()
        found = stored(daemon)
        found.pop("probe", None)
        assert found in states[acked:], f"KNETD_SEED={SEED}: acknowledged {acked}"
        daemon.stop(signal.SIGKILL)
