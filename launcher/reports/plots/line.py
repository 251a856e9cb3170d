"""A curve as it is drawn, of an experiment or a mean over seeds: its points, its smooth line, what lies along x."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from launcher.reports.axes import AxisRule
from launcher.reports.plots.as_of import as_of
from launcher.reports.smoothing import LARGEST, Floats, drawable, smooth
from launcher.reports.thinning import thin
from launcher.store.curve import Curve
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.step_scale import StepScale

POINTS = 1500  # of a curve that are drawn: two for each pixel of its width


@dataclass(frozen=True)
class Line:
    """A curve: N points as they were logged, and M of the smooth line. Of a mean over seeds, both are the mean."""

    name: str
    index: int  # place in the job file: gives colour and dash
    steps: Floats  # (N,)
    logged: Floats  # (N,) as logged, with NaN and infinities
    smooth_steps: Floats  # (M,)
    smooth: Floats  # (M,), NaN where a value cannot be drawn
    scales: Mapping[str, StepScale] = field(default_factory=dict)  # of the step, by the x they are drawn over
    total: float | None = None  # steps of the whole training, where it is known
    best: float | None = None  # the best value of all steps
    is_broken: bool = False  # the experiment failed or diverged, or its newest value is no number
    may_win: bool = True  # the experiment has neither failed nor diverged
    config: Mapping[str, Any] = field(default_factory=dict)
    corner: str = ""  # of the plot of this experiment alone
    seeds: tuple[Line, ...] = ()  # of a mean over seeds: those that are drawn by themselves
    band: tuple[Floats, Floats] | None = None  # of a mean over seeds: its interval at each step, both (M,)
    suffix: str = ""  # of its name: how many seeds a mean has, where some are missing
    is_cut: bool = False  # a mean over seeds that ends before some of them do

    @classmethod
    def of(cls, experiment: ExperimentState, curve: Curve) -> Line:
        """Return the line of a curve of an experiment."""
        known = {"tokens": experiment.tokens, "time": experiment.at_s}
        steps, logged = np.array(curve.steps, dtype=float), np.array(curve.values, dtype=float)
        places = thin(drawable(logged), POINTS)
        steps, logged = steps[places], logged[places]
        smooth_steps, values = smooth(curve)
        done = float(experiment.last_step) if experiment.is_done else None
        return cls(
            name=experiment.name,
            index=experiment.index,
            steps=steps,
            logged=logged,
            smooth_steps=steps if np.array_equal(steps, smooth_steps) else smooth_steps,  # one array in place of two
            smooth=values,
            scales={x: scale for x, scale in known.items() if scale is not None and scale.covers(curve.steps)},
            total=float(experiment.total) if experiment.total else done,
            best=curve.best,
            is_broken=experiment.has_failed or (experiment.state != RUNNING and curve.broken_since is not None),
            may_win=not experiment.has_failed,
            config=experiment.config,
            corner=as_of([experiment]),
        )

    @property
    def values(self) -> Floats:
        """The points, shape (N,): NaN where a value cannot be drawn."""
        return drawable(self.logged)

    @property
    def end(self) -> tuple[float, float] | None:
        """Step and value of the last drawable point of the smooth line; None if there is none."""
        places = np.flatnonzero(np.isfinite(self.smooth))
        return (float(self.smooth_steps[places[-1]]), float(self.smooth[places[-1]])) if len(places) else None

    def knows(self, x: str) -> bool:
        """Return whether the line can be drawn over `x`: step, tokens, time or share."""
        return x == "step" or (self.total is not None if x == "share" else x in self.scales)

    def along(self, x: str, steps: Floats) -> Floats:
        """Return what `x` is at each of some steps, shape (K,). The line knows it."""
        if x == "step":
            return steps
        if x == "share":
            assert self.total is not None, "the caller asks knows() first"
            return steps / self.total
        scale = self.scales[x]
        along: Floats = np.interp(steps, scale.steps, scale.values)
        return along


def has_cross(line: Line, rule: AxisRule | None) -> bool:
    """Return whether the end of the line is marked: it is broken, and its end is on the axis."""
    end = line.end
    return line.is_broken and rule is not None and end is not None and rule.low <= end[1] <= rule.high


def is_drawable(line: Line) -> bool:
    """Return whether the line has a point."""
    return bool((np.abs(line.logged) < LARGEST).any())
