"""Adds up the records of an experiment to a history, and compares two histories. Reads files only through `records`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.store import values
from launcher.store.record_facts import RecordFacts
from launcher.store.records import ENVELOPE, Record, RecordReader, unreadable

_NOTHING: Record = {}


@dataclass
class History(RecordFacts):
    """The sum of the records of an experiment: its steps, each once, and facts about its newest attempt.

    Within an attempt, the metrics of all records of a step are merged. A new attempt replaces the records of earlier
    attempts from its own first step on. Example: attempt 1 has logged steps 1 to 9, and attempt 2 resumes from the
    checkpoint of step 6. Then steps 1 to 6 come from attempt 1, and the steps from 7 on come from attempt 2.

    Each thread of an attempt counts its own steps, so a smaller step may come after a larger step.
    """

    metrics: Collection[str] | None = None  # the metrics to remember of each step; None: all
    _steps: dict[int, Record] = field(default_factory=dict)
    _at_s: dict[int, float] = field(default_factory=dict)
    _is_sorted: bool = True  # _steps and _at_s are in order of step

    def add_all(self, records: Iterable[Record]) -> None:
        """Add the next records of the file."""
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Add the next record of the file."""
        self.add_fact(record)
        if "step" in record and "kind" not in record:
            self._add_step(record)

    @property
    def num_steps(self) -> int:
        """The number of steps that were logged."""
        return len(self._steps)

    @property
    def steps(self) -> dict[int, Record]:
        """The metrics of each step, without the other fields of its records; in order of step."""
        self._sort()
        return self._steps

    @property
    def at_s(self) -> dict[int, float]:
        """The time spent until each step, over all attempts; in order of step. Empty if `metrics` is not None."""
        self._sort()
        return self._at_s

    def _mark(self, step: int) -> None:
        """Remember that this step was logged."""
        if step > self.last_step:
            self.last_step = step
            self._steps[step] = _NOTHING
        elif step not in self._steps:
            self._is_sorted = step == self.last_step == 0 and not self._steps
            self._steps[step] = _NOTHING

    def _add_step(self, record: Record) -> None:
        step = record["step"]
        self.phase = f"after step {step}"
        if self.first_step is None or step < self.first_step:
            self._replace(step)
        is_late = step < self.last_step
        self._mark(step)
        if self.metrics is not None:
            if found := {name: record[name] for name in self.metrics if name in record}:
                self._steps[step] = self._steps[step] | found
            return
        metrics = {key: value for key, value in record.items() if key not in ENVELOPE}
        self._steps[step] = self._steps[step] | metrics
        if not is_late or step not in self._at_s:  # an evaluation may add metrics to a much earlier step
            self._at_s[step] = self.before_s + record["at_s"]

    def _replace(self, first: int) -> None:
        """Forget the steps of earlier attempts from `first` on. `first`: the newest attempt's smallest step so far."""
        until = math.inf if self.first_step is None else self.first_step  # from here on, all are its own
        self.first_step = first
        if first > self.last_step:
            return
        for later in [known for known in self._steps if first <= known < until and known > self.resumed_from]:
            del self._steps[later]
            self._at_s.pop(later, None)
        self.last_step = max(self._steps, default=0)

    def _sort(self) -> None:
        if not self._is_sorted:
            self._steps, self._at_s = dict(sorted(self._steps.items())), dict(sorted(self._at_s.items()))
            self._is_sorted = True


def read_history(path: Path, metrics: Collection[str] | None = None) -> History:
    """Return the history in a record file. If the file is missing or cannot be read, the history is empty.

    `History.obstacle` says why a file cannot be read. `metrics`: the metrics to remember of each step; None: all.
    """
    history = History(metrics=metrics)
    try:
        history.add_all(RecordReader(path, metrics).read())
    except OSError as error:
        history.obstacle = unreadable(path, error)
    return history


def comparable(metrics: Record) -> Record:
    """Return the metrics that must be the same in every run: all except times, whose names end in `_s`."""
    return {key: value for key, value in metrics.items() if not key.endswith("_s")}


def first_difference(steps: Mapping[int, Record], others: Mapping[int, Record]) -> int | None:
    """Return the first step of `steps` whose metrics `others` lacks or has with other bits; None if all are the same.

    Times are not compared.
    """
    for step, metrics in steps.items():
        # Texts are compared: NaN has the same text as NaN, and -0.0 and 0.0 have different texts.
        if step not in others or repr(comparable(metrics)) != repr(comparable(others[step])):
            return step
    return None


def numbers(history: History, metric: str) -> dict[int, float]:
    """Return the values of a metric by step, as they were logged: an int stays an int.

    A value that is not a number is left out. So is an int beyond any float: no mean could be computed with it.
    """
    found: dict[int, float] = {}
    if history.metrics is not None and metric not in history.metrics:
        return found
    for step, metrics in history.steps.items():
        value: Any = metrics.get(metric)
        if type(value) is float or (value is not None and values.real(value) is not None):
            found[step] = value
    return found
