"""`wait`: returns when no launcher is at work in a sweep's folder any more, for scripts: `wait && next-step`.

It asks for the kernel's lock on the folder, not for a pid: the lock is free when the launcher is gone, however it went.
What goes on on a cluster without a launcher is waited for, too.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.options import DEFAULT_JOB, Job, Logs, Outcome
from launcher.cli.sweep_folder import find_sweep, no_sweep_error
from launcher.errors import EXIT_FAILED, EXIT_TIMEOUT
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.terminal import output
from launcher.text import inline

LOOK_INTERVAL_S = 0.2
CLUSTER_INTERVAL_S = 2.0  # between two looks at a folder that several machines share


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("wait", cls=GroupedCommand)(wait_command)


def wait_command(
    job: Job = DEFAULT_JOB,
    outcome: Outcome = None,
    logs: Logs = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Give up after so many seconds, with exit code 124.")
    ] = None,
) -> None:
    """Wait for the launcher of a sweep to end. Exit code 0: everything is done; 1: something failed or is missing."""
    from launcher.reports.status import read_status
    from launcher.terminal import status_text

    paths, _ = find_sweep(job, outcome, logs)
    deadline_s = None if timeout is None else time.monotonic() + timeout
    while (at_work := _at_work(paths)) is not None:
        who, interval_s = at_work
        left_s = interval_s if deadline_s is None else deadline_s - time.monotonic()
        if left_s <= 0:
            output.message(f"not ended within {timeout:g} s: {who} is at work in {paths.outcome}")
            raise typer.Exit(EXIT_TIMEOUT)
        time.sleep(min(interval_s, left_s))
    status = read_status(paths, time.time())
    if status is None:
        raise no_sweep_error(paths, job)
    output.show(status_text.counts(status))
    if not status.is_done:
        missing = [experiment for experiment in status.experiments if experiment.state != EndingKind.DONE]
        named = ", ".join(f"{experiment.name} ({experiment.state})" for experiment in missing)
        output.message(f"not done: {inline(named, 2000)}\nTo go on: {inline(status.command, 2000)}")
        raise typer.Exit(EXIT_FAILED)


def _at_work(paths: Paths) -> tuple[str, float] | None:
    """Return who is at work in a folder, and in how many seconds to look again; None if nobody is."""
    from launcher.store.attempt_files import AttemptsOnCluster
    from launcher.store.locks import find_holder

    if (holder := find_holder(paths.lock)) is not None:
        return f"pid {holder.pid} on {inline(holder.host)}", LOOK_INTERVAL_S
    return ("a cluster", CLUSTER_INTERVAL_S) if AttemptsOnCluster(paths).has_open else None
