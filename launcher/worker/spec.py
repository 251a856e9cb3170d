"""What the launcher tells a worker about its attempt. The engine makes it, and it is sent to the worker process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.store.paths import Paths


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything a worker needs to know, as plain values, because it crosses a process boundary."""

    experiment: str
    attempt: int
    target: str
    folder: Path  # of the job file; searched first for the target's module
    config: dict[str, Any]  # all fields, as they are recorded; the target's configuration is made from `given`
    given: dict[str, Any]  # the values that the job file and -S give
    left_out: tuple[str, ...] = ()  # fields outside the identity, which may have other values in the worker
    digest: str
    state_digest: str  # identity of the checkpoints it may go on from
    seed: int
    device_type: str  # "cuda" or "cpu"
    environment: dict[str, str]
    threads: int
    paths: Paths
    checkpoint_s: float
    watched: str | None = None  # the metric that must stay finite; None: none
    uuid: str = ""  # of the GPU; empty for a CPU slot
    device_name: str = ""
    stop_after: int | None = None  # a step, after which it stops as if it were asked to
