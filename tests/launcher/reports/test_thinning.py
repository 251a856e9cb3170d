"""Fewer points for the same curve."""

from __future__ import annotations

import numpy as np

from launcher.reports.thinning import join_stretches, thin


def test_thinning_loses_no_extreme() -> None:
    values = np.sin(np.arange(10_000) / 50)
    values[1234], values[7777], values[5000] = 99.0, -99.0, np.nan
    places = thin(values, 200).tolist()
    assert len(places) <= 202
    assert {0, 1234, 7777, 9_999} <= set(places)
    assert places == sorted(places)


def test_a_short_curve_stays_whole_and_a_wholly_nan_curve_stays_short() -> None:
    assert thin(np.arange(5.0), 5).tolist() == [0, 1, 2, 3, 4]
    assert 1 <= len(thin(np.full(1000, np.nan), 10)) <= 14


def test_joined_stretches_keep_the_mean_of_the_whole() -> None:
    means, counts = np.array([1.0, np.nan, 3.0, 5.0, 7.0]), np.array([2.0, 0.0, 2.0, 2.0, 1.0])
    places, joined, numbers = join_stretches(means, counts, 3)
    assert places.tolist() == [0, 2, 4]
    assert joined.tolist() == [1.0, 4.0, 7.0]
    assert numbers.tolist() == [2.0, 4.0, 1.0]
