"""What the scheduler is told, its events, and what it says, its actions. Values only; `scheduler` says what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Begin:
    """The sweep begins."""


@dataclass(frozen=True)
class Ended:
    """The attempt of an experiment is over, its process gone."""

    experiment: str
    ending: str
    seconds: float = math.inf  # how long the attempt ran
    again: bool | None = None  # queue it again, or not, whatever `retries` says; None: as that says
    may_be_device: bool = True  # its failure may come of the device, not only of its own code


@dataclass(frozen=True)
class Refused:
    """An experiment could not be started on a slot now; it waits on, in its place."""

    experiment: str
    slot: int


@dataclass(frozen=True)
class RetryRefused:
    """Time has passed: what was refused may be possible now."""


@dataclass(frozen=True)
class SlotsLost:
    """These slots can be used no more: their device is gone."""

    slots: tuple[int, ...]


@dataclass(frozen=True)
class Interrupted:
    """Someone asked the sweep to stop; with force: at once."""

    force: bool = False


@dataclass(frozen=True)
class StopRequested:
    """Someone asked for one experiment to stop, or not to start; with force: killed at once."""

    experiment: str
    force: bool = False


@dataclass(frozen=True)
class RetryRequested:
    """Someone asked for an experiment that has ended, or was withdrawn, to run again."""

    experiment: str


@dataclass(frozen=True)
class Added:
    """The sweep has one experiment more."""

    experiment: str


Event = Begin | Added | Ended | Refused | RetryRefused | SlotsLost | Interrupted | StopRequested | RetryRequested


@dataclass(frozen=True)
class Start:
    """Start an experiment on the slot with this index."""

    experiment: str
    slot: int


@dataclass(frozen=True)
class Stop:
    """Ask the worker of an experiment to save and end; with force: kill it."""

    experiment: str
    force: bool


@dataclass(frozen=True)
class Quarantined:
    """Use the device of a slot no more; these experiments failed on it at once, one after the other."""

    slot: int
    experiments: tuple[str, str]


@dataclass(frozen=True)
class FailFast:
    """Nothing more starts, because this experiment has failed; what runs is asked to save and end."""

    experiment: str


@dataclass(frozen=True)
class Done:
    """Nothing runs and nothing will start."""


Action = Start | Stop | Quarantined | FailFast | Done
