"""A headless Chromium driven over its DevTools pipe (descriptors 3 and 4, JSON ended by NUL)."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
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
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        saved = [os.dup(fd) if _is_open(fd) else None for fd in (3, 4)]
        # Out of the way first: one of ours may itself be 3 or 4.
        theirs = [_above(theirs_in), _above(theirs_out)]
        self._out, self._in = _above(self._out), _above(self._in)
        os.dup2(theirs[0], 3)
        os.dup2(theirs[1], 4)
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            [program, *options, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            start_new_session=True,
        )
        for fd, before in zip((3, 4), saved, strict=True):
            if before is None:
                os.close(fd)
            else:
                os.dup2(before, fd)
                os.close(before)
        for fd in theirs:
            os.close(fd)
        self._torn = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        targets = self._call("Target.getTargets", {}, "")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        attached = self._call("Target.attachToTarget", {"targetId": page, "flatten": True}, "")
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

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

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser."""
        self._process.kill()
        self._process.wait()
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


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _above(fd: int) -> int:
    """Move a descriptor above the two that the browser speaks on."""
    if fd > 4:
        return fd
    moved = os.dup(fd)
    held = _above(moved)
    os.close(fd)
    return held
