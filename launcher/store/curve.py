"""The curve of a metric over the steps of an experiment. Only this module decides which value is the best.

The best value of a metric is the smallest value of all steps. If the job file lists the metric in `maximize`, the best
value is the largest. NaN and infinities are never the best. Example of a loss:

    step   1    2    3    4             first 3.0, newest nan, best 1.5 at step 2
    loss  3.0  1.5  2.0  nan

A curve has a bounded number of points, whatever the number of steps: see `store.series`. Pure: no file is read.
"""

from __future__ import annotations

import itertools
import math
import statistics
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.store.series import Cell, Series, bad_word, packed, packed_steps

END_SHARE = 0.1  # the end of a curve is this share of its finite values,
END_STEPS = 5  # but at least this number of them,
SHORT = 20  # and of a curve with fewer values than this the last quarter: all of five epochs are no end


def best_of(values: Iterable[float], *, is_maximized: bool = False) -> float | None:
    """Return the best finite value: the largest if `is_maximized`, else the smallest; None if no value is finite."""
    finite = filter(math.isfinite, values)
    return max(finite, default=None) if is_maximized else min(finite, default=None)


def median(curve: Curve) -> float | None:
    """Return the median of the finite values of a curve; of a thinned curve, of the means of its stretches."""
    means = [mean for mean, count in zip(curve.stretches.means, curve.stretches.counts, strict=True) if count]
    return statistics.median(means) if means else None


@dataclass(frozen=True)
class End:
    """The level at the end of a curve: of the last tenth of its finite values, and of at least five if it has 20.

    Of fewer than 20 values it is the last quarter, rounded down, and at least one: of ten epochs the last two.
    Of a curve with over 4,096 values, the end is made of whole stretches, and may be a little longer.
    """

    level: float  # the mean
    spread: float  # the standard deviation, of the population
    before: float | None  # the mean of the `count` values before these; None if there are fewer
    count: int  # the number of values in the mean


@dataclass(frozen=True)
class Stretches:
    """A curve in stretches of neighbouring values, for running means and for pairs: N stretches.

    Up to 4,096 values, each value is a stretch of its own. Of more, all stretches but the last have the same number of
    values. Two curves with values at the same steps have the same stretches.
    """

    steps: Sequence[int]  # (N,) the last of each stretch, in order
    means: Sequence[float]  # (N,) of the finite values; NaN where there is none
    counts: Sequence[int]  # (N,) of the finite values


@dataclass(frozen=True)
class _Facts:
    """What is known of all values of a curve, besides the points to draw."""

    num: int
    first: float
    newest: float
    newest_step: int
    best: float | None
    best_step: int | None
    num_bad: int
    first_bad: int | None
    broken_since: int | None
    broken_value: str
    end: End | None
    stretches: Stretches


@dataclass(frozen=True)
class Curve:
    """The values of a metric by step. A curve has at least one value.

    `steps` and `values` are the points to draw: all values up to 4,096. Of more, the lowest and the highest value of
    each stretch, the first and the newest, so that no spike is lost.
    """

    steps: Sequence[int]  # in order
    values: Sequence[float]  # as they were logged: with NaN and infinities, and an int stays an int
    is_maximized: bool = False
    thinned: _Facts | None = None  # None: the points are all values

    @cached_property
    def _facts(self) -> _Facts:
        return self.thinned or _facts_of_values(self.steps, self.values, is_maximized=self.is_maximized)

    @property
    def num(self) -> int:
        """The number of values."""
        return self._facts.num

    @property
    def first(self) -> float:
        """The value at the first step."""
        return self._facts.first

    @property
    def newest(self) -> float:
        """The value at the last step."""
        return self._facts.newest

    @property
    def newest_step(self) -> int:
        """The last step."""
        return self._facts.newest_step

    @property
    def best(self) -> float | None:
        """The best value of all steps; None if no value is finite."""
        return self._facts.best

    @property
    def best_step(self) -> int | None:
        """The first step that has the best value; None if no value is finite."""
        return self._facts.best_step

    @property
    def num_bad(self) -> int:
        """The number of values that are not finite."""
        return self._facts.num_bad

    @property
    def first_bad(self) -> int | None:
        """The first step whose value is not finite; None if all are finite."""
        return self._facts.first_bad

    @property
    def first_bad_value(self) -> float | None:
        """The first value that is not finite; None if all are finite."""
        return None if self.first_bad is None else self.values[bisect_left(self.steps, self.first_bad)]

    @property
    def broken_since(self) -> int | None:
        """The step since which no value has been finite; None if the newest value is finite."""
        return self._facts.broken_since

    @property
    def broken_value(self) -> str:
        """What the values since `broken_since` are: nan, inf, -inf, or `not finite` if they differ; else empty."""
        return self._facts.broken_value

    @property
    def end(self) -> End | None:
        """The level at the end; None if the newest value is not finite, or a sum is beyond any float."""
        return self._facts.end

    @property
    def stretches(self) -> Stretches:
        """The whole curve in stretches."""
        return self._facts.stretches


def is_same_curve(own: Curve, other: Curve) -> bool:
    """Return whether two curves have the same values at the same steps. NaN is the same as NaN."""
    return (
        own.num == other.num
        and list(own.steps) == list(other.steps)
        and all(map(_is_same_value, own.values, other.values))
        and all(map(_is_same_value, own.stretches.means, other.stretches.means))
    )


def _is_same_value(value: float, other: float) -> bool:
    return value == other or (math.isnan(value) and math.isnan(other))


