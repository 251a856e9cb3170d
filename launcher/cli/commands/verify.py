"""`verify`: trains the first steps of finished experiments again and compares them with the records."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from launcher.cli import options
from launcher.cli.arguments import GroupedCommand
from launcher.cli.options import DEFAULT_JOB
from launcher.cli.sweep_options import SweepOptions
from launcher.errors import EXIT_DONE, EXIT_FAILED
from launcher.terminal import output
from launcher.text import inline


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", cls=GroupedCommand)(verify_command)


def verify_command(
    experiments: options.Experiments = None,
    job: options.JobOption = DEFAULT_JOB,
    steps: Annotated[int, typer.Option(min=1, help="How many steps to train again.")] = 10,
    overrides: options.Set = None,
    devices: options.Devices = None,
    outcome: options.Outcome = None,
    as_json: options.Json = False,
) -> None:
    """Train the first steps of finished experiments again, alone, and compare them bit for bit with their records."""
    from launcher.engine.verify import verify

    sweep = SweepOptions(job=job, outcome=outcome, overrides=overrides).load()
    verdicts = verify(sweep, experiments or [], steps, devices)
    if as_json:
        output.print_json({"verdicts": [dataclasses.asdict(verdict) for verdict in verdicts]})
    else:
        for verdict in verdicts:
            output.show(inline(str(verdict), 2000))
    raise typer.Exit(EXIT_FAILED if any(verdict.difference for verdict in verdicts) else EXIT_DONE)
