"""Writes the end of an attempt. A full disk, or a server that is away, is tried again for a while.

The launcher believes an end without a look at the claims, once the beat is gone. So whoever has written an end looks at
them itself, and only then removes its beat. The end says that the attempt is taken, so the claim goes before that. It
stays where the worker was asked to end: the cluster may run the job again, which knows itself by the claim.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace
from pathlib import Path

from launcher.engine.attempt_ending import SUPERSEDED
from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.claims import is_newest
from launcher.supervisor.output import say

_RETRY_S = 1.0  # between two tries
_WRITING_S = 60.0  # from the first


def write_end(folder: Path, attempt: int, ended: AttemptEnding) -> None:
    """Write the end of an attempt. If another attempt counts by then, the end says so.

    Raises:
        OSError: the file cannot be written.
    """
    files = AttemptFiles(folder)
    path = files.path(attempt, "end")
    replace(ended, frees_claim=not ended.asked).write(path)
    if ended.asked:
        return
    if is_newest(folder, attempt) is False:
        replace(ended, asked=SUPERSEDED).write(path)
    else:
        with contextlib.suppress(OSError):  # whoever folds the attempt removes it
            files.path(attempt, "claim").unlink()


class EndFile:
    """The file `<n>.end` of one attempt, from its supervisor's side."""

    def __init__(self, folder: Path, experiment: str, attempt: int) -> None:
        """Write nothing yet. `folder`: of the experiment's attempts."""
        self._folder = folder
        self._attempt = attempt
        self._name = f"{experiment}, attempt {attempt}"
        self._next_s = -math.inf
        self._give_up_s = math.inf

    def write(self, ended: AttemptEnding) -> bool:
        """Write the end if it is time to. Return whether there is nothing more to do."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return False
        try:
            write_end(self._folder, self._attempt, ended)
            return True
        except OSError as error:
            has_told = self._give_up_s < math.inf
            self._next_s, self._give_up_s = now_s + _RETRY_S, min(self._give_up_s, now_s + _WRITING_S)
            is_last = now_s >= self._give_up_s
            if is_last or not has_told:
                hope = "and never will be" if is_last else f"it is tried again for {_WRITING_S:.0f} s"
                say(f"{self._name}: its end cannot be written: {error}; {hope}.")
            return is_last
