"""`run`: launches a sweep and prints how it ended."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.commands.plan import print_plan
from launcher.cli.option_groups import with_options
from launcher.cli.sweep_options import SweepOptions
from launcher.errors import InputError
from launcher.planning.launch_options import LaunchOptions
from launcher.store.paths import Paths
from launcher.terminal import colour, output

if TYPE_CHECKING:
    from launcher.planning.job import Sweep

EXIT_CODES = (
    "Exit codes: 0 all done, 1 an experiment failed, 2 bad input and nothing started, 3 folder or device in use, 4 no "
    "usable device, 5 a view cannot be written, 129, 130, 143 stopped by hang-up, Ctrl-C, terminate."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", cls=GroupedCommand, epilog=EXIT_CODES)(run_command)


@with_options()
def run_command(
    sweep: SweepOptions,
    launch: LaunchOptions,
    detach: bool = False,
    on_finish: str | None = None,
    dry_run: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    color: colour.Mode = "auto",
) -> None:
    """Train the experiments of a job file; those done already are kept. The same command again continues."""
    colour.choose(color)
    loaded = sweep.load()
    if dry_run:
        print_plan(loaded, launch, as_json=as_json, is_verbose=verbose)
        return
    if launch.ask:
        raise InputError("--ask is for plan and --dry-run: a launch asks the cluster anyway.")
    if detach:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    quiet = quiet and not verbose  # who asks for both wants to see more
    _launch(loaded, launch, on_finish, as_json=as_json, is_quiet=quiet, is_verbose=verbose)


def _launch(
    sweep: Sweep, options: LaunchOptions, on_finish: str | None, *, as_json: bool, is_quiet: bool, is_verbose: bool
) -> None:
    from launcher import api
    from launcher.cli import on_finish as finishing
    from launcher.reports.results_text import heading
    from launcher.shell_command import command_to_type
    from launcher.terminal.console import Console

    command = finishing.split(on_finish) if on_finish is not None else None
    paths, metrics = Paths(sweep.outcome, sweep.logs), sweep.settings.metrics
    began_s = time.monotonic()
    summary = api.launch(sweep, options, Console(is_quiet=is_quiet, is_verbose=is_verbose))
    seconds = time.monotonic() - began_s
    experiments = [] if summary.has_lost_folder else finishing.results(sweep, summary.short)
    document = finishing.document(sweep, summary, experiments, seconds)
    if as_json:
        output.print_json(document)
    elif experiments:
        status = command_to_type("status", sweep.job_file, sweep.folders)
        which = heading(sweep.name, str(sweep.job_file), sweep.settings.seed, experiments)
        output.print_results(experiments, metrics, paths, status, which)
    given = sweep.is_maximize_given
    output.print_summary(summary, paths, experiments, metrics, fresh=options.fresh, is_maximize_given=given)
    if command is not None and not summary.had_work:
        output.message("--on-finish is not run: nothing was to do.")
    elif command is not None and (problem := finishing.run(command, document)):
        output.message(problem)
    raise typer.Exit(summary.exit_code)
