"""Sets two experiments side by side: by how much their ends differ, and whether that is more than noise.

If both saw the same data in the same order, their values at a step differ by less than each varies from step to step:
what is hard in a batch is hard for both. Then the differences at the same steps are judged. The target tells it by the
fact `data_order`: two experiments with an equal text had the same batch at each step. Otherwise the two levels are
judged, as of unrelated runs. Decision 0021 has the rule, its sources, and how often it is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from launcher.reports.analysis.level import Estimate, end_points, estimate
from launcher.reports.analysis.student_t import quantile
from launcher.reports.differences import reference
from launcher.store.curve import Curve, is_same_curve
from launcher.store.experiment_state import ExperimentState
from launcher.text import rounded, with_spread

CONFIDENCE = 0.99
DATA_ORDER = "data_order"  # the fact of `run.info` that tells the order of the data


class Verdict(StrEnum):
    """What can be said about the difference of two ends."""

    CLEAR = "clear"
    NOT_CLEAR = "not clear"
    TOO_FEW = "too few values"
    SAME = "the same numbers"
    EQUAL = "equal at the end"  # by different curves, as of an accuracy that has reached 1


@dataclass(frozen=True)
class Difference:
    """By how much the level at the end of a curve is above that of another."""

    value: float
    standard_error: float | None  # None: an end has fewer than five values
    df: int = 1  # degrees of freedom of the standard error
    is_paired: bool = False  # judged step by step, as both runs saw the same data in the same order
    is_same: bool = False  # the curves have the same values at the same steps

    @property
    def size(self) -> str:
        """The size for reading, with its standard error: `0.034 ± 0.005`."""
        if self.standard_error is None:
            return rounded(abs(self.value))
        return with_spread(abs(self.value), self.standard_error)

    @property
    def margin(self) -> float | None:
        """The size from which on a difference is clear; None if nothing can be said."""
        return None if self.standard_error is None else quantile(CONFIDENCE, self.df) * self.standard_error

    @property
    def verdict(self) -> Verdict:
        """Whether the difference is more than the noise of these two runs."""
        if self.is_same:
            return Verdict.SAME
        if self.value == 0:
            return Verdict.EQUAL
        if self.margin is None:
            return Verdict.TOO_FEW
        return Verdict.CLEAR if abs(self.value) > self.margin else Verdict.NOT_CLEAR


@dataclass(frozen=True)
class Comparison:
    """One experiment beside the reference, in one metric."""

    experiment: ExperimentState
    level: float
    difference: Difference  # level minus the reference's
    is_better: bool

    @property
    def verdict(self) -> Verdict:
        """Whether the difference is more than the noise of these two runs."""
        return self.difference.verdict

    @property
    def is_clear(self) -> bool:
        """The difference is more than the noise of these two runs."""
        return self.verdict is Verdict.CLEAR


def difference(own: ExperimentState, other: ExperimentState, metric: str) -> Difference | None:
    """Return by how much the end of an experiment is above that of another; None if one of them has no end."""
    mine, theirs = own.curves.get(metric), other.curves.get(metric)
    if mine is None or theirs is None:
        return None
    return difference_of(mine, theirs, is_same_data=saw_same_data(own, other))


def saw_same_data(own: ExperimentState, other: ExperimentState) -> bool:
    """Return whether both experiments say that they had the same batch at each step."""
    order = own.facts.get(DATA_ORDER)
    return isinstance(order, str) and bool(order) and order == other.facts.get(DATA_ORDER)


def difference_of(own: Curve, other: Curve, *, is_same_data: bool = False) -> Difference | None:
    """Return by how much the end of a curve is above that of another; None if one of them has no end.

    Pairs are made only where both ends have the same steps: a run that was trained for longer has another end.
    """
    mine, theirs = end_points(own), end_points(other)
    if mine is None or theirs is None:
        return None
    level, base = estimate(mine.means, mine.counts), estimate(theirs.means, theirs.counts)
    if level is None or base is None:
        return None
    value = level.value - base.value
    has_same_steps = tuple(mine.steps) == tuple(theirs.steps) and tuple(mine.counts) == tuple(theirs.counts)
    if has_same_steps and tuple(mine.means) == tuple(theirs.means) and is_same_curve(own, other):
        return Difference(0.0, level.standard_error, level.df, is_paired=is_same_data, is_same=True)
    if has_same_steps and is_same_data:
        pairs = [a - b for a, b in zip(mine.means, theirs.means, strict=True)]
        paired = estimate(pairs, mine.counts)
        if paired is not None:
            return Difference(value, paired.standard_error, paired.df, is_paired=True)
    return _unpaired(value, level, base)


def _unpaired(value: float, own: Estimate, other: Estimate) -> Difference:
    """Return the difference of two means with its degrees of freedom, rounded down (Welch 1947)."""
    if own.standard_error is None or other.standard_error is None:
        return Difference(value, None)
    error = math.hypot(own.standard_error, other.standard_error)
    if error == 0:
        return Difference(value, 0.0, own.df + other.df)
    shares = (own.standard_error / error) ** 2, (other.standard_error / error) ** 2
    df = 1 / (shares[0] ** 2 / own.df + shares[1] ** 2 / other.df)
    return Difference(value, error, max(1, int(df + 1e-9)))


def compare(experiments: Sequence[ExperimentState], metric: str) -> tuple[ExperimentState | None, list[Comparison]]:
    """Return the reference, and each other experiment that is done set beside it.

    (None, []) if the reference is not done, or has no end to compare with.
    """
    base = reference(experiments)
    if base is None or not base.is_done or metric not in base.curves or base.curves[metric].end is None:
        return None, []
    found = []
    for experiment in experiments:
        if experiment is base or not experiment.is_done:
            continue
        against = difference(experiment, base, metric)
        curve = experiment.curves.get(metric)
        if against is None or curve is None or curve.end is None:
            continue
        is_better = against.value > 0 if curve.is_maximized else against.value < 0
        found.append(Comparison(experiment, curve.end.level, against, is_better))
    return base, found
