"""Experiments in groups by any key: what is averaged, and what the interval is of."""

from __future__ import annotations

import pytest

from launcher.reports.analysis.groups import Group, group_keys, groups
from launcher.reports.analysis.significance import mean_of
from launcher.store.experiment_state import ExperimentState
from tests.launcher.reports.analysis.states import made, seeded


def grid() -> list[ExperimentState]:
    """Return learning rates by widths on three seeds."""
    levels = {
        (0.1, 64): [5.0, 5.1, 5.2], (0.1, 128): [4.0, 4.1, 4.2],
        (0.01, 64): [3.0, 3.3, 3.1], (0.01, 128): [2.0, 2.1, "diverged"],
    }  # fmt: skip
    return [
        experiment
        for (lr, width), values in levels.items()
        for experiment in seeded(
            f"lr={lr}+width={width}", values, cell={"lr": lr}, config={"lr": lr, "model": {"width": width}}
        )
    ]


def by_label(found: list[Group]) -> dict[str, Group]:
    return {group.label: group for group in found}


def test_the_mean_is_of_seeds_and_not_of_configurations() -> None:
    found = by_label(groups(grid(), "lr", "loss"))
    assert list(found) == ["0.01", "0.1"], "numbers by size"
    high = found["0.1"]
    assert (high.num, high.num_configurations, high.num_seeds, high.experiments_text) == (6, 2, 3, "6")
    assert high.mean is not None
    expected = mean_of([4.5, 4.6, 4.7])
    assert expected is not None
    assert high.mean.value == pytest.approx(4.6)
    assert high.mean.interval == pytest.approx(expected.interval), "not of values from 4.0 to 5.2"
    assert (high.lowest, high.highest) == (4.0, 5.2)


def test_a_seed_counts_where_every_configuration_of_the_group_has_it() -> None:
    low = by_label(groups(grid(), "lr", "loss"))["0.01"]
    assert low.experiments_text == "5/6, 1 diverged"
    assert low.num_seeds == 2
    assert low.mean is not None
    assert low.mean.value == pytest.approx((2.5 + 2.7) / 2)


def test_keys_are_axes_dotted_keys_seed_and_configuration() -> None:
    assert group_keys(grid()) == ["seed", "configuration", "lr", "model.width"]
    widths = by_label(groups(grid(), "model.width", "loss"))
    assert list(widths) == ["64", "128"]
    seeds = by_label(groups(grid(), "seed", "loss"))
    assert list(seeds) == ["0", "1", "2"]
    assert seeds["0"].mean is not None
    assert (seeds["0"].mean.value, seeds["0"].mean.interval) == (pytest.approx(3.5), None), "one seed has no interval"
    assert len(groups(grid(), "configuration", "loss")) == 4


def test_a_seed_of_the_configuration_counts_where_the_sweep_has_one() -> None:
    old = [made(f"e{number}", [float(number)] * 6, config={"seed": number % 2}) for number in range(4)]
    found = by_label(groups(old, "seed", "loss"))
    assert {label: group.num for label, group in found.items()} == {"0": 2, "1": 2}


def test_without_a_common_seed_the_means_are_averaged_without_an_interval() -> None:
    experiments = [
        *seeded("a", [1.0, "failed"], config={"lr": 1}),
        *seeded("b", ["failed", 3.0], config={"lr": 1}),
        *seeded("c", [""], config={"lr": 2}),
    ]
    found = by_label(groups(experiments, "lr", "loss"))
    assert found["1"].mean is not None
    assert (found["1"].mean.value, found["1"].mean.interval, found["1"].experiments_text) == (2.0, None, "2/4")
    assert (found["2"].mean, found["2"].lowest, found["2"].num_seeds) == (None, None, 0)


def test_experiments_that_do_not_have_the_key_are_a_group() -> None:
    experiments = [*seeded("a", [1.0, 2.0], config={"lr": 1}), *seeded("b", [1.0, 2.0])]
    assert [(group.label, group.num) for group in groups(experiments, "lr", "loss")] == [("1", 2), ("without it", 2)]
