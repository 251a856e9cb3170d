"""How a sweep stands at one moment, as plain data. `progress` makes it, and `terminal.screen` shows it.

It is apart from `terminal.screen`, so that a launcher whose output nobody watches does not import rich.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["running", "failed", "interrupted", "waiting", "done"]
GROUPS: tuple[Group, ...] = ("running", "failed", "interrupted", "waiting", "done")  # the order on a screen


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotRow:
    """One experiment. A value that is not known is None."""

    experiment: str
    group: Group
    state: str  # in a word
    device: str = ""
    step: int | None = None
    total: int | None = None
    value: float | None = None  # of the job's first metric, the newest
    best: float | None = None
    tokens_per_s: float | None = None
    time_s: float | None = None  # since this attempt began; of an experiment that has ended, how long it took
    left_s: float | None = None
    memory_bytes: int | None = None  # of the worker and its children
    gpu_memory_bytes: int | None = None
    cpu_percent: float | None = None  # 100 is one core


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A sweep. The rows of one group are in the order in which they are shown."""

    sweep: str
    rows: tuple[SnapshotRow, ...]
    metric: str  # whose values the rows have; empty if the job names none
    time_s: float  # since the launch began
    left_s: float | None
    logs: str  # the folder
    pid: int  # of the launcher
