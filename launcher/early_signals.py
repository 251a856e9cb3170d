"""Signals that end a command before a launch has handlers of its own: while modules are imported and a job is checked.

The handler raises, so that everything is left in order. It also remembers the signal, because what a handler raises may
be lost: Python prints and forgets it within a callback of a weak reference, which each import has, and makes a
RuntimeError of it within `__set_name__`. A launch takes a signal that was lost as if it came then.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
received: list[int] = []  # in the order of their arrival


class Stopped(BaseException):
    """A signal has arrived."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C has arrived.

    After a plain KeyboardInterrupt within `exec` of a text, CPython ends the process by SIGINT, whoever has caught it
    (`run_eval_code_obj` in Python/pythonrun.c). Each dataclass runs `exec` when its module is imported.
    """


def handle() -> None:
    """From now on raise when a signal arrives. A signal that is ignored stays ignored: nohup does that."""
    for number in NUMBERS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def take_lost() -> bytes:
    """Return the numbers of the signals that have arrived, a byte each, and forget them."""
    numbers = bytes(received)
    received.clear()
    return numbers


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    received.append(number)
    raise Interrupted if number == signal.SIGINT else Stopped
