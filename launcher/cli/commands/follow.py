"""`follow`: prints the logs of experiments as they grow, until the sweep ends.

It reads the logs and asks for the folder's lock, and the launcher knows nothing of it. Five times a second it opens
each log and reads the new lines.
"""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.completion import complete_experiment
from launcher.cli.options import DEFAULT_JOB, JobOption, Logs, Outcome
from launcher.cli.sweep_folder import check_names, find_sweep
from launcher.errors import EXIT_INTERRUPTED, InputError
from launcher.store.paths import Paths
from launcher.terminal import output
from launcher.terminal.streams import has_reader
from launcher.text import inline, printable

LOOK_INTERVAL_S = 0.2
LINE_LIMIT = 10_000  # characters


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("follow", cls=GroupedCommand)(follow_command)


def follow_command(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXPERIMENT]...", help="Which; default: all.", autocompletion=complete_experiment),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines to begin with.")] = 10,
    job: JobOption = DEFAULT_JOB,
    outcome: Outcome = None,
    logs: Logs = None,
) -> None:
    """Print the logs of experiments as they grow, several with their names before the lines. Ends with the sweep."""
    paths, known = find_sweep(job, outcome, logs)
    check_names(experiments or [], known)
    names = list(dict.fromkeys(experiments or known))
    try:
        _follow(paths, names, lines)
    except BrokenPipeError:  # `| head` has read enough
        pass
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except OSError as error:
        raise InputError(f"{inline(str(error.filename))} cannot be read: {error.strerror}.") from error


def _follow(paths: Paths, names: Sequence[str], num_lines: int) -> None:
    from launcher.store.locks import find_holder
    from launcher.store.log_tail import Tail

    width = max(len(name) for name in names)
    tails = {name: Tail(paths.log(name), num_lines) for name in names}
    prefixes = {name: f"{name:<{width}} | " if len(names) > 1 else "" for name in names}
    is_at_work = was_at_work = find_holder(paths.lock) is not None
    while True:
        came = False
        for name, tail in tails.items():
            if new := tail.read():
                came = True
                _print(prefixes[name], new)
        sys.stdout.flush()
        if not has_reader(sys.stdout.fileno()):
            raise BrokenPipeError
        if came:
            continue  # a log may have more lines than are read at a time
        if not is_at_work:
            break
        _pause()
        is_at_work = find_holder(paths.lock) is not None  # asked before the logs are read, so that no line is missed
    for name, tail in tails.items():
        _print(prefixes[name], tail.rest())
    sys.stdout.flush()
    if not was_at_work:
        with contextlib.suppress(OSError):
            output.message(f"(no launcher is at work in {paths.outcome}: nothing more will come)")


def _print(prefix: str, lines: Sequence[str]) -> None:
    sys.stdout.writelines(f"{prefix}{printable(line, LINE_LIMIT)}\n" for line in lines)


def _pause() -> None:
    """Wait until the next look.

    Raises:
        BrokenPipeError: stdout is a pipe, and nobody reads it any more.
    """
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # poll reports errors without being asked to
    if any(event & select.POLLERR for _, event in poll.poll(LOOK_INTERVAL_S * 1000)):
        raise BrokenPipeError
