"""`WandbSteps`: under which steps the calls of wandb's runs are recorded."""

from __future__ import annotations

from typing import Any

from launcher.integrations.wandb_steps import WandbSteps


class Run:
    """In the shape of wandb's."""

    def __init__(self, starting_step: int = 0) -> None:
        self._starting_step = starting_step
        self._is_finished = False


def counted(steps: WandbSteps, run: Any, *calls: int | None, main: Any = None) -> list[int]:
    """Return the steps of some calls, each with a step of its own or None."""
    return [steps.step(run, step, None, main) for step in calls]


def test_calls_are_counted_from_0_and_one_without_commit_shares_the_step_of_the_next() -> None:
    steps, run = WandbSteps(None), Run()
    assert [steps.step(run, None, False, run), *counted(steps, run, None, None, 10, None)] == [0, 0, 1, 10, 10]


def test_a_run_after_one_that_is_finished_is_counted_on() -> None:
    steps, runs = WandbSteps(None), [Run() for _ in range(3)]
    found = []
    for run in runs:
        found += counted(steps, run, None, None)
        run._is_finished = True
    assert found == [0, 1, 2, 3, 4, 5]


def test_a_run_that_takes_the_place_of_another_is_counted_on() -> None:
    steps, first, second = WandbSteps(None), Run(), Run()
    assert counted(steps, first, 0, 1, main=first) == [0, 1]
    assert counted(steps, second, 0, 1, main=second) == [2, 3], "wandb disabled marks no run as finished"


def test_runs_at_the_same_time_share_their_steps() -> None:
    steps, main, other = WandbSteps(None), Run(), Run()
    assert counted(steps, main, None, main=main) == [0]
    assert counted(steps, other, None, None, main=main) == [0, 1]
    assert counted(steps, main, None, main=main) == [1]


def test_calls_of_an_attempt_that_goes_on_are_counted_on() -> None:
    steps, run = WandbSteps(35), Run()
    assert counted(steps, run, None, None) == [36, 37]
    run._is_finished = True
    assert counted(steps, Run(), None) == [38]


def test_an_attempt_that_goes_on_and_names_its_steps_is_recorded_by_them() -> None:
    steps, run = WandbSteps(35), Run()
    assert counted(steps, run, 30, 31) == [30, 31]
    run._is_finished = True
    assert counted(steps, Run(), None) == [32]


def test_where_only_the_first_call_names_no_step_the_named_ones_count_from_it_on() -> None:
    assert counted(WandbSteps(35), Run(), None, 30, 36, 37, 38) == [36, 36, 36, 37, 38]


def test_a_run_that_wandb_itself_goes_on_with_has_wandbs_steps() -> None:
    assert counted(WandbSteps(35), Run(starting_step=31), None, None) == [31, 32]
