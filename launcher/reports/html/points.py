"""The curves of all experiments as arrays, made once for the pictures, the axes and the data of the script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from launcher.reports.analysis import has_seeds
from launcher.reports.axes import AxisRule, axis_rule
from launcher.reports.smoothing import Floats, drawable, smooth
from launcher.reports.thinning import join_stretches
from launcher.store.curve import Curve
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.metric import Metric


@dataclass(frozen=True)
class Points:
    """One curve of one experiment: N points."""

    index: int  # the experiment's place in the job file
    name: str
    is_failed: bool
    curve: Curve
    has_mean: bool = False  # a mean over seeds is drawn, and not what was logged

    @cached_property
    def steps(self) -> Floats:
        """The steps, shape (N,)."""
        return np.array(self.curve.steps, dtype=float)

    @cached_property
    def logged(self) -> Floats:
        """The values as they were logged, shape (N,): with NaN and infinities."""
        return np.array(self.curve.values, dtype=float)

    @property
    def shown(self) -> Floats:
        """The values that the axis has room for, shape (N,)."""
        return self.smooth[1] if self.has_mean else self.logged

    @cached_property
    def values(self) -> Floats:
        """The values, shape (N,): NaN where a value cannot be drawn."""
        return drawable(self.curve.values)

    @cached_property
    def smooth(self) -> tuple[Floats, Floats]:
        """The steps and the values of the smooth line."""
        return smooth(self.curve)

    def coarse(self, limit: int) -> tuple[Floats, Floats]:
        """Return the steps and values of about `limit` points: the means of long stretches, and the first value."""
        stretches = self.curve.stretches
        places, means, _ = join_stretches(drawable(stretches.means), np.array(stretches.counts, dtype=float), limit)
        means[0] = self.values[0]
        return np.array(stretches.steps, dtype=float)[places], means


def axes_of(manifest: Manifest, points: Mapping[str, Sequence[Points]]) -> dict[str, AxisRule]:
    """Return the vertical axis of each metric; no entry for a metric without a value that can be drawn."""
    found = {metric: axis_of(manifest.metric(metric), own) for metric, own in points.items()}
    return {metric: axis for metric, axis in found.items() if axis is not None}


def axis_of(metric: Metric, points: Sequence[Points]) -> AxisRule | None:
    """Return the axis for the curves of a metric; None if no curve has a value that can be drawn."""
    return axis_rule({each.name: each.shown for each in points}, metric)


def points_of(metrics: Sequence[str], experiments: Sequence[ExperimentState]) -> dict[str, list[Points]]:
    """Return the curves by metric, in the order of the job file; no entry for a metric that nobody logged."""
    has_mean = has_seeds(experiments)
    found = {
        metric: [
            Points(index, each.name, each.has_failed, each.curves[metric], has_mean)
            for index, each in enumerate(experiments)
            if metric in each.curves
        ]
        for metric in metrics
    }
    return {metric: points for metric, points in found.items() if points}
