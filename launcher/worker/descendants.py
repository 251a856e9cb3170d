"""The processes that come from a script: whoever loses its parent becomes a child of the worker.

The worker is a subreaper (prctl(2)). When a process ends, the kernel gives its children to the nearest subreaper above
it, also those that have left the session or the process group:

    worker ── script ── helper ── daemon          the helper ends:   worker ─┬─ script
                                                                             └─ daemon

So if the worker has no children, nothing is left of its script, and nobody has to look through /proc for it.

Whoever waits for a child of such a worker does so by `wait`, which notes how much memory the child has held.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection

_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None).prctl
_pid_of_adopter = 0  # this process's, if it adopts; a process that it forks does not
_peak_bytes = 0  # the most memory that a child has held which was waited for


def adopt() -> None:
    """Have the kernel give this process the children of its descendants, when their parents end.

    What was noted of earlier children is forgotten.
    """
    global _pid_of_adopter, _peak_bytes
    _peak_bytes = 0
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        _pid_of_adopter = os.getpid()


def wait(pid: int, options: int = 0) -> tuple[int, int]:
    """Do what `os.waitpid` does."""
    global _peak_bytes
    ended, status, used = os.wait4(pid, options)
    _peak_bytes = max(_peak_bytes, used.ru_maxrss * 1024) if ended else _peak_bytes
    return ended, status


def peak_bytes() -> int:
    """Return the most memory that a process has held of those that have ended since `adopt`."""
    return _peak_bytes


def reap(apart: Collection[int] = ()) -> bool:
    """Take in the end of adopted processes, so that they do not fill the table of processes.

    `apart`: children whose end somebody else takes in. Return whether this process has no child any more.
    """
    try:
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in apart:
                return False
            wait(ended.si_pid)
    except ChildProcessError:
        return True
    return False


def are_gone() -> bool:
    """Return whether no descendant of this process is left. Without `adopt` that is not known, and so False."""
    return reap() and os.getpid() == _pid_of_adopter
