"""The world of the soak: a node whose store lies on a small disk of its own, pods, Services of every kind, an Ingress, a Gateway,
policies, cluster DNS with an upstream, and a machine outside. All of it is made once and stays; what comes and goes is
in soak_ledger.py and soak_pods.py."""

import contextlib
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "net")):
    sys.path.insert(0, folder)
from daemon import Knetd  # noqa: E402
from flows import Agent  # noqa: E402
from gateway_words import GW, gateway, listener, parent, rule, route  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from test_dns import Stub  # noqa: E402

SLOW = float(os.environ.get("KNET_SLOW", "1"))  # an emulated machine: how many times slower
STATE_MB = 24
HTTP, ECHO = 8080, 7000  # what pods serve
INI = """masquerade_except = 192.0.2.0/24, 2001:db8:2::/64
[api]
listen =
[dns]
upstreams = 127.0.0.53
cache_size = {cache}
[lb]
pools = 192.0.2.64-192.0.2.79, 2001:db8:2::64-2001:db8:2::79
announce = up2
[ingress]
timeout = {timeout}
"""
RANGES = {"pod_cidr": "10.244.0.0/25,fd00:10:244::/120", "service_cidr": "10.96.0.0/16,fd00:10:96::/112"}
DNS = {4: "10.96.0.10", 6: "fd00:10:96::a"}
PODS = {"web1": "web", "web2": "web", "client": "client", "vault": "vault,guard=yes", "friend": "friend", "stranger": "stranger", "mute": "mute"}


class Node(Knetd):
    """A daemon whose state directory is a small file system, which nobody but the daemon sees."""

    def __init__(self, **options):
        super().__init__(ini=INI.format(cache="4M", timeout=60), **options)
        os.makedirs(f"{self.dir}/state", exist_ok=True)
        self.holder = subprocess.Popen(["ip", "netns", "exec", self.netns, "sh", "-c",
                                        f"mount -t tmpfs -o size={STATE_MB}m none {self.dir}/state && echo ready && exec sleep 1000000"],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        pid = str(self.holder.pid)
        self.enter = ["nsenter", "-t", pid, "-m", "-n", "-r", "-w"]
        self.state = f"/proc/{pid}/root{self.dir}/state"

    def configure(self, **values):
        """Other values of what INI leaves open, read at the next start."""
        with open(self.ini, encoding="utf-8") as f:
            head = f.read().split("masquerade_except")[0]
        with open(self.ini, "w", encoding="utf-8") as f:
            f.write(head + INI.format(**values))

    def pids(self):
        return [pid for pid in super().pids() if pid != self.holder.pid]

    def close(self):
        try:
            super().close()
        finally:
            self.holder.kill()
            self.holder.wait()


def policy(name, pods=None, **spec):
    """pods: their label app; None: all that have guard=yes."""
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "default"},
            "spec": {"podSelector": {"matchLabels": {"app": pods} if pods else {"guard": "yes"}}, **spec}}


def service(name, app, ports, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"selector": {"app": app}, "ports": ports, "ipFamilyPolicy": "RequireDualStack", **spec}}


def ingress(name, host, to="web"):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name, "namespace": "default"},
            "spec": {"rules": [{"host": host, "http": {"paths": [{
                "path": "/", "pathType": "Prefix", "backend": {"service": {"name": to, "port": {"number": 80}}}}]}}]}}


def objects():
    http, tcp, udp = ({"name": "http", "port": 80, "targetPort": HTTP}, {"name": "echo", "port": ECHO},
                      {"name": "echo-udp", "port": ECHO, "protocol": "UDP"})
    yield service("web", "web", [http, tcp, udp], type="LoadBalancer")
    yield service("heads", "web", [http], clusterIP="None")
    yield service("vault", "vault", [http, udp])
    yield ingress("web", "web.example")
    yield policy("vault", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}]}])
    yield policy("mute", "mute", policyTypes=["Egress"], egress=[])
    yield gateway("edge", listener(), ns="default")
    yield route("edge", rule("web:80"), to=[parent("edge", "default")], hosts=["gw.example"], ns="default")


