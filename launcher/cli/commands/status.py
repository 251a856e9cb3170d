"""`status`: how a sweep stands, as a table or as JSON. `reports.status` reads it from the files.

The table is made by `terminal.status_text`. The JSON has this shape; times are seconds, and an unknown value is null:

    {"format": 1, "sweep": "report", "job_file": "jobs/report.toml", "outcome": "outcome", "logs": "logs",
     "phase": "running",                 starting, running, ended, or gone: killed before it could end
     "launcher": {"pid": 812, "host": "gpu7", "since": "2026-11-23 01:02:03", "folder": "/home/me/sweeps"},
     "command": "python -m launcher run jobs/report.toml --parallel",
     "metric": "loss", "seconds_left": 83.1, "counts": {"running": 1, "waiting": 1, "done": 3},
     "best": {"loss": {"experiment": "baseline", "value": 4.0, "step": 398, …}},      as in `run --json`
     "configurations": [{"configuration": "baseline", "experiments": {"0": "baseline", "1": "baseline+s1", …},
                         "metrics": {"loss": {"levels": {"0": 4.1, "1": 4.2, …}, "mean": 4.15, "sd": 0.07, "low": …,
                                              "difference": null, "p_holm": null, "verdict": null, …}}, …}, …],
     "experiments": [{"name": "baseline", "state": "running", "is_kept": false, "device": "cuda:1", "attempt": 1,
                      "step": 412, "total": 1000, "newest": 4.1, "best": 4.0, "seconds": 58.0, "seconds_left": 83.1,
                      "why": "", "seed": 0, "configuration": "baseline"}, …]}

`--group KEY` adds a key, "groups": {"key": "lr", "metrics": {"loss": [{"value": 0.001, "mean": …}, …]}}.
`launcher` is null while none is at work. `state` is running, waiting, withdrawn (taken out of the queue), not started,
or how the newest attempt ended. A metric that is not finite is "nan", "inf" or "-inf", as in the records.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.group_key import check_group_key
from launcher.cli.options import DEFAULT_JOB, Group, Job, Json, Logs, Outcome
from launcher.cli.sweep_folder import find_sweep, no_sweep_error
from launcher.store.paths import Paths
from launcher.terminal import output

if TYPE_CHECKING:
    from launcher.reports.status import SweepStatus
    from launcher.store.locks import Holder


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", cls=GroupedCommand)(status_command)


def status_command(
    job: Job = DEFAULT_JOB,
    outcome: Outcome = None,
    logs: Logs = None,
    shows_all: Annotated[bool, typer.Option("--all", help="A row for each experiment that waits, too.")] = False,
    asks: Annotated[bool, typer.Option("--ask", help="Ask the cluster once about what waits or runs there.")] = False,
    group: Group = None,
    as_json: Json = False,
) -> None:
    """Say how a sweep stands, while it runs or after: who runs it; each experiment's state, step, metric and time."""
    from launcher.reports.group_columns import group_document
    from launcher.reports.status import read_status
    from launcher.store.locks import find_holder
    from launcher.terminal import status_text

    paths, experiments = find_sweep(job, outcome, logs)
    if group is not None:
        check_group_key(group, paths)
    status = read_status(paths, time.time())
    if status is None:
        holder = find_holder(paths.lock)
        if holder is None:
            raise no_sweep_error(paths, job)
        status = _while_the_first_launcher_checks(job, experiments, holder)
    if as_json:
        document = as_document(status, paths)
        if group is not None:
            document["groups"] = group_document(status.states, status.metrics, group)
        output.print_json(document)
    else:
        output.print_lines(status_text.text(status, paths, output.stdout_width(), shows_all=shows_all, group=group))
    if asks:
        from launcher.engine.open_attempts import ask_cluster

        for line in ask_cluster(paths) or ["nothing waits or runs on a cluster."]:
            output.message(line)


def _while_the_first_launcher_checks(job: Path, experiments: list[str], holder: Holder) -> SweepStatus:
    """Return how a sweep stands whose first launcher is still checking the data, and has written nothing."""
    from launcher.reports.status import ExperimentStatus, SweepStatus
    from launcher.store.launch_info import LaunchInfo

    waiting = [ExperimentStatus(name=name, state="waiting") for name in experiments]
    return SweepStatus(
        sweep=job.stem,
        job_file=str(job),
        metric=None,
        phase="starting",
        launcher=holder,
        launch=LaunchInfo(),
        experiments=waiting,
    )


def as_document(status: SweepStatus, paths: Paths) -> dict[str, Any]:
    """Return what `--json` prints."""
    from launcher.cli.best_document import best_document
    from launcher.reports.configuration_table import configurations_document

    experiments = [
        {key: _strict(value) for key, value in dataclasses.asdict(experiment).items()}
        for experiment in status.experiments
    ]
    return {
        "format": 1,
        "sweep": status.sweep,
        "job_file": status.job_file,
        "outcome": str(paths.outcome),
        "logs": str(paths.logs),
        "phase": status.phase,
        "launcher": dataclasses.asdict(status.launcher) if status.launcher else None,
        "command": status.command,
        "metric": status.metric,
        "seconds_left": _strict(status.seconds_left),
        "counts": status.counts,
        "best": best_document(status.states, status.metrics),
        "configurations": configurations_document(status.states, status.metrics),
        "experiments": experiments,
    }


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value
