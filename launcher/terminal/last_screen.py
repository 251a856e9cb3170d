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

from launcher.reports.analysis import best_first
from launcher.reports.headline import headlines
from launcher.reports.results_columns import UNKNOWN, results_columns
from launcher.reports.text_table import UNLIMITED, Line, fit, layout, wrapped
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
) -> list[Line]:
    """Return the lines of the results.

    Args:
        status: the command that shows all experiments.
        width: of the terminal; None: the lines go to a file or a pipe, and have all rows and columns.
        heading: which results these are; empty where that is known.
    """
    shown = list(experiments)
    if width is not None and len(shown) > MOST_ROWS:
        shown = best_first(experiments, metrics[0] if metrics else "")[:TOP]
    columns = results_columns(shown, metrics)
    if width is not None:
        columns = [column for column in columns if column.rank == 0 or set(column.cells) != {UNKNOWN}]
    room = UNLIMITED if width is None else max(1, width)
    fitting = fit([experiment.name for experiment in shown], columns, room, [each.name for each in experiments])
    answers = headlines(experiments, metrics[:MOST_ANSWERS])
    parts: list[list[Line]] = [
        [[(heading, "")]] if heading else [],
        [[(piece, "bold" if answer is answers[0] else "")] for answer in answers for piece in wrapped(answer, room)],
        layout(fitting),
        [*_of_all(experiments, shown, metrics, status), *_files(paths, len(columns) + 1 - len(fitting), room)],
    ]
    lines: list[Line] = []
    for part in parts:
        if part:
            lines += [[], *part] if lines else part
    return lines


def _of_all(
    experiments: Sequence[ExperimentState], shown: Sequence[ExperimentState], metrics: Sequence[str], status: str
) -> list[Line]:
    if len(shown) == len(experiments):
        return []
    top = (
        f"top {len(shown)} of {len(experiments)} by best {metrics[0]}"
        if metrics
        else f"{len(shown)} of {len(experiments)}"
    )
    return [[(f"{top}; all: {status}", "")]]


def _files(paths: Paths, num_left_out: int, width: int) -> list[Line]:
    """Return where the page and the whole table are."""
    page = f"report: {paths.report_html}" if paths.report_html.is_file() else ""
    table = f"{num_left_out} more columns: {paths.table_txt}" if num_left_out else ""
    together = parts_that_fit([(0, page, ""), (0, table, "")], UNLIMITED, " · ")
    if sum(len(text) for text, _ in together) <= width:
        return [together] if together else []
    return [[(page, "")], [(table, "")]] if page and table else [together]
