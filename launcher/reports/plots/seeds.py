"""Draws what belongs to a mean over seeds: its band, and the seeds that are drawn by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from launcher.reports.axes import AxisRule
from launcher.reports.plots.line import Line, has_cross


def draw_seeds(axes: Any, x: str, line: Line, colour: str, rule: AxisRule) -> None:
    """Draw band and seeds of a mean into the axes of a plot, behind its line."""
    if line.band is not None:
        low, high = (np.clip(end, rule.low * 1e-3, None) if rule.is_log else end for end in line.band)
        along = line.along(x, line.smooth_steps)
        axes.fill_between(along, low, high, color=colour, alpha=0.16, linewidth=0, zorder=2, label="_band")
    for seed in line.seeds:
        along = seed.along(x, seed.smooth_steps)
        axes.plot(along, seed.smooth, color=colour, alpha=0.45, linewidth=0.6, zorder=3, label="_seed")
        if has_cross(seed, rule) and (end := seed.end) is not None:
            place = seed.along(x, np.array([end[0]]))
            axes.plot(
                place, [end[1]], marker="x", color=colour, markersize=4, zorder=5, linestyle="none", label="_broken"
            )
