"""Parallel coordinates: an axis for each parameter and one for the metric, a line for each configuration.

A line has the colour of its rank. Of more than twelve parameters the most important are drawn; the most important
parameter lies beside the metric. An experiment that does not have a parameter passes below its values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from launcher.planning.defaults import LEAST_RESULTS
from launcher.reports.analysis import ConfigurationResult
from launcher.reports.by_axis.results import AxisResults, key_of_result
from launcher.reports.by_axis.scale import MISSING, LevelScale, ParameterScale
from launcher.reports.by_axis.sketch import NUM_RANKS, Point, Sketch, Strokes, Text, fitted
from launcher.text import listed, number

MOST_AXES = 12  # parameters
_TOP, _BOTTOM, _HEIGHT = 44.0, 24.0, 320.0
_LEFT, _RIGHT = 60.0, 84.0
_NARROWEST, _WIDEST = 560.0, 1000.0
_GAP = 130.0  # between two axes
_LABEL = 70.0  # the room of a value
_SIZE = 10.0
_MISSING_PLACE = -0.1  # below the values
_BAND = 0.05  # how far lines with the same value are spread, at most


@dataclass(frozen=True)
class _Line:
    """A configuration: its value on each axis, and its rank from 0, the best, to 1."""

    result: ConfigurationResult
    rank: float
    level: float | None  # None: it diverged


def parallel(results: AxisResults) -> Sketch | None:
    """Return the picture; None for fewer than two parameters or twenty results."""
    if results.rule is None or len(results.parameters) < 2 or results.num_results < LEAST_RESULTS:
        return None
    return _Drawing(results).draw()


class _Drawing:
    """Draws the picture."""

    def __init__(self, results: AxisResults) -> None:
        self._results = results
        self._axes = results.by_importance[:MOST_AXES][::-1]
        self._scales = [ParameterScale.of(axis) for axis in self._axes]
        self._width = min(_WIDEST, max(_NARROWEST, _LEFT + _RIGHT + _GAP * len(self._axes)))
        self._height = _TOP + _HEIGHT + _BOTTOM
        assert results.rule is not None, "without a rule there is nothing to draw"
        self._levels = LevelScale(results.rule)

    @cached_property
    def _lines(self) -> list[_Line]:
        """The configurations with a result, the worst first: the best lie over the others."""
        judged = self._results.judgement.results
        known = [(each, each.mean.value) for each in judged if each.mean is not None]
        ranks = self._results.goodness([level for _, level in known])
        lines = [_Line(each, rank, level) for (each, level), rank in zip(known, ranks, strict=True)]
        lines += [_Line(each, 1.0, None) for each in judged if each.mean is None and each.diverged]
        return sorted(lines, key=lambda line: -line.rank)

    def draw(self) -> Sketch:
        """Draw axes and lines."""
        sketch = Sketch(f"{self._results.metric.name} and the parameters", self._width, self._height)
        by_rank: dict[int, list[list[Point]]] = {}
        paths = self._paths
        for line in self._lines:
            by_rank.setdefault(min(NUM_RANKS - 1, int(line.rank * NUM_RANKS)), []).append(paths[line.result.name])
        opacity = min(0.9, max(0.18, 8 / math.sqrt(len(self._lines))))
        for rank in sorted(by_rank, reverse=True):
            sketch.add(Strokes(by_rank[rank], f"rank{rank}", 1.2, opacity))
        best = self._results.judgement.best
        if best is not None and best.name in paths:
            sketch.add(Strokes([paths[best.name]], "c0", 2.4))
        for place in range(len(self._axes)):
            self._draw_axis(sketch, place)
        self._draw_metric(sketch)
        sketch.notes = self._notes(best)
        sketch.description = sketch.notes[0]
        return sketch

    def _x(self, place: int) -> float:
        return _LEFT + place * (self._width - _LEFT - _RIGHT) / len(self._axes)

    @staticmethod
    def _y(share: float) -> float:
        """Return the height of a share of an axis; the lowest tenth is that of what has no value."""
        return _TOP + _HEIGHT * (1 - (share - _MISSING_PLACE) / (1 - _MISSING_PLACE))

    def _level_share(self, level: float | None) -> float:
        """Return the place of a level: the best is on top."""
        if level is None:
            return _MISSING_PLACE
        place = self._levels.place(level)
        return place if self._results.judgement.is_maximized else 1 - place

    @cached_property
    def _paths(self) -> Mapping[str, list[Point]]:
        """The points of each line. Lines with the same value are spread a little, the best on top."""
        paths: dict[str, list[Point]] = {line.result.name: [] for line in self._lines}
        for place, (axis, scale) in enumerate(zip(self._axes, self._scales, strict=True)):
            at: dict[str | None, list[_Line]] = {}
            for line in self._lines:
                at.setdefault(key_of_result(axis, line.result), []).append(line)
            band = min(_BAND, 0.3 / max(1, len(scale.places)))
            for key, lines in at.items():
                share = _MISSING_PLACE if key is None else scale.places[key]
                for number_of_line, line in enumerate(lines):
                    offset = (number_of_line + 0.5) / len(lines) - 0.5 if len(lines) > 1 else 0.0
                    paths[line.result.name].append((self._x(place), self._y(share + 2 * band * offset)))
        for line in self._lines:
            paths[line.result.name].append((self._x(len(self._axes)), self._y(self._level_share(line.level))))
        return paths

    def _draw_axis(self, sketch: Sketch, place: int) -> None:
        axis, scale, x = self._axes[place], self._scales[place], self._x(place)
        sketch.add(Strokes([[(x, self._y(1.0) - 6), (x, self._y(0.0) + 6)]], "axis", 1.4))
        room = (self._width - _LEFT - _RIGHT) / len(self._axes) - 6
        sketch.add(Text(x, 12, fitted(axis.name, room), "middle", is_bold=True))
        importance = self._results.importance
        if importance is not None and axis.name in importance.shares:
            sketch.add(Text(x, 26, f"{importance.shares[axis.name]:.2f}", "middle", "muted"))
        for share, label in scale.ticks(_HEIGHT, 13.0):
            self._label(sketch, x, share, label)
        if len(axis.values) < sum(len(each.configuration.experiments) for each in self._results.judgement.results):
            self._label(sketch, x, _MISSING_PLACE, MISSING)

    def _label(self, sketch: Sketch, x: float, share: float, label: str, *, is_right: bool = False) -> None:
        y = self._y(share)
        sketch.add(Strokes([[(x - 3, y), (x + 3, y)]], "axis", 1.4))
        words = fitted(label, _LABEL, _SIZE)
        if is_right:
            sketch.add(Text(x + 7, y, words, "start", size=_SIZE))
        else:
            sketch.add(Text(x - 6, y, words, "end", role="halo", size=_SIZE))

    def _draw_metric(self, sketch: Sketch) -> None:
        x = self._x(len(self._axes))
        sketch.add(Strokes([[(x, self._y(1.0)), (x, self._y(0.0))]], "axis", 1.4))
        sketch.add(Text(x, 12, fitted(self._results.metric.name, _RIGHT + 60), "middle", is_bold=True))
        for share, label in self._levels.ticks:
            place = share if self._results.judgement.is_maximized else 1 - share
            self._label(sketch, x, place, label, is_right=True)
        if any(line.level is None for line in self._lines):
            self._label(sketch, x, _MISSING_PLACE, "diverged", is_right=True)

    def _notes(self, best: ConfigurationResult | None) -> list[str]:
        what = f"{self._results.metric.name} at the end"
        first = f"{len(self._lines):,} configurations by {what}: blue the best fifth, orange the last."
        found = [first]
        if best is not None and best.mean is not None:
            found.append(f"Thick: the best, {best.name}, {number(best.mean.value)}.")
        if self._results.importance is not None:
            found.append("Under each name: its importance.")
        left_out = [axis.name for axis in self._results.by_importance[MOST_AXES:]]
        if left_out:
            found.append(f"Not drawn, as the least important: {listed(left_out, 4)}.")
        if any(len(axis.values) < len(self._axes[0].values) for axis in self._axes):
            found.append(f"{MISSING}: without this key.")
        return found
