"""The picture of a grid with two axes or more: a heat map with numbers; of more axes small ones, side by side."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from launcher.reports.analysis import ConfigurationResult
from launcher.reports.analysis.parameters import Parameter, value_label
from launcher.reports.by_axis.results import AxisResults, has_only_failed, key_of_result, told
from launcher.reports.by_axis.scale import LevelScale
from launcher.reports.by_axis.sketch import Rect, Sketch, Text, fitted, readable_on, shade, width_of
from launcher.reports.plots.choice import CROSS
from launcher.text import number

_WIDEST = 1000.0  # of a picture
_CELL, _LEAST_CELL, _LARGEST_CELL = 24.0, 10.0, 62.0
_LONGEST = 130.0  # the room of a label
_MOST_PANELS = 24
_GAP, _EDGE = 22.0, 12.0
_LIGHTEST = 0.96


@dataclass(frozen=True)
class _Cell:
    """A cell of a heat map: one configuration or, where an axis is not shown, several."""

    results: Sequence[ConfigurationResult]

    @cached_property
    def level(self) -> float | None:
        """The mean over the configurations; None if none has a level."""
        means = [each.mean.value for each in self.results if each.mean is not None]
        return math.fsum(means) / len(means) if means else None

    @property
    def mark(self) -> str:
        """`†` where a seed or a configuration is missing to the mean."""
        return "†" if any(each.mark for each in self.results) else ""


Grid = Mapping[tuple[str | None, str | None], _Cell]


def heat_map(results: AxisResults) -> Sketch | None:
    """Return the picture of the two axes with most effect; None if no configuration has a level."""
    if results.rule is None or len(results.parameters) < 2:
        return None
    across, down, *others = results.by_importance
    if len(down.levels) > len(across.levels):
        across, down = down, across
    facets = _facets(others)
    averaged = [other for other in others if other not in facets]
    panels = _panels(results, across, down, facets)
    layout = _Layout.of(results, across, down, panels, has_titles=bool(facets))
    sketch = layout.draw()
    sketch.title = f"{results.metric.name} at the end by {across.name} and {down.name}"
    sketch.notes = _notes(results, averaged)
    best = results.judgement.best
    if best is not None and best.mean is not None:
        sketch.description = f"the best is {best.name} with {number(best.mean.value)}"
    return sketch


def _facets(others: Sequence[Parameter]) -> list[Parameter]:
    """Return the axes whose values have a small heat map each: as many as there is room for, the first ones first."""
    found: list[Parameter] = []
    for other in others:
        if math.prod(len(each.levels) for each in (*found, other)) <= _MOST_PANELS:
            found.append(other)
    return found


def _panels(
    results: AxisResults, across: Parameter, down: Parameter, facets: Sequence[Parameter]
) -> Sequence[tuple[str, Grid]]:
    """Return the title and the cells of each heat map, in the order of the values."""
    cells: dict[tuple[str | None, ...], dict[tuple[str | None, str | None], list[ConfigurationResult]]] = {}
    for each in results.judgement.results:
        panel = tuple(key_of_result(facet, each) for facet in facets)
        place = key_of_result(across, each), key_of_result(down, each)
        cells.setdefault(panel, {}).setdefault(place, []).append(each)
    found: list[tuple[str, Grid]] = []
    for panel in itertools.product(*(facet.levels for facet in facets)):
        if panel in cells:
            values = zip(facets, panel, strict=True)
            title = ", ".join(f"{facet.name} {value_label(facet.levels[key])}" for facet, key in values)
            found.append((title, {place: _Cell(own) for place, own in cells[panel].items()}))
    return found


@dataclass(frozen=True)
class _Layout:
    """Where the heat maps lie, and how their cells are written."""

    results: AxisResults
    across: Parameter
    down: Parameter
    panels: Sequence[tuple[str, Grid]]
    texts: Mapping[float, str]  # of a level
    width: float  # of a cell
    height: float
    left: float  # the room of the labels of rows
    top: float  # of a panel, for its title
    columns: int  # panels beside each other

    @classmethod
    def of(
        cls,
        results: AxisResults,
        across: Parameter,
        down: Parameter,
        panels: Sequence[tuple[str, Grid]],
        *,
        has_titles: bool,
    ) -> _Layout:
        """Return the layout in which a cell is as large as there is room for."""
        levels = [cell.level for _, grid in panels for cell in grid.values() if cell.level is not None]
        texts = _texts(levels, is_log=results.rule is not None and results.rule.is_log)
        widest = max(map(width_of, texts.values())) + 10 + width_of("†")
        label = max(width_of(value_label(value)) for value in across.levels.values()) + 8
        rows = [fitted(value_label(value), _LONGEST) for value in down.levels.values()]
        left = _EDGE + 18 + max(map(width_of, rows)) + 6
        room = (_WIDEST - left - _EDGE) / len(across.levels)
        wanted = max(widest, min(label, _LARGEST_CELL))
        title = max(width_of(title) for title, _ in panels)
        if has_titles:
            wanted = max(wanted, min(title + 8, 260.0) / len(across.levels))
        width = max(_LEAST_CELL, min(wanted, room))
        height = _CELL if len(down.levels) <= 40 else max(4.0, 960.0 / len(down.levels))
        columns = max(1, int((_WIDEST - left - _EDGE + _GAP) / (width * len(across.levels) + _GAP)))
        top = 20.0 if has_titles else 0.0
        return cls(results, across, down, panels, texts, width, height, left, top, min(columns, len(panels)))

    @property
    def _panel(self) -> tuple[float, float]:
        return self.width * len(self.across.levels), self.height * len(self.down.levels)

    def draw(self) -> Sketch:
        """Draw all panels, the axes and the scale of colours."""
        width, height = self._panel
        rows = -(-len(self.panels) // self.columns)
        below = self._label_room
        total = self.left + self.columns * (width + _GAP) - _GAP + _EDGE
        bottom = _EDGE + rows * (height + self.top + below) + (rows - 1) * 6
        sketch = Sketch("", max(total, 330.0), bottom + 58)
        for place, (title, grid) in enumerate(self.panels):
            x = self.left + place % self.columns * (width + _GAP)
            y = _EDGE + place // self.columns * (height + self.top + below + 6) + self.top
            sketch.add(Text(x, y - 11, fitted(title, width + _GAP - 6), is_bold=True))
            self._draw_panel(sketch, grid, x, y, has_rows=place % self.columns == 0)
        middle = self.left + (total - self.left - _EDGE) / 2
        sketch.add(Text(middle, bottom + 8, fitted(self.across.name, total - self.left), "middle"))
        sketch.add(Text(_EDGE, (bottom - below) / 2, fitted(self.down.name, bottom), "middle", is_upright=True))
        sketch.width = max(sketch.width, self._draw_scale(sketch, self.left, bottom + 34) + _EDGE)
        return sketch

    @property
    def _label_room(self) -> float:
        return 20.0 if not self._is_label_upright else 12 + min(_LONGEST, max(map(width_of, self._column_labels)))

    @property
    def _column_labels(self) -> list[str]:
        return [value_label(value) for value in self.across.levels.values()]

    @property
    def _is_label_upright(self) -> bool:
        return max(map(width_of, self._column_labels)) > self.width - 4

    def _draw_panel(self, sketch: Sketch, grid: Grid, left: float, top: float, *, has_rows: bool) -> None:
        shapes: list[Rect | Text] = []
        columns, rows = list(self.across.levels), list(self.down.levels)
        if self.down.is_numeric:
            rows.reverse()  # numbers rise upwards
        for number_of_row, row in enumerate(rows):
            y = top + number_of_row * self.height
            if has_rows and (self.height >= 9 or number_of_row % 4 == 0):
                label = fitted(value_label(self.down.levels[row]), _LONGEST)
                sketch.add(Text(left - 6, y + self.height / 2, label, "end"))
            for place, column in enumerate(columns):
                if cell := grid.get((column, row)):
                    shapes += self._shapes(cell, left + place * self.width, y)
        sketch.add(*sorted(shapes, key=lambda shape: 2 * (shape.role == "best") + isinstance(shape, Text)))
        bottom = top + len(rows) * self.height
        every = 1 if self.width >= 13 else -(-13 // int(self.width))
        for place, label in enumerate(self._column_labels):
            x = left + (place + 0.5) * self.width
            if self._is_label_upright and place % every == 0:
                shown = fitted(label, _LONGEST)
                sketch.add(Text(x, bottom + 6 + width_of(shown) / 2, shown, "middle", is_upright=True))
            elif not self._is_label_upright:
                sketch.add(Text(x, bottom + 11, label, "middle"))

    def _shapes(self, cell: _Cell, x: float, y: float) -> Iterator[Rect | Text]:
        level, names = cell.level, ", ".join(each.name for each in cell.results[:3])
        middle = x + self.width / 2, y + self.height / 2
        if level is None:
            word = CROSS if all(told(each) == CROSS for each in cell.results) else "…"
            yield Rect(x + 0.5, y + 0.5, self.width - 1, self.height - 1, role="grid", title=f"{names}: {_why(cell)}")
            yield Text(*middle, word, "middle", "bad" if word == CROSS else "muted")
            return
        colour = shade(self._badness(level) * _LIGHTEST)
        best = self.results.judgement.best
        is_best = best is not None and any(each.name == best.name for each in cell.results)
        yield Rect(
            x + 0.5, y + 0.5, self.width - 1, self.height - 1, colour, title=f"{names}: {number(level)}{_why(cell)}"
        )
        words = self.texts[level] + cell.mark
        if width_of(words) <= self.width - 2 and self.height >= 12:
            yield Text(*middle, words, "middle", fill=readable_on(colour), is_bold=is_best)
        if is_best:
            yield Rect(x + 0.5, y + 0.5, self.width - 1, self.height - 1, role="best")

    def _badness(self, level: float) -> float:
        assert self.results.rule is not None, "without a rule there is nothing to draw"
        place = LevelScale(self.results.rule).place(level)
        return 1 - place if self.results.judgement.is_maximized else place

    def _draw_scale(self, sketch: Sketch, left: float, top: float) -> float:
        """Draw the scale of colours, the better end first. Return where it ends."""
        rule = self.results.rule
        assert rule is not None, "without a rule there is nothing to draw"
        low, high = (f"{end:.4g}{self._beyond(end)}" for end in (rule.low, rule.high))
        ends = (high, low) if self.results.judgement.is_maximized else (low, high)
        better, worse = f"{ends[0]} better", f"{ends[1]}{' (log scale)' if rule.is_log else ''}"
        sketch.add(Text(left, top + 5, better))
        begin = left + width_of(better) + 8
        for place in range(40):
            sketch.add(Rect(begin + place * 3, top, 4.0, 10, shade(place / 39 * _LIGHTEST)))
        sketch.add(Text(begin + 128, top + 5, worse))
        return begin + 128 + width_of(worse)

    def _beyond(self, end: float) -> str:
        """Return what tells that levels beyond an end of the scale have its colour; empty if there are none."""
        rule = self.results.rule
        assert rule is not None, "without a rule there is nothing to draw"
        if end == rule.high:
            return " and more" if any(level > end for level in self.texts) else ""
        return " and less" if any(level < end for level in self.texts) else ""


def _why(cell: _Cell) -> str:
    found = [each.seeds_text for each in cell.results if each.mark]
    return f" (seeds: {found[0]})" if found and any(each.num_seeds > 1 for each in cell.results) else ""


def _texts(levels: Sequence[float], *, is_log: bool) -> dict[float, str]:
    """Return each level as a text, all with as many decimals as tell the middle half of them apart.

    On a logarithmic scale each has two digits at least: 0.058 and 0.12 are no equals beside 1.4.
    """
    if len(levels) > 3:
        quartiles = statistics.quantiles(levels, n=4)
        spread = quartiles[2] - quartiles[0]
    else:
        spread = max(levels) - min(levels)
    size = statistics.median(map(abs, levels))
    if not 1e-3 <= size < 1e6:
        return {level: f"{level:.3g}" for level in levels}
    decimals = min(4, max(0, 1 - math.floor(math.log10(spread)))) if spread > 0 else 4
    decimals = min(decimals, max(0, 4 - math.floor(math.log10(size))))
    least = {level: min(6, 1 - math.floor(math.log10(level))) if is_log and level > 0 else 0 for level in levels}
    return {
        level: f"{level:.{max(decimals, least[level])}f}" if abs(level) < 1e6 else f"{level:.2g}" for level in levels
    }


def _notes(results: AxisResults, averaged: Sequence[Parameter]) -> list[str]:
    found = ["Each cell is the mean over seeds." if results.has_seeds else "Framed: the best."]
    if results.has_seeds:
        found[0] += " Framed: the best."
    judged = results.judgement.results
    if results.has_seeds and any(each.mark and each.mean for each in judged):
        found.append("†: seeds are missing to the mean.")
    lost = [each for each in judged if not each.mean]
    if any(told(each) == CROSS for each in lost):
        words = [word for word, is_so in (("failed", any(map(has_only_failed, lost))),
                                          ("diverged", any(each.diverged for each in lost))) if is_so]  # fmt: skip
        found.append(f"{CROSS}: {' or '.join(words)}.")
    if any(told(each) != CROSS for each in lost):
        found.append("…: not done yet.")
    if averaged:
        named = ", ".join(each.name for each in averaged)
        found.append(f"Means over {named}: too many values for a picture each.")
    return found
