"""SIGTERM, which asks a worker to stop: whether it came, and whose handler reacted. Used in the worker process.

A target may install its own handler, as frameworks do, and return early. Such a return is not the end of training, so
it must be noticed. Python writes the number of each signal to a descriptor before a handler runs
(`signal.set_wakeup_fd`).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from types import CodeType, FrameType


class StopSignal:
    """Watches for SIGTERM from its creation on."""

    def __init__(self, ask: Callable[[], None]) -> None:
        """Call `ask` when the signal comes, unless the target replaces the handler."""
        self._ask = ask
        self._was_direct = False  # it came to our handler first, so the target has not reacted
        self._was_shared = False  # the target's handler passed it on to ours
        self._fd = os.memfd_create("sweep-launcher-signals", os.MFD_CLOEXEC)  # never full, unlike a pipe
        os.set_blocking(self._fd, False)
        signal.signal(signal.SIGTERM, self._handle)
        signal.set_wakeup_fd(self._fd, warn_on_full_buffer=False)

    @property
    def was_heard(self) -> bool:
        """The signal came, and only `run.should_stop` could tell the target."""
        return self._was_direct and not self._was_shared

    @property
    def was_taken(self) -> bool:
        """The signal came, and the target's own handler got it first."""
        return self._was_shared or (not self._was_direct and self._has_come())

    def _has_come(self) -> bool:
        with contextlib.suppress(OSError):  # the target has closed it
            return signal.SIGTERM in os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        return False

    def forget(self) -> None:
        """In a forked child, restore the signal settings that the child of a script has."""
        with contextlib.suppress(ValueError):
            if signal.getsignal(signal.SIGTERM) == self._handle:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            theirs = signal.set_wakeup_fd(-1)
            if theirs != self._fd:
                signal.set_wakeup_fd(theirs)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if signal.getsignal(number) == self._handle:
            self._was_direct = True
        else:
            self._was_shared = True
        self._ask()


def breaks_off(error: BaseException) -> bool:
    """Return whether an error is a way to stop when asked: an exit, Ctrl-C, or raised by a SIGTERM handler."""
    return isinstance(error, SystemExit | KeyboardInterrupt) or is_from_handler(error)


def is_from_handler(error: BaseException) -> bool:
    """Return whether a handler of SIGTERM has raised an error."""
    trace = error.__traceback__
    while trace is not None:
        if _handles_stop(trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def _handles_stop(frame: FrameType) -> bool:
    """Return whether a frame is that of a signal handler: its arguments are the signal's number and a frame."""
    given: list[object] = []
    for name in _parameters(frame.f_code):
        value = frame.f_locals.get(name)
        given += value if isinstance(value, tuple) else [value]
    has_frame = any(isinstance(value, FrameType) for value in given)
    return has_frame and any(isinstance(value, int) and value == signal.SIGTERM for value in given)


def _parameters(code: CodeType) -> tuple[str, ...]:
    has_rest = bool(code.co_flags & 0x04)  # *args
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + has_rest]
