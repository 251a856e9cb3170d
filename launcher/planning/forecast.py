"""What a launch of a plan would look like: which experiment starts where and after which, and what it will take. Pure.

The slots are filled as the scheduler fills them, with the times of `estimate` in place of a clock. Where nothing was
measured, all are taken to last equally long, or as long as their `work` says: then the order is told and no time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from launcher.planning.decision import Decision
from launcher.planning.estimate import remaining
from launcher.planning.evidence import Evidence
from launcher.planning.plan import Plan


@dataclass(frozen=True)
class ScheduledStart:
    """When and where an experiment will run, as far as one can tell beforehand."""

    experiment: str
    slot: int
    wave: int  # 1: at once
    after: str | None  # the experiment whose slot it takes over, if it must wait
    starts_s: float
    ends_s: float


@dataclass(frozen=True)
class ResourceEstimate:
    """What an experiment will take: None where nothing was measured, of it or of others."""

    seconds: float | None = None
    memory_bytes: int | None = None
    gpu_memory_bytes: int | None = None
    is_measured: bool = False  # on this experiment as it is configured now; else reckoned from other runs


@dataclass(frozen=True)
class Forecast:
    """What is expected of a launch."""

    turns: list[ScheduledStart]  # in the order of their start
    expected: dict[str, ResourceEstimate]  # of every experiment that will run
    seconds: float | None  # of the whole launch
    work_seconds: float | None  # of all experiments together
    memory_bytes: int | None  # of all workers that run at once, at most
    gpu_memory_bytes: int | None  # of one slot, at most

    @property
    def waves(self) -> list[list[ScheduledStart]]:
        """The turns by wave: those that start at once, those that take over from them, and so on."""
        count = max((turn.wave for turn in self.turns), default=0)
        return [[turn for turn in self.turns if turn.wave == wave] for wave in range(1, count + 1)]


def forecast(plan: Plan, num_slots: int, *, is_parallel: bool) -> Forecast:
    """Simulate a launch of the plan on so many slots."""
    decisions = {one.experiment.name: one for one in plan.to_run}
    known = plan.durations
    whole = remaining(known)
    left = {name: whole[name] for name in decisions}
    turns = _in_parallel(plan.order, left, num_slots) if is_parallel else _in_sequence(plan, left, num_slots)
    has_times = any(one.seconds for one in known.values()) and bool(decisions)
    expected = {
        name: _expect(one, plan.decisions, left[name] if has_times else None) for name, one in decisions.items()
    }
    return Forecast(
        turns,
        expected,
        max((turn.ends_s for turn in turns), default=0.0) if has_times else None,
        sum(left.values()) if has_times else None,
        _most_at_once(turns, {name: one.memory_bytes for name, one in expected.items()}),
        max((one.gpu_memory_bytes for one in expected.values() if one.gpu_memory_bytes is not None), default=None),
    )


def _in_parallel(order: Sequence[str], left: dict[str, float], num_slots: int) -> list[ScheduledStart]:
    free: list[tuple[float, int]] = [(0.0, slot) for slot in range(num_slots)]
    last: dict[int, ScheduledStart] = {}
    turns = []
    for name in order:
        at_s, slot = heapq.heappop(free)
        before = last.get(slot)
        turn = ScheduledStart(
            name, slot, before.wave + 1 if before else 1, before.experiment if before else None, at_s, at_s + left[name]
        )
        heapq.heappush(free, (turn.ends_s, slot))
        last[slot] = turn
        turns.append(turn)
    return turns


def _in_sequence(plan: Plan, left: dict[str, float], num_slots: int) -> list[ScheduledStart]:
    turns: list[ScheduledStart] = []
    for number, one in enumerate(plan.to_run, start=1):
        at_s = turns[-1].ends_s if turns else 0.0
        after = turns[-1].experiment if turns else None
        name, slot = one.experiment.name, one.experiment.index % num_slots
        turns.append(ScheduledStart(name, slot, number, after, at_s, at_s + left[name]))
    return turns


def _expect(one: Decision, others: Sequence[Decision], seconds: float | None) -> ResourceEstimate:
    is_changed = one.evidence.planned is not None and one.evidence.planned.digest != one.experiment.digest
    return ResourceEstimate(
        seconds,
        _memory(one, others, lambda evidence: evidence.peak_memory_bytes),
        _memory(one, others, lambda evidence: evidence.peak_gpu_memory_bytes),
        is_measured=one.duration.seconds is not None and not is_changed,
    )


def _memory(decision: Decision, others: Sequence[Decision], peak: Callable[[Evidence], int | None]) -> int | None:
    """Return the peak of the experiment's newest attempt; without one the median of the peaks of all experiments."""
    known = [found for other in others if (found := peak(other.evidence)) is not None]
    return peak(decision.evidence) or (round(median(known)) if known else None)


def _most_at_once(turns: Sequence[ScheduledStart], memory: dict[str, int | None]) -> int | None:
    """Return the most that the workers hold together; None if one of them is not known."""
    changes = []
    for turn in turns:
        taken = memory[turn.experiment]
        if taken is None:
            return None
        # At the same moment, who ends gives back before who starts takes.
        changes += [(turn.starts_s, 1, taken), (turn.ends_s, 0, -taken)]
    most = now = 0
    for _, _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most or None
