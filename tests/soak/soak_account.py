"""What the daemon holds: memory and descriptors of each process, links, addresses, routes, everything in nftables, connections of
pods that are gone, files."""

import collections
import ipaddress
import json
import os
import re

from daemon import private_kb
from soak_world import RANGES

GROWTH_KB = {"control": 4096, "worker": 1536}
FDS = 4  # connections of the API that are there at either moment


def descriptors(pid):
    found = collections.Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[re.sub(r"\d+|\[.*|\(.*", "", os.readlink(f"/proc/{pid}/fd/{fd}")).rsplit("/", 1)[-1]] += 1
        except FileNotFoundError:
            pass
    return found


def processes(knetd):
    return {"control": knetd.process.pid, **knetd.workers()}


def zombies(knetd):
    pids = set(knetd.pids())
    found = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                found += f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            pass
    return found


def nft(knetd):
    """table -> kind -> how many; not the elements that end by themselves, and ranges apart: they join as neighbours do."""
    found = collections.defaultdict(collections.Counter)
    for entry in json.loads(knetd.exec("nft", "-j", "list", "ruleset").stdout or '{"nftables": []}')["nftables"]:
        for kind, what in entry.items():
            if kind in ("metainfo", "table"):
                continue
            table = what["table"]
            found[table][kind] += 1
            if kind in ("set", "map") and "timeout" not in what.get("flags", []) and "interval" not in what.get("flags", []):
                found[table]["elements"] += len(what.get("elem", []))
    return {f"nft {table} {kind}": n for table, kinds in found.items() for kind, n in kinds.items()}


def lines(knetd, *argv):
    return len(knetd.exec(*argv).stdout.splitlines())


def connections_of_nobody(knetd, living):
    """Connections with addresses of the pod ranges that no pod has."""
    ranges, found = [ipaddress.ip_network(r) for r in RANGES["pod_cidr"].split(",")], []
    for family in ("ipv4", "ipv6"):
        for line in knetd.exec("conntrack", "-L", "-f", family).stdout.splitlines():
            ips = {ipaddress.ip_address(a) for a in re.findall(r"(?:src|dst)=(\S+)", line)}
            if any(ip in r and str(ip) not in living for ip in ips for r in ranges if r.version == ip.version):
                found.append(line)
    return found


def files(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names)


def kernel(knetd, living):
    """Counts that have to be the same again."""
    return {
        "links": lines(knetd, "ip", "-o", "link"), "addresses": lines(knetd, "ip", "-o", "addr"),
        "routes": lines(knetd, "ip", "-4", "route", "show", "table", "all"), "routes6": lines(knetd, "ip", "-6", "route", "show", "table", "all", "type", "unicast"),
        "rules": lines(knetd, "ip", "rule") + lines(knetd, "ip", "-6", "rule"), "neighbours": lines(knetd, "ip", "neigh", "show", "nud", "permanent"),
        "qdiscs": lines(knetd, "tc", "qdisc"), "connections of nobody": len(connections_of_nobody(knetd, living)), "zombies": zombies(knetd),
        "files of run_dir": len(files(f"{knetd.dir}/run")), "files of state_dir": len(files(knetd.state)), **nft(knetd)}


def history_kb(knetd):
    """What the control process keeps for watches: bounded, and gone after ten minutes; a half more for its blocks."""
    return int(int(re.search(r"^knetd_store_history_bytes (\d+)", knetd.api("GET", "/metrics")[1], re.M).group(1)) / 1024 * 1.5)


def weights(knetd):
    history = {"control": history_kb(knetd)}
    return {name: {"private_kb": max(private_kb(pid) - history.get(name, 0), 0), "fds": sum(descriptors(pid).values()), "kinds": dict(descriptors(pid)),
                   "threads": len(os.listdir(f"/proc/{pid}/task"))} for name, pid in processes(knetd).items()}


def grown(before, after):
    """What there is more or less of, of kernel()."""
    return [f"{key}: {before.get(key, 0)} before, {after.get(key, 0)} after" for key in sorted(before.keys() | after.keys())
            if before.get(key, 0) != after.get(key, 0)]


def heavier(before, after):
    """Processes that grew, of weights()."""
    found = []
    if before.keys() != after.keys():
        found.append(f"processes: {sorted(before)} before, {sorted(after)} after")
    for name in before.keys() & after.keys():
        was, is_now = before[name], after[name]
        if is_now["private_kb"] > was["private_kb"] + GROWTH_KB.get(name, GROWTH_KB["worker"]):
            found.append(f"{name}: {was['private_kb']} KB before, {is_now['private_kb']} KB after")
        if is_now["fds"] > was["fds"] + FDS:
            found.append(f"{name}: descriptors {was['kinds']} before, {is_now['kinds']} after")
        if is_now["threads"] != was["threads"]:
            found.append(f"{name}: {was['threads']} threads before, {is_now['threads']} after")
    return found
