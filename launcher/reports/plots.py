"""The plots: one metric of one experiment, and one metric of all compared. The only module that imports matplotlib.

The curve as it was logged is faint, its running mean is strong. Colours are those of Okabe and Ito (2008, "Color
Universal Design"), from dark to light so that they also differ in greyscale. Each line has a dash pattern of its own.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from launcher.reports.smoothing import Floats, drawable, running_mean
from launcher.store.curve import Curve
from launcher.store.experiment_state import ExperimentState
from launcher.store.metric import Metric
from launcher.store.paths import write_atomic

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)))
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.dpi": 150,
    "text.parse_math": False,
    "svg.hashsalt": "launcher",
    "pdf.fonttype": 42,
}
_UNDATED: dict[str, Any] = {
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_LOGARITHMIC = frozenset({"perplexity"})
_NUMBERS = matplotlib.ticker.FuncFormatter(lambda value, _place: f"{value:,g}")


@dataclass(frozen=True)
class Line:
    """The curve of one experiment, as it is drawn."""

    name: str
    index: int  # place in the job file: gives colour and dash
    steps: Floats  # (N,)
    values: Floats  # (N,), NaN where a value cannot be drawn
    tokens: Floats | None  # (N,) so far; None where a step has no number of tokens

    @classmethod
    def of(cls, experiment: ExperimentState, curve: Curve) -> Line:
        """Return the line of a curve of an experiment."""
        tokens = experiment.tokens if experiment.tokens and experiment.tokens.covers(curve.steps) else None
        return cls(
            name=experiment.name,
            index=experiment.index,
            steps=np.array(curve.steps, dtype=float),
            values=drawable(curve.values),
            tokens=np.array(tokens.at(curve.steps)) if tokens else None,
        )


class Sheet:
    """Draws one metric of one experiment after the other on the same axes.

    Finding a place for everything takes longer than drawing. So the layout is found for the first experiment, and again
    only for longer tick labels.
    """

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._room = 0  # characters that a tick label may have in the layout that was found
        self._figure, self._axes = _empty_sheet()

    def draw(self, line: Line) -> Figure:
        """Draw the plot of one experiment, in the place of the one before."""
        with matplotlib.rc_context(STYLE):
            if self._fill(line) > self._room:
                self._arrange(line)
        return self._figure

    def write(self, path: Path, line: Line) -> None:
        """Write the plot of one experiment.

        Raises:
            OSError: the file could not be written; the old one is intact.
        """
        with matplotlib.rc_context(STYLE):
            _save(self.draw(line), path)

    def _fill(self, line: Line) -> int:
        """Put a line in the place of the one before, and return how long its longest tick label is."""
        axes = self._axes
        for artist in axes.lines[:]:
            artist.remove()
        axes.relim()
        _draw(axes, line.steps, line)
        axes.autoscale()
        _label(axes, self._metric, "step")
        axes.set_title(line.name, loc="left", fontweight="bold", y=1.0)
        return max(len(label.get_text()) for label in axes.get_yticklabels(which="both"))

    def _arrange(self, line: Line) -> None:
        """Find the layout, and fix the labels of the axes where it puts them: else each drawing looks for a place."""
        self._figure, self._axes = _empty_sheet()
        self._room = self._fill(line)
        ConstrainedLayoutEngine().execute(self._figure)
        self._figure.draw_without_rendering()
        for axis in (self._axes.xaxis, self._axes.yaxis):
            axis.set_label_coords(*axis.label.get_position(), transform=axis.label.get_transform())


def draw_comparison(metric: Metric, lines: Sequence[Line]) -> Figure:
    """Draw the plot that compares the experiments: by step, and by tokens if every experiment counts them."""
    has_tokens = all(line.tokens is not None for line in lines)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6 if has_tokens else 6.4, 4.0), layout="constrained")
        panels = figure.subplots(1, 2 if has_tokens else 1, sharey=True, squeeze=False)[0]
        for line in lines:
            _draw(panels[0], line.steps, line)
            if line.tokens is not None and has_tokens:
                _draw(panels[1], line.tokens, line)
        _label(panels[0], metric, "step")
        if has_tokens:
            _label(panels[1], metric, "training tokens")
            panels[1].set_ylabel("")
            panels[1].xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(6, len(labels)), handlelength=2.8)
    return figure


def write_comparison(path: Path, metric: Metric, lines: Sequence[Line]) -> None:
    """Write the plot that compares the experiments.

    Raises:
        OSError: the file could not be written; the old one is intact.
    """
    with matplotlib.rc_context(STYLE):
        _save(draw_comparison(metric, lines), path)


def _empty_sheet() -> tuple[Figure, Axes]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.4))
        return figure, figure.add_subplot()


def _draw(axes: Axes, x: Floats, line: Line) -> None:
    colour = COLOURS[line.index % len(COLOURS)]
    dash = DASHES[line.index % len(DASHES)]
    axes.plot(x, line.values, color=colour, alpha=0.22, linewidth=0.7)
    axes.plot(x, running_mean(line.values), color=colour, linestyle=dash, linewidth=1.6, label=line.name)
    if len(x) == 1:
        axes.plot(x, line.values, color=colour, marker="o", linestyle="none")


def _label(axes: Axes, metric: Metric, x: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(metric.label)
    if x == "step":
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    low, high = axes.dataLim.intervaly
    is_wanted = metric.scale == "log" or (metric.scale == "auto" and metric.name in _LOGARITHMIC)
    decades = math.log10(high / low) if 0 < low <= high < math.inf and is_wanted else 0.0
    axes.set_yscale("log" if decades >= 1 else "linear")  # below a decade a logarithmic axis has one label or none
    axes.yaxis.set_major_formatter(_NUMBERS)  # without an offset above the axis, which would move the title
    if decades >= 1:
        axes.yaxis.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))
        axes.yaxis.set_minor_formatter(_NUMBERS if decades < 2 else matplotlib.ticker.NullFormatter())


def _save(figure: Figure, path: Path) -> None:
    """Write a figure as the kind of file that the path's suffix names. The same figure gives the same bytes."""
    image = io.BytesIO()
    if path.suffix == ".png":
        # `Figure.savefig` would draw twice, the first time only to measure. The weakest compression makes files that
        # are a quarter larger, in a fifth of the time.
        options: Any = {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 1}}
        FigureCanvasAgg(figure).print_png(image, **options)  # type: ignore[no-untyped-call]
    else:
        figure.savefig(image, format=path.suffix[1:], metadata=_UNDATED[path.suffix])
    write_atomic(path, image.getvalue())
