"""The ticks of a value axis, and what is said of the curves that leave it."""

from __future__ import annotations

import pytest

from launcher.reports.axes import AxisRule
from launcher.reports.plots.value_axis import ValueAxis, leaving_text
from launcher.store.metric import Metric


@pytest.mark.parametrize(
    ("low", "high", "is_log", "labels"),
    [
        (2.7, 10.4, False, ["4", "6", "8", "10"]),
        (4.85, 5.22, False, ["4.9", "5.0", "5.1", "5.2"]),
        (-0.02, 0.95, False, ["0.0", "0.2", "0.4", "0.6", "0.8"]),
        (1e-9, 4e-9, False, ["1e-9", "1.5e-9", "2e-9", "2.5e-9", "3e-9", "3.5e-9", "4e-9"]),
        (0.0003, 0.12, True, ["0.001", "0.01", "0.1"]),
        (15, 700, True, ["20", "50", "100", "200", "500"]),
        (2.9, 3.3, True, ["2.90", "2.95", "3.00", "3.05", "3.10", "3.15", "3.20", "3.25", "3.30"]),
        (1_000_001, 1_000_003, False, ["1,000,001.0", "1,000,001.5", "1,000,002.0", "1,000,002.5", "1,000,003.0"]),
    ],
)
def test_ticks_are_round_and_told_apart(low: float, high: float, is_log: bool, labels: list[str]) -> None:
    axis = ValueAxis.of(AxisRule(low, high, is_log), Metric("loss"), 3.0)
    assert 2 <= len(axis.ticks) <= 9
    assert len(set(axis.tick_labels)) == len(axis.ticks)
    if not (is_log and high < 2 * low):
        assert list(axis.tick_labels) == labels


def test_a_share_of_the_axis_is_within_it() -> None:
    linear, log = (ValueAxis.of(AxisRule(1.0, 100.0, is_log), Metric("m"), 3.0) for is_log in (False, True))
    assert [linear.share(value) for value in (1.0, 50.5, 100.0, 1e9, -5.0)] == [0.0, 0.5, 1.0, 1.0, 0.0]
    assert [log.share(value) for value in (1.0, 10.0, 1e9, 0.0, -5.0)] == [0.0, 0.5, 1.0, 0.0, 0.0]


def test_what_leaves_is_named_and_counted() -> None:
    rule = AxisRule(0.0, 1.0, False, above=("a", "b", "c", "d", "e"), below=("x",))
    assert leaving_text(rule, {"a": "short"}) == "▲ above the axis: short, b, c and 2 more     ▼ below the axis: x"
    assert leaving_text(AxisRule(0.0, 1.0, False), {}) == ""
