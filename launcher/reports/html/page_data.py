"""What the page's script works with, as JSON types: curves, configurations and details of all experiments. Pure.

    experiments  names; with short names, endings, colours and the order from the best to the worst beside them
    metrics      each with its limits and its curves: {"e": experiment, "s": steps, "v": values}, thinned to a budget
    scales       tokens and time by step, of each experiment at a few steps; the script interpolates
    resources    quantities of telemetry over time
    config       the keys that all share, and those that differ with a value for each experiment
    configurations  with several seeds: name and experiments of each; the first experiment stands for its configuration
    details      of each experiment: why it ended so, its attempts, the last lines of its log

Numbers are packed by `encoding`. The place of an experiment in each list is its place in the job file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from launcher.reports.analysis import Judgement, configurations, has_seeds
from launcher.reports.analysis.significance import CONFIDENCE
from launcher.reports.analysis.student_t import quantile
from launcher.reports.axes import AxisRule
from launcher.reports.differences import describe_difference, differing, reference, shared
from launcher.reports.html.encoding import pack_floats, pack_steps
from launcher.reports.html.highlights import Highlights
from launcher.reports.html.points import Points, axis_of
from launcher.reports.html.results_table import value_text, words
from launcher.reports.mean_curve import LEAST_FOR_BAND, counted_seeds
from launcher.reports.plots.choice import MOST_NAMED
from launcher.reports.plots.key_colours import find_key
from launcher.reports.smoothing import WINDOW_SHARE, Floats, drawable
from launcher.reports.thinning import join_stretches, thin
from launcher.reports.usage_curves import QUANTITIES, Series
from launcher.short_names import short_names
from launcher.store.experiment_state import ExperimentState, mark_of
from launcher.store.manifest import Manifest
from launcher.store.metric import Metric, Scale
from launcher.store.step_scale import StepScale
from launcher.text import duration, listed

POINTS = 300_000  # of all curves of metrics together; a point takes five to seven bytes
USAGE_POINTS = 60_000  # of all curves of telemetry together
_MOST, _LEAST = 4096, 24  # points of a curve
_KNOTS = 33  # of a scale: steps at which tokens and time are known exactly
_SHORT_NAME = 36  # characters


def page_data(
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    usage: Mapping[str, Mapping[str, Series]],
    points: Mapping[str, Sequence[Points]],
    axes: Mapping[str, AxisRule],
    highlights: Highlights,
    judgements: Mapping[str, Judgement],
) -> dict[str, Any]:
    """Return the data.

    Args:
        axes: the vertical axis of each metric that has a curve.
        judgements: of the metrics, where configurations have several seeds.
    """
    base = reference(experiments)
    steps = _Steps()
    limit = _limit(POINTS, sum(map(len, points.values())))
    metrics = [
        _metric(manifest.metric(metric), axis, points[metric], limit, steps, judgements.get(metric))
        for metric, axis in axes.items()
    ]
    short = short_names([each.name for each in experiments], _SHORT_NAME)
    return {
        "sweep": manifest.name,
        "job": manifest.job_file,
        "experiments": [each.name for each in experiments],
        "short": {each.index: short[each.name] for each in experiments if short[each.name] != each.name},
        "endings": [each.outcome or "not started" for each in experiments],
        "failed": [each.has_failed for each in experiments],
        "totals": [each.total for each in experiments],
        "reference": None if base is None else base.index,
        "colours": highlights.colours,
        "order": highlights.order,
        "metrics": metrics,
        "scales": {
            "tokens": _scales(experiments, lambda each: each.tokens),
            "time": _scales(experiments, lambda each: each.at_s),
        },
        "resources": _resources(experiments, usage),
        "config": _config(manifest, experiments, next(iter(points), None)),
        **_seeds(experiments),
        "steps": steps.packed,
        "smoothing": WINDOW_SHARE,
        "few": MOST_NAMED,
    }


def _metric(
    metric: Metric, axis: AxisRule, points: Sequence[Points], limit: int, steps: _Steps, judgement: Judgement | None
) -> dict[str, Any]:
    return {
        "name": metric.name,
        "label": metric.label,
        "log": axis.is_log,
        "limits": _limits(metric, axis, points),
        "leaves": listed(axis.leaves),
        "max": metric.is_maximized,
        "curves": [_curve(each, limit, steps) for each in points],
        "counted": _counted(judgement) if judgement is not None else None,
    }


def _seeds(experiments: Sequence[ExperimentState]) -> dict[str, Any]:
    """Return name and experiments of each configuration, and Student's t of the interval of a mean by its seeds.

    Without several seeds there is no configuration: each experiment is a line and a row of its own.
    """
    if not has_seeds(experiments):
        return {"configurations": None, "t": {}}
    found = configurations(experiments)
    most = max(len(each.experiments) for each in found)
    return {
        "configurations": [{"n": each.name, "e": [own.index for own in each.experiments]} for each in found],
        "t": {num: quantile(CONFIDENCE, num - 1) for num in range(LEAST_FOR_BAND, most + 1)},
    }


def _counted(judgement: Judgement) -> dict[int, Any]:
    """Return the experiments that a mean is made of, by the number of the configuration, where seeds are missing."""
    counted = {result.configuration.index: counted_seeds(result) for result in judgement.results if result.mark}
    return {number: [each.index for each in own] for number, own in counted.items()}


def _limits(metric: Metric, axis: AxisRule, points: Sequence[Points]) -> dict[str, Any]:
    """Return the limits of the linear and of the logarithmic axis; null where there is none."""
    scale: Scale = "linear" if axis.is_log else "log"
    other = axis_of(replace(metric, scale=scale), points)
    own = {"log" if axis.is_log else "linear": [axis.low, axis.high]}
    is_known = other is not None and other.is_log != axis.is_log
    return own | {scale: [other.low, other.high] if other is not None and is_known else None}


class _Steps:
    """Steps that many curves share are in the page once."""

    def __init__(self) -> None:
        self.packed: list[Any] = []
        self._places: dict[tuple[int, ...], int] = {}

    def place(self, steps: Sequence[int]) -> int:
        """Return the place of some steps in `packed`."""
        key = tuple(steps)
        if key not in self._places:
            self._places[key] = len(self.packed)
            self.packed.append(pack_steps(key))
        return self._places[key]


def _limit(points: int, num_curves: int) -> int:
    return max(_LEAST, min(_MOST, points // max(1, num_curves)))


def _curve(points: Points, limit: int, steps: _Steps) -> dict[str, Any]:
    """Return a curve: all of its values if there are few; else extremes to draw, and means to smooth."""
    curve, values = points.curve, points.values
    stretches = curve.stretches
    if len(stretches.steps) == len(values) <= limit:
        return {"e": points.index, "s": steps.place(curve.steps), "v": pack_floats(values)}
    places = thin(values, limit // 2)
    drawn_at, means, counts = join_stretches(drawable(stretches.means), np.array(stretches.counts, float), limit // 2)
    return {
        "e": points.index,
        "s": steps.place([curve.steps[place] for place in places]),
        "v": pack_floats(values[places]),
        "ms": steps.place([stretches.steps[place] for place in drawn_at]),
        "m": pack_floats(means),
        "c": pack_floats(counts) if len(set(counts[:-1].tolist())) > 1 else None,  # None: about the same everywhere
    }


def _scales(
    experiments: Sequence[ExperimentState], scale_of: Callable[[ExperimentState], StepScale | None]
) -> list[Any]:
    """Return the scale of each experiment at a few of its steps: two where it grows evenly; None where unknown."""
    found: list[Any] = []
    for experiment in experiments:
        scale = scale_of(experiment)
        if scale is None:
            found.append(None)
            continue
        steps, values = np.array(scale.steps, dtype=float), np.array(scale.values, dtype=float)
        if len(steps) > 2 and _is_even(steps, values):
            steps, values = steps[[0, -1]], values[[0, -1]]
        elif len(steps) > _KNOTS:
            knots = np.unique(np.linspace(0, len(steps) - 1, _KNOTS).round().astype(int))
            steps, values = steps[knots], values[knots]
        found.append({"s": pack_floats(steps), "v": pack_floats(values)})
    return found


def _is_even(steps: Floats, values: Floats) -> bool:
    straight = np.interp(steps, steps[[0, -1]], values[[0, -1]])
    return bool(np.abs(straight - values).max() <= 1e-3 * abs(values[-1] - values[0]))


def _resources(experiments: Sequence[ExperimentState], usage: Mapping[str, Mapping[str, Series]]) -> list[Any]:
    limit = _limit(USAGE_POINTS, sum(len(own) for own in usage.values()))
    found = []
    for key, (title, unit, _) in QUANTITIES.items():
        curves = []
        for index, experiment in enumerate(experiments):
            if (series := usage.get(experiment.name, {}).get(key)) is not None:
                values = drawable(series.values)
                places = thin(values, limit)
                x = np.array(series.at_s, dtype=float)[places]
                curves.append({"e": index, "x": pack_floats(x), "v": pack_floats(values[places])})
        if curves:
            found.append({"name": title, "unit": unit, "curves": curves})
    return found


def _config(manifest: Manifest, experiments: Sequence[ExperimentState], metric: str | None) -> dict[str, Any]:
    """Return what is shared, what differs, and the key that separates the experiments best, as the plots have it.

    An axis of the grid that is no key, such as one of labels, is a key here.
    """
    configs = [_with_axes(manifest, each) for each in experiments]
    keys = differing(configs)
    levels = {
        each.name: curve.end.level
        for each in experiments
        if metric and not each.has_failed and (curve := each.curves.get(metric)) is not None and curve.end is not None
    }
    found = find_key({each.name: each.config for each in experiments}, levels)
    return {
        "shared": {key: value_text(value) for key, value in shared(configs).items()},
        "keys": keys,
        "telling": keys.index(found.key) if found is not None and found.key in keys else None,
        "values": [[value_text(config[key]) if key in config else "-" for key in keys] for config in configs],
    }


def _with_axes(manifest: Manifest, experiment: ExperimentState) -> Mapping[str, Any]:
    cell = {axis: experiment.cell[axis] for axis in manifest.axes if axis in experiment.cell}
    return {**{axis: value for axis, value in cell.items() if axis not in experiment.config}, **experiment.config}


def details(experiments: Sequence[ExperimentState], lines: Mapping[str, Sequence[str]]) -> list[Any]:
    """Return what the fold-out of each experiment says besides its numbers.

    `lines`: the last lines of the logs of some experiments.
    """
    return [
        {
            "ending": f"{mark_of(each.outcome)} {words(each.outcome)}" if each.outcome else "not started",
            "why": each.why,
            "difference": describe_difference(each),
            "step": each.last_step,
            "lines": list(lines.get(each.name, ())),
            "attempts": [
                [span.attempt, span.device, words(span.ending), duration(span.seconds or 0.0), span.why[:300]]
                for span in each.spans
            ],
        }
        for each in experiments
    ]
