"""Where the values of a parameter lie along an axis."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.reports.analysis.parameters import Parameter
from launcher.reports.by_axis.scale import ParameterScale, is_even_in_logarithms


def scale(*values: Any) -> ParameterScale:
    return ParameterScale.of(Parameter("a", {f"e{place}": value for place, value in enumerate(values)}, values))


def test_values_that_are_even_in_their_logarithms_have_a_logarithmic_axis() -> None:
    assert is_even_in_logarithms([2.5e-4, 5e-4, 1e-3, 2e-3])
    assert is_even_in_logarithms([1e-4, 3e-4, 1e-3, 3e-3])
    assert not is_even_in_logarithms([0.1, 0.2, 0.3, 0.4])
    assert not is_even_in_logarithms([0.0, 1e-3, 1e-2])
    assert not is_even_in_logarithms([16, 32])
    assert list(scale(1e-3, 1e-1, 1e-2).places.values()) == pytest.approx([0.0, 0.5, 1.0])


def test_labels_lie_evenly_in_the_order_of_the_job_file() -> None:
    found = scale("small", "large", "medium")
    assert list(found.labels.values()) == ["small", "large", "medium"]
    assert not found.is_numeric
    assert list(found.places.values()) == pytest.approx([1 / 6, 3 / 6, 5 / 6])


def test_numbers_beside_words_are_words() -> None:
    assert not scale(1, "auto").is_numeric


@given(st.lists(st.integers(1, 10**6) | st.floats(1e-9, 1e9), min_size=2, max_size=30, unique=True))
def test_larger_numbers_lie_further_along(values: list[float]) -> None:
    found = scale(*values)
    places = list(found.places.values())
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    ticks = found.ticks(300.0, 30.0)
    assert ticks[0][0] == places[0]
    assert ticks[-1][0] == places[-1]


def test_labels_that_would_overlap_are_left_out_but_for_the_ends() -> None:
    ticks = scale(*range(1, 101)).ticks(100.0, 20.0)
    assert (ticks[0][1], ticks[-1][1], len(ticks)) == ("1", "100", 5)
