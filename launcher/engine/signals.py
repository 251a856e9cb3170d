"""Signals as events of a loop: the handler does nothing, the number arrives through a pipe, and the loop reads it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable, Iterator

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TELLING = (signal.SIGUSR1, signal.SIGCONT)  # someone asks how it stands; it goes on after Ctrl-Z

Handler = Callable[[signal.Signals], None]


def ignore_signal(number: signal.Signals) -> None:
    """From now on let a signal do nothing to this process, unless something else is arranged already.

    By a handler, not by ignoring it, which the processes that are started would inherit.
    """
    with contextlib.suppress(ValueError):  # not the main thread
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda _number, _frame: None)


@contextlib.contextmanager
def ignoring_signal(number: signal.Signals) -> Iterator[None]:
    """Endure a signal for a while."""
    before = signal.getsignal(number)
    ignore_signal(number)
    try:
        yield
    finally:
        if signal.getsignal(number) is not before:
            signal.signal(number, before)


@contextlib.contextmanager
def signals_to(selector: selectors.BaseSelector, stopping: Handler, telling: Handler) -> Iterator[None]:
    """Call a handler from the loop for each signal that asks to stop or tells; the old ones are put back at the end.

    Where this is not the main thread, which alone may handle signals in Python, they are left as they are.
    """
    ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fd_before = signal.set_wakeup_fd(theirs)
        except ValueError:
            yield
            return
        # One that is ignored stays so: nohup, or a background job of a script.
        taken = [number for number in (*STOPPING, *TELLING) if signal.getsignal(number) is not signal.SIG_IGN]
        handlers_before = {number: signal.signal(number, lambda _number, _frame: None) for number in taken}

        def read() -> None:
            for number in os.read(ours, 64):
                if number in STOPPING:
                    stopping(signal.Signals(number))
                elif number in TELLING:
                    telling(signal.Signals(number))

        selector.register(ours, selectors.EVENT_READ, read)
        try:
            yield
        finally:
            selector.unregister(ours)
            for number, before in handlers_before.items():
                signal.signal(number, before)
            signal.set_wakeup_fd(fd_before)
    finally:
        os.close(ours)
        os.close(theirs)
