"""Flow tables: who asks what, who answers, and under which address the asker is seen.

    world (one daemon)
      pods      client   one   two          10.244.0.0/24, fd00:10:244::/64
      node      the daemon's namespace      192.0.2.1, 192.0.2.9 (up2)  192.0.3.1 (up3)   2001:db8:2::1, ::9 ...
      out       a client beyond up2         192.0.2.2 and .200
      far       "another node" beyond up3   192.0.3.2, also the default route and a load balancer of its own

A table is text, a row a line:   ASKER  PROTO  TARGET  ANSWER  [SEEN]

    client tcp  web           one,far  client      a pod to the ClusterIP: both endpoints, the client's own address
    out    all  web:81/node   one      node        TCP, UDP and SCTP to the node port of port 81: masqueraded
    out    udp  web/lb        REJECT
    out@2  tcp  web/lb        DROP                 from the asker's second address

    TARGET  SERVICE[:PORT][/FRONT]   FRONT: node (the node port at the node's first address), node9 (at its second),
                                     main (at its InternalIP), local (at localhost), lb, lb2, ext, or nothing: the
                                     ClusterIP
            or an address, with a port after # where it is not 80
    ANSWER  the names of all who must answer, of nobody else; or REJECT, DROP, NOROUTE
    SEEN    who the asker seems to be: a name of the world; one=client,far=node where it depends on the endpoint

Every row is asked in each family the world has."""

import contextlib
import ipaddress
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import Knetd, inside  # noqa: E402
from outside import Outside  # noqa: E402
from pods import Pod  # noqa: E402

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
SLOW = float(os.environ.get("KNET_SLOW", "1"))  # an emulated machine: how many times slower
TRIES = 5  # questions for each endpoint that must answer; more when one has not
SILENCE = 0.4 * SLOW
REFUSALS = {"REJECT": "refused", "DROP": "timeout", "NOROUTE": "unreachable"}
LB = {4: "198.51.100.%d", 6: "2001:db8:51::%d"}  # load-balancer addresses, by number
EXT = {4: "203.0.113.%d", 6: "2001:db8:113::%d"}  # external ones
PORT = 8080  # what the endpoints listen on, with all three protocols; and on PORT + 1


class Agent:
    """tests/net/agent.py in a namespace."""

    def __init__(self, netns):
        with inside(netns):
            self.process = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "agent.py")],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, "an agent has died"
        return json.loads(line)

    def tell(self, **order):
        self.order(**order)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Row:
    """One line of a table, in one family and with one protocol."""

    def __init__(self, family, proto, asker, target, answer, seen=None):
        self.family, self.proto, self.target, self.seen = family, proto, target, seen
        self.asker, _, self.source = asker.partition("@")
        self.refusal = REFUSALS.get(answer)
        self.names = [] if self.refusal else sorted(answer.split(","))
        self.text = f"{asker}-{proto}{family}-{target}-{answer}" + (f"-{seen}" if seen else "")

    def __repr__(self):
        return self.text

    def expected(self):
        """All (name, seen) pairs that must come, or the refusal."""
        if self.refusal:
            return {self.refusal}
        by_name = dict(x.split("=") for x in self.seen.split(",")) if "=" in (self.seen or "") else {}
        return {(name, by_name.get(name, self.seen)) for name in self.names}

    def judge(self, got):
        assert got == self.expected(), f"{self.text}: {sorted(map(str, got))}"


def rows(table, families=(4, 6)):
    """The rows of a text, each in each family and protocol it speaks of."""
    found = []
    for line in table.splitlines():
        words = line.split("#  ")[0].split()  # a comment: two blanks behind its mark
        if not words:
            continue
        asker, proto, *rest = words
        assert 2 <= len(rest) <= 3, line
        for one in ("tcp", "udp", "sctp") if proto == "all" else proto.split("+"):
            found += [Row(family, one, asker, *rest) for family in families]
    return found


