"""Writers that keep a ledger of what the API acknowledged and refused, and a watcher that wants every event once and in order."""

import http.client
import json
import random
import threading
import time
import urllib.parse

from daemon import UnixConnection
from soak_world import SLOW, ingress, path_of, policy, service

NAMES = 12  # of each writer's objects of a kind
KINDS = ("ConfigMap", "ConfigMap", "Service", "NetworkPolicy", "Ingress")
LABEL = "soak.knetd.io/writer"
BROKEN = (OSError, http.client.HTTPException)
MERGE = "application/merge-patch+json"


class Api:
    """Over one connection while it lasts."""

    def __init__(self, knetd):
        self.knetd, self.c = knetd, None

    def call(self, method, path, body=None, ctype="application/json"):
        try:
            if self.c is None:
                self.c = UnixConnection(self.knetd.socket, timeout=20 * SLOW)
            self.c.request(method, path, body=json.dumps(body) if body is not None else None, headers={"Content-Type": ctype} if body is not None else {})
            r = self.c.getresponse()
            data = r.read()
            if r.will_close:
                self.close()
            return r.status, json.loads(data)
        except BROKEN:
            self.close()
            raise

    def close(self):
        if self.c:
            self.c.close()
        self.c = None


def made(kind, name, writer, v):
    """An object of the kind that says v in two places that have to agree."""
    if kind == "ConfigMap":
        o = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, "data": {"fill": "x" * (v * 37 % 3000)}}
    elif kind == "Service":
        o = service(name, "nobody", [{"port": 80, "targetPort": 8080}])
    elif kind == "NetworkPolicy":
        o = policy(name, f"nobody{v % 9}", ingress=[{"ports": [{"port": v % 60000 + 1}]}])
    else:
        o = ingress(name, f"h{v % 50}.{name}.example", "nobody")
    o["metadata"].update(labels={LABEL: writer, "v": str(v)}, annotations={"w": str(v)})
    return o


class Ledger:
    """One writer's objects. have: (kind, name) -> v of what was acknowledged; versions: of watched kinds, what was told."""

    def __init__(self, knetd, tally, name, seed):
        self.api, self.tally, self.name, self.random = Api(knetd), tally, name, random.Random(seed)
        self.have, self.versions, self.doubt, self.serial, self.clean = {}, {}, None, 0, False

    def __repr__(self):
        return f"writer {self.name}"

    def step(self):
        if self.doubt:
            return self.resolve()
        self.serial += 1
        if not self.clean or self.serial % 60 == 0:
            return self.check()
        return self.write()

    def choose(self):
        """(method, path, body, content type, {key: v afterwards})."""
        r, kind = self.random, self.random.choice(KINDS)
        v, key = r.randrange(1 << 30), (kind, f"{self.name}-{r.randrange(NAMES)}")
        o = made(*key, self.name, v)
        path = path_of(o)
        if r.random() < 0.05:
            o["metadata"]["name"] = "Not_A_Name"
            return "POST", path, o, None, {(kind, "Not_A_Name"): v}
        if kind == "ConfigMap" and r.random() < 0.15:  # several objects in one request: all or none
            after = {(kind, f"{self.name}-{r.randrange(NAMES)}"): v for _ in range(4)}
            return "POST", "/apply", {"apiVersion": "v1", "kind": "List", "items": [made(*k, self.name, v) for k in after]}, None, after
        if key not in self.have:
            return "POST", path, o, None, {key: v}
        if r.random() < 0.4:
            return "DELETE", f"{path}/{key[1]}", None, None, {key: None}
        changed = {"metadata": {"labels": o["metadata"]["labels"], "annotations": o["metadata"]["annotations"]}, **({"spec": o["spec"]} if kind == "Ingress" else {})}
        return "PATCH", f"{path}/{key[1]}", changed, MERGE, {key: v}

    def write(self):
        method, path, body, ctype, after = self.choose()
        t0 = time.monotonic()
        self.doubt = after
        try:
            status, answer = self.api.call(method, path, body, ctype or "application/json")
        except BROKEN as e:
            self.tally.failed("api.write", t0, repr(e))
            return
        if status in (200, 201, 202):
            self.tally.ok("api.write", t0)
            self.tally.count("writes acknowledged")
            if ("ConfigMap", "Not_A_Name") in after or any(k[1] == "Not_A_Name" for k in after):
                self.tally.is_wrong(f"{method} {path}: a bad name was taken")
            self.apply(after)
            self.doubt = None
            if path != "/apply" and method != "DELETE" and answer["kind"] == "ConfigMap":
                self.versions[answer["metadata"]["name"], int(answer["metadata"]["resourceVersion"])] = True
            return
        self.tally.count("writes refused")
        self.clean = False  # what it says now is compared with the whole ledger
        self.doubt = None
        if status >= 500:
            self.tally.failed("api.write", t0, f"{method} {path}: {status} {answer.get('message')}")
        elif status != 422:
            self.tally.is_wrong(f"{method} {path}: {status} {answer.get('message')}; ledger {[(k, self.have.get(k)) for k in after]}")
        else:
            self.tally.ok("api.write", t0)

    def apply(self, after):
        for key, v in after.items():
            if v is None:
                self.have.pop(key, None)
            else:
                self.have[key] = v

    def stored(self):
        """What the API has of ours."""
        found, selector = {}, urllib.parse.quote(f"{LABEL}={self.name}")
        for kind in sorted(set(KINDS)):
            path = path_of(made(kind, "x", self.name, 1))
            status, answer = self.api.call("GET", f"{path}?labelSelector={selector}")
            if status != 200:
                raise ConnectionError(f"{status}")
            for o in answer["items"]:
                v = o["metadata"]["labels"]["v"]
                if v != o["metadata"]["annotations"]["w"] or kind == "ConfigMap" and len(o["data"]["fill"]) not in range(3000):
                    self.tally.is_wrong(f"{kind} {o['metadata']['name']} is half written")
                found[kind, o["metadata"]["name"]] = int(v)
        return found

    def check(self):
        """All that is there is compared with the ledger."""
        t0 = time.monotonic()
        try:
            found = self.stored()
        except BROKEN as e:
            self.tally.failed("api.read", t0, repr(e))
            return
        self.tally.ok("api.read", t0)
        self.clean = True
        if found != self.have:
            self.differs(found)
        self.have = found

    def differs(self, found):
        for key in found.keys() | self.have.keys():
            if found.get(key) != self.have.get(key):
                self.tally.is_wrong(f"{self.name}: {key} is {found.get(key)}, acknowledged was {self.have.get(key)}")

    def resolve(self):
        """The answer to the last write did not come: all of it or nothing has happened."""
        t0 = time.monotonic()
        try:
            found = self.stored()
        except BROKEN as e:
            self.tally.failed("api.read", t0, repr(e))
            return
        self.tally.ok("api.read", t0)
        before = dict(self.have)
        self.apply(self.doubt)
        if found != self.have and found != before:
            self.have = before
            self.differs(found)
        self.tally.count("writes in doubt, whole" if found == self.have else "writes in doubt, nothing")
        self.have, self.doubt = found, None

    def clear(self):
        """All of ours deleted."""
        while self.doubt or not self.clean:
            self.resolve() if self.doubt else self.check()
        for kind, name in list(self.have):
            status, answer = self.api.call("DELETE", f"{path_of(made(kind, name, self.name, 1))}/{name}")
            if status not in (200, 202):
                self.tally.is_wrong(f"DELETE {kind} {name}: {status} {answer}")
        self.have = {}
        self.check()
        self.api.close()


