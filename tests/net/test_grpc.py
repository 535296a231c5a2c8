"""gRPC through the proxy, by Ingresses and GRPCRoutes: a real server in a pod, a real client on the node."""

import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Knetd  # noqa: E402
from pods import Pod, eventually  # noqa: E402
from ingress_lab import certificate  # noqa: E402
from test_ingress import INGRESSES, SERVICES  # noqa: E402

SERVER = r"""
import concurrent.futures, sys, time, grpc

def say(data, ctx):
    ctx.set_trailing_metadata((("x-last", "trailer"),))
    return sys.argv[1].encode() + b" " + data

def fail(data, ctx):
    ctx.set_trailing_metadata((("x-why", "asked"),))
    ctx.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 100%")

def count(data, ctx):
    for i in range(int(data)):
        yield b"%d" % i

def large(data, ctx):
    yield b"x" * int(data)

def total(items, ctx):
    return b"%d" % sum(len(i) for i in items)

def chat(items, ctx):
    for i in items:
        yield b"re: " + i

def wait(data, ctx):
    ctx.send_initial_metadata(())
    time.sleep(30)
    return b""

def silent(data, ctx):
    time.sleep(8)
    return b"late"

def meta(data, ctx):
    return repr(sorted((k, v) for k, v in ctx.invocation_metadata())).encode()

unary, down, up, both = (grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler,
                         grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), options=[("grpc.max_concurrent_streams", int(sys.argv[2]))])
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {
    "Say": unary(say), "Fail": unary(fail), "Count": down(count), "Large": down(large), "Total": up(total), "Chat": both(chat),
    "Wait": unary(wait), "Meta": unary(meta), "Silent": unary(silent)}),))
assert server.add_insecure_port("[::]:8080")
if len(sys.argv) > 3:
    with open(sys.argv[3], "rb") as crt, open(sys.argv[4], "rb") as key:
        assert server.add_secure_port("[::]:8443", grpc.ssl_server_credentials([(key.read(), crt.read())]))
server.start()
print("ready", flush=True)
server.wait_for_termination()
"""

# Runs calls one after the other, all on one channel; tells what became of each.
CLIENT = r"""
import concurrent.futures, json, sys, grpc
port, authority, calls = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.default_authority", authority)])

def text(b):
    return b.decode() if len(b) < 1000 else len(b)

def one(kind, method, data, timeout, metadata=()):
    metadata = [tuple(m) for m in metadata]
    call = getattr(channel, kind)(method)
    send = data.encode() if kind.startswith("unary") else (d.encode() * n for d, n in data)
    try:
        if kind.endswith("_unary"):
            got, call = call.with_call(send, timeout=timeout, metadata=metadata)
            got = text(got)
        else:
            call = call(send, timeout=timeout, metadata=metadata)
            got = [text(g) for g in call]
    except grpc.RpcError as e:
        got, call = None, e
    return {"got": got, "code": call.code().value[0], "details": call.details(),
            "trailers": {k: v for k, v in call.trailing_metadata() or () if isinstance(v, str)}}

with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps(list(pool.map(lambda c: one(*c), calls))))
"""


def serve(pod, streams=100, tls=()):
    p = subprocess.Popen(["ip", "netns", "exec", pod.netns, "/usr/bin/python3", "-c", SERVER, pod.name, str(streams), *tls],
                         stdout=subprocess.PIPE, text=True)
    pod.processes.append(p)
    assert p.stdout.readline() == "ready\n"


def expose(knetd, name, app=None, protocol="GRPC", port=8080):
    status, answer = knetd.api("POST", SERVICES, {"metadata": {"name": name}, "spec": {
        "selector": {"app": app or name}, "ports": [{"port": 80, "targetPort": port}]}})
    assert status == 201, answer
    status, answer = knetd.api("POST", INGRESSES, {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "annotations": {"nginx.ingress.kubernetes.io/backend-protocol": protocol}},
        "spec": {"ingressClassName": "knetd", "rules": [{"host": f"{name}.example", "http": {"paths": [
            {"path": "/test.Echo", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}]}}]}})
    assert status == 201, answer


