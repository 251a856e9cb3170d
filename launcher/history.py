"""What the records of an experiment add up to, and how two histories compare. Reads files through `records` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launcher import values
from launcher.estimate import Known, measured
from launcher.records import ENVELOPE, Record, RecordReader

_NOTHING: Record = {}


@dataclass
class History:
    """What the records of one experiment add up to. A reader sees each step exactly once.

    Within an attempt, metrics logged for one step are merged. A later attempt replaces what earlier ones recorded, from
    its own first step on.
    """

    steps: dict[int, Record] = field(default_factory=dict)  # step → metrics alone, in order of step
    info: Record = field(default_factory=dict)
    total: int | None = None
    start: Record | None = None
    end: Record | None = None  # of the newest attempt, if it had a last word
    resumed_from: int = 0
    phase: str = "in set-up"  # where the newest attempt is, or was when it ended
    attempt: int = 0
    last_s: float = 0.0  # when the newest attempt wrote its last record, since it began
    at_s: dict[int, float] = field(default_factory=dict)  # step → time spent until then, attempts summed; not if light
    before_s: float = 0.0  # time spent by the attempts before the newest
    is_light: bool = False  # remember which steps there are, not their metrics
    _fresh: bool = False  # the newest attempt has not logged a step yet

    def add(self, record: Record) -> None:
        """Take in the next record of the file."""
        if record["attempt"] > self.attempt:
            self.attempt, self._fresh, self.end, self.resumed_from = record["attempt"], True, None, 0
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

    def pace(self, attempt: int, seconds: float, work: float | None) -> Known | None:
        """Return what an attempt tells after `seconds` about how long it takes, of what was left when it began.

        None before its first step: until then the steps there are, are those of earlier attempts.
        """
        if self.attempt != attempt or self.phase == "in set-up":
            return None
        left = self.total - self.resumed_from if self.total else None
        return measured(seconds, self.last_step - self.resumed_from, left, None if self.resumed_from else work)

    def _add_step(self, record: Record) -> None:
        step = record["step"]
        self.phase = f"after step {step}"
        if self._fresh:
            self._fresh = False
            for later in [known for known in self.steps if known >= step and known > self.resumed_from]:
                del self.steps[later]
        if self.is_light:
            self.steps[step] = _NOTHING
        else:
            metrics = {key: value for key, value in record.items() if key not in ENVELOPE}
            self.steps[step] = self.steps.get(step, {}) | metrics
            self.at_s[step] = self.before_s + record["at_s"]

    def lighten(self) -> None:
        """Forget all metrics, and from now on remember only which steps there are."""
        self.is_light = True
        self.steps, self.at_s = dict.fromkeys(self.steps, _NOTHING), {}

    @property
    def last_step(self) -> int:
        """The newest step recorded, 0 before the first."""
        return next(reversed(self.steps), 0)


def read_history(path: Path) -> History:
    """Return the history in a record file; an empty one if there is no file.

    Raises:
        OSError: what is there is no file, or cannot be read.
    """
    history = History()
    for record in RecordReader(path).read():
        history.add(record)
    return history


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


def series(history: History, metric: str) -> list[float]:
    """Return the values of a metric in order of step, as floats; what is no number is left out."""
    return list(numbers(history, metric).values())


def numbers(history: History, metric: str) -> dict[int, float]:
    """Return the values of a metric by step, as floats; what is no number is left out."""
    found = {}
    for step, metrics in history.steps.items():
        if (value := values.number(metrics.get(metric))) is not None:
            found[step] = value
    return found


def gpu_bytes(history: History) -> int | None:
    """Return the GPU memory the newest attempt took at most, if it got to use what it needs."""
    end = history.end or {}
    peak = values.whole(end.get("peak_gpu_memory_bytes"))
    return peak if end.get("ending") in ("done", "interrupted", "diverged") else None
