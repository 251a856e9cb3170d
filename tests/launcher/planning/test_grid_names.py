"""Names of generated experiments: whatever is added to a job file, what was there keeps its name."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.config.notation import write
from launcher.planning import job
from launcher.planning.job import Sweep
from launcher.store.names import NAME

KEYS = ["lr", "batch", "act", "wide", "model.depth"]
VALUES = st.one_of(
    st.integers(-3, 200),
    st.floats(1e-6, 1e3, allow_nan=False).map(lambda value: float(f"{value:.3g}")),
    st.booleans(),
    st.sampled_from(["gelu", "re lu", "a/b", "Größe", "x" * 16, "", "s=1"]),
    st.lists(st.integers(0, 9), max_size=3),
)
AXES = st.dictionaries(
    st.sampled_from(KEYS), st.lists(VALUES, min_size=1, max_size=4, unique_by=write), min_size=1, max_size=4
)
CONFIG = {"lr": 0.001, "batch": 32, "act": "gelu", "wide": True, "model.depth": 2}


def make(grid: dict[str, Any], **settings: Any) -> Sweep:
    return Sweep.make(command=["true"], config=_nested(CONFIG), grid=_nested(grid), **settings)


def _nested(table: dict[str, Any]) -> dict[str, Any]:
    """`make` takes dotted keys as they stand, so nested tables are made here."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        outer, dot, inner = key.partition(".")
        found |= {outer: {inner: value}} if dot else {key: value}
    return found


def cells(sweep: Sweep) -> dict[str, str]:
    """Return what each name stands for: its configuration with that of the sweep, and its seed."""
    from launcher.config.nested import leaves, merge

    return {
        name: f"{sorted(leaves(merge(sweep.config, overrides)), key=str)} {sweep.cell(name).seed}"
        for name, overrides in sweep.experiments.items()
    }


def is_sound(grid: dict[str, list[Any]]) -> bool:
    """Whether no two values of an axis are equal for Python, as 1 and 1.0 are: such a grid is refused."""
    return all(
        len({write(float(v) if type(v) is int else v) for v in values}) == len(values) for values in grid.values()
    )


@settings(max_examples=25)
@given(AXES.filter(is_sound), VALUES, st.randoms(use_true_random=False))
def test_more_values_seeds_and_another_order_rename_nothing(
    grid: dict[str, list[Any]], value: Any, order: random.Random
) -> None:
    before = cells(make(grid, seeds=2))
    wider = {key: [*values] for key, values in grid.items()}
    wider[next(iter(wider))].append(value)
    for more in ({"grid": dict(order.sample(sorted(grid.items()), len(grid))), "seeds": 2}, {"grid": grid, "seeds": 5}):
        assert before.items() <= cells(make(more["grid"], seeds=more["seeds"])).items()
    if is_sound(wider):
        assert before.items() <= cells(make(wider, seeds=2)).items()


@settings(max_examples=25)
@given(
    AXES.filter(lambda grid: is_sound(grid) and "batch" not in grid),
    st.lists(st.integers(33, 99), unique=True, max_size=3),
)
def test_a_new_axis_whose_present_value_stands_in_config_renames_nothing(
    grid: dict[str, list[Any]], others: list[int]
) -> None:
    before = cells(make(grid))
    assert before.items() <= cells(make(grid | {"batch": [*others, CONFIG["batch"]]})).items()


@settings(max_examples=25)
@given(AXES.filter(is_sound))
def test_every_name_can_be_a_file_and_no_two_are_alike(grid: dict[str, list[Any]]) -> None:
    names = list(make(grid, seeds=3).experiments)
    assert all(NAME.fullmatch(name) for name in names)
    assert len({name.casefold() for name in names}) == len(names)


@pytest.mark.parametrize(
    ("grid", "names"),
    [
        ({"lr": [0.0005, 0.001, 1e-5]}, ["base", "lr=0.0005", "lr=1e-05"]),
        ({"lr": [0.01], "batch": [16, 32]}, ["batch=16+lr=0.01", "lr=0.01"]),
        ({"wide": [True, False]}, ["base", "wide=false"]),
        ({"batch": [32.0, 1]}, ["base", "batch=1"]),
        ({"act": ["re lu"]}, ["act=re-lu.4c8f"]),
        ({"act": [None], "lr": [1e16]}, ["act=none+lr=1e16"]),
        ({"+opt/lr": [2], "db@test": ["x"]}, ["opt-lr.0732=2+db-test.e281=x"]),
        ({"size": {"small": {"batch": 8, "lr": 0.1}, "now": {"batch": 32}}}, ["base", "size=small"]),
        ({"model": {"depth": [2, 4]}}, ["base", "model.depth=4"]),
    ],
)
def test_a_name_says_what_differs_from_the_configuration_and_base_comes_first(
    grid: dict[str, Any], names: list[str]
) -> None:
    assert list(make(grid).experiments) == names


def test_named_experiments_are_an_axis_and_keep_their_names() -> None:
    sweep = Sweep.make(
        command=["true"],
        config={"lr": 0.1},
        experiments={"baseline": {}, "wide": {"width": 2}},
        grid={"lr": [0.1, 0.2]},
        seeds=[3, 0],
        leave_out=[{"experiment": "wide", "lr": 0.2}],
    )
    assert list(sweep.experiments) == [
        "baseline+s3",
        "baseline+lr=0.2+s3",
        "wide+s3",
        "baseline",
        "baseline+lr=0.2",
        "wide",
    ]
    assert sweep.axes == {"experiment": ["baseline", "wide"], "lr": [0.1, 0.2]}
    assert sweep.cell("wide").values == {"experiment": "wide", "lr": 0.1}
    assert sweep.cell("baseline+lr=0.2+s3").group == "baseline+lr=0.2"


def test_a_job_file_with_a_grid_reads_like_one_made_in_python(tmp_path: Path) -> None:
    file = tmp_path / "job.toml"
    file.write_text(
        '[sweep]\ncommand = ["true"]\nseeds = 2\nleave_out = [{ size = "large", lr = 0.2 }]\n[config]\nlr = 0.1\n'
        "[grid]\nlr = { from = 0.1, to = 0.4, points = 3, log = true }\n"
        "[grid.size]\nsmall = { n = 1 }\nlarge = { n = 9 }\n"
    )
    read = job.load(file)
    made = Sweep.make(
        command=["true"],
        config={"lr": 0.1},
        grid={"lr": {"from": 0.1, "to": 0.4, "points": 3, "log": True}, "size": {"small": {"n": 1}, "large": {"n": 9}}},
        seeds=2,
        leave_out=[{"size": "large", "lr": 0.2}],
    )
    assert read.experiments == made.experiments
    first = ["size=small", "size=large", "lr=0.2+size=small", "lr=0.4+size=small"]  # nothing is as in [config]
    assert list(read.experiments)[:4] == first
