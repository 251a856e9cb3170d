"""The curve of a metric over the steps of an experiment. Only this module decides which value is the best.

The best value of a metric is the smallest value of all steps. If the job file lists the metric in `maximize`, the best
value is the largest. NaN and infinities are never the best. Example of a loss:

    step   1    2    3    4             first 3.0, newest nan, best 1.5 at step 2
    loss  3.0  1.5  2.0  nan

Pure: a curve is made of a history, and reads no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.store.history import History, numbers

END_SHARE = 0.1  # the end of a curve is this share of its finite values,
END_STEPS = 5  # but at least this number of them


def best_of(values: Iterable[float], *, is_maximized: bool = False) -> float | None:
    """Return the best finite value: the largest if `is_maximized`, else the smallest; None if no value is finite."""
    finite = filter(math.isfinite, values)
    return max(finite, default=None) if is_maximized else min(finite, default=None)


@dataclass(frozen=True)
class End:
    """The level at the end of a curve: of the last tenth of its finite values, and of at least five if it has them."""

    level: float  # the mean
    spread: float  # the standard deviation, of the population
    before: float | None  # the mean of the `count` values before these; None if there are fewer
    count: int  # the number of values in the mean


@dataclass(frozen=True)
class Curve:
    """The values of a metric by step. A curve has at least one value."""

    steps: Sequence[int]  # in order
    values: Sequence[float]  # as they were logged: with NaN and infinities, and an int stays an int
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
        """The values without NaN and infinities, in order of step."""
        return list(filter(math.isfinite, self.values))

    @cached_property
    def best(self) -> float | None:
        """The best value of all steps; None if no value is finite."""
        return best_of(self.values, is_maximized=self.is_maximized)

    @cached_property
    def best_step(self) -> int | None:
        """The first step that has the best value; None if no value is finite."""
        return None if self.best is None else self.steps[self.values.index(self.best)]

    @cached_property
    def bad_steps(self) -> list[int]:
        """The steps whose value is not finite."""
        if len(self.finite) == len(self.values):
            return []
        return [step for step, value in zip(self.steps, self.values, strict=True) if not math.isfinite(value)]

    @cached_property
    def broken_since(self) -> int | None:
        """The step since which no value has been finite; None if the newest value is finite."""
        if math.isfinite(self.newest):
            return None
        places = range(len(self.values) - 1, -1, -1)
        last_good = next((place for place in places if math.isfinite(self.values[place])), -1)
        return self.steps[last_good + 1]

    @cached_property
    def end(self) -> End | None:
        """The level at the end; None if the newest value is not finite, or a sum is beyond any float."""
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
    """Return the curve of a metric; None if the metric was never recorded, or the history does not remember it."""
    points = numbers(history, metric)
    return Curve(list(points), list(points.values()), is_maximized) if points else None
