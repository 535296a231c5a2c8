"""The words of gateway_table.py: objects of the Gateway API in a line each, and rows of what is asked and what comes back.

A group is objects and rows: the objects are made, the rows asked one after another, the objects deleted. A row is a
function of the world (test_gateway_table.World) that asserts; its name says what it is about."""

GW = "gateway.networking.k8s.io/v1"


# ---- objects

def meta(name, ns, **more):
    return {"name": name, **({"namespace": ns} if ns else {}), **more}


def listener(name="http", port=80, protocol="HTTP", host=None, allow="All", kinds=None, **more):
    """allow: whose routes: All, Same, or {label: value} of their namespace."""
    namespaces = {"from": allow} if isinstance(allow, str) else {"from": "Selector", "selector": {"matchLabels": allow}}
    found = {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": namespaces}, **more}
    if host:
        found["hostname"] = host
    if kinds is not None:
        found["allowedRoutes"]["kinds"] = [{"kind": k} if isinstance(k, str) else k for k in kinds]
    return found


def certs(*names):
    return {"mode": "Terminate",
            "certificateRefs": [{"name": n.split("/")[-1], **({"namespace": n.split("/")[0]} if "/" in n else {})} for n in names]}


def gateway(name, *listeners, ns="infra", **spec):
    return {"apiVersion": GW, "kind": "Gateway", "metadata": meta(name, ns),
            "spec": {"gatewayClassName": "knetd", "listeners": list(listeners), **spec}}


def parent(name="edge", ns="infra", section=None, port=None, kind=None):
    found = {"name": name, "namespace": ns}
    for key, value in (("sectionName", section), ("port", port), ("kind", kind)):
        if value:
            found[key] = value
    return found


def backend(text, weight=None, port=8080, **more):
    """ "v1", "v1:8081", "apps/app:443"."""
    where, _, number = text.partition(":")
    ns, _, name = where.rpartition("/")
    return {"name": name, "port": int(number or port), **({"namespace": ns} if ns else {}), **({"weight": weight} if weight is not None else {}),
            **more}


def backends(to, port=8080):
    to = [to] if isinstance(to, (str, dict)) else list(to or ())
    return [b if isinstance(b, dict) else backend(b, port=port) if isinstance(b, str) else backend(*b, port=port) for b in to]


KINDS = {"=": "Exact", "~": "RegularExpression"}


def pair(text):
    kind, name, value = ("RegularExpression", *text.split("~", 1)) if "~" in text else ("Exact", *text.split("=", 1))
    return {"type": kind, "name": name, "value": value}


def match(path=None, method=None, headers=(), query=()):
    """path: "/prefix", "=/exact", "~/re.*"; headers and query: "name=value" or "name~re.*"."""
    found = {}
    if path:
        found["path"] = {"type": KINDS[path[0]], "value": path[1:]} if path[0] in KINDS else {"type": "PathPrefix", "value": path}
    if method:
        found["method"] = method
    if headers:
        found["headers"] = [pair(h) for h in headers]
    if query:
        found["queryParams"] = [pair(q) for q in query]
    return found


def rule(to=None, *matches, **more):
    found = dict(more)
    if matches:
        found["matches"] = [match(m) if isinstance(m, str) else m for m in matches]
    if to:
        found["backendRefs"] = backends(to)
    return found


def route(name, *rules, to=None, hosts=(), ns="infra", kind="HTTPRoute"):
    parents = [to or parent()] if not isinstance(to, list) else to
    return {"apiVersion": GW, "kind": kind, "metadata": meta(name, ns),
            "spec": {"parentRefs": [parent(p) if isinstance(p, str) else p for p in parents],
                     **({"hostnames": list(hosts)} if hosts else {}), "rules": list(rules)}}


def l4(kind, name, *to, port, parents=None, **more):
    made = route(name, {"backendRefs": backends(to, port)}, to=parents, kind=kind, **more)
    return made


def grpc(name, *rules, **more):
    return route(name, *rules, kind="GRPCRoute", **more)


def method(service=None, name=None, headers=(), kind="Exact"):
    found = {}
    if service or name:
        found["method"] = {"type": kind, **({"service": service} if service else {}), **({"method": name} if name else {})}
    if headers:
        found["headers"] = [pair(h) for h in headers]
    return found


def grant(name, ns, kind, of, to="Service", only=None, group="gateway.networking.k8s.io"):
    """In ns: `kind`s of namespace `of` may name its `to`s (all, or only that one)."""
    return {"apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": meta(name, ns),
            "spec": {"from": [{"group": group, "kind": kind, "namespace": of}],
                     "to": [{"group": "", "kind": to, **({"name": only} if only else {})}]}}


def listener_set(name, *listeners, of="edge", ns="infra", of_ns="infra"):
    return {"apiVersion": GW, "kind": "ListenerSet", "metadata": meta(name, ns),
            "spec": {"parentRef": {"name": of, "namespace": of_ns, "kind": "Gateway", "group": "gateway.networking.k8s.io"},
                     "listeners": list(listeners)}}


def service(name, ns="infra", app=None, **spec):
    spec.setdefault("ports", [{"name": "http", "port": 8080}])
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, ns), "spec": {**({"selector": {"app": app}} if app else {}), **spec}}


