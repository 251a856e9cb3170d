"""Which experiment is the best, in two meanings with a name each.

The best experiment has the best value of any single step. The ranking is by the level at the end, which is less a
matter of luck: it is what experiments are compared by. No other module decides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.reports.analysis.comparison import Difference, difference
from launcher.store.curve import End, best_of
from launcher.store.experiment_state import ExperimentState


@dataclass(frozen=True)
class Ranking:
    """The experiments that are done, by the level at the end of one metric, the best first."""

    metric: str
    ends: list[tuple[ExperimentState, End]]

    @property
    def lead(self) -> Difference | None:
        """The first's level minus the second's; None with fewer than two."""
        return difference(self.ends[0][0], self.ends[1][0], self.metric) if len(self.ends) > 1 else None


def rank(experiments: Sequence[ExperimentState], metric: str) -> Ranking:
    """Order the experiments that are done by their level at the end of a metric."""
    ends = [
        (experiment, end, curve.is_maximized)
        for experiment in experiments
        if experiment.is_done and (curve := experiment.curves.get(metric)) and (end := curve.end) is not None
    ]
    ends.sort(key=lambda item: -item[1].level if item[2] else item[1].level)
    return Ranking(metric, [(experiment, end) for experiment, end, _ in ends])


@dataclass(frozen=True)
class BestExperiment:
    """The experiment with the best value of one metric, and where it had that value."""

    experiment: ExperimentState
    value: float
    step: int
    end: End | None  # None if the experiment is not done, or the newest value is not finite


def best_experiment(experiments: Sequence[ExperimentState], metric: str) -> BestExperiment | None:
    """Return the experiment with the best value of a metric; None if no experiment has a finite one.

    An experiment that failed or diverged never wins. Of equal experiments, the first of the job file is the best.
    """
    found = [
        (experiment, curve, curve.best, curve.best_step)
        for experiment in experiments
        if not experiment.has_failed and (curve := experiment.curves.get(metric)) is not None
    ]
    is_maximized = any(curve.is_maximized for _, curve, _, _ in found)
    best = best_of((value for _, _, value, _ in found if value is not None), is_maximized=is_maximized)
    for experiment, curve, value, step in found:
        if value is not None and step is not None and value == best:
            return BestExperiment(experiment, value, step, curve.end if experiment.is_done else None)
    return None


def best_first(experiments: Sequence[ExperimentState], metric: str) -> list[ExperimentState]:
    """Return the experiments by the best value of all steps of a metric. Those without, and failed ones, come last."""

    def _place(experiment: ExperimentState) -> tuple[int, float, int]:
        curve = experiment.curves.get(metric)
        if experiment.has_failed or curve is None or curve.best is None:
            return 1 + experiment.has_failed, 0.0, experiment.index
        return 0, -curve.best if curve.is_maximized else curve.best, experiment.index

    return sorted(experiments, key=_place)