def curve_of(series: Series | None, *, is_maximized: bool = False) -> Curve | None:
    """Return the curve of a series; None if there is none, or it has no value."""
    if series is None or not len(series):
        return None
    if not series.is_thinned:
        return Curve(packed_steps(series.steps), packed(series.values), is_maximized)
    cells = series.all_cells()
    points = {cells[0].first: series.first, cells[-1].last: series.newest}
    for cell in cells:
        if cell.num:
            points |= {cell.low_step: cell.low, cell.high_step: cell.high}
        if cell.num_bad:
            points.setdefault(cell.first_bad, cell.bad_value)
    steps = sorted(points)
    facts = _facts_of_cells(series, cells, is_maximized=is_maximized)
    return Curve(packed_steps(steps), packed([points[step] for step in steps]), is_maximized, facts)


def _facts_of_values(steps: Sequence[int], values: Sequence[float], *, is_maximized: bool) -> _Facts:
    is_finite = list(map(math.isfinite, values))
    best = best_of(values, is_maximized=is_maximized)
    num_bad = is_finite.count(False)
    last_good = len(values) - 1 - is_finite[::-1].index(True) if num_bad < len(values) else -1
    is_broken = last_good < len(values) - 1
    broken = {str(value) for value in values[last_good + 1 :]}
    return _Facts(
        num=len(values),
        first=values[0],
        newest=values[-1],
        newest_step=steps[-1],
        best=best,
        best_step=None if best is None else steps[values.index(best)],
        num_bad=num_bad,
        first_bad=steps[is_finite.index(False)] if num_bad else None,
        broken_since=steps[last_good + 1] if is_broken else None,
        broken_value=(broken.pop() if len(broken) == 1 else "not finite") if is_broken else "",
        end=None if is_broken else _end_of_values([*filter(math.isfinite, values)] if num_bad else values),
        stretches=_stretches_of_values(steps, values, is_finite),
    )


def _stretches_of_values(steps: Sequence[int], values: Sequence[float], is_finite: Sequence[bool]) -> Stretches:
    """Return the stretches of a curve that has every value: each value is a stretch of its own."""
    means = values if all(is_finite) else [v if good else math.nan for v, good in zip(values, is_finite, strict=True)]
    return Stretches(steps, means, array("B", is_finite))


def _num_at_end(num: int) -> int:
    """Return how many of the finite values of a curve are its end."""
    return max(round(END_SHARE * num), END_STEPS) if num >= SHORT else max(1, num * END_STEPS // SHORT)


def _end_of_values(finite: Sequence[float]) -> End | None:
    """Return the level at the end of finite values; None if a sum is beyond any float."""
    count = _num_at_end(len(finite))
    last, before = finite[-count:], finite[-2 * count : -count]
    try:
        level = math.fsum(last) / count
        spread = math.sqrt(math.fsum((value - level) ** 2 for value in last) / count)
        return End(level, spread, math.fsum(before) / count if len(before) == count else None, count)
    except OverflowError:  # values near the largest float
        return None


def _facts_of_cells(series: Series, cells: Sequence[Cell], *, is_maximized: bool) -> _Facts:
    known = [cell for cell in cells if cell.num]
    if is_maximized:
        best_cell = max(known, key=lambda cell: cell.high, default=None)
        best, best_step = (best_cell.high, best_cell.high_step) if best_cell else (None, None)
    else:
        best_cell = min(known, key=lambda cell: cell.low, default=None)
        best, best_step = (best_cell.low, best_cell.low_step) if best_cell else (None, None)
    broken_since, kinds = None, 0
    if cells[-1].bad_since >= 0:
        tail = [*itertools.takewhile(lambda cell: cell.is_bad, reversed(cells))]
        partly = cells[len(cells) - len(tail) - 1] if len(tail) < len(cells) else None
        tail += [partly] if partly is not None and partly.bad_since >= 0 else []
        broken_since = tail[-1].bad_since
        for cell in tail:
            kinds |= cell.bad_kinds
    return _Facts(
        num=len(series),
        first=series.first,
        newest=series.newest,
        newest_step=series.last,
        best=best,
        best_step=best_step,
        num_bad=sum(cell.num_bad for cell in cells),
        first_bad=next((cell.first_bad for cell in cells if cell.num_bad), None),
        broken_since=broken_since,
        broken_value=bad_word(kinds) if broken_since is not None else "",
        end=None if broken_since is not None else _end_of_cells(known),
        stretches=Stretches([cell.last for cell in cells], [cell.mean for cell in cells], [cell.num for cell in cells]),
    )


def _end_of_cells(cells: Sequence[Cell]) -> End | None:
    """Return the level at the end of a curve, given its cells that have a finite value."""
    wanted = _num_at_end(sum(cell.num for cell in cells))
    last = _last_cells(cells, wanted)
    before = _last_cells(cells[: len(cells) - len(last)], sum(cell.num for cell in last))
    level, m2, count = _pooled(last)
    mean_before, _, count_before = _pooled(before)
    if not (math.isfinite(level) and math.isfinite(m2)):
        return None
    return End(level, math.sqrt(m2 / count), mean_before if count_before >= count else None, count)


def _last_cells(cells: Sequence[Cell], wanted: int) -> Sequence[Cell]:
    """Return as many of the last cells as have the wanted number of finite values; all if they have fewer."""
    found = 0
    for place in range(len(cells) - 1, -1, -1):
        found += cells[place].num
        if found >= wanted:
            return cells[place:]
    return cells


def _pooled(cells: Sequence[Cell]) -> tuple[float, float, int]:
    """Return mean, sum of squared differences from the mean, and number of the finite values of some cells."""
    count = sum(cell.num for cell in cells)
    if not count:
        return math.nan, 0.0, 0
    try:
        level = math.fsum(cell.mean * cell.num for cell in cells) / count
        m2 = math.fsum(cell.m2 + cell.num * (cell.mean - level) ** 2 for cell in cells)
    except (OverflowError, ValueError):
        return math.inf, math.inf, count
    return level, m2, count
