"""The mean of the curves of a configuration's seeds, and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from launcher.reports.mean_curve import mean_curve
from launcher.reports.smoothing import Floats


def curve(values: list[float], first: int = 1, stride: int = 1) -> tuple[Floats, Floats]:
    return np.arange(first, first + stride * len(values), stride, dtype=float), np.array(values)


def test_the_mean_is_that_of_all_seeds_at_each_step() -> None:
    found = mean_curve([curve([1.0, 2.0, 3.0]), curve([3.0, 2.0, 1.0])])
    assert found is not None
    assert found.mean.tolist() == [2.0, 2.0, 2.0]
    assert (found.low, found.num_seeds, found.is_cut) == (None, 2, False)


def test_from_five_seeds_on_the_interval_is_students() -> None:
    """Of 1 … 5: mean 3, sd 1.5811, t(0.975, 4) = 2.7764, so half of it is 1.9632."""
    found = mean_curve([curve([float(seed)] * 3) for seed in range(1, 6)])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low.tolist() == pytest.approx([3 - 1.963243] * 3, abs=1e-6)
    assert found.high.tolist() == pytest.approx([3 + 1.963243] * 3, abs=1e-6)


def test_a_mean_ends_where_the_shortest_curve_ends_and_says_so() -> None:
    found = mean_curve([curve([1.0, 1.0, 1.0, 1.0]), curve([3.0, 3.0])])
    assert found is not None
    assert found.steps.tolist() == [1.0, 2.0]
    assert found.is_cut


def test_curves_with_other_steps_are_interpolated() -> None:
    found = mean_curve([curve([0.0, 10.0, 20.0], 0, 10), curve([float(step) for step in range(21)], 0)])
    assert found is not None
    assert found.steps.tolist() == [0.0, 10.0, 20.0]
    assert found.mean.tolist() == [0.0, 10.0, 20.0]
    other = mean_curve([curve([float(step) for step in range(21)], 0), curve([0.0, 10.0, 20.0], 0, 10)])
    assert other is not None
    assert other.mean.tolist() == pytest.approx(list(range(21)))


def test_a_value_that_is_no_number_is_a_gap_and_never_left_out_of_the_mean() -> None:
    found = mean_curve([curve([1.0, math.nan, 1.0]), curve([3.0, 3.0, 3.0])])
    assert found is not None
    assert np.isnan(found.mean).tolist() == [False, True, False]


def test_without_a_common_step_there_is_no_mean() -> None:
    assert mean_curve([]) is None
    assert mean_curve([curve([1.0]), curve([math.nan])]) is None
    assert mean_curve([curve([1.0, 2.0], 1), curve([1.0, 2.0], 50)]) is None
