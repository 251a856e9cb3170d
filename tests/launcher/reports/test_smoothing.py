"""The smooth line through a curve, which plots and page share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from launcher.reports.smoothing import drawable, running_mean, smooth
from launcher.store.curve import Curve


def test_a_straight_line_is_its_own_smooth_line() -> None:
    for num in (1, 2, 3, 20, 21, 100, 1000):
        line = np.arange(float(num))
        assert running_mean(line) == pytest.approx(line)


def test_a_short_curve_is_not_smoothed() -> None:
    values = [3.0, 1.0, 2.0] * 6
    assert running_mean(np.array(values)).tolist() == values


def test_noise_is_smoothed_up_to_the_end() -> None:
    """The line used to dive to the last value, whatever it was."""
    noise = np.random.default_rng(0).normal(size=(200, 400))
    ends = np.array([running_mean(values)[-1] for values in noise])
    assert np.std(ends) < 0.55
    assert abs(np.mean(ends)) < 0.1
    falling = 10 - np.arange(400) / 100 + noise / 10
    ends = np.array([running_mean(values)[-1] for values in falling])
    assert np.mean(ends) == pytest.approx(10 - 3.99, abs=0.02), "a fall is not seen half a window late"


def test_the_last_value_moves_the_end_by_less_than_itself() -> None:
    values = np.ones(300)
    values[-1] = 2.0
    assert running_mean(values)[-1] < 1.3


def test_the_line_begins_at_the_first_value_and_never_leaves_the_values_at_its_end() -> None:
    values = np.concatenate([np.linspace(10, 3, 30), np.full(270, 3.0)])
    assert running_mean(values)[0] == 10.0
    exploding = np.concatenate([np.full(290, 3.0), 3.0 ** np.arange(1, 11)])
    assert np.nanmax(running_mean(exploding)) <= exploding.max()


def test_what_is_not_finite_is_left_out() -> None:
    spiked = np.ones(100)
    spiked[50] = np.nan
    assert np.nanmax(np.abs(running_mean(spiked) - 1.0)) == 0.0
    assert running_mean(drawable([1.0, math.nan, 1.0, math.inf, 1.0] * 20)).tolist() == [1.0] * 100
    assert math.isnan(running_mean(np.array([math.nan]))[0])


def test_a_curve_that_broke_ends_at_its_last_number() -> None:
    broken = np.concatenate([np.arange(100.0), np.full(50, np.nan)])
    line = running_mean(broken)
    assert line[:100] == pytest.approx(broken[:100])
    assert np.isnan(line[100:]).all()


def test_a_mean_of_more_values_counts_more() -> None:
    values, counts = np.tile([1.0, 4.0], 100), np.tile([3.0, 1.0], 100)
    line = running_mean(values, counts)
    assert abs(line[50:150].mean() - 1.75) < 0.05
    assert abs(running_mean(values)[50:150].mean() - 2.5) < 0.05


def test_a_curve_is_smoothed_with_its_steps() -> None:
    steps, values = smooth(Curve([2, 4, 8], [1.0, math.nan, 3.0]))
    assert steps.tolist() == [2.0, 4.0, 8.0]
    assert values[[0, 2]].tolist() == [1.0, 3.0]


def test_what_the_axes_cannot_hold_is_a_gap() -> None:
    values = drawable([1, 1e99, 1e101, -(10**200), math.inf, math.nan, True])
    assert np.isnan(values).tolist() == [False, False, True, True, True, True, False]


def test_a_huge_value_far_away_changes_nothing() -> None:
    """A loss that exploded once, and one that falls by twenty orders of magnitude, used to be smoothed to 0."""
    exploded = np.ones(400)
    exploded[20] = 1e18
    assert running_mean(exploded)[40:] == pytest.approx(1.0)
    falling = 10.0 ** -np.linspace(0, 20, 400)
    line = running_mean(falling)
    assert np.all(np.abs(np.log10(line[:390]) - np.log10(falling[:390])) < 0.5)


def test_windows_are_means_of_what_lies_in_them() -> None:
    values = np.random.default_rng(1).normal(size=333)
    counts = np.random.default_rng(2).integers(0, 4, 333).astype(float)
    half = round(333 * 0.05 / 2)
    line = running_mean(values, counts)
    for at in (0, 1, half - 1, half, half + 1, 2 * half + 1, 100, 200, 333 - half - 1):
        reach = min(half, at)
        window = slice(at - reach, at + reach + 1)
        if counts[window].sum():
            assert line[at] == pytest.approx(np.average(values[window], weights=counts[window]))
