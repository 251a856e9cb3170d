"""Which of the experiments that wait may start now, where an experiment may need several slots. Pure.

An experiment that waits for more slots than are free would wait for ever if smaller ones took each slot as it becomes
free. So those behind it start only if they are expected to end before it could start. (Batch systems call the rule
backfilling: Lifka 1995, "The ANL/IBM SP scheduling system".) An experiment of which it is not known how long it takes
does not go ahead, and one that runs and of which that is not known is taken to end at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from launcher.engine.free_slots import FreeSlots

SecondsLeft = Callable[[str], float | None]  # of an experiment that runs, or of one that waits, once it starts


def may_start(
    waiting: Iterable[str],
    need: Callable[[str], int],
    slots: FreeSlots,
    running: Callable[[], Mapping[str, Sequence[int]]],
    seconds_left: SecondsLeft,
) -> list[str]:
    """Return the experiments that may start now, in the order in which they wait, if no device refuses them.

    `need`: how many slots an experiment needs. `running`: returns the slots of each experiment
    that runs. A slot is free.
    """
    found: list[str] = []
    limit_s = math.inf  # an experiment that starts must have ended within this time
    num_free: int | None = None  # counted only where it matters
    for experiment in waiting:
        if (num := need(experiment)) > 1:
            num_free = slots.num_free_devices if num_free is None else num_free
            if num > num_free:
                if limit_s == math.inf and num <= slots.num_devices:
                    limit_s = _free_after_s(num, num_free, slots, running(), seconds_left)
                continue
        if limit_s == math.inf or _takes_at_most(seconds_left(experiment), limit_s):
            found.append(experiment)
    return found


def _takes_at_most(seconds: float | None, limit_s: float) -> bool:
    return seconds is not None and seconds <= limit_s


def _free_after_s(
    num: int, num_free: int, slots: FreeSlots, running: Mapping[str, Sequence[int]], seconds_left: SecondsLeft
) -> float:
    """Return in how many seconds at least `num` slots are free."""
    ends = sorted((seconds_left(name) or 0.0, sum(map(slots.is_usable, held))) for name, held in running.items())
    for end_s, num_freed in ends:
        num_free += num_freed
        if num_free >= num:
            return end_s
    return 0.0
