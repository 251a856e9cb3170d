"""`plan`, and `run --dry-run`: what a launch would do."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, cast

import typer

from launcher.cli import options
from launcher.cli.arguments import GroupedCommand
from launcher.cli.options import DEFAULT_JOB
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.overrides import parse
from launcher.terminal import colour, output

if TYPE_CHECKING:
    from launcher.planning.job import Sweep

_WIDTH = 80  # where stdout is no terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", cls=GroupedCommand)(plan_command)


def plan_command(
    job: options.Job = DEFAULT_JOB,
    only: options.Only = None,
    skip: options.Skip = None,
    overrides: options.Set = None,
    fresh: options.Fresh = False,
    devices: options.Devices = None,
    outcome: options.Outcome = None,
    logs: options.Logs = None,
    adopt: options.Adopt = False,
    parallel: options.Parallel = None,
    threads: options.Threads = None,
    slots_per_device: options.SlotsPerDevice = None,
    as_json: options.Json = False,
    verbose: options.Verbose = False,
    color: options.Color = "auto",
) -> None:
    """Say what run would do, in which order, on which devices, and why. Starts and writes nothing."""
    from launcher import api

    colour.choose(cast(colour.Mode, color))
    sweep = api.load(
        job,
        outcome=outcome,
        logs=logs,
        threads=threads,
        slots_per_device=slots_per_device,
        overrides=parse(overrides or []),
        only=only or (),
        skip=skip or (),
        adopt=adopt,
    )
    print_plan(sweep, LaunchOptions(devices, parallel, fresh), as_json=as_json, is_verbose=verbose)


def print_plan(sweep: Sweep, launch: LaunchOptions, *, as_json: bool, is_verbose: bool) -> None:
    """Print what a launch would do."""
    from launcher.planning.preview import preview
    from launcher.terminal import plan_text

    planned = preview(sweep, launch)
    if as_json:
        output.print_json(planned.document())
        return
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else _WIDTH
    output.show(plan_text.text(planned, max(width, 40), is_verbose=is_verbose))
