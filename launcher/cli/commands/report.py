"""`report`: makes all tables, plots and reports of a sweep again, from its files."""

from __future__ import annotations

from typing import Any

import typer

from launcher.cli import options
from launcher.cli.arguments import GroupedCommand
from launcher.cli.group_key import check_group_key
from launcher.cli.options import DEFAULT_JOB
from launcher.cli.sweep_folder import is_own_folder, no_sweep_error
from launcher.errors import WriteError
from launcher.terminal import output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report", cls=GroupedCommand)(report_command)


def report_command(
    job: options.Job = DEFAULT_JOB,
    outcome: options.Outcome = None,
    logs: options.Logs = None,
    curves: options.Curves = None,
    group: options.Group = None,
    as_json: options.Json = False,
) -> None:
    """Make all tables, plots and reports of a sweep again from its files, with the job's metrics, at any time."""
    from launcher import api
    from launcher.devices.cpu_quota import num_cores
    from launcher.engine.script_records import complete_unwatched
    from launcher.reports.build import Report
    from launcher.reports.group_columns import group_document
    from launcher.shell_command import command_to_type
    from launcher.store.manifest import read_manifest
    from launcher.store.paths import Paths

    sweep = api.load(job, outcome=outcome, logs=logs)
    paths = Paths(sweep.outcome, sweep.logs)
    if read_manifest(paths) is None:
        raise no_sweep_error(paths, job)
    own = sweep if is_own_folder(sweep, paths, outcome) else None
    if group is not None:
        check_group_key(group, paths)
    if own is not None and own.settings.command:
        complete_unwatched(paths, own.experiments)
    report = Report(paths, own, curves=curves or (), num_processes=num_cores(), group=group)
    problems = report.draw()
    if problems:
        raise WriteError("\n".join(problems))
    if as_json:
        document: dict[str, Any] = {"sweep": sweep.name, "outcome": str(sweep.outcome), "results": report.rows()}
        document["configurations"] = report.configurations()
        if group is not None:
            document["groups"] = group_document(report.experiments, report.metrics, group)
        output.print_json(document)
    else:
        status = command_to_type("status", sweep.job_file, sweep.folders)
        output.print_results(report.experiments, report.metrics, paths, status, report.heading, group)
        given = report.is_maximize_given
        output.print_remarks(report.experiments, report.metrics, paths, is_maximize_given=given)
