"""Tells who is on a device: its processes, with user and command, and the launcher that holds its lock.

It only looks: it keeps no lock, waits for none, and makes no CUDA context. Plans and messages show it. Whether a launch
may use a device is decided by the lock.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, field
from pathlib import Path

from launcher.config import redact
from launcher.devices.locks import lock_file
from launcher.devices.nvml import Gpu
from launcher.store.locks import Holder, find_holder
from launcher.text import inline

_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessInfo:
    """A process on a device. User and command are empty if /proc does not tell: it may be outside our container."""

    pid: int
    user: str = ""
    command: str = ""

    def __str__(self) -> str:
        by = f" of {inline(self.user, 40)}" if self.user else ""
        return f"pid {self.pid}{by}{f': {inline(self.command, 60)}' if self.command else ''}"


@dataclass(frozen=True)
class Occupancy:
    """The processes on a device, and the launcher that holds its lock."""

    processes: list[ProcessInfo] = field(default_factory=list)
    launcher: Holder | None = None

    def lines(self) -> list[str]:
        """Return a line for the launcher, if any, and one for each process."""
        holder = [launcher_line(self.launcher)] if self.launcher else []
        return holder + [f"used by {process}" for process in self.processes]


def occupancy(gpu: Gpu) -> Occupancy:
    """Return who is on a GPU now. Its processes are those that `nvml.find_gpus` found."""
    return Occupancy([process_info(pid) for pid in gpu.pids], find_holder(lock_file(gpu.uuid)))


def process_info(pid: int) -> ProcessInfo:
    """Return user and command of a process, as /proc tells them; secrets in the command are hidden."""
    folder = _PROC / str(pid)
    try:
        uid = folder.stat().st_uid
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        command = " ".join(redact.words(words)).strip()
    except OSError:
        return ProcessInfo(pid)
    return ProcessInfo(pid, user_name(uid), command)


def user_name(uid: int) -> str:
    """Return the name of a user, or `uid 1001` for one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def launcher_line(holder: Holder) -> str:
    """Return a line about the holder of a lock, with what its note in the lock file says."""
    host = f" on {holder.host}" if holder.host not in ("", os.uname().nodename) else ""
    user = process_info(holder.pid).user if holder.pid is not None and not host else ""
    pid = f" pid {holder.pid}" if holder.pid is not None else ""
    since = f" since {holder.since}" if holder.since else ""
    place = f", started in {holder.folder}" if holder.folder else ""
    return inline(f"held by launcher{pid}{f' of {user}' if user else ''}{host}{since}{place}", 300)
