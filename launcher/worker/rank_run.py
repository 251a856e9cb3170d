"""The `Run` of a rank. Rank 0 records; what the others would record is dropped. All get the same answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from launcher.current_run.agreement import Agreement
from launcher.worker.run import Run


class NoRecords:
    """Takes the place of the writer of records in a rank that records nothing."""

    num_unwritten = 0
    error = None

    def write(self, fields: Mapping[str, Any], step: int | None = None, src: object = None) -> None:
        """Do nothing."""

    def ring(self) -> None:
        """Do nothing."""


class RankRun(Run):
    """An attempt as one of its ranks sees it.

    `log`, `total`, `info` and `save` do nothing on another rank than 0. `should_stop` and `should_save` are the same on
    all ranks that read them equally often.
    """

    def __init__(self, *, rank: int, should_stop: Agreement, should_save: Agreement, **about: Any) -> None:
        super().__init__(**about)
        self._rank = rank
        self._stop_answers = should_stop
        self._save_answers = should_save

    @property
    def should_stop(self) -> bool:
        """Whether to stop now. If it is True, save and return."""
        before = self.was_stopped
        answer = self._stop_answers.answer(super().should_stop)
        self.was_stopped = before or answer
        return answer

    @property
    def should_save(self) -> bool:
        """Whether to save now: the time between checkpoints has passed, or the launcher has asked for a stop."""
        return self._save_answers.answer(super().should_save)

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Write a checkpoint of everything that a resume needs, on rank 0."""
        if self._rank == 0:
            super().save(state, step)
        else:
            self._saved_s = time.monotonic()
