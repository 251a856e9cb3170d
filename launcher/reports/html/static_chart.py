"""The picture of a chart: for paper, for readers without script, and until the script draws.

Geometry only: `templates/chart.html` makes an SVG of it. Colours are classes of the style sheet, so one drawing serves
a light page, a dark page and paper.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from launcher.reports.axes import AxisRule
from launcher.reports.html.ticks import log_ticks, tick_label, ticks
from launcher.reports.smoothing import Floats
from launcher.text import number

WIDTH, HEIGHT = 480, 310
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 42
_numbers = itertools.count()


@dataclass(frozen=True)
class ChartLine:
    """A curve to draw: N points."""

    name: str
    x: Floats  # (N,)
    y: Floats  # (N,), NaN where there is a gap
    colour: int | None  # of the seven colours; None: thin and grey, behind the others
    dash: int = 0
    is_faint: bool = False  # the recorded values behind a running mean
    is_failed: bool = False  # marked with a cross at its end
    band: tuple[Floats, Floats] | None = None  # the interval of a mean, both (N,)


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Stroke:
    """A path with the classes that say how it looks."""

    path: str
    classes: str


@dataclass(frozen=True)
class Chart:
    """A chart, ready for its template."""

    number: int  # different for each chart of a process, for the ids in the page
    title: str
    description: str
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    strokes: Sequence[Stroke]
    leaves: Sequence[str] = ()  # the names of the curves that leave the axis
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def make_chart(title: str, x_label: str, y_label: str, lines: Sequence[ChartLine], y_axis: AxisRule) -> Chart | None:
    """Return a chart of curves; None if there is nothing to draw."""
    finite = [line.x[line.y == line.y] for line in lines]
    ends = [float(x.max()) for x in finite if len(x)]
    if not ends:
        return None
    x = _Axis(AxisRule(0.0, max(ends) or 1.0, is_log=False), LEFT, WIDTH - RIGHT)
    y = _Axis(y_axis, HEIGHT - BOTTOM, TOP)
    ordered = sorted(lines, key=lambda line: (line.colour is not None, not line.is_faint))
    strokes = [stroke for line in ordered if line.colour is not None for stroke in _strokes(line, x, y)]
    others = "".join(_path(line, x, y) for line in ordered if line.colour is None)
    return Chart(
        number=next(_numbers),
        title=title,
        description=_summary(lines),
        x_label=x_label,
        y_label=y_label + (", logarithmic" if y_axis.is_log else ""),
        x_ticks=x.labels(last=WIDTH - RIGHT),
        y_ticks=y.labels("end"),
        strokes=[Stroke(others, "others"), *strokes] if others else strokes,
        leaves=y_axis.leaves,
    )


class _Axis:
    """Maps the values of one axis to places on paper."""

    def __init__(self, rule: AxisRule, start: float, end: float) -> None:
        low, high = rule.low, rule.high
        self._is_log = rule.is_log
        self._ticks = log_ticks(low, high) if rule.is_log else ticks(low, high)
        self._low = math.log10(low) if rule.is_log else low
        self.start = start
        self._scale = (end - start) / ((math.log10(high) if rule.is_log else high) - self._low)

    def at(self, values: Floats) -> Floats:
        """Return the places of values. What is far outside lies a little outside: SVG knows no larger numbers."""
        with np.errstate(divide="ignore", invalid="ignore"):
            along = np.log10(values) if self._is_log else values
            return np.clip(self.start + (along - self._low) * self._scale, -1000.0, 2000.0).round(1)

    def labels(self, anchor: str = "middle", last: float = math.inf) -> list[Tick]:
        """Return the ticks with their labels; a label near `last` ends there."""
        places = self.at(np.array(self._ticks, dtype=float)).tolist()
        pairs = zip(places, self._ticks, strict=True)
        return [Tick(at, tick_label(value), "end" if at > last - 8 else anchor) for at, value in pairs]


def _path(line: ChartLine, x: _Axis, y: _Axis) -> str:
    pieces: list[list[str]] = [[]]
    for across, up in zip(x.at(line.x).tolist(), y.at(line.y).tolist(), strict=True):
        if up == up:
            pieces[-1].append(f"{across:g} {up:g}")
        elif pieces[-1]:
            pieces.append([])
    return "".join(f"M{'L'.join(piece)}" if len(piece) > 1 else f"M{piece[0]}h.1" for piece in pieces if piece)


def _strokes(line: ChartLine, x: _Axis, y: _Axis) -> list[Stroke]:
    path = _path(line, x, y)
    if not path:
        return []
    colour = f"line c{line.colour}"
    if line.is_faint:
        return [Stroke(path, f"{colour} faint"), *_cross(line, path)]
    found = [Stroke(_band(line, x, y), f"band c{line.colour}")] if line.band is not None else []
    found.append(Stroke(path, f"{colour} k{line.dash}"))
    return found + _cross(line, path)


def _cross(line: ChartLine, path: str) -> list[Stroke]:
    """Return the cross at the end of a curve that failed."""
    if not line.is_failed:
        return []
    end = path.removesuffix("h.1").replace("M", "L").rpartition("L")[2]
    return [Stroke(f"M{end}m-4 -4l8 8m0 -8l-8 8", f"line c{line.colour}")]


def _band(line: ChartLine, x: _Axis, y: _Axis) -> str:
    """Return the outline of a band: along its upper edge and back along the lower one, without what is no number."""
    assert line.band is not None, "the caller asks for it first"
    known = (line.band[0] == line.band[0]) & (line.band[1] == line.band[1])
    across, low, high = x.at(line.x[known]), y.at(line.band[0][known]), y.at(line.band[1][known])
    low = np.where(low == low, low, y.start)  # on a logarithmic axis, what is not positive is at its lower end
    there, back = zip(across, high, strict=True), zip(across[::-1], low[::-1], strict=True)
    return "M" + "L".join(f"{at:g} {up:g}" for at, up in [*there, *back]) + "z" if known.any() else ""


def _summary(lines: Sequence[ChartLine]) -> str:
    """Return what a chart shows in a sentence, for readers who cannot see it."""
    named = [line for line in lines if line.colour is not None and not line.is_faint]
    ends = [
        f"{line.name} ends at {number(float(values[-1]))}" for line in named if len(values := line.y[line.y == line.y])
    ]
    others = sum(line.colour is None for line in lines)
    return "; ".join(ends[:20]) + (f"; and {others} others, thin and grey" if others else "")
