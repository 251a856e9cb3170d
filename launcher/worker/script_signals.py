"""The launcher's signals to a worker of scripts: to stop, and to end because of silence.

They are handled from the worker's beginning to its end, whichever attempt it runs. The launcher gives no further task
to a worker to which it has sent a signal. So a signal that comes between two attempts belongs to the second.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from launcher.worker import plain_signal
from launcher.worker.process_setup import STACKS_SIGNAL


def _nobody() -> None:
    """Tell nobody: there is no script now."""


class ScriptSignals:
    """What was asked of this process, and who is told at once."""

    def __init__(self) -> None:
        """Handle the signals from now on."""
        self.is_asked = False  # to stop
        self.has_hung = False  # the launcher wants the stacks of the script, and its end
        self._on_stop = self._on_abort = _nobody
        self.wakeup, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)  # readable after a signal
        plain_signal.signal(signal.SIGTERM, lambda *_: self._stop())
        plain_signal.signal(STACKS_SIGNAL, lambda *_: self._abort())
        plain_signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)

    def tell(self, on_stop: Callable[[], None], on_abort: Callable[[], None]) -> None:
        """Call these at the signals from now on."""
        self._on_stop, self._on_abort = on_stop, on_abort

    def tell_nobody(self) -> None:
        """Call nothing at the signals from now on."""
        self._on_stop = self._on_abort = _nobody

    def _stop(self) -> None:
        self.is_asked = True
        self._on_stop()

    def _abort(self) -> None:
        self.has_hung = True
        self._on_abort()