class World:
    """The machines above; Services and their endpoints by hand."""

    def __init__(self, ini="", families=(4, 6), **options):
        self.families = families
        self.stack = contextlib.ExitStack()
        if families != (4, 6):
            pick = slice(0, 1) if families == (4,) else slice(1, 2)
            for key, ranges in (("service_cidr", ("10.96.0.0/16", "fd00:10:96::/112")),
                                ("pod_cidr", ("10.244.0.0/24", "fd00:10:244::/64"))):
                options.setdefault(key, ",".join(ranges[pick]))
        self.knetd = Knetd(ini="masquerade_except = 192.0.3.0/24, 2001:db8:3::/64\n" + ini, **options)
        self.stack.callback(self.knetd.close)
        self.services, self.agents, self.addresses = {}, {}, {}
        self.asked = self.lost = 0  # questions, and those whose first datagram was not answered
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.out = self.stack.enter_context(Outside(self.knetd, 2))
        self.far = self.stack.enter_context(Outside(self.knetd, 3))
        self._ip("node", "addr", "add", "192.0.2.9/24", "dev", "up2")
        self._ip("node", "addr", "add", "2001:db8:2::9/64", "dev", "up2", "nodad")
        self._ip("out", "addr", "add", "192.0.2.200/24", "dev", "eth0")
        self._ip("out", "addr", "add", "2001:db8:2::200/64", "dev", "eth0", "nodad", "preferred_lft", "0")
        for via in (self.far.ip4, self.far.ip6):  # what nobody on the node answers for goes to the world
            self._ip("node", "route", "add", "default", "via", via)
        for machine in (self.out, self.far):
            machine.routes_to("10.96.0.0/16", "fd00:10:96::/112", "10.244.0.0/24", "fd00:10:244::/64",
                              "198.51.100.0/24", "2001:db8:51::/64", "203.0.113.0/24", "2001:db8:113::/64")
        self.far.routes_to("192.0.2.0/24", "2001:db8:2::/64")
        self.out.routes_to("192.0.3.0/24", "2001:db8:3::/64")
        for setting in ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0",  # many refusals at once
                        "net.netfilter.nf_conntrack_sctp_timeout_cookie_wait=60"):  # 3 is short for a slow machine
            self.knetd.exec("sysctl", "-qw", setting, check=True)
        # the same for all destinations together: a namespace's own since Linux 6.13, before that the machine's
        self.knetd.exec("sysctl", "-qew", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=10000")
        self.knetd.start()
        self.pods = {name: Pod(self.knetd, name) for name in ("client", "one", "two")}
        for pod in self.pods.values():
            self.stack.callback(pod.remove)
        for name, netns in [("node", self.knetd.netns), ("out", self.out.netns), ("far", self.far.netns),
                            *((name, pod.netns) for name, pod in self.pods.items())]:
            self.agents[name] = Agent(netns)
            self.stack.callback(self.agents[name].close)
        self.learn()
        for name in ("one", "two", "far"):
            self.agents[name].tell(serve=[[p, "::", port, name] for p in ("tcp", "udp", "sctp") for port in (PORT, PORT + 1)])

    def _ip(self, where, *argv):
        family = ["-6"] if any(":" in a for a in argv) else []
        netns = self.knetd.netns if where == "node" else getattr(self, where).netns
        subprocess.run(["ip", "-n", netns, *family, *argv], check=True)

    def learn(self):
        """Whose address is whose; again after the node got new ones."""
        for pod in self.pods.values():
            self.addresses.update((ip, pod.name) for ip in pod.ips)
        for name, machine in (("out", self.out), ("far", self.far)):
            self.addresses.update({machine.ip4: name, machine.ip6: name})
        self.addresses.update({"192.0.2.200": "out@2", "2001:db8:2::200": "out@2"})
        for link in json.loads(self.knetd.exec("ip", "-j", "addr").stdout):
            for info in link.get("addr_info", []):
                if "local" in info:
                    self.addresses[info["local"]] = "node"

    def ip(self, name, family):
        """The address of a machine or a pod."""
        if name in self.pods:
            return getattr(self.pods[name], f"ip{family}")
        if name == "node":
            return {4: "192.0.2.1", 6: "2001:db8:2::1"}[family]
        return getattr(getattr(self, name), f"ip{family}")

    def internal_ip(self, family):
        status = self.api("GET", "/api/v1/nodes/node")["status"]
        return next((a["address"] for a in status["addresses"] if a["type"] == "InternalIP" and (":" in a["address"]) == (family == 6)), None)

    # ---- objects ----------------------------------------------------------------------------------------

    def api(self, method, path, body=None, **kw):
        status, answer = self.knetd.api(method, path, body, **kw)
        assert status in (200, 201), answer
        return answer

    def service(self, name, endpoints=None, ports=None, lb=(), ext=(), labels=None, ip_mode=None, **spec):
        """Makes a Service, its slices, and its load balancer's status as somebody else's controller would."""
        spec["ports"] = ports or [{"name": p.lower(), "port": 80, "protocol": p, "targetPort": PORT}
                                  for p in ("TCP", "UDP", "SCTP")]
        if lb:
            spec.update(type="LoadBalancer", loadBalancerClass="example.com/by-hand")
        if ext:
            spec["externalIPs"] = [EXT[family] % n for n in ext for family in self.families]
        if len(self.families) == 2:
            spec.setdefault("ipFamilyPolicy", "RequireDualStack")
        made = self.api("POST", SERVICES, {"metadata": {"name": name, "labels": labels or {}}, "spec": spec})
        if lb:
            ingress = [{"ip": LB[family] % n, **({"ipMode": ip_mode} if ip_mode else {})} for n in lb for family in self.families]
            made["status"] = {"loadBalancer": {"ingress": ingress}}
            made = self.api("PUT", f"{SERVICES}/{name}/status", made)
        self.services[name] = made
        if endpoints is not None:
            self.endpoints(name, *endpoints)
        return made

    def delete(self, name):
        for family in self.families:
            self.knetd.api("DELETE", f"{SLICES}/{name}-{family}")
        self.api("DELETE", f"{SERVICES}/{name}")
        del self.services[name]

    def endpoints(self, name, *endpoints, ports=None):
        """Writes the slices of a Service: names of the world, with conditions after a blank: "one", "far terminating",
        "one unready", "host" for the node itself. Without any the slices go away."""
        for family in self.families:
            path = f"{SLICES}/{name}-{family}"
            self.knetd.api("DELETE", path)
            if endpoints:
                self.api("POST", SLICES, {
                    "metadata": {"name": f"{name}-{family}", "labels": {"kubernetes.io/service-name": name}},
                    "addressType": f"IPv{family}", "ports": ports or self._slice_ports(name),
                    "endpoints": [self.endpoint(e, family) for e in endpoints]})

    def _slice_ports(self, name):
        return [{"name": p.get("name", ""), "port": p["targetPort"], "protocol": p["protocol"]}
                for p in self.services[name]["spec"]["ports"]]

    def endpoint(self, text, family):
        name, *conditions = text.split()
        made = {"addresses": [self.ip("node" if name == "host" else name, family)],
                "nodeName": "elsewhere" if name == "far" else "node"}
        if "terminating" in conditions:
            made["conditions"] = {"ready": False, "serving": True, "terminating": True}
        elif "gone" in conditions:
            made["conditions"] = {"ready": False, "serving": False, "terminating": True}
        elif "unready" in conditions:
            made["conditions"] = {"ready": False, "serving": False}
        return made

    # ---- asking -----------------------------------------------------------------------------------------

    def front(self, row):
        """Where a row's target is: address and port."""
        if row.target not in self.services and ("#" in row.target or row.target.count(".") == 3 or row.target.count(":") > 1):
            address, _, port = row.target.partition("#")
            return address, int(port or 80)
        where, _, front = row.target.partition("/")
        name, _, port = where.partition(":")
        made = self.services[name]
        spec = made["spec"]
        number = int(port or 80)
        ours = lambda addresses: [a for a in addresses if (":" in a) == (row.family == 6)]  # noqa: E731
        if front in ("", "lb", "lb2", "ext"):
            lists = {"": spec.get("clusterIPs", []), "ext": spec.get("externalIPs", [])}
            found = ours(lists.get(front, [i["ip"] for i in made.get("status", {}).get("loadBalancer", {}).get("ingress", [])]))
            return found[1 if front == "lb2" else 0], number
        node_port = next(p["nodePort"] for p in spec["ports"] if p["port"] == number and p["protocol"].lower() == row.proto)
        address = {"node": self.ip("node", row.family), "main": front == "main" and self.internal_ip(row.family), "local": "::1" if row.family == 6 else "127.0.0.1",
                   "node9": "2001:db8:2::9" if row.family == 6 else "192.0.2.9"}[front]
        return address, node_port

    def flow(self, row):
        address, port = self.front(row)
        source = None
        if row.source == "2":
            source = {4: "192.0.2.200", 6: "2001:db8:2::200"}[row.family]
        elif row.source:
            source = self.front(Row(row.family, row.proto, row.asker, row.source, ""))[0]
        return [row.proto, source, address, port, TRIES * len(row.names) or 2, row.refusal == "timeout"]

    def ask(self, table):
        """Asks all rows at once; row -> set of (name, seen) and of refusals."""
        found = self._ask([row for row in table if row.family in self.families])
        for _ in range(4):  # endpoints are drawn: one may not have been yet
            short = [row for row, got in found.items() if got < row.expected()]
            if not short:
                break
            for row, got in self._ask(short).items():
                found[row] |= got
        return found

    def _ask(self, table):
        by_asker = {}
        for row in table:
            by_asker.setdefault(row.asker, []).append(row)
        for asker, his in by_asker.items():
            self.agents[asker].order(ask=[self.flow(row) for row in his], patience=20 * SLOW, silence=SILENCE,
                                     open=int(100 / SLOW))
        found = {}
        for asker, his in by_asker.items():
            *lists, again = self.agents[asker].answer()
            self.asked, self.lost = self.asked + sum(map(len, lists)), self.lost + again
            found.update((row, {self._named(a) for a in answers}) for row, answers in zip(his, lists))
        return found

    def _named(self, answer):
        if isinstance(answer, str):
            return answer
        name, peer = answer
        return name, self.addresses.get(str(ipaddress.ip_address(peer)), peer)

    def expect(self, table):
        """Asks the rows of a text now and judges all of them."""
        found = self.ask(rows(table, self.families))
        wrong = [f"{row}: {sorted(map(str, got))}" for row, got in found.items() if got != row.expected()]
        assert not wrong, "\n".join(wrong)
        self.judge_losses()

    def judge_losses(self):
        """What is sent once more hides a first packet that always gets lost; not here."""
        assert self.lost <= 5 + self.asked / 50, f"{self.lost} of {self.asked}"

    def close(self):
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
