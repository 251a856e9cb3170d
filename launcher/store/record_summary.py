"""The sum of the records of an experiment in bounded memory: what tables, plots, status and plans are made of.

    records ─▶ add_all ─▶ facts of the newest attempt, and a series of each metric (`store.series`)

`store.history` keeps every step with all its metrics and is for comparing two runs; it grows with the steps. Both add
up attempts by the same rule: a new attempt replaces the steps of earlier attempts from its own first step on.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from launcher.store import values
from launcher.store.record_facts import RecordFacts
from launcher.store.records import ENVELOPE, Record
from launcher.store.series import LIMIT, Series

TOKENS, SPEED = "tokens", "tokens_per_s"  # metrics of a fixed meaning: tokens so far, and how fast
_NUMBERS = frozenset({float, int, bool})
_BATCH = 4096  # steps
_MOST_LOGGED = 10_000  # names of metrics that are remembered

Cuts = Mapping[int, tuple[int, int]]  # attempt → its first step, and the step of the checkpoint it continued from


class Straddles(Exception):
    """An attempt replaces a part of a cell: the records must be added up again, with the cuts that are known now."""

    def __init__(self, cuts: Cuts) -> None:
        super().__init__(cuts)
        self.cuts = cuts


@dataclass
class RecordSummary(RecordFacts):
    """The facts of an experiment, and the series of its metrics.

    Example: attempt 1 has logged steps 1 to 9, and attempt 2 resumes from the checkpoint of step 6. Then steps 1 to 6
    come from attempt 1, and the steps from 7 on come from attempt 2.
    """

    metrics: Collection[str] | None = None  # the metrics that have a series; None: all
    limit: int = LIMIT  # cells of a series
    cuts: Cuts = field(default_factory=dict)  # of attempts that are not read yet: what they will replace is left out
    times: Series = field(init=False)  # step → seconds spent until then, over all attempts
    series: dict[str, Series] = field(default_factory=dict)  # by metric, in the order of their first values
    logged: dict[str, None] = field(default_factory=dict)  # the names of all metrics, in order

    def __post_init__(self) -> None:
        """Begin without steps."""
        self.times = Series(self.limit)

    @property
    def num_steps(self) -> int:
        """The number of steps that were logged; a late step among the cells of a long experiment counts as known."""
        return len(self.times)

    def add_all(self, records: Iterable[Record]) -> None:
        """Add the next records of the file.

        Raises:
            Straddles: begin again with a new summary that has these cuts.
        """
        batch, until = _Batch(self), self._until()
        collected = batch.records
        collect = collected.append
        for record in records:
            step = record.get("step")
            if (
                step is not None
                and self.last_step < step < until
                and record["attempt"] == self.attempt
                and "kind" not in record
            ):  # the next step of the same attempt, as most records are
                self.last_step = step
                collect(record)
                if len(collected) >= _BATCH:  # more would only take memory
                    batch.flush()
                continue
            batch.flush()
            self.add_fact(record)
            if step is not None and "kind" not in record and not self._is_cut(step):
                self._add_step(step, record)
            until = self._until()
        batch.flush()

    def wants(self, metric: str) -> bool:
        """Return whether a metric has a series, as soon as it is logged."""
        return self.metrics is None or metric in self.metrics

    def series_of(self, metric: str) -> Series:
        """Return the series of a metric, which is begun if there is none yet."""
        found = self.series.get(metric)
        if found is None:
            found = self.series[metric] = Series(self.limit)
        return found

    def note(self, names: Iterable[str]) -> None:
        """Remember the names of metrics."""
        for name in names:
            if len(self.logged) < _MOST_LOGGED:
                self.logged.setdefault(name)

    def _until(self) -> float:
        """Return the first step that cannot simply be the newest attempt's next."""
        if self.first_step is None:
            return -math.inf
        return min((first for later, (first, _) in self.cuts.items() if later > self.attempt), default=math.inf)

    def _is_cut(self, step: int) -> bool:
        """Return whether a later attempt replaces a step of the newest attempt so far."""
        return any(
            self.attempt < later and step >= first and step > resumed for later, (first, resumed) in self.cuts.items()
        )

    def _add_step(self, step: int, record: Record) -> None:
        self.phase = f"after step {step}"
        if self.first_step is None or step < self.first_step:
            self._replace(step)
        is_first = not len(self.times)
        self.last_step = step if is_first else max(step, self.last_step)
        self.times.put(step, self.before_s + record["at_s"], replaces=step >= self.last_step)
        metrics = {name: value for name, value in record.items() if name not in ENVELOPE}
        self.note(metrics)
        for name, value in metrics.items():
            if self.wants(name) and is_value(name, value):
                self.series_of(name).put(step, value)

    def _replace(self, first: int) -> None:
        """Forget the steps of earlier attempts from `first` on. `first`: the newest attempt's smallest step so far."""
        until = math.inf if self.first_step is None else self.first_step  # from here on, all steps are its own
        self.first_step = first
        start = max(first, self.resumed_from + 1)
        if first > self.last_step or not len(self.times):
            return
        for series in (self.times, *self.series.values()):
            if not series.remove(start, until):
                raise Straddles({**self.cuts, self.attempt: (first, self.resumed_from)})
        self.series = {name: series for name, series in self.series.items() if len(series)}
        self.last_step = self.times.last


class _Batch:
    """The next steps of an attempt, which are added to the series together: ten times as fast as one by one."""

    def __init__(self, summary: RecordSummary) -> None:
        self._summary = summary
        self.records: list[Record] = []  # each of a step that is larger than all before

    def flush(self) -> None:
        """Add what has been collected to the series."""
        records, summary = [*self.records], self._summary
        if not records:
            return
        self.records.clear()
        steps = [record["step"] for record in records]
        before_s = summary.before_s
        summary.times.extend(steps, [before_s + record["at_s"] for record in records])
        summary.last_s = records[-1]["at_s"]
        summary.phase = f"after step {steps[-1]}"
        names = set().union(*records) - ENVELOPE
        if new := names - summary.logged.keys():
            summary.note(name for record in records for name in record if name in new)
        for name in names:
            if summary.wants(name):
                self._add_column(name, steps, [record.get(name) for record in records])

    def _add_column(self, name: str, steps: list[int], column: list[Any]) -> None:
        """Add the values of a metric at some steps; values that are no numbers are left out."""
        types = set(map(type, column))
        is_plain = types == {float} and name != TOKENS
        if types == {int}:
            is_plain = (0 if name == TOKENS else -values.MOST) <= min(column) and max(column) <= values.MOST
        if not is_plain:
            pairs = [(step, value) for step, value in zip(steps, column, strict=True) if is_value(name, value)]
            steps, column = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        if column:
            _extend(self._summary.series_of(name), steps, column)


def _extend(series: Series, steps: list[int], found: list[float]) -> None:
    """Add values at steps that are in order; the first of them may come before the last of the series."""
    if steps[0] > series.last or not len(series):
        series.extend(steps, found)
        return
    for step, value in zip(steps, found, strict=True):
        series.put(step, value)


def is_value(name: str, value: object) -> bool:
    """Return whether a value of a metric can be drawn and compared: a number that is not beyond any float."""
    if type(value) is not float and (type(value) not in _NUMBERS or values.real(value) is None):
        return False
    return name != TOKENS or 0 <= value <= values.MOST  # type: ignore[operator]  # it is a number
