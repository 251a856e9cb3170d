"""`status`: how a sweep stands, as a table or as JSON. What it prints comes from `overview`; nothing is decided here.

The shape of `--json`, in which times are seconds and what is not known is null:

    {"format": 1, "sweep": "report", "job_file": "jobs/report.toml", "outcome": "outcome", "logs": "logs",
     "phase": "running",                 starting, running, ended, or gone: killed before it could end
     "launcher": {"pid": 812, "host": "gpu7", "since": "2026-11-23 01:02:03", "folder": "/home/me/sweeps"},
     "command": "python -m launcher run jobs/report.toml --parallel",
     "metric": "loss", "seconds_left": 83.1, "counts": {"running": 1, "waiting": 1, "done": 3},
     "experiments": [{"name": "baseline", "state": "running", "is_kept": false, "device": "cuda:1", "attempt": 1,
                      "step": 412, "total": 1000, "newest": 4.1, "best": 4.0, "seconds": 58.0, "seconds_left": 83.1,
                      "why": ""}, …]}

`launcher` is null where none is at work. `state` is running, waiting, withdrawn (taken out of the queue), not started,
or how the newest attempt ended. A metric that is no finite number is "nan", "inf" or "-inf", as in the records.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.cli.options import DEFAULT_JOB, Job, Json, Logs, Outcome
from launcher.cli.sweep_folder import find, no_sweep
from launcher.store.paths import Paths
from launcher.terminal import output
from launcher.text import duration, inline, number, printable

if TYPE_CHECKING:
    from launcher.reports.status import ExperimentStatus, SweepStatus
    from launcher.store.locks import Holder

_LEFT = ("experiment", "state", "device")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", cls=GroupedCommand)(status_command)


def status_command(
    job: Job = DEFAULT_JOB,
    outcome: Outcome = None,
    logs: Logs = None,
    as_json: Json = False,
) -> None:
    """Say how a sweep stands, while it runs or after: who runs it; each experiment's state, step, metric and time."""
    from launcher.reports.status import read_overview
    from launcher.store.locks import find_holder

    paths, experiments = find(job, outcome, logs)
    overview = read_overview(paths, time.time())
    if overview is None:
        holder = find_holder(paths.lock)
        if holder is None:
            raise no_sweep(paths, job)
        overview = _before_its_first(job, experiments, holder)
    if as_json:
        output.print_json(as_document(overview, paths))
    else:
        output.show(printable(describe(overview, paths), 10_000_000))


def _before_its_first(job: Path, experiments: list[str], holder: Holder) -> SweepStatus:
    """Return the overview of a sweep whose first launcher is still checking the data."""
    from launcher.reports.status import ExperimentStatus, SweepStatus

    waiting = [ExperimentStatus(name=name, state="waiting") for name in experiments]
    return SweepStatus(
        sweep=job.stem,
        job_file=str(job),
        metric=None,
        phase="starting",
        launcher=holder,
        launch={},
        experiments=waiting,
    )


def as_document(overview: SweepStatus, paths: Paths) -> dict[str, Any]:
    """Return what `--json` prints."""
    experiments = [
        {key: _strict(value) for key, value in dataclasses.asdict(one).items()} for one in overview.experiments
    ]
    return {
        "format": 1,
        "sweep": overview.sweep,
        "job_file": overview.job_file,
        "outcome": str(paths.outcome),
        "logs": str(paths.logs),
        "phase": overview.phase,
        "launcher": dataclasses.asdict(overview.launcher) if overview.launcher else None,
        "command": overview.command,
        "metric": overview.metric,
        "seconds_left": _strict(overview.seconds_left),
        "counts": overview.counts,
        "experiments": experiments,
    }


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value


def describe(overview: SweepStatus, paths: Paths) -> str:
    """Return what `status` prints: who is at work, a row an experiment, why those failed that did, and the counts."""
    lines = [f"sweep {overview.sweep} of {overview.job_file}, in {paths.outcome}", _launcher(overview), ""]
    lines += _table(overview)
    whys = [
        f"{one.name}: {inline(one.why, 500)}. Its log: {paths.log(one.name)}" for one in overview.experiments if one.why
    ]
    lines += ["", *whys] if whys else []
    lines += ["", ", ".join(f"{count} {state}" for state, count in overview.counts.items()) + "."]
    if overview.launcher is None and not overview.is_done:
        lines.append(f"To go on with what is not done: {overview.command}")
    return "\n".join(lines)


def _launcher(overview: SweepStatus) -> str:
    holder = overview.launcher
    if holder is None:
        last = f"the last one, pid {overview.launch.get('pid')} on {overview.launch.get('host')}"
        if overview.phase == "gone":
            return f"no launcher is at work: {last}, is gone, killed before it could end"
        return f"no launcher is at work: {last}, has ended"
    who = f"launcher: pid {holder.pid} on {holder.host} since {holder.since}"
    if overview.phase == "starting":
        return f"{who}, checks the data; nothing is started yet"
    left = f", about {duration(overview.seconds_left)} left" if overview.seconds_left is not None else ""
    return f"{who}, {overview.launch.get('mode')}{left}"


def _table(overview: SweepStatus) -> list[str]:
    is_live = overview.launcher is not None
    rows = [_row(one, overview.metric, is_live) for one in overview.experiments]
    titles = [title for title in rows[0] if any(row[title] != "-" for row in rows)] if rows else []
    widths = {title: max(len(title), *(len(row[title]) for row in rows)) for title in titles}
    table = [{title: title for title in titles}, *rows]
    return [
        "  ".join(
            row[title].ljust(widths[title]) if title in _LEFT else row[title].rjust(widths[title]) for title in titles
        ).rstrip()
        for row in table
    ]


def _row(one: ExperimentStatus, metric: str | None, is_live: bool) -> dict[str, str]:
    step = f"{one.step}/{one.total}" if one.total else str(one.step or "-")
    row = {
        "experiment": one.name,
        "state": f"{one.state}, kept" if one.is_kept and is_live else one.state,
        "device": one.device or "-",
        "step": step,
    }
    if metric is not None:
        row[metric] = number(one.newest) if one.newest is not None else "-"
        row[f"best {metric}"] = number(one.best) if one.best is not None else "-"
    row["time"] = duration(one.seconds) if one.seconds is not None else "-"
    row["left"] = duration(one.seconds_left) if one.seconds_left is not None else "-"
    return row
