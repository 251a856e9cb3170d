"""Sentences about configurations with several seeds: what the test shows, and nothing more."""

from __future__ import annotations

import random
import re

from launcher.reports.analysis import judge, method, observations
from launcher.reports.analysis.seed_observations import METHOD_OF_SEEDS, best_mean, verdict_counts
from launcher.reports.analysis.seed_text import difference_text, interval_text, mean_over_seeds, mean_text, p_text
from launcher.reports.analysis.significance import Mean
from launcher.reports.headline import headlines
from launcher.store.experiment_state import ExperimentState
from tests.launcher.reports.analysis.states import made, seeded

BASE = [5.40, 5.35, 5.46, 5.31, 5.47]
LOW = [5.31, 5.28, 5.36, 5.25, 5.33]
HIGH = [5.91, 5.88, 5.98, 5.80, 5.99]


def said(*experiments: ExperimentState) -> str:
    return "\n".join(observations(experiments, ["loss"]))


def sweep() -> list[ExperimentState]:
    return [
        *seeded("base", BASE, seconds=10.0),
        *seeded("lr=0.001", LOW, overrides={"lr": 0.001}, seconds=12.0),
        *seeded("wide", HIGH, overrides={"width": 512, "lr": 0.01}, seconds=10.0),
        *seeded("near", [5.42, 5.33, 5.45, 5.33, 5.46], overrides={"lr": 0.0005}),
    ]


def test_a_difference_is_told_with_interval_seeds_and_adjusted_p() -> None:
    text = said(*sweep())
    assert (
        "lr=0.001: better: loss 0.092 [0.053, 0.131] (1.7%) lower than base; better on 5 of 5 common seeds, "
        "correlation of the pairs 0.95; p = 0.0027, after Holm among 3 = 0.0054. Cost: +20% time, the same steps."
        in text
    )
    assert "wide (width=512, lr=0.01): worse: loss 0.514 [0.495, 0.533] (9.5%) higher than base; better on 0" in text
    assert "p < 0.001" in text
    assert (
        "near (lr=0.0005): no difference shown: between -0.023 and 0.023; with 5 seeds less than 0.023 could not have "
        "been shown (loss beside base; better on 3 of 5 common seeds" in text
    )
    assert "Each configuration has 5 seeds." in text
    assert "trained once" not in text


def test_the_answer_is_of_means_and_never_of_the_best_seed() -> None:
    lines = headlines(sweep(), ["loss"])
    assert lines == [
        "lowest mean loss at the end: lr=0.001, 5.306 ± 0.043 over 5 seeds; beside base -0.092 [-0.131, -0.053]: "
        "better",
        "loss beside base: 1 better (lr=0.001), 1 worse (wide), 1 no difference shown",
    ]
    lucky = [*seeded("base", BASE), *seeded("lucky", [4.0, *(level + 0.8 for level in BASE[1:])])]
    assert headlines(lucky, ["loss"])[0].startswith("lowest mean loss at the end: base, ")
    assert "Best loss" not in said(*lucky)


def test_one_seed_is_told_as_before() -> None:
    alone = [made("base", [5.0] * 6), made("other", [4.0] * 6, overrides={"lr": 1})]
    assert headlines(alone, ["loss"])[0].startswith("best loss 4.0000 at step 1: other")
    assert "trained once, with one seed" in said(*alone)
    assert method(alone) != METHOD_OF_SEEDS
    assert method(sweep()) == METHOD_OF_SEEDS


def test_nothing_is_called_better_that_the_test_does_not_show() -> None:
    """Of 60 sweeps of equal configurations, few have a verdict, and the words agree with the findings."""
    chance, num_called = random.Random(0), 0
    for _ in range(60):
        experiments = [
            experiment
            for number in range(6)
            for experiment in seeded(f"c{number}", [chance.gauss(5, 0.1) for _ in range(5)])
        ]
        judgement = judge(experiments, "loss")
        text = said(*experiments) + "\n".join(headlines(experiments, ["loss"]))
        for word in ("better", "worse"):
            is_found = any(result.verdict == word for result in judgement.results)
            is_called = re.search(rf"(: {word}:|\d {word} \(|\]: {word}$|\]: {word}\.)", text, re.MULTILINE) is not None
            assert is_called == is_found
        num_called += any(result.verdict in ("better", "worse") for result in judgement.results)
    assert num_called <= 8, "5 % of 60 are 3; more than 8 have a chance of 1 in 300"


