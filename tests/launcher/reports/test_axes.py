"""The axis of a metric: what it shows, what leaves it, and when it is logarithmic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from launcher.reports.axes import AxisRule, axis_rule
from launcher.store.metric import Metric

LOSS = Metric("loss")
ACCURACY = Metric("accuracy", is_maximized=True)


def falling(begin: float = 10.0, end: float = 3.0, num: int = 300) -> list[float]:
    """Return a curve that falls fast and then slowly, as a loss does."""
    return [end + (begin - end) * math.exp(-step / (num / 10)) for step in range(num)]


def rule(values: dict[str, list[float]], metric: Metric = LOSS) -> AxisRule:
    found = axis_rule(values, metric)
    assert found is not None
    return found


def test_all_values_are_within_and_the_axis_ends_soon_after_them() -> None:
    found = rule({"a": falling(), "b": falling(end=2.5)})
    assert not found.is_log
    assert found.leaves == ()
    assert 2.0 < found.low < 2.5
    assert 10.0 < found.high < 10.5


@pytest.mark.parametrize("diverged", [300.0, 1e6, 1e99, 1e308, math.inf])
@pytest.mark.parametrize("num", [1, 2, 4, 23])
def test_a_diverged_run_flattens_nothing_and_is_named(diverged: float, num: int) -> None:
    good = {f"e{place}": falling(end=3.0 + place / 100) for place in range(num)}
    found = rule(good | {"bad": falling()[:200] + [diverged] * 100})
    assert (found.above, found.below, found.is_log) == (("bad",), (), False)
    assert found.high < 11


@pytest.mark.parametrize("diverged", [300.0, 1e30, 1e308, math.inf])
def test_where_most_have_diverged_the_rest_is_still_seen(diverged: float) -> None:
    bad = {f"bad{place}": falling()[:200] + [diverged * (1 - place / 100)] * 100 for place in range(9)}
    found = rule({"a": falling(), **bad, "b": falling(end=2.9)})
    assert (found.high < 11, found.is_log, len(found.above)) == (True, False, 9)


def test_a_curve_that_explodes_alone_is_seen_whole() -> None:
    found = rule({"a": falling()[:100] + [3.0 * 1.5**power for power in range(100)]})
    assert (found.is_log, found.leaves) == (True, ())


def test_a_run_that_is_worse_but_not_diverged_stays() -> None:
    assert rule({"a": falling(), "b": falling(), "c": [9.0] * 300}).leaves == ()
    assert rule({"a": [0.9, 0.91, 0.92], "chance": [0.1, 0.1, 0.1]}, ACCURACY).leaves == ()


def test_a_reward_that_falls_without_end_leaves_below() -> None:
    found = rule(
        {"a": [1.0, 100.0, 200.0], "b": [1.0, 90.0, 190.0], "bad": [1.0, -1e7, -1e9]}, Metric("r", "", "auto", True)
    )
    assert (found.above, found.below) == ((), ("bad",))
    assert found.low > -1000


def test_one_wild_step_of_a_curve_leaves() -> None:
    values = falling()
    values[150] = 1e5
    found = rule({"a": values, "b": falling()})
    assert found.above == ("a",)
    assert found.high < 11


@pytest.mark.parametrize(
    ("values", "is_log"),
    [
        ([[0.0087] * 9, [0.0008] * 9, [0.0004] * 9], True),
        ([[0.0087] * 9, [0.0018] * 9, [0.0014] * 9], False),
        ([falling(50_000, 200)], True),
        ([falling(10.8, 2.0)], False),
        ([falling(1.0, 0.0001), falling(1.0, 0.0)], True),
        ([[0.0077] * 9, [0.0008] * 9, [0.0] * 9], False),
        ([[0.0077] * 9, [0.0008] * 9, [-0.0004] * 9], False),
        ([[3.0, 1e3, 1e9, 1e30]], True),
        ([[0.01, 0.5, 0.9]], False),
        ([[3.0]], False),
    ],
)
def test_an_axis_is_logarithmic_where_factors_are_compared(values: list[list[float]], is_log: bool) -> None:
    found = rule({f"e{place}": curve for place, curve in enumerate(values)})
    assert found.is_log is is_log
    assert found.leaves == ()
    assert found.low > 0 or not found.is_log


def test_where_larger_is_better_the_axis_is_linear() -> None:
    assert not rule({"a": [0.001, 0.01, 0.9], "b": [0.001] * 3}, ACCURACY).is_log


def test_the_scale_of_the_metric_wins() -> None:
    assert rule({"a": [3.0, 2.9]}, Metric("loss", scale="log")).is_log
    assert not rule({"a": falling(50_000, 200)}, Metric("loss", scale="linear")).is_log
    found = rule({"a": [3.0, 2.9, 0.0], "b": [-1.0, -2.0]}, Metric("loss", scale="log"))
    assert (found.is_log, found.below) == (True, ("a", "b"))
    assert found.low > 1
    assert not rule({"a": [-3.0, -2.9]}, Metric("loss", scale="log")).is_log


def test_curves_without_a_number_make_no_axis() -> None:
    assert axis_rule({}, LOSS) is None
    assert axis_rule({"a": [math.nan] * 3, "b": []}, LOSS) is None
    assert axis_rule({"a": [1e308, math.inf]}, LOSS) is None


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, 1e-300, 5e-324, 9e99])
@pytest.mark.parametrize("scale", ["auto", "log", "linear"])
def test_an_axis_of_a_single_value_has_a_length(value: float, scale: str) -> None:
    found = rule({"a": [value]}, Metric("loss", scale=scale))  # type: ignore[arg-type]
    assert found.low <= value < found.high


def test_curves_may_be_arrays() -> None:
    assert rule({"a": np.array([3.0, np.nan, 2.0])}) == rule({"a": [3.0, 2.0]})  # type: ignore[dict-item]


@pytest.mark.parametrize("seed", range(30))
def test_limits_are_finite_and_in_order_whatever_the_values(seed: int) -> None:
    chance = np.random.default_rng(seed)
    pool = [0.0, 1.0, -1.0, 1e308, -1e308, math.inf, -math.inf, math.nan, 5e-324, 1e99, 3.0, 2.5, -1e99]
    values = {str(curve): chance.choice(pool, chance.integers(0, 20)).tolist() for curve in range(6)}
    for scale in ("auto", "log", "linear"):
        for is_maximized in (False, True):
            found = axis_rule(values, Metric("m", "", scale, is_maximized))  # type: ignore[arg-type]
            if found is not None:
                assert -1e102 < found.low < found.high < 1e102
                assert found.low > 0 or not found.is_log
