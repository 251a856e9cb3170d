"""Decides what starts where and when. Pure: events in, actions out; it never spawns, sleeps or reads a clock.

    Begin ──────────▶ Start, Start, …            fill the slots
    Ended(x) ───────▶ Start(y, slot of x)        a death frees its slot; x may be tried again
    Interrupted ────▶ Stop(x, force), …          nothing new starts; the second time they are killed
    two at once ────▶ SetAside(slot)             two experiments fail within a second on one slot: it is the device
    a failure ──────▶ Halt(x), Stop(y), …        with fail_fast, once x is not tried again
    the last end ───▶ Done

Each event costs O(log n) at most, so ten thousand experiments on a thousand slots take well under a second.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Interrupted:
    """Someone asked the sweep to stop; with force: at once."""

    force: bool = False


Event = Begin | Ended | Interrupted


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
class SetAside:
    """Use a slot no more; these experiments failed on it at once, one after the other."""

    slot: int
    experiments: tuple[str, str]


@dataclass(frozen=True)
class Halt:
    """Nothing more starts, because this experiment has failed; what runs is asked to save and end."""

    experiment: str


@dataclass(frozen=True)
class Done:
    """Nothing runs and nothing will start."""


Action = Start | Stop | SetAside | Halt | Done


@dataclass(frozen=True)
class Running:
    """State of an experiment that holds a slot."""

    slot: int


@dataclass(frozen=True)
class Finished:
    """State of an experiment that has ended."""

    ending: str


TRIED_AGAIN = frozenset({"failed", "killed", "hung", "out_of_memory"})
FAILED = TRIED_AGAIN | {"diverged"}  # which would diverge again
QUICK_S = 1.0  # an attempt that fails faster never got to train


class Scheduler:
    """Runs experiments in their order, each on the first free slot it may use.

    With `designated` (sequential mode) there is one at a time, and the slot of each experiment is fixed beforehand:
    experiment i of the job on device i, around again when the devices run out.

    An experiment that fails is queued again up to `retries` times. A slot on which two different experiments fail at
    once is set aside, as long as another is left, and the two are queued again, once each, whatever `retries` says.

    With `fail_fast` the first experiment that has failed for good ends the sweep: nothing more starts, what runs is
    asked to save and end.
    """

    def __init__(
        self,
        experiments: Sequence[str],
        num_slots: int,
        designated: Sequence[int] | None = None,
        *,
        retries: int = 0,
        fail_fast: bool = False,
    ) -> None:
        assert num_slots > 0, "a scheduler needs at least one slot"
        assert len(set(experiments)) == len(experiments), "experiment names are unique"
        assert designated is None or len(designated) == len(experiments), "a slot for each experiment"
        self._waiting = deque(experiments)
        self._designated = dict(zip(experiments, designated, strict=True)) if designated is not None else None
        self._free = deque(range(num_slots))
        self._usable = set(range(num_slots))
        self._states: dict[str, Running | Finished] = {}
        self._num_running = 0
        self._is_stopping = False
        self._retries_left = dict.fromkeys(experiments, retries)
        self._failed_at_once: dict[int, str] = {}  # slot → the experiment whose quick failure was the last thing there
        self._had_free_retry: set[str] = set()
        self._fail_fast = fail_fast

    @property
    def num_waiting(self) -> int:
        """How many experiments have not started."""
        return len(self._waiting)

    def state(self, experiment: str) -> Running | Finished | None:
        """Return the state of an experiment; None while it waits."""
        return self._states.get(experiment)

    def handle(self, event: Event) -> list[Action]:
        """Take an event and return what to do, in order."""
        match event:
            case Begin():
                return self._fill()
            case Ended():
                return self._ended(event) + self._fill()
            case Interrupted(force):
                self._is_stopping = True
                return self._stops(force) + self._fill()

    def _ended(self, event: Ended) -> list[Action]:
        state = self._states.get(event.experiment)
        assert isinstance(state, Running), f"{event.experiment} ended but was not running: {state}"
        self._states[event.experiment] = Finished(event.ending)
        self._num_running -= 1
        has_failed = event.ending in TRIED_AGAIN
        before = self._failed_at_once.pop(state.slot, None)
        is_device = False
        if has_failed and event.seconds < QUICK_S:
            self._failed_at_once[state.slot] = event.experiment
            is_device = before not in (None, event.experiment) and len(self._usable) > 1
        if is_device:
            assert before is not None, "two experiments failed here"
            self._usable.remove(state.slot)
            for name in (before, event.experiment):
                self._try_again_free(name)
            return [SetAside(state.slot, (before, event.experiment))]
        self._free.append(state.slot)
        if has_failed and self._retries_left[event.experiment] > 0:
            self._retries_left[event.experiment] -= 1
            self._queue_again(event.experiment)
        elif self._fail_fast and event.ending in FAILED and not self._is_stopping:
            self._is_stopping = True
            return [Halt(event.experiment), *self._stops(force=False)]
        return []

    def _stops(self, force: bool) -> list[Action]:
        return [Stop(name, force) for name, state in self._states.items() if isinstance(state, Running)]

    def _try_again_free(self, experiment: str) -> None:
        if experiment not in self._had_free_retry and isinstance(self._states.get(experiment), Finished):
            self._had_free_retry.add(experiment)
            self._queue_again(experiment)

    def _queue_again(self, experiment: str) -> None:
        if not self._is_stopping:
            del self._states[experiment]
            self._waiting.append(experiment)

    def _fill(self) -> list[Action]:
        actions: list[Action] = []
        limit = 1 if self._designated is not None else len(self._free) + self._num_running
        while self._waiting and not self._is_stopping and self._num_running < limit:
            experiment = self._waiting.popleft()
            if self._designated is None:
                slot = self._free.popleft()
            else:
                slot = self._designated[experiment]
                slot = slot if slot in self._usable else self._free[0]
                self._free.remove(slot)
            self._states[experiment] = Running(slot)
            self._num_running += 1
            actions.append(Start(experiment, slot))
        if self._num_running == 0 and not actions:
            actions.append(Done())
        return actions
