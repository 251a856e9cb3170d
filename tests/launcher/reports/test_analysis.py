"""Observations: what helped, by how much, at what cost, and which experiment is the best."""

from __future__ import annotations

import math
from typing import Any

from launcher.reports.analysis import best_experiment, compare, observations, rank
from launcher.store.curve import Curve
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import ExperimentState


def made(
    name: str, values: list[float], ending: str = "done", *, is_maximized: bool = False, **more: Any
) -> ExperimentState:
    """Return the state of an experiment with a loss at each step; no ending: it has not begun."""
    curves = {"loss": Curve(range(1, len(values) + 1), values, is_maximized)} if values else {}
    state: dict[str, Any] = {"state": ending, "ending": EndingKind(ending)} if ending else {}
    return ExperimentState(name=name, curves=curves, num_steps=len(values), **state, **more)


def test_the_best_experiment_has_the_best_single_step_and_has_not_failed() -> None:
    steady, lucky = made("steady", [2.0, 1.0, 1.5]), made("lucky", [0.5, 3.0])
    lost = [made("failed", [0.1], "failed"), made("diverged", [0.0, math.nan], "diverged")]
    found = best_experiment([steady, *lost, lucky, made("idle", [], "")], "loss")
    assert found is not None
    assert (found.experiment.name, found.value, found.step) == ("lucky", 0.5, 1)
    assert found.end is not None
    assert best_experiment(lost, "loss") is None
    assert best_experiment([made("nan", [math.nan])], "loss") is None
    interrupted = best_experiment([steady, made("cut", [0.2], "interrupted")], "loss")
    assert interrupted is not None
    assert (interrupted.experiment.name, interrupted.end) == ("cut", None), "it has a best step, and no end yet"


def test_of_equal_experiments_the_first_of_the_job_file_is_the_best() -> None:
    found = best_experiment([made(name, [1.0, 0.0], is_maximized=True) for name in ("first", "second")], "loss")
    assert found is not None
    assert (found.experiment.name, found.value) == ("first", 1.0)


def test_a_difference_is_clear_only_beyond_both_spreads() -> None:
    base = made("base", [2.0, 2.2, 2.0, 2.2, 2.0, 2.2])
    near = made("near", [1.9, 2.1, 1.9, 2.1, 1.9, 2.1], overrides={"lr": 1})
    far = made("far", [1.0, 1.2, 1.0, 1.2, 1.0, 1.2], overrides={"lr": 2})
    _, found = compare([base, near, far], "loss")
    assert [(one.experiment.name, one.is_better, one.is_clear) for one in found] == [
        ("near", True, False),
        ("far", True, True),
    ]
    said = " ".join(observations([base, near, far], ["loss"]))
    assert "near (lr=1): no clear effect" in said
    assert "far (lr=2): it helped" in said
    assert "one seed" in said


def test_more_is_better_where_the_job_says_so() -> None:
    low, high = made("low", [1.0] * 6, is_maximized=True), made("high", [2.0] * 6, is_maximized=True)
    assert [experiment.name for experiment, _ in rank([low, high], "loss").ends] == ["high", "low"]


def test_what_failed_is_told_and_never_ranked() -> None:
    one = made("fine", [3.0] * 9)
    other = made("lost", [1.0, math.nan], "diverged", why="loss is nan at step 2", total=9, last_step=2)
    said = " ".join(observations([one, other, made("idle", [], "")], ["loss"]))
    assert "lost ended after step 2 of 9: diverged, loss is nan at step 2. It is not ranked." in said
    assert "lost (1, the first at step 2)" in said
    assert "idle has not been started" in said
    assert [one.name for one, _ in rank([one, other], "loss").ends] == ["fine"]


def test_costs_are_in_relation_to_the_reference() -> None:
    base = made("base", [2.0] * 6, seconds=100.0, peak_memory_bytes=1e9)
    wide = made("wide", [1.0] * 6, overrides={"width": 2}, seconds=150.0, peak_memory_bytes=1e9)
    assert "Cost: +50% time, the same steps and memory." in " ".join(observations([base, wide], ["loss"]))


def test_a_thousand_experiments_are_still_a_short_list() -> None:
    many = [made(f"e{number}", [float(number)] * 6, overrides={"n": number}) for number in range(1000)]
    many += [made(f"f{number}", [math.nan], "failed", attempt=2) for number in range(1000)]
    said = observations(many, ["loss"])
    assert len(said) < 50
    assert max(map(len, said)) < 1000
