"""The experiments of a sweep in groups: of an equal value on an axis, of a key of the configuration, or of the seed.

    lr      experiments      seeds  loss [95 %]          lowest  highest
    0.0005  6                3      5.41 [5.30, 5.52]    5.3120  5.5010
    0.001   5/6, 1 diverged  2      5.32 [5.01, 5.63]    5.2510  5.4020

A group has several configurations, such as all batch sizes with a learning rate. Only seeds are drawn by chance: so the
configurations of the group are averaged for each seed, and the interval is that of these averages. It says nothing of
how much the configurations of a group differ; the lowest and the highest level say that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launcher.reports.analysis.configurations import Judgement, has_seeds, judge
from launcher.reports.analysis.parameters import Parameter, flat_config, value_label
from launcher.reports.analysis.significance import Mean, mean_of
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import ManifestExperiment

SEED, CONFIGURATION = "seed", "configuration"  # keys that every sweep has
WITHOUT = "without it"  # the label of experiments that do not have the key


@dataclass(frozen=True)
class Group:
    """The experiments with a value of the key, in one metric."""

    value: Any  # None of those that do not have the key
    label: str  # the value for reading
    num: int  # of its experiments
    num_done: int  # that have a level
    num_diverged: int
    num_configurations: int
    mean: Mean | None  # of the averages of its seeds; None if nothing is done
    lowest: float | None  # level of an experiment
    highest: float | None
    averages: Mapping[int, float]  # by seed, over its configurations; only of seeds on which all have a level

    @property
    def num_seeds(self) -> int:
        """The number of seeds that the mean is of."""
        return self.mean.num if self.mean is not None else 0

    @property
    def experiments_text(self) -> str:
        """How many experiments are done: `6`, or `4/6, 1 diverged`."""
        if self.num_done == self.num:
            return str(self.num)
        diverged = f", {self.num_diverged} diverged" if self.num_diverged else ""
        return f"{self.num_done}/{self.num}{diverged}"


def group_keys(experiments: Iterable[ManifestExperiment | ExperimentState]) -> list[str]:
    """Return the keys that experiments can be grouped by: seed, configuration, axes, and keys of the configuration."""
    found = dict.fromkeys((SEED, CONFIGURATION))
    configs: dict[str, None] = {}
    for experiment in experiments:
        found |= dict.fromkeys(experiment.cell)
        configs |= dict.fromkeys(flat_config(experiment.config))
    return list(found | configs)


def groups(experiments: Sequence[ExperimentState], key: str, metric: str) -> list[Group]:
    """Return the experiments in groups by a key: numbers by size, anything else in the order of the job file."""
    values = {experiment.name: value for experiment in experiments for value in _values(experiment, key)}
    if key in (SEED, CONFIGURATION) and (has_seeds(experiments) or not values):
        values = {experiment.name: getattr(experiment, key) for experiment in experiments}
    parameter = Parameter(key, values)
    members: dict[str | None, list[ExperimentState]] = {level: [] for level in parameter.levels}
    for experiment in experiments:
        members.setdefault(parameter.key(experiment.name), []).append(experiment)
    judgement = judge(experiments, metric)
    return [
        _group(
            None if level is None else parameter.levels[level],
            WITHOUT if level is None else value_label(parameter.levels[level]),
            members[level],
            judgement,
        )
        for level in members
    ]


def _values(experiment: ExperimentState, key: str) -> list[Any]:
    """Return the value of a key in a list; an empty list if the experiment does not have the key."""
    if key in experiment.cell:
        return [experiment.cell[key]]
    config = flat_config(experiment.config)
    return [config[key]] if key in config else []


def _group(value: Any, label: str, members: Sequence[ExperimentState], judgement: Judgement) -> Group:
    results = {each.configuration: judgement.by_name[each.configuration] for each in members}
    levels: dict[str, dict[int, float]] = {name: {} for name in results}
    num_diverged = 0
    for experiment in members:
        result = results[experiment.configuration]
        num_diverged += any(diverged.name == experiment.name for diverged in result.diverged)
        if experiment.seed in result.levels:
            levels[experiment.configuration][experiment.seed] = result.levels[experiment.seed]
    averages = _averages(levels)
    all_levels = [level for by_seed in levels.values() for level in by_seed.values()]
    return Group(
        value=value,
        label=label,
        num=len(members),
        num_done=len(all_levels),
        num_diverged=num_diverged,
        num_configurations=len(results),
        mean=_mean(levels, averages),
        lowest=min(all_levels, default=None),
        highest=max(all_levels, default=None),
        averages=averages,
    )


def _averages(levels: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Return the average of each seed on which every configuration that has a level has one."""
    known = [by_seed for by_seed in levels.values() if by_seed]
    if not known:
        return {}
    common = [seed for seed in known[0] if all(seed in by_seed for by_seed in known)]
    found = {seed: mean_of([by_seed[seed] for by_seed in known]) for seed in common}
    averages = {seed: average.value for seed, average in found.items() if average is not None}
    return averages if len(averages) == len(common) else {}


def _mean(levels: Mapping[str, Mapping[int, float]], averages: Mapping[int, float]) -> Mean | None:
    """Return the mean of the averages of the seeds.

    Without such averages it is the average of the configurations' means, of which no interval is known.
    """
    if averages:
        return mean_of(list(averages.values()))
    known = [by_seed for by_seed in levels.values() if by_seed]
    means = [mean.value for by_seed in known if (mean := mean_of(list(by_seed.values()))) is not None]
    average = math.fsum(means) / len(means) if means else math.nan
    return Mean(average, 1) if math.isfinite(average) else None
