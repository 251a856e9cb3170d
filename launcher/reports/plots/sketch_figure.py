"""Draws a sketch as a plot: what the page shows as an SVG, as PNG, SVG or PDF."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from launcher.reports.by_axis.sketch import Dots, Rect, Sketch, Strokes, Text
from launcher.reports.plots.frame import ROW, text
from launcher.reports.plots.style import COLOURS, NOTE_COLOUR, NOTE_SIZE, STYLE, fitted, save

_UNITS = 100.0  # an inch
_TITLE = 0.28  # inches
_EDGE = 0.08
_POINTS = 0.72  # of a unit
_MOST_VECTORS = 2_000  # lines: SVG and PDF hold more of them as pixels
ROLES = {
    "text": "#000000",
    "halo": "#000000",
    "muted": NOTE_COLOUR,
    "grid": "#dddddd",
    "axis": "#555555",
    "bad": "#b3261e",
    "best": "#000000",
    "rank0": "#0072B2",
    "rank1": "#5b9bc8",
    "rank2": "#a0a0a0",
    "rank3": "#e09a5f",
    "rank4": "#D55E00",
} | {f"c{place}": colour for place, colour in enumerate(COLOURS)}  # fmt: skip


class SketchFigure:
    """A sketch, drawn by matplotlib. `corner`: what is written small in the corner."""

    def __init__(self, sketch: Sketch, corner: str = "") -> None:
        self._sketch = sketch
        self._corner = corner

    @cached_property
    def figure(self) -> Figure:
        """The figure."""
        with matplotlib.rc_context(STYLE):
            return self._draw()

    def write(self, path: Path) -> None:
        """Write the plot as the kind of file that the path's suffix names.

        Raises:
            OSError: the file could not be written; the old one is intact.
        """
        save(self.figure, path)

    def _draw(self) -> Figure:
        sketch = self._sketch
        width, height = sketch.width / _UNITS, sketch.height / _UNITS
        notes = [*sketch.notes, self._corner] if self._corner else sketch.notes
        below = _EDGE + ROW * len(notes)
        total = _TITLE + height + below
        figure = Figure(figsize=(width, total))
        axes: Any = figure.add_axes((0.0, below / total, 1.0, height / total))
        axes.set_axis_off()
        axes.set_xlim(0, sketch.width)
        axes.set_ylim(sketch.height, 0)
        for layer, (kind, shapes) in enumerate(itertools.groupby(sketch.shapes, type)):
            if kind is Rect:
                _rects(axes, [shape for shape in shapes if isinstance(shape, Rect)], layer)
            else:
                for shape in shapes:
                    _DRAWN[kind](axes, shape, layer)
        title = fitted(sketch.title, width - 2 * _EDGE, 9.0)
        text(figure, _EDGE, total - _TITLE / 2, title, size=9.0, weight="bold")
        for row, note in enumerate(notes):
            y = below - (row + 0.5) * ROW
            style: Any = {"size": NOTE_SIZE, "color": NOTE_COLOUR}
            text(figure, _EDGE, y, fitted(note, width - 2 * _EDGE, NOTE_SIZE), **style)
        return figure


def _rects(axes: Any, shapes: Sequence[Rect], layer: int) -> None:
    """Draw rectangles as one artist: hundreds of them take a second."""
    corners = [
        [(each.x, each.y), (each.x + each.width, each.y), (each.x + each.width, each.y + each.height),
         (each.x, each.y + each.height)]
        for each in shapes
    ]  # fmt: skip
    look: Any = {
        "facecolors": [each.fill or "none" for each in shapes],
        "edgecolors": [ROLES[each.role] if each.role else "none" for each in shapes],
        "linewidths": [1.6 if each.role == "best" else 0.6 for each in shapes],
    }
    axes.add_collection(PolyCollection(corners, zorder=layer, **look), autolim=False)


def _text(axes: Any, shape: Text, layer: int) -> None:
    style: Any = {"rotation": 90, "rotation_mode": "anchor"} if shape.is_upright else {}
    if shape.role == "halo":
        style["bbox"] = {"facecolor": "#ffffff", "alpha": 0.75, "edgecolor": "none", "pad": 0.6}
    axes.text(
        shape.x,
        shape.y,
        shape.words,
        ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
        va="center_baseline",
        size=shape.size * _POINTS,
        color=shape.fill or ROLES[shape.role],
        weight="bold" if shape.is_bold else "normal",
        zorder=layer,
        **style,
    )


def _strokes(axes: Any, shape: Strokes, layer: int) -> None:
    lines = LineCollection(
        [list(line) for line in shape.lines],
        colors=ROLES[shape.role],
        linewidths=shape.width * _POINTS,
        alpha=shape.opacity,
        linestyles="dashed" if shape.is_dashed else "solid",
        zorder=layer,
        clip_on=False,
    )
    lines.set_rasterized(len(shape.lines) > _MOST_VECTORS)
    axes.add_collection(lines, autolim=False)


def _dots(axes: Any, shape: Dots, layer: int) -> None:
    across, down = zip(*shape.points, strict=True) if shape.points else ((), ())
    style: Any = {"marker": "x", "linewidths": 1.2} if shape.is_cross else {"linewidths": 0}
    size = (2 * shape.radius * _POINTS) ** 2
    axes.scatter(
        across, down, s=size, color=ROLES[shape.role], alpha=shape.opacity, zorder=layer, clip_on=False, **style
    )


_DRAWN: dict[type, Any] = {Text: _text, Strokes: _strokes, Dots: _dots}
