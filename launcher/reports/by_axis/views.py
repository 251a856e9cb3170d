"""Which pictures by parameters a sweep has: of one axis the level against it, of more a heat map, and all together."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.reports.by_axis.heat_map import heat_map
from launcher.reports.by_axis.one_axis import one_axis
from launcher.reports.by_axis.parallel import parallel
from launcher.reports.by_axis.results import AxisResults
from launcher.reports.by_axis.sketch import Sketch
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest


def sketches(manifest: Manifest, experiments: Sequence[ExperimentState], metric: str) -> dict[str, Sketch]:
    """Return the pictures of a metric that the sweep has: `by_axis` of a grid, and `parallel`."""
    results = AxisResults.of(manifest.metric(metric), manifest.axes, experiments)
    return sketches_of(results, is_grid=bool(manifest.axes))


def sketches_of(results: AxisResults, *, is_grid: bool) -> dict[str, Sketch]:
    """Return the pictures of some results: `by_axis` of a grid, and `parallel`."""
    found = {"by_axis": by_axis(results) if is_grid else None, "parallel": parallel(results)}
    return {view: sketch for view, sketch in found.items() if sketch is not None}


def by_axis(results: AxisResults) -> Sketch | None:
    """Return the picture of a grid; None without an axis of several values, or without a level."""
    match results.parameters:
        case []:
            return None
        case [parameter]:
            return one_axis(results, parameter)
        case _:
            return heat_map(results)
