"""The picture of a grid with one axis: the level at the end against the value, with its interval over the seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from launcher.reports.analysis import ConfigurationResult
from launcher.reports.analysis.parameters import Parameter
from launcher.reports.by_axis.results import LEAST_FOR_INTERVAL, AxisResults, has_only_failed, key_of_result
from launcher.reports.by_axis.scale import LevelScale, ParameterScale
from launcher.reports.by_axis.sketch import Dots, Point, Shape, Sketch, Strokes, Text, fitted, width_of
from launcher.reports.plots.choice import CROSS
from launcher.text import listed, number

_WIDTH, _HEIGHT, _TOP, _BOTTOM, _RIGHT = 560.0, 320.0, 18.0, 48.0, 20.0
_ROW = 22.0  # of a category
_LONGEST = 170.0  # the room of a category's label, at most
_CAP = 4.0


@dataclass(frozen=True)
class _Axes:
    """Where levels lie: upwards over numbers, or from left to right beside categories."""

    levels: LevelScale
    left: float
    bottom: float
    is_upright: bool
    right: float = _WIDTH - _RIGHT
    top: float = _TOP

    def point(self, along: float, share: float) -> Point:
        """Return a place: `along` the values, and a share of the axis of levels."""
        if self.is_upright:
            return along, self.bottom - share * (self.bottom - self.top)
        return self.left + share * (self.right - self.left), along

    def level(self, along: float, level: float) -> Point:
        """Return the place of a level."""
        return self.point(along, self.levels.place(level))

    def cap(self, along: float, level: float) -> list[Point]:
        """Return the short line across the end of an interval."""
        x, y = self.level(along, level)
        return [(x - _CAP, y), (x + _CAP, y)] if self.is_upright else [(x, y - _CAP), (x, y + _CAP)]


def one_axis(results: AxisResults, parameter: Parameter) -> Sketch | None:
    """Return the picture; None if no configuration has a level."""
    if results.rule is None:
        return None
    scale, levels = ParameterScale.of(parameter), LevelScale(results.rule)
    title = f"{results.metric.name} at the end by {parameter.name}"
    if scale.is_numeric:
        left = 42 + max((width_of(label) for _, label in levels.ticks), default=0.0)
        axes = _Axes(levels, left, _HEIGHT - _BOTTOM, is_upright=True)
        sketch = Sketch(title, _WIDTH, _HEIGHT)
        along = _lay_out_numbers(sketch, axes, scale)
    else:
        left = 14 + min(_LONGEST, max(map(width_of, scale.labels.values())))
        axes = _Axes(levels, left, _TOP + _ROW * len(scale.labels) + 6, is_upright=False)
        sketch = Sketch(title, _WIDTH, axes.bottom + _BOTTOM)
        along = _lay_out_categories(sketch, axes, scale)
    _name_axes(sketch, axes, parameter.name, results.metric.label)
    _draw_levels(sketch, axes, results, parameter, along)
    sketch.notes = _notes(results, scale)
    known = [each for each in results.judgement.results if each.mean is not None]
    sketch.description = "; ".join(f"{each.name} {number(each.mean.value)}" for each in known[:20] if each.mean)
    return sketch


def _lay_out_numbers(sketch: Sketch, axes: _Axes, scale: ParameterScale) -> dict[str, float]:
    """Draw the ticks of both axes. Return how far along each value lies."""
    begin, room = axes.left + 14, axes.right - axes.left - 28
    for share, label in axes.levels.ticks:
        _, y = axes.point(0.0, share)
        sketch.add(Strokes([[(axes.left, y), (axes.right, y)]], "grid"), Text(axes.left - 6, y, label, "end"))
    for place, label in scale.ticks(room, 10 + max(map(width_of, scale.labels.values()))):
        x = begin + place * room
        sketch.add(Strokes([[(x, axes.bottom), (x, axes.bottom + 4)]], "axis"))
        sketch.add(Text(x, axes.bottom + 14, label, "middle"))
    return {key: begin + place * room for key, place in scale.places.items()}


def _lay_out_categories(sketch: Sketch, axes: _Axes, scale: ParameterScale) -> dict[str, float]:
    """Draw the ticks of the levels, and a row for each category: its label may be long."""
    end = 0.0
    for share, label in axes.levels.ticks:
        x, _ = axes.point(0.0, share)
        sketch.add(Strokes([[(x, axes.top), (x, axes.bottom)]], "grid"))
        if x - width_of(label) / 2 > end:
            sketch.add(Text(x, axes.bottom + 14, label, "middle"))
            end = x + width_of(label) / 2 + 6
    along = {key: axes.top + _ROW * (row + 0.5) + 3 for row, key in enumerate(scale.labels)}
    for key, label in scale.labels.items():
        sketch.add(Text(axes.left - 8, along[key], fitted(label, _LONGEST), "end"))
    return along


def _name_axes(sketch: Sketch, axes: _Axes, parameter: str, metric: str) -> None:
    sketch.add(Strokes([[(axes.left, axes.top), (axes.left, axes.bottom), (axes.right, axes.bottom)]], "axis"))
    across, room = (axes.left + axes.right) / 2, axes.right - axes.left
    below = parameter if axes.is_upright else metric
    sketch.add(Text(across, sketch.height - 10, fitted(below, room), "middle"))
    if axes.is_upright:
        height = axes.bottom - axes.top
        sketch.add(Text(12, axes.top + height / 2, fitted(metric, height), "middle", is_upright=True))


def _draw_levels(
    sketch: Sketch, axes: _Axes, results: AxisResults, parameter: Parameter, along: dict[str, float]
) -> None:
    base = results.judgement.reference
    line: list[Point] = []
    shapes: list[Shape] = []
    by_key = {key_of_result(parameter, each): each for each in results.judgement.results}
    for key, at in along.items():
        each = by_key.get(key)
        if each is None:
            continue
        if each.mean is not None:
            line.append(axes.level(at, each.mean.value))
            shapes += _level(each, axes, at, "c0" if base is not None and each.name == base.name else "c1")
        if each.diverged:
            x, y = axes.point(at, 0.0 if each.is_maximized else 1.0)
            beyond = -9.0 if each.is_maximized else 9.0
            place = (x, y - beyond) if axes.is_upright else (x + beyond, y)
            shapes.append(Dots([place], "bad", 3.5, is_cross=True))
    if axes.is_upright:
        sketch.add(Strokes([line], "c1", 1.2, 0.5))
    sketch.add(*shapes)


def _level(result: ConfigurationResult, axes: _Axes, along: float, role: str) -> Iterator[Shape]:
    """Yield the level of a configuration: its mean, and the interval or, of few seeds, each seed."""
    mean = result.mean
    assert mean is not None, "the caller asks for it first"
    if mean.interval is not None and mean.num >= LEAST_FOR_INTERVAL:
        low, high = mean.interval
        yield Strokes([[axes.level(along, low), axes.level(along, high)], axes.cap(along, low), axes.cap(along, high)],
                      role, 1.4)  # fmt: skip
    if mean.num > 1:
        yield Dots([axes.level(along, level) for level in result.levels.values()], role, 2.0, 0.55)
    yield Dots([axes.level(along, mean.value)], role, 4.0)


def _notes(results: AxisResults, scale: ParameterScale) -> list[str]:
    found = []
    if results.has_seeds:
        found.append(
            "Large: the mean over seeds. Small: each seed. Line: the 95 % interval of the mean, from three seeds on."
        )
    base = results.judgement.reference
    if base is not None:
        found.append(f"In the colour of the text: the reference, {base.name}.")
    if scale.is_log:
        found.append("The values are on a log scale.")
    incomplete = [f"{each.name} ({each.seeds_text})" for each in results.judgement.results if each.mark and each.mean]
    if results.has_seeds and incomplete:
        found.append(f"Seeds are missing: {listed(incomplete, 4)}.")
    diverged = [each.name for each in results.judgement.results if each.diverged]
    if diverged:
        found.append(f"{CROSS} diverged: {listed(diverged, 4)}.")
    failed = [each.name for each in results.judgement.results if has_only_failed(each)]
    if failed:
        found.append(f"Without a result, as it failed: {listed(failed, 4)}.")
    return found
