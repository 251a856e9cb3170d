"""Configurations and their seeds: what is grouped, and the words of each verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from launcher.reports.analysis import Finding, configurations, has_seeds, judge
from launcher.reports.analysis.configurations import ConfigurationResult
from launcher.store.experiment_state import ExperimentState
from tests.launcher.reports.analysis.states import curve, made, seeded

BASE = [5.40, 5.35, 5.46, 5.31, 5.47]
BETTER = [5.31, 5.28, 5.36, 5.25, 5.33]


def verdicts(levels: Mapping[str, Sequence[float | str]], **more: Any) -> dict[str, str]:
    """Return the verdict of each configuration; the first is the reference."""
    return {name: result.verdict for name, result in results(levels, **more).items()}


def results(levels: Mapping[str, Sequence[float | str]], **more: Any) -> dict[str, ConfigurationResult]:
    experiments = [experiment for name in levels for experiment in seeded(name, levels[name], **more)]
    return dict(judge(experiments, "loss").by_name)


def test_experiments_that_differ_in_the_seed_alone_are_a_configuration() -> None:
    experiments = [*seeded("base", BASE), *seeded("lr=0.1", BETTER[:2], overrides={"lr": 0.1})]
    found = configurations(experiments)
    assert [(each.name, each.index, each.seeds) for each in found] == [
        ("base", 0, (0, 1, 2, 3, 4)),
        ("lr=0.1", 1, (0, 1)),
    ]
    assert [experiment.name for experiment in found[1].experiments] == ["lr=0.1", "lr=0.1+s1"]
    assert found[1].overrides == {"lr": 0.1}
    assert has_seeds(experiments)
    assert not has_seeds([experiments[0], experiments[5]])


def test_a_sweep_of_an_earlier_version_has_a_configuration_an_experiment() -> None:
    old = [ExperimentState(name="a"), ExperimentState(name="b")]
    assert [each.name for each in configurations(old)] == ["a", "b"]
    assert not has_seeds(old)
    assert not has_seeds([])
    assert judge([], "loss").results == []


def test_the_reference_is_the_configuration_of_the_first_experiment() -> None:
    judgement = judge([*seeded("base", BASE), *seeded("lr=0.1", BETTER)], "loss")
    assert judgement.reference is not None
    assert judgement.reference.name == "base"
    assert judgement.by_name["base"].finding is Finding.REFERENCE
    assert judgement.by_name["base"].verdict == ""
    assert judgement.num_compared == 1


def test_better_and_worse_are_what_holm_leaves() -> None:
    assert verdicts({"base": BASE, "low": BETTER})["low"] == "better"
    assert verdicts({"low": BETTER, "high": BASE})["high"] == "worse"
    found = results({"base": BASE, "low": BETTER})["low"]
    assert found.adjusted_p == pytest.approx(0.0027226578274360787), "one comparison is not adjusted"
    assert found.num_better == 5


def test_larger_is_better_where_the_metric_is_maximized() -> None:
    found = results({"base": BASE, "low": BETTER}, is_maximized=True)["low"]
    assert (found.verdict, found.num_better) == ("worse", 0)
    assert results({"low": BETTER, "high": BASE}, is_maximized=True)["high"].num_better == 5


def test_what_is_clear_alone_and_not_among_many_says_so() -> None:
    alone = [5.30, 5.33, 5.44, 5.25, 5.42]
    assert verdicts({"base": BASE, "near": alone})["near"] == "better"
    many = {f"same{number}": [each + 0.1 * (-1) ** (place + number) for place, each in enumerate(BASE)]
            for number in range(9)}  # fmt: skip
    found = results({"base": BASE, "near": alone} | many)["near"]
    assert found.verdict == "not clear among 10"
    assert found.against is not None
    assert found.against.p is not None
    assert found.adjusted_p == pytest.approx(10 * found.against.p)


def test_no_difference_says_between_what_it_lies_and_what_could_not_be_shown() -> None:
    near = [5.42, 5.33, 5.45, 5.33, 5.46]
    assert verdicts({"base": BASE, "near": near})["near"] == (
        "no difference shown: between -0.023 and 0.023; with 5 seeds less than 0.023 could not have been shown"
    )


def test_two_common_seeds_are_too_few() -> None:
    assert verdicts({"base": BASE[:2], "low": BETTER})["low"] == "too few seeds"
    assert verdicts({"base": BASE, "low": BETTER[:2]})["low"] == "too few seeds"
    assert verdicts({"base": BASE[:3], "low": BETTER})["low"] != "too few seeds"
    assert verdicts({"base": ["failed"], "low": BETTER})["low"] == "too few seeds"


def test_the_same_numbers_are_called_so() -> None:
    assert verdicts({"base": BASE, "twin": BASE})["twin"] == "the same numbers"


def _saturated(name: str, *begins: float) -> list[ExperimentState]:
    """Return the seeds of a configuration: each begins with a value of its own, and ends at 1."""
    return [
        made(f"{name}+s{seed}" if seed else name, [begin] * 20 + [1.0] * 30, group=name, seed=seed)
        for seed, begin in enumerate(begins)
    ]


def test_a_metric_that_has_reached_its_bound_says_nothing_of_key_or_seed() -> None:
    experiments = [*_saturated("base", 0.1, 0.2, 0.3), *_saturated("fast", 0.4, 0.5, 0.6)]
    judgement = judge(experiments, "loss")
    fast = judgement.by_name["fast"]
    assert (fast.finding, fast.verdict) == (Finding.EQUAL, "equal at the end")
    assert not any(result.is_seed_idle for result in judgement.results)


def test_a_metric_that_no_seed_changes_says_nothing_of_the_seed_if_another_differs() -> None:
    seeds = _saturated("base", 0.1, 0.1, 0.1)
    assert judge(seeds, "loss").results[0].is_seed_idle
    differing = [replace(each, curves={**each.curves, "acc": curve([0.5 + each.seed])}) for each in seeds]
    assert not judge(differing, "loss").results[0].is_seed_idle
    timed = [replace(each, curves={**each.curves, "step_s": curve([0.5 + each.seed])}) for each in seeds]
    assert judge(timed, "loss").results[0].is_seed_idle


def test_seeds_that_change_nothing_are_a_single_result() -> None:
    found = results({"base": [5.4] * 5, "low": [5.1] * 5})["low"]
    assert found.verdict == "too few seeds"
    assert found.is_seed_idle


def test_common_seeds_are_compared_whatever_their_order() -> None:
    base, low = seeded("base", BASE), seeded("low", BETTER)
    paired = judge([*base[:4], *low[1:]], "loss").by_name["low"]
    assert paired.against is not None
    assert paired.against.num == 3
    assert paired.against.mean.value == pytest.approx(sum(BETTER[1:4]) / 3 - sum(BASE[1:4]) / 3)
    turned = judge([*base[::-1], *low], "loss").by_name["low"]
    assert turned.against == judge([*base, *low], "loss").by_name["low"].against


def test_what_failed_is_missing_and_marked() -> None:
    found = results({"base": BASE, "low": [*BETTER[:3], "failed", ""]})["low"]
    assert (found.seeds_text, found.mark, found.num_done, found.num_seeds) == ("3/5, 1 failed", "†", 3, 5)
    assert [experiment.name for experiment in found.missing] == ["low+s3", "low+s4"]
    assert found.against is not None
    assert found.against.num == 3
    assert results({"base": BASE, "low": BETTER})["low"].seeds_text == "5"


def test_a_configuration_with_a_diverged_seed_is_never_better() -> None:
    found = results({"base": BASE, "low": [*BETTER[:4], "diverged"]})["low"]
    assert found.verdict == "no verdict: diverged on 1 of 5 seeds"
    assert found.seeds_text == "4/5, 1 diverged"
    assert found.mark == "†"
    assert verdicts({"low": BETTER, "high": [*BASE[:4], "diverged"]})["high"] == "worse"
    near = [5.42, 5.33, 5.45, 5.33, "diverged"]
    assert verdicts({"base": BASE, "near": near})["near"] == "no verdict: diverged on 1 of 5 seeds"


def test_nothing_is_worse_than_a_reference_that_diverged_on_a_seed() -> None:
    assert verdicts({"low": [*BETTER[:4], "diverged"], "high": BASE})["high"] == "no verdict: low diverged on 1 seed"
    assert verdicts({"base": [*BASE[:4], "diverged"], "low": BETTER})["low"] == "better"
    both = {"base": [*BASE[:4], "diverged"], "low": ["diverged", *BETTER[1:]]}
    assert verdicts(both)["low"] == "no verdict: diverged on 1 of 5 seeds"


def test_a_seed_that_went_on_with_nan_has_diverged() -> None:
    experiments = [*seeded("base", BASE), *seeded("low", [*BETTER[:4], math.nan])]
    found = judge(experiments, "loss").by_name["low"]
    assert found.seeds_text == "4/5, 1 diverged"
    assert found.finding is Finding.NO_VERDICT


def test_the_best_comes_first_and_what_diverged_last() -> None:
    levels: dict[str, Sequence[float | str]] = {
        "lost": ["diverged"] * 5,
        "base": BASE,
        "partly": [1.0, 1.0, "diverged"],
        "begun": [2.0, 2.1, "", ""],
        "waits": ["", ""],
        "low": BETTER,
    }
    judgement = judge([experiment for name in levels for experiment in seeded(name, levels[name])], "loss")
    assert [result.name for result in judgement.ranked] == ["low", "base", "begun", "partly", "waits", "lost"]
    assert judgement.best is not None
    assert judgement.best.name == "low"
    maximized = judge([*seeded("a", BASE, is_maximized=True), *seeded("b", BETTER, is_maximized=True)], "loss")
    assert [result.name for result in maximized.ranked] == ["a", "b"]
    assert judge(seeded("lost", ["diverged"]), "loss").best is None


def test_a_metric_that_nobody_logged_has_no_result() -> None:
    judgement = judge([*seeded("base", BASE), *seeded("low", BETTER)], "accuracy")
    assert [result.num_done for result in judgement.results] == [0, 0]
    assert judgement.best is None
