"""Tracks the newest and the best value of a metric while its experiment runs, for the live view.

Reading all records again for each frame of the live view would take too long. So a tracker reads only the new records,
which takes a tenth of a microsecond each. `curve.best_of` decides which value is better, here as in tables and plots.
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
    """The progress of an experiment: its newest step, and the newest and the best value of a metric.

    A new attempt replaces the values of earlier attempts from its first step on. So the tracker keeps the values of
    earlier attempts until the new attempt logs its first step. Afterwards its size is constant.
    """

    metric: str  # "" if the job file lists no metric
    is_maximized: bool = False
    step: int = 0
    total: int | None = None
    value: float | None = None  # the newest
    best: float | None = None  # the best finite value
    tokens_per_s: float | None = None
    _value_step: int = 0
    _earlier: dict[int, float] = field(default_factory=dict)  # values of earlier attempts, by step

    def begin(self, history: History) -> None:
        """Start with the values of earlier attempts. `history` must remember the metric and `tokens_per_s`."""
        self.step, self.total = history.last_step, history.total
        self._earlier = numbers(history, self.metric)
        self._restart(list(self._earlier.values()))
        self.tokens_per_s = next(reversed(numbers(history, SPEED).values()), None)

    def add(self, records: Sequence[Record], history: History) -> None:
        """Add the next records of the file. They must have been added to `history` already."""
        self.step, self.total = history.last_step, history.total
        if self._earlier:
            self._forget_replaced(records, history.resumed_from)
        metric = self.metric
        if not history.is_ordered:  # several threads log steps: the value of the largest step counts as the newest
            records = sorted(records, key=_step)
        found: list[Any] = [
            value for record in records if type(value := record.get(metric)) in _NUMBERS and "kind" not in record
        ]
        if found:
            before, before_step = self.value, self._value_step
            self._take(found)
            self._value_step = next(
                record["step"] for record in reversed(records) if metric in record and "kind" not in record
            )
            if self._value_step < before_step:
                self.value, self._value_step = before, before_step
        speed: Any = next((record[SPEED] for record in reversed(records) if SPEED in record), None)
        if (found_speed := values.number(speed)) is not None:
            self.tokens_per_s = found_speed

    def _forget_replaced(self, records: Iterable[Record], resumed_from: int) -> None:
        """Once the new attempt has logged a step, drop the values that it replaces.

        It replaces the steps from its first step on, but no step up to the checkpoint from which it continued.
        """
        first = min((record["step"] for record in records if "kind" not in record), default=None)
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
        except OverflowError:  # an int beyond any float, which no screen has room for
            found = [value for value in found if abs(value) <= sys.float_info.max or value != value]
            best = best_of(found, is_maximized=self.is_maximized)
        if found:
            self.value = found[-1]
        if best is not None:
            self.best = best if self.best is None else best_of((self.best, best), is_maximized=self.is_maximized)


def _step(record: Record) -> int:
    """Return the step of a record. A record of another kind has -1, so that it sorts first."""
    return -1 if "kind" in record else int(record["step"])
