"""The picture of a sweep by one key, whatever else differs: `report --group lr`. The other parameters are averaged."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.reports.analysis import ConfigurationResult, Judgement
from launcher.reports.analysis.configurations import Configuration
from launcher.reports.analysis.groups import Group, groups
from launcher.reports.analysis.parameters import Parameter
from launcher.reports.by_axis.one_axis import one_axis
from launcher.reports.by_axis.results import AxisResults
from launcher.reports.by_axis.sketch import Sketch
from launcher.store.experiment_state import ExperimentState
from launcher.store.metric import Metric
from launcher.text import plural


def grouped(metric: Metric, experiments: Sequence[ExperimentState], key: str) -> Sketch | None:
    """Return the level of each group of experiments against the value of a key; None if no group has a level."""
    found = [group for group in groups(experiments, key, metric.name) if group.value is not None]
    results = [_result(group, place, metric) for place, group in enumerate(found)]
    parameter = Parameter(key, {group.label: group.value for group in found})
    judgement = Judgement(metric.name, metric.is_maximized, None, results)
    sketch = one_axis(AxisResults(metric, judgement, [parameter]), parameter) if found else None
    most = max((group.num_configurations for group in found), default=0)
    if sketch is not None and most > 1:
        sketch.notes = [f"Each value is averaged over {plural(most, 'configuration')} at most.", *sketch.notes]
    return sketch


def _result(group: Group, place: int, metric: Metric) -> ConfigurationResult:
    """Return a group in the shape of a configuration: for each seed, the average of its configurations."""
    levels = group.averages
    if not levels and group.mean is not None:  # its configurations have no seed in common
        levels = {0: group.mean.value}
    members = tuple(ExperimentState(name=group.label, seed=seed) for seed in levels or (0,))
    diverged = members[:1] if group.num_diverged else ()
    configuration = Configuration(group.label, place, members)
    return ConfigurationResult(configuration, metric.name, metric.is_maximized, levels, diverged)