GATEWAY = "/apis/gateway.networking.k8s.io/v1"
GATEWAY_PORT = 8085


def gateway(knetd):
    """A GRPCRoute: Say and Meta by their method, the other ones of Count's kind only with a header."""
    def rule(method, service_name, **more):
        return {"matches": [{"method": method, **more}], "backendRefs": [{"name": service_name, "port": 80}]}

    def kind(name, spec):
        return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": name, "metadata": {"name": "gw"}, "spec": spec}

    knetd.api("POST", f"{GATEWAY}/gatewayclasses", {**kind("GatewayClass", {"controllerName": "knetd.io/gateway"}),
                                                    "metadata": {"name": "knetd"}})
    for plural, body in (("gateways", kind("Gateway", {"gatewayClassName": "knetd", "listeners": [
        {"name": "http", "port": GATEWAY_PORT, "protocol": "HTTP"}]})), ("grpcroutes", kind("GRPCRoute", {
            "parentRefs": [{"name": "gw"}], "hostnames": ["route.example"], "rules": [
                rule({"service": "test.Echo", "method": "Say"}, "echo"),
                rule({"service": "test.Echo", "method": "Say"}, "narrow", headers=[{"name": "x-version", "value": "two"}]),
                rule({"service": "test.Echo", "method": "Meta"}, "empty"),
                rule({"type": "RegularExpression", "method": "Fail|Silent"}, "echo"),
                rule({"service": "test.Echo", "method": "Count"}, "echo", headers=[{"name": "x-may", "value": "count"}])]}))):
        status, answer = knetd.api("POST", f"{GATEWAY}/namespaces/default/{plural}", body)
        assert status == 201, answer


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    tls = certificate(tmp_path_factory.mktemp("grpc"), "pod", "pod.example")
    with Knetd(ini="[ingress]\nhttp = 8080\ntimeout = 2\n") as knetd:
        pods = [Pod(knetd, name, labels={"app": app}) for name, app in (("echo", "echo"), ("one", "narrow"))]
        try:
            serve(pods[0], tls=tls)
            serve(pods[1], streams=1)
            for name in ("echo", "narrow", "empty"):
                expose(knetd, name)
            expose(knetd, "secure", "echo", "GRPCS", 8443)
            expose(knetd, "unspoken", "echo", "GRPCS", 8080)
            gateway(knetd)
            yield knetd
        finally:
            for pod in pods:
                pod.remove()


