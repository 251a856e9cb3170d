"""What a worker is told: plain values that cross the process boundary, made by the loop, read by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.store.paths import Paths


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything a worker needs to know, as plain values: it crosses a process boundary."""

    experiment: str
    attempt: int
    target: str
    folder: Path  # of the job file: searched first for the target's module
    config: dict[str, Any]  # resolved, to be shown; the target's is made from what was given
    given: dict[str, Any]
    left_out: tuple[str, ...] = ()  # fields that do not count, and may be others in the worker
    digest: str
    state_digest: str  # of its checkpoints
    seed: int
    device: str  # "cuda" or "cpu"
    environment: dict[str, str]
    threads: int
    paths: Paths
    checkpoint_s: float
    watched: str | None = None  # the metric that must stay finite, if the job says so
    uuid: str = ""  # of the device; empty for a CPU slot
    device_name: str = ""
    stop_after: int | None = None  # this step, as if asked to
