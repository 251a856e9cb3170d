"""Which processes a command has left running when it ended, as `train.sh &` does in a shell script.

They end with the worker. Who does not know that takes an experiment for done that has hardly begun.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from launcher.worker import descendants

_LEAVE_S = 1.0  # that helpers have to see that their parent is gone, and to end by themselves
_LOOK_S = 0.02
_MOST = 5  # names that are told


def left_running(patience_s: float = _LEAVE_S) -> list[str]:
    """Return the names of the other processes of this session that go on running, at most five, once each."""
    if descendants.are_gone():
        return []
    until = time.monotonic() + patience_s
    while (names := sorted(set(_others()))) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    return names[:_MOST]


def _others() -> Iterator[str]:
    own, session = os.getpid(), os.getsid(0)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != own and _session(int(entry)) == session:
            try:
                status = Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            before, _, after = status.rpartition(")")
            if not after.lstrip().startswith(("Z", "X")):  # it has ended, and nobody has asked how
                yield before.partition("(")[2]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1
