"""Experiments that an executor refuses to start for now: who waits for which device and why, told once a reason."""

from __future__ import annotations

import re
from collections.abc import Callable

from launcher.engine.listener import LogEvent
from launcher.executors.base import Refusal
from launcher.store.events import Waits

LOOK_S = 0.25  # between two tries of refused experiments


class Waiting:
    """Tells of refused experiments and says when to try them again."""

    def __init__(self, message: Callable[[str], None], log_event: LogEvent) -> None:
        self._message = message
        self._log_event = log_event
        self._due_s = 0.0
        self._refused: dict[str, tuple[str, str]] = {}  # device → the first that was refused there, and why
        self._told: dict[str, str] = {}  # device → the last reason told, without its amounts

    def refused(self, experiment: str, refusal: Refusal) -> None:
        """Take in that an experiment cannot start on a device now."""
        if refusal.why:
            self._refused.setdefault(refusal.place, (experiment, refusal.why))

    def started(self, experiment: str, place: str) -> None:
        """Take in that an experiment has started on a device."""
        self._refused = {place: held for place, held in self._refused.items() if held[0] != experiment}
        self._told.pop(place, None)

    def is_due(self, now_s: float, *, is_idle: bool) -> bool:
        """Say whether to try again now: a few times a second, as the loop turns at every record.

        Reasons that are new since the last time are told. `is_idle`: nothing else runs.
        """
        if now_s < self._due_s:
            return False
        self._due_s = now_s + LOOK_S
        for place, (experiment, why) in self._refused.items():
            kind = re.sub(r"\d+\.\d", "", f"{experiment}: {why}")
            if self._told.get(place) == kind:
                continue
            self._told[place] = kind
            idle = " Nothing runs meanwhile; Ctrl-C gives up." if is_idle else ""
            self._message(f"{why}; {experiment} waits.{idle}")
            self._log_event(Waits(experiment, why))
        self._refused.clear()
        return True
