"""Makes a worker an ordinary process to the code in it, and to the processes which that code starts.

A fork server's child differs from a script: multiprocessing takes it for a child, with a start method that is set for
good and the launcher's resource tracker. And a worker has signal settings of its own, which a fork would hand down. Of
both a target notices nothing here. Called by `worker`, in the first lines of a child process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import context, process, resource_tracker, util
from typing import Any

_TRACKER_LIMIT_S = 0.5  # for the tracker to free what was left: milliseconds, but for a child that holds its pipe
_masks = threading.local()


def become_ordinary(*forget: Callable[[], None]) -> None:
    """Make this process look like a script's, to the code in it and to the processes it starts.

    All of `forget` are called in each process that is forked from it: they undo there what a worker alone may have.
    """
    _be_the_main_process()
    _track_apart()

    def _give_back() -> None:
        for undo in forget:
            undo()
        _release_signals()

    # A SIGTERM that comes between the fork and `forget` would be lost in the worker's handler: the child would not end.
    os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_give_back)


def _be_the_main_process() -> None:
    me: Any = process.current_process()
    me._name, me._identity = "MainProcess", ()
    process._parent_process = None  # type: ignore[attr-defined]
    # The default, not a choice: the target may still make its own. "fork" on any Python, as a loader with the fork
    # server would start one in here that imports torch again.
    contexts: Any = context
    default = contexts._default_context
    default._default_context, default._actual_context = contexts._concrete_contexts["fork"], None


def _track_apart() -> None:
    """Give this process a resource tracker of its own, started when first needed.

    The launcher's would free what a worker left behind only when the launcher ends.
    """
    tracker: Any = resource_tracker._resource_tracker
    if tracker._fd is not None:
        os.close(tracker._fd)
    tracker._fd = tracker._pid = None
    resource_tracker.util = _Apart()  # type: ignore[attr-defined]


class _Apart:
    """`multiprocessing.util` as the tracker sees it: what it starts leads a session of its own.

    A worker is killed with its process group. The tracker lives on until it has freed what they left.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(util, name)

    @staticmethod
    def spawnv_passfds(path: Any, args: Sequence[Any], passfds: Sequence[int]) -> int:
        """Start a program with these descriptors, and return its pid."""
        import subprocess

        started = subprocess.Popen(args, executable=path, pass_fds=passfds, start_new_session=True)
        started.returncode = 0  # who asked for it waits for it
        return started.pid


def end_tracker() -> None:
    """Have the tracker of this process, if it was needed, free what is left, and wait until that is done."""
    tracker: Any = resource_tracker._resource_tracker
    fd, pid = tracker._fd, tracker._pid
    if fd is None or pid is None:
        return
    tracker._fd = tracker._pid = None
    deadline_s = time.monotonic() + _TRACKER_LIMIT_S
    with contextlib.suppress(OSError):
        os.close(fd)
        while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline_s:
            time.sleep(0.001)


def _hold_signals() -> None:
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)
