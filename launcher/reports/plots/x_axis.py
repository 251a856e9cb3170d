"""What the panels of a plot are drawn over: steps, tokens, time, or the share of the training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from launcher.reports.plots.line import Line

X_LABELS = {"step": "step", "tokens": "training tokens", "time": "time", "share": "share of the training"}
PANEL_WIDTHS = {1: 5.0, 2: 3.8, 3: 3.3, 4: 3.0}  # inches, by the number of panels
_UNITS = ((86400.0 * 2, 86400.0, "days"), (7200.0, 3600.0, "hours"), (180.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def choose_x(wanted: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """Return those of `wanted` that every line knows, and at least `step`."""
    return [x for x in dict.fromkeys(wanted) if all(line.knows(x) for line in lines)] or ["step"]


def lay_out_x(axes: Axes, x: str, lines: Sequence[Line]) -> None:
    """Give the x axis its limits, ticks and label."""
    ends = [line.along(x, line.steps[[0, -1]]) for line in lines]
    low, high = float(np.min(ends)), float(np.max(ends))
    margin = 0.02 * (high - low) or (0.5 if x == "step" else 0.05 * abs(high) or 0.5)
    axes.set_xlim(low - margin, high + margin)
    label = X_LABELS[x]
    if x == "step":
        axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
        axes.xaxis.set_major_formatter(_short if high >= 1e5 else ticker.StrMethodFormatter("{x:,g}"))
    elif x == "tokens":
        axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(_short)
    elif x == "share":
        axes.xaxis.set_major_formatter(ticker.PercentFormatter(xmax=1.0, decimals=None if high > 0.02 else 1))
    else:
        size, unit = next((size, unit) for least, size, unit in _UNITS if high >= least)
        axes.xaxis.set_major_locator(_Scaled(size))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _place: f"{value / size:,g}"))
        label = f"{label} ({unit})"
    axes.set_xlabel(label)


class _Scaled(ticker.MaxNLocator):
    """Round ticks of a quantity that is shown in another unit."""

    def __init__(self, size: float) -> None:
        super().__init__(nbins=6, steps=[1, 2, 5, 10])
        self._size = size

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the places of the ticks between two values."""
        return [tick * self._size for tick in super().tick_values(vmin / self._size, vmax / self._size)]


_short = ticker.EngFormatter(sep="")
