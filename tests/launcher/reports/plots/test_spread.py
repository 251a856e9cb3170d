"""Labels beside an axis: near their places, and never one over the other."""

from __future__ import annotations

import itertools
import random

import pytest

from launcher.reports.plots.spread import spread


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread([0.5, 0.1, 0.9], 0.1, 0.0, 1.0) == pytest.approx([0.5, 0.1, 0.9])


def test_labels_of_one_place_are_centred_on_it() -> None:
    assert spread([0.5, 0.5, 0.5], 0.1, 0.0, 1.0) == pytest.approx([0.4, 0.5, 0.6])


def test_labels_stay_within_the_axis() -> None:
    assert spread([0.0, 0.0], 0.1, 0.0, 1.0) == pytest.approx([0.05, 0.15])
    assert spread([1.0, 1.0], 0.1, 0.0, 1.0) == pytest.approx([0.85, 0.95])


def test_without_room_they_are_equally_far_apart() -> None:
    assert spread([0.0, 0.0, 0.0, 0.0], 0.5, 0.0, 1.0) == pytest.approx([0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize("seed", range(30))
def test_no_label_lies_over_another(seed: int) -> None:
    chance = random.Random(seed)
    wanted = [chance.choice([chance.random(), 0.0, 1.0, 0.3]) for _ in range(chance.randint(0, 12))]
    places = spread(wanted, 0.07, 0.0, 1.0)
    assert all(0.035 - 1e-9 <= place <= 0.965 + 1e-9 for place in places)
    ordered = sorted(places)
    assert all(upper - lower >= 0.07 - 1e-9 for lower, upper in itertools.pairwise(ordered))
    pairs = itertools.combinations(range(len(wanted)), 2)
    assert all((wanted[a] - wanted[b]) * (places[a] - places[b]) >= 0 for a, b in pairs)
