"""ADD and DEL while the kernel refuses: strace makes one system call of the daemon fail, the first, the second, and so
on through the whole verb, each kind of call in its turn. What fails is taken back whole; what cannot be done now is
done when it is asked for again."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from pods import CniError, Sandbox, eventually  # noqa: E402

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not there")

# The calls that an ADD makes of the kernel. A call that cannot fail (close, munmap) is left out.
CALLS = {"sendmsg": "ENOBUFS", "recvfrom": "ENOBUFS", "socket": "EMFILE", "bind": "EADDRINUSE", "open": "EMFILE",
         "ioctl": "EINTR", "pwrite64": "EIO", "writev": "EIO", "getrandom": "EAGAIN"}
ARGS = "K8S_POD_NAMESPACE=default;K8S_POD_NAME={}"


@pytest.fixture(scope="module")
def idle(knetd):
    """With a pod that stays, so that not everything is a first time."""
    with Sandbox(knetd) as first:
        first.call("ADD", CNI_ARGS=ARGS.format("stays"))
        eventually(lambda: used(knetd) == [1, 1])
        yield knetd


@contextlib.contextmanager
def failing(pid, call, error, nth):
    """The nth such call from now on fails, once. Left with: did it come to that?"""
    seen = []
    tracer = subprocess.Popen(["strace", "-f", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}", "-p", str(pid)],
                              stderr=subprocess.PIPE, text=True)
    try:
        assert "attached" in tracer.stderr.readline()
        yield seen
    finally:
        tracer.send_signal(signal.SIGINT)
        seen.append("(INJECTED)" in tracer.communicate(timeout=20)[1])


def used(knetd):
    return [float(x.split()[1]) for x in knetd.api("GET", "/metrics")[1].splitlines() if x.startswith("knetd_podnet_addresses_used{")]


def links(knetd):
    return sorted(x.split(":")[1].split("@")[0].strip() for x in knetd.exec("ip", "-o", "link").stdout.splitlines() if ": knet" in x)


def routes(knetd):
    return sorted(knetd.exec("ip", "route").stdout.split("\n") + knetd.exec("ip", "-6", "route").stdout.split("\n"))


def state(knetd, sandbox):
    names = ["/apis/knetd.io/v1alpha1/podnetworks", "/api/v1/pods"]
    return {**{n: sorted(o["metadata"]["name"] for o in knetd.api("GET", n)[1]["items"]) for n in names},
            "links": links(knetd), "routes": routes(knetd), "used": used(knetd), "in the pod": sandbox.links()}


def same(knetd, sandbox, before):
    """Waits for it: a link goes a moment after its pod."""
    seen = {}

    def look():
        seen.update(state(knetd, sandbox))
        return seen == before

    try:
        eventually(look)
    except AssertionError:
        raise AssertionError({k: (before[k], v) for k, v in seen.items() if v != before[k]}) from None


@pytest.mark.parametrize("call", CALLS)
def test_add_is_taken_back_whole(idle, call):
    with Sandbox(idle) as box:
        args = {"CNI_ARGS": ARGS.format("faulty")}
        before, failed = state(idle, box), 0
        for nth in range(1, 40):
            result = None
            with failing(idle.process.pid, call, CALLS[call], nth) as came:
                try:
                    result = box.call("ADD", **args)
                except CniError as e:
                    assert e.code in (4, 5, 11) and e.msg, e
                    if "does not answer" in e.msg:  # it was the answer that got lost: a runtime calls DEL then
                        box.call("DEL", **args)
            if result:  # the failure hit something that ADD can do without, or came too late
                assert box.call("CHECK", {"prevResult": result}) is None
                box.call("DEL", **args)
            else:
                failed += 1
            same(idle, box, before)
            if not came[0]:
                break
        assert not came[0], "more calls than were tried"
        assert failed or call in ("ioctl", "writev", "bind"), "no such call makes an ADD fail: then why is it here?"
        assert idle.process.poll() is None, idle.logged()


@pytest.mark.parametrize("call", ["sendmsg", "recvfrom", "pwrite64", "writev", "fork", "socket"])
def test_del_ends_clean(idle, call):
    with Sandbox(idle) as box:
        args = {"CNI_ARGS": ARGS.format("leaving")}
        before = state(idle, box)
        for nth in range(1, 20):
            box.call("ADD", **args)
            with failing(idle.process.pid, call, CALLS.get(call, "EAGAIN"), nth) as came:
                try:
                    box.call("DEL", **args)
                except CniError as e:
                    assert e.code in (5, 11), e
            box.call("DEL", **args)
            same(idle, box, before)
            if not came[0]:
                break
        assert not came[0] and idle.process.poll() is None, idle.logged()
