"""Two experiments side by side: pairs where they saw the same data, the verdict, and how often it is wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from launcher.reports.analysis.comparison import Verdict, compare, difference, difference_of
from launcher.store.curve import Curve, curve_of
from launcher.store.series import Series
from tests.launcher.reports.analysis.states import curve, ending_with, made

BATCHES = [0.0, 0.9, -0.7, 0.4, -0.8, 0.6, -0.3]  # how hard each batch is, for whichever model


def test_with_the_same_batches_a_small_difference_is_clear() -> None:
    own = [4.0 + batch + wobble for batch, wobble in zip(BATCHES, [0.01, 0, -0.01, 0, 0.01, 0, -0.01], strict=True)]
    base = [4.03 + batch for batch in BATCHES]
    paired = difference_of(curve(ending_with(own)), curve(ending_with(base)), is_same_data=True)
    apart = difference_of(curve(ending_with(own)), curve(ending_with(base)))
    assert paired is not None
    assert apart is not None
    assert paired.value == apart.value == pytest.approx(-0.032)
    assert (paired.is_paired, paired.verdict, paired.df) == (True, Verdict.CLEAR, 4)
    assert (apart.is_paired, apart.verdict, apart.df) == (False, Verdict.NOT_CLEAR, 7)


def test_the_target_says_that_the_data_were_the_same() -> None:
    def against(own: object, other: object) -> bool:
        facts = [{"data_order": order} if order is not None else {} for order in (own, other)]
        states = [made("own", BATCHES, facts=facts[0]), made("other", BATCHES[::-1], facts=facts[1])]
        found = difference(*states, "loss")
        assert found is not None
        return found.is_paired

    assert against("seed 0", "seed 0")
    assert not against("seed 0", "seed 1")
    assert not against("seed 0", None)
    assert not against(None, None)
    assert not against("", "")
    assert not against(0, 0), "a fact that is no text says nothing"


def test_thinned_curves_are_paired_by_stretches() -> None:
    def thinned(offset: float) -> Curve:
        series = Series()
        values = [math.sin(step) + offset + 0.01 * math.sin(step * (1 + offset)) for step in range(10_000)]
        series.extend(range(1, 10_001), values)
        found = curve_of(series)
        assert found is not None
        return found

    found = difference_of(thinned(0.001), thinned(0.0), is_same_data=True)
    assert found is not None
    assert (found.is_paired, found.verdict) == (True, Verdict.CLEAR)
    assert found.value == pytest.approx(0.001, rel=0.2)


def test_a_run_of_other_steps_is_compared_by_its_level() -> None:
    longer = difference_of(curve(BATCHES + BATCHES), curve(BATCHES), is_same_data=True)
    assert longer is not None
    assert not longer.is_paired


@pytest.mark.parametrize("steps", [1, 2, 4, 19])
def test_under_twenty_values_there_is_no_verdict(steps: int) -> None:
    for is_same_data in (True, False):
        short = difference_of(curve([1.0] * steps), curve([2.0] * steps), is_same_data=is_same_data)
        assert short is not None
        assert (short.value, short.verdict, short.margin) == (-1.0, Verdict.TOO_FEW, None)
    against_long = difference_of(curve([1.0] * steps), curve([2.0, 2.1] * 50))
    assert against_long is not None
    assert against_long.verdict is Verdict.TOO_FEW


def test_the_same_numbers_are_told_as_such() -> None:
    for length in (1, 3, 70):
        same = difference_of(curve([2.0, 1.0] * length), curve([2.0, 1.0] * length))
        assert same is not None
        assert (same.verdict, same.value) == (Verdict.SAME, 0.0)


def test_equal_ends_of_different_curves_are_not_the_same_numbers() -> None:
    for length in (1, 3, 70, 5000):
        equal = difference_of(curve([0.5, 1.0] + [1.0] * length), curve([0.6, 1.0] + [1.0] * length))
        longer = difference_of(curve([0.5] + [1.0] * length), curve([0.5] + [1.0] * (length + 40)))
        for found in (equal, longer):
            assert found is not None
            assert (found.verdict, found.value) == (Verdict.EQUAL, 0.0)


def test_without_an_end_there_is_no_difference() -> None:
    assert difference_of(curve([1.0, math.nan]), curve([1.0])) is None
    assert difference_of(curve([1.7e308] * 20), curve([-1.7e308] * 20)) is None
    lost = made("lost", [1.0] * 6, "failed")
    assert compare([lost, made("other", [1.0] * 6)], "loss") == (None, [])
    base, compared = compare([made("base", [1.0] * 6), lost, made("nan", [math.nan])], "loss")
    assert (base and base.name, compared) == ("base", [])


def test_degrees_of_freedom_are_those_of_welch() -> None:
    steady, shaky = [1.0, 1.001, 0.999, 1.0, 1.0], [2.0, 3.0, 1.0, 2.5, 1.5]
    found = difference_of(curve(ending_with(steady)), curve(ending_with(shaky)))
    assert found is not None
    assert found.df == 4, "the error is the shaky run's alone"
    assert found.margin == pytest.approx(4.604 * found.standard_error, rel=1e-3)  # type: ignore[operator]


def _noise(share_kept: float) -> Callable[[int], list[float]]:
    """Return a source of curves without any trend, whose values resemble their neighbours by `share_kept`."""

    def values(count: int) -> list[float]:
        found, last = [], random.gauss(0.0, 1.0) / math.sqrt(1 - share_kept**2)
        for _ in range(count):
            last = share_kept * last + random.gauss(0.0, 1.0)
            found.append(last)
        return found

    return values


@pytest.mark.parametrize(
    ("share_kept", "num_steps", "most"), [(0.0, 60, 0.015), (0.0, 500, 0.015), (0.5, 500, 0.025), (0.8, 1000, 0.04)]
)
def test_equal_experiments_are_seldom_called_different(share_kept: float, num_steps: int, most: float) -> None:
    """About one of a hundred; somewhat more where neighbouring steps resemble each other and there are few of them."""
    random.seed(15)
    values = _noise(share_kept)
    num_pairs, num_ends = 800, max(5, num_steps // 10)
    for is_same_data in (True, False):
        wrong = 0
        for _ in range(num_pairs):
            own, other = (curve([0.0] * (num_steps - num_ends) + values(num_ends)) for _ in range(2))
            found = difference_of(own, other, is_same_data=is_same_data)
            wrong += found is not None and found.verdict is Verdict.CLEAR
        assert wrong / num_pairs <= most, (is_same_data, wrong)
