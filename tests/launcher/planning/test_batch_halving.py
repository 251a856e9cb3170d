"""Half the batch with the same step: the changes, what lacks the keys, and whose checkpoints are read."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.planning.batch_halving import describe_changes, halve_batch, key_problems, state_digest


@pytest.mark.parametrize(
    ("batch_size", "accumulation", "expected"),
    [(32, 1, (16, 2)), (2, 4, (1, 8)), (6, 1, (3, 2)), (3, 1, None), (1, 8, None)],
)
def test_examples_a_step_stay_the_same(batch_size: int, accumulation: int, expected: tuple[int, int] | None) -> None:
    changes = halve_batch({"batch_size": batch_size, "accumulation": accumulation, "lr": 1.0})
    assert (changes and (changes["batch_size"], changes["accumulation"])) == expected


@pytest.mark.parametrize("value", [None, 0, -1, 1.0, True, "8"])
def test_a_key_that_is_no_whole_number_above_0_is_told_once(value: Any) -> None:
    config = {"batch_size": 8, "accumulation": value}
    (problem,) = key_problems([config, config], "train:run", "job.toml:3: ")
    assert problem.startswith('job.toml:3: sweep.on_oom = "halve_batch": the configuration of train:run has no whole')
    assert "number accumulation" in problem


def test_good_configurations_have_no_problem() -> None:
    assert key_problems([{"batch_size": 8, "accumulation": 1}], "train:run", "") == []


def test_checkpoints_of_a_smaller_batch_have_an_identity_of_their_own() -> None:
    once, twice = {"batch_size": 16, "accumulation": 2}, {"batch_size": 8, "accumulation": 4}
    assert state_digest("digest", {}) == "digest"
    assert len({"digest", state_digest("digest", once), state_digest("digest", twice)}) == 3
    assert describe_changes(once) == "batch_size=16, accumulation=2"
