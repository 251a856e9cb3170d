"""The processes that come from a script: whoever loses its parent becomes a child of the worker.

The worker is a subreaper (prctl(2)). When a process ends, the kernel gives its children to the nearest subreaper above
it, also those that have left the session or the process group:

    worker ── script ── helper ── daemon          the helper ends:   worker ─┬─ script
                                                                             └─ daemon

So if the worker has no children, nothing is left of its script, and nobody has to look through /proc for it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection

_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None).prctl
_pid_of_adopter = 0  # this process's, if it adopts; a process that it forks does not


def adopt() -> None:
    """Have the kernel give this process the children of its descendants, when their parents end."""
    global _pid_of_adopter
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        _pid_of_adopter = os.getpid()


def reap(apart: Collection[int] = ()) -> bool:
    """Take in the end of adopted processes, so that they do not fill the table of processes.

    `apart`: children whose end somebody else takes in. Return whether this process has no child any more.
    """
    try:
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid in apart:
                return False
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        return True
    return False


def are_gone() -> bool:
    """Return whether no descendant of this process is left. Without `adopt` that is not known, and so False."""
    return reap() and os.getpid() == _pid_of_adopter
