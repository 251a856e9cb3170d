"""The pictures of the page: the curves of each metric, and what was used of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from launcher.reports.analysis import Judgement, has_seeds
from launcher.reports.axes import AxisRule
from launcher.reports.html.highlights import Highlights
from launcher.reports.html.points import Points
from launcher.reports.html.static_chart import Chart, ChartLine, make_chart
from launcher.reports.mean_curve import counted_seeds, mean_curve
from launcher.reports.plots.choice import MOST_NAMED
from launcher.reports.smoothing import drawable
from launcher.reports.thinning import thin
from launcher.reports.usage_curves import QUANTITIES, Series
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest

_POINTS = 24_000  # of all pictures of metrics together; a point takes about 12 bytes
_USAGE_POINTS = 12_000
_MOST, _LEAST = 300, 12  # points of a curve
_STRONG = 120  # points of a curve in colour, at least


@dataclass(frozen=True)
class LegendEntry:
    """A line of the legend."""

    name: str
    colour: int
    dash: int


def legend(experiments: Sequence[ExperimentState], highlights: Highlights) -> list[LegendEntry]:
    """Return the curves that have a colour: of many the best first, else in the order of the job file."""
    names, colours = highlights.names, highlights.colours
    return [
        LegendEntry(names[index], colour, highlights.dash(index))
        for index in (names if len(names) <= MOST_NAMED else highlights.order)
        if (colour := colours[index]) is not None and (experiments[index].curves or has_seeds(experiments))
    ]


def curves(
    manifest: Manifest,
    points: Mapping[str, Sequence[Points]],
    axes: Mapping[str, AxisRule],
    highlights: Highlights,
    judgements: Mapping[str, Judgement],
) -> list[Chart]:
    """Return the picture of each metric that has something to draw.

    `judgements`: of the metrics, where configurations have several seeds: then a curve is their mean.
    """
    with_raw = len(highlights.names) <= MOST_NAMED
    limit = _limit(_POINTS, sum(map(len, points.values())) * (2 if with_raw else 1))
    found = []
    for metric, axis in axes.items():
        if metric in judgements:
            lines = _mean_lines(judgements[metric], points[metric], highlights, limit)
        else:
            lines = [line for each in points[metric] for line in _lines(each, highlights, limit)]
        if chart := make_chart(f"{metric} by step", "step", manifest.metric(metric).label, lines, axis):
            found.append(chart)
    return found


def _lines(points: Points, highlights: Highlights, limit: int) -> list[ChartLine]:
    """Return the lines of a curve: of few experiments the recorded values too; of a thin and grey one a coarse line."""
    colour, num = highlights.colours[points.index], len(highlights.names)
    look = partial(
        ChartLine, points.name, colour=colour, dash=highlights.dash(points.index), is_failed=points.is_failed
    )
    if colour is None:
        steps, values = points.coarse(limit)
        return [look(x=steps, y=values)]
    steps, values = points.smooth
    places = thin(values, max(limit, _STRONG))
    strong = look(x=steps[places], y=values[places])
    if num > MOST_NAMED:
        return [strong]
    places = thin(points.values, limit)
    return [look(x=points.steps[places], y=points.values[places], is_faint=True, is_failed=False), strong]


def _mean_lines(judgement: Judgement, points: Sequence[Points], highlights: Highlights, limit: int) -> list[ChartLine]:
    """Return the lines of all configurations: means; of those in colour also the band, or each seed."""
    own = {each.index: each for each in points}
    found = []
    for result in judgement.results:
        first = result.configuration.experiments[0].index
        colour, dash = highlights.colours[first], highlights.dash(first)
        counted = [own[each.index].smooth for each in counted_seeds(result) if each.index in own]
        mean = mean_curve(counted)
        if mean is not None:
            places = thin(mean.mean, limit if colour is None else max(limit, _STRONG))
            band = None if mean.low is None or mean.high is None else (mean.low[places], mean.high[places])
            found.append(ChartLine(result.name, mean.steps[places], mean.mean[places], colour, dash, band=band))
        if colour is not None and (mean is None or mean.low is None):
            for each in result.configuration.experiments:
                if each.index in own:
                    found.append(_seed(own[each.index], colour, limit))
    return found


def _seed(points: Points, colour: int, limit: int) -> ChartLine:
    steps, values = points.smooth
    places = thin(values, limit)
    return ChartLine(points.name, steps[places], values[places], colour, is_faint=True, is_failed=points.is_failed)


def resources(
    experiments: Sequence[ExperimentState], usage: Mapping[str, Mapping[str, Series]], highlights: Highlights
) -> list[Chart]:
    """Return the picture of each quantity that telemetry has."""
    limit = _limit(_USAGE_POINTS, sum(len(own) for own in usage.values()))
    found = []
    for key, (title, unit, _) in QUANTITIES.items():
        lines = []
        for index, experiment in enumerate(experiments):
            if (series := usage.get(experiment.name, {}).get(key)) is None:
                continue
            values = drawable(series.values)
            places = thin(values, limit)
            at_s = np.array(series.at_s, dtype=float)[places]
            look = highlights.colours[index], highlights.dash(index)
            lines.append(ChartLine(experiment.name, at_s, values[places], *look))
        top = max((float(np.nanmax(line.y)) for line in lines if not np.isnan(line.y).all()), default=0.0)
        label = f"{title.split(',')[0]}, {unit}"
        if chart := make_chart(title, "time in seconds", label, lines, AxisRule(0.0, top * 1.05 or 1.0, is_log=False)):
            found.append(chart)
    return found


def _limit(points: int, num_curves: int) -> int:
    return max(_LEAST, min(_MOST, points // max(1, num_curves)))
