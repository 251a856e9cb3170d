"""Student's t: values of the published tables, and the limits."""

from __future__ import annotations

import math

import pytest

from launcher.reports.analysis.student_t import quantile, two_sided_p

# Two-sided quantiles as statistical tables print them (Fisher & Yates 1938, table III), for 95 % and 99 %.
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    4: (2.776, 4.604),
    5: (2.571, 4.032),
    8: (2.306, 3.355),
    9: (2.262, 3.250),
    10: (2.228, 3.169),
    20: (2.086, 2.845),
    30: (2.042, 2.750),
    60: (2.000, 2.660),
    120: (1.980, 2.617),
}


@pytest.mark.parametrize("df", TABLE)
def test_quantiles_are_those_of_the_tables(df: int) -> None:
    assert (round(quantile(0.95, df), 3), round(quantile(0.99, df), 3)) == TABLE[df]


def test_p_is_exact_where_there_is_a_closed_form() -> None:
    for t in (0.0, 0.3, 1.0, 4.6, 100.0):
        assert two_sided_p(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t)), "a Cauchy distribution"
        assert two_sided_p(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t))
        assert two_sided_p(-t, 7) == two_sided_p(t, 7)
    assert two_sided_p(1.96, 10_000) == pytest.approx(0.05, abs=1e-4), "nearly normal"
    assert two_sided_p(1e300, 4) == 0.0
