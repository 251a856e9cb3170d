"""Who is on a device: the processes that the driver names, with user and command, and the launcher that has locked it.

Only looks: no lock is kept or waited for, no context made. For plans and refusals; a launch decides by its locks.
"""

from __future__ import annotations

import contextlib
import os
import pwd
from dataclasses import dataclass, field
from pathlib import Path

from launcher.config import redact
from launcher.devices.nvml import Gpu
from launcher.store.locks import Holder, device_lock, find_holder
from launcher.text import inline

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process on a device; user and command are empty where /proc does not tell, as for one outside a container."""

    pid: int
    user: str = ""
    command: str = ""

    def __str__(self) -> str:
        by = f" of {inline(self.user, 40)}" if self.user else ""
        return f"pid {self.pid}{by}{f': {inline(self.command, 60)}' if self.command else ''}"


@dataclass(frozen=True)
class Occupancy:
    """What is on one device."""

    processes: list[Process] = field(default_factory=list)
    launcher: Holder | None = None  # of its lock

    def lines(self) -> list[str]:
        """Return a line for the launcher and for each process."""
        told = [launcher_line(self.launcher)] if self.launcher else []
        return told + [f"used by {one}" for one in self.processes]


def occupancy(gpu: Gpu) -> Occupancy:
    """Look who is on a GPU."""
    return Occupancy([process(pid) for pid in gpu.pids], find_holder(device_lock(gpu.uuid)))


def process(pid: int) -> Process:
    """Return what /proc tells about a process."""
    folder = _PROC / str(pid)
    try:
        uid = folder.stat().st_uid
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        command = " ".join(redact.words(words)).strip()
    except OSError:
        return Process(pid)
    return Process(pid, user_name(uid), command)


def user_name(uid: int) -> str:
    """Return the name of a user, or `uid 1001` for one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def free_memory() -> int | None:
    """Return how many bytes of the machine's memory are free to use, as the kernel reckons; None if unknown."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (_PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def launcher_line(holder: Holder) -> str:
    """Say who holds a lock, as far as it left a note."""
    host = f" on {holder.host}" if holder.host not in ("", os.uname().nodename) else ""
    user = process(holder.pid).user if holder.pid is not None and not host else ""
    pid = f" pid {holder.pid}" if holder.pid is not None else ""
    since = f" since {holder.since}" if holder.since else ""
    place = f", started in {holder.folder}" if holder.folder else ""
    return inline(f"held by launcher{pid}{f' of {user}' if user else ''}{host}{since}{place}", 300)