def call(node, *calls, host="echo.example", port=8080):
    done = subprocess.run([*node.enter, "/usr/bin/python3", "-c", CLIENT, str(port), host, json.dumps(calls)],
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def say(data="hello", timeout=10):
    return ("unary_unary", "/test.Echo/Say", data, timeout)


def test_unary(node):
    answer, = call(node, say())
    assert answer["got"] == "echo hello" and answer["code"] == 0
    assert answer["trailers"] == {"x-last": "trailer"}


def test_a_status_of_the_server_comes_through(node):
    answer, = call(node, ("unary_unary", "/test.Echo/Fail", "", 10))
    assert (answer["code"], answer["details"], answer["trailers"]) == (9, "not today: 100%", {"x-why": "asked"})


def test_streams(node):
    count, total, chat, large = call(
        node, ("unary_stream", "/test.Echo/Count", "2000", 20), ("stream_unary", "/test.Echo/Total", [("x", 300000)] * 10, 20),
        ("stream_stream", "/test.Echo/Chat", [("a", 1), ("b", 2), ("c", 100000)], 20),
        ("unary_stream", "/test.Echo/Large", "3000000", 20))
    assert count["got"] == [str(i) for i in range(2000)]
    assert total["got"] == "3000000"
    assert chat["got"] == ["re: a", "re: bb", 100004]
    assert large["got"] == [3000000]


def test_metadata(node):
    answer, = call(node, ("unary_unary", "/test.Echo/Meta", "", 10))
    assert "('x-forwarded-for', '127.0.0.1')" in answer["got"]


@pytest.mark.parametrize("host, method, code", [
    ("nobody.example", "/test.Echo/Say", 12),  # no route
    ("echo.example", "/other.Service/Say", 12),
    ("empty.example", "/test.Echo/Say", 14),  # no endpoint
    ("echo.example", "/test.Echo/Nothing", 12),  # the server's own word
])
def test_refusals(node, host, method, code):
    answer, = call(node, ("unary_unary", method, "", 10), host=host)
    assert answer["code"] == code, answer


def test_deadlines(node):
    """The client's own, and that of the proxy when a server does not even begin to answer."""
    answer, = call(node, ("unary_unary", "/test.Echo/Wait", "", 1))
    assert answer["code"] == 4


def test_a_server_that_does_not_begin_to_answer(node):
    """The proxy's own limit (2 s here), long before the client's."""
    answer, = call(node, ("unary_unary", "/test.Echo/Silent", "", 30))
    assert (answer["code"], answer["details"]) == (4, "the backend did not answer in time")


def test_tls_to_the_server(node):
    """backend-protocol GRPCS; a server that speaks no TLS is one that cannot be had."""
    one, fail, count = call(node, say(), ("unary_unary", "/test.Echo/Fail", "", 10), ("unary_stream", "/test.Echo/Count", "500", 20),
                            host="secure.example")
    assert (one["code"], one["got"], one["trailers"]) == (0, "echo hello", {"x-last": "trailer"})
    assert (fail["code"], fail["details"]) == (9, "not today: 100%")
    assert count["got"] == [str(i) for i in range(500)]
    assert call(node, say(), host="unspoken.example")[0]["code"] == 14


def test_a_grpcroute(node):
    """By method, by metadata, by expression; what no rule is for, and a Service without endpoints."""
    def ask(*calls):
        return call(node, *calls, host="route.example", port=GATEWAY_PORT)

    eventually(lambda: ask(say())[0]["code"] == 0)
    plain, two, three = ask(say(), (*say(), [("x-version", "two")]), (*say(), [("x-version", "three")]))
    assert (plain["got"], two["got"], three["got"]) == ("echo hello", "one hello", "echo hello")
    assert plain["trailers"] == {"x-last": "trailer"}
    may, may_not = ask(("unary_stream", "/test.Echo/Count", "3", 10, [("x-may", "count")]), ("unary_stream", "/test.Echo/Count", "3", 10))
    assert (may["got"], may_not["code"]) == (["0", "1", "2"], 12)
    fail, silent, empty, other = ask(*(("unary_unary", m, "", 30) for m in (
        "/test.Echo/Fail", "/test.Echo/Silent", "/test.Echo/Meta", "/test.Echo/Total")))
    assert (fail["code"], fail["trailers"]) == (9, {"x-why": "asked"})
    assert (silent["code"], silent["details"]) == (4, "the backend did not answer in time")
    assert (empty["code"], other["code"]) == (14, 12)


def test_one_stream_at_a_time(node):
    """A server that takes one stream on a connection: there are as many connections as it takes."""
    answers = call(node, *[say(str(i), 20) for i in range(40)], host="narrow.example")
    assert [a["got"] for a in answers] == [f"one {i}" for i in range(40)]


def test_many_share_a_connection(node):
    before = opened(node)
    answers = call(node, *[say(str(i), 20) for i in range(60)])
    assert [a["got"] for a in answers] == [f"echo {i}" for i in range(60)]
    assert opened(node) - before <= 1


def opened(node):
    for line in node.api("GET", "/metrics")[1].splitlines():
        if line.startswith("knetd_ingress_upstream_connects_total "):
            return float(line.split()[1])
    raise AssertionError("no such metric")


def test_a_server_that_goes_away(node):
    pod = Pod(node, "brief", labels={"app": "brief"})
    try:
        serve(pod)
        expose(node, "brief")
        eventually(lambda: call(node, say(), host="brief.example")[0]["code"] == 0)
        pod.processes[-1].kill()
        pod.processes[-1].wait()
        assert call(node, say(), host="brief.example")[0]["code"] == 14
        serve(pod)
        eventually(lambda: call(node, say(), host="brief.example")[0]["code"] == 0)
    finally:
        pod.remove()
