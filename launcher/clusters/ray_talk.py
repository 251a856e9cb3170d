"""The talk with the driver of Ray (`ray_driver`): one request, one answer, within a limit of time.

A driver that is silent, dies or answers nonsense is ended, and the next request starts another. That loses nothing:
what runs on Ray does not depend on it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from typing import Any

from launcher.clusters.base import NotHeard
from launcher.clusters.ray_start import RayDriver, Start
from launcher.text import inline

LIMIT_S = 60.0
_MOST_BYTES = 256 << 20


class DriverProblem(Exception):
    """The driver says why it cannot answer."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class DriverTalk:
    """Requests to a driver, which is started by the first of them."""

    def __init__(self, start: Start, *, limit_s: float = LIMIT_S) -> None:
        self._start = start
        self._limit_s = limit_s
        self._driver: RayDriver | None = None

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the driver's answer to a request.

        Raises:
            DriverProblem: the driver says why there is none.
            NotHeard: the driver did not answer in time, died, answered nonsense, or could not be started.
        """
        deadline_s = time.monotonic() + self._limit_s
        try:
            reply = json.loads(self._exchange(json.dumps(request).encode() + b"\n", deadline_s))
            if not isinstance(reply, dict) or not reply.keys() & {"answer", "problem"}:
                raise ValueError
        except (OSError, ValueError) as error:
            self.close()
            raise NotHeard(f"the driver of Ray gave no answer: {inline(str(error)) or 'nonsense'}") from None
        except NotHeard:
            self.close()
            raise
        if "answer" in reply:
            return reply["answer"]
        raise DriverProblem(str(reply["problem"]), inline(str(reply.get("text")), 500))

    def _exchange(self, request: bytes, deadline_s: float) -> bytes:
        """Send a line and return the line that comes back."""
        if self._driver is None or self._driver.child.process.poll() is not None:
            self.close()
            self._driver = self._start()
            os.set_blocking(self._driver.child.stdin.fileno(), False)
        reads, writes = self._driver.child.stdout.fileno(), self._driver.child.stdin.fileno()
        poll = select.poll()
        poll.register(reads, select.POLLIN)
        poll.register(writes, select.POLLOUT)
        left, reply = memoryview(request), bytearray()
        while not reply.endswith(b"\n"):
            ready = dict(poll.poll(1000 * max(0.0, deadline_s - time.monotonic())))
            if not ready:
                raise NotHeard(f"the driver of Ray has not answered within {self._limit_s:g} s")
            if reads in ready:
                if not (part := os.read(reads, 1 << 20)) or len(reply) > _MOST_BYTES:
                    raise NotHeard(_ended(self._driver))
                reply += part
            if writes in ready and left:
                with contextlib.suppress(BrokenPipeError):  # it has died; its stdout says so, too
                    left = left[os.write(writes, left) :]
                if not left:
                    poll.unregister(writes)
        return bytes(reply)

    def close(self) -> None:
        """End the driver. What runs on Ray goes on."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.end()


def _ended(driver: RayDriver) -> str:
    """Return that a driver has ended, with what it said last."""
    said = ""
    with contextlib.suppress(OSError):
        driver.errors.seek(max(0, driver.errors.seek(0, os.SEEK_END) - 4096))
        lines = driver.errors.read().decode(errors="replace").strip().splitlines()
        said = inline(lines[-1]) if lines else ""
    return f"the driver of Ray has ended{': ' if said else ''}{said}"
