"""What is expected of experiments, the order that follows, and that the order keeps its promise."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.planning.estimate import DurationEstimate, extrapolate, longest_first, makespan, remaining

DURATIONS = st.lists(st.floats(0.1, 1000), min_size=1, max_size=60)


def in_order(durations: list[float], slots: int) -> float:
    return makespan([], durations, slots)


def sorted_by_length(durations: list[float]) -> list[float]:
    known = {str(number): DurationEstimate(work=duration) for number, duration in enumerate(durations)}
    return [durations[int(name)] for name in longest_first(known)]


@given(DURATIONS, st.integers(1, 8))
def test_longest_first_is_never_far_from_the_best(durations: list[float], slots: int) -> None:
    """The best end is at least each of three bounds, and the order is within 4/3 - 1/3m of the best (Graham 1969)."""
    ordered = sorted_by_length(durations)
    bound = max(sum(durations) / slots, ordered[0])
    assert in_order(ordered, slots) <= (sum(durations) + (slots - 1) * ordered[0]) / slots * (1 + 1e-9)
    if len(durations) <= slots or ordered[0] <= bound / 3:  # the last to end is then a short one
        assert in_order(ordered, slots) <= max(bound, (4 / 3 - 1 / (3 * slots)) * bound) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("slots", [2, 4])
def test_a_long_tailed_set_ends_within_three_percent_of_the_bound(seed: int, slots: int) -> None:
    dice = random.Random(seed)
    durations = [dice.lognormvariate(0, 1.2) for _ in range(40)]
    bound = max(sum(durations) / slots, max(durations))
    assert in_order(sorted_by_length(durations), slots) <= 1.03 * bound


def test_the_order_of_the_file_stands_where_nothing_is_known() -> None:
    assert longest_first({name: DurationEstimate() for name in "cab"}) == ["c", "a", "b"]


def test_work_becomes_seconds_by_what_was_measured() -> None:
    known = {"a": DurationEstimate(work=10.0, seconds=5.0), "b": DurationEstimate(work=40.0), "c": DurationEstimate()}
    assert remaining(known) == {"a": 5.0, "b": 20.0, "c": 12.5}
    assert longest_first(known) == ["b", "c", "a"]


def test_what_was_measured_earlier_tells_until_something_is_measured_now() -> None:
    earlier = {name: DurationEstimate(work=1.0, seconds=10.0, is_earlier=True) for name in "abc"}
    assert remaining(earlier | {"new": DurationEstimate(work=2.0)})["new"] == 20.0
    assert (
        remaining(earlier | {"new": DurationEstimate(work=2.0), "now": DurationEstimate(work=1.0, seconds=3.0)})["new"]
        == 6.0
    )


def test_a_resumed_experiment_counts_only_what_is_left() -> None:
    half = extrapolate(30.0, 50, 100, work=1.0)
    assert half == DurationEstimate(1.0, 60.0, 0.5)
    assert remaining({"a": half, "b": DurationEstimate(work=1.0)}) == {"a": 30.0, "b": 60.0}


@pytest.mark.parametrize(("step", "total"), [(0, 100), (5, None), (5, 0), (7, 5)])
def test_a_measure_that_says_nothing_is_none(step: int, total: int | None) -> None:
    assert extrapolate(10.0, step, total, 3.0) == DurationEstimate(3.0)


def test_the_end_of_what_runs_and_waits() -> None:
    assert makespan([10.0, 4.0], [5.0, 1.0], 2) == 10.0
    assert makespan([10.0], [], 3) == 10.0
    assert makespan([], [], 2) == 0.0
