"""Which experiment is the best: by a single step, and by the level at the end."""

from __future__ import annotations

import math

from launcher.reports.analysis import Verdict, best_experiment, rank
from tests.launcher.reports.analysis.states import made


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


def test_the_ranking_is_of_experiments_that_are_done_by_their_ends() -> None:
    first, second = (
        made("first", [9.0] * 15 + [1.0, 1.1, 1.0, 1.1, 1.0]),
        made("second", [0.1] * 15 + [3.0, 3.1, 3.0, 3.1, 3.0]),
    )
    ranking = rank([second, made("lost", [0.0] * 6, "failed"), made("nan", [math.nan]), first], "loss")
    assert [experiment.name for experiment, _ in ranking.ends] == ["first", "second"]
    assert ranking.lead is not None
    assert (round(ranking.lead.value, 9), ranking.lead.verdict) == (-2.0, Verdict.CLEAR)
    assert rank([first], "loss").lead is None


def test_more_is_better_where_the_job_says_so() -> None:
    low, high = made("low", [1.0] * 6, is_maximized=True), made("high", [2.0] * 6, is_maximized=True)
    assert [experiment.name for experiment, _ in rank([low, high], "loss").ends] == ["high", "low"]
