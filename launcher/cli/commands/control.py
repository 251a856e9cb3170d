"""`stop` and `retry`: ask the launcher at work in a sweep's folder for something, and print its answer.

The request is a file; the launcher answers in `events.jsonl`. A request that no launcher takes is withdrawn, so that no
later launch finds it.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.completion import complete_experiment
from launcher.cli.options import DEFAULT_JOB, JobOption, Logs, Outcome
from launcher.cli.sweep_folder import check_names, find_sweep, no_sweep_error
from launcher.errors import EXIT_DONE, EXIT_FAILED, InputError, LauncherError, WriteError
from launcher.store.ending import EndingKind
from launcher.store.paths import Paths
from launcher.terminal import output
from launcher.text import printable

if TYPE_CHECKING:
    from launcher.store.events import Answer
    from launcher.store.locks import Holder
    from launcher.store.requests import Ask, Request

# A launcher looks several times a second, on a cluster every 2 s. It does not while it checks data or is stopped.
LIMIT_S = 5.0
REMOTE_LIMIT_S = 75.0  # for a launcher on another machine: a network client may show a listing that is a minute old
LOOK_INTERVAL_S = 0.05

Experiments = Annotated[
    list[str] | None, typer.Argument(metavar="[EXPERIMENT]...", help="Which.", autocompletion=complete_experiment)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("stop", cls=GroupedCommand)(stop_command)
    app.command("retry", cls=GroupedCommand)(retry_command)


def stop_command(
    experiments: Experiments = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Stop the whole launch, as one Ctrl-C does.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Kill at once what runs, without saving.")] = False,
    job: JobOption = DEFAULT_JOB,
    outcome: Outcome = None,
    logs: Logs = None,
) -> None:
    """Stop experiments: one that runs saves and ends, one that waits leaves the queue. The launch goes on without them.

    The same launch command later goes on with them.
    """
    if bool(experiments) == all_of_them:
        what = "both experiments and --all are named" if experiments else "no experiment is named"
        raise InputError(f"{what}.\n  Stop some: stop EXPERIMENT…. Stop everything: stop --all.")
    _ask("stop", experiments or [], job, outcome, logs, force=force)


def retry_command(
    experiments: Experiments = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every experiment that has failed.")] = False,
    job: JobOption = DEFAULT_JOB,
    outcome: Outcome = None,
    logs: Logs = None,
) -> None:
    """Queue experiments again, in the launch that is at work, that have failed or were stopped in it."""
    if bool(experiments) == failed:
        what = "both experiments and --failed are named" if experiments else "no experiment is named"
        raise InputError(f"{what}.\n  Retry some: retry EXPERIMENT…. Retry all that failed: retry --failed.")
    _ask("retry", experiments or [], job, outcome, logs)


def _ask(
    ask: Ask, names: list[str], job: Path, outcome: Path | None, logs: Path | None, *, force: bool = False
) -> None:
    from launcher.store.locks import find_holder
    from launcher.store.requests import make_request, send

    paths, known = find_sweep(job, outcome, logs)
    check_names(names, known)
    holder = find_holder(paths.lock)
    if holder is None and ask == "stop" and _stop_on_cluster(paths, names, force=force):
        raise typer.Exit(EXIT_DONE)
    if holder is None:
        raise _no_launcher_error(paths, job, ask)
    request = make_request(ask, tuple(dict.fromkeys(names)), force=force)
    start = paths.events.stat().st_size if paths.events.exists() else 0
    limit_s = answer_limit_s(holder)
    try:
        file = send(paths.requests, request)
    except OSError as error:
        raise WriteError(
            f"the launcher cannot be asked: {error.filename or paths.requests}: {error.strerror}.\n"
            f"  Only the user who started it may ask: pid {holder.pid} on {holder.host}."
        ) from error
    try:
        answers = _wait_for_answer(paths, request, file, start, limit_s)
    finally:
        file.unlink(missing_ok=True)  # Ctrl-C too
    if answers is None:
        raise LauncherError(
            f"nothing was asked: pid {holder.pid} on {holder.host} has not taken the request within {limit_s:.0f} s, "
            "and it is withdrawn.\n"
            "  It is still checking the data, or stopped by Ctrl-Z, or belongs to another user. To end it whole, on "
            f"that machine: kill {holder.pid}"
        )
    for answer in answers:
        name = f"{answer.experiment}: " if answer.experiment else ""
        output.show(printable(f"{name}{answer.answer}", 1000))
    raise typer.Exit(EXIT_FAILED if any(answer.is_refused for answer in answers) else EXIT_DONE)


def _stop_on_cluster(paths: Paths, names: list[str], *, force: bool) -> bool:
    """Stop what waits or runs on a cluster without a launcher. Return whether there is anything."""
    from launcher.store.attempt_files import AttemptsOnCluster

    if not AttemptsOnCluster(paths).has_open:
        return False
    from launcher.engine.open_attempts import stop_on_cluster

    for name, answer in stop_on_cluster(paths, names, force=force).items():
        output.show(printable(f"{name}: {answer}", 1000))
    return True


def _no_launcher_error(paths: Paths, job: Path, ask: str) -> InputError:
    from launcher.reports.status import read_status

    status = read_status(paths, time.time())
    if status is None:
        return no_sweep_error(paths, job)
    nothing = "nothing runs that could be stopped" if ask == "stop" else "nothing is at work that could try again"
    todo = f"To go on with what is not done: {status.command}"
    if status.is_done:
        todo = "Every experiment is done."
    elif any(experiment.state == EndingKind.DIVERGED for experiment in status.experiments):
        todo += "\n  What diverged would diverge again and is kept; --fresh trains everything anew."
    return InputError(f"no launcher is at work in {paths.outcome}: {nothing}.\n  {todo}")


def answer_limit_s(holder: Holder) -> float:
    """Return how many seconds a launcher has for its answer. `holder`: of the folder's lock."""
    return LIMIT_S if holder.host in ("", socket.gethostname()) else REMOTE_LIMIT_S


def _wait_for_answer(paths: Paths, request: Request, file: Path, start: int, limit_s: float) -> list[Answer] | None:
    """Return the launcher's answers; None if it has not taken the request, which is withdrawn then.

    Raises:
        LauncherError: the launcher took the request and did not answer.
    """
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        was_taken = not file.exists()
        if was_taken and (answers := _read_answers(paths.events, request, start)) is not None:
            return answers
        time.sleep(LOOK_INTERVAL_S)
    try:
        file.unlink()
        return None
    except FileNotFoundError:
        if (answers := _read_answers(paths.events, request, start)) is not None:
            return answers
        raise LauncherError(
            f"the request was taken, but no answer stands in {paths.events}.\n"
            "  The launcher was just starting, has set it aside (it says so), has ended, or cannot write. Look: status"
        ) from None


def _read_answers(path: Path, request: Request, start: int) -> list[Answer] | None:
    from launcher.store.events import RequestAnswered, read_events

    for event in read_events(path, start):
        if isinstance(event, RequestAnswered) and event.id == request.id:
            return event.answers
    return None  # there is no answer yet, or half of its line is written
