"""What cluster DNS answers: the objects, and one line a question with its whole answer.

    NAME TYPE  [= RECORDS] [/ DENIAL] [+ ADDITIONAL]      from us
    NAME TYPE  > RECORDS                                  from the upstream, behind aliases of ours if any

Names without a dot at their end are below cluster.local; @ADDRESS is the reverse name of an address, @ADDRESS/N that
with the last N of the address's labels alone. Records are separated by ';', each one [OWNER:] TYPE DATA, the owner
being the question's name when it is not said. A denial is nodata or nxdomain and the zone whose SOA stands in the
authority section, cluster.local when it is not said, and that record's data, ours when they are not; or a failure: servfail, refused. Everything that is not said must
not be there.
"""

LABEL63 = "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"
SPACE63 = "n23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"
HOST63 = "h23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"
assert len(LABEL63) == len(SPACE63) == len(HOST63) == 63

NAMESPACES = ["spec", "other", "empty", SPACE63]


def port(name, number, protocol="TCP"):
    return {"name": name, "port": number, "protocol": protocol}


HTTP = [port("http", 80)]
SQL = [port("sql", 5432)]
V4 = {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}
V6 = {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}


def cluster(ips, ports=None, **more):
    return {"clusterIP": ips[0], "clusterIPs": ips, "ports": HTTP if ports is None else ports,
            **({"ipFamilyPolicy": "RequireDualStack"} if len(ips) == 2 else V6 if ":" in ips[0] else V4), **more}


def headless(ports=None, **more):
    return {"clusterIP": "None", "ports": SQL if ports is None else ports, **more}


def alias(name):
    return {"type": "ExternalName", "externalName": name}


SERVICES = {
    "spec/web": cluster(["10.96.1.1", "fd00:10:96::101"],
                        [port("http", 80), port("dns", 53, "UDP"), port("dns-tcp", 53), port("sig", 2905, "SCTP")]),
    "spec/only4": cluster(["10.96.1.2"], [{"port": 80}]),
    "spec/only6": cluster(["fd00:10:96::103"], [port("https", 443)]),
    "spec/nodeport": cluster(["10.96.1.4"], type="NodePort"),
    "spec/balanced": cluster(["10.96.1.5", "fd00:10:96::105"], type="LoadBalancer"),
    "spec/shared": cluster(["10.96.1.6"]),
    "other/shared": cluster(["10.96.1.7"]),
    "spec/many": cluster(["10.96.1.8"], [port(f"p{i}", 1000 + i) for i in range(5)]),
    "spec/odd": cluster(["10.96.1.9"], [port("1st", 81), port("a--b", 82), port("x" * 62, 83), port("y" * 63, 84)]),
    "spec/svc": cluster(["10.96.1.10"]),
    "spec/pod": cluster(["10.96.1.11"]),
    f"{SPACE63}/{LABEL63}": cluster(["10.96.1.63"]),
    f"{SPACE63}/long": headless(HTTP),
    "spec/db": headless([port("sql", 5432), port("metrics", 9090), {"name": "raw", "port": 7000, "protocol": "UDP"}]),
    "spec/pair": headless(),
    "spec/one-of-two": headless(),
    "spec/down": headless(),
    "spec/eager": headless(publishNotReadyAddresses=True),
    "spec/portless": headless([]),
    "spec/unnamed": headless([{"port": 5432}]),
    "spec/void": headless(),
    "spec/outside": headless(),
    "spec/twice": headless(),
    "other/twice": headless(),
    "spec/overlap": headless(),
    "spec/names": headless(),
    "spec/ports-differ": headless(),
    "spec/ext": alias("www.example"),
    "spec/ext-dot": alias("www.example."),
    "spec/ext-cname": alias("cname.example"),
    "spec/ext-nx": alias("nx.example"),
    "spec/ext-in": alias("web.spec.svc.cluster.local"),
    "spec/ext-db": alias("db.spec.svc.cluster.local"),
    "spec/ext-host": alias("db-0.db.spec.svc.cluster.local"),
    "spec/ext-chain": alias("ext-in.spec.svc.cluster.local"),
    "spec/ext-chain-out": alias("ext.spec.svc.cluster.local"),
    "spec/ext-gone": alias("nope.spec.svc.cluster.local"),
    "spec/ext-loop-a": alias("ext-loop-b.spec.svc.cluster.local"),
    "spec/ext-loop-b": alias("ext-loop-a.spec.svc.cluster.local"),
    "spec/ext-self": alias("ext-self.spec.svc.cluster.local"),
    "spec/ext-ip": alias("192.0.2.1"),
    "spec/ext-digits": alias("1.2.3.com"),
    "spec/ext-pod": alias("10-244-0-5.spec.pod.cluster.local"),
    "spec/ext-apex": alias("cluster.local"),
    "spec/ext-reverse": alias("1.1.96.10.in-addr.arpa"),
    "spec/ext-label": alias("localhost"),
}


