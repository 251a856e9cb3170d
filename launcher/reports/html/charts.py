"""Charts as inline SVG: curves on linear or logarithmic axes. Only geometry and text; colours are classes of `theme`.

Curves are thinned to the lowest and highest value of each stretch, so that no spike is lost. `currentColor` and classes
let one drawing serve a light page, a dark page and paper. All text that comes from outside is escaped here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from launcher.reports.smoothing import LARGEST
from launcher.text import number, printable

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 12, 42
_LOG_RATIO = 100  # positive values that span more than this are drawn on a logarithmic axis
_ids = itertools.count()


@dataclass(frozen=True)
class ChartLine:
    """A curve to draw: N points."""

    name: str
    index: int  # of the experiment: gives colour and dash
    x: Sequence[float]
    y: Sequence[float]  # NaN, infinities and what is beyond LARGEST are gaps
    is_faint: bool = False  # the raw values behind a running mean
    is_failed: bool = False  # marked with a cross at its end


def thin(values: Sequence[float], limit: int) -> list[int]:
    """Return about `limit` places of a curve at most, in order: both ends, and lowest and highest of each stretch."""
    count = len(values)
    if count <= limit:
        return list(range(count))
    stretches = max(1, (limit - 2) // 2)
    bounds = [count * number // stretches for number in range(stretches + 1)]
    if all(-LARGEST < value < LARGEST for value in values):
        low = high = values
    else:  # NaN too goes to the else branch: a comparison with NaN is False
        low = [value if -LARGEST < value < LARGEST else math.inf for value in values]
        high = [value if -LARGEST < value < LARGEST else -math.inf for value in values]
    kept = {0, count - 1}
    for start, end in itertools.pairwise(bounds):
        stretch = range(start, end)
        kept.add(min(stretch, key=low.__getitem__))
        kept.add(max(stretch, key=high.__getitem__))
    return sorted(kept)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers that divide an interval into about `count` parts: 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    if not rough > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten within an interval: every second or third of many, and 2 and 5 times each of few."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        found = [factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)]
        return [value for value in found if low * 0.999 <= value <= high * 1.001]
    return [10.0**power for power in range(first, last + 1, max(1, (last - first + 5) // 6))]


def tick_label(value: float) -> str:
    """Return the label of a tick, such as `0.5`, `20`, `50k`, `1.2M` or `1e-05`."""
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9999:
            return f"{value / size:.4g}{unit}"
    return "0" if value == 0 else f"{value:.4g}"


class Axis:
    """Maps the values of one axis to places on paper."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, is_log: bool, from_zero: bool) -> None:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if from_zero and not is_log:
            low = min(low, 0.0)
        if low == high:
            margin = abs(low) * 0.1 or 1.0
            low, high = (low / 1.1, high * 1.1) if is_log else (low - (0 if from_zero else margin), high + margin)
        self.is_log = is_log
        self.ticks = log_ticks(low, high) if is_log else ticks(low, high)
        self._low = math.log10(low) if is_log else low
        span = (math.log10(high) if is_log else high) - self._low
        self._start = start
        self._scale = (end - start) / span

    def at(self, value: float) -> float:
        """Return the place of a value."""
        return self._start + ((math.log10(value) if self.is_log else value) - self._low) * self._scale


def curves(
    title: str, description: str, lines: Sequence[ChartLine], x_label: str, y_label: str, *, from_zero: bool = False
) -> str:
    """Return a chart of curves as an SVG element; empty if there is nothing finite to draw."""
    drawable = [value for line in lines for value in line.y if abs(value) < LARGEST]
    if not drawable:
        return ""
    is_log = not from_zero and min(drawable) > 0 and max(drawable) / min(drawable) > _LOG_RATIO
    across = [value for line in lines for value in line.x]
    x = Axis(across, LEFT, WIDTH - RIGHT, is_log=False, from_zero=True)
    y = Axis(drawable, HEIGHT - BOTTOM, TOP, is_log=is_log, from_zero=from_zero)
    y_label += ", logarithmic" if is_log else ""
    body = "".join([_grid(x, y), _labels(x_label, y_label), *(_line(line, x, y) for line in lines)])
    return svg(title, description, WIDTH, HEIGHT, body)


def svg(title: str, description: str, width: float, height: float, body: str) -> str:
    """Return an SVG element with a title and a description for readers who cannot see it."""
    place = next(_ids)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="t{place} d{place}">'
        f'<title id="t{place}">{escaped(title)}</title><desc id="d{place}">{escaped(description)}</desc>{body}</svg>\n'
    )


def escaped(value: object) -> str:
    """Return text of any origin for HTML or SVG: escaped, and without characters that HTML and SVG forbid."""
    return escape(printable(str(value), None))


def _grid(x: Axis, y: Axis) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    found = [f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>']
    for value in y.ticks:
        at = y.at(value)
        found.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>')
        found.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick_label(value)}</text>')
    for value in x.ticks:
        at = x.at(value)
        found.append(f'<path class="grid" d="M{at:.1f} {TOP}V{bottom}"/>')
        anchor = "end" if at > right - 8 else "middle"
        found.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="{anchor}">{tick_label(value)}</text>')
    return "".join(found)


def _labels(x_label: str, y_label: str) -> str:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return (
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escaped(x_label)}</text>'
        f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{escaped(y_label)}</text>'
    )


def _line(line: ChartLine, x: Axis, y: Axis) -> str:
    pieces: list[list[str]] = [[]]
    last = ""
    x_at, y_at = x.at, y.at
    for across, up in zip(line.x, line.y, strict=True):
        if -LARGEST < up < LARGEST:
            last = f"{x_at(across):.1f} {y_at(up):.1f}"
            pieces[-1].append(last)
        elif pieces[-1]:
            pieces.append([])  # a gap
    path = "".join(f"M{'L'.join(piece)}" if len(piece) > 1 else f"M{piece[0]}h.1" for piece in pieces if piece)
    if not path:
        return ""
    faint = " faint" if line.is_faint else f" k{line.index % 5}"
    shown = f'<path class="line c{line.index % 7}{faint}" data-e="{line.index}" d="{path}"/>'
    if line.is_failed and not line.is_faint:
        at_x, at_y = last.split(" ")
        cross = f"M{at_x} {at_y}m-4 -4l8 8m0 -8l-8 8"
        shown += f'<path class="line c{line.index % 7}" data-e="{line.index}" d="{cross}"/>'
    return shown


def swatch(index: int) -> str:
    """Return the sample of a line for a legend."""
    return (
        f'<svg class="swatch" viewBox="0 0 34 10" aria-hidden="true"><path class="line c{index % 7} k{index % 5}" '
        'd="M1 5H33"/></svg>'
    )


def summary_of(lines: Sequence[ChartLine]) -> str:
    """Return what a chart shows in a sentence, for readers who cannot see it."""
    last = [
        f"{line.name} ends at {number(values[-1])}"
        for line in lines
        if not line.is_faint and (values := [value for value in line.y if abs(value) < LARGEST])
    ]
    return "; ".join(last[:20]) + (f"; and {len(last) - 20} more" if len(last) > 20 else "")
