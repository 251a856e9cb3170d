"""What the page says of parameters: pictures by axis, parallel coordinates, and how important each parameter is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.planning.defaults import MOST_BY_AXIS
from launcher.reports.analysis.importance import CAUTION, Importance
from launcher.reports.by_axis.results import AxisResults
from launcher.reports.by_axis.views import sketches_of
from launcher.reports.html.sketch_svg import svg
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.text import plural


@dataclass(frozen=True)
class ParameterPicture:
    """A picture with what is written under it."""

    title: str
    svg: str
    notes: Sequence[str]


@dataclass(frozen=True)
class ImportanceTable:
    """How much of the order of the results each parameter explains, by metric."""

    metric: str
    rows: Sequence[tuple[str, str, float]]  # what, its share as a text, and as a length of 100
    about: str


@dataclass(frozen=True)
class ParameterViews:
    """The section of the page on parameters."""

    pictures: Sequence[ParameterPicture]
    importances: Sequence[ImportanceTable]

    @property
    def is_there(self) -> bool:
        """There is something to show."""
        return bool(self.pictures or self.importances)


def parameter_views(manifest: Manifest, experiments: Sequence[ExperimentState]) -> ParameterViews:
    """Return the section. The first metrics have pictures by axis, the first of them also parallel coordinates."""
    pictures, parallels, importances = [], [], []
    for metric in manifest.metrics[:MOST_BY_AXIS]:
        results = AxisResults.of(manifest.metric(metric), manifest.axes, experiments)
        sketches = sketches_of(results, is_grid=bool(manifest.axes))
        found = {view: ParameterPicture(each.title, svg(each), each.notes) for view, each in sketches.items()}
        pictures += [found["by_axis"]] if "by_axis" in found else []
        parallels += [found["parallel"]] if "parallel" in found else []
        if results.importance is not None and results.importance.shares:
            importances.append(_table(metric, results.importance))
    return ParameterViews([*pictures, *parallels[:1]], importances)


def _table(metric: str, importance: Importance) -> ImportanceTable:
    rows = [(name, f"{share:.2f}", round(100 * share, 1)) for name, share in importance.rows]
    about = f"Share of the order of {plural(importance.num, 'result')} that each explains, by ranks. {CAUTION}"
    return ImportanceTable(metric, rows, about)
