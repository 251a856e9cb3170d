"""The mean of the curves of a configuration's seeds, with its interval: the same in the plots and on the page.

The seeds that count are those that are done: what diverged or failed is no part of a mean, or it would bend it. Of each
its smooth line is taken, and their mean at each step. From five seeds on the mean has a pointwise 95 % interval
(Student 1908). `scripts/mean.js` follows the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from launcher.reports.analysis import ConfigurationResult
from launcher.reports.analysis.significance import CONFIDENCE
from launcher.reports.analysis.student_t import quantile
from launcher.reports.smoothing import Floats
from launcher.store.experiment_state import RUNNING, ExperimentState

LEAST_FOR_BAND = 5  # seeds: of fewer, each is drawn by itself


@dataclass(frozen=True)
class MeanCurve:
    """The mean over seeds at N steps. A step at which a seed has no number is a gap."""

    steps: Floats  # (N,)
    mean: Floats  # (N,)
    low: Floats | None  # (N,) the ends of the interval; None for fewer than five seeds
    high: Floats | None
    num_seeds: int
    is_cut: bool  # it ends at the last step of the shortest curve; others go on


def counted_seeds(result: ConfigurationResult) -> list[ExperimentState]:
    """Return the experiments that the mean curve of a configuration is made of.

    They are those that are done with a number at their end. Before the first is done, those that have not failed count.
    """
    experiments = result.configuration.experiments
    done = [each for each in experiments if each.seed in result.levels]
    return done or [each for each in experiments if _goes_on(each, result.metric)]


def _goes_on(experiment: ExperimentState, metric: str) -> bool:
    curve = experiment.curves.get(metric)
    if curve is None or experiment.has_failed:
        return False
    return experiment.state == RUNNING or curve.broken_since is None


def mean_curve(curves: Sequence[tuple[Floats, Floats]]) -> MeanCurve | None:
    """Return the mean of some curves, each as steps in order and values; None if they have no step in common.

    The mean covers the steps that all curves cover. Where curves have different steps, it has those of the first curve,
    and the others are interpolated.
    """
    known = [ended for curve in curves if (ended := _until_last_number(*curve)) is not None]
    if not known or len(known) < len(curves):
        return None
    first, last = max(steps[0] for steps, _ in known), min(steps[-1] for steps, _ in known)
    steps = known[0][0]
    steps = steps[(steps >= first) & (steps <= last)]
    if not len(steps):
        return None
    values = np.array([_at(steps, *curve) for curve in known])  # (S, N)
    mean: Floats = values.mean(axis=0)
    is_cut = any(own[-1] > last for own, _ in known)
    num = len(known)
    if num < LEAST_FOR_BAND:
        return MeanCurve(steps, mean, None, None, num, is_cut)
    half = quantile(CONFIDENCE, num - 1) * values.std(axis=0, ddof=1) / np.sqrt(num)
    return MeanCurve(steps, mean, mean - half, mean + half, num, is_cut)


def _until_last_number(steps: Floats, values: Floats) -> tuple[Floats, Floats] | None:
    """Return a curve up to its last value that is a number; None if it has none."""
    places = np.flatnonzero(np.isfinite(values))
    return (steps[: places[-1] + 1], values[: places[-1] + 1]) if len(places) else None


def _at(wanted: Floats, steps: Floats, values: Floats) -> Floats:
    """Return a curve at some steps: as it is where it has them, else between its neighbours."""
    places = np.searchsorted(steps, wanted)
    if (steps[np.minimum(places, len(steps) - 1)] == wanted).all():
        return values[places]
    found: Floats = np.interp(wanted, steps, values)
    return found
