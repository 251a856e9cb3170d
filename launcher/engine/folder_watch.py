"""Notices that the folders of a launch were renamed or removed, tells of it, and says when the launch must end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from launcher.engine.footing import Footing


class FolderWatch:
    """Looks after the folders of one launch."""

    def __init__(self, footing: Footing, message: Callable[[str], None]) -> None:
        self._footing = footing
        self._message = message
        self.has_lost = False  # the outcome folder: another launch may be at work in its place by now

    def look(self) -> bool:
        """Return, once, whether the outcome folder was lost."""
        if self.has_lost:
            return False
        if not (lost := self._footing.lost()):
            if logs := self._footing.lost_logs():
                self._message(f"{logs}: what runs writes on there, what starts later in a new folder of that name.")
            return False
        self.has_lost = True
        now = self.now()
        where = "What was recorded is gone with it. The same command begins anew."
        if now is not None:
            add = f"--outcome {shlex.quote(str(now))}"
            where = f"What was recorded is in {now}. To go on, put it back, or add {add}."
        self._message(
            f"{lost}. Nothing more is started, what runs is asked to save and end; tables and plots are not renewed."
            f"\n  {where}"
        )
        return True

    def now(self) -> Path | None:
        """Return where the outcome folder is now; None if it was removed."""
        return self._footing.outcome()