def endpoint(*addresses, host=None, **conditions):
    return {"addresses": list(addresses), "conditions": conditions or {"ready": True},
            **({"hostname": host} if host else {})}


def dying(*addresses, **more):
    return endpoint(*addresses, ready=False, serving=True, terminating=True, **more)


DB_PORTS = [port("sql", 5432), port("metrics", 9090), port("raw", 7000, "UDP")]

# namespace/service: slices, each a list of ports and a list of endpoints
SLICES = {
    "spec/db": [(DB_PORTS, [endpoint("10.244.0.5", host="db-0"), endpoint("10.244.0.6"),
                            endpoint("10.244.0.7", host="db-2", ready=False), dying("10.244.0.8", host="db-3")]),
                (DB_PORTS, [endpoint("fd00:10:244::5", host="db-0"), endpoint("fd00:10:244::6")])],
    "spec/pair": [(SQL, [endpoint("10.244.0.10", host="twin"), endpoint("10.244.0.11", host="twin")])],
    "spec/one-of-two": [(SQL, [endpoint("10.244.0.12", host="a"), endpoint("10.244.0.13", host="b", ready=False)])],
    "spec/down": [(SQL, [endpoint("10.244.0.14", host="a", ready=False), dying("10.244.0.15")])],
    "spec/eager": [(SQL, [endpoint("10.244.0.16", host="a", ready=False), dying("10.244.0.17")])],
    "spec/portless": [([], [endpoint("10.244.0.20")])],
    "spec/unnamed": [([{"port": 5432, "protocol": "TCP"}], [endpoint("10.244.0.21")])],
    "spec/outside": [(SQL, [endpoint("192.0.2.11", host="far"), endpoint("192.0.2.12")]),
                     (SQL, [endpoint("2001:db8::b", host="far")])],
    "spec/twice": [(SQL, [endpoint("10.244.0.30", host="x")])],
    "other/twice": [(SQL, [endpoint("10.244.0.30", host="x")])],
    "spec/overlap": [(SQL, [endpoint("10.244.0.31"), endpoint("10.244.0.32", ready=False)]),
                     (SQL, [endpoint("10.244.0.31"), endpoint("10.244.0.32")])],
    "spec/names": [(SQL, [endpoint("10.244.0.40", host="first"), endpoint("10.244.0.40", host="second")])],
    "spec/ports-differ": [([port("sql", 5432)], [endpoint("10.244.0.41")]),
                          ([port("sql", 5433)], [endpoint("10.244.0.42")])],
    f"{SPACE63}/long": [(HTTP, [endpoint("10.244.0.63", host=HOST63)])],
}

REVERSE_V4 = "96.10.in-addr.arpa."
REVERSE_POD4 = "0.244.10.in-addr.arpa."
REVERSE_V6 = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa."
REVERSE_POD6 = "0.0.0.0.4.4.2.0.0.1.0.0.0.0.d.f.ip6.arpa."
SOA = "ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5"
NS = "NS ns.dns.cluster.local."
GLUE = "ns.dns: A 10.96.0.10 ; ns.dns: AAAA fd00:10:96::a"
WEB = "web.spec.svc: A 10.96.1.1 ; web.spec.svc: AAAA fd00:10:96::101"
DB_GLUE = ("db-0.db.spec.svc: A 10.244.0.5 ; db-0.db.spec.svc: AAAA fd00:10:244::5 ; "
           "10-244-0-6.db.spec.svc: A 10.244.0.6 ; fd00-10-244--6.db.spec.svc: AAAA fd00:10:244::6")


def db_srv(number):
    return " ; ".join(f"SRV 0 33 {number} {host}.db.spec.svc" for host in ("db-0", "10-244-0-6", "fd00-10-244--6"))


