"""Estimates how long experiments take, from the work they declare and the time that was measured. Pure.

An experiment's `work` is a number in a unit of its target's own, returned by the optional method `work()` of its
configuration: say, examples times parameters. A measured duration turns work into seconds. An experiment without work
and without a measurement is taken to last as long as the average of the others.

Two things are made from the estimates: the order of a parallel launch, the longest experiment first, and the time left.
On m slots the longest-first order ends at most 4/3 - 1/(3m) times as late as the best possible order; any other order
may end 2 - 1/m times as late (Graham 1969, "Bounds on multiprocessing timing anomalies").
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True)
class DurationEstimate:
    """How long one experiment takes, as far as it is known."""

    work: float | None = None
    seconds: float | None = None  # of the whole experiment: measured, or extrapolated from some of its steps
    share_done: float = 0.0  # the share, from 0 to 1, that a resumed attempt does not do again
    is_earlier: bool = False  # measured by an earlier launch: perhaps on another device, or beside other work


def extrapolate(seconds: float, step: int, total: int | None, work: float | None) -> DurationEstimate:
    """Extrapolate from an attempt that reached `step` of `total` steps in `seconds`.

    Example: 50 of 100 steps in 30 s give 60 s, of which a half is done. Without a total, or before the first step,
    nothing but the work is known.
    """
    if not total or not 0 < step <= total or seconds <= 0:
        return DurationEstimate(work)
    return DurationEstimate(work, seconds * total / step, step / total)


class AttemptProgress(Protocol):
    """How far the newest attempt of an experiment is: a summary of its records, or an `ExperimentState`."""

    @property
    def attempt(self) -> int:
        """The number of the newest attempt that has written a record."""

    @property
    def phase(self) -> str:
        """What the attempt does: "in set-up" before its first step."""

    @property
    def total(self) -> int | None:
        """How many steps the experiment has, where it says so."""

    @property
    def resumed_from(self) -> int:
        """The step of the checkpoint that the attempt goes on from; 0 without one."""

    @property
    def last_step(self) -> int:
        """The largest step."""


def extrapolate_attempt(
    progress: AttemptProgress, attempt: int, seconds: float, work: float | None
) -> DurationEstimate | None:
    """Extrapolate from the steps that `attempt` has done in `seconds` of its own. For a resumed attempt, of the rest.

    None before its first step: until then the steps in the records are those of earlier attempts. A resumed attempt has
    no work, because `work` is that of the whole experiment.
    """
    if progress.attempt != attempt or progress.phase == "in set-up":
        return None
    left = progress.total - progress.resumed_from if progress.total else None
    steps = progress.last_step - progress.resumed_from
    return extrapolate(seconds, steps, left, None if progress.resumed_from else work)


def remaining(estimates: Mapping[str, DurationEstimate]) -> dict[str, float]:
    """Return how long each experiment still takes: in seconds if any was measured, otherwise in a common unit.

    The speed, seconds for a unit of work, is the median of this launch's measurements. Until there is one, measurements
    of earlier launches are used.
    """
    speeds = [
        (estimate.is_earlier, estimate.seconds / estimate.work)
        for estimate in estimates.values()
        if estimate.seconds and estimate.work
    ]
    of_this_launch = [speed for is_earlier, speed in speeds if not is_earlier]
    speed = _median(of_this_launch or [speed for _, speed in speeds])
    whole = {
        name: estimate.seconds or (estimate.work * speed if estimate.work else None)
        for name, estimate in estimates.items()
    }
    average = _median([value for value in whole.values() if value is not None])
    return {name: (whole[name] or average) * (1.0 - estimate.share_done) for name, estimate in estimates.items()}


def _median(values: Sequence[float]) -> float:
    """Return the median; 1.0 if there are no values."""
    if not values:
        return 1.0
    from statistics import median  # not at the top: its import takes 3 ms, and a first plan has no values

    return median(values)


def on_other_seeds(
    estimates: Mapping[str, DurationEstimate], configurations: Mapping[str, str]
) -> dict[str, DurationEstimate]:
    """Return the estimates, where an experiment that was not measured takes as long as its configuration elsewhere did.

    Args:
        estimates: by the names of experiments.
        configurations: the configuration of each; experiments that differ in the seed alone share it.
    """
    measured: dict[str, list[float]] = {}
    for name, estimate in estimates.items():
        if estimate.seconds:
            measured.setdefault(configurations[name], []).append(estimate.seconds)
    usual = {configuration: _median(seconds) for configuration, seconds in measured.items()}
    return {
        name: estimate
        if estimate.seconds or configurations[name] not in usual
        else replace(estimate, seconds=usual[configurations[name]], is_earlier=True)
        for name, estimate in estimates.items()
    }


def longest_first(estimates: Mapping[str, DurationEstimate]) -> list[str]:
    """Return the names in the order in which to start the experiments; those of equal length keep their order."""
    left = remaining(estimates)
    return sorted(estimates, key=lambda name: -left[name])


def makespan(running: Iterable[float], waiting: Sequence[float], num_slots: int) -> float:
    """Return in how many seconds the last experiment ends if a slot takes the next one as soon as it is free.

    `running` and `waiting` are the seconds that each experiment still takes, `waiting` in the order of the starts.
    """
    free_at = [*running]
    free_at += [0.0] * (num_slots - len(free_at))
    heapq.heapify(free_at)
    for seconds in waiting:
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)
