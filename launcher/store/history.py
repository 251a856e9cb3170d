"""What the records of an experiment add up to, and how two histories compare. Reads files through `records` only."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.store import values
from launcher.store.ending import EndingKind
from launcher.store.records import ENVELOPE, Record, RecordReader

_NOTHING: Record = {}


@dataclass
class History:
    """What the records of one experiment add up to. A reader sees each step exactly once.

    Within an attempt, metrics logged for one step are merged. A later attempt replaces what earlier ones recorded, from
    its own first step on. Each thread of an attempt has steps of its own, so a lower step may come after a higher.
    """

    info: Record = field(default_factory=dict)
    total: int | None = None
    start: Record | None = None
    end: Record | None = None  # of the newest attempt, if it had a last word
    resumed_from: int = 0
    phase: str = "in set-up"  # where the newest attempt is, or was when it ended
    attempt: int = 0
    last_s: float = 0.0  # when the newest attempt wrote its last record, since it began
    before_s: float = 0.0  # time spent by the attempts before the newest
    metrics: Collection[str] | None = None  # remember these metrics of each step; None: all of them
    obstacle: str = ""  # why the record file cannot be read; empty where it can, or there is none
    last_step: int = 0  # the largest, 0 before the first
    is_ordered: bool = True  # so far no step has come after a larger one
    _first: int | None = 0  # the smallest step of the newest attempt; None: it has not logged one yet
    _steps: dict[int, Record] = field(default_factory=dict)
    _at_s: dict[int, float] = field(default_factory=dict)
    _is_sorted: bool = True  # these two are in order of step

    def add_all(self, records: Iterable[Record]) -> None:
        """Take in the next records of the file: does what `add` does for each of them.

        Where only some metrics are remembered, this takes a third of the time of `add`.
        """
        metrics = self.metrics
        if metrics is None:
            for record in records:
                self.add(record)
            return
        steps, attempt, has_stepped = self._steps, self.attempt, self._first is not None
        logged: int | None = None  # the step of the newest record, where the phase does not say so yet
        for record in records:
            step = record.get("step")
            if (
                has_stepped
                and step is not None
                and step > self.last_step
                and record["attempt"] == attempt
                and "kind" not in record
            ):  # the next step of the same attempt, as most records are
                kept = _NOTHING
                for name in metrics:
                    if name in record:
                        kept = {**kept, name: record[name]} if kept else {name: record[name]}
                steps[step] = kept
                self.last_step = logged = step
                self.last_s = record["at_s"]
                continue
            if logged is not None:
                self.phase, logged = f"after step {logged}", None
            self.add(record)
            steps, attempt, has_stepped = self._steps, self.attempt, self._first is not None
        if logged is not None:
            self.phase = f"after step {logged}"

    def add(self, record: Record) -> None:
        """Take in the next record of the file."""
        if record["attempt"] > self.attempt:
            self.attempt, self._first, self.end, self.resumed_from = record["attempt"], None, None, 0
            self.phase = "in set-up"
            self.before_s += self.last_s
        self.last_s = record["at_s"]
        match record.get("kind"):
            case None if "step" in record:
                self._add_step(record)
            case "start":
                self.start = record
            case "total":
                self.total = record["steps"]
            case "info":
                self.info |= {key: value for key, value in record.items() if key not in ENVELOPE}
            case "phase":
                self.phase = record["phase"]
            case "resume":
                self.resumed_from = record["step"]
            case "end":
                self.end = record

    @property
    def steps(self) -> dict[int, Record]:
        """Step → its metrics alone, in order of step."""
        self._sort()
        return self._steps

    @property
    def at_s(self) -> dict[int, float]:
        """Step → time spent until then, attempts summed; empty where not all metrics are remembered."""
        self._sort()
        return self._at_s

    def _mark(self, step: int) -> None:
        """Remember that there is a step."""
        if step > self.last_step:
            self.last_step = step
            self._steps[step] = _NOTHING
        elif step not in self._steps:
            self.is_ordered = self._is_sorted = step == self.last_step == 0 and not self._steps
            self._steps[step] = _NOTHING
        elif step < self.last_step:
            self.is_ordered = False

    def _add_step(self, record: Record) -> None:
        step = record["step"]
        self.phase = f"after step {step}"
        if self._first is None or step < self._first:
            self._replace(step)
        is_late = step < self.last_step
        self._mark(step)
        if self.metrics is not None:
            if found := {name: record[name] for name in self.metrics if name in record}:
                self._steps[step] = self._steps[step] | found
            return
        metrics = {key: value for key, value in record.items() if key not in ENVELOPE}
        self._steps[step] = self._steps[step] | metrics
        if not is_late or step not in self._at_s:  # an evaluation may add to a step that is long past
            self._at_s[step] = self.before_s + record["at_s"]

    def _replace(self, first: int) -> None:
        """Forget what earlier attempts have recorded from a step on, the smallest of the newest attempt so far."""
        until = math.inf if self._first is None else self._first  # from there on everything is the newest attempt's
        self._first = first
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

    @property
    def has_all_steps(self) -> bool:
        """The target has said how many steps to expect, and the newest attempt has come so far."""
        reached = self.resumed_from if self._first is None else max(self.last_step, len(self._steps))
        return self.total is not None and reached >= self.total

    def lighten(self) -> None:
        """Forget all metrics, and from now on remember only which steps there are."""
        self.metrics = ()
        self._steps, self._at_s = dict.fromkeys(self._steps, _NOTHING), {}


def read_history(path: Path, metrics: Collection[str] | None = None) -> History:
    """Return the history in a record file; an empty one if there is no file, or none that can be read: it says why.

    `metrics`: remember only these of each step, which takes a fifth of the time: 2.0 µs a record. None: all of them.
    """
    history = History(metrics=metrics)
    try:
        history.add_all(RecordReader(path, metrics).read())
    except OSError as error:
        history.obstacle = unreadable(path, error)
    return history


def unreadable(path: Path, error: OSError) -> str:
    """Return why a record file cannot be read, without a full stop."""
    return f"{path} cannot be read: {error.strerror}"


def comparable(metrics: Record) -> Record:
    """Return the metrics that must be the same in every run: all but times, whose names end in `_s`."""
    return {key: value for key, value in metrics.items() if not key.endswith("_s")}


def first_difference(steps: Mapping[int, Record], others: Mapping[int, Record]) -> int | None:
    """Return the first step of `steps` that `others` do not have bit for bit, times left out; None if they have all."""
    for step, metrics in steps.items():
        # By their text: NaN is the same as NaN, and -0.0 is not 0.0.
        if step not in others or repr(comparable(metrics)) != repr(comparable(others[step])):
            return step
    return None


def numbers(history: History, metric: str) -> dict[int, float]:
    """Return the values of a metric by step as they were logged: an int stays an int, whatever its size.

    What is no number is left out, and so is an int beyond any float: nothing could be computed with it.
    """
    found: dict[int, float] = {}
    if history.metrics is not None and metric not in history.metrics:
        return found
    for step, metrics in history.steps.items():
        value: Any = metrics.get(metric)
        if type(value) is float or (value is not None and values.real(value) is not None):
            found[step] = value
    return found


def gpu_bytes(history: History) -> int | None:
    """Return the GPU memory the newest attempt took at most, if it got to use what it needs."""
    end = history.end or {}
    peak = values.whole(end.get("peak_gpu_memory_bytes"))
    kind = EndingKind.from_text(end.get("ending"))
    return peak if kind is not None and not kind.is_retried else None  # a failed attempt may have asked for more later
