"""Everything that a launch knows about its experiments while it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Self

from launcher.devices.slots import device_numbers
from launcher.engine.event_recorder import EventRecorder
from launcher.engine.experiments import Experiments
from launcher.engine.follower import Follower
from launcher.engine.notices import Notices
from launcher.engine.parts import Parts
from launcher.engine.scheduler import Scheduler
from launcher.planning.plan import Plan


@dataclass(frozen=True)
class LaunchState:
    """The state of a launch, as the classes share it that carry the launch out.

    experiments: the table of experiments, with attempts and endings.
    scheduler: which experiments wait, run and have ended; decides what starts where.
    follower: what the experiments have recorded.
    recorder: writes what happens to `events.jsonl`.
    """

    experiments: Experiments
    scheduler: Scheduler
    follower: Follower
    recorder: EventRecorder

    @classmethod
    def begin(cls, plan: Plan, parts: Parts, *, is_parallel: bool) -> Self:
        """Return the state in which a launch begins: every experiment waits.

        Raises:
            OSError: `events.jsonl` cannot be opened.
        """
        settings, slots, warn = plan.sweep.settings, parts.executor.slots, parts.console.message
        recorder = EventRecorder(plan.paths, warn)
        order = plan.order if is_parallel else [decision.experiment.name for decision in plan.to_run]
        experiments = Experiments(plan.to_run, order, plan.durations)
        make_notices = partial(Notices, settings.metrics, is_stopped=settings.on_nan == "stop")
        follower = Follower(
            plan.paths,
            warn,
            settings.metrics,
            make_notices,
            parts.sinks,
            is_maximized=plan.is_maximized,
        )
        slots_each = 1 if parts.executor.is_remote else settings.gpus
        turns = [decision.experiment.index * slots_each % len(slots) for decision in plan.to_run]
        scheduler = Scheduler(
            order,
            len(slots),
            None if is_parallel else turns,
            retries=settings.retries,
            fail_fast=settings.fail_fast,
            devices=device_numbers(slots),
            needs=dict.fromkeys(order, slots_each),
            seconds_left=partial(_seconds_left, experiments, follower),
        )
        return cls(experiments, scheduler, follower, recorder)


def _seconds_left(experiments: Experiments, follower: Follower, name: str) -> float | None:
    """Return in how many seconds an experiment will have ended, or one that waits, once it starts; None if unknown."""
    known = experiments.known.get(name)
    if (attempt := experiments.running.get(name)) is not None:
        known = attempt.known(follower.summary(name), time.monotonic())
    if known is None or known.seconds is None:
        return None
    return known.seconds * (1.0 - known.share_done)
