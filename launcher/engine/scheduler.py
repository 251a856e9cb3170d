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
    two at once ────▶ Quarantined(slots)         two experiments fail within a second on one device, which may be why
    a failure ──────▶ FailFast(x), Stop(y), …    with fail_fast, once x is not tried again
    the last end ───▶ Done

An experiment may need several slots, each on a device of its own. It gets them all at once. While it waits for more
slots than are free, experiments behind it start only if they are expected to end before it could start. Otherwise
small experiments would take each slot that becomes free, and it would never start. How long experiments take is handed
in; an experiment of which that is not known may delay nobody.

Each event costs O(log n) at most, except that taking an experiment out of the middle of the queue costs O(n). Ten
thousand experiments on a thousand slots take well under a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.engine.backfill import SecondsLeft
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
from launcher.engine.placer import Placer
from launcher.engine.quick_failures import QUICK_S, QuickFailures
from launcher.engine.retry_budget import RetryBudget
from launcher.store.ending import FAILURES, RETRIED


@dataclass(frozen=True)
class Running:
    """State of an experiment that holds slots."""

    slots: tuple[int, ...]


@dataclass(frozen=True)
class Finished:
    """State of an experiment that has ended, or was taken out of the queue ("withdrawn")."""

    ending: str


class Scheduler:
    """Runs experiments in their order, each on the first free slots it may use.

    `needs`: how many slots each experiment needs; 1 where it is not named.
    `designated` (sequential mode): one experiment runs at a time, each on the slots that follow one fixed beforehand.
    `devices`: the number of the device of each slot; by default each slot has its own.
    `seconds_left`: in how many seconds an experiment that runs will have ended, or one that waits, once it starts; None
    where that is not known.

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
        needs: Mapping[str, int] | None = None,
        seconds_left: SecondsLeft = lambda _: None,
    ) -> None:
        devices = list(range(num_slots)) if devices is None else devices
        assert len(devices) == num_slots, "a device for each slot"
        self._placer = Placer(experiments, devices, designated, needs or {}, seconds_left)
        self._waiting, self._slots = self._placer.waiting, self._placer.slots
        self._is_sequential = designated is not None
        self._states: dict[str, Running | Finished] = {}
        self._num_running = 0
        self._is_stopping = False
        self._retries = RetryBudget(experiments, retries)
        self._quick_failures = QuickFailures()
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
        return self._placer.is_held_back and not self._is_stopping

    @property
    def has_slots(self) -> bool:
        """So many devices are left, neither set aside nor lost, that an experiment that waits could start on them."""
        return self._placer.has_slots

    def state(self, experiment: str) -> Running | Finished | None:
        """Return the state of an experiment; None while it waits."""
        return self._states.get(experiment)

    def handle(self, event: Event) -> list[Action]:
        """Take an event and return what to do, in order."""
        match event:
            case Begin() | RetryRefused():
                self._placer.forget_refusals()
                return self._fill()
            case Added(experiment, num_slots):
                self._retries.add(experiment)
                self._placer.add(experiment, num_slots)
                return self._fill()
            case Ended():
                self._placer.forget_refusals()
                return self._ended(event) + self._fill()
            case Refused():
                self._put_back(event)
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
            case Finished():  # its device may turn out to be the cause, and then it would be tried again
                self._retries.withdraw(event.experiment)
                return []

    def _ended(self, event: Ended) -> list[Action]:
        state = self._states.get(event.experiment)
        assert isinstance(state, Running), f"{event.experiment} ended but was not running: {state}"
        self._states[event.experiment] = Finished(event.ending)
        self._num_running -= 1
        has_failed = event.ending in RETRIED and not self._retries.is_withdrawn(event.experiment)
        actions = self._quarantine(event, state.slots, has_failed) if self._are_usable(state.slots) else []
        for slot in state.slots:
            self._slots.give_back(slot)
        if not self._are_usable(state.slots) and has_failed and self._try_again_free(event.experiment):
            return actions
        return actions + self._after(event, has_failed)

    def _are_usable(self, slots: Sequence[int]) -> bool:
        return all(map(self._slots.is_usable, slots))

    def _quarantine(self, event: Ended, slots: Sequence[int], has_failed: bool) -> list[Action]:
        """Set devices aside on which two experiments have failed quickly, one after the other.

        Of an attempt on several devices any may be the cause. As many must be left as the experiment needs.
        """
        is_quick = has_failed and event.may_be_device and event.seconds < QUICK_S and event.again is None
        devices = [self._slots.device(slot) for slot in slots]
        suspects = self._quick_failures.ended(event.experiment, devices, is_quick_failure=is_quick)
        if self._slots.num_devices - sum(map(len, suspects.values())) < len(slots):
            return []
        actions: list[Action] = []
        for name, found in suspects.items():
            own = tuple(slots[devices.index(device)] for device in found)
            actions.append(Quarantined(own, (name, event.experiment)))
            for device in found:
                self._slots.drop(self._slots.of_device(device))
            self._try_again_free(name)
        return actions

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
        return [Stop(name, force) for name in self._running()]

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

    def _put_back(self, event: Refused) -> None:
        state = self._states.pop(event.experiment)
        assert isinstance(state, Running), f"{event.experiment} was refused but has not started: {state}"
        self._num_running -= 1
        self._placer.refuse(event.experiment, event.slots, state.slots)

    def _fill(self) -> list[Action]:
        actions: list[Action] = []
        while self._may_start and (found := self._placer.take(self._running)) is not None:
            experiment, slots = found
            self._states[experiment] = Running(slots)
            self._num_running += 1
            actions.append(Start(experiment, slots))
        if actions or self._num_running or (self._waiting and not self._is_stopping and self.has_slots):
            return actions
        return [Done()]

    @property
    def _may_start(self) -> bool:
        return not self._is_stopping and not (self._is_sequential and self._num_running)

    def _running(self) -> dict[str, tuple[int, ...]]:
        return {name: state.slots for name, state in self._states.items() if isinstance(state, Running)}
