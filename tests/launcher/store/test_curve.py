"""What a metric was over the steps of an experiment: its best value, and the level at its end."""

from __future__ import annotations

import math

from launcher.store.curve import Curve, best_of


def test_nan_and_infinities_are_never_the_best() -> None:
    values = [math.nan, 3.0, -math.inf, 1.5, math.inf, 2.0]
    assert best_of(values) == 1.5
    assert best_of(values, is_maximized=True) == 3.0
    assert best_of([math.nan, math.inf]) is None
    assert best_of([]) is None


def test_the_best_step_is_the_first_with_the_best_value() -> None:
    curve = Curve([2, 4, 6, 8], [3, math.nan, 1, 1.0])
    assert (curve.first, curve.newest, curve.best, curve.best_step) == (3, 1.0, 1, 6)
    assert Curve([2, 4], [3, 7], is_maximized=True).best_step == 4
    assert Curve([1], [math.nan]).best_step is None


def test_a_curve_is_broken_from_the_step_on_after_which_nothing_is_finite() -> None:
    nan = math.nan
    assert Curve([1, 2, 3, 4], [1.0, nan, math.inf, nan]).broken_since == 2
    assert Curve([1, 2, 3], [1.0, nan, 2.0]).broken_since is None
    assert Curve([1, 2], [nan, nan]).broken_since == 1
    curve = Curve([1, 2, 3], [1.0, nan, 2.0])
    assert (curve.num, curve.num_bad, curve.first_bad, curve.broken_value) == (3, 1, 2, "")
    assert Curve([1, 2], [nan, nan]).broken_value == "nan"
    assert Curve([1, 2], [nan, math.inf]).broken_value == "not finite"


def test_the_end_of_a_short_curve_is_its_last_quarter() -> None:
    """Of five epochs whose accuracy rises, all five are no end: who begins fast would win."""
    counts = {1: 1, 3: 1, 4: 1, 5: 1, 8: 2, 10: 2, 19: 4, 20: 5, 49: 5, 60: 6, 1000: 100}
    for num, count in counts.items():
        end = Curve(range(num), [float(value) for value in range(num)]).end
        assert end is not None
        assert (end.count, end.level) == (count, num - 1 - (count - 1) / 2)


def test_the_end_of_a_curve_is_its_last_tenth_and_at_least_five_values() -> None:
    end = Curve(range(100), [float(value) for value in range(100)]).end
    assert end is not None
    assert (end.count, end.level, end.before) == (10, 94.5, 84.5)
    short = Curve([1, 2, 3], [1.0, math.nan, 3.0]).end
    assert short is not None
    assert (short.count, short.level, short.spread, short.before) == (1, 3.0, 0.0, 1.0)
    assert Curve([1], [math.inf]).end is None
    assert Curve([1, 2], [1.0, math.nan]).end is None, "what has become NaN is not ranked by what it was before"
    assert Curve([1], [1e308] * 1).end is not None
    assert Curve(range(20), [1.7e308] * 20).end is None, "their sum is beyond any float"
