"""Experiments that an executor refuses to start for now. The user is told why they wait: each reason once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from launcher.engine.listener import LogEvent
from launcher.executors.base import Refusal
from launcher.store.events import Waits

LOOK_S = 0.25  # between two attempts to start refused experiments


class Waiting:
    """Tells the user of refused experiments, and says when to try them again."""

    def __init__(self, message: Callable[[str], None], log_event: LogEvent) -> None:
        self._message = message
        self._log_event = log_event
        self._due_s = 0.0
        self._refused: dict[
            str, tuple[str, str]
        ] = {}  # by place of the device: the first experiment that was refused there, and why
        self._last_reasons: dict[str, str] = {}  # by place: the reason told last, without its amounts

    def refused(self, experiment: str, refusal: Refusal) -> None:
        """Take in that an experiment cannot start on a device now."""
        if refusal.why:
            self._refused.setdefault(refusal.place, (experiment, refusal.why))

    def started(self, experiment: str, places: Collection[str]) -> None:
        """Take in that an experiment has started on devices."""
        self._refused = {place: held for place, held in self._refused.items() if held[0] != experiment}
        for place in places:
            self._last_reasons.pop(place, None)

    def is_due(self, now_s: float, *, is_idle: bool) -> bool:
        """Return whether to try again now, which is so a few times a second. If so, tell the user the new reasons.

        A reason is new if it differs from the last one of the same device by more than its amounts: 7.1 GB and 7.2 GB
        are the same. `is_idle`: nothing else runs.
        """
        if now_s < self._due_s:
            return False
        self._due_s = now_s + LOOK_S
        for place, (experiment, why) in self._refused.items():
            kind = re.sub(r"\d+\.\d", "", f"{experiment}: {why}")
            if self._last_reasons.get(place) == kind:
                continue
            self._last_reasons[place] = kind
            idle = " Nothing runs meanwhile; Ctrl-C gives up." if is_idle else ""
            self._message(f"{why}; {experiment} waits.{idle}")
            self._log_event(Waits(experiment, why))
        self._refused.clear()
        return True
