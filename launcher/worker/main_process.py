"""Makes a worker look like the main process of a script, to the code in it and to the processes that code starts.

A child of the fork server differs from a script in two ways. For multiprocessing it is a child process: the start
method is fixed, and it uses the launcher's resource tracker. And it has its own signal settings, which its forks
inherit. `become_main_process` hides both.
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

_TRACKER_LIMIT_S = 0.5  # the tracker takes milliseconds, unless a child of the worker keeps its pipe open
_masks = threading.local()


def become_main_process(*undo_in_fork: Callable[[], None]) -> None:
    """Make this process look like the main process of a script, to the code in it and to the processes it starts.

    `undo_in_fork`: called in each process forked from it, to undo settings that only a worker may have.
    """
    _become_main_in_multiprocessing()
    _use_own_resource_tracker()

    def _undo_all() -> None:
        for undo in undo_in_fork:
            undo()
        _release_signals()

    # A SIGTERM that arrives after the fork but before `_undo_all` would go to the worker's handler, which does not end
    # the child. So the signal is held back until then.
    os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_undo_all)


def _become_main_in_multiprocessing() -> None:
    me: Any = process.current_process()
    me._name, me._identity = "MainProcess", ()
    process._parent_process = None  # type: ignore[attr-defined]
    # "fork" is the default, which the target may still change. With "forkserver", the default of Python 3.14, a
    # DataLoader in here would start a server that imports torch again.
    contexts: Any = context
    default = contexts._default_context
    default._default_context, default._actual_context = contexts._concrete_contexts["fork"], None


def _use_own_resource_tracker() -> None:
    """Give this process its own resource tracker, which starts when it is first needed.

    The launcher's tracker would free the resources that a worker leaves behind only when the launcher ends.
    """
    tracker: Any = resource_tracker._resource_tracker
    if tracker._fd is not None:
        os.close(tracker._fd)
    tracker._fd = tracker._pid = None
    resource_tracker.util = _OwnSession()  # type: ignore[attr-defined]


class _OwnSession:
    """`multiprocessing.util`, except that the tracker process it starts gets its own session.

    When a worker is killed with its process group, the tracker lives on until it has freed the group's resources.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(util, name)

    @staticmethod
    def spawnv_passfds(path: Any, args: Sequence[Any], passfds: Sequence[int]) -> int:
        """Start a program that inherits the descriptors `passfds`, and return its pid."""
        import subprocess

        started = subprocess.Popen(args, executable=path, pass_fds=passfds, start_new_session=True)
        started.returncode = 0  # keeps Popen from waiting for it: the tracker does
        return started.pid


def end_resource_tracker() -> None:
    """If this process has started a resource tracker, let the tracker free all that is left, and wait for its end."""
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
