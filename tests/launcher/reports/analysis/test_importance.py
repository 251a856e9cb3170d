"""How much of the order of the results each parameter explains."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.reports.analysis.importance import Importance, explained, groups_of, importance, ranks
from launcher.reports.analysis.parameters import Parameter

Config = Mapping[str, Any]


def judged(configs: Sequence[Config], results: Sequence[float], **rest: Any) -> Importance:
    names = [f"e{place}" for place in range(len(configs))]
    keys = dict.fromkeys(key for config in configs for key in config)
    parameters = [
        Parameter(key, {name: config[key] for name, config in zip(names, configs, strict=True) if key in config})
        for key in keys
    ]
    found = importance(parameters, dict(zip(names, results, strict=True)), **rest)
    assert found is not None
    return found


def drawn(seed: int, num: int, result: Callable[[Config], float]) -> Importance:
    chance = random.Random(seed)
    configs = [{"a": chance.random(), "b": chance.random(), "word": chance.choice("xyz")} for _ in range(num)]
    return judged(configs, [result(config) for config in configs])


def test_a_parameter_that_does_nothing_has_no_importance_on_average() -> None:
    """A single draw of 100 results is off by its noise; the mean of many is not."""
    found = []
    for seed in range(60):
        chance = np.random.default_rng(seed)
        ranked = ranks(chance.normal(size=100))
        groups = groups_of(list(chance.normal(size=100)))
        assert groups is not None
        found.append(explained(ranked, groups))
    assert abs(float(np.mean(found))) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_of_ten_a_and_b_the_first_is_far_more_important(seed: int) -> None:
    found = drawn(seed, 100, lambda config: 10 * config["a"] + config["b"])
    assert next(iter(found.shares)) == "a"
    assert found.shares["a"] > 0.85
    assert found.shares["b"] < 0.05
    assert found.shares["word"] < 0.05


@given(st.integers(0, 1000), st.sampled_from(["log", "exp", "cube"]))
def test_a_monotone_transform_of_the_results_changes_nothing(seed: int, kind: str) -> None:
    transform = {"log": math.log, "exp": math.exp, "cube": lambda x: x**3}[kind]
    chance = random.Random(seed)
    configs = [{"a": chance.choice([1, 2, 3]), "b": chance.random()} for _ in range(40)]
    results = [1 + config["a"] + config["b"] for config in configs]
    assert judged(configs, results) == judged(configs, [transform(result) for result in results])


@given(st.integers(0, 1000))
def test_a_monotone_transform_of_a_parameter_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    configs = [{"a": 1 + chance.random()} for _ in range(50)]
    results = [config["a"] + chance.random() for config in configs]
    assert judged(configs, results) == judged([{"a": math.log(config["a"])} for config in configs], results)


def test_what_two_parameters_do_together_is_apart_from_noise_where_there_are_seeds() -> None:
    chance = random.Random(0)
    cells = [{"a": a, "b": b} for a, b in itertools.product(range(4), range(4))]
    configs = [cell for cell in cells for _ in range(3)]
    groups = {f"e{place}": str(configs[place]) for place in range(len(configs))}
    together = judged(configs, [c["a"] * 3 + (c["b"] ^ c["a"]) + chance.gauss(0, 0.1) for c in configs])
    assert together.noise is None
    assert together.rows[-1][0] == "together and noise"
    apart = judged(
        configs, [c["a"] * 3 + (c["b"] ^ c["a"]) + chance.gauss(0, 0.1) for c in configs], configurations=groups
    )
    assert apart.noise is not None
    assert apart.noise < 0.1
    assert sum(share for _, share in apart.rows) == pytest.approx(1.0)
    noise = judged(configs, [chance.random() for _ in configs], configurations=groups)
    assert noise.noise is not None
    assert noise.noise > 0.6


def test_fewer_than_twenty_results_or_equal_ones_say_nothing() -> None:
    parameters = [Parameter("a", {f"e{place}": place for place in range(30)})]
    assert importance(parameters, {f"e{place}": float(place) for place in range(19)}) is None
    assert importance(parameters, {f"e{place}": 1.0 for place in range(30)}) is None


def test_diverged_results_have_the_last_rank_and_may_be_many() -> None:
    configs = [{"lr": 10.0 ** -(place % 4)} for place in range(40)]
    found = judged(configs, [math.inf if config["lr"] == 1.0 else config["lr"] for config in configs])
    assert found.shares["lr"] == pytest.approx(1.0)


def test_an_experiment_without_a_parameter_is_in_a_group_of_its_own() -> None:
    configs = [{"opt": "sgd", "momentum": 0.9} if place % 2 else {"opt": "adam"} for place in range(40)]
    found = judged(configs, [float(place % 2) for place in range(40)])
    assert found.shares == {"opt": pytest.approx(1.0), "momentum": pytest.approx(1.0)}


def test_values_that_each_stand_alone_and_are_no_numbers_cannot_be_judged() -> None:
    found = judged([{"name": f"n{place}", "a": place} for place in range(40)], [float(place) for place in range(40)])
    assert set(found.shares) == {"a"}


def test_odd_values_raise_nothing() -> None:
    odd: list[Any] = [math.nan, math.inf, 10**400, None, "x" * 500, [1], {}, True]
    found = judged(
        [{"a": odd[place % len(odd)]} for place in range(40)], [float(place % len(odd)) for place in range(40)]
    )
    assert 0 <= found.shares["a"] <= 1
