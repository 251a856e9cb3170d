"""The plot of one metric of one experiment."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from launcher.reports.axes import axis_rule
from launcher.reports.plots.choice import CROSS
from launcher.reports.plots.frame import Frame, left_of, text
from launcher.reports.plots.line import Line, has_cross
from launcher.reports.plots.style import COLOURS, DASHES, NOTE_SIZE, STYLE, fitted, save, width_of
from launcher.reports.plots.value_axis import ValueAxis, leaving_text, mark_leaving
from launcher.reports.plots.x_axis import lay_out_x
from launcher.store.metric import Metric

_PANEL = 4.5  # inches
_HEIGHT = 2.6
_TITLE_SIZE = 9.0


class Sheet:
    """Draws one metric of one experiment after the other, on the same axes: new ones take as long as the drawing."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        with matplotlib.rc_context(STYLE):
            self._figure = Figure()
            self._axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))

    def draw(self, line: Line) -> Figure:
        """Draw the plot of one experiment, in the place of the one before."""
        figure, axes = self._figure, self._axes
        for artist in (*axes.lines, *figure.texts):
            artist.remove()
        rule = axis_rule({line.name: line.logged}, self._metric)
        title = _title(line.name)
        axes.set_visible(rule is not None)
        with matplotlib.rc_context(STYLE):
            if rule is None:
                frame = self._frame(line, height=0.4, left=0.1, top=0.16 * len(title))
                words = f"no number to draw of {fitted(self._metric.name, 3.0, _TITLE_SIZE)}"
                text(figure, frame.left, frame.bottom + 0.1, words, size=_TITLE_SIZE)
            else:
                axis = ValueAxis.of(rule, self._metric, _HEIGHT)
                leaving = leaving_text(rule, {line.name: "this curve"})
                top = 0.14 + 0.16 * len(title) + (0.16 if leaving else 0.0)
                marks = (f"{CROSS} failed or diverged, or no number any more",) if has_cross(line, rule) else ()
                frame = self._frame(
                    line, height=_HEIGHT, left=left_of(axis.tick_labels, axis.label), top=top, notes=marks
                )
                self._fill(line, axis)
                axes.set_position(frame.box())
                text(figure, frame.left, frame.bottom + frame.height + 0.09, leaving, size=NOTE_SIZE)
            figure.set_size_inches(frame.width, frame.total)
            for row, words in enumerate(title):
                y = frame.total - 0.14 - 0.16 * row
                text(figure, frame.left, y, words, size=_TITLE_SIZE, weight="bold")
            frame.write_notes(figure)
        return figure

    @staticmethod
    def _frame(line: Line, *, height: float, left: float, top: float, notes: tuple[str, ...] = ()) -> Frame:
        return Frame(left=left, right=0.14, top=top, notes=notes, corner=line.corner, panel=_PANEL, height=height)

    def write(self, path: Path, line: Line) -> None:
        """Write the plot of one experiment as the kind of file that the path's suffix names.

        Raises:
            OSError: the file could not be written; the old one is intact.
        """
        save(self.draw(line), path)

    def _fill(self, line: Line, axis: ValueAxis) -> None:
        axes = self._axes
        colour, dash = COLOURS[line.index % len(COLOURS)], DASHES[line.index % len(DASHES)]
        axes.plot(line.steps, line.values, color=colour, alpha=0.22, linewidth=0.7)
        axes.plot(line.smooth_steps, line.smooth, color=colour, linestyle=dash, linewidth=1.6, label=line.name)
        if len(line.steps) == 1:
            axes.plot(line.steps, line.values, color=colour, marker="o", linestyle="none")
        if has_cross(line, axis.rule) and (end := line.end) is not None:
            axes.plot(*np.array([end]).T, color=colour, marker="x", markersize=6, linestyle="none", label="_broken")
        mark_leaving(axes, axis.rule, [(line, colour)], "step")
        axis.lay_out(axes)
        lay_out_x(axes, "step", [line])


def _title(name: str) -> list[str]:
    """Return an experiment's name on as many lines as it needs."""
    per_line = len(name)
    while per_line > 1 and width_of(name[:per_line], _TITLE_SIZE, is_bold=True) > _PANEL:
        per_line -= 1
    return [name[start : start + per_line] for start in range(0, len(name), max(1, per_line))]
