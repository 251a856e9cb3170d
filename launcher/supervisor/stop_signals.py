"""The signals of a cluster to a supervisor, kept until its loop asks for them.

SIGTERM, SIGINT   the job is to end: the workers save and end; a second one kills them
SIGUSR1           the time limit is near: the workers save and end, and another job goes on
SIGHUP, SIGCONT   nothing
"""

from __future__ import annotations

import contextlib
import os
import signal

_STOP = (signal.SIGTERM, signal.SIGINT)
_NOTHING = (signal.SIGHUP, signal.SIGCONT)


class StopSignals:
    """Takes the signals of this process from now on. `fileno` is readable when one has come."""

    def __init__(self) -> None:
        self._ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (*_STOP, signal.SIGUSR1, *_NOTHING):
            signal.signal(number, lambda _number, _frame: None)  # programs that are started do not inherit this
        signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Return the descriptor that is readable when a signal has come."""
        return self._ours

    def take(self) -> list[str]:
        """Return what the signals since the last call ask for, in their order: "stop" or "limit"."""
        with contextlib.suppress(BlockingIOError):
            numbers = os.read(self._ours, 4096)
            asked = {signal.SIGUSR1: "limit"} | dict.fromkeys(_STOP, "stop")
            return [asked[signal.Signals(number)] for number in numbers if number in asked]
        return []
