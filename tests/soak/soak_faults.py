"""What is done to the node, one fault after another in an order that the seed says, and what each may cost."""

import contextlib
import json
import os
import random
import signal
import subprocess
import time

from daemon import BINARY
from pods import eventually
from soak_tally import Fault
from soak_world import SLOW

CLOCK = os.environ.get("KNETD_SOAK_CLOCK") == "1"  # the clock is the whole machine's: only where the machine is ours
API = ("api.*", "cni.*")
PROXIED = ("lost:ingress", "lost:https", "lost:gateway")
WORKERS = ("dns.*", "ingress.*", "outside.ingress", "outside.https", "outside.gateway", *PROXIED)
KERNEL = ("service.*", "outside.*", "policy.*", "dns.*", "ingress.*", "cni.*", "lost:*", "leak")
UPLINK = ("outside.*", "dns.outside", "lost:nodeport", "lost:lb6", "lost:https", "lost:gateway")

# What may fail while it lasts. A control process may die or hang without anybody but the API's clients noticing.
ALLOW = {
    "control killed": API, "control stopped": API, "configuration": API, "reload": (), "taken over": (), "plugin killed": (), "pod vanished": (),
    "worker killed": WORKERS, "worker stopped": WORKERS, "all killed": API + WORKERS,
    "disk full": ("api.*", "cni.add", "cni.check"), "disk full, killed": API,
    "ruleset flushed": KERNEL, "ruleset flushed, nobody there": KERNEL + API, "rules deleted": KERNEL,
    "uplink down": UPLINK, "uplink without address": UPLINK, "service addresses gone": ("dns.*", "outside.*", "lost:gateway", "lost:lb6", "lost:https"),
    "clock forward": (), "clock back": (),
}
RECOVERY = 40 * SLOW
MAPS = "/api/v1/namespaces/default/configmaps"


def allowed(knetd):
    """Where the table of the policies is the daemon's alone nothing that others do to rules lets anything pass."""
    if "ok       tables that others cannot flush" not in knetd.exec(BINARY, "-k").stdout:
        return ALLOW
    return {**ALLOW, **{kind: tuple(x for x in ALLOW[kind] if x != "leak") for kind in ("ruleset flushed", "rules deleted")}}


def tables(knetd):
    """The rules that do not depend on what there is, of every table of ours."""
    found = {}
    for entry in json.loads(knetd.exec("nft", "-jt", "list", "ruleset", timeout=120).stdout or '{"nftables": []}')["nftables"]:
        for kind in ("chain", "rule"):
            body = entry.get(kind)
            name = body and body.get("chain", body.get("name"))
            if body and body.get("hook" if kind == "chain" else "chain"):
                found.setdefault(body["table"], {}).setdefault(name, []).append(kind)
    return {t: {c: len(rules) for c, rules in chains.items()} for t, chains in found.items()}


