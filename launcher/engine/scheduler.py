"""Decides what starts where and when. Pure: events in, actions out. It starts nothing, sleeps never, reads no clock.

    Begin ──────────▶ Start, Start, …            fill the slots
    Added(x) ───────▶ Start(x, slot), if free    the sweep has another experiment
    Ended(x) ───────▶ Start(y, slot of x)        a death frees its slot; x may be tried again
    Refused(x, s) ──▶ Start(y, s)                x cannot start on s now: it waits, the next is tried there
    RetryRefused ───▶ Start, …                   refused experiments are tried again
    SlotsLost(…) ───▶                            a device is gone: its slots are used no more
    Interrupted ────▶ Stop(x, force), …          nothing new starts; the second time they are killed
    StopRequested(x)▶ Stop(x, force)             or x leaves the queue; it is not tried again by itself
    RetryRequested(x) Start(x, slot), if free    x, which has ended or was withdrawn, waits once more
    two at once ────▶ Quarantined(slot)          two experiments fail within a second on one device, which may be why
    a failure ──────▶ FailFast(x), Stop(y), …    with fail_fast, once x is not tried again
    the last end ───▶ Done

Each event costs O(log n) at most, except that taking an experiment out of the middle of the queue costs O(n). Ten
thousand experiments on a thousand slots take well under a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.engine.free_slots import FreeSlots
from launcher.engine.messages import (
    Action,
    Added,
    Begin,
    Done,
    Ended,
    Event,
    FailFast,
    Interrupted,
    Quarantined,
    Refused,
    RetryRefused,
    RetryRequested,
    SlotsLost,
    Start,
    Stop,
    StopRequested,
)
from launcher.engine.retry_budget import RetryBudget
from launcher.engine.run_queue import RunQueue
from launcher.store.ending import FAILURES, RETRIED


@dataclass(frozen=True)
class Running:
    """State of an experiment that holds a slot."""

    slot: int


@dataclass(frozen=True)
class Finished:
    """State of an experiment that has ended, or was taken out of the queue ("withdrawn")."""

    ending: str


QUICK_S = 1.0  # an attempt that fails faster has not trained
WINDOW = 16  # so many waiting experiments may be tried on a slot that has refused the first; it bounds the cost


class Scheduler:
    """Runs experiments in their order, each on the first free slot it may use.

    With `designated` (sequential mode) one experiment runs at a time, each on a slot that is fixed beforehand.
    `devices` has the number of the device of each slot; by default each slot has its own.

    An experiment that fails is queued again up to `retries` times. A device may be the cause if two different
    experiments fail on it, one after the other, each within a second. It is then set aside, as long as another device
    is left, and both are queued again, once each, whatever `retries` says. So is an experiment that fails together
    with its device, which is lost. With `fail_fast` the first experiment that has failed for good ends the sweep.

    A refused experiment keeps its place in the queue. Whenever something may have changed, it is tried before those
    behind it, which may start earlier meanwhile. A sweep is finite, so no experiment waits for ever.
    """

    def __init__(
        self,
        experiments: Sequence[str],
        num_slots: int,
        designated: Sequence[int] | None = None,
        *,
        retries: int = 0,
        devices: Sequence[int] | None = None,
        fail_fast: bool = False,
    ) -> None:
        assert designated is None or len(designated) == len(experiments), "a slot for each experiment"
        assert devices is None or len(devices) == num_slots, "a device for each slot"
        self._waiting = RunQueue(experiments)
        self._slots = FreeSlots(list(range(num_slots)) if devices is None else devices)
        self._num_slots = num_slots
        self._refused: set[tuple[str, int]] = set()  # (experiment, slot), since the last change that may let them start
        self._designated = dict(zip(experiments, designated, strict=True)) if designated is not None else None
        self._states: dict[str, Running | Finished] = {}
        self._num_running = 0
        self._is_stopping = False
        self._retries = RetryBudget(experiments, retries)
        self._failed_at_once: dict[int, str] = {}  # by device: whose quick failure was the last end there
        self._fail_fast = fail_fast

    @property
    def num_waiting(self) -> int:
        """How many experiments wait, for their first attempt or another."""
        return len(self._waiting)

    @property
    def is_stopping(self) -> bool:
        """Nothing new starts any more."""
        return self._is_stopping

    def is_last(self, experiment: str) -> bool:
        """Return whether no attempt follows the running one: it was withdrawn, or nothing starts any more."""
        return self._is_stopping or self._retries.is_withdrawn(experiment)

    @property
    def is_held_back(self) -> bool:
        """An experiment waits though a slot is free, because its start was refused."""
        return bool(self._refused and self._waiting and self._slots and not self._is_stopping)

    @property
    def has_slots(self) -> bool:
        """A slot is left whose device is neither set aside nor lost."""
        return self._slots.has_usable

    def state(self, experiment: str) -> Running | Finished | None:
        """Return the state of an experiment; None while it waits."""
        return self._states.get(experiment)

    def handle(self, event: Event) -> list[Action]:
        """Take an event and return what to do, in order."""
        match event:
            case Begin() | RetryRefused():
                self._refused.clear()
                return self._fill()
            case Added(experiment):
                self._add(experiment)
                return self._fill()
            case Ended():
                self._refused.clear()
                return self._ended(event) + self._fill()
            case Refused(experiment, slot):
                self._put_back(experiment, slot)
                return self._fill()
            case SlotsLost(slots):
                self._slots.drop(slots)
                return self._fill()
            case Interrupted(force):
                self._is_stopping = True
                return self._stops(force) + self._fill()
            case StopRequested():
                return self._withdraw(event)
            case RetryRequested(experiment):
                assert isinstance(self._states.get(experiment), Finished), f"{experiment} has not ended"
                self._retries.readmit(experiment)
                self._queue_again(experiment)
                return self._fill()

    def _add(self, experiment: str) -> None:
        self._retries.add(experiment)
        if self._designated is not None:
            self._designated[experiment] = len(self._designated) % self._num_slots
        self._waiting.append(experiment)

    def _withdraw(self, event: StopRequested) -> list[Action]:
        match self._states.get(event.experiment):
            case Running():
                self._retries.withdraw(event.experiment)
                return [Stop(event.experiment, event.force)]
            case None:
                self._waiting.remove(event.experiment)
                self._retries.withdraw(event.experiment)
                self._states[event.experiment] = Finished("withdrawn")
                return self._fill()
            case Finished():
                return []

    def _ended(self, event: Ended) -> list[Action]:
        state = self._states.get(event.experiment)
        assert isinstance(state, Running), f"{event.experiment} ended but was not running: {state}"
        self._states[event.experiment] = Finished(event.ending)
        self._num_running -= 1
        has_failed = event.ending in RETRIED and not self._retries.is_withdrawn(event.experiment)
        actions = self._quarantine(event, state.slot, has_failed) if self._slots.is_usable(state.slot) else []
        self._slots.give_back(state.slot)
        if not self._slots.is_usable(state.slot) and has_failed and self._try_again_free(event.experiment):
            return actions
        return actions + self._after(event, has_failed)

    def _quarantine(self, event: Ended, slot: int, has_failed: bool) -> list[Action]:
        """Set a device aside on which two experiments have failed quickly, one after the other."""
        device = self._slots.device(slot)
        before = self._failed_at_once.pop(device, None)
        if not (has_failed and event.may_be_device and event.seconds < QUICK_S and event.again is None):
            return []
        self._failed_at_once[device] = event.experiment
        if before is None or before == event.experiment or not self._slots.has_other_device(device):
            return []
        self._slots.drop(self._slots.of_device(device))
        self._try_again_free(before)
        return [Quarantined(slot, (before, event.experiment))]

    def _after(self, event: Ended, has_failed: bool) -> list[Action]:
        """Queue the experiment of an attempt that is over again, if it may be; otherwise it may end the sweep."""
        is_again = has_failed and self._retries.use(event.experiment) if event.again is None else event.again
        if is_again and not self._retries.is_withdrawn(event.experiment):
            self._queue_again(event.experiment)
        elif self._fail_fast and event.ending in FAILURES and not self._is_stopping:
            self._is_stopping = True
            return [FailFast(event.experiment), *self._stops(force=False)]
        return []

    def _stops(self, force: bool) -> list[Action]:
        return [Stop(name, force) for name, state in self._states.items() if isinstance(state, Running)]

    def _try_again_free(self, experiment: str) -> bool:
        """Queue an experiment again whose device was the cause of its failure. Return False if it had that before."""
        state = self._states.get(experiment)
        has_failed = isinstance(state, Finished) and state.ending in RETRIED
        if not has_failed or not self._retries.use_free(experiment):
            return False
        self._queue_again(experiment)
        return True

    def _queue_again(self, experiment: str) -> None:
        if not self._is_stopping:
            del self._states[experiment]
            self._waiting.append(experiment)

    def _put_back(self, experiment: str, slot: int) -> None:
        del self._states[experiment]
        self._num_running -= 1
        self._refused.add((experiment, slot))
        self._waiting.put_back(experiment)
        self._slots.give_back(slot, is_next=True)

    def _fill(self) -> list[Action]:
        actions: list[Action] = []
        while (found := self._next()) is not None:
            experiment, slot = found
            self._waiting.remove(experiment)
            self._slots.take(slot)
            self._states[experiment] = Running(slot)
            self._num_running += 1
            actions.append(Start(experiment, slot))
        has_waiting = self._waiting and not self._is_stopping and self._slots.has_usable
        return actions if actions or self._num_running or has_waiting else [Done()]

    def _next(self) -> tuple[str, int] | None:
        """Return the experiment that starts next, and its slot: the first of both, unless that start was refused."""
        if self._is_stopping or not (self._waiting and self._slots):
            return None
        if self._designated is not None and self._num_running:
            return None
        for slot in self._slots if self._designated is None else [next(iter(self._slots))]:
            for experiment in self._waiting.first(WINDOW):
                wanted = slot if self._designated is None else self._designated[experiment]
                if not self._slots.is_usable(wanted):
                    wanted = slot
                if (experiment, wanted) not in self._refused:
                    return experiment, wanted
        return None
