"""Ends the other processes of a worker's group, and a worker that has run no code of a user's.

A worker that has run such code ends by `shutdown`, which takes threads, exit handlers and files into account.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import NoReturn

from launcher.worker import descendants
from launcher.worker.bell import send_farewell

_CHILDREN_LIMIT_S = 0.5  # children that do not end within this time are killed


def leave(code: int, bell_fd: int, *, is_alone: bool = False) -> NoReturn:
    """End this process, which has run no code of a user's, and the other processes of its group.

    If there are none, the launcher is told so by the bell, and looks for none. `is_alone`: that is known already.
    """
    with contextlib.suppress(Exception):
        if is_alone or descendants.are_gone():
            send_farewell(bell_fd)
        else:
            end_group()
    os._exit(code)


def end_group() -> None:
    """Ask the other processes of this process's group to end (SIGTERM), then kill the processes that have not ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler reports the end of a DataLoader process as an error
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    deadline_s = time.monotonic() + _CHILDREN_LIMIT_S
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline_s:
            if os.waitpid(0, os.WNOHANG)[0] == 0:
                time.sleep(0.002)
        for pid in _group():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _group() -> list[int]:
    """Return the other processes of this process's group."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(name) != os.getpid() and os.getpgid(int(name)) == os.getpgrp():
                found.append(int(name))
    return found
