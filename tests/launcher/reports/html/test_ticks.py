"""Where the ticks of an axis are, and what stands at them."""

from __future__ import annotations

import pytest

from launcher.reports.html.ticks import log_ticks, tick_label, ticks


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.7, 12), (1e-12, 3e-12), (1e15, 2e15), (0.0, 136.0), (5.0, 5.0), (-1e99, 1e99)]
)
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 11
    margin = (high - low) * 1e-6
    assert all(low - margin <= value <= high + margin for value in found)


def test_a_logarithmic_axis_has_few_ticks_at_any_length() -> None:
    assert all(1 <= value <= 1e6 for value in log_ticks(1.0, 1e6))
    assert len(log_ticks(1e-90, 1e90)) < 12
    assert log_ticks(1.5, 25.0) == [2.0, 5.0, 10.0, 20.0]


def test_labels_are_short() -> None:
    labels = [tick_label(value) for value in (0.0, 0.5, 20.0, 50_000.0, 1.2e6, 1e-5, 3e20)]
    assert labels == ["0", "0.5", "20", "50k", "1.2M", "1e-05", "3e+20"]
