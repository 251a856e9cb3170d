"""The pictures of the page: the curves of each metric, and what was used of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from launcher.reports.axes import AxisRule
from launcher.reports.html.highlights import DASHES, Highlights
from launcher.reports.html.points import Points
from launcher.reports.html.static_chart import Chart, ChartLine, make_chart
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
    """Return the experiments that have a colour: of many the best first, else in the order of the job file."""
    order = range(len(experiments)) if len(experiments) <= MOST_NAMED else highlights.order
    colours = highlights.colours
    return [
        LegendEntry(experiments[index].name, colour, _dash(len(experiments), index))
        for index in order
        if (colour := colours[index]) is not None and experiments[index].curves
    ]


def curves(
    manifest: Manifest,
    points: Mapping[str, Sequence[Points]],
    axes: Mapping[str, AxisRule],
    highlights: Highlights,
) -> list[Chart]:
    """Return the picture of each metric that has something to draw."""
    with_raw = len(highlights.colours) <= MOST_NAMED
    limit = _limit(_POINTS, sum(map(len, points.values())) * (2 if with_raw else 1))
    found = []
    for metric, axis in axes.items():
        lines = [line for each in points[metric] for line in _lines(each, highlights, limit)]
        if chart := make_chart(f"{metric} by step", "step", manifest.metric(metric).label, lines, axis):
            found.append(chart)
    return found


def _lines(points: Points, highlights: Highlights, limit: int) -> list[ChartLine]:
    """Return the lines of a curve: of few experiments the recorded values too; of a thin and grey one a coarse line."""
    colour, num = highlights.colours[points.index], len(highlights.colours)
    look = partial(ChartLine, points.name, colour=colour, dash=_dash(num, points.index), is_failed=points.is_failed)
    if colour is None:
        steps, values = points.coarse(limit)
        return [look(x=steps, y=values)]
    steps, values = points.smooth
    places = thin(values, max(limit, _STRONG))
    strong = look(x=steps[places], y=values[places])
    if num > MOST_NAMED:
        return [strong]
    places = thin(points.values, limit)
    return [look(x=points.steps[places], y=points.values[places], is_faint=True), strong]


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
            dash = _dash(len(experiments), index)
            lines.append(ChartLine(experiment.name, at_s, values[places], highlights.colours[index], dash))
        top = max((float(np.nanmax(line.y)) for line in lines if not np.isnan(line.y).all()), default=0.0)
        label = f"{title.split(',')[0]}, {unit}"
        if chart := make_chart(title, "time in seconds", label, lines, AxisRule(0.0, top * 1.05 or 1.0, is_log=False)):
            found.append(chart)
    return found


def _limit(points: int, num_curves: int) -> int:
    return max(_LEAST, min(_MOST, points // max(1, num_curves)))


def _dash(num: int, index: int) -> int:
    return index % DASHES if num <= MOST_NAMED else 0
