"""One metric of one experiment over its steps: the only place that decides which value is the best.

The best value of a metric is the smallest, or the largest where the job file lists the metric in `maximize`, over all
steps of the experiment. NaN and infinities are never the best. Example, of a loss:

    step   1    2    3    4             first 3.0, newest nan, best 1.5 at step 2
    loss  3.0  1.5  2.0  nan

Pure: a curve is made of values that somebody else has read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.store.history import History, numbers

END_SHARE = 0.1  # the end of a curve is this share of its steps,
END_STEPS = 5  # but at least so many


def best_of(values: Iterable[float], *, is_maximized: bool = False) -> float | None:
    """Return the best of some values; None if none of them is finite."""
    finite = filter(math.isfinite, values)
    return max(finite, default=None) if is_maximized else min(finite, default=None)


@dataclass(frozen=True)
class End:
    """The level at the end of a curve: over its last tenth of steps, at least five; values not finite are left out."""

    level: float  # the mean
    spread: float  # the standard deviation
    before: float | None  # the mean of as many steps before these; None if the curve is too short
    count: int  # of steps


@dataclass(frozen=True)
class Curve:
    """The values of one metric by step; there is at least one."""

    steps: Sequence[int]  # in order
    values: Sequence[float]  # as they were logged: ints stay ints; NaN and infinities too
    is_maximized: bool = False

    @property
    def first(self) -> float:
        """The value at the first step."""
        return self.values[0]

    @property
    def newest(self) -> float:
        """The value at the last step."""
        return self.values[-1]

    @cached_property
    def finite(self) -> list[float]:
        """The values that are neither NaN nor infinite, in order of step."""
        return list(filter(math.isfinite, self.values))

    @cached_property
    def best(self) -> float | None:
        """The best value of all steps; None if no value is finite."""
        return best_of(self.values, is_maximized=self.is_maximized)

    @cached_property
    def best_step(self) -> int | None:
        """The first step that has the best value."""
        return None if self.best is None else self.steps[self.values.index(self.best)]

    @cached_property
    def bad_steps(self) -> list[int]:
        """The steps whose value is not finite."""
        if len(self.finite) == len(self.values):
            return []
        return [step for step, value in zip(self.steps, self.values, strict=True) if not math.isfinite(value)]

    @cached_property
    def broken_since(self) -> int | None:
        """The step from which on no value is finite; None if the newest value is finite."""
        if math.isfinite(self.newest):
            return None
        places = range(len(self.values) - 1, -1, -1)
        last_good = next((place for place in places if math.isfinite(self.values[place])), -1)
        return self.steps[last_good + 1]

    @cached_property
    def end(self) -> End | None:
        """The level at the end; None if the newest value is not finite."""
        if not math.isfinite(self.newest):
            return None
        finite = self.finite
        count = min(len(finite), max(END_STEPS, round(END_SHARE * len(finite))))
        last, before = finite[-count:], finite[-2 * count : -count]
        try:
            level = math.fsum(last) / count
            spread = math.sqrt(math.fsum((value - level) ** 2 for value in last) / count)
            return End(level, spread, math.fsum(before) / count if len(before) == count else None, count)
        except OverflowError:  # values near the largest float
            return None


def curve_of(history: History, metric: str, *, is_maximized: bool = False) -> Curve | None:
    """Return the curve of a metric; None if no value of it was recorded, or the history does not remember it."""
    points = numbers(history, metric)
    return Curve(list(points), list(points.values()), is_maximized) if points else None
