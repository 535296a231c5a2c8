"""A headless Chromium in a network namespace, driven by its DevTools protocol over a pair of pipes."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from daemon import inside  # noqa: E402

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
LIMIT = 60  # seconds a condition may take; the machines of the tests are slow


def high(fd):
    """The same pipe under a number that is in nobody's way."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD, 200)
    os.close(fd)
    return moved


class Browser:
    """One process with one page. What the page complains of is kept in .complaints."""

    def __init__(self, netns, *options):
        self.dir = tempfile.mkdtemp(prefix="knetui")
        theirs_in, self.out = map(high, os.pipe())
        self.inp, theirs_out = map(high, os.pipe())
        argv = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={self.dir}", *options, "about:blank"]

        def wire():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        with inside(netns):
            # pylint: disable=subprocess-popen-preexec-fn
            self.process = subprocess.Popen(argv, preexec_fn=wire, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest, self.serial, self.session, self.complaints, self.requests = b"", 0, None, [], []
        self.disturbed = False
        pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        self.session = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Security"):
            self.call(f"{domain}.enable")

    # ---- the protocol ----

    def message(self, end):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.inp], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser says nothing"
            got = os.read(self.inp, 1 << 20)
            assert got, "the browser has ended"
            self.rest += got
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def note(self, m):
        p = m.get("params", {})
        if m.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(p["exceptionDetails"].get("exception", {}).get("description") or p["exceptionDetails"]["text"])
        elif m.get("method") == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(p["args"]))
        elif m.get("method") == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
            if "ERR_NETWORK_CHANGED" in p["entry"]["text"]:
                self.disturbed = True
            else:
                self.complaints.append(f'{p["entry"]["text"]} {p["entry"].get("url", "")}')
        elif m.get("method") == "Network.requestWillBeSent":
            self.requests.append((p["request"]["method"], p["request"]["url"]))

    def call(self, method, **params):
        self.serial += 1
        sent = {"id": self.serial, "method": method, "params": params}
        if self.session:
            sent["sessionId"] = self.session
        os.write(self.out, json.dumps(sent).encode() + b"\0")
        end = time.monotonic() + LIMIT
        while True:
            m = self.message(end)
            if m.get("id") == self.serial:
                assert "error" not in m, m
                return m["result"]
            self.note(m)

    # ---- the page ----

    def open(self, url):
        """Chromium drops what it loads when the machine gets or loses an address, as when pods come: then again."""
        for _ in range(20):
            self.disturbed = False
            failed = self.call("Page.navigate", url=url).get("errorText")
            self.until("document.readyState === 'complete'")
            if not self.disturbed and not failed:
                return
        raise AssertionError(f"{url}: {failed}")

    def js(self, expression):
        """The value of an expression in the page; a promise is awaited."""
        r = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in r, r["exceptionDetails"]
        return r["result"].get("value")

    def until(self, expression):
        """Waits until it is true in the page."""
        end = time.monotonic() + LIMIT
        while True:
            try:
                value = self.js(f"(() => {{ try {{ return !!({expression}) }} catch (e) {{ return false }} }})()")
            except AssertionError as e:  # the page went away under the question
                assert "navigat" in str(e) or "context" in str(e), e
                value = False
            if value:
                return
            assert time.monotonic() < end, f"{expression}\n{self.complaints}\n" + self.js("document.body.innerText")
            time.sleep(0.1)

    def click(self, selector):
        self.until(f"document.querySelector({json.dumps(selector)})")
        self.js(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def type(self, selector, text):
        self.js(f"document.querySelector({json.dumps(selector)}).focus()")
        self.js(f"document.querySelector({json.dumps(selector)}).select?.()")
        self.call("Input.insertText", text=text)

    def text(self, selector="body"):
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")

    def shoot(self, path, width=1500, height=950, dark=False):
        """A picture of the page, to be looked at by people."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.js("new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))")
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self):
        os.close(self.out)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.inp)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
