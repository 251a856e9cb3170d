"""The running mean of a curve, the same in every plot and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

LARGEST = 1e100  # a value beyond it is drawn as a gap, as NaN is: the arithmetic of the axes ends somewhere
WINDOW_SHARE = 0.05  # of the steps of a curve

Floats = np.ndarray[Any, np.dtype[np.float64]]


def drawable(values: Sequence[float]) -> Floats:
    """Return the values of a curve as an array of shape (N,): NaN where a value cannot be drawn."""
    found = np.array(values, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(found) < LARGEST, found, np.nan)


def running_mean(values: Floats) -> Floats:
    """Return the centred mean over 5 % of the curve, shape (N,); NaN are left out.

    The window gets narrower towards the ends and stays symmetric. So a straight line is its own running mean.
    """
    half = max(1, round(len(values) * WINDOW_SHARE / 2))
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    at = np.arange(len(values))
    reach = np.minimum(half, np.minimum(at, len(values) - 1 - at))
    low, high = at - reach, at + reach + 1
    with np.errstate(invalid="ignore"):
        mean: Floats = (sums[high] - sums[low]) / (counts[high] - counts[low])
    return mean
