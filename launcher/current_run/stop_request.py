"""`StopRequest`: whether the launcher has asked this script to stop.

The worker makes the file `{dir}/.launcher/stop`, and then sends the script a signal, SIGTERM if the job file does not
say another. The file is what every process of the script can see: each rank, and a process whose library has taken the
signal for itself. The signal is heard at once.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

LOOK_S = 0.05  # the least time between two looks at the file, which may lie in a network folder


class StopRequest:
    """A request that comes once and stays."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_made = False
        self._is_listening = False
        self._looked_s = -LOOK_S

    def is_made(self) -> bool:
        """Return whether the launcher has asked for a stop.

        The first call takes SIGTERM, unless somebody else has taken it: a script that asks ends by itself.
        """
        if not self._is_listening:
            self._listen()
        now_s = time.monotonic()
        if not self._is_made and now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._is_made = os.path.lexists(self._path)
        return self._is_made

    def _listen(self) -> None:
        import signal  # not at the top: it imports `enum`, which takes longer than all of this package

        self._is_listening = True
        try:
            if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._on_signal)
        except ValueError:  # not in the main thread, where alone handlers can be set: the file has to do
            pass

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_made = True
