"""Starts the driver of Ray (`ray_driver`), if need be before anything is asked of it: importing Ray takes a second.

`cli.early_start` starts it before everything else, and the driver imports Ray while the launcher reads the job. So
this module imports the standard library and `child_process`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from launcher.child_process import ChildProcess, start_module

_MODULE = "launcher.clusters.ray_driver"


@dataclass(frozen=True)
class RayDriver:
    """A driver that was started, with pipes to it and from it. `errors`: the file that has its stderr."""

    child: ChildProcess
    errors: IO[bytes]

    def end(self) -> None:
        """Kill it at once: its own way out takes a second. What runs on Ray goes on."""
        self.child.end()
        self.errors.close()


Start = Callable[[], RayDriver]


def address() -> str:
    """Return where Ray is, as the environment says: HOST:PORT, or "auto" for the Ray of this machine."""
    return os.environ.get("RAY_ADDRESS", "").strip() or "auto"


def start_driver(where: str) -> RayDriver:
    """Start a driver for the Ray at an address, or return that which was started early.

    Raises:
        OSError: the system has no room for another process.
    """
    while _idle:
        started_for, driver = _idle.pop()
        if started_for == where and driver.child.process.poll() is None:
            return driver
        driver.end()
    import tempfile

    errors = tempfile.TemporaryFile()  # noqa: SIM115  # until the driver is ended
    pipe = subprocess.PIPE
    try:
        child = start_module(_MODULE, where, stdin=pipe, stdout=pipe, stderr=errors.fileno(), has_folder=False)
    except BaseException:
        errors.close()
        raise
    return RayDriver(child, errors)


_idle: list[tuple[str, RayDriver]] = []  # started, and not taken yet; with their addresses


def start_early() -> None:
    """Start the driver that the next `start_driver` returns.

    Raises:
        OSError: the system has no room for another process.
    """
    where = address()
    _idle.append((where, start_driver(where)))


def end() -> None:
    """End the driver that nobody has taken."""
    while _idle:
        _idle.pop()[1].end()