def test_a_diverged_seed_is_told_with_the_verdict_and_without_p() -> None:
    text = said(*seeded("base", BASE), *seeded("low", [*LOW[:4], "diverged"]))
    line = next(line for line in text.split("\n") if line.startswith("low: "))
    assert line.startswith(
        "low: no verdict: diverged on 1 of 5 seeds: loss 0.080 [0.051, 0.109] (1.5%) lower than base"
    )
    assert " p " not in line
    text = said(*seeded("low", LOW), *seeded("high", [*HIGH[:4], "diverged"]))
    assert "better on 0 of 4 common seeds; diverged on 1 of 5 seeds; p < 0.001" in text


def test_few_seeds_are_told_to_show_little() -> None:
    text = said(*seeded("base", BASE[:2]), *seeded("low", LOW[:2]))
    assert "low: too few seeds: loss 0.08 [-0.05, 0.21]" in text
    assert "Each configuration has 2 seeds. So few seeds show no differences; 5 or more are usual." in text
    assert "Each configuration has 1 to 5 seeds." in said(*seeded("base", BASE), *seeded("low", LOW[:1]))


def test_seeds_that_change_nothing_are_told() -> None:
    text = said(*seeded("base", [2.0] * 3), *seeded("low", [1.0] * 3))
    assert "All seeds of base, low gave exactly the same loss at each step: the training does not use its seed" in text
    assert "low: too few seeds" in text


def test_the_two_best_are_set_beside_each_other_without_a_verdict() -> None:
    text = said(*sweep(), *seeded("close", [level + 0.01 for level in LOW[:4]] + LOW[4:]))
    assert (
        "The two best means are those of lr=0.001 and close: they differ by -0.0080 [-0.0136, -0.0024] on 5 common "
        "seeds. This is no test, as both were picked by their results." in text
    )
    assert "two best" not in said(*sweep()), "the reference is one of them: the verdict says it"


def test_a_single_configuration_has_a_mean_and_nothing_beside() -> None:
    assert headlines(seeded("base", BASE), ["loss"]) == ["mean loss at the end: base, 5.398 ± 0.069 over 5 seeds"]
    assert best_mean(judge(seeded("base", [""] * 3), "loss")) == ""
    assert verdict_counts(judge(seeded("base", BASE), "loss")) == ""


def test_means_say_of_how_many_seeds_they_are() -> None:
    by_name = judge(
        [*seeded("a", [*BASE[:3], "failed", ""]), *seeded("b", [1.0]), *seeded("c", [1.0, ""])], "loss"
    ).by_name
    assert mean_over_seeds(by_name["a"]) == "5.403 ± 0.055 over 3 of 5 seeds"
    assert mean_over_seeds(by_name["b"]) == "1.0000 on 1 seed"
    assert mean_over_seeds(by_name["c"]) == "1.0000 on 1 of 2 seeds"


def test_texts_of_what_is_not_known_are_dashes() -> None:
    assert (mean_text(None), interval_text(None), difference_text(None)) == ("-", "-", "-")
    alone = Mean(1.5, 1)
    assert (mean_text(alone), interval_text(alone), difference_text(alone)) == ("1.5000", "-", "1.50")
    assert (p_text(0.0), p_text(0.0123), p_text(1.0)) == ("< 0.001", "= 0.012", "= 1")


def test_two_hundred_configurations_are_still_a_short_list() -> None:
    chance = random.Random(1)
    experiments = [
        experiment
        for number in range(200)
        for experiment in seeded(f"lr={number}", [chance.gauss(5 + number / 50, 0.1) for _ in range(5)])
    ]
    sentences = observations(experiments, ["loss"])
    assert len(sentences) < 30
    assert max(map(len, sentences)) < 1000
    assert all(len(line) < 300 for line in headlines(experiments, ["loss"]))
