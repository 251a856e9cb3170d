"""Observations: what differs from the reference, at what cost, and what went wrong, in sentences."""

from __future__ import annotations

import math

from launcher.reports.analysis import METHOD, observations
from launcher.store.experiment_state import ExperimentState
from tests.launcher.reports.analysis.states import ending_with, made


def said(*experiments: ExperimentState, metric: str = "loss") -> str:
    return " ".join(observations(experiments, [metric]))


def test_a_difference_is_told_with_its_standard_error_and_how_it_was_judged() -> None:
    base = made("base", ending_with([2.0, 2.2, 2.0, 2.2, 2.0, 2.2]))
    near = made("near", ending_with([1.9, 2.1, 1.9, 2.1, 1.9, 2.1]), overrides={"lr": 1})
    far = made("far", ending_with([1.0, 1.2, 1.0, 1.2, 1.0, 1.3]), overrides={"lr": 2})
    text = said(base, near, far)
    assert "near (lr=1): no clear difference: loss 0.100 ± 0.069 (4.7%) lower than base. Cost" in text
    assert "far (lr=2): better: loss 0.980 ± 0.077 (46.2%) lower than base. Cost" in text
    assert "Best loss: 1.0000 at step 1, by far (lr=2)." in text
    assert "Best loss at the end: far (lr=2), 1.140 ± 0.060, 0.880 ± 0.077 ahead of near: a clear lead." in text
    assert "with one seed" in text
    assert "4.60 step by step, from 3.36 to 4.60 otherwise" in METHOD


def test_pairs_are_told_as_pairs() -> None:
    same = {"data_order": "a"}
    base = made("base", ending_with([2.0, 2.5, 2.1, 2.6, 2.2]), facts=same)
    other = made("other", ending_with([2.3, 2.8, 2.4, 2.9, 2.5]), facts=same, overrides={"lr": 1})
    text = said(base, other)
    assert "(13.2%) higher than base, step by step on the same data. Cost" in text
    assert "ahead of other, step by step on the same data: a clear lead." in text


def test_a_single_step_is_no_evidence() -> None:
    text = said(made("base", [2.0]), made("other", [1.0], overrides={"lr": 1}))
    assert "other (lr=1): no verdict on 1 value: loss 1.00 (50.0%) lower than base." in text
    assert "1.00 ahead of base, of too few values to judge." in text


def test_the_same_numbers_are_no_difference() -> None:
    text = said(made("base", [2.0, 1.0] * 5), made("twin", [2.0, 1.0] * 5, overrides={"lr": 1}))
    assert "twin (lr=1): the same numbers as base. Cost" in text


def test_of_few_epochs_their_number_is_told() -> None:
    text = said(made("base", [3.0, 2.5, 2.0]), made("other", [3.0, 2.0, 1.0, 1.0], overrides={"lr": 1}))
    assert "other (lr=1): no verdict on 3 values: loss 1.00 (50.0%) lower than base." in text


def test_of_short_curves_no_steadiness_is_told() -> None:
    short, long = made("short", [3.0, 2.0, 1.0]), made("long", [2.0, 1.0] * 20)
    assert "How steady" not in said(short, made("other", [3.0, 2.0]))
    text = said(short, long)
    assert "varies by 0.490 (long) to 0.490 (long)" in text


def test_equal_ends_are_no_difference_and_no_copy() -> None:
    text = said(made("base", [2.0] + [0.0] * 30), made("fast", [1.0] + [0.0] * 30, overrides={"lr": 1}))
    assert "fast (lr=1): no difference at the end: the same loss there as base. Cost" in text
    assert "Best loss at the end: base, 0 ± 0, equal to fast." in text


def test_per_cent_are_told_where_they_say_something() -> None:
    zero = made("zero", [1e-9, -1e-9, 2e-9, 0.0, -2e-9, 1e-9])
    tiny = made("tiny", [1e-6] * 6)
    huge = made("huge", [1.0] * 6, overrides={"lr": 1})
    assert "%" not in said(zero, huge).split("Cost")[0]
    assert "%" not in said(tiny, huge).split("Cost")[0], "no 99999900.0%"


def test_what_failed_is_told_and_never_ranked() -> None:
    one = made("fine", [3.0] * 9)
    other = made("lost", [1.0, math.nan], "diverged", why="loss is nan at step 2", total=9, last_step=2)
    text = said(one, other, made("idle", [], ""))
    assert "lost ended after step 2 of 9: diverged, loss is nan at step 2. It is not ranked." in text
    assert "lost (1, the first at step 2)" in text
    assert "idle has not been started" in text


def test_costs_are_in_relation_to_the_reference() -> None:
    base = made("base", [2.0] * 6, seconds=100.0, peak_memory_bytes=1e9)
    wide = made("wide", [1.0] * 6, overrides={"width": 2}, seconds=150.0, peak_memory_bytes=1e9)
    assert "Cost: +50% time, the same steps and memory." in said(base, wide)


def test_a_thousand_experiments_are_still_a_short_list() -> None:
    many = [made(f"e{number}", [float(number)] * 6, overrides={"n": number}) for number in range(1000)]
    many += [made(f"f{number}", [math.nan], "failed", attempt=2) for number in range(1000)]
    sentences = observations(many, ["loss"])
    assert len(sentences) < 30
    assert max(map(len, sentences)) < 1000


def test_equal_failures_are_told_once() -> None:
    lost = [
        made(f"e{number}", [1.0] * number, "failed", why=f"ValueError: bad batch {number}", last_step=number)
        for number in range(1, 12)
    ]
    text = said(made("fine", [3.0] * 9), *lost, made("odd", [1.0], "failed", why="KeyError: 'x'", last_step=1))
    assert text.count("ValueError") == 1
    assert "11 ended after steps 1 to 11: failed, ValueError: bad batch 1. They are not ranked: e1, e2, " in text
    assert "odd ended after step 1: failed, KeyError: 'x'. It is not ranked." in text


def test_many_that_wait_or_run_are_a_sentence() -> None:
    text = said(*[made(f"e{number}", [], "") for number in range(100)])
    assert "100 experiments have not been started: e0, e1, e2, e3, e4, e5, e6, e7 and 92 more." in text
