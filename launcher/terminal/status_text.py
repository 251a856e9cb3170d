"""How a sweep stands, in words: what `status` prints.

    sweep report of jobs/report.toml, in outcome
    launcher: pid 812 on gpu7 since 2026-11-23 01:02:03, parallel, about 1:23 min left

    experiment  state    device      step    loss  best loss    time      left
    baseline    running  cuda:1  412/1000  4.1000     4.0000  58.0 s  1:23 min
    lr_1e-3     failed   cuda:2       100  4.6000     4.5000  12.0 s         -

    lr_1e-3: ValueError: …. Its log: logs/lr_1e-3.log

    1 running, 1 failed.

Everything comes from `reports.status`, which reads the files; nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.text import duration, inline, number

if TYPE_CHECKING:
    from launcher.reports.status import ExperimentStatus, SweepStatus
    from launcher.store.paths import Paths

_GAP = "  "
_LEFT_ALIGNED = ("experiment", "state", "device")
_UNKNOWN = "-"


def text(status: SweepStatus, paths: Paths) -> str:
    """Return who is at work, a row for each experiment, why experiments failed, and the counts."""
    lines = [f"sweep {status.sweep} of {status.job_file}, in {paths.outcome}", _launcher(status), ""]
    lines += _table(status)
    reasons = [
        f"{experiment.name}: {inline(experiment.why, 500)}. Its log: {paths.log(experiment.name)}"
        for experiment in status.experiments
        if experiment.why
    ]
    lines += ["", *reasons] if reasons else []
    lines += ["", counts(status)]
    if status.launcher is None and not status.is_done:
        lines.append(f"To go on with what is not done: {status.command}")
    return "\n".join(lines)


def counts(status: SweepStatus) -> str:
    """Return how many experiments are in each state: `1 running, 3 done.`"""
    return ", ".join(f"{count} {state}" for state, count in status.counts.items()) + "."


def _launcher(status: SweepStatus) -> str:
    holder = status.launcher
    if holder is None:
        last = f"the last one, pid {status.launch.pid} on {status.launch.host or None}"
        if status.phase == "gone":
            return f"no launcher is at work: {last}, is gone, killed before it could end"
        return f"no launcher is at work: {last}, has ended"
    who = f"launcher: pid {holder.pid} on {holder.host} since {holder.since}"
    if status.phase == "starting":
        return f"{who}, checks the data; nothing is started yet"
    left = f", about {duration(status.seconds_left)} left" if status.seconds_left is not None else ""
    return f"{who}, {status.launch.mode or None}{left}"


def _table(status: SweepStatus) -> list[str]:
    """Return the lines of the table, without columns in which nothing is known."""
    is_live = status.launcher is not None
    rows = [_row(experiment, status.metric, is_live) for experiment in status.experiments]
    titles = [title for title in rows[0] if any(row[title] != _UNKNOWN for row in rows)] if rows else []
    widths = {title: max(len(title), *(len(row[title]) for row in rows)) for title in titles}
    return [
        _GAP.join(
            row[title].ljust(widths[title]) if title in _LEFT_ALIGNED else row[title].rjust(widths[title])
            for title in titles
        ).rstrip()
        for row in [{title: title for title in titles}, *rows]
    ]


def _row(experiment: ExperimentStatus, metric: str | None, is_live: bool) -> dict[str, str]:
    """Return the cells of an experiment by the titles of their columns."""
    is_kept = experiment.is_kept and is_live
    step = f"{experiment.step}/{experiment.total}" if experiment.total else str(experiment.step or _UNKNOWN)
    row = {
        "experiment": experiment.name,
        "state": f"{experiment.state}, kept" if is_kept else experiment.state,
        "device": experiment.device or _UNKNOWN,
        "step": step,
    }
    if metric is not None:
        row[metric] = number(experiment.newest) if experiment.newest is not None else _UNKNOWN
        row[f"best {metric}"] = number(experiment.best) if experiment.best is not None else _UNKNOWN
    row["time"] = duration(experiment.seconds) if experiment.seconds is not None else _UNKNOWN
    row["left"] = duration(experiment.seconds_left) if experiment.seconds_left is not None else _UNKNOWN
    return row
