"""Estimates the time that is left of a launch, and finds cores that have nothing more to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from launcher.engine.attempt import Attempt
from launcher.engine.experiments import Experiments
from launcher.engine.listener import AttemptEnd
from launcher.executors.base import Executor
from launcher.planning.estimate import extrapolate_attempt, makespan, remaining
from launcher.store.record_facts import RecordFacts

WORTH_SAYING_S = 60.0
LOOK_S = 1.0


class TimeLeft:
    """Estimates how long each experiment takes, from those that run and have run.

    With `is_elastic`, cores that have nothing more to do go to the experiments that still run.
    """

    def __init__(
        self,
        experiments: Experiments,
        executor: Executor,
        message: Callable[[str], None],
        *,
        is_parallel: bool,
        is_elastic: bool,
        slots_each: int = 1,
    ) -> None:
        self._experiments = experiments
        slots = executor.slots
        self._num_at_once = max(1, len(slots) // slots_each) if is_parallel else 1
        self._threads = slots[0].threads * slots_each  # of an experiment
        self._set_threads = executor.set_threads
        self._message = message
        has_cores = is_parallel and slots_each == 1 and not executor.is_remote
        self._shares_cores = has_cores and all(slot.device.kind == "cpu" for slot in slots)
        self._is_elastic = is_elastic
        self._has_told = False
        self._look_at_s = 0.0

    def started(self, attempt: Attempt) -> None:
        """Do nothing: the pace of an attempt shows from its first step on."""

    def ended(self, end: AttemptEnd) -> None:
        """Take in how long an attempt has taken."""
        known = end.decision.duration
        estimate = extrapolate_attempt(end.history, end.decision.attempt, end.seconds, known.work)
        if estimate is not None:
            self._experiments.known[end.name] = estimate

    def learn(self, attempt: Attempt, history: RecordFacts) -> None:
        """Take in how long a running attempt has taken for its steps so far."""
        self._experiments.known[attempt.name] = attempt.known(history, time.monotonic())

    def seconds_left(self, waiting: Collection[str]) -> float | None:
        """Return in how many seconds everything will have ended; None before anything was measured."""
        known = self._experiments.known
        if not any(estimate.seconds for estimate in known.values()):
            return None
        left = remaining(known)
        running = [left[name] for name in self._experiments.running]
        return makespan(running, [left[name] for name in waiting], self._num_at_once)

    def nothing_waits(self) -> None:
        """Called when no experiment waits: give idle cores to the experiments that run, if the job allows it.

        Otherwise tell the user, once, that cores will idle for more than a minute.
        """
        num_running = len(self._experiments.running)
        num_idle = self._num_at_once - num_running
        if not (self._shares_cores and num_running and num_idle):
            return
        num_cores = self._num_at_once * self._threads
        if self._is_elastic:
            self._set_threads(num_cores // num_running)
        elif not self._has_told and self._is_worth_saying():
            self._has_told = True
            self._message(
                f"Nothing is left to start: from now on {num_idle * self._threads} of {num_cores} cores idle. With "
                "elastic_threads = true in the job, what still runs would use them; its numbers would no longer be "
                "the same bit for bit."
            )

    def _is_worth_saying(self) -> bool:
        """Return whether cores will idle for long. It is computed once a second: many experiments may end at once."""
        if (now_s := time.monotonic()) < self._look_at_s:
            return False
        self._look_at_s = now_s + LOOK_S
        return (self.seconds_left(()) or 0.0) > WORTH_SAYING_S
