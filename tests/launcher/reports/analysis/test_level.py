"""The level at the end of a curve and its standard error, from the means of five parts."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from launcher.reports.analysis.level import Estimate, end_points, estimate, level_at_end, level_text
from tests.launcher.reports.analysis.states import curve, ending_with


def test_the_example_of_the_module() -> None:
    values = [3.1, 3.3, 3.0, 3.2, 2.9, 3.1, 3.2, 3.0, 3.1, 3.1]
    assert estimate(values, [1] * 10) == Estimate(pytest.approx(3.1), pytest.approx(math.sqrt(0.005 / 5)))
    assert level_text(curve([9.0] * 90 + values)) == "3.100 ± 0.032"


def test_five_values_have_the_standard_error_of_the_textbook() -> None:
    values = [1.0, 4.0, 2.0, 8.0, 5.0]
    assert estimate(values, [1] * 5) == Estimate(4.0, pytest.approx(statistics.stdev(values) / math.sqrt(5)))


def test_fewer_than_five_values_have_no_standard_error() -> None:
    assert level_at_end(curve([3.0])) == Estimate(3.0, None)
    assert level_at_end(curve([3.0, 1.0, 2.0, 1.0])) == Estimate(1.0, None)
    assert level_at_end(curve([3.0] * 6 + [2.0, 1.0])) == Estimate(1.5, None)
    assert level_text(curve([3.0, 1.0])) == "1.0000"
    assert level_at_end(curve([3.0, math.nan])) is None
    assert level_at_end(None) is None
    assert level_text(None) == "-"


def test_points_that_are_means_of_several_values_count_as_several() -> None:
    thinned = estimate([1.0, 2.0, 4.0, 8.0, 3.0], [2, 2, 2, 2, 1])
    whole = estimate([1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 3.0], [1] * 9)
    assert thinned is not None
    assert whole is not None
    assert thinned.value == whole.value == pytest.approx(33 / 9)


def test_gaps_are_passed_over() -> None:
    points = end_points(curve(ending_with([9.0, 1.0, 2.0, math.nan, 3.0, 4.0, math.inf, 5.0])))
    assert points is not None
    assert (list(points.steps), list(points.means)) == ([17, 18, 20, 21, 23], [1.0, 2.0, 3.0, 4.0, 5.0])


def test_values_near_the_largest_float_give_no_number_rather_than_infinity() -> None:
    assert level_at_end(curve([1e308, -1e308] * 10)) is None
    assert level_at_end(curve([1.7e308] * 20)) is None


def test_the_standard_error_of_values_that_resemble_their_neighbours_is_not_far_too_small() -> None:
    random.seed(1)
    levels, claimed = [], []
    for _ in range(400):
        values, last = [], 0.0
        for _ in range(200):
            last = 0.8 * last + random.gauss(0.0, 1.0)
            values.append(last)
        found = estimate(values, [1] * 200)
        assert found is not None
        assert found.standard_error is not None
        levels.append(found.value)
        claimed.append(found.standard_error**2)
    true, naive = statistics.pvariance(levels), 1 / (1 - 0.8**2) / 200
    assert statistics.mean(claimed) == pytest.approx(true, rel=0.25)
    assert true > 6 * naive, "as if the values were independent, it would claim a sixth of the variance"
