"""Tells of a file that changed while one experiment ran, and again while another ran: perhaps both write it."""

from __future__ import annotations

import os
from collections.abc import Callable

from launcher.engine.attempt import Attempt
from launcher.engine.listener import AttemptEnd
from launcher.text import inline

_MOST = 3  # files that are told in a launch


class SharedFiles:
    """A listener. Each file is told once."""

    def __init__(self, message: Callable[[str], None]) -> None:
        self._message = message
        self._seen: dict[str, dict[str, str]] = {}  # path → version → the experiment at whose end the file had it
        self._told: set[str] = set()

    def started(self, attempt: Attempt) -> None:
        """Do nothing."""

    def ended(self, end: AttemptEnd) -> None:
        """Compare the files that have changed with those of the experiments before."""
        for path, version in end.history.touched.items():
            by_version = self._seen.setdefault(path, {})
            others = [name for other, name in by_version.items() if other != version and name != end.name]
            by_version.setdefault(version, end.name)
            if others and path not in self._told and len(self._told) < _MOST:
                self._told.add(path)
                shown, own = inline(os.path.relpath(path), 200), f"{{dir}}/{inline(os.path.basename(path), 100)}"
                self._message(
                    f"*** {shown} changed while {others[0]} ran, and again while {end.name} ran. "
                    f"If both write it, give each its own in the command: {own} ***"
                )
