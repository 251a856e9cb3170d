"""Tells of a file outside the outcome folder that changed while two experiments ran: perhaps both write it."""

from __future__ import annotations

import os
from collections.abc import Callable

from launcher.engine.attempt import Attempt
from launcher.engine.listener import AttemptEnd
from launcher.text import inline

_MOST = 3  # files that are told in a launch


class SharedFiles:
    """A listener. Each file is told once.

    All experiments of a sweep have the same command, so a file that one of them writes is probably written by the
    others too. Which process has written a file, the kernel does not say.
    """

    def __init__(self, message: Callable[[str], None]) -> None:
        self._message = message
        self._seen: dict[str, str] = {}  # path → the first experiment during which it changed
        self._num_told = 0
        self._ours = {found for fd in (1, 2) if (found := _identity(fd))}  # as with `python -m launcher > out.txt`

    def started(self, attempt: Attempt) -> None:
        """Do nothing."""

    def ended(self, end: AttemptEnd) -> None:
        """Compare the files that have changed with those of the experiments before."""
        for path in end.history.touched:
            if self._ours and _identity(path) in self._ours:
                continue
            first = self._seen.setdefault(path, end.name)
            if first not in (end.name, "") and self._num_told < _MOST:
                self._seen[path] = ""
                self._num_told += 1
                shown, own = inline(os.path.relpath(path), 200), f"{{dir}}/{inline(os.path.basename(path), 100)}"
                self._message(
                    f"*** {shown} changed while {first} ran, and while {end.name} ran. "
                    f"If both write it, give each its own in the command: {own} ***"
                )


def _identity(file: int | str) -> tuple[int, int] | None:
    """Return what tells a file from all others; None if it cannot be looked at."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
