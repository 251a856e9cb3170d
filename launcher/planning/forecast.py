"""Forecasts a launch: which experiment starts where, when and after which, and how much time and memory it takes. Pure.

The forecast fills the slots as the scheduler does, with the durations of `estimate` in place of a clock. Before
anything was measured, durations are relative: the forecast then has an order and no times.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

from launcher.planning.decision import Decision
from launcher.planning.estimate import remaining
from launcher.planning.plan import Plan


@dataclass(frozen=True)
class ScheduledStart:
    """When and where an experiment is expected to run. Times are seconds since the launch began."""

    experiment: str
    slots: tuple[int, ...]
    wave: int  # 1 for an experiment that starts at once, 2 for one that takes over its slots, and so on
    after: str | None  # the experiment that it waits for; None if it starts at once
    starts_s: float
    ends_s: float


@dataclass(frozen=True)
class ResourceEstimate:
    """How much time and memory an experiment takes. None where nothing was measured, of this experiment or of others.

    Its fields are keys of `plan --json`.
    """

    seconds: float | None = None
    memory_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    is_measured: bool = False  # on this experiment as it is configured now; otherwise derived from other runs


@dataclass(frozen=True)
class Forecast:
    """What is expected of a launch."""

    starts: list[ScheduledStart]  # in order of time
    estimates: dict[str, ResourceEstimate]  # of every experiment that will be trained
    seconds: float | None  # of the whole launch
    work_seconds: float | None  # of all experiments, summed
    memory_bytes: int | None  # of all workers that run at the same time, at most
    gpu_memory_bytes: int | None  # of the experiment that takes most

    @property
    def waves(self) -> list[list[ScheduledStart]]:
        """The starts by wave: first those at once, then those that take over from them, and so on."""
        waves: list[list[ScheduledStart]] = [[] for _ in range(max((start.wave for start in self.starts), default=0))]
        for start in self.starts:
            waves[start.wave - 1].append(start)
        return waves


def forecast(plan: Plan, num_slots: int, *, is_parallel: bool, slots_each: int = 1) -> Forecast:
    """Simulate a launch of the plan on a number of slots, in parallel or one experiment after another.

    `slots_each`: how many slots an experiment needs. If more than one, each slot is on a device of its own.
    """
    decisions = {decision.experiment.name: decision for decision in plan.to_run}
    durations = plan.durations
    whole = remaining(durations)
    left = {name: whole[name] for name in decisions}
    starts = (
        _in_parallel(plan.order, left, num_slots, slots_each)
        if is_parallel
        else _in_sequence(plan, left, num_slots, slots_each)
    )
    has_times = any(duration.seconds for duration in durations.values()) and bool(decisions)
    evidence = [decision.evidence for decision in plan.decisions]
    usual = (
        _median([each.peak_memory_bytes for each in evidence]),
        _median([each.peak_gpu_memory_bytes for each in evidence]),
    )
    estimates = {
        name: _estimate(decision, usual, left[name] if has_times else None) for name, decision in decisions.items()
    }
    gpu_memory = [estimate.gpu_memory_bytes for estimate in estimates.values()]
    return Forecast(
        starts,
        estimates,
        seconds=max((start.ends_s for start in starts), default=0.0) if has_times else None,
        work_seconds=sum(left.values()) if has_times else None,
        memory_bytes=_most_at_once(starts, {name: estimate.memory_bytes for name, estimate in estimates.items()}),
        gpu_memory_bytes=max((size for size in gpu_memory if size is not None), default=None),
    )


def _in_parallel(order: Sequence[str], left: dict[str, float], num_slots: int, needed: int) -> list[ScheduledStart]:
    turns = count()  # slots that become free at the same time are given out in the order in which they are given back
    free = [(0.0, next(turns), slot) for slot in range(num_slots)]
    last: dict[int, ScheduledStart] = {}
    starts = []
    for name in order:
        taken = [heapq.heappop(free) for _ in range(needed)]
        starts_s, slots = taken[-1][0], tuple(slot for _, _, slot in taken)
        before = max((last[slot] for slot in slots if slot in last), key=lambda start: start.ends_s, default=None)
        wave, after = (before.wave + 1, before.experiment) if before else (1, None)
        start = ScheduledStart(name, slots, wave, after, starts_s, starts_s + left[name])
        for slot in slots:
            heapq.heappush(free, (start.ends_s, next(turns), slot))
            last[slot] = start
        starts.append(start)
    return starts


def _in_sequence(plan: Plan, left: dict[str, float], num_slots: int, needed: int) -> list[ScheduledStart]:
    starts: list[ScheduledStart] = []
    taken = [tuple((first + number) % num_slots for number in range(needed)) for first in range(num_slots)]
    after, starts_s = None, 0.0
    for number, decision in enumerate(plan.to_run, start=1):
        name, slots = decision.experiment.name, taken[decision.experiment.index * needed % num_slots]
        starts.append(ScheduledStart(name, slots, number, after, starts_s, starts_s + left[name]))
        after, starts_s = name, starts[-1].ends_s
    return starts


def _estimate(decision: Decision, usual: tuple[int | None, int | None], seconds: float | None) -> ResourceEstimate:
    """Return what an experiment takes: the peaks of its newest attempt; without any, the `usual` ones of all."""
    evidence = decision.evidence
    if seconds is None and evidence.planned is None and decision.duration.seconds is None:
        return _unmeasured(evidence.peak_memory_bytes or usual[0], evidence.peak_gpu_memory_bytes or usual[1])
    is_changed = evidence.planned is not None and evidence.planned.digest != decision.experiment.digest
    return ResourceEstimate(
        seconds,
        evidence.peak_memory_bytes or usual[0],
        evidence.peak_gpu_memory_bytes or usual[1],
        is_measured=decision.duration.seconds is not None and not is_changed,
    )


@cache
def _unmeasured(memory_bytes: int | None, gpu_memory_bytes: int | None) -> ResourceEstimate:
    return ResourceEstimate(None, memory_bytes, gpu_memory_bytes)


def _median(peaks: Sequence[int | None]) -> int | None:
    known = [peak for peak in peaks if peak is not None]
    if not known:
        return None
    from statistics import median  # not at the top: its import takes 3 ms, and a first plan has no peaks

    return round(median(known))


def _most_at_once(starts: Sequence[ScheduledStart], memory: dict[str, int | None]) -> int | None:
    """Return the most memory that all workers hold at the same time; None if the memory of any is not known."""
    changes = []
    for start in starts:
        size = memory[start.experiment]
        if size is None:
            return None
        # At the same moment, a worker that ends frees its memory before another takes some: 0 sorts before 1.
        changes += [(start.starts_s, 1, size), (start.ends_s, 0, -size)]
    most = held = 0
    for _, _, change in sorted(changes):
        held += change
        most = max(most, held)
    return most or None
