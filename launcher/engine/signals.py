"""Signals as events of the loop: the number of a signal comes through a pipe, and the loop reads it there."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable, Iterator

from launcher import early_signals

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TELLING = (signal.SIGUSR1, signal.SIGCONT)  # the user asks how the launch stands; the launch goes on after Ctrl-Z

Handler = Callable[[signal.Signals], None]


def ignore_signal(number: signal.Signals) -> None:
    """From now on a signal does nothing to this process, unless it has a handler or is ignored already.

    The signal gets an empty handler. If it were ignored, the processes that this process starts would inherit that.
    """
    with contextlib.suppress(ValueError):  # not the main thread
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda _number, _frame: None)


@contextlib.contextmanager
def ignoring_signal(number: signal.Signals) -> Iterator[None]:
    """Let a signal do nothing for a while, as `ignore_signal` does; afterwards the former handler is back."""
    before = signal.getsignal(number)
    ignore_signal(number)
    try:
        yield
    finally:
        if signal.getsignal(number) is not before:
            signal.signal(number, before)


@contextlib.contextmanager
def signals_to(selector: selectors.BaseSelector, stopping: Handler, telling: Handler) -> Iterator[None]:
    """Have the loop call `stopping` for each signal of STOPPING and `telling` for each of TELLING.

    The former handlers are put back at the end. Python handles signals in the main thread alone: in another thread this
    does nothing.
    """
    ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fd_before = signal.set_wakeup_fd(theirs)
        except ValueError:
            yield
            return
        # A signal that is ignored stays ignored: nohup does that, or a script for its background jobs.
        taken = [number for number in (*STOPPING, *TELLING) if signal.getsignal(number) is not signal.SIG_IGN]
        handlers_before = {number: signal.signal(number, lambda _number, _frame: None) for number in taken}

        def read() -> None:
            for number in os.read(ours, 64):
                if number in STOPPING:
                    stopping(signal.Signals(number))
                elif number in TELLING:
                    telling(signal.Signals(number))

        selector.register(ours, selectors.EVENT_READ, read)
        os.write(theirs, early_signals.take_lost())
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
