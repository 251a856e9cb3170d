"""The charts of the page: which points are drawn, and where the ticks are."""

from __future__ import annotations

import math

import pytest

from launcher.reports.html.charts import log_ticks, thin, ticks


def test_thinning_loses_no_extreme() -> None:
    values = [math.sin(place / 50) for place in range(10_000)]
    values[1234], values[7777], values[5000] = 99.0, -99.0, math.nan
    places = thin(values, 200)
    assert len(places) <= 202
    assert {0, 1234, 7777, 9_999} <= set(places)
    assert thin([math.nan] * 1000, 10)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.7, 12), (1e-12, 3e-12), (1e15, 2e15), (0.0, 136.0), (5.0, 5.0), (-1e99, 1e99)]
)
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 11
    margin = (high - low) * 1e-6
    assert all(low - margin <= value <= high + margin for value in found)
    assert all(1 <= value <= 1e6 for value in log_ticks(1.0, 1e6))
    assert len(log_ticks(1e-90, 1e90)) < 12
