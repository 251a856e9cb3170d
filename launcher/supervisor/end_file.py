"""Writes the end of an attempt. A full disk, or a server that is away, is tried again for a while."""

from __future__ import annotations

import math
import time
from pathlib import Path

from launcher.store.attempt_files import AttemptEnding
from launcher.supervisor.output import say

_RETRY_S = 1.0  # between two tries
_WRITING_S = 60.0  # from the first


class EndFile:
    """The file `<n>.end` of one attempt, from its supervisor's side."""

    def __init__(self, path: Path, name: str) -> None:
        """Write nothing yet. `name`: of the attempt, for messages."""
        self.path = path
        self._name = name
        self._next_s = -math.inf
        self._give_up_s = math.inf

    def write(self, ended: AttemptEnding) -> bool:
        """Write the end if it is time to. Return whether there is nothing more to do."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        try:
            ended.write(self.path)
            return True
        except OSError as error:
            has_told = self._give_up_s < math.inf
            self._next_s, self._give_up_s = now_s + _RETRY_S, min(self._give_up_s, now_s + _WRITING_S)
            is_last = now_s >= self._give_up_s
            if is_last or not has_told:
                hope = "and never will be" if is_last else f"it is tried again for {_WRITING_S:.0f} s"
                say(f"{self._name}: its end cannot be written: {error}; {hope}.")
            return is_last
