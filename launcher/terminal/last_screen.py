"""The results of a sweep on a terminal: the answer, a table that fits, and where the rest is.

    best loss 5.3118 at step 68: lr_1e-3, 0.558 lower than baseline (5.8701)
    best loss at the end: lr_1e-3, 5.40 ± 0.05, 0.31 ± 0.06 ahead of batch_size_16: a clear lead

    experiment  overrides  steps  final loss  best loss      time  ending
    lr_1e-3     lr=0.001      68      5.3118     5.3118  1:27 min  done
    …

    top 10 of 200 by best loss; all: python -m launcher status jobs/report.toml
    report: outcome/report.html · 4 more columns: outcome/results_table.txt

Pure: the functions get the width, and no terminal is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.reports.analysis import best_first, has_seeds, judge
from launcher.reports.configuration_columns import CONFIGURATION, best_and_reference, configuration_columns
from launcher.reports.group_columns import group_table
from launcher.reports.headline import headlines
from launcher.reports.results_columns import UNKNOWN, results_columns
from launcher.reports.text_table import TITLE, UNLIMITED, Column, Line, fit, layout, wrapped
from launcher.store.experiment_state import ExperimentState
from launcher.store.paths import Paths
from launcher.terminal.one_line import parts_that_fit

MOST_ROWS, TOP = 20, 10  # of more experiments than the first number, so many of the best are shown
MOST_ANSWERS = 3  # metrics whose best value is told


def results(
    experiments: Sequence[ExperimentState],
    metrics: Sequence[str],
    paths: Paths,
    status: str,
    width: int | None,
    heading: str = "",
    group: str | None = None,
) -> list[Line]:
    """Return the lines of the results.

    Args:
        status: the command that shows all experiments.
        width: of the terminal; None: the lines go to a file or a pipe, and have all rows and columns.
        heading: which results these are; empty where that is known.
        group: a key whose values have a row each, in the place of experiments or configurations.
    """
    room = UNLIMITED if width is None else max(1, width)
    rows = (_configurations if has_seeds(experiments) and metrics else _experiments)(experiments, metrics, width)
    columns = [column for column in rows.columns if width is None or column.rank == 0 or set(column.cells) != {UNKNOWN}]
    fitting = fit(rows.names, columns, room, rows.all_names, rows.title)
    answers = headlines(experiments, metrics[:MOST_ANSWERS])
    parts: list[list[Line]] = [
        [[(heading, "")]] if heading else [],
        [[(piece, "bold" if answer is answers[0] else "")] for answer in answers for piece in wrapped(answer, room)],
        layout(fitting) if group is None else group_table(experiments, metrics, group, room),
        [
            *(_of_all(rows, status) if group is None else ()),
            *_files(paths, len(columns) + 1 - len(fitting) if group is None else 0, room),
        ],
    ]
    lines: list[Line] = []
    for part in parts:
        if part:
            lines += [[], *part] if lines else part
    return lines


@dataclass(frozen=True)
class _Rows:
    """The rows of the table that are shown."""

    columns: Sequence[Column]
    names: Sequence[str]  # of the rows
    all_names: Sequence[str]  # also of those that are not shown
    title: str  # of the column of names
    order: str  # by what the rows are chosen; empty if by nothing


def _experiments(experiments: Sequence[ExperimentState], metrics: Sequence[str], width: int | None) -> _Rows:
    shown = list(experiments)
    if width is not None and len(shown) > MOST_ROWS:
        shown = best_first(experiments, metrics[0] if metrics else "")[:TOP]
    names, all_names = ([each.name for each in group] for group in (shown, experiments))
    return _Rows(results_columns(shown, metrics), names, all_names, TITLE, f"best {metrics[0]}" if metrics else "")


def _configurations(experiments: Sequence[ExperimentState], metrics: Sequence[str], width: int | None) -> _Rows:
    """Return a row for each configuration; of many, the best and the reference."""
    judgements = [judge(experiments, metric) for metric in metrics]
    all_names = [result.name for result in judgements[0].results]
    names = all_names if width is None else best_and_reference(judgements[0], MOST_ROWS, TOP)
    columns = configuration_columns(judgements, names, has_whole_verdicts=width is None)
    return _Rows(columns, names, all_names, CONFIGURATION, f"mean {metrics[0]}")


def _of_all(rows: _Rows, status: str) -> list[Line]:
    if len(rows.names) == len(rows.all_names):
        return []
    of_all = f"{len(rows.names)} of {len(rows.all_names)}"
    return [[(f"top {of_all} by {rows.order}; all: {status}" if rows.order else f"{of_all}; all: {status}", "")]]


def _files(paths: Paths, num_left_out: int, width: int) -> list[Line]:
    """Return where the page and the whole table are."""
    page = f"report: {paths.report_html}" if paths.report_html.is_file() else ""
    table = f"{num_left_out} more columns: {paths.table_txt}" if num_left_out else ""
    together = parts_that_fit([(0, page, ""), (0, table, "")], UNLIMITED, " · ")
    if sum(len(text) for text, _ in together) <= width:
        return [together] if together else []
    return [[(page, "")], [(table, "")]] if page and table else [together]
