"""Which processes a command has left running when it ended, as `train.sh &` does in a shell script.

They end with the worker. Who does not know that takes an experiment for done that has hardly begun.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from launcher.worker import descendants

_LEAVE_S = 1.0  # that helpers have to see that their parent is gone, and to end by themselves
_LOOK_S = 0.02
_MOST = 5  # names that are told


def left_running(patience_s: float = _LEAVE_S) -> list[str]:
    """Return the names of the other processes that go on running, at most five, once each.

    They are of this session, or come from this process and have left the session, as a daemon does.
    """
    if descendants.are_gone():
        return []
    until = time.monotonic() + patience_s
    while (names := sorted(set(_others()))) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    return names[:_MOST]


class _Process(NamedTuple):
    parent: int
    session: int
    name: str


def _others() -> Iterator[str]:
    own, session, known = os.getpid(), os.getsid(0), dict(_processes())
    ours = {own}
    while more := {pid for pid, process in known.items() if process.parent in ours} - ours:
        ours |= more
    for pid, process in known.items():
        if pid != own and (process.session == session or pid in ours):
            yield process.name


def _processes() -> Iterator[tuple[int, _Process]]:
    """Yield all processes that have not ended."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                status = Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            before, _, after = status.rpartition(")")
            state, parent, _, session = after.split()[:4]
            if state not in "ZX":  # it has ended, and nobody has asked how
                yield int(entry), _Process(int(parent), int(session), before.partition("(")[2])
