"""Adds up the records of an experiment that are not of steps: which attempt is the newest, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from launcher.store import values
from launcher.store.ending import EndingKind
from launcher.store.records import ENVELOPE, Record


@dataclass
class RecordFacts:
    """What the records of an experiment say, besides the metrics of its steps."""

    info: Record = field(default_factory=dict)
    total: int | None = None
    start: Record | None = None  # of the newest attempt that has written its start record
    end: Record | None = None  # the last record of the newest attempt; None if it has not ended, or was killed
    resumed_from: int = 0  # the step of the checkpoint from which the newest attempt continued; 0 if it began anew
    phase: str = "in set-up"  # the work that the newest attempt does, or did when it ended
    attempt: int = 0
    last_s: float = 0.0  # the time of the newest attempt's last record, since the attempt began
    before_s: float = 0.0  # the time spent by all attempts before the newest
    obstacle: str = ""  # why the record file cannot be read; empty if it can be read, or is missing
    touched: list[str] = field(default_factory=list)  # files that changed while its newest attempt ran
    followed: list[str] = field(default_factory=list)  # files of its newest attempt that a glob has found
    is_resumed_script: bool = False  # its newest attempt is a script that was given the arguments to go on
    last_step: int = 0  # the largest step; 0 before the first step
    first_step: int | None = 0  # the smallest step of the newest attempt; None: it has logged no step yet

    def add_fact(self, record: Record) -> None:
        """Add the next record of the file, except for the metrics of a step."""
        if record["attempt"] > self.attempt:
            self.attempt, self.first_step, self.end, self.resumed_from = record["attempt"], None, None, 0
            self.phase = "in set-up"
            self.touched, self.followed, self.is_resumed_script = [], [], False
            self.before_s += self.last_s
        self.last_s = record["at_s"]
        match record.get("kind"):
            case "start":
                self.start = record
            case "total":
                self.total = record["steps"]
            case "info":
                self.info |= {key: value for key, value in record.items() if key not in ENVELOPE}
            case "phase":
                self.phase = record["phase"]
            case "follows":
                self.is_resumed_script = bool(record.get("is_resumed"))
            case "touched":
                self.touched += values.texts([record.get("file")])
            case "source":
                self.followed += [path for path in values.texts([record.get("path")]) if path not in self.followed]
            case "resume":
                self.resumed_from = record["step"]
            case "end":
                self.end = record

    @property
    def num_steps(self) -> int:
        """The number of steps that were logged."""
        raise NotImplementedError

    @property
    def has_all_steps(self) -> bool:
        """Whether the newest attempt has reached the number of steps to expect; False if the target has not said it."""
        reached = self.resumed_from if self.first_step is None else max(self.last_step, self.num_steps)
        return self.total is not None and reached >= self.total


class GpuNeed(NamedTuple):
    """How much GPU memory an attempt has taken on one GPU.

    is_counted: the driver counted it for the processes of the attempt, all that they hold, needed or not: JAX takes
    three quarters of any card. Else torch in the worker measured what it reserved, without what CUDA itself takes.
    """

    num_bytes: int
    is_counted: bool = False


def gpu_need(facts: RecordFacts, counted_bytes: int | None = None) -> GpuNeed | None:
    """Return what the newest attempt took; None if it is unknown, or less than the training needs.

    An attempt that failed may have ended before it needed most memory. `counted_bytes`: what the driver was seen to
    count for it, which holds where torch in the worker has told nothing, as of a script.
    """
    end = facts.end or {}
    kind = EndingKind.from_text(end.get("ending"))
    if kind is None or kind.is_retried:
        return None
    peak = values.whole(end.get("peak_gpu_memory_bytes"))
    if peak is not None:
        return GpuNeed(peak)
    return GpuNeed(counted_bytes, is_counted=True) if counted_bytes else None
