"""The level at the end of a curve, and how far it can be trusted: the mean of the last tenth, with its standard error.

Neighbouring steps resemble each other, so a standard error of single values would be far too small. We cut the end into
five parts of neighbouring values, and take the standard error of the five means (batch means: Schmeiser 1982). Example
of an end of 10 values:

    3.1 3.3 | 3.0 3.2 | 2.9 3.1 | 3.2 3.0 | 3.1 3.1      means 3.2 3.1 3.0 3.1 3.1, level 3.10 ± 0.03
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.store.curve import END_STEPS, SHORT, Curve
from launcher.text import number, with_spread

NUM_PARTS = 5
THE_END = f"its last tenth of values, at least {END_STEPS} of them (of fewer than {SHORT} values, the last quarter)"


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error."""

    value: float
    standard_error: float | None  # None: it is of fewer than five values
    df: int = NUM_PARTS - 1  # degrees of freedom of the standard error


@dataclass(frozen=True)
class EndPoints:
    """The finite values of the end of a curve, in order of step: N points. A point of a thinned curve is a mean."""

    steps: Sequence[int]  # (N,) of a mean the last
    means: Sequence[float]  # (N,)
    counts: Sequence[int]  # (N,) how many values the mean is of


def end_points(curve: Curve) -> EndPoints | None:
    """Return the points that the level at the end of a curve is the mean of; None if the curve has no end."""
    end = curve.end
    if end is None:
        return None
    stretches, num_values = curve.stretches, 0
    places: list[int] = []
    for place in range(len(stretches.steps) - 1, -1, -1):
        if num_values >= end.count:
            break
        if stretches.counts[place]:
            places.append(place)
            num_values += stretches.counts[place]
    places.reverse()
    return EndPoints(
        steps=[stretches.steps[place] for place in places],
        means=[stretches.means[place] for place in places],
        counts=[stretches.counts[place] for place in places],
    )


def estimate(means: Sequence[float], counts: Sequence[int]) -> Estimate | None:
    """Return the mean of neighbouring values and its standard error; None if a sum is beyond any float.

    Parts of unequal length have unequal weights, as in a ratio of sums (Cochran 1977, "Sampling Techniques", 6.4).
    """
    try:
        total = sum(counts)
        value = math.fsum(mean * count for mean, count in zip(means, counts, strict=True)) / total
        if len(means) < NUM_PARTS:
            return Estimate(value, None) if math.isfinite(value) else None
        squares = 0.0
        bounds = [len(means) * part // NUM_PARTS for part in range(NUM_PARTS + 1)]
        for start, end in itertools.pairwise(bounds):
            part = range(start, end)
            weight = sum(counts[place] for place in part)
            mean = math.fsum(means[place] * counts[place] for place in part) / weight
            squares += (weight / total * (mean - value)) ** 2
        standard_error = math.sqrt(NUM_PARTS / (NUM_PARTS - 1) * squares)
    except OverflowError:
        return None
    return Estimate(value, standard_error) if math.isfinite(value + standard_error) else None


def level_at_end(curve: Curve | None) -> Estimate | None:
    """Return the level at the end of a curve; None if there is no curve, or it has no end."""
    points = end_points(curve) if curve is not None else None
    return estimate(points.means, points.counts) if points is not None else None


def level_text(curve: Curve | None) -> str:
    """Return the level at the end of a curve for reading, as `5.10 ± 0.04` with its standard error, or a dash."""
    found = level_at_end(curve)
    if found is None:
        return "-"
    return number(found.value) if found.standard_error is None else with_spread(found.value, found.standard_error)


def curve_summary(curve: Curve | None) -> tuple[str, str, str]:
    """Return the cells of a table for a curve: level at the end, best value, newest value; dashes for what is none."""
    if curve is None:
        return "-", "-", "-"
    return level_text(curve), number(curve.best) if curve.best is not None else "-", number(curve.newest)
