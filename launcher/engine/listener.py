"""Listeners are told when attempts start and end. The order in which a launch tells them does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from launcher.devices.slot_set import SlotSet
from launcher.engine.attempt import Attempt
from launcher.engine.classify_ending import Ending
from launcher.planning.decision import Decision
from launcher.store.events import LoggedEvent
from launcher.store.record_facts import RecordFacts


class Ran(NamedTuple):
    """How long an attempt ran and where.

    seconds: None if its worker never began. node: of a cluster. goes_on: the experiment is started again in any case.
    peak_gpu_bytes: see `WorkerExited`.
    """

    seconds: float | None = None
    node: str = ""
    goes_on: bool = False
    peak_gpu_bytes: int | None = None


@dataclass(frozen=True)
class AttemptEnd:
    """How one attempt ended."""

    decision: Decision
    slots: SlotSet
    ending: Ending
    history: RecordFacts
    seconds: float  # how long it ran; 0 if its worker never began
    num_others: int  # other experiments that run or wait, and go on
    node: str = ""  # of a cluster, on which the attempt ran
    peak_gpu_bytes: int | None = None  # on one GPU, as the driver counted it

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.decision.experiment.name


LogEvent = Callable[[LoggedEvent], None]  # writes an event of the launch


class Listener(Protocol):
    """Is told about the attempts of a launch. It must not raise or wait."""

    def started(self, attempt: Attempt) -> None:
        """Called when the worker of an attempt has begun."""

    def ended(self, end: AttemptEnd) -> None:
        """Called when an attempt is over and its worker is gone."""


class OnEnd:
    """A listener that calls a function when an attempt has ended."""

    def __init__(self, act: Callable[[AttemptEnd], None]) -> None:
        self._act = act

    def started(self, attempt: Attempt) -> None:
        """Do nothing."""

    def ended(self, end: AttemptEnd) -> None:
        """Call the function."""
        self._act(end)
