"""Fewer points for the same curve: pages and plots have a budget of points, whatever the number of steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from launcher.reports.smoothing import Floats

Places = np.ndarray[Any, np.dtype[np.int64]]


def thin(values: Floats, limit: int) -> Places:
    """Return about `limit` places of a curve at most, in order: both ends, and lowest and highest of each stretch.

    So no spike is lost. Gaps (NaN) are neither lowest nor highest.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    width = -(-count // max(1, (limit - 2) // 2))
    rows = -(-count // width)
    padded = np.full(rows * width, np.nan)
    padded[:count] = values
    is_gap = np.isnan(padded)
    starts = np.arange(rows) * width
    low = starts + np.where(is_gap, np.inf, padded).reshape(rows, width).argmin(axis=1)
    high = starts + np.where(is_gap, -np.inf, padded).reshape(rows, width).argmax(axis=1)
    return np.unique(np.concatenate([[0, count - 1], low, high]))


def join_stretches(means: Floats, counts: Floats, limit: int) -> tuple[Places, Floats, Floats]:
    """Join neighbouring stretches of a curve, so that about `limit` are left.

    Return, of each, the place where it is drawn, the mean of its values, and their number. A stretch is drawn at its
    middle, the first one at the beginning of the curve, and the last one at its end. A stretch without a finite value
    has the mean NaN and the number 0.
    """
    width = -(-len(means) // max(1, limit))
    starts = np.arange(0, len(means), width)
    sums = np.add.reduceat(np.where(counts > 0, means, 0.0) * counts, starts)
    numbers = np.add.reduceat(counts, starts)
    with np.errstate(invalid="ignore"):
        joined: Floats = sums / numbers
    places = (starts + np.append(starts[1:], len(means)) - 1) // 2
    places[0], places[-1] = 0, len(means) - 1
    return places, joined, numbers
