"""Options in groups: a field of a dataclass is an option of the command, declared once for all commands."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from launcher import api
from launcher.cli.commands.plan import plan_command
from launcher.cli.commands.run import run_command
from launcher.cli.option_groups import DECLARED, with_options
from launcher.cli.sweep_options import SweepOptions
from launcher.errors import InputError
from launcher.planning.launch_options import LaunchOptions

NOT_OF_PLAN = {"retries", "fail_fast", "wait", "leave", "start_method"}
OF_ONE_COMMAND = {"detach", "on_finish", "dry_run", "quiet"}


@dataclass(frozen=True)
class Group:
    threads: int | None = 2
    fresh: bool = False


@dataclass(frozen=True)
class Factory:
    only: list[str] = field(default_factory=list)


def names(command: object) -> list[str]:
    assert callable(command)
    return list(inspect.signature(command).parameters)


def test_run_has_every_declared_option_in_the_order_of_the_declarations() -> None:
    assert names(run_command) == list(DECLARED)


def test_plan_has_the_options_of_run_that_change_what_it_says() -> None:
    assert names(plan_command) == [name for name in DECLARED if name not in NOT_OF_PLAN | OF_ONE_COMMAND]


def test_each_field_of_the_two_groups_is_an_option_with_the_fields_default() -> None:
    options = inspect.signature(run_command).parameters
    for group in (SweepOptions, LaunchOptions):
        for member in fields(group):
            assert options[member.name].default == member.default


def test_the_options_of_a_sweep_are_the_arguments_of_load() -> None:
    arguments = set(inspect.signature(api.load).parameters) - {"job_file"}
    assert arguments == {member.name for member in fields(SweepOptions)} - {"job"}


def test_a_command_gets_its_groups_and_what_is_left_out_has_its_default() -> None:
    got: list[object] = []
    app = typer.Typer()

    @app.command()
    @with_options(leave_out=("fresh",))
    def command(group: Group, verbose: bool = False) -> None:
        """Do something."""
        got.extend([group, verbose])

    runner = CliRunner()
    assert runner.invoke(app, ["--threads", "3", "-v"]).exit_code == 0
    assert runner.invoke(app, []).exit_code == 0
    assert runner.invoke(app, ["--fresh"]).exit_code == 2
    assert got == [Group(threads=3), True, Group(threads=2), False]
    assert "Do something." in runner.invoke(app, ["--help"]).output


def test_an_option_that_is_not_declared_or_has_no_default_is_a_mistake_of_ours() -> None:
    def undeclared(speed: int = 1) -> None: ...

    def factory(group: Factory) -> None: ...

    with pytest.raises(AssertionError, match="declare speed in"):
        with_options()(undeclared)
    with pytest.raises(AssertionError, match="only has none"):
        with_options()(factory)


def test_options_of_a_sweep_stand_in_the_place_of_what_the_job_file_says(tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text('[sweep]\ntarget = "toy:run"\nthreads = 4\n[config]\nlr = 1\n[experiments]\na = {}\nb = {}\n')
    sweep = SweepOptions(job=job).load()
    assert (sweep.settings.threads, sweep.config, sweep.only) == (4, {"lr": 1}, None)
    sweep = SweepOptions(job=job, threads=2, overrides=["lr=2"], only=["a"], retries=0).load()
    assert (sweep.settings.threads, sweep.config, sweep.only) == (2, {"lr": 2}, frozenset({"a"}))
    with pytest.raises(InputError, match="write it as key=value"):
        SweepOptions(job=job, overrides=["lr"]).load()
