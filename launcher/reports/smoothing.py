"""Smooth lines through curves, the same in every plot and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from launcher.store.curve import Curve

LARGEST = 1e100  # a value beyond it is drawn as a gap, as NaN is: the arithmetic of the axes ends somewhere
WINDOW_SHARE = 0.05  # of a curve
NOT_SMOOTHED = 20  # values of a curve that is drawn as it is: its window would be a single value

Floats = np.ndarray[Any, np.dtype[np.float64]]


def drawable(values: Sequence[float] | Floats) -> Floats:
    """Return the values of a curve as an array of shape (N,): NaN where a value cannot be drawn."""
    found = np.array(values, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(found) < LARGEST, found, np.nan)


def smooth(curve: Curve) -> tuple[Floats, Floats]:
    """Return the steps and values of the smooth line through a curve, both of shape (N,): one for each stretch.

    Each value is the mean of the 5 % of the curve around it, over all values that were logged. A curve of up to 20
    values is returned as it is.

    At the beginning the window gets narrower and stays symmetric: the line begins at the first value, because a fall
    there is real. At the end it does not: the last value is as noisy as any other. The last 2.5 % of the line are
    straight, fitted to the last 5 % of the curve by least squares. The end of a curve is its last value that is a
    number. So a straight line is its own smooth line, and noise is smoothed up to the end.
    """
    stretches = curve.stretches
    counts = np.array(stretches.counts, dtype=float)
    return np.array(stretches.steps, dtype=float), running_mean(drawable(stretches.means), counts)


def running_mean(values: Floats, counts: Floats | None = None) -> Floats:
    """Return the line that `smooth` describes, shape (N,), for values that are means of `counts` values each.

    NaN are left out; a value is NaN where its window has nothing else, and after the last number.
    """
    number = np.isfinite(values)
    weights = np.where(number, 1.0 if counts is None else counts, 0.0)
    length = int(np.flatnonzero(number)[-1]) + 1 if number.any() else 0
    half = round(length * WINDOW_SHARE / 2)
    if half == 0:
        return values.copy()
    mean: Floats = np.full(len(values), np.nan)
    weighted = np.where(number, values, 0.0) * weights
    with np.errstate(invalid="ignore", divide="ignore"):
        mean[: length - half] = _window_sums(weighted[:length], half) / _window_sums(weights[:length], half)
    mean[length - half : length] = _straight_end(values[:length], weights[:length], half)
    return mean


def _window_sums(items: Floats, half: int) -> Floats:
    """Return the sums of the windows around all items but the last `half`.

    Nothing is subtracted: a difference of two sums from the beginning would be 0 behind a value that is 1e16 times as
    large. A window of 2 * half + 1 items is the end of a block of so many items and the beginning of the next, and the
    sums within blocks are known (van Herk 1992, "A fast algorithm for local minimum and maximum filters").
    """
    width = 2 * half + 1
    blocks = np.zeros((-(-len(items) // width), width))
    blocks.flat[: len(items)] = items
    before = np.cumsum(blocks, axis=1).ravel()  # (N,) from the beginning of the block
    after = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1].ravel()  # (N,) up to its end
    at = np.arange(len(items) - half)
    low, high = np.maximum(at - half, 0), np.minimum(at + half, 2 * at)
    found: Floats = before[high] + np.where(low % width == 0, 0.0, after[low])
    return found


def _straight_end(values: Floats, weights: Floats, half: int) -> Floats:
    """Return the last `half` values of the line fitted to the last `2 * half + 1`; it stays within these values."""
    width = 2 * half + 1
    x = np.arange(-half, half + 1.0)
    last, share = values[-width:], weights[-width:] / weights[-width:].sum()
    known = share > 0
    last, x_known, share = last[known], x[known], share[known]
    centre, level = share @ x_known, share @ last
    variance = share @ (x_known - centre) ** 2
    slope = share @ ((x_known - centre) * (last - level)) / variance if variance else 0.0
    line: Floats = np.clip(level + slope * (x[-half:] - centre), last.min(), last.max())
    return line
