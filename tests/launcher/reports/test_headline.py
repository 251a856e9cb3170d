"""The answer of a sweep in a line."""

from __future__ import annotations

import math
from dataclasses import replace

from launcher.reports.analysis import best_first
from launcher.reports.headline import headline, headlines
from tests.launcher.reports.analysis.states import made

BASE = made("baseline", [3.0, 2.0, 2.5], index=0)
BETTER = made("lr_1e-3", [3.0, 1.5, 1.75], index=1, overrides={"lr": 1e-3})
WORSE = made("wide", [3.0, 2.25], index=2, overrides={"width": 9})


def test_the_best_is_set_beside_the_reference() -> None:
    found = headline([BASE, BETTER, WORSE], "loss")
    assert found == "best loss 1.5000 at step 2: lr_1e-3, 0.500 lower than baseline (2.0000)"
    assert headline([BASE, BETTER], "acc") == ""


def test_a_reference_that_is_best_itself_or_has_overrides_is_set_beside_the_second() -> None:
    assert headline([BASE, WORSE], "loss").endswith(": baseline, 0.250 lower than wide (2.2500)")
    assert headline([WORSE, BETTER], "loss").endswith(": lr_1e-3, 0.750 lower than wide (2.2500)")
    assert headline([BASE], "loss") == "best loss 2.0000 at step 2: baseline"
    assert headline([made("baseline", [math.nan]), BETTER], "loss") == "best loss 1.5000 at step 2: lr_1e-3"


def test_more_may_be_better_and_what_failed_never_is() -> None:
    low = made("low", [0.5], is_maximized=True)
    high = made("high", [0.75], is_maximized=True, overrides={"lr": 1})
    crashed = made("crashed", [0.9], "failed", is_maximized=True, overrides={"lr": 2})
    assert headline([low, high, crashed], "loss") == "best loss 0.7500 at step 1: high, 0.250 higher than low (0.5000)"
    assert [each.name for each in best_first([crashed, low, high], "loss")] == ["high", "low", "crashed"]


def test_what_was_not_trained_to_its_end_is_told() -> None:
    """A baseline that ran out of memory at step 2 is no measure of what was trained for a day."""
    failed = made("baseline", [3.0, 2.0], "out_of_memory", last_step=2)
    assert headline([failed, BETTER], "loss").endswith("lower than baseline (2.0000, out of memory after step 2)")
    wild = made("wild", [1.0, math.nan], overrides={"lr": 9})
    assert headline([BASE, wild], "loss") == (
        "best loss 1.0000 at step 1: wild (nan from step 2 on), 1.00 lower than baseline (2.0000)"
    )
    stopped = made("a", [1.0, 0.5], "interrupted", overrides={"lr": 9}, last_step=2)
    assert ": a (interrupted after step 2), 1.50 lower than baseline (2.0000)" in headline([BASE, stopped], "loss")


def test_of_two_that_run_nothing_more_is_told_and_of_one_that_it_runs() -> None:
    runs = [replace(made(name, [value], "", overrides=given), state="running", last_step=1)
            for name, value, given in (("baseline", 2.5, {}), ("b", 1.0, {"lr": 1}))]  # fmt: skip
    assert headline(runs, "loss") == "best loss 1.0000 at step 1: b, 1.50 lower than baseline (2.5000)"
    assert headline([runs[0], BETTER], "loss").endswith("lower than baseline (2.5000, running after step 1)")


def test_equal_and_boundless_values_have_no_difference() -> None:
    same = made("same", [2.0], overrides={"lr": 1})
    assert headline([BASE, same], "loss").endswith(": baseline, same has 2.0000")
    far = [made("baseline", [1.5e308]), made("far", [-1.5e308], overrides={"lr": 1})]
    assert headline(far, "loss").endswith(": far, baseline has 1.5e+308")


def test_the_level_at_the_end_follows_the_first_metric() -> None:
    steady = [made(name, [value + noise / 10 for noise in range(5)] * 20, index=index)
              for index, (name, value) in enumerate((("a", 1.0), ("b", 2.0)))]  # fmt: skip
    lines = headlines(steady, ["loss", "acc"])
    assert len(lines) == 2
    assert lines[1].startswith("best loss at the end: a, 1.2")
    assert lines[1].endswith("ahead of b: a clear lead")


def test_the_best_come_first_and_those_without_a_value_keep_their_order() -> None:
    order = best_first([WORSE, made("none", [], index=0), BASE, made("nan", [math.nan], index=1)], "loss")
    assert [each.name for each in order] == ["baseline", "wide", "none", "nan"]
