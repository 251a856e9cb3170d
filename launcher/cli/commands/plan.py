"""`plan`, and `run --dry-run`: what a launch would do."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.option_groups import with_options
from launcher.cli.sweep_options import SweepOptions
from launcher.planning.launch_options import LaunchOptions
from launcher.terminal import colour, output

if TYPE_CHECKING:
    from launcher.planning.job import Sweep

_WIDTH = 80  # where stdout is no terminal
_MIN_WIDTH = 40


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", cls=GroupedCommand)(plan_command)


@with_options(leave_out=("retries", "fail_fast", "wait", "leave", "start_method"))
def plan_command(
    sweep: SweepOptions,
    launch: LaunchOptions,
    as_json: bool = False,
    verbose: bool = False,
    color: colour.Mode = "auto",
) -> None:
    """Say what run would do, in which order, on which devices, and why. Starts and writes nothing."""
    colour.choose(color)
    gc.disable()  # to look through the objects of thousands of experiments takes longer than what it would free
    print_plan(sweep.load(), launch, as_json=as_json, is_verbose=verbose)


def print_plan(sweep: Sweep, launch: LaunchOptions, *, as_json: bool, is_verbose: bool) -> None:
    """Print what a launch would do."""
    from launcher.planning.preview import preview
    from launcher.terminal import plan_text

    planned = preview(sweep, launch)
    if as_json:
        output.print_json(planned.to_json())
        return
    width = output.stdout_width() or _WIDTH
    output.show(plan_text.text(planned, max(width, _MIN_WIDTH), is_verbose=is_verbose))
