"""The plot that compares a metric of all experiments of a sweep, as its job asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.reports.analysis import has_seeds, judge
from launcher.reports.differences import reference
from launcher.reports.plots.as_of import as_of
from launcher.reports.plots.comparison import Comparison
from launcher.reports.plots.line import Line
from launcher.reports.plots.mean_line import configuration_line
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest


def lines_of(experiments: Sequence[ExperimentState], metric: str) -> list[Line]:
    """Return the lines of the experiments that logged a metric, in the order of the job file."""
    pairs = [(experiment, experiment.curves.get(metric)) for experiment in experiments]
    return [Line.of(experiment, curve) for experiment, curve in pairs if curve is not None]


def compare(
    manifest: Manifest, experiments: Sequence[ExperimentState], metric: str, lines: Sequence[Line]
) -> Comparison:
    """Return the comparison of these lines, which are of the experiments; the reference is among the named ones.

    Where configurations have several seeds, a line is a configuration: the mean over its seeds.
    """
    base = reference(experiments)
    has_several = has_seeds(experiments)
    if has_several:
        by_name = {line.name: line for line in lines}
        made = [configuration_line(result, by_name) for result in judge(experiments, metric).results]
        lines = [line for line in made if line is not None]
    return Comparison(
        manifest.metric(metric),
        lines,
        reference=(base.configuration if has_several else base.name) if base else None,
        noun="configuration" if has_several else "experiment",
        x=manifest.x,
        corner=as_of(experiments),
    )
