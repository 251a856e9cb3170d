"""The running mean, which plots and page share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from launcher.reports.smoothing import drawable, running_mean


def test_the_running_mean_keeps_ends_and_passes_over_what_is_not_finite() -> None:
    line = np.arange(100.0)
    assert running_mean(line) == pytest.approx(line), "a straight line is its own running mean, ends included"
    assert running_mean(np.array([1.0])).tolist() == [1.0]
    assert running_mean(drawable([1.0, math.nan, 1.0, math.inf, 1.0])).tolist() == [1.0] * 5
    assert math.isnan(running_mean(np.array([math.nan]))[0])
    spiked = np.ones(100)
    spiked[50] = np.nan
    assert np.nanmax(np.abs(running_mean(spiked) - 1.0)) == 0.0


def test_what_the_axes_cannot_hold_is_a_gap() -> None:
    values = drawable([1, 1e99, 1e101, -(10**200), math.inf, math.nan, True])
    assert np.isnan(values).tolist() == [False, False, True, True, True, True, False]
