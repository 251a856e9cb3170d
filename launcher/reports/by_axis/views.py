"""Which pictures by parameters a sweep has: of one axis the level against it, of more a heat map, and all together."""

from __future__ import annotations

from launcher.reports.by_axis.heat_map import heat_map
from launcher.reports.by_axis.one_axis import one_axis
from launcher.reports.by_axis.results import AxisResults
from launcher.reports.by_axis.sketch import Sketch


def by_axis(results: AxisResults) -> Sketch | None:
    """Return the picture of a grid; None without an axis of several values, or without a level."""
    match results.parameters:
        case []:
            return None
        case [parameter]:
            return one_axis(results, parameter)
        case _:
            return heat_map(results)
