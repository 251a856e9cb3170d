"""A headless Chromium driven over its DevTools pipe (descriptors 3 and 4, JSON ended by NUL)."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser() -> str | None:
    """Return the program, or None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser with one blank page."""

    def __init__(self, program: str, profile: Path) -> None:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self._pid, self._out, self._in = start_on_3_and_4([program, *options, "about:blank"])
        self._torn = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        try:
            targets = self._call("Target.getTargets", {}, "")["targetInfos"]
            page = next(one["targetId"] for one in targets if one["type"] == "page")
            attached = self._call("Target.attachToTarget", {"targetId": page, "flatten": True}, "")
            self._session = str(attached["sessionId"])
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:  # also the limit of the test: a browser that nobody closes would outlive the tests
            self.close()
            raise

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol on the page and return its result."""
        return self._call(method, parameters, self._session)

    def view(self, width: int, scheme: str = "light", medium: str = "") -> None:
        """Set the width of the window in CSS pixels, the colour scheme and the medium."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self._wait(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events))

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def point(self, x: float, y: float) -> None:
        """Move the pointer to a place in the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def drag(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """Press the button of the mouse at one place, and let go of it at another."""
        held = {"button": "left", "clickCount": 1}
        self.point(x, y)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **held)
        for share in (0.3, 0.6, 1.0):
            across, down = x + (to_x - x) * share, y + (to_y - y) * share
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=across, y=down, buttons=1, button="left")
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=to_x, y=to_y, **held)

    def click(self, x: float, y: float, times: int = 1) -> None:
        """Click a place in the window, or double-click it."""
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)

    def save_downloads(self, folder: Path) -> None:
        """Write what the page offers for download into a folder."""
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """Write a picture of the whole page, or of its upper left corner of a size in CSS pixels."""
        clip = {"clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}} if size else {}
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True, **clip)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser and the processes it has started, which are in its process group."""
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)

    def _call(self, method: str, parameters: dict[str, Any], session: str) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self._wait(lambda: bool(answers), lambda one: answers.append(one) if one.get("id") == number else None)
        assert "error" not in answers[0], f"{method}: {answers[0]['error']}"
        return dict(answers[0]["result"])

    def _wait(self, condition: Callable[[], bool], heard: Callable[[dict[str, Any]], None] | None = None) -> None:
        deadline_s = time.monotonic() + 60.0
        while not condition():
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, "the browser does not answer"
            if not select.select([self._in], [], [], left_s)[0]:
                continue
            piece = os.read(self._in, 1 << 20)
            assert piece, "the browser ended"
            *messages, self._torn = (self._torn + piece).split(b"\0")
            for message in map(json.loads, messages):
                if "id" not in message:
                    self.events.append(message)
                elif heard is not None:
                    heard(message)


def start_on_3_and_4(command: list[str]) -> tuple[int, int, int]:
    """Start a program that reads from its descriptor 3 and writes to its 4; return its pid and our two ends.

    Only the child's descriptors are changed. In this process 3 and 4 may be the channel to xdist's controller, and a
    message that is read or written while a pipe stands there in its place is lost: the tests then wait for ever.
    """
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # Copies above 4, so that neither is in the way of the other when the child moves them.
    above = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 5) for fd in (theirs_in, theirs_out)]
    try:
        actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, number) for fd, number in zip(above, (3, 4), strict=True)]
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)
    except BaseException:
        os.close(ours_out)
        os.close(ours_in)
        raise
    finally:
        for fd in (theirs_in, theirs_out, *above):
            os.close(fd)
    return pid, ours_out, ours_in