ROWS = f"""
# 2.2 the schema's version; the zone's own names
dns-version TXT                    = TXT "1.1.0"
dns-version A                      / nodata
cluster.local. SOA                 = SOA {SOA}
cluster.local. NS                  = {NS} + {GLUE}
cluster.local. A                   / nodata
cluster.local. AAAA                / nodata
cluster.local. TXT                 / nodata
cluster.local. MX                  / nodata
cluster.local. ANY                 = SOA {SOA}
ns.dns A                           = A 10.96.0.10
ns.dns AAAA                        = AAAA fd00:10:96::a
ns.dns TXT                         / nodata
dns A                              / nodata
dns NS                             / nodata
x.ns.dns A                         / nxdomain
nope A                             / nxdomain
nope NS                            / nxdomain
example.org PTR                    / nxdomain
1.0.96.10 PTR                      / nxdomain
cluster.local. AXFR                / refused
svc A                              / nodata
svc AAAA                           / nodata
svc SRV                            / nodata
svc NS                             / nodata
svc SOA                            / nodata
pod A                              / nodata
pod NS                             / nodata
spec.svc A                         / nodata
spec.svc NS                        / nodata
spec.svc ANY                       / nodata
empty.svc A                        / nodata
default.svc A                      / nodata
nope.svc A                         / nxdomain
nope.svc NS                        / nxdomain
web.nope.svc A                     / nxdomain
web.nope.svc TXT                   / nxdomain
web A                              / nxdomain
web.spec A                         / nxdomain

# 2.3.1 addresses of Services with a cluster address
web.spec.svc A                     = A 10.96.1.1
web.spec.svc AAAA                  = AAAA fd00:10:96::101
web.spec.svc TXT                   / nodata
web.spec.svc MX                    / nodata
web.spec.svc NS                    / nodata
web.spec.svc SOA                   / nodata
web.spec.svc CNAME                 / nodata
web.spec.svc PTR                   / nodata
web.spec.svc HTTPS                 / nodata
web.spec.svc ANY                   = A 10.96.1.1
WEB.Spec.SVC A                     = A 10.96.1.1
wEb.sPeC.sVc.ClUsTeR.lOcAl. AAAA   = AAAA fd00:10:96::101
only4.spec.svc A                   = A 10.96.1.2
only4.spec.svc AAAA                / nodata
only6.spec.svc A                   / nodata
only6.spec.svc AAAA                = AAAA fd00:10:96::103
nodeport.spec.svc A                = A 10.96.1.4
balanced.spec.svc A                = A 10.96.1.5
balanced.spec.svc AAAA             = AAAA fd00:10:96::105
shared.spec.svc A                  = A 10.96.1.6
shared.other.svc A                 = A 10.96.1.7
svc.spec.svc A                     = A 10.96.1.10
pod.spec.svc A                     = A 10.96.1.11
kubernetes.other.svc A             / nxdomain
nope.spec.svc A                    / nxdomain
nope.spec.svc AAAA                 / nxdomain
nope.spec.svc SRV                  / nxdomain
Nope.Spec.Svc.Cluster.Local. A     / nxdomain
x.web.spec.svc A                   / nxdomain
10-96-1-1.web.spec.svc A           / nxdomain
x.nope.spec.svc A                  / nxdomain
*.spec.svc A                       / nxdomain
any.any.svc A                      / nxdomain
{LABEL63}.{SPACE63}.svc A          = A 10.96.1.63
{LABEL63}.{SPACE63}.svc AAAA       / nodata
{LABEL63[:-1]}.{SPACE63}.svc A     / nxdomain
{SPACE63}.svc A                    / nodata

# 2.3.2 ports of Services with a cluster address
_http._tcp.web.spec.svc SRV        = SRV 0 100 80 web.spec.svc + {WEB}
_dns._udp.web.spec.svc SRV         = SRV 0 100 53 web.spec.svc + {WEB}
_dns-tcp._tcp.web.spec.svc SRV     = SRV 0 100 53 web.spec.svc + {WEB}
_sig._sctp.web.spec.svc SRV        = SRV 0 100 2905 web.spec.svc + {WEB}
_HTTP._Tcp.Web.spec.svc SRV        = SRV 0 100 80 web.spec.svc + Web.spec.svc: A 10.96.1.1 ; Web.spec.svc: AAAA fd00:10:96::101
_http._udp.web.spec.svc SRV        / nxdomain
_dns._tcp.web.spec.svc SRV         / nxdomain
_nope._tcp.web.spec.svc SRV        / nxdomain
http._tcp.web.spec.svc SRV         / nxdomain
_http._quic.web.spec.svc SRV       / nxdomain
_http.web.spec.svc SRV             / nxdomain
x._http._tcp.web.spec.svc SRV      / nxdomain
_http._tcp.web.spec.svc A          / nodata
_http._tcp.web.spec.svc AAAA       / nodata
_http._tcp.web.spec.svc TXT        / nodata
_tcp.web.spec.svc SRV              / nodata
_tcp.web.spec.svc A                / nodata
_udp.web.spec.svc SRV              / nodata
_sctp.web.spec.svc SRV             / nodata
_udp.only4.spec.svc SRV            / nxdomain
_tcp.only4.spec.svc SRV            / nxdomain
_._tcp.only4.spec.svc SRV          / nxdomain
_80._tcp.only4.spec.svc SRV        / nxdomain
only4.spec.svc SRV                 = SRV 0 100 80 only4.spec.svc + only4.spec.svc: A 10.96.1.2
_https._tcp.only6.spec.svc SRV     = SRV 0 100 443 only6.spec.svc + only6.spec.svc: AAAA fd00:10:96::103
_p4._tcp.many.spec.svc SRV         = SRV 0 100 1004 many.spec.svc + many.spec.svc: A 10.96.1.8
many.spec.svc SRV                  = {" ; ".join(f"SRV 0 20 {1000 + i} many.spec.svc" for i in range(5))} + many.spec.svc: A 10.96.1.8
_1st._tcp.odd.spec.svc SRV         = SRV 0 100 81 odd.spec.svc + odd.spec.svc: A 10.96.1.9
_a--b._tcp.odd.spec.svc SRV        = SRV 0 100 82 odd.spec.svc + odd.spec.svc: A 10.96.1.9
_{"x" * 62}._tcp.odd.spec.svc SRV  = SRV 0 100 83 odd.spec.svc + odd.spec.svc: A 10.96.1.9
{"y" * 63}._tcp.odd.spec.svc SRV   / nxdomain
_http._tcp.{LABEL63}.{SPACE63}.svc SRV = SRV 0 100 80 {LABEL63}.{SPACE63}.svc + {LABEL63}.{SPACE63}.svc: A 10.96.1.63

# 2.3.3 cluster addresses, backwards
@10.96.1.1 PTR                     = PTR web.spec.svc
@fd00:10:96::101 PTR               = PTR web.spec.svc
@10.96.1.7 PTR                     = PTR shared.other.svc
@10.96.1.63 PTR                    = PTR {LABEL63}.{SPACE63}.svc
@10.96.1.1 ANY                     = PTR web.spec.svc
@10.96.1.1 A                       / nodata {REVERSE_V4}
@10.96.1.1 SOA                     / nodata {REVERSE_V4}
@10.96.1.1 NS                      / nodata {REVERSE_V4}
@fd00:10:96::101 A                 / nodata {REVERSE_V6}
@10.96.200.200 PTR                 / nxdomain {REVERSE_V4}
@10.96.200.200 A                   / nxdomain {REVERSE_V4}
@fd00:10:96::ffff PTR              / nxdomain {REVERSE_V6}
x.1.1.96.10.in-addr.arpa. PTR      / nxdomain {REVERSE_V4}
256.1.96.10.in-addr.arpa. PTR      / nxdomain {REVERSE_V4}
01.1.96.10.in-addr.arpa. PTR       / nxdomain {REVERSE_V4}
web.spec.svc.96.10.in-addr.arpa. A / nxdomain {REVERSE_V4}
1.1.96.10.IN-ADDR.ARPA. PTR        = PTR web.spec.svc

# our reverse zones, and what is not ours
{REVERSE_V4} SOA                   = SOA {SOA}
{REVERSE_V4} NS                    = {NS} + {GLUE}
{REVERSE_V4} PTR                   / nodata {REVERSE_V4}
{REVERSE_V4} ANY                   = SOA {SOA}
{REVERSE_POD4} SOA                 = SOA {SOA}
{REVERSE_POD4} NS                  = {NS} + {GLUE}
{REVERSE_V6} SOA                   = SOA {SOA}
{REVERSE_V6} NS                    = {NS} + {GLUE}
{REVERSE_POD6} SOA                 = SOA {SOA}
@10.96.1.1/3 PTR                   / nodata {REVERSE_V4}
@10.96.1.1/3 NS                    / nodata {REVERSE_V4}
@fd00:10:96::101/31 PTR            / nodata {REVERSE_V6}
@fd00:10:96::101/29 PTR            / nodata {REVERSE_V6}
@10.244.0.200 PTR                  / nxdomain {REVERSE_POD4}
@fd00:10:244::1:2:3 PTR            / nxdomain {REVERSE_POD6}
@10.244.1.5 PTR                    >
@10.97.1.1 PTR                     >
@192.0.2.77 PTR                    >
@10.96.1.1/1 SOA                   >
arpa. NS                           >
ip6.arpa. NS                       >
www.example. A                     > A 192.0.2.1
www.example. MX                    >
cluster.localx. A                  > A 192.0.2.1
xcluster.local. A                  > A 192.0.2.1
local. A                           > A 192.0.2.1

# 2.4.1 addresses of headless Services
db.spec.svc A                      = A 10.244.0.5 ; A 10.244.0.6
db.spec.svc AAAA                   = AAAA fd00:10:244::5 ; AAAA fd00:10:244::6
db.spec.svc TXT                    / nodata
db-0.db.spec.svc A                 = A 10.244.0.5
db-0.db.spec.svc AAAA              = AAAA fd00:10:244::5
DB-0.db.spec.svc A                 = A 10.244.0.5
db-0.db.spec.svc SRV               / nodata
db-0.db.spec.svc TXT               / nodata
db-2.db.spec.svc A                 / nxdomain
db-3.db.spec.svc A                 / nxdomain
bogus.db.spec.svc A                / nxdomain
x.db-0.db.spec.svc A               / nxdomain
10-244-0-5.db.spec.svc A           / nxdomain
10-244-0-6.db.spec.svc A           = A 10.244.0.6
10-244-0-6.db.spec.svc AAAA        / nodata
fd00-10-244--6.db.spec.svc AAAA    = AAAA fd00:10:244::6
fd00-10-244--6.db.spec.svc A       / nodata
10.244.0.6.db.spec.svc A           / nxdomain
pair.spec.svc A                    = A 10.244.0.10 ; A 10.244.0.11
pair.spec.svc AAAA                 / nodata
twin.pair.spec.svc A               = A 10.244.0.10 ; A 10.244.0.11
one-of-two.spec.svc A              = A 10.244.0.12
a.one-of-two.spec.svc A            = A 10.244.0.12
b.one-of-two.spec.svc A            / nxdomain
down.spec.svc A                    / nxdomain
down.spec.svc AAAA                 / nxdomain
down.spec.svc SRV                  / nxdomain
a.down.spec.svc A                  / nxdomain
eager.spec.svc A                   = A 10.244.0.16 ; A 10.244.0.17
a.eager.spec.svc A                 = A 10.244.0.16
portless.spec.svc A                = A 10.244.0.20
portless.spec.svc SRV              / nodata
10-244-0-20.portless.spec.svc A    = A 10.244.0.20
_tcp.portless.spec.svc A           / nxdomain
void.spec.svc A                    / nxdomain
void.spec.svc SRV                  / nxdomain
overlap.spec.svc A                 = A 10.244.0.31 ; A 10.244.0.32
10-244-0-31.overlap.spec.svc A     = A 10.244.0.31
names.spec.svc A                   = A 10.244.0.40
first.names.spec.svc A             = A 10.244.0.40
second.names.spec.svc A            = A 10.244.0.40
outside.spec.svc A                 = A 192.0.2.11 ; A 192.0.2.12
far.outside.spec.svc A             = A 192.0.2.11
far.outside.spec.svc AAAA          = AAAA 2001:db8::b
{HOST63}.long.{SPACE63}.svc A      = A 10.244.0.63
long.{SPACE63}.svc A               = A 10.244.0.63

# 2.4.2 their ports
_sql._tcp.db.spec.svc SRV          = {db_srv(5432)} + {DB_GLUE}
_metrics._tcp.db.spec.svc SRV      = {db_srv(9090)} + {DB_GLUE}
_raw._udp.db.spec.svc SRV          = {db_srv(7000)} + {DB_GLUE}
_raw._tcp.db.spec.svc SRV          / nxdomain
_sql._tcp.db.spec.svc A            / nodata
_tcp.db.spec.svc SRV               / nodata
_sql._tcp.db-0.db.spec.svc SRV     / nxdomain
_sql._tcp.pair.spec.svc SRV        = SRV 0 100 5432 twin.pair.spec.svc + twin.pair.spec.svc: A 10.244.0.10 ; twin.pair.spec.svc: A 10.244.0.11
pair.spec.svc SRV                  = SRV 0 100 5432 twin.pair.spec.svc + twin.pair.spec.svc: A 10.244.0.10 ; twin.pair.spec.svc: A 10.244.0.11
_sql._tcp.down.spec.svc SRV        / nxdomain
_sql._tcp.unnamed.spec.svc SRV     / nxdomain
unnamed.spec.svc SRV               = SRV 0 100 5432 10-244-0-21.unnamed.spec.svc + 10-244-0-21.unnamed.spec.svc: A 10.244.0.21
_sql._tcp.names.spec.svc SRV       = SRV 0 50 5432 first.names.spec.svc ; SRV 0 50 5432 second.names.spec.svc + first.names.spec.svc: A 10.244.0.40 ; second.names.spec.svc: A 10.244.0.40
_sql._tcp.ports-differ.spec.svc SRV = SRV 0 50 5432 10-244-0-41.ports-differ.spec.svc ; SRV 0 50 5433 10-244-0-42.ports-differ.spec.svc + 10-244-0-41.ports-differ.spec.svc: A 10.244.0.41 ; 10-244-0-42.ports-differ.spec.svc: A 10.244.0.42
_http._tcp.long.{SPACE63}.svc SRV  = SRV 0 100 80 {HOST63}.long.{SPACE63}.svc + {HOST63}.long.{SPACE63}.svc: A 10.244.0.63

# 2.4.3 and their addresses, backwards
@10.244.0.5 PTR                    = PTR db-0.db.spec.svc
@fd00:10:244::5 PTR                = PTR db-0.db.spec.svc
@10.244.0.6 PTR                    = PTR 10-244-0-6.db.spec.svc
@10.244.0.7 PTR                    / nxdomain {REVERSE_POD4}
@10.244.0.8 PTR                    / nxdomain {REVERSE_POD4}
@10.244.0.30 PTR                   = PTR x.twice.spec.svc ; PTR x.twice.other.svc
@10.244.0.31 PTR                   = PTR 10-244-0-31.overlap.spec.svc
@10.244.0.40 PTR                   = PTR first.names.spec.svc ; PTR second.names.spec.svc
@10.244.0.63 PTR                   = PTR {HOST63}.long.{SPACE63}.svc
@192.0.2.11 PTR                    = PTR far.outside.spec.svc
@192.0.2.12 PTR                    = PTR 192-0-2-12.outside.spec.svc
@2001:db8::b PTR                   = PTR far.outside.spec.svc
@192.0.2.11 A                      / nodata @192.0.2.11

# 2.5 ExternalName
ext.spec.svc CNAME                 = CNAME www.example.
ext.spec.svc A                     > CNAME www.example. ; www.example.: A 192.0.2.1
ext.spec.svc ANY                   = CNAME www.example.
ext.spec.svc MX                    = CNAME www.example.
ext-dot.spec.svc CNAME             = CNAME www.example.
ext-cname.spec.svc A               > CNAME cname.example. ; cname.example.: CNAME target.example. ; target.example.: A 192.0.2.7
ext-nx.spec.svc A                  > CNAME nx.example. / nxdomain example. ns.example. h.example. 1 2 3 4 30
ext.spec.svc TXT                   > CNAME www.example.
ext-digits.spec.svc CNAME          = CNAME 1.2.3.com.
ext-label.spec.svc CNAME           = CNAME localhost.
ext-in.spec.svc A                  = CNAME web.spec.svc ; web.spec.svc: A 10.96.1.1
ext-in.spec.svc AAAA               = CNAME web.spec.svc ; web.spec.svc: AAAA fd00:10:96::101
ext-in.spec.svc TXT                = CNAME web.spec.svc / nodata
ext-in.spec.svc CNAME              = CNAME web.spec.svc
Ext-In.spec.svc A                  = CNAME web.spec.svc ; web.spec.svc: A 10.96.1.1
ext-db.spec.svc A                  = CNAME db.spec.svc ; db.spec.svc: A 10.244.0.5 ; db.spec.svc: A 10.244.0.6
ext-host.spec.svc A                = CNAME db-0.db.spec.svc ; db-0.db.spec.svc: A 10.244.0.5
ext-chain.spec.svc A               = CNAME ext-in.spec.svc ; ext-in.spec.svc: CNAME web.spec.svc ; web.spec.svc: A 10.96.1.1
ext-chain-out.spec.svc A           > CNAME ext.spec.svc ; ext.spec.svc: CNAME www.example. ; www.example.: A 192.0.2.1
ext-gone.spec.svc A                = CNAME nope.spec.svc / nxdomain
ext-pod.spec.svc A                 = CNAME 10-244-0-5.spec.pod ; 10-244-0-5.spec.pod: A 10.244.0.5
ext-pod.spec.svc AAAA              = CNAME 10-244-0-5.spec.pod / nodata
ext-apex.spec.svc A                = CNAME cluster.local. / nodata
ext-apex.spec.svc SOA              = CNAME cluster.local. ; cluster.local.: SOA {SOA}
ext-reverse.spec.svc PTR           = CNAME 1.1.96.10.in-addr.arpa. ; 1.1.96.10.in-addr.arpa.: PTR web.spec.svc
ext-reverse.spec.svc A             = CNAME 1.1.96.10.in-addr.arpa. / nodata {REVERSE_V4}
ext-loop-a.spec.svc A              / servfail
ext-loop-a.spec.svc CNAME          = CNAME ext-loop-b.spec.svc
ext-self.spec.svc AAAA             / servfail
ext-ip.spec.svc A                  / nxdomain
ext-ip.spec.svc CNAME              / nxdomain
x.ext.spec.svc A                   / nxdomain
x.ext.spec.svc CNAME               / nxdomain
x.y.ext.spec.svc CNAME             / nxdomain
_http._tcp.ext.spec.svc SRV        / nxdomain

# names of pods
10-244-0-5.spec.pod A              = A 10.244.0.5
10-244-0-5.spec.pod AAAA           / nodata
10-244-0-5.spec.pod TXT            / nodata
10-244-0-5.spec.pod ANY            = A 10.244.0.5
10-244-0-5.SPEC.Pod A              = A 10.244.0.5
192-0-2-99.empty.pod A             = A 192.0.2.99
fd00-10-244--5.spec.pod AAAA       = AAAA fd00:10:244::5
fd00-10-244--5.spec.pod A          / nodata
fd00-10-244-0-0-0-0-5.spec.pod AAAA = AAAA fd00:10:244::5
spec.pod A                         / nodata
empty.pod NS                       / nodata
nope.pod A                         / nxdomain
10-244-0-5.nope.pod A              / nxdomain
10-244-0-256.spec.pod A            / nxdomain
10-244-0.spec.pod A                / nxdomain
010-244-0-5.spec.pod A             / nxdomain
x.spec.pod A                       / nxdomain
x.10-244-0-5.spec.pod A            / nxdomain
10.244.0.5.spec.pod A              / nxdomain
10-244-0-5.pod A                   / nxdomain
"""

# With pods = verified and disabled, and a pod from CNI: IP4 and IP6 are its addresses.
VERIFIED = f"""
DASH4.spec.pod A              = A IP4
DASH4.spec.pod AAAA           / nodata
DASH6.spec.pod AAAA       = AAAA IP6
DASH4.other.pod A             / nxdomain
DASH4.nope.pod A              / nxdomain
10-244-0-77.spec.pod A             / nxdomain
192-0-2-9.spec.pod A               / nxdomain
x.spec.pod A                       / nxdomain
spec.pod A                         / nodata
pod A                              / nodata
pod-a.sub.spec.svc A               = A IP4
pod-a.sub.spec.svc AAAA            = AAAA IP6
@IP4 PTR                    = PTR pod-a.sub.spec.svc
@10.244.0.77 PTR                   / nxdomain {REVERSE_POD4}
"""

DISABLED = """
DASH4.spec.pod A              / nxdomain
DASH6.spec.pod AAAA       / nxdomain
spec.pod A                         / nxdomain
pod A                              / nxdomain
svc A                              / nodata
pod-a.sub.spec.svc A               = A IP4
"""
