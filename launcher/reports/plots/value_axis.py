"""The axis of a metric in a plot, laid out by the rule that the page has too; and the marks of what leaves it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from launcher.reports.axes import AxisRule
from launcher.reports.plots.line import Line
from launcher.reports.plots.style import fitted, width_of
from launcher.store.metric import Metric

_MOST_NAMED = 3  # that leave the axis


@dataclass(frozen=True)
class ValueAxis:
    """A value axis: its rule, the label, and the places and labels of its ticks."""

    rule: AxisRule
    label: str
    ticks: tuple[float, ...]
    tick_labels: tuple[str, ...]

    @classmethod
    def of(cls, rule: AxisRule, metric: Metric, height: float) -> ValueAxis:
        """Return the axis of a metric; `height` in inches is the room for its label."""
        ticks = _ticks(rule)
        return cls(rule, _label(metric, height), tuple(ticks), tuple(_tick_labels(ticks)))

    def lay_out(self, axes: Axes) -> None:
        """Give the axes in a plot its limits, scale, ticks and label."""
        axes.set_yscale("log" if self.rule.is_log else "linear")
        axes.yaxis.set_minor_locator(ticker.NullLocator())
        axes.yaxis.set_major_locator(ticker.FixedLocator(self.ticks))
        axes.yaxis.set_major_formatter(ticker.FixedFormatter(self.tick_labels))
        axes.set_ylim(self.rule.low, self.rule.high)
        axes.set_ylabel(self.label)

    def share(self, value: float) -> float:
        """Return where a value lies on the axis: 0 at its lower end, 1 at its upper end, and there what is beyond."""
        low, high = self.rule.low, self.rule.high
        if self.rule.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        return min(1.0, max(0.0, (value - low) / (high - low)))


def _label(metric: Metric, height: float) -> str:
    """Return name and unit, on two lines where there is no room on one."""
    if width_of(metric.label, 9.0) <= height:
        return metric.label
    return "\n".join(fitted(part, height, 9.0) for part in (metric.name, metric.unit and f"({metric.unit})") if part)


def _ticks(rule: AxisRule) -> list[float]:
    decades = math.log10(rule.high / rule.low) if rule.is_log else 0.0
    if decades > 2:
        powers = range(math.ceil(math.log10(rule.low)), math.floor(math.log10(rule.high)) + 1)
        return [10.0**power for power in powers[:: max(1, -(-len(powers) // 7))]]
    if decades > 0.8:
        first = math.floor(math.log10(rule.low))
        found = [factor * 10.0**power for power in range(first, first + 4) for factor in (1, 2, 5)]
    else:
        found = [*ticker.MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(rule.low, rule.high)]
    return [float(tick) for tick in found if rule.low <= tick <= rule.high]


def _tick_labels(ticks: Sequence[float]) -> list[str]:
    """Return the labels of ticks: with the same number of decimals, or as `1e-5` if they are very small or large."""
    sizes = [abs(tick) for tick in ticks if tick]
    if sizes and min(sizes) >= 1e-4 and max(sizes) < 1e7:
        plain = [f"{tick:,.10f}".rstrip("0").rstrip(".") for tick in ticks]
        if max(sizes) >= 100 * min(sizes):
            return plain
        decimals = max(len(label.partition(".")[2]) for label in plain)
        return [f"{tick:,.{decimals}f}" for tick in ticks]
    return [f"{tick:.6g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e") for tick in ticks]


def mark_leaving(axes: Axes, rule: AxisRule, lines: Iterable[tuple[Line, str]], x: str) -> None:
    """Put a small triangle at the edge of the axis where a curve leaves it. `lines`: with the colour of each."""
    marks: dict[tuple[str, str], list[float]] = {}
    for line, colour in lines:
        for names, side in ((rule.above, "^"), (rule.below, "v")):
            if line.name in names and (step := _leaves_at(line, rule, side)) is not None:
                marks.setdefault((side, colour), []).append(float(line.along(x, np.array([step]))[0]))
    for (side, colour), found in marks.items():
        style: Any = {"marker": side, "color": colour, "linestyle": "none", "markersize": 4.5, "clip_on": False}
        place = 0.985 if side == "^" else 0.015
        axes.plot(found, [place] * len(found), transform=axes.get_xaxis_transform(), zorder=6, label="_leaves", **style)


def _leaves_at(line: Line, rule: AxisRule, side: str) -> float | None:
    places = np.flatnonzero(line.logged > rule.high if side == "^" else line.logged < rule.low)
    return float(line.steps[places[0]]) if len(places) else None


def leaving_text(rule: AxisRule, names: Mapping[str, str]) -> str:
    """Return which curves leave the axis: `▲ above the axis: bad, worse and 3 more`; empty if none does.

    `names`: how each curve is named in the plot.
    """
    parts = []
    for mark, side, leaving in (("▲", "above", rule.above), ("▼", "below", rule.below)):
        if leaving:
            shown = ", ".join(names.get(name, name) for name in leaving[:_MOST_NAMED])
            more = f" and {len(leaving) - _MOST_NAMED} more" if len(leaving) > _MOST_NAMED else ""
            parts.append(f"{mark} {side} the axis: {shown}{more}")
    return "     ".join(parts)
