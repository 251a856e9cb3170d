"""What the parameters of a sweep are, and how their values are ordered and written."""

from __future__ import annotations

from launcher.reports.analysis.parameters import Parameter, parameters_of, value_label
from launcher.store.experiment_state import ExperimentState


def test_a_grids_parameters_are_its_axes_in_the_order_of_the_job_file() -> None:
    states = [
        ExperimentState(name=f"{size}{lr}{seed}", seed=seed, cell={"size": size, "lr": lr}, config={"lr": lr, "n": 1})
        for size in ("small", "large")
        for lr in (1e-2, 1e-3)
        for seed in (0, 1)
    ]
    size, lr = parameters_of({"size": ["small", "medium", "large"], "lr": [1e-2, 1e-3]}, states)
    assert [list(size.levels.values()), list(lr.levels.values())] == [["small", "large"], [1e-3, 1e-2]]
    assert lr.is_numeric
    assert not size.is_numeric


def test_without_a_grid_the_keys_that_differ_are_the_parameters() -> None:
    states = [
        ExperimentState(name="a", config={"opt": {"lr": 0.1}, "n": 1}),
        ExperimentState(name="b", config={"opt": {"lr": 0.2, "momentum": 0.9}, "n": 1}),
    ]
    lr, momentum = parameters_of({}, states)
    assert (lr.name, momentum.name) == ("opt.lr", "opt.momentum")
    assert momentum.key("a") is None
    assert parameters_of({}, states[:1]) == []


def test_values_are_written_as_in_a_job_file_and_cannot_do_harm() -> None:
    assert [value_label(value) for value in (True, 16, 5e-4, "adam w", [1, 2], None)] == [
        "true", "16", "0.0005", "adam w", "[1, 2]", "none",
    ]  # fmt: skip
    assert value_label("\x1b[31m" + "x" * 99) == r"\x1b[31m" + "x" * 16 + "…"


def test_a_parameter_that_no_experiment_has_is_not_numeric() -> None:
    assert not Parameter("a", {}).is_numeric