class Faults:
    def __init__(self, world, tally, runtimes, seed):
        self.world, self.knetd, self.tally, self.runtimes, self.random = world, world.knetd, tally, runtimes, random.Random(seed)
        self.deck, self.settings = [], 0
        self.kinds = {
            "control killed": self.kill_control, "control stopped": self.stop_control, "worker killed": self.kill_worker,
            "worker stopped": self.stop_worker, "all killed": self.kill_all, "configuration": self.configure, "reload": self.reload, "taken over": self.take_over,
            "plugin killed": self.kill_plugin, "pod vanished": self.vanish, "disk full": self.fill, "disk full, killed": self.fill_and_kill,
            "ruleset flushed": self.flush, "ruleset flushed, nobody there": self.flush_alone, "rules deleted": self.delete_rules,
            "uplink down": self.uplink, "uplink without address": self.uplink_address, "service addresses gone": self.service_addresses,
        }
        if CLOCK:
            self.kinds.update({"clock forward": lambda f: self.clock(f, 1), "clock back": lambda f: self.clock(f, -1)})
        self.base = tables(self.knetd)

    def next(self):
        """One fault, until all is well again."""
        if not self.deck:
            self.deck = list(self.kinds)
            self.random.shuffle(self.deck)
        kind = self.deck.pop()
        fault = Fault(kind)
        self.tally.faults.append(fault)
        try:
            self.kinds[kind](fault)
        except Exception as e:  # pylint: disable=broad-except
            self.tally.is_wrong(f"{kind} {fault.detail}: {e!r}; {self.knetd.logged()[-1500:]}")
            if self.knetd.process.poll() is not None:
                self.knetd.start()
        fault.end = time.monotonic()
        self.recover(fault)

    def recover(self, fault):
        end = time.monotonic() + RECOVERY
        while (silent := self.tally.silent_since(fault.end)) or not self.mended(fault):
            if time.monotonic() > end:
                self.tally.is_wrong(f"{RECOVERY} s after {fault.kind} {fault.detail}: not asked well {silent}, rules {self.missing()}")
                break
            time.sleep(0.02)
        fault.until = time.monotonic()
        self.world.stub.seen()  # what it prints is not let pile up in its pipe

    def mended(self, fault):
        return "rule" not in fault.kind or not self.missing()

    def missing(self):
        there = tables(self.knetd)
        return [(t, c) for t, chains in self.base.items() for c, n in chains.items() if "pick" not in c and there.get(t, {}).get(c, 0) < n and c in CONSTANT]

    def pause(self, most=1.0):
        time.sleep(self.random.random() * most * SLOW)

    # ---- processes ----------------------------------------------------------------------------------------------------

    def kill_control(self, _):
        self.knetd.stop(signal.SIGKILL)
        self.pause(0.5)
        self.knetd.start()

    def stop_control(self, _):
        self.knetd.process.send_signal(signal.SIGSTOP)
        self.pause(1.5)
        self.knetd.process.send_signal(signal.SIGCONT)

    def worker(self, fault):
        before = self.knetd.workers()
        fault.detail = self.random.choice(sorted(before))
        return before, fault.detail

    def kill_worker(self, fault):
        before, name = self.worker(fault)
        os.kill(before[name], signal.SIGKILL)
        eventually(lambda: self.knetd.workers().get(name, before[name]) != before[name], 20 * SLOW)

    def stop_worker(self, fault):
        before, name = self.worker(fault)
        os.kill(before[name], signal.SIGSTOP)
        self.pause()
        with contextlib.suppress(ProcessLookupError):
            os.kill(before[name], signal.SIGCONT)

    def kill_all(self, _):
        before = self.knetd.workers()
        for pid in (self.knetd.process.pid, *before.values()):
            os.kill(pid, signal.SIGKILL)
        self.knetd.process.wait()
        self.pause(0.3)
        self.knetd.start()

    def configure(self, fault):
        """Stopped, and started with another configuration."""
        self.settings += 1
        self.knetd.configure(cache=("4M", "8M")[self.settings % 2], timeout=60 + self.settings % 2)
        fault.detail = f"{self.settings}"
        self.knetd.stop()
        self.knetd.start()

    def reload(self, _):
        self.knetd.process.send_signal(signal.SIGHUP)
        self.pause(0.3)

    def take_over(self, _):
        """Another binary in the place of this one, which happens to be the same."""
        before = self.knetd.logged().count(": ready on")
        self.knetd.process.send_signal(signal.SIGUSR2)
        eventually(lambda: self.knetd.logged().count(": ready on") > before, 60 * SLOW)

    # ---- pods ---------------------------------------------------------------------------------------------------------

    def kill_plugin(self, _):
        runtime = self.random.choice(self.runtimes)
        runtime.kill_next = True
        eventually(lambda: not runtime.kill_next, 20 * SLOW)

    def vanish(self, _):
        runtime = self.random.choice(self.runtimes)
        runtime.vanish_next = True
        eventually(lambda: not runtime.vanish_next, 20 * SLOW)

    # ---- the disk -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def full_disk(self):
        path = f"{self.knetd.state}/filler"
        try:
            with open(path, "wb", buffering=0) as f:
                for size in (1 << 16, 4096):
                    with contextlib.suppress(OSError):
                        while True:
                            f.write(bytes(size))
            fat = self.until_refused()
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        for name in fat:
            if self.knetd.api("GET", f"{MAPS}/{name}")[0] != 200 or self.knetd.api("DELETE", f"{MAPS}/{name}")[0] != 200:
                self.tally.is_wrong(f"{name} was acknowledged on a full disk, and is not there")

    def until_refused(self):
        """Writes that need new room, until there is none; the names of those that were acknowledged."""
        taken = []
        for n in range(60):
            name = f"fat-{n}"
            status, answer = self.knetd.api("POST", MAPS, {"metadata": {"name": name}, "data": {"fat": "x" * 400000}})
            if status == 201:
                taken.append(name)
            elif status == 507 and self.knetd.api("GET", f"{MAPS}/{name}")[0] == 404:
                self.tally.count("writes refused for want of room")
                return taken
            else:
                self.tally.is_wrong(f"on a full disk: {status} {answer}")
        self.tally.is_wrong("a full disk that takes everything")
        return taken

    def fill(self, _):
        with self.full_disk():
            self.pause(1.5)

    def fill_and_kill(self, _):
        with self.full_disk():
            self.pause(0.5)
            self.knetd.stop(signal.SIGKILL)
            self.knetd.start()
            self.pause(0.5)

    # ---- nftables -----------------------------------------------------------------------------------------------------

    def nft(self, *argv):
        return self.knetd.exec("nft", *argv, check=True)

    def flush(self, _):
        self.nft("flush", "ruleset")

    def flush_alone(self, _):
        self.knetd.stop(signal.SIGKILL)
        self.nft("flush", "ruleset")
        self.pause(0.3)
        self.knetd.start()

    def delete_rules(self, fault):
        """Somebody deletes a chain's rules, a rule, a map's elements or one element of a table of ours."""
        listed = json.loads(self.nft("-j", "list", "ruleset").stdout)["nftables"]
        rules = [e["rule"] for e in listed if "rule" in e]
        sets = [e.get("set") or e["map"] for e in listed if ("set" in e or "map" in e)]
        sets = [s for s in sets if s.get("elem")]
        owned = {e["table"]["name"] for e in listed if "owner" in e.get("table", {}).get("flags", ())}  # where nobody else may
        rules, sets = ([x for x in found if x["table"] not in owned] for found in (rules, sets))
        if self.random.random() < 0.5 or not sets:
            r = self.random.choice(rules)
            where = [r["family"], r["table"], r["chain"]]
            fault.detail = " ".join(where)
            self.nft(*(["flush", "chain", *where] if self.random.random() < 0.5 else ["delete", "rule", *where, "handle", str(r["handle"])]))
            return
        s = self.random.choice(sets)
        fault.detail = f"set {s['table']} {s['name']}"
        self.nft("flush", "map" if "map" in s else "set", s["family"], s["table"], s["name"])

    # ---- links, addresses ---------------------------------------------------------------------------------------------

    def ip(self, *argv):
        subprocess.run(["ip", "-n", self.knetd.netns, *argv], check=True)

    def addresses(self):
        out = self.world.out
        self.ip("addr", "replace", f"{out.node4}/24", "dev", out.link)
        self.ip("addr", "replace", f"{out.node6}/64", "dev", out.link, "nodad")
        self.ip("route", "replace", "default", "via", out.ip4)
        self.ip("-6", "route", "replace", "default", "via", out.ip6)

    def uplink(self, _):
        self.ip("link", "set", self.world.out.link, "down")
        self.pause(0.5)
        self.ip("link", "set", self.world.out.link, "up")
        self.addresses()

    def uplink_address(self, _):
        out = self.world.out
        self.ip("addr", "del", f"{out.node4}/24", "dev", out.link)
        self.ip("addr", "del", f"{out.node6}/64", "dev", out.link)
        self.pause(0.5)
        self.addresses()

    def service_addresses(self, fault):
        """The cluster DNS address, or one that a load balancer has, is taken off its link."""
        links = json.loads(self.knetd.exec("ip", "-j", "addr").stdout)
        mine = {self.world.out.node4, self.world.out.node6, "127.0.0.1", "::1"}
        found = [(i["local"], i["prefixlen"], link["ifname"]) for link in links if link["ifname"] in ("lo", self.world.out.link)
                 for i in link["addr_info"] if i["scope"] == "global" and i["local"] not in mine]
        if found:
            ip, length, link = self.random.choice(found)
            fault.detail = f"{ip} of {link}"
            self.ip("addr", "del", f"{ip}/{length}", "dev", link)
            eventually(lambda: ip in self.knetd.exec("ip", "addr", "show", "dev", link).stdout, 20 * SLOW)

    # ---- the clock ----------------------------------------------------------------------------------------------------

    def clock(self, fault, sign):
        step = sign * self.random.choice([2, 3600, 86400 * 40])
        fault.detail = f"{step} s"
        time.clock_settime(time.CLOCK_REALTIME, time.time() + step)
        self.pause(0.5)


CONSTANT = {"prerouting", "output", "forward", "masquerading", "services", "input", "postrouting"}
