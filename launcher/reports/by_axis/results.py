"""The results of a sweep's configurations by the values of its parameters: what the pictures are made of. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.reports.analysis import ConfigurationResult, Judgement, judge
from launcher.reports.analysis.importance import Importance, importance
from launcher.reports.analysis.parameters import Parameter, parameters_of
from launcher.reports.axes import AxisRule, axis_rule
from launcher.reports.plots.choice import CROSS
from launcher.store.experiment_state import ExperimentState
from launcher.store.metric import Metric

LEAST_FOR_INTERVAL = 3  # seeds: of two, the interval is nine times as long as their distance


@dataclass(frozen=True)
class AxisResults:
    """The configurations of a sweep in one metric, with the parameters that set them apart."""

    metric: Metric
    judgement: Judgement
    parameters: Sequence[Parameter]  # in the order of the job file

    @classmethod
    def of(
        cls, metric: Metric, axes: Mapping[str, Sequence[object]], experiments: Sequence[ExperimentState]
    ) -> AxisResults:
        """Return the results of a metric. `axes`: of the grid, empty without one."""
        return cls(metric, judge(experiments, metric.name), parameters_of(axes, experiments))

    @cached_property
    def importance(self) -> Importance | None:
        """How much each parameter explains; None where there are too few results."""
        results, configurations = {}, {}
        for each in self.judgement.results:
            diverged = {experiment.name for experiment in each.diverged}
            for experiment in each.configuration.experiments:
                level = math.inf if experiment.name in diverged else each.levels.get(experiment.seed)
                if level is not None:
                    results[experiment.name] = -level if each.is_maximized and math.isfinite(level) else level
                    configurations[experiment.name] = each.name
        return importance(self.parameters, results, configurations)

    @property
    def by_importance(self) -> list[Parameter]:
        """The parameters, the most important first; in the order of the job file where nothing is known."""
        shares = self.importance.shares if self.importance is not None else {}
        return sorted(self.parameters, key=lambda parameter: -shares.get(parameter.name, 0.0))

    @cached_property
    def num_results(self) -> int:
        """How many experiments have a result: a level at the end, or that they diverged."""
        return sum(each.num_done + len(each.diverged) for each in self.judgement.results)

    @cached_property
    def has_seeds(self) -> bool:
        """A configuration has several seeds."""
        return any(each.num_seeds > 1 for each in self.judgement.results)

    @cached_property
    def rule(self) -> AxisRule | None:
        """The axis of the levels, by the rule of all axes; None if no configuration has a level."""
        levels = {
            each.name: [
                *each.levels.values(),
                *((each.mean.interval or ()) if each.num_done >= LEAST_FOR_INTERVAL else ()),
            ]
            for each in self.judgement.results
            if each.mean is not None
        }
        return axis_rule(levels, self.metric)

    def goodness(self, levels: Sequence[float]) -> list[float]:
        """Return the place of each level among all, from 0, the best, to 1."""
        order = sorted(range(len(levels)), key=lambda place: levels[place], reverse=self.judgement.is_maximized)
        found = [0.0] * len(levels)
        for rank, place in enumerate(order):
            found[place] = rank / max(1, len(levels) - 1)
        return found


def key_of_result(parameter: Parameter, result: ConfigurationResult) -> str | None:
    """Return the key of a configuration's value of a parameter; None if it does not have the parameter."""
    return parameter.key(result.configuration.experiments[0].name)


def told(result: ConfigurationResult) -> str:
    """Return how a configuration stands where it has no mean: a cross if all of it failed or diverged, else `…`."""
    return CROSS if all(experiment.has_failed for experiment in result.missing) else "…"


def has_only_failed(result: ConfigurationResult) -> bool:
    """Return whether all seeds of a configuration failed: it has no result, and has not diverged either."""
    return not result.diverged and result.mean is None and told(result) == CROSS
