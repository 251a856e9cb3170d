"""How the axis of a metric is laid out, the same in every plot and on the page: its limits, linear or logarithmic.

The better half of the curves decides. A run that has diverged does not flatten the others: it leaves the axis, and the
plot names it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from launcher.reports.smoothing import LARGEST, Floats
from launcher.store.metric import Metric

_END_SHARE = 0.1  # of a curve: what its level is taken of
_LOG_RATIO = 10.0  # between levels, or from the beginning of a curve down to its end
_RISE_RATIO = 1e4  # from the beginning of a curve up to its end: more than an accuracy rises
_GAP = 30.0  # times the size of the levels: what lies beyond such a gap is not compared with the rest
_REACH = 9.0  # lengths of the core that an axis extends beyond it: what is 10 times worse is still there
_SMALLEST = 1 / LARGEST  # on a logarithmic axis
_LEAST_LOG = math.log10(2)  # the length of the core on a logarithmic axis, at least
_MARGIN = 0.04  # of the axis, at both ends


@dataclass(frozen=True)
class AxisRule:
    """The axis of a metric: limits, scale, and the curves that leave it."""

    low: float
    high: float
    is_log: bool
    above: tuple[str, ...] = ()  # curves with values above the axis, in the order given
    below: tuple[str, ...] = ()  # curves with values below it

    @property
    def leaves(self) -> tuple[str, ...]:
        """The curves that leave the axis on either side."""
        return tuple(dict.fromkeys((*self.above, *self.below)))


@dataclass(frozen=True)
class _Shape:
    """A curve in a few numbers, of its values that are not NaN. Each list is in order of step, or sorted."""

    name: str
    finite: Floats  # sorted; without infinities and what is too large to be drawn
    lowest: float  # also an infinity
    highest: float
    begin: float  # the level at its beginning
    level: float  # the level at its end


def axis_rule(values_by_curve: Mapping[str, Sequence[float] | Floats], metric: Metric) -> AxisRule | None:
    """Return the axis for the curves of a metric; None if no curve has a value that can be drawn.

    Limits: all values of all curves are within, except what would flatten the others. The core is where 90 % of the
    values of the better half of the curves are. The axis ends at the last value that is not further from the core than
    nine times its length; on a linear axis, a core is at least as long as its distance from 0.

    Logarithmic, if the metric says so, or leaves it open and all values are positive, a smaller value is better, and
    levels are to be compared that differ by a factor of 10: of different curves, or at the beginning of a curve and its
    end. Examples: 0.0087, 0.0008 and 0.0004; a perplexity that falls from 50,000 to 200. A single value that is not
    positive makes the axis linear, unless the metric says `log`: then such a value leaves the axis.

    Curves that end 30 times worse than the next better curve have diverged: they are not compared, and the better half
    is that of the others.
    """
    shapes = [shape for name, values in values_by_curve.items() if (shape := _shape(name, values)) is not None]
    drawable = [shape for shape in shapes if len(shape.finite)]
    if not drawable:
        return None
    ranked = sorted(drawable, key=lambda shape: shape.level, reverse=metric.is_maximized)
    compared = _up_to_gap(ranked)
    better = compared[: (len(compared) + 1) // 2]
    is_log = _is_log(compared, metric)
    if is_log:
        better, compared = ([shape for shape in group if shape.finite[-1] >= _SMALLEST] for group in (better, compared))
        better = better or compared
    low, high = _limits(better, compared, is_log=is_log)
    above = tuple(shape.name for shape in shapes if shape.highest > high)
    below = tuple(shape.name for shape in shapes if shape.lowest < low)
    return AxisRule(low, high, is_log, above, below)


def _shape(name: str, values: Sequence[float] | Floats) -> _Shape | None:
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if not len(known):
        return None
    count = max(1, math.ceil(len(known) * _END_SHARE))
    finite = np.sort(known[np.abs(known) < LARGEST])
    begin, level = (float(np.sort(part)[len(part) // 2]) for part in (known[:count], known[-count:]))
    return _Shape(name, finite, float(known.min()), float(known.max()), begin, level)


def _up_to_gap(ranked: Sequence[_Shape]) -> Sequence[_Shape]:
    """Return the curves, the best first, up to a level that is far worse than the level before it."""
    best = ranked[0].level
    for place in range(1, len(ranked)):
        before = ranked[place - 1].level
        size = max(abs(before), abs(before - best))
        if size > 0 and abs(ranked[place].level - before) > _GAP * size:
            return ranked[:place]
    return ranked


def _is_log(compared: Sequence[_Shape], metric: Metric) -> bool:
    if metric.scale == "log":
        return any(shape.finite[-1] >= _SMALLEST for shape in compared)
    if metric.scale == "linear" or metric.is_maximized or not all(shape.finite[0] >= _SMALLEST for shape in compared):
        return False
    compared = [shape for shape in compared if shape.level < LARGEST] or compared[:1]
    levels = [shape.level for shape in compared]
    return (
        max(levels) >= _LOG_RATIO * min(levels)
        or any(shape.begin >= _LOG_RATIO * shape.level for shape in compared)
        or any(LARGEST > shape.level >= _RISE_RATIO * shape.begin for shape in compared)
    )


def _limits(better: Sequence[_Shape], compared: Sequence[_Shape], *, is_log: bool) -> tuple[float, float]:
    """Return the ends of the axis, with their margins."""
    low, high = _core(better, is_log=is_log)
    least = _LEAST_LOG if is_log else min(abs(low), abs(high))
    reach = _REACH * max(high - low, least)
    ends = [end for shape in compared for end in _within(shape, low - reach, high + reach, is_log=is_log)]
    low, high = min([low, *ends]), max([high, *ends])
    margin = _MARGIN * (high - low) or (_LEAST_LOG if is_log else abs(low) * _MARGIN or 1.0)
    margin = min(margin, 1.0) if is_log else margin
    low, high = low - margin, high + margin
    return (10**low, 10**high) if is_log else (low, high)


def _core(better: Sequence[_Shape], *, is_log: bool) -> tuple[float, float]:
    """Return where 90 % of the values of each of the better curves are: values, or logarithms of the positive ones."""
    lows, highs = [], []
    for shape in better:
        values = shape.finite[shape.finite >= _SMALLEST] if is_log else shape.finite
        aside = len(values) // 20
        lows.append(float(values[aside]))
        highs.append(float(values[-1 - aside]))
    return (math.log10(min(lows)), math.log10(max(highs))) if is_log else (min(lows), max(highs))


def _within(shape: _Shape, low: float, high: float, *, is_log: bool) -> Iterator[float]:
    """Yield the lowest and the highest value of a curve between two limits, as logarithms if the limits are."""
    values = np.log10(shape.finite[shape.finite >= _SMALLEST]) if is_log else shape.finite
    first, last = np.searchsorted(values, low, "left"), np.searchsorted(values, high, "right") - 1
    if first <= last:
        yield from (float(values[first]), float(values[last]))
