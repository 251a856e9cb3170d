"""Which key of the configuration colours the lines."""

from __future__ import annotations

import math
import random
from typing import Any

from launcher.reports.plots.key_colours import KeyColours, find_key

NUM = 40


def found(configs: list[dict[str, Any]], levels: list[float]) -> KeyColours | None:
    names = [f"e{place}" for place in range(len(configs))]
    return find_key(dict(zip(names, configs, strict=True)), dict(zip(names, levels, strict=True)))


def test_the_key_that_separates_the_levels_best_is_found() -> None:
    chance = random.Random(0)
    configs = [
        {"optimiser": {"lr": 10 ** chance.uniform(-5, -1)}, "width": chance.choice([1, 2]), "same": 3, "seed": place}
        for place in range(NUM)
    ]
    key = found(configs, [math.log10(config["optimiser"]["lr"]) ** 2 + config["width"] / 10 for config in configs])
    assert key is not None
    assert (key.key, key.categories, key.is_log) == ("optimiser.lr", (), True)
    assert min(key.places.values()) == 0.0
    assert max(key.places.values()) == 1.0


def test_few_values_are_categories_numbers_in_order() -> None:
    configs = [{"width": [512, 8, 64][place % 3]} for place in range(NUM)]
    key = found(configs, [float(config["width"]) for config in configs])
    assert key is not None
    assert key.categories == ("8", "64", "512")
    words = [{"bias": place % 2 == 0, "x": None} for place in range(NUM)]
    key = found(words, [float(word["bias"]) for word in words])  # type: ignore[arg-type]
    assert key is not None
    assert (key.key, set(key.categories)) == ("bias", {"True", "False"})


def test_a_key_that_explains_little_colours_nothing() -> None:
    chance = random.Random(1)
    configs = [{"lr": chance.random(), "name": f"n{place}"} for place in range(NUM)]
    assert found(configs, [chance.random() for _ in configs]) is None
    assert found([{"lr": 1.0}] * NUM, [chance.random() for _ in range(NUM)]) is None
    assert found([{"lr": float(place)} for place in range(5)], [1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert found([{"lr": place % 2} for place in range(NUM)], [1.0] * NUM) is None


def test_odd_values_of_a_configuration_colour_nothing_and_raise_nothing() -> None:
    odd: list[Any] = [math.nan, math.inf, 10**400, None, "x" * 500, [1], {}, True]
    configs = [{"a": odd[place % len(odd)], "b": place} for place in range(NUM)]
    found(configs, [float(place) for place in range(NUM)])
    found(configs, [float(place % len(odd)) for place in range(NUM)])
    found([{"a": {"b": 1}} if place % 2 else {"a": 1} for place in range(NUM)], [float(n % 2) for n in range(NUM)])


def test_values_of_experiments_that_have_no_level_count_as_categories_too() -> None:
    models = [f"model{place % 9}" for place in range(NUM)]
    names = [f"e{place}" for place in range(NUM)]
    configs = {name: {"model": model} for name, model in zip(names, models, strict=True)}
    levels = {name: float(model[-1]) for name, model in zip(names, models, strict=True) if model[-1] < "7"}
    assert find_key(configs, levels) is None, "two of nine models have the colours of others"
    key = find_key({name: configs[name] for name in levels}, levels)
    assert key is not None
    assert len(key.categories) == 7