class Watcher(threading.Thread):
    """Follows the ConfigMaps of all writers: resumes where it was, or starts anew when it is told that this is too long ago."""

    PATH = "/api/v1/namespaces/default/configmaps"

    def __init__(self, knetd, tally):
        super().__init__(daemon=True)
        self.knetd, self.tally, self.over = knetd, tally, threading.Event()
        self.state, self.version, self.seen, self.gaps, self.connection = {}, None, set(), [], None

    def __repr__(self):
        return "watcher"

    def run(self):
        while not self.over.is_set():
            try:
                if self.version is None:
                    self.list()
                self.follow()
            except (*BROKEN, ValueError) as e:
                self.tally.count("watches broken")
                if isinstance(e, ValueError) and not isinstance(e, json.JSONDecodeError):
                    self.tally.is_wrong(f"watch: {e!r}")
                self.over.wait(0.05 * SLOW)
            except BaseException as e:  # pylint: disable=broad-except
                self.tally.is_wrong(f"watch: {e!r}")
                raise

    def list(self):
        api = Api(self.knetd)
        status, answer = api.call("GET", self.PATH)
        api.close()
        if status != 200:
            raise ConnectionError(status)
        version = int(answer["metadata"]["resourceVersion"])
        self.state = {o["metadata"]["name"]: int(o["metadata"]["resourceVersion"]) for o in answer["items"]}
        self.gaps.append((self.gap_from if hasattr(self, "gap_from") else 0, version))
        self.version = version

    def follow(self):
        c = UnixConnection(self.knetd.socket, timeout=2 * SLOW)
        try:
            c.request("GET", f"{self.PATH}?watch=true&resourceVersion={self.version}")
            r = c.getresponse()
            if r.status == 410:
                return self.too_old()
            if r.status != 200:
                raise ConnectionError(r.status)
            while not self.over.is_set():
                line = r.readline()
                if not line:
                    return None
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return self.too_old()
                self.event(event["type"], event["object"]["metadata"])
        finally:
            c.close()
        return None

    def too_old(self):
        self.tally.count("watches told 410")
        self.gap_from, self.version = self.version, None

    def event(self, kind, meta):
        name, version = meta["name"], int(meta["resourceVersion"])
        if version <= self.version:
            self.tally.is_wrong(f"watch: {kind} {name} {version} after {self.version}")
        if (kind == "ADDED") == (name in self.state):
            self.tally.is_wrong(f"watch: {kind} {name} {version}, which was {self.state.get(name, 'not there')}")
        if kind == "DELETED":
            self.state.pop(name, None)
        else:
            self.state[name] = version
        self.seen.add((name, version))
        self.version = version
        self.tally.count("watch events")

    def judge(self, ledgers, api):
        """When nobody writes any more: is it all there?"""
        end = time.monotonic() + 20 * SLOW
        right = {o["metadata"]["name"]: int(o["metadata"]["resourceVersion"]) for o in api.call("GET", self.PATH)[1]["items"]}
        while self.state != right and time.monotonic() < end:
            time.sleep(0.05)
        if self.state != right:
            self.tally.is_wrong(f"watch: saw {len(self.state)} objects, there are {len(right)}: {sorted(self.state.items() ^ right.items())[:6]}")
        for ledger in ledgers:
            for name, version in ledger.versions:
                if (name, version) not in self.seen and not any(a < version <= b for a, b in self.gaps):
                    self.tally.is_wrong(f"watch: never saw {name} {version}; gaps {self.gaps}")
        self.over.set()
