"""The plot that compares one metric of all experiments, from one experiment to a thousand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from launcher.reports.axes import axis_rule
from launcher.reports.plots.choice import Choice, choose, notes
from launcher.reports.plots.frame import Frame, left_of, text
from launcher.reports.plots.key_colours import KeyColours, find_key
from launcher.reports.plots.line import Line, has_cross
from launcher.reports.plots.names import NameColumn
from launcher.reports.plots.palette import Palette
from launcher.reports.plots.seeds import draw_seeds
from launcher.reports.plots.style import NAME_SIZE, NOTE_SIZE, STYLE, fitted, save
from launcher.reports.plots.value_axis import ValueAxis, leaving_text, mark_leaving
from launcher.reports.plots.x_axis import PANEL_WIDTHS, choose_x, lay_out_x
from launcher.short_names import short_names
from launcher.store.metric import Metric

_LONGEST_NAMES = (20, 28, 36)  # characters: more only where names would be cut
_MOST_POINTS = 400  # of a line among others,
_ALL_POINTS = 120_000  # and of all these lines together; a line has at least
_LEAST_POINTS = 100
_MOST_VECTORS = 50_000  # points of many lines: SVG and PDF hold more of them as pixels


class Comparison:
    """The comparison of one metric: what is drawn is decided first, then it is drawn and written."""

    def __init__(
        self,
        metric: Metric,
        lines: Sequence[Line],
        *,
        reference: str | None = None,
        x: Sequence[str] = ("step", "tokens"),
        corner: str = "",
        noun: str = "experiment",
    ) -> None:
        """Decide.

        Args:
            lines: the curves, in the order of the job file.
            reference: the experiment that the others are compared with.
            x: what the panels are drawn over: `step`, `tokens`, `time`, `share`. A panel whose x is not known of every
                experiment is left out.
            corner: what is written small in the corner.
            noun: what a line is: an experiment, or a configuration with the mean over its seeds.
        """
        self._metric = metric
        self._choice = choose(lines, metric, reference)
        self._rule = axis_rule({line.name: line.logged for line in self._shown}, metric)
        self._names = _names(tuple(line.name for line in lines))
        self._key = self._find_key()
        self._palette = Palette(self._choice, self._key)
        self._x = choose_x(x, self._choice.drawn)
        self._notes = tuple(notes(self._choice, self._rule, self._names, self._key.key if self._key else "", noun))
        self._corner = corner

    @cached_property
    def figure(self) -> Figure:
        """The figure."""
        with matplotlib.rc_context(STYLE):
            return self._draw() if self._rule is not None else self._empty()

    def write(self, path: Path) -> None:
        """Write the plot as the kind of file that the path's suffix names.

        Raises:
            OSError: the file could not be written; the old one is intact.
        """
        save(self.figure, path)

    @cached_property
    def _shown(self) -> list[Line]:
        """The lines that lie on the axes: of a mean that is named also those of its seeds."""
        return [*self._choice.others, *(each for line in self._choice.named for each in (line, *line.seeds))]

    def _find_key(self) -> KeyColours | None:
        if not self._choice.others:
            return None
        ends = {line.name: end[1] for line in self._choice.drawn if not line.is_broken and (end := line.end)}
        in_order = sorted(self._choice.drawn, key=lambda line: line.index)
        return find_key({line.name: line.config for line in in_order}, ends)

    def _draw(self) -> Figure:
        assert self._rule is not None, "without a rule there is nothing to draw"
        leaving = leaving_text(self._rule, self._names)
        axis = ValueAxis.of(self._rule, self._metric, Frame.height)
        column = NameColumn(self._choice, self._names, self._palette, axis)
        frame = Frame(
            left=left_of(axis.tick_labels, axis.label),
            right=column.width,
            top=0.34 if leaving else 0.12,
            notes=self._notes,
            corner=self._corner,
            panel=PANEL_WIDTHS[len(self._x)],
            num_panels=len(self._x),
        )
        figure = Figure(figsize=(frame.width, frame.total))
        for number, x in enumerate(self._x):
            axes = figure.add_axes(frame.box(number))
            self._fill(axes, x)
            axis.lay_out(axes)
            lay_out_x(axes, x, self._shown)
            if number:
                axes.set_ylabel("")
                axes.tick_params(labelleft=False)
        if leaving:
            words = fitted(leaving, frame.width - frame.left, NOTE_SIZE)
            text(figure, frame.left, frame.total - 0.13, words, size=NOTE_SIZE, ha="left")
        column.draw(figure, frame)
        frame.write_notes(figure)
        return figure

    def _fill(self, axes: Axes, x: str) -> None:
        assert self._rule is not None, "without a rule there is nothing to draw"
        _draw_many(axes, x, self._choice, self._palette)
        is_many = bool(self._choice.others)
        for line in self._choice.named:
            style = self._palette.style(line)
            if line.seeds or line.band is not None:
                draw_seeds(axes, x, line, self._palette.colour(line), self._rule)
            elif not is_many:
                axes.plot(line.along(x, line.steps), line.values, color=style["color"], alpha=0.22, linewidth=0.7)
            if is_many:
                style["path_effects"] = [patheffects.withStroke(linewidth=3.4, foreground="white")]
            along = line.along(x, line.smooth_steps)
            axes.plot(along, line.smooth, label=self._names[line.name], zorder=4, **style)
            if len(line.steps) == 1:
                axes.plot(along, line.smooth, color=style["color"], marker="o", markersize=4, linestyle="none")
        coloured = [(line, self._palette.colour(line)) for line in self._choice.drawn]
        for line, colour in coloured:
            if has_cross(line, self._rule) and (end := line.end) is not None:
                place = line.along(x, np.array([end[0]]))
                axes.plot(place, [end[1]], marker="x", color=colour, markersize=4 if is_many else 5.5, zorder=5,
                          markeredgewidth=1.2, linestyle="none", label="_broken")  # fmt: skip
        coloured += [(seed, colour) for line, colour in coloured for seed in line.seeds if line in self._choice.named]
        mark_leaving(axes, self._rule, coloured, x)

    def _empty(self) -> Figure:
        """Return a figure of words alone: axes without a curve would be invented."""
        figure = Figure(figsize=(5.2, 0.7 + 0.145 * len(self._notes)))
        frame = Frame(left=0, right=0, top=0, notes=self._notes, corner=self._corner, panel=5.2)
        label = fitted(self._metric.name, 2.5, NAME_SIZE)
        text(figure, 0.1, figure.get_figheight() - 0.3, f"{label}: no experiment has a number to draw.", size=9)
        frame.write_notes(figure)
        return figure


@lru_cache(maxsize=4)  # the metrics of a sweep have the same experiments
def _names(whole: tuple[str, ...]) -> dict[str, str]:
    """Return how each experiment is named in the plot: no longer than needed for names with whole keys and values."""
    tried = [short_names(whole, longest) for longest in _LONGEST_NAMES]
    uncut = [names for names in tried if not any("…" in name for name in names.values())]
    unchanged = [names for names in uncut if all(_has_whole_parts(*pair) for pair in names.items())]
    return next(iter(unchanged or uncut), tried[-1])


def _has_whole_parts(name: str, short: str) -> bool:
    return all(part in name for part in short.split("."))


def _draw_many(axes: Axes, x: str, choice: Choice, palette: Palette) -> None:
    """Draw the lines that are not named, thin and as a single artist."""
    segments, colours = [], []
    most = min(_MOST_POINTS, max(_LEAST_POINTS, _ALL_POINTS // max(1, len(choice.others))))
    for line in choice.others:
        every = max(1, math.ceil(len(line.smooth) / most))
        picked = slice((len(line.smooth) - 1) % every, None, every)  # the last is among them
        along = line.along(x, line.smooth_steps[picked])
        segments.append(np.column_stack([along, line.smooth[picked]]))
        colours.append(palette.colour(line))
    if not segments:
        return
    alpha = min(0.8, max(0.25, 8 / math.sqrt(len(segments))))
    thin: Any = LineCollection(segments, colors=colours, linewidths=0.7, alpha=alpha, zorder=2, label="_others")
    thin.set_rasterized(sum(map(len, segments)) > _MOST_VECTORS)
    axes.add_collection(thin, autolim=False)
    points = [(segment[0], colour) for segment, colour in zip(segments, colours, strict=True) if len(segment) == 1]
    if points:
        places = np.array([point for point, _ in points])
        axes.scatter(places[:, 0], places[:, 1], s=6, c=[colour for _, colour in points], zorder=2, label="_points")
