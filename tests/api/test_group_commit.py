"""Writes of one loop turn go to the disk together, and no answer leaves before them."""

import contextlib
import json
import os
import re
import socket
import signal
import subprocess
import time

import pytest

MAPS = "/api/v1/namespaces/default/configmaps"


def counters(knetd):
    text = knetd.api("GET", "/metrics")[1]
    return {name: int(re.search(rf"^knetd_store_{name}_total (\d+)$", text, re.M).group(1))
            for name in ("writes", "transactions", "commits")}


def config_map(name, size=10):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": "x" * size}}


def request(method, path, body=None):
    text = json.dumps(body).encode() if body else b""
    return (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n").encode() + text


def read_answer(sock):
    with sock.makefile("rb") as f:
        status = int(f.readline().split()[1])
        n = 0
        while (line := f.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                n = int(line.split(b":")[1])
        return status, json.loads(f.read(n))


def read_status(sock):
    return int(sock.recv(65536).split()[1])


@contextlib.contextmanager
def one_turn(knetd, n):
    """n connections; what is sent on them inside is found by the daemon in one turn."""
    socks = [socket.socket(socket.AF_UNIX) for _ in range(n)]
    for s in socks:
        s.settimeout(20)
        s.connect(knetd.socket)
        s.sendall(request("GET", "/livez"))
        assert s.recv(4096).startswith(b"HTTP/1.1 200")
    os.kill(knetd.process.pid, signal.SIGSTOP)
    try:
        yield socks
    finally:
        os.kill(knetd.process.pid, signal.SIGCONT)


def test_one_commit_for_many_writers(knetd):
    before = counters(knetd)
    with one_turn(knetd, 60) as socks:
        for i, s in enumerate(socks):
            s.sendall(request("POST", MAPS, config_map(f"many-{i}")))
    assert [read_answer(s)[0] for s in socks] == [201] * 60
    after = counters(knetd)
    assert after["transactions"] - before["transactions"] == 60
    assert after["writes"] - before["writes"] == 60
    assert after["commits"] - before["commits"] <= 2  # all were there when the turn began
    versions = [o["metadata"]["resourceVersion"] for o in knetd.api("GET", MAPS)[1]["items"]]
    assert len(set(versions)) == len(versions)


def test_nothing_leaves_before_the_sync(knetd):
    """By strace: on the way from a request to its answer there is a sync, and one for all of a turn."""
    trace = os.path.join(knetd.dir, "strace")
    with subprocess.Popen(["strace", "-qq", "-p", str(knetd.process.pid), "-o", trace,
                           "-e", "trace=fdatasync,sendmsg,recvfrom"], stderr=subprocess.PIPE) as strace:
        try:
            while "fdatasync" not in open(trace, encoding="utf-8").read() if os.path.exists(trace) else True:
                assert strace.poll() is None, strace.stderr.read()
                knetd.api("PUT", MAPS + "/probe", config_map("probe", os.urandom(1)[0]))
                knetd.api("POST", MAPS, config_map(f"probe-{os.urandom(4).hex()}"))
            with one_turn(knetd, 20) as socks:
                with open(trace, encoding="utf-8") as f:
                    f.seek(0, 2)
                    start = f.tell()
                for i, s in enumerate(socks):
                    s.sendall(request("POST", MAPS, config_map(f"traced-{i}")))
            assert [read_answer(s)[0] for s in socks] == [201] * 20
        finally:
            strace.terminate()
    with open(trace, encoding="utf-8") as f:
        f.seek(start)
        calls = [line.split("(")[0] for line in f]
    pending, syncs = 0, 0
    for call in calls:
        if call == "recvfrom":
            pending += 1
        elif call == "fdatasync":
            pending, syncs = 0, syncs + 1
        elif call == "sendmsg":
            assert pending == 0, calls
    assert 1 <= syncs <= 5, calls  # for 20 writes: a turn has its time, too, and strace takes much of it


@pytest.mark.parametrize("method", ["GET", "watch"])
def test_readers_of_the_turn_see_durable_state(knetd, method):
    """A read behind a write in the same turn waits for it, and a watch does not see it twice."""
    name = f"seen-{method.lower()}"
    with one_turn(knetd, 2) as (writer, reader):
        writer.sendall(request("POST", MAPS, config_map(name)))
        path = MAPS if method == "GET" else MAPS + f"?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D{name}"
        reader.sendall(request("GET", path))
    assert read_answer(writer)[0] == 201
    if method == "GET":
        listed = read_answer(reader)[1]
        made = int(knetd.api("GET", f"{MAPS}/{name}")[1]["metadata"]["resourceVersion"])
        seen = name in [o["metadata"]["name"] for o in listed["items"]]
        assert seen == (int(listed["metadata"]["resourceVersion"]) >= made)
        return
    stream = b""
    while (data := reader.recv(65536)):
        stream += data
    assert stream.count(b'"type":"ADDED"') == 1 and name.encode() in stream


# ---- CNI calls among writers -------------------------------------------------------------------------

@pytest.fixture
def sandbox(knetd):
    name = f"{knetd.netns}-sandbox"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield f"/run/netns/{name}"
    subprocess.run(["ip", "netns", "del", name], check=True)


def cni(verb, container, netns, ifname):
    return request("POST", f"/cni/v1/{verb}", {
        "containerID": container, "netns": netns, "ifName": ifname, "args": f"K8S_POD_NAME={container}",
        "config": {"cniVersion": "1.0.0", "name": "n"}})


def version_of(o):
    return int(o["metadata"]["resourceVersion"])


def test_cni_calls_and_writers_take_turns(knetd, sandbox):
    """A call found behind a crowd is served next and ends its turn; a row of calls, each of which is there when a
    turn begins, does not keep the crowd waiting until the last."""
    calls = [f"eth{i}" for i in range(10)]
    with one_turn(knetd, 40) as writers, contextlib.closing(socket.socket(socket.AF_UNIX)) as runtime:
        for i, s in enumerate(writers):
            s.sendall(request("POST", MAPS, config_map(f"crowd-{i}")))
        runtime.settimeout(20)
        runtime.connect(knetd.socket)
        runtime.sendall(b"".join(cni("add", "row", sandbox, name) for name in calls))
        os.kill(knetd.process.pid, signal.SIGCONT)
        answers = [read_answer(s) for s in writers]
        assert [a[0] for a in answers] == [201] * len(writers)
        made = []
        while len(made) < len(calls):
            networks = knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"]
            made = sorted(version_of(o) for o in networks if o["spec"]["containerID"] == "row")
    crowd = sorted(version_of(a[1]) for a in answers)
    assert sum(v < made[0] for v in crowd) <= 1, "the call waited for the crowd"
    assert crowd[-1] < made[-1], "the crowd waited for every call"


def settled(knetd):
    """The counters once nothing is left to write of what went before (links that were still being deleted)."""
    while True:
        before = counters(knetd)
        time.sleep(0.2)
        if counters(knetd) == before:
            return before


def test_commits_of_one_cni_call(knetd, sandbox):
    """One for what the call writes and one for what follows from it: a call waits for no more."""
    for verb in ("add", "del"):
        before = settled(knetd)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as runtime:
            runtime.settimeout(20)
            runtime.connect(knetd.socket)
            runtime.sendall(cni(verb, "alone", sandbox, "eth0"))
            assert runtime.recv(65536).startswith(b"HTTP/1.1 200")
        after = counters(knetd)
        assert after["writes"] > before["writes"]
        assert after["commits"] - before["commits"] <= 2, verb


def test_del_right_behind_add(knetd, sandbox):
    """A plugin was killed, its ADD is under way, and the runtime's DEL is there in the same turn: it is not refused."""
    for n in range(5):
        with one_turn(knetd, 2) as (add, delete):
            add.sendall(cni("add", f"hasty-{n}", sandbox, "eth0"))
            delete.sendall(cni("del", f"hasty-{n}", sandbox, "eth0"))
        assert read_status(delete) == 200
        read_status(add)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as again:  # whichever came first
            again.connect(knetd.socket)
            again.sendall(cni("del", f"hasty-{n}", sandbox, "eth0"))
            assert read_status(again) == 200
        assert not [o for o in knetd.api("GET", "/apis/knetd.io/v1alpha1/podnetworks")[1]["items"] if o["spec"]["containerID"] == f"hasty-{n}"]


# ---- a full disk ------------------------------------------------------------------------------------

@pytest.fixture
def small(knetd_factory):
    """A daemon whose state directory is a tmpfs of a quarter of a megabyte."""
    made = []

    def before(daemon):
        os.makedirs(f"{daemon.dir}/state")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", f"{daemon.dir}/state"], check=True)
        made.append(f"{daemon.dir}/state")

    yield knetd_factory(before=before)
    for path in made:
        subprocess.run(["umount", "-l", path], check=True)


def fill(daemon):
    made = 0
    while True:
        status, answer = daemon.api("POST", MAPS, config_map(f"fill-{made}", 20000))
        if status != 201:
            return made, status, answer
        made += 1
        assert made < 100


def test_full_disk(small):
    made, status, answer = fill(small)
    assert made > 3 and status == 507 and answer["reason"] == "InsufficientStorage"
    assert f"{small.dir}/state" in answer["message"] and "full" in answer["message"]
    assert len(small.api("GET", MAPS)[1]["items"]) == made  # reading goes on
    assert small.api("GET", MAPS + f"/fill-{made}")[0] == 404  # and nothing is half there
    assert small.api("DELETE", MAPS + "/fill-0")[0] == 200  # deleting too
    subprocess.run(["mount", "-o", "remount,size=8m", f"{small.dir}/state"], check=True)
    assert small.api("POST", MAPS, config_map("again", 20000))[0] == 201  # and it recovers by itself
    before = {o["metadata"]["name"] for o in small.api("GET", MAPS)[1]["items"]}
    small.stop(signal.SIGKILL)
    small.start()
    assert {o["metadata"]["name"] for o in small.api("GET", MAPS)[1]["items"]} == before


def test_a_turn_that_does_not_fit_is_undone(small):
    """Writers whose turn failed are told; what reads say afterwards is what was acknowledged, and no more."""
    services = "/api/v1/namespaces/default/services"
    assert small.api("POST", MAPS, config_map("kept"))[0] == 201
    assert small.api("POST", MAPS, config_map("large", 130000))[0] == 201
    version = small.api("GET", MAPS)[1]["metadata"]["resourceVersion"]
    with one_turn(small, 33) as socks:
        for i, s in enumerate(socks[:30]):
            s.sendall(request("POST", MAPS, config_map(f"big-{i}", 3500)))
        socks[30].sendall(request("DELETE", MAPS + "/kept"))
        socks[31].sendall(request("POST", services, {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"clusterIP": "10.96.7.7", "ports": [{"port": 80}]}}))
        socks[32].sendall(request("GET", MAPS))
    answers = [read_answer(s) for s in socks]
    assert {a[0] for a in answers[:30]} <= {201, 507} and 507 in {a[0] for a in answers}
    assert all(a[1]["code"] == 507 for a in answers[:32] if a[0] == 507)
    expected = {f"big-{i}" for i in range(30) if answers[i][0] == 201} | {"large"}
    expected |= {"kept"} if answers[30][0] == 507 else set()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as watch:
        watch.connect(small.socket)
        watch.sendall(request("GET", MAPS + f"?watch=1&resourceVersion={version}&timeoutSeconds=1"))
        changes = b"".join(iter(lambda: watch.recv(65536), b""))
    assert set(re.findall(r"big-[0-9]+", changes.decode())) == expected - {"kept", "large"}
    status = small.api("POST", services, {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "t"},
        "spec": {"clusterIP": "10.96.7.7", "ports": [{"port": 80}]}})[0]
    assert status != 422 if answers[31][0] == 507 else status == 422  # what was not kept is free again
    for _ in range(2):
        assert {o["metadata"]["name"] for o in small.api("GET", MAPS)[1]["items"]} == expected
        small.stop(signal.SIGKILL)
        small.start()