PLURALS = {"Service": "services", "Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "ConfigMap": "configmaps",
           "Gateway": "gateways", "HTTPRoute": "httproutes"}


def path_of(o):
    group, _, version = o["apiVersion"].rpartition("/")
    ns = o["metadata"].get("namespace")
    return (f"/apis/{group}/{version}" if group else f"/api/{version}") + (f"/namespaces/{ns}" if ns else "") + "/" + PLURALS[o["kind"]]


class World:
    def __init__(self, workers=2):
        self.stack = contextlib.ExitStack()
        self.knetd = Node(workers=workers, **RANGES)
        self.stack.callback(self.knetd.close)
        self.pods, self.agents = {}, {}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.out = self.stack.enter_context(Outside(self.knetd, 2))
        self.out.routes_to(*RANGES["pod_cidr"].split(","), *RANGES["service_cidr"].split(","))
        self.knetd.exec("ip", "route", "add", "default", "via", self.out.ip4, check=True)
        self.knetd.exec("ip", "-6", "route", "add", "default", "via", self.out.ip6, check=True)
        self.stub = Stub(self.knetd, "127.0.0.53")
        self.stack.callback(self.stub.close)
        self.knetd.start()
        for name, app in PODS.items():
            self.pods[name] = pod = Pod(self.knetd, name, annotations={"knetd.io/labels": f"app={app}"})
            self.stack.callback(pod.remove)
            if name.startswith(("web", "vault")):
                pod.serve(HTTP)
                self.agents[name] = agent = Agent(pod.netns)
                self.stack.callback(agent.close)
                agent.tell(serve=[[p, "::", ECHO, name] for p in ("tcp", "udp")])
        agent = Agent(self.out.netns)
        self.stack.callback(agent.close)
        agent.tell(serve=[["tcp", "::", ECHO, "out"], ["udp", "::", ECHO, "out"]])
        self.made = []
        for o in objects():
            status, answer = self.knetd.api("POST", path_of(o), o)
            assert status == 201, (o, answer)
            self.made.append(o)
        self.learn()

    def learn(self):
        """Where everything is reached: family -> address."""
        web = eventually(lambda: self._has(self.got("Service", "web"), "loadBalancer", "ingress"), 20 * SLOW)
        self.web, self.vault = by_family(web["spec"]["clusterIPs"]), by_family(self.got("Service", "vault")["spec"]["clusterIPs"])
        self.lb = by_family(i["ip"] for i in web["status"]["loadBalancer"]["ingress"])
        self.node_ports = {p["name"]: p["nodePort"] for p in web["spec"]["ports"]}
        edge = eventually(lambda: self._has(self.got("Gateway", "edge", GW), "addresses"), 20 * SLOW)
        self.edge = by_family(a["value"] for a in edge["status"]["addresses"])
        self.node = {4: self.out.node4, 6: self.out.node6}

    @staticmethod
    def _has(o, *keys):
        found = o.get("status", {})
        for key in keys:
            found = found.get(key) or {}
        return o if found else None

    def got(self, kind, name, version="v1"):
        path = path_of({"apiVersion": version, "kind": kind, "metadata": {"namespace": "default"}})
        status, answer = self.knetd.api("GET", f"{path}/{name}")
        assert status == 200, answer
        return answer

    def clear(self):
        """Everything goes, pods too; the daemon stays."""
        for o in reversed(self.made):
            status, answer = self.knetd.api("DELETE", f"{path_of(o)}/{o['metadata']['name']}")
            assert status in (200, 202), answer
        self.made = []
        for agent in self.agents.values():
            agent.close()
        for pod in self.pods.values():
            pod.remove()

    def close(self):
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def by_family(addresses):
    return {6 if ":" in a else 4: a for a in addresses}


def now():
    return time.monotonic()
