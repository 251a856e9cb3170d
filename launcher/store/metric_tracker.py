"""The newest and the best value of one metric of an experiment that runs, for the live view.

The live view cannot fold all records again for each frame. So a tracker takes in the new records alone, at a tenth of a
microsecond each. `curve.best_of` decides for it which value is better, as it does for tables, plots and `status`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from launcher.store import values
from launcher.store.curve import best_of
from launcher.store.history import History, numbers
from launcher.store.records import Record

_NUMBERS = frozenset({float, int, bool})
SPEED = "tokens_per_s"


@dataclass
class MetricTracker:
    """How far an experiment is: constant in size, but for the steps of earlier attempts until the new one has one."""

    metric: str  # "" if the job names none
    is_maximized: bool = False
    step: int = 0
    total: int | None = None
    value: float | None = None
    best: float | None = None  # of finite values
    tokens_per_s: float | None = None
    _value_step: int = 0
    _earlier: dict[int, float] = field(default_factory=dict)  # values of earlier attempts, by step

    def begin(self, history: History) -> None:
        """Take in what earlier attempts have recorded; a history with its metrics."""
        self.step, self.total = history.last_step, history.total
        self._earlier = numbers(history, self.metric)
        self._restart(list(self._earlier.values()))
        self.tokens_per_s = next(reversed(numbers(history, SPEED).values()), None)

    def add(self, records: Sequence[Record], history: History) -> None:
        """Take in the next records of the file, which the history has taken in already."""
        self.step, self.total = history.last_step, history.total
        if self._earlier:
            self._forget_replaced(records, history.resumed_from)
        metric = self.metric
        if not history.is_ordered:  # threads: what belongs to the largest step is the newest
            records = sorted(records, key=_step)
        found: list[Any] = [v for one in records if type(v := one.get(metric)) in _NUMBERS and "kind" not in one]
        if found:
            before, before_step = self.value, self._value_step
            self._take(found)
            self._value_step = next(one["step"] for one in reversed(records) if metric in one and "kind" not in one)
            if self._value_step < before_step:
                self.value, self._value_step = before, before_step
        speed: Any = next((one[SPEED] for one in reversed(records) if SPEED in one), None)
        if (found_speed := values.number(speed)) is not None:
            self.tokens_per_s = found_speed

    def _forget_replaced(self, records: Iterable[Record], resumed_from: int) -> None:
        """Drop what the new attempt replaces: everything from its own first step on, after its checkpoint."""
        first = min((one["step"] for one in records if "kind" not in one), default=None)
        if first is not None:
            first = max(first, resumed_from + 1)
            self._restart([value for step, value in self._earlier.items() if step < first])
            self._earlier = {}

    def _restart(self, values: list[float]) -> None:
        self.value, self.best, self._value_step = None, None, 0
        if values:
            self._take(values)

    def _take(self, found: list[float]) -> None:
        try:
            best = best_of(found, is_maximized=self.is_maximized)
        except OverflowError:  # an integer beyond any float, which has no place on a screen
            found = [value for value in found if abs(value) <= sys.float_info.max or value != value]
            best = best_of(found, is_maximized=self.is_maximized)
        if found:
            self.value = found[-1]
        if best is not None:
            self.best = best if self.best is None else best_of((self.best, best), is_maximized=self.is_maximized)


def _step(record: Record) -> int:
    """Return the step of a record; of one that is no step what sorts first."""
    return -1 if "kind" in record else int(record["step"])
