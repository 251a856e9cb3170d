"""A plan in words: what to know before a start, and what is trained again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.config.identity import Content
from launcher.planning.decision import Decision, PlannedAction, RepeatedTraining
from launcher.planning.experiment import Experiment
from launcher.planning.job import Sweep, load
from launcher.planning.plan import Plan
from launcher.planning.wording import describe, notices, repeated_training
from launcher.store.launch_info import LaunchInfo
from launcher.store.manifest import read_manifest, write_manifest
from launcher.store.paths import Paths


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    job = tmp_path / "job.toml"
    job.write_text('[sweep]\ntarget = "train:run"\n[experiments]\na = { lr = 1 }\nlonger = {}\n')
    return load(job)


def decided(name: str, action: PlannedAction, config: dict[str, object] | None = None, **fields: object) -> Decision:
    config = config or {"name": name}
    experiment = Experiment(name, 0, {}, config, name, content=Content("train:run", config, 0))
    return Decision(experiment, action, "why", 1, **fields)  # type: ignore[arg-type]


def plan_of(sweep: Sweep, *decisions: Decision) -> Plan:
    return Plan(sweep, Paths(Path("out"), Path("log")), list(decisions))


def test_a_line_for_each_experiment_in_columns(sweep: Sweep) -> None:
    plan = plan_of(sweep, decided("a", PlannedAction.RUN), decided("longer", PlannedAction.KEEP))
    first, *rest = describe(plan).splitlines()
    assert first.endswith("job.toml, 1 of 2 to run:")
    assert rest == ["  run    a       why", "  keep   longer  why"]


def test_of_a_large_sweep_those_with_alike_reasons_share_a_line(sweep: Sweep) -> None:
    new = [replace(decided(f"lr_{place}", PlannedAction.RUN), why="new {}") for place in range(40)]
    kept = [replace(decided(f"e{place}", PlannedAction.KEEP), why=f"done, {place} steps") for place in range(2)]
    assert describe(plan_of(sweep, *new, *kept)).splitlines()[1:] == [
        "  run    lr_0, lr_1, lr_2 and 37 more  new {}",
        "  keep   e0, e1  done, 0 steps, and the like",
    ]


def test_an_override_that_does_not_reach_an_experiment_is_told(sweep: Sweep) -> None:
    plan = plan_of(replace(sweep, cli_overrides={"lr": 3, "depth": 2}), decided("a", PlannedAction.RUN))
    assert notices(plan) == ["-S lr=3 is not for a: sets it itself."]


def test_a_slip_in_maximize_is_told(tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    maximize = '"accc", "val/acc", "throughput", "val/ac", "eval_f1", "my/acc"'
    metrics = f'metrics = ["acc", "val/acc", "eval_loss"]\nmaximize = [{maximize}]\n'
    job.write_text(f'[sweep]\ntarget = "train:run"\n{metrics}[experiments]\na = {{}}\n')
    told = notices(plan_of(load(job), decided("a", PlannedAction.RUN)))
    assert told == [f'{job}:4: maximize names accc, which is not in metrics. Did you mean "acc"?']


@pytest.mark.parametrize(("line", "is_given"), [("maximize = []", True), ('maximize = ["acc"]', True), ("", False)])
def test_what_is_maximized_is_said_also_by_an_empty_list(tmp_path: Path, line: str, is_given: bool) -> None:
    job = tmp_path / "job.toml"
    job.write_text(f'[sweep]\ntarget = "train:run"\nmetrics = ["acc"]\n{line}\n[experiments]\na = {{}}\n')
    manifest = plan_of(load(job), decided("a", PlannedAction.RUN)).manifest(LaunchInfo())
    assert manifest.is_maximize_given is is_given
    write_manifest(Paths(tmp_path, tmp_path), manifest)
    assert read_manifest(Paths(tmp_path, tmp_path)) == manifest


def test_a_secret_is_told_by_its_key_and_never_by_its_value(sweep: Sweep) -> None:
    (notice,) = notices(plan_of(sweep, decided("a", PlannedAction.RUN, {"api_key": "hunter2"})))
    assert notice == "values of api_key are written nowhere: ***."


@pytest.mark.parametrize(
    ("first", "second", "is_told"),
    [("run", "run", True), ("run", "keep", True), ("keep", "keep", False), ("run", "leave", False)],
)
def test_the_same_training_twice_is_told_where_it_is_still_to_be_done(
    sweep: Sweep, first: str, second: str, is_told: bool
) -> None:
    same = [decided(name, PlannedAction(action), {"lr": 1}) for name, action in (("a", first), ("b", second))]
    assert notices(plan_of(sweep, *same)) == (
        ["a, b have the same configuration: the same numbers 2 times."] if is_told else []
    )


def repeating(name: str, *, is_finished: bool, is_set_aside: bool, steps: int = 10) -> Decision:
    repeats = RepeatedTraining(steps, 30.0, is_finished, is_set_aside, "digest")
    return decided(name, PlannedAction.REDO, repeats=repeats)


def test_each_kind_of_repeated_training_has_a_line(sweep: Sweep) -> None:
    plan = plan_of(
        sweep,
        repeating("a", is_finished=True, is_set_aside=True),
        repeating("b", is_finished=True, is_set_aside=True),
        repeating("c", is_finished=False, is_set_aside=True, steps=1),
        repeating("d", is_finished=False, is_set_aside=False),
        repeating("none", is_finished=False, is_set_aside=False, steps=0),
    )
    assert repeated_training(plan) == [
        "2 finished experiments are trained again: 20 steps, 1:00 min of training are repeated; what they left is kept "
        "in out/earlier.",
        "1 unfinished experiment begins anew: 1 step, 30.0 s of training are repeated; what it left is kept in "
        "out/earlier.",
        "1 unfinished experiment begins anew: 10 steps, 30.0 s of training are repeated; there is no checkpoint to go "
        "on from.",
    ]


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ('events = "runs/**/*tfevents*"', "a, longer"),
        ('events = ["{dir}/*.csv", "all.jsonl"]', "a, longer"),
        ('events = "*.csv"\ncwd = "work"', "a, longer"),
        ('events = "*.csv"\ncwd = "{dir}"', ""),
        ('events = "{dir}/*.csv"', ""),
        ('events = "runs/{name}/*.csv"', ""),
        ('events = "runs/{lr}/*.csv"', ""),
    ],
)
def test_files_with_metrics_of_several_experiments_are_told_where_they_run_side_by_side(
    tmp_path: Path, keys: str, named: str
) -> None:
    job = tmp_path / "job.toml"
    job.write_text(f'[sweep]\ncommand = ["x"]\n{keys}\n[experiments]\na = {{ lr = 1 }}\nlonger = {{ lr = 2 }}\n')
    experiments = [
        Decision(Experiment(name, place, {}, {"lr": place}, name, given={"lr": place}), PlannedAction.RUN, "new", 1)
        for place, name in enumerate(("a", "longer"))
    ]
    plan = plan_of(load(job), *experiments)
    assert notices(plan) == []
    told = notices(plan, is_parallel=True)
    assert [text.partition("the same files for ")[2].partition(":")[0] for text in told] == ([named] if named else [])
    assert notices(plan_of(load(job), experiments[0]), is_parallel=True) == []
