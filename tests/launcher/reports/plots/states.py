"""Experiments to draw, and what a drawn figure says of its texts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from launcher.reports.plots.line import Line
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState
from launcher.store.step_scale import StepScale


def state(
    name: str = "a",
    index: int = 0,
    values: Sequence[float] = (3.0, 1.0, 2.0),
    *,
    has_tokens: bool = True,
    ending: EndingKind = EndingKind.DONE,
    config: Mapping[str, Any] | None = None,
    is_maximized: bool = False,
) -> ExperimentState:
    """Return an experiment with a value at each of the steps 1, 2, …, 100 tokens and half a second a step."""
    steps = tuple(range(1, len(values) + 1))
    return ExperimentState(
        name=name,
        index=index,
        config=config or {},
        state=ending,
        ending=ending,
        last_step=len(values),
        tokens=StepScale(steps, [100.0 * step for step in steps]) if has_tokens else None,
        at_s=StepScale(steps, [0.5 * step for step in steps]),
        curves={"loss": Curve(steps, tuple(values), is_maximized)},
    )


def line(name: str = "a", index: int = 0, values: Sequence[float] = (3.0, 1.0, 2.0), **rest: Any) -> Line:
    """Return the line of such an experiment."""
    experiment = state(name, index, values, **rest)
    return Line.of(experiment, experiment.curves["loss"])


def falling(end: float = 3.0, num: int = 60, seed: int = 0) -> list[float]:
    """Return a curve that falls from 10 to `end` with some noise."""
    noise = np.random.default_rng(seed).normal(0, 0.05, num)
    return [end + (10 - end) * math.exp(-step / (num / 8)) + noise[step] for step in range(num)]


def sweep(num: int, *, name: str = "lr={lr:.2e}.width={width}.seed={seed}") -> list[Line]:
    """Return the lines of a grid: the smaller `lr`, the better; its first experiment is named baseline."""
    lines = []
    for place in range(num):
        config = {"lr": 10.0 ** (-4 + 3 * place / num), "width": 256, "seed": place}
        names = name.format(**config) if place else "baseline"
        lines.append(line(names, place, falling(2 + 3 * place / num, seed=place), config=config))
    return lines


def extents(figure: Figure) -> dict[str, Bbox]:
    """Draw a figure and return where each of its own texts lies, in shares of the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer: Any = canvas.get_renderer()  # type: ignore[no-untyped-call]
    shown = [found for found in figure.texts if found.get_text()]
    inverse = figure.transFigure.inverted()
    return {found.get_text(): found.get_window_extent(renderer).transformed(inverse) for found in shown}


def assert_readable(figure: Figure) -> None:
    """Assert that no text is cut, lies over the axes or over another text."""
    found = extents(figure)
    panels = [axes.get_position() for axes in figure.axes if axes.get_visible()]
    for words, box in found.items():
        assert box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1, f"cut: {words}"  # noqa: PT018
        for panel in panels:
            assert not _overlap(box, panel), f"over the curves: {words}"
    for (one, box), (other, other_box) in itertools.combinations(found.items(), 2):
        assert not _overlap(box, other_box), f"{one} over {other}"
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    ticks = [
        label.get_window_extent(renderer)
        for axes in figure.axes
        if axes.get_visible()
        for axis, low, high in ((axes.xaxis, *axes.get_xlim()), (axes.yaxis, *axes.get_ylim()))
        for label, place in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=False)
        if label.get_text() and low <= place <= high and axes.yaxis.get_tick_params().get("labelleft", True)
    ]
    for one_tick, other_tick in itertools.combinations(ticks, 2):
        assert not one_tick.overlaps(other_tick), "labels of ticks lie over each other"
    for axes in figure.axes:
        if axes.get_visible():
            tight = axes.get_tightbbox(renderer)
            assert tight is not None
            box = tight.transformed(figure.transFigure.inverted())
            assert box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1, "a label of an axis is cut"  # noqa: PT018


def _overlap(one: Bbox, other: Bbox) -> bool:
    """Return whether two boxes overlap by more than a thousandth of the figure."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > 1e-3 and height > 1e-3
