"""How long experiments take, from what they say of themselves and what was measured; and what follows from it.

Two things follow. The order, longest first (Graham 1969, "Bounds on multiprocessing timing anomalies": at most
4/3 - 1/3m of the best possible end on m slots, where any order may cost 2 - 1/m); and the time that is left. Pure.

An experiment's `work` is a number in a unit of its target's own, from the optional method `work()` of its
configuration; measured seconds turn it into time. Without either, an experiment is taken for an average one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from launcher.store.history import History


@dataclass(frozen=True)
class DurationEstimate:
    """What is known about how long one experiment takes."""

    work: float | None = None
    seconds: float | None = None  # of all of it, measured or reckoned from some of its steps
    share_done: float = 0.0  # which a resumed attempt does not do again
    is_earlier: bool = False  # measured by an earlier launch: perhaps on another device, or beside other work


def measured(seconds: float, step: int, total: int | None, work: float | None) -> DurationEstimate:
    """Return what an attempt tells that got to `step` of `total` in `seconds`."""
    if not total or not 0 < step <= total or seconds <= 0:
        return DurationEstimate(work)
    return DurationEstimate(work, seconds * total / step, step / total)


def pace(history: History, attempt: int, seconds: float, work: float | None) -> DurationEstimate | None:
    """Return what an attempt tells after `seconds` about how long it takes, of what was left when it began.

    None before its first step: until then the steps in its history are those of earlier attempts.
    """
    if history.attempt != attempt or history.phase == "in set-up":
        return None
    left = history.total - history.resumed_from if history.total else None
    return measured(seconds, history.last_step - history.resumed_from, left, None if history.resumed_from else work)


def remaining(known: Mapping[str, DurationEstimate]) -> dict[str, float]:
    """Return how long each will take yet: in seconds if any was measured, else in a unit that is the same for all.

    What an earlier launch has measured tells how fast others are until this one has measured anything itself.
    """
    rates = [(one.is_earlier, one.seconds / one.work) for one in known.values() if one.seconds and one.work]
    rate = median([rate for is_earlier, rate in rates if not is_earlier] or [rate for _, rate in rates] or [1.0])
    whole = {name: one.seconds or (one.work * rate if one.work else None) for name, one in known.items()}
    average = median([value for value in whole.values() if value is not None] or [1.0])
    return {name: (whole[name] or average) * (1.0 - one.share_done) for name, one in known.items()}


def longest_first(known: Mapping[str, DurationEstimate]) -> list[str]:
    """Return the order in which to start experiments; those of equal length keep their order."""
    left = remaining(known)
    return sorted(known, key=lambda name: -left[name])


def makespan(running: Iterable[float], waiting: Sequence[float], num_slots: int) -> float:
    """Return when the last ends if each slot takes the next that waits as soon as it is free."""
    free_at = [*running]
    free_at += [0.0] * (num_slots - len(free_at))
    heapq.heapify(free_at)
    for seconds in waiting:
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)
