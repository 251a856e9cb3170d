"""The events that the scheduler is told, and the actions that it decides. `scheduler` says which follow from which."""

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
    again: bool | None = None  # True: retry. False: do not. None: follow `retries`
    may_be_device: bool = True  # the device may be the cause of the failure, not only the code of the experiment


@dataclass(frozen=True)
class Refused:
    """An experiment could not be started on its slots now. It keeps its place in the queue."""

    experiment: str
    slots: tuple[int, ...]  # those of its slots that it cannot use now


@dataclass(frozen=True)
class RetryRefused:
    """Time has passed: refused experiments are to be tried again."""


@dataclass(frozen=True)
class SlotsLost:
    """These slots can be used no more, because their device is gone."""

    slots: tuple[int, ...]


@dataclass(frozen=True)
class Interrupted:
    """The launch is to stop. With force, running experiments are killed."""

    force: bool = False


@dataclass(frozen=True)
class StopRequested:
    """An experiment is to stop, or not to start. With force, it is killed."""

    experiment: str
    force: bool = False


@dataclass(frozen=True)
class RetryRequested:
    """An experiment that has ended or was withdrawn is to run again."""

    experiment: str


@dataclass(frozen=True)
class Added:
    """The sweep has another experiment."""

    experiment: str
    num_slots: int = 1  # that it needs


Event = Begin | Added | Ended | Refused | RetryRefused | SlotsLost | Interrupted | StopRequested | RetryRequested


@dataclass(frozen=True)
class Start:
    """Start an experiment on the slots with these indices."""

    experiment: str
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Stop:
    """Ask the worker of an experiment to save and end. With force, kill it."""

    experiment: str
    force: bool


@dataclass(frozen=True)
class Quarantined:
    """Use the devices of these slots no more: these two experiments failed there, each within a second."""

    slots: tuple[int, ...]
    experiments: tuple[str, str]


@dataclass(frozen=True)
class FailFast:
    """Nothing more starts, because this experiment has failed. Running experiments are asked to save and end."""

    experiment: str


@dataclass(frozen=True)
class Done:
    """Nothing runs and nothing will start."""


Action = Start | Stop | Quarantined | FailFast | Done
