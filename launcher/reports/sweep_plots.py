"""The plots that show a whole sweep by a metric: the curves, the results by axes, all parameters at once."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from launcher.planning.defaults import MOST_BY_AXIS
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import PLOTS, Paths

if TYPE_CHECKING:
    from launcher.reports.by_axis.sketch import Sketch
    from launcher.reports.plots.line import Line

Task = tuple[Path, Callable[[Path], None]]  # a view, and the function that writes it


class _Plot(Protocol):
    """A plot that can be written as a file of any kind."""

    def write(self, path: Path) -> None:
        """Write the plot."""


class SweepPlots:
    """The plots of the metrics that somebody logged. What is drawn is decided at once, and drawn when it is written."""

    def __init__(
        self,
        paths: Paths,
        manifest: Manifest,
        experiments: Sequence[ExperimentState],
        lines: Mapping[str, Sequence[Line]],
        group: str | None = None,
    ) -> None:
        """Decide which plots there are.

        `lines`: the curves of each metric, in the order of the job file. `group`: a key to draw the results by.
        """
        self._paths = paths
        self._manifest = manifest
        self._experiments = experiments
        self._made: dict[str, dict[str, Callable[[], _Plot]]] = {}  # by metric and file as PNG
        for metric in lines:
            plots: dict[str, Callable[[], _Plot]] = {
                paths.curves(metric).stem: functools.partial(self._comparison, metric, lines[metric])
            }
            if metric in manifest.metrics[:MOST_BY_AXIS]:
                plots |= self._sketches(metric) | (self._grouped(metric, group) if group is not None else {})
            self._made[metric] = plots

    def tasks(self) -> list[Task]:
        """Return each plot with the function that writes it."""
        found: list[Task] = []
        for plots in self._made.values():
            for stem, make in plots.items():
                made = functools.cache(make)  # once for all kinds
                found += [(path, functools.partial(_write, made)) for path in self._files_of(stem)]
        return found

    def files(self) -> list[Path]:
        """Return the files of the plots."""
        return [path for plots in self._made.values() for stem in plots for path in self._files_of(stem)]

    def remove_others(self) -> None:
        """Remove the plots that there are not any more: an old one would show what is not there."""
        drawn = {*self.files()}
        for metric in self._manifest.metrics:
            for kind in PLOTS:
                for path in {*self._paths.of_metric(metric, kind)} - drawn:
                    with contextlib.suppress(OSError):
                        path.unlink(missing_ok=True)

    def _files_of(self, stem: str) -> list[Path]:
        return [self._paths.outcome / f"{stem}.{kind}" for kind in self._manifest.plots]

    def _comparison(self, metric: str, lines: Sequence[Line]) -> _Plot:
        from launcher.reports.plots.sweep_comparison import compare  # brings matplotlib

        return compare(self._manifest, self._experiments, metric, lines)

    def _sketches(self, metric: str) -> dict[str, Callable[[], _Plot]]:
        from launcher.reports.by_axis.views import sketches

        found = sketches(self._manifest, self._experiments, metric)
        paths = {"by_axis": self._paths.by_axis(metric), "parallel": self._paths.parallel(metric)}
        return {paths[view].stem: functools.partial(self._figure, sketch) for view, sketch in found.items()}

    def _grouped(self, metric: str, key: str) -> dict[str, Callable[[], _Plot]]:
        from launcher.reports.by_axis.grouped import grouped

        sketch = grouped(self._manifest.metric(metric), self._experiments, key)
        stem = self._paths.grouped(metric, key).stem
        return {} if sketch is None else {stem: functools.partial(self._figure, sketch)}

    def _figure(self, sketch: Sketch) -> _Plot:
        from launcher.reports.plots.as_of import as_of
        from launcher.reports.plots.sketch_figure import SketchFigure  # brings matplotlib

        return SketchFigure(sketch, as_of(self._experiments))


def _write(made: Callable[[], _Plot], path: Path) -> None:
    made().write(path)