def slice_of(name, ns, addresses, port=8080):
    """Endpoints by hand; addresses: names of pods."""
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": meta(f"{name}-hand", ns, labels={"kubernetes.io/service-name": name}),
            "endpoints": [{"addresses": [f"@{a}"], "conditions": {"ready": True}} for a in addresses],
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}]}


def tls_policy(name, target, hostname, ca="ca", ns="infra", names=()):
    validation = {"hostname": hostname, "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": ca}]}
    if names:
        validation["subjectAltNames"] = list(names)
    return {"apiVersion": GW, "kind": "BackendTLSPolicy", "metadata": meta(name, ns),
            "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": target}], "validation": validation}}


# ---- filters

def headers_of(kind, **more):
    """set="a=1", add=..., remove=... (lists or one)."""
    found = {}
    for verb, what in more.items():
        what = [what] if isinstance(what, str) else what
        found[verb] = what if verb == "remove" else [dict(zip(("name", "value"), w.split("=", 1))) for w in what]
    key = kind[0].lower() + kind[1:]
    return {"type": kind, key: found}


def asks(**more):
    return headers_of("RequestHeaderModifier", **more)


def tells(**more):
    return headers_of("ResponseHeaderModifier", **more)


def path_of(full=None, prefix=None):
    return {"type": "ReplaceFullPath", "replaceFullPath": full} if full is not None else {"type": "ReplacePrefixMatch", "replacePrefixMatch": prefix}


def redirect(code=None, full=None, prefix=None, **more):
    found = {**more, **({"statusCode": code} if code else {})}
    if full is not None or prefix is not None:
        found["path"] = path_of(full, prefix)
    return {"type": "RequestRedirect", "requestRedirect": found}


def rewrite(host=None, full=None, prefix=None):
    found = {"hostname": host} if host else {}
    if full is not None or prefix is not None:
        found["path"] = path_of(full, prefix)
    return {"type": "URLRewrite", "urlRewrite": found}


def mirror(to, **more):
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend(to), **more}}


def cors(**more):
    return {"type": "CORS", "cors": more}


# ---- rows

class Row:
    """What is asked and what has to come back."""

    def __init__(self, name, ask):
        self.name, self.ask = name, ask


def group(name, *objects, rows, features=()):
    return {"name": name, "objects": list(objects), "rows": rows, "features": features}


def http(what, to=None, status=None, **more):
    """ "GET host/path" or "host/path"; see World.http for the rest."""
    if to is None and status is None:
        status = 404
    return Row(f"{what} {to or ''}{status or ''}{' ' + repr(more) if more else ''}"[:110], lambda world: world.http(what, to, status or 200, **more))


def says(kind, name, condition, wanted, ns="infra", of=0, section=None):
    """wanted: "True Accepted"; of: which of a route's parents; section: of a Gateway's listener."""
    return Row(f"{kind} {name} {section or ''} {condition} {wanted}", lambda world: world.says(kind, ns, name, condition, wanted, of, section))


def attached(name, section, n, ns="infra", kind="Gateway"):
    return Row(f"{name}/{section} has {n} routes", lambda world: world.attached(kind, ns, name, section, n))


def row(name, ask):
    return Row(name, ask)


def true(name, what):
    def ask(world):
        assert what(world)
    return Row(name, ask)
