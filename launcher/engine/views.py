"""Who makes tables, plots and report while experiments run. `launcher.engine.report_process` has a process do it."""

from __future__ import annotations

import selectors
from collections.abc import Iterable
from typing import Protocol


class Views(Protocol):
    """Renews the views of a sweep. No call waits."""

    @property
    def is_working(self) -> bool:
        """Something is being drawn, or waits to be."""

    @property
    def num_problems(self) -> int:
        """How many different things went wrong."""

    def attach(self, selector: selectors.BaseSelector) -> None:
        """From now on answers are read by what is registered with this selector, whose data are called."""

    def request(self, experiments: Iterable[str]) -> None:
        """Ask for the views of these experiments, and those that compare, to be made soon."""

    def advance(self) -> None:
        """Go on with what was requested; called several times a second."""

    def hurry(self) -> None:
        """From now on make what was requested at once: no experiment runs any more."""

    def add_pause(self, pause_s: float) -> None:
        """Take in that the launcher did not run for a while: that time counts for nothing."""

    def give_up(self, why: str) -> None:
        """Make no more, and say so."""

    def abandon(self) -> None:
        """Make no more, without a word."""

    def close(self) -> None:
        """Release everything."""
