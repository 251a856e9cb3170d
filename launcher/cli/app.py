"""The entry of the command line. Results go to stdout, progress and messages to stderr.

    python -m launcher [run] [JOB] [--parallel] [--devices …] [--only …] [-S key=value] [--dry-run]
    python -m launcher plan [JOB]
    python -m launcher report | status | wait [JOB]
    python -m launcher verify | follow | stop | retry [EXPERIMENT…] [--job JOB]
    python -m launcher try-log [JOB] FILE
    python -m launcher init SCRIPT

Each command is a module of `launcher.cli.commands`. `launcher.cli.options` declares the options, and
`launcher.cli.arguments` says how a line is read.
"""

from __future__ import annotations

import atexit
import copy
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from launcher.cli.arguments import DEFAULT_COMMAND, Commands, program_name
from launcher.cli.commands import control, follow, init, plan, report, run, status, try_log, verify, wait
from launcher.cli.commands.run import EXIT_CODES
from launcher.engine.signals import ignore_signal
from launcher.errors import EXIT_INTERRUPTED, LauncherError
from launcher.terminal import output
from launcher.text import printable

app = typer.Typer(
    cls=Commands,
    help="Train every experiment of a job file, each in its own process on its own device. "
    "Without a command: run. Without a job: jobs/report.toml.",
    epilog=EXIT_CODES,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (run, plan, report, verify, status, follow, control, wait, try_log, init):
    command.register(app)


def _print_versions(is_asked: bool) -> None:
    if is_asked:
        from launcher.cli import versions

        output.show("\n".join(f"{name} {version}" for name, version in versions.versions().items()))
        raise typer.Exit()


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_versions, help="Say the versions that matter to a result."
        ),
    ] = False,
) -> None:
    pass


def _narrowed(given: Sequence[str]) -> typer.Typer:
    """Return the app with the command that a line names, or with all where it names none.

    typer makes every option of every command of an app, and all but a few would be for nothing.
    """
    first = given[0] if given else ""
    name = DEFAULT_COMMAND if first.endswith(".toml") else first
    narrowed = copy.copy(app)
    narrowed.registered_commands = [command for command in app.registered_commands if command.name == name]
    return narrowed if narrowed.registered_commands else app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    ignore_signal(signal.SIGUSR1)  # a launch answers it; before and after, it must not end this process
    atexit.register(signal.signal, signal.SIGUSR1, signal.SIG_IGN)  # Python removes handlers before it exits
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _narrowed(given)(args=given, prog_name=program_name(sys.argv[0]), standalone_mode=True)
    except LauncherError as error:
        output.message(f"error: {printable(str(error), 20_000)}", "red")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
