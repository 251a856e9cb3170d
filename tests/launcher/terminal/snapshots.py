"""Made-up snapshots of a launch, for the tests of what a terminal shows."""

from __future__ import annotations

import math
from dataclasses import replace

from launcher.engine.snapshot import Snapshot, SnapshotRow

RUNNING = SnapshotRow(
    experiment="lr_1e-3", group="running", state="running", device="GPU 1", step=412, total=2168, value=5.9063,
    best=5.3325, best_step=409, tokens_per_s=41250.0, time_s=740.4, left_s=58.0, memory_bytes=1_212_000_000,
    gpu_memory_bytes=21_300_000_000, cpu_percent=99.4,
)  # fmt: skip
FAILED = SnapshotRow(
    experiment="big", group="failed", state="no memory", device="GPU 2", step=3, value=math.nan, time_s=7.0
)
WAITING = SnapshotRow(experiment="later", group="waiting", state="waiting")
DONE = SnapshotRow(
    experiment="small", group="done", state="done", device="GPU 1", step=2168, total=2168, value=4.1, time_s=1e5
)


def snapshot(*rows: SnapshotRow, **changes: object) -> Snapshot:
    made = Snapshot(
        sweep="report", rows=rows, metric="loss", time_s=751.0, left_s=305.0, logs="logs/report", pid=4711
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def many(num_running: int, num_failed: int, num_waiting: int, num_done: int) -> Snapshot:
    """Return a sweep in the order of a job file, which no screen has, with long names that differ in their ends."""
    rows = []
    for row, count in ((DONE, num_done), (WAITING, num_waiting), (FAILED, num_failed), (RUNNING, num_running)):
        rows += [replace(row, experiment=f"{row.group}_{'x' * (number % 60)}_{number}") for number in range(count)]
    return snapshot(*rows)
