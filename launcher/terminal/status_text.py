"""How a sweep stands, in words: what `status` prints.

    sweep report of jobs/report.toml, in outcome
    launcher: pid 812 on gpu7 since 2026-11-23 01:02:03, parallel, about 1:23 min left

    best loss 4.0000 at step 398: baseline, 0.500 lower than lr_1e-3 (4.5000)

    experiment  state    device      step    loss  best loss    time      left
    baseline    running  cuda:1  412/1000  4.1000     4.0000  58.0 s  1:23 min
    lr_1e-3     failed   cuda:2       100  4.6000     4.5000  12.0 s         -

    lr_1e-3 failed: ValueError: …. Its log: logs/lr_1e-3.log

    1 running, 1 failed.

With several seeds, a second table has a row for each configuration. Then only experiments that run have a row on a
terminal, unless all are asked for.

Everything comes from `reports.status`, which reads the files; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from launcher.reports.analysis import has_seeds, judge
from launcher.reports.configuration_columns import CONFIGURATION, best_and_reference, configuration_columns
from launcher.reports.group_columns import group_table
from launcher.reports.headline import headlines
from launcher.reports.remarks import remarks
from launcher.reports.text_table import UNLIMITED, Column, Line, cut, fit, layout, value_style, wrapped
from launcher.store.experiment_state import NOT_STARTED, RUNNING, WAITING
from launcher.terminal.last_screen import MOST_ROWS, TOP
from launcher.terminal.one_line import names_in_line
from launcher.terminal.state_cell import STYLES, group_of, state_cell
from launcher.text import duration, inline, number

if TYPE_CHECKING:
    from launcher.reports.status import ExperimentStatus, SweepStatus
    from launcher.store.paths import Paths

MOST_WAITING = 24  # experiments of a sweep in which each that waits has a row
MOST_ANSWERS = 3  # metrics whose best value is told
LONGEST_METRIC = 16  # characters of its name in a title
_UNKNOWN = "-"


def text(
    status: SweepStatus, paths: Paths, width: int | None = None, *, shows_all: bool = False, group: str | None = None
) -> list[Line]:
    """Return who is at work, what is best, a row for each experiment, what must be told of them, and the counts.

    Args:
        width: of the terminal; None: the lines go to a file or a pipe, and have all rows and columns.
        shows_all: of a large sweep on a terminal, also a row for each experiment that waits.
        group: a key whose values have a row each, in the place of experiments and configurations.
    """
    room = UNLIMITED if width is None else max(1, width)
    parts = [
        [
            _plain(f"sweep {inline(status.sweep)} of {inline(status.job_file)}, in {paths.outcome}"),
            _plain(_launcher(status)),
        ],
        [
            _plain(line)
            for answer in headlines(status.states, status.metrics[:MOST_ANSWERS])
            for line in wrapped(answer, room)
        ],
        *(
            _tables(status, room, is_terminal=width is not None, shows_all=shows_all)
            if group is None
            else [group_table(status.states, status.metrics, group, room)]
        ),
        [
            [(line, "bold red" if remark.is_failure else "magenta")]
            for remark in remarks(status.states, status.metrics)
            for line in remark.text(paths.log).split("\n")
        ],
        [_plain(counts(status))],
    ]
    if status.launcher is None and not status.is_done:
        parts[-1].append(_plain(f"To go on with what is not done: {status.command}"))
    lines: list[Line] = []
    for part in parts:
        if part:
            lines += [[], *part] if lines else part
    return lines


def _tables(status: SweepStatus, room: int, *, is_terminal: bool, shows_all: bool) -> list[list[Line]]:
    """Return the table of the experiments and, where there are several seeds, that of the configurations."""
    has_configurations = has_seeds(status.states) and status.metric is not None
    is_many = has_configurations or len(status.experiments) > MOST_WAITING
    is_short = is_terminal and not shows_all and is_many
    waiting = [each for each in status.experiments if is_short and each.state in (WAITING, NOT_STARTED)]
    shown = [
        each
        for each in status.experiments
        if not is_short or (each.state == RUNNING if has_configurations else each.state not in (WAITING, NOT_STARTED))
    ]
    found = [[*_table(status, shown, room), *_waiting(status, waiting, room)]]
    return [*found, _configurations(status, room, has_all=not is_short)] if has_configurations else found


def counts(status: SweepStatus) -> str:
    """Return how many experiments are in each state: `1 running, 3 done.`"""
    return ", ".join(f"{count} {state}" for state, count in status.counts.items()) + "."


def _plain(text: str) -> Line:
    return [(text, "")]


def _launcher(status: SweepStatus) -> str:
    holder = status.launcher
    if holder is None:
        last = f"the last one, pid {status.launch.pid} on {status.launch.host or None}"
        if status.phase == "gone":
            return f"no launcher is at work: {last}, is gone, killed before it could end"
        if status.phase == "left":
            return f"no launcher is at work: {last}, has left, and what it ordered goes on on the cluster"
        return f"no launcher is at work: {last}, has ended"
    who = f"launcher: pid {holder.pid} on {holder.host} since {holder.since}"
    if status.phase == "starting":
        return f"{who}, checks the data; nothing is started yet"
    left = f", about {duration(status.seconds_left)} left" if status.seconds_left is not None else ""
    return f"{who}, {status.launch.mode or None}{left}"


def _waiting(status: SweepStatus, waiting: Sequence[ExperimentStatus], width: int) -> list[Line]:
    """Return a line for the experiments that wait and one for those that were not started."""
    all_names = [experiment.name for experiment in status.experiments]
    lines: list[Line] = []
    for state, verb in ((WAITING, "wait"), (NOT_STARTED, "not started")):
        names = [experiment.name for experiment in waiting if experiment.state == state]
        if names:
            start = f"{len(names)} {verb} (--all shows them): "
            lines.append([(start + names_in_line(names, all_names, width - len(start)), STYLES["waiting"])])
    return lines


def _table(status: SweepStatus, shown: Sequence[ExperimentStatus], width: int) -> list[Line]:
    """Return the lines of the table, without columns in which nothing is known."""
    if not shown:
        return []
    columns = [column for column in _columns(status, shown) if any(cell != _UNKNOWN for cell in column.cells)]
    names = [experiment.name for experiment in shown]
    return layout(fit(names, columns, width, [experiment.name for experiment in status.experiments]))


def _configurations(status: SweepStatus, width: int, *, has_all: bool) -> list[Line]:
    """Return the table with a row a configuration; of many, the best and the reference."""
    judgements = [judge(status.states, metric) for metric in status.metrics]
    all_names = [result.name for result in judgements[0].results]
    names = all_names if has_all else best_and_reference(judgements[0], MOST_ROWS, TOP)
    columns = configuration_columns(judgements, names, has_whole_verdicts=width == UNLIMITED)
    columns = [column for column in columns if column.rank == 0 or set(column.cells) != {_UNKNOWN}]
    lines = layout(fit(names, columns, width, all_names, CONFIGURATION))
    if len(names) < len(all_names):
        lines.append(_plain(f"top {len(names)} of {len(all_names)} by mean {status.metric}; --all shows them"))
    return lines


def _columns(status: SweepStatus, shown: Sequence[ExperimentStatus]) -> list[Column]:
    states = [_state(experiment, is_live=status.launcher is not None) for experiment in shown]
    columns = [
        Column("state", [text for text, _ in states], is_left=True, styles=[style for _, style in states]),
        Column("device", [inline(experiment.device) or _UNKNOWN for experiment in shown], 5, is_left=True),
        Column("step", [_steps(experiment) for experiment in shown], 2),
    ]
    if status.metric is not None:
        metric = cut(status.metric, LONGEST_METRIC)
        values = [experiment.newest for experiment in shown]
        columns += [
            Column(metric, [_known(value, number) for value in values], 1, styles=list(map(value_style, values))),
            Column(f"best {metric}", [_known(experiment.best, number) for experiment in shown]),
        ]
    columns.append(Column("time", [_known(experiment.seconds, duration) for experiment in shown], 4))
    columns.append(Column("left", [_known(experiment.seconds_left, duration) for experiment in shown], 3))
    return columns


def _state(experiment: ExperimentStatus, *, is_live: bool) -> tuple[str, str]:
    """Return the state of an experiment and its style; that a running launch keeps it, too."""
    state, style = state_cell(experiment.state, group_of(experiment.state), experiment.newest)
    return f"{state}, kept" if experiment.is_kept and is_live else state, style


def _steps(experiment: ExperimentStatus) -> str:
    return f"{experiment.step}/{experiment.total}" if experiment.total else str(experiment.step or _UNKNOWN)


def _known(value: float | None, form: Callable[[float], str]) -> str:
    return _UNKNOWN if value is None else form(value)
