"""What is still to come of a launch: the time that is left, and cores that have nothing more to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from launcher.devices.slots import Slot
from launcher.engine.attempt import Attempt
from launcher.planning.estimate import makespan, remaining
from launcher.planning.plan import Plan
from launcher.store.history import History
from launcher.worker.thread_budget import ThreadBudget

WORTH_SAYING_S = 60.0


class TimeLeft:
    """Knows what is expected of each experiment, and learns from those that run."""

    def __init__(self, plan: Plan, slots: Sequence[Slot], say: Callable[[str], None], *, is_parallel: bool) -> None:
        self._known = plan.durations
        self._num_at_once = len(slots) if is_parallel else 1
        self._threads = slots[0].threads
        self._say = say
        self._shares_cores = is_parallel and all(slot.device.kind == "cpu" for slot in slots)
        self._has_said = False
        is_elastic = self._shares_cores and plan.sweep.settings.elastic_threads
        self.share = ThreadBudget.create(self._threads) if is_elastic else None

    def learn(self, attempt: Attempt, history: History) -> None:
        """Take in how long an attempt has taken for what it did."""
        self._known[attempt.name] = attempt.known(history, time.monotonic())

    def seconds_left(self, running: Collection[str], waiting: Collection[str]) -> float | None:
        """Return when everything will have ended; None before anything was measured."""
        if not any(one.seconds for one in self._known.values()):
            return None
        left = remaining(self._known)
        return makespan([left[name] for name in running], [left[name] for name in waiting], self._num_at_once)

    def nothing_waits(self, running: Collection[str]) -> None:
        """Give cores that have nothing more to do to what still runs, if the job allows it; else say that they idle."""
        num_idle = self._num_at_once - len(running)
        if not (self._shares_cores and running and num_idle):
            return
        if self.share is not None:
            self.share.set(self._threads * self._num_at_once // len(running))
        elif not self._has_said and (self.seconds_left(running, ()) or 0.0) > WORTH_SAYING_S:
            self._has_said = True
            self._say(
                f"Nothing is left to start: from now on {num_idle * self._threads} of "
                f"{self._num_at_once * self._threads} cores idle. With elastic_threads = true in the job, what still "
                "runs would use them; its numbers would no longer be the same bit for bit."
            )

    def something_starts(self) -> None:
        """Take the cores back, as after a retry."""
        if self.share is not None:
            self.share.set(self._threads)

    def close(self) -> None:
        """Release the share."""
        if self.share is not None:
            self.share.close()
