"""Informers of the official clients stay in step: over thousands of changes, slow phases, states too old to go on from,
and restarts of the daemon, by SIGTERM and by SIGKILL. At the end each holds exactly what the store does.
KNETD_SOAK_SECONDS (30) says how long it is made hard for them."""

import http.client
import json
import os
import random
import select
import shutil
import signal
import subprocess
import time

import pytest
from clients import CLIENTS, client
from daemon import UnixConnection

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "informers")
SECONDS = float(os.environ.get("KNETD_SOAK_SECONDS", "30"))
SERVER, NAMESPACE = "http://127.0.0.1:8001", "soak"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


def commands():
    """Name -> argv and environment of each informer; a client that cannot be had -> why."""
    found, missing = {}, {}
    for which, needs in (("go", "go"), ("js", "node"), ("python", "python3")):
        why = client(which, needs)
        if why:
            missing[which] = why
    if "go" not in missing:
        for name, on in (("go: list and watch", "false"), ("go: watch alone", "true")):
            found[name] = [os.path.join(CLIENTS, "go", "informer")], {"KUBE_FEATURE_WatchListClient": on}
    if "js" not in missing:
        script = shutil.copy(os.path.join(HERE, "informer.mjs"), os.path.join(CLIENTS, "js"))
        found["javascript"] = ["node", script], {}
    if "python" not in missing:
        found["python"] = (["/usr/bin/python3", os.path.join(HERE, "informer.py")],
                           {"PYTHONPATH": os.path.join(CLIENTS, "python")})
    return found, missing


class Informer:
    def __init__(self, knetd, name, argv, env):
        self.name = name
        self.log = open(os.path.join(knetd.dir, name.replace(" ", "-")), "w+", encoding="utf-8")
        self.process = subprocess.Popen([*knetd.enter, *argv, SERVER, NAMESPACE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env={**os.environ, **env})
        assert self.line() == "synced\n", self.name

    def line(self):
        assert select.select([self.process.stdout], [], [], 60)[0], f"{self.name} says nothing"
        return self.process.stdout.readline()

    def dump(self):
        self.process.stdin.write("dump\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def pause(self, on):
        os.kill(self.process.pid, signal.SIGSTOP if on else signal.SIGCONT)  # ip netns exec has become the client

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Writer:
    """Changes of all sorts over one connection, made anew when the daemon was away."""

    def __init__(self, knetd):
        self.knetd, self.random, self.connection, self.changes = knetd, random.Random(4), None, 0

    def call(self, method, path, body=None):
        self.connection = self.connection or UnixConnection(self.knetd.socket)
        try:
            self.connection.request(method, path, body=json.dumps(body) if body else None, headers={"Content-Type": "application/json"})
            r = self.connection.getresponse()
            r.read()
            self.changes += r.status in (200, 201)
        except (OSError, http.client.HTTPException):
            self.connection = None

    def change(self):
        name = f"c{self.random.randrange(120)}"
        body = {"metadata": {"name": name}, "data": {"n": str(self.random.random())}}
        what = self.random.random()
        if what < 0.25:
            self.call("DELETE", f"{MAPS}/{name}")
        elif what < 0.6:
            self.call("POST", MAPS, body)
        else:
            self.call("PUT", f"{MAPS}/{name}", body)

    def burst(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.change()

    def push_history_out(self):
        """More bytes than are remembered: who did not read meanwhile has to list again."""
        for i in range(30):
            body = {"metadata": {"name": "large"}, "data": {"text": f"{i} " * 300000}}
            self.call("PUT" if i else "POST", f"{MAPS}/large" if i else MAPS, body)
        self.call("DELETE", f"{MAPS}/large")


def restart(knetd, how):
    knetd.stop(how)
    knetd.start()


def make_it_hard(knetd, writer, informers):
    writer.burst(1)
    for i in informers:
        i.pause(True)
    writer.burst(1)
    writer.push_history_out()
    for i in informers:
        i.pause(False)
    writer.burst(1)
    restart(knetd, signal.SIGTERM)
    writer.burst(1)
    restart(knetd, signal.SIGKILL)


def stored(knetd):
    return {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in knetd.api("GET", MAPS)[1]["items"]}


def assert_in_step(knetd, informers):
    want, end = stored(knetd), time.monotonic() + 90
    behind = list(informers)
    while behind:
        behind = [i for i in behind if i.dump()["held"] != want]
        if behind and time.monotonic() > end:
            held = behind[0].dump()["held"]
            pytest.fail(f"{behind[0].name} differs in {sorted(set(want.items()) ^ set(held.items()))[:10]}")
        time.sleep(0.05)


def test_informers_stay_in_step(knetd_factory):
    found, missing = commands()
    if not found:
        pytest.skip(f"no client can be had: {missing}")
    knetd = knetd_factory(ini="[api]\ninsecure_listen = 127.0.0.1:8001")
    assert knetd.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})[0] == 201
    writer, informers = Writer(knetd), []
    try:
        informers = [Informer(knetd, name, *how) for name, how in found.items()]
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            make_it_hard(knetd, writer, informers)
            assert_in_step(knetd, informers)
        writer.burst(1)
        assert_in_step(knetd, informers)
        told = {i.name: i.dump()["events"] for i in informers}
        print(f"{writer.changes} changes; told: {told}; not to be had: {missing}")
        assert all(told.values()) and writer.changes > 200
    finally:
        for i in informers:
            i.close()
