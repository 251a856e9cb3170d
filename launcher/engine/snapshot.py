"""How a sweep stands at one moment, as plain data. `progress` makes it, and `terminal.screen` shows it.

It is apart from `terminal.screen`, so that a launcher whose output nobody watches does not import rich.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from launcher.store.curve import best_of

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
    best_step: int | None = None
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
    names: tuple[str, ...] = ()  # of all experiments, in the order of the job
    metric: str  # whose values the rows have; empty if the job names none
    is_maximized: bool = False  # the largest value of the metric is the best
    time_s: float  # since the launch began
    left_s: float | None
    is_stopping: bool = False  # nothing is started any more
    drawing: tuple[int, int] | None = None  # how many views are drawn, of how many; None: not known
    logs: str  # the folder
    pid: int  # of the launcher

    @property
    def best(self) -> SnapshotRow | None:
        """The row with the best value of all steps; an experiment that failed or diverged is never the best."""
        rows = [row for row in self.rows if row.best is not None and row.group != "failed"]
        best = best_of((row.best for row in rows if row.best is not None), is_maximized=self.is_maximized)
        order = {name: place for place, name in enumerate(self.names)}
        found = (row for row in rows if row.best == best)
        return min(found, key=lambda row: order.get(row.experiment, len(order)), default=None)
