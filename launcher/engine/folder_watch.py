"""Notices that the folders of a launch were renamed or removed, tells the user, and says when the launch must end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from launcher.engine.held_folders import HeldFolders


class FolderWatch:
    """Watches the folders of one launch."""

    def __init__(self, folders: HeldFolders, message: Callable[[str], None]) -> None:
        self._folders = folders
        self._message = message
        self._has_told_of_logs = False
        self.has_lost = False  # the outcome folder: in its place another launch may be at work

    def look(self) -> bool:
        """Return whether the outcome folder was lost: True once, at the first look after the loss."""
        if self.has_lost:
            return False
        loss = self._folders.describe_loss()
        if not loss:
            self._look_at_logs()
            return False
        self.has_lost = True
        now = self.now()
        where = "What was recorded is gone with it. The same command begins anew."
        if now is not None:
            option = f"--outcome {shlex.quote(str(now))}"
            where = f"What was recorded is in {now}. To go on, put it back, or add {option}."
        self._message(
            f"{loss}. Nothing more is started, what runs is asked to save and end; tables and plots are not renewed."
            f"\n  {where}"
        )
        return True

    def now(self) -> Path | None:
        """Return where the outcome folder is now; None if it was removed."""
        return self._folders.outcome_now()

    def _look_at_logs(self) -> None:
        """Tell the user, once, that the folder of logs was lost. The launch goes on."""
        if not self._has_told_of_logs and (loss := self._folders.describe_loss_of_logs()):
            self._has_told_of_logs = True
            self._message(f"{loss}: what runs writes on there, what starts later in a new folder of that name.")
