"""The description of an attempt that the launcher sends to its worker. The engine makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.command.script import Script
from launcher.store.paths import Paths


@dataclass(frozen=True)
class Card:
    """A GPU that an attempt was given."""

    uuid: str
    name: str  # its model


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Everything a worker needs to know, as plain values, because it crosses a process boundary."""

    experiment: str
    attempt: int
    target: str  # "module:function"; empty for a script
    folder: Path  # of the job file; searched first for the target's module
    search: tuple[str, ...] = ()  # folders with a copy of the code, searched before all others
    config: dict[str, Any]  # all fields, as they are recorded; the target's configuration is made from `given`
    given: dict[str, Any]  # the values from the job file and from -S
    left_out: tuple[str, ...] = ()  # fields outside the identity, which may have other values in the worker
    digest: str
    state_digest: str  # the digest in the checkpoints from which the attempt may continue
    seed: int
    device_type: str  # "cuda" or "cpu"
    environment: dict[str, str]
    threads: int
    paths: Paths
    checkpoint_s: float
    watched: str | None = None  # the metric that must stay finite; None: no metric is watched
    cards: tuple[Card, ...] = ()  # none on CPU slots
    num_ranks: int = 1  # processes that the worker starts, to train together, each on a device of its own
    script: Script | None = None  # None: a target trains
    stop_after: int | None = None  # the attempt stops after this step, as if the launcher had asked it to
