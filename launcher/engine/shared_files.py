"""Tells of files of two experiments: one that changed while both ran, so that perhaps both write it, and one that both
were recorded from while they ran side by side.
"""

from __future__ import annotations

import os
import time
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
        self._began_s: dict[str, float] = {}  # experiment → when its attempt began
        self._recorded: dict[str, tuple[str, float]] = {}  # path → what was recorded from it last, and when that ended
        self._num_told = 0
        self._ours = {found for fd in (1, 2) if (found := _identity(fd))}  # as with `python -m launcher > out.txt`

    def started(self, attempt: Attempt) -> None:
        """Remember since when the experiment runs."""
        self._began_s[attempt.name] = time.monotonic()

    def ended(self, end: AttemptEnd) -> None:
        """Compare the files that have changed, and those with its metrics, with those of the experiments before."""
        self._compare_recorded(end)
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

    def _compare_recorded(self, end: AttemptEnd) -> None:
        """Tell of a file from which another experiment was recorded at the same time: nobody knows whose is what."""
        began_s, now_s = self._began_s.pop(end.name, 0.0), time.monotonic()
        for path in end.history.followed:
            other, ended_s = self._recorded.get(path, (end.name, 0.0))
            self._recorded[path] = (end.name, now_s)
            if other != end.name and ended_s > began_s and self._seen.get(path) != "" and self._num_told < _MOST:
                self._seen[path] = ""
                self._num_told += 1
                self._message(
                    f"*** What is in {inline(os.path.relpath(path), 200)} was recorded for {other} and for {end.name}, "
                    "which ran at the same time: these numbers may be the other's. Let each write below {dir}, in the "
                    "command, and name {dir} in events ***"
                )


def _identity(file: int | str) -> tuple[int, int] | None:
    """Return what tells a file from all others; None if it cannot be looked at."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
