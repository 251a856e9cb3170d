"""The line of a configuration in a comparison: what its mean is made of, and what is drawn beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from launcher.reports.plots.comparison import Comparison
from launcher.reports.plots.line import Line
from launcher.reports.plots.sweep_comparison import compare, lines_of
from launcher.store.ending import EndingKind
from launcher.store.experiment_state import RUNNING, ExperimentState
from launcher.store.manifest import Manifest
from tests.launcher.reports.plots.states import assert_readable, falling, state


def seeded(name: str, ends: Sequence[float], first: int = 0, num: int = 60) -> list[ExperimentState]:
    return [
        replace(
            state(f"{name}+s{seed}" if seed else name, first + seed, falling(end, num, seed=seed)),
            group=name,
            seed=seed,
        )
        for seed, end in enumerate(ends)
    ]


def compared(states: Sequence[ExperimentState]) -> Comparison:
    manifest = Manifest("s", "job.toml", "m:run", 0, ["loss"], [], [])
    return compare(manifest, states, "loss", lines_of(states, "loss"))


def lines(comparison: Comparison) -> dict[str, Line]:
    return {line.name: line for line in comparison._choice.drawn}


def notes(comparison: Comparison) -> str:
    return " ".join(comparison._notes)


def broken(experiment: ExperimentState, kind: EndingKind, values: Sequence[float]) -> ExperimentState:
    curve = replace(experiment.curves["loss"], steps=tuple(range(1, len(values) + 1)), values=tuple(values))
    return replace(experiment, state=kind, ending=kind, curves={"loss": curve})


def test_with_several_seeds_a_line_is_a_configuration() -> None:
    comparison = compared([*seeded("base", [3.0, 3.2, 3.4]), *seeded("other", [2.0, 2.2, 2.4], 3)])
    found = lines(comparison)
    assert list(found) == ["base", "other"]
    assert found["base"].smooth[-1] == pytest.approx(3.2, abs=0.1)
    assert [line.index for line in found.values()] == [0, 1]
    assert_readable(comparison.figure)


def test_fewer_than_five_seeds_are_each_a_thin_line_and_from_five_on_there_is_a_band() -> None:
    few, many = compared(seeded("a", [3.0] * 4)), compared(seeded("a", [3.0] * 5))
    assert (len(lines(few)["a"].seeds), lines(few)["a"].band) == (4, None)
    assert lines(many)["a"].seeds == ()
    assert lines(many)["a"].band is not None
    assert "Thin: each seed" in notes(few)
    assert "95 % interval" not in notes(few)
    assert "95 % interval" in notes(many)
    assert "Thin" not in notes(many)
    drawn = [line.get_label() for line in few.figure.axes[0].lines]
    assert drawn.count("_seed") == 4
    assert many.figure.axes[0].collections


def test_a_diverged_seed_is_no_part_of_the_mean_and_is_drawn_by_itself() -> None:
    states = seeded("a", [3.0] * 6)
    states[2] = broken(states[2], EndingKind.DIVERGED, [*falling(3.0, 20), 1e4, 1e8, math.inf])
    comparison = compared(states)
    line = lines(comparison)["a"]
    assert line.suffix == " (5/6)"
    assert [seed.name for seed in line.seeds] == ["a+s2"]
    assert np.nanmax(line.smooth) < 12
    assert len(line.steps) == 60
    assert not line.may_win
    assert "(5/6): a mean of 5 seeds of 6; the others are not done." in notes(comparison)
    assert_readable(comparison.figure)


def test_a_configuration_without_a_seed_that_is_done_has_no_mean_and_can_be_drawn() -> None:
    states = seeded("a", [3.0] * 3)
    states = [broken(each, EndingKind.DIVERGED, [3.0, 2.0, math.nan]) for each in states]
    comparison = compared([*seeded("base", [3.0] * 3), *(replace(each, index=each.index + 3) for each in states)])
    line = lines(comparison)["a"]
    assert np.isnan(line.smooth).all()
    assert line.suffix == " (0/3)"
    assert len(line.seeds) == 3
    assert_readable(comparison.figure)


def test_while_seeds_run_the_mean_is_of_the_steps_that_all_have() -> None:
    states = [replace(each, state=RUNNING, ending=None) for each in seeded("a", [3.0] * 3)]
    states[1] = replace(states[1], curves={"loss": replace(states[1].curves["loss"], steps=tuple(range(1, 31)),
                                                           values=tuple(falling(3.0, 60)[:30]))})  # fmt: skip
    line = lines(compared(states))["a"]
    assert line.steps[-1] == 30
    assert line.is_cut
    assert "shortest" in notes(compared(states))


def test_seeds_that_end_at_other_steps_do_not_bend_the_mean() -> None:
    short = seeded("a", [3.0] * 3)
    long = replace(state("a+s3", 3, falling(3.0, 90, seed=3)), group="a", seed=3)
    line = lines(compared([*short, long]))["a"]
    assert (line.steps[-1], line.is_cut) == (60, True)


def test_of_many_configurations_the_best_means_are_named_never_the_best_seed() -> None:
    states = []
    for place in range(20):
        states += seeded(f"c{place}", [3 + place / 10] * 2, 2 * place)
    lucky = broken(states[-1], EndingKind.DONE, falling(2.0, 60))  # the mean is 3.45
    comparison = compared([*states[:-1], lucky])
    assert [line.name for line in comparison._choice.named] == ["c0", "c1", "c2", "c3", "c4"]
    assert "Of 20 configurations" in notes(comparison)


def test_one_seed_each_looks_as_it_did() -> None:
    states = [state("a", 0, falling(3.0)), state("b", 1, falling(2.0))]
    comparison = compared(states)
    assert all(not line.seeds and line.band is None for line in comparison._choice.drawn)
    assert "Faint: the values as logged" in notes(comparison)
