"""The part of a launch that makes tables, plots and report while experiments run; see `report_process`."""

from __future__ import annotations

import selectors
from collections.abc import Iterable
from typing import Protocol


class Views(Protocol):
    """Renews the views of a sweep: its tables, plots and report. No call waits."""

    @property
    def is_working(self) -> bool:
        """Something is being drawn, or waits to be."""

    @property
    def progress(self) -> tuple[int, int] | None:
        """How many views are drawn, of how many; None while nothing is being drawn, or where that is not known."""

    @property
    def num_problems(self) -> int:
        """How many different things went wrong."""

    def attach(self, selector: selectors.BaseSelector) -> None:
        """Register with the selector of the event loop, which calls the function of each descriptor that is ready."""

    def request(self, experiments: Iterable[str]) -> None:
        """Ask for the views of these experiments, and for those that compare experiments, to be made soon."""

    def advance(self) -> None:
        """Go on with what was requested. Called several times a second."""

    def hurry(self) -> None:
        """From now on make views at once, because no experiment runs any more."""

    def add_pause(self, pause_s: float) -> None:
        """Put off what is due by a time in which the launcher did not run."""

    def give_up(self, why: str) -> None:
        """Make no more views, and tell the user why."""

    def abandon(self) -> None:
        """Make no more views, without a message."""

    def close(self) -> None:
        """Release everything."""
