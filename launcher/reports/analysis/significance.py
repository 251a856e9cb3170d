"""Statistics of a few seeds: means with intervals, differences paired by seed, and p-values of several comparisons.

    paired_difference([4.1, 4.0, 4.2], [4.4, 4.5, 4.4])      mean -0.333, t = -3.78, p = 0.063, interval -0.71 to 0.05

All intervals are those of Student (1908, "The probable error of a mean", Biometrika 6): mean ± t · sd / sqrt(n), where
sd divides by n - 1 and t is the quantile for 95 % with n - 1 degrees of freedom. Decision 0030 says why no other method
is used. Pure: numbers in, numbers out; `student_t` has the distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.reports.analysis.student_t import quantile, two_sided_p

CONFIDENCE = 0.95
LEVEL = 0.05  # a p-value below it is called significant
LEAST_PAIRS_OF_A_CORRELATION = 5


@dataclass(frozen=True)
class Mean:
    """The mean of a few values that are independent of each other, and how sure it is."""

    value: float
    num: int  # of values
    sd: float | None = None  # the standard deviation, with num - 1; None: there is one value

    @property
    def standard_error(self) -> float | None:
        """The standard deviation of the mean; None: there is one value."""
        return None if self.sd is None else self.sd / math.sqrt(self.num)

    @property
    def margin(self) -> float | None:
        """Half the width of the 95 % interval; None: there is one value."""
        return None if self.standard_error is None else quantile(CONFIDENCE, self.num - 1) * self.standard_error

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; None: there is one value."""
        return None if self.margin is None else (self.value - self.margin, self.value + self.margin)


@dataclass(frozen=True)
class PairedDifference:
    """By how much values are above other values, in pairs: each pair has the same seed."""

    mean: Mean  # of the differences
    num_above: int  # pairs whose first value is the larger one
    num_below: int
    correlation: float | None  # of the pairs; None: there are fewer than five, or one side has no spread
    has_spread: bool = True  # not all values of one side are equal

    @property
    def num(self) -> int:
        """The number of pairs."""
        return self.mean.num

    @property
    def is_same(self) -> bool:
        """The values of each pair are equal."""
        return not self.num_above and not self.num_below

    @property
    def least_shown(self) -> float | None:
        """The size that a difference must have to be significant with these pairs; None: there is one pair."""
        return self.mean.margin

    @property
    def p(self) -> float | None:
        """The two-sided p-value of a paired t test; None: there is one pair."""
        error = self.mean.standard_error
        if error is None:
            return None
        if error == 0:
            return 1.0 if self.mean.value == 0 else 0.0
        return two_sided_p(self.mean.value / error, self.num - 1)


def mean_of(values: Sequence[float]) -> Mean | None:
    """Return the mean of values with their standard deviation; None if there is none, or one is not finite.

    Meanwhile the values are scaled by a power of two, which changes no bit: so no square is too large or too small.
    """
    if not values or not all(map(math.isfinite, values)):
        return None
    if len(values) == 1 or min(values) == max(values):
        return Mean(values[0], len(values), None if len(values) == 1 else 0.0)
    exponent = math.frexp(max(map(abs, values)))[1]
    scaled = [math.ldexp(value, -exponent) for value in values]
    mean = math.fsum(scaled) / len(scaled)
    variance = math.fsum((value - mean) ** 2 for value in scaled) / (len(scaled) - 1)
    try:
        return Mean(math.ldexp(mean, exponent), len(values), math.ldexp(math.sqrt(variance), exponent))
    except OverflowError:  # the deviation of two values near the largest float may be beyond it
        return None


def paired_difference(own: Sequence[float], other: Sequence[float]) -> PairedDifference | None:
    """Return by how much values are above others; None if there is no pair, or a difference is beyond any float."""
    differences = [mine - theirs for mine, theirs in zip(own, other, strict=True)]
    mean = mean_of(differences)
    if mean is None:
        return None
    return PairedDifference(
        mean=mean,
        num_above=sum(difference > 0 for difference in differences),
        num_below=sum(difference < 0 for difference in differences),
        correlation=correlation(own, other) if len(own) >= LEAST_PAIRS_OF_A_CORRELATION else None,
        has_spread=len(own) > 1 and (len(set(own)) > 1 or len(set(other)) > 1),
    )


def correlation(own: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Pearson's correlation of pairs; None if one side has no spread."""
    mean, theirs = mean_of(own), mean_of(other)
    if mean is None or theirs is None or not mean.sd or not theirs.sd:
        return None
    products = (
        (value - mean.value) / mean.sd * ((beside - theirs.value) / theirs.sd)
        for value, beside in zip(own, other, strict=True)
    )
    found = math.fsum(products) / (len(own) - 1)
    return max(-1.0, min(1.0, found)) if math.isfinite(found) else None


def holm(ps: Sequence[float]) -> list[float]:
    """Return the p-values of several comparisons, adjusted so that one false alarm among all has the chance they say.

    Holm (1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6): the
    smallest of m is multiplied by m, the next by m - 1, and none is smaller than one before it. Example: 0.01, 0.04 and
    0.03 become 0.03, 0.06 and 0.06.
    """
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        adjusted[place] = highest
    return adjusted
