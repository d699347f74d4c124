"""A headless Chromium that opens a page from a disk, and says what happened there.

It is driven over the pipe of the DevTools protocol, so that nothing but a Chromium is needed: `$CHROMIUM`, or one that
is installed. There is no network: the browser is told to find no host, and every request that it makes is noted.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
]
TIME_LIMIT = 60


def find_chromium() -> str | None:
    """The browser, or None if there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page, and everything that it said or asked for."""

    def __init__(self, width: int = 1360, height: int = 900, *, dark: bool = False) -> None:
        program = find_chromium()
        assert program is not None, "no Chromium"
        self.profile = tempfile.mkdtemp(prefix="annstream-browser-")
        # The browser reads from its descriptor 3 and writes to 4.
        theirs_in, self.ours_out = os.pipe()
        self.ours_in, theirs_out = os.pipe()
        high = [os.dup(theirs_in), os.dup(theirs_out)]
        while min(high) < 5:
            high = [os.dup(one) for one in high]

        def place() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,
            close_fds=False,
        )
        for one in (theirs_in, theirs_out, *high):
            with contextlib.suppress(OSError):
                os.close(one)
        self.session: str | None = None
        self.buffer = b""
        self.number = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.loaded = False
        target = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.prefer(dark=dark)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for one in (self.ours_in, self.ours_out):
            os.close(one)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Asks for something and waits for the answer."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.ours_out, json.dumps(message).encode() + b"\0")
        number = self.number
        while True:
            answer = self.receive()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def receive(self) -> dict[str, Any]:
        """The next message; events are noted."""
        end = time.monotonic() + TIME_LIMIT
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.ours_in], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            chunk = os.read(self.ours_in, 1 << 20)
            assert chunk, "the browser has gone"
            self.buffer += chunk
        raw, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(raw)
        self.note(message.get("method"), message.get("params", {}))
        return message

    def note(self, event: str | None, parameters: dict[str, Any]) -> None:
        """Keeps what a page should not do."""
        if event == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in parameters["args"]))
        elif event == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event == "Page.loadEventFired":
            self.loaded = True

    def prefer(self, *, dark: bool) -> None:
        """What the system prefers, as far as the page can tell."""
        value = "dark" if dark else "light"
        features = [
            {"name": "prefers-color-scheme", "value": value},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)

    def open(self, path: Path) -> None:
        """Opens a file and waits until it is drawn."""
        self.loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + TIME_LIMIT
        while not self.loaded:
            assert time.monotonic() < end, "the page does not load"
            self.receive()
        self.settle()

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Moves the mouse, or turns its wheel."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def press(self, key: str, code: str, number: int) -> None:
        """Presses a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A picture of what is seen, or of the whole page."""
        if whole:
            height = self.evaluate("document.documentElement.scrollHeight")
            width = self.evaluate("window.innerWidth")
            self.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            self.settle()
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def settle(self) -> None:
        """Waits until what was asked for is drawn."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
