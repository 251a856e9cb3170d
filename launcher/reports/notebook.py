"""A sweep as a small piece of HTML: what a notebook shows of a summary. The best experiments first.

Every text from a sweep is escaped and shortened. The piece has no script, and its only link is to the report.
"""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from urllib.parse import quote

from launcher.reports.analysis import best_experiment, best_first, broken, has_seeds, judge
from launcher.reports.configuration_columns import CONFIGURATION, best_and_reference, configuration_columns
from launcher.reports.differences import describe_difference
from launcher.reports.headline import headlines
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.text import duration, inline, number, timestamp

MOST_ROWS = 20
_MOST_METRICS = 3


def summary_html(manifest: Manifest, experiments: Sequence[ExperimentState], paths: Paths) -> str:
    """Return the sweep as a table, with its state and the time of this moment."""
    metrics = manifest.metrics[:_MOST_METRICS]
    if has_seeds(experiments) and metrics:
        table, left = _configurations(experiments, metrics)
        return f"<div>{_headline(manifest, experiments)}{table}{left}{_link(paths)}</div>"
    shown = best_first(experiments, metrics[0] if metrics else "")[:MOST_ROWS]
    heads = ["experiment", "overrides", "state", "steps", *(f"best {metric}" for metric in metrics), "time"]
    table = _table(heads, [_cells(experiment, metrics) for experiment in shown])
    left = f"<p>The best {len(shown)} of {len(experiments)} experiments.</p>" if len(shown) < len(experiments) else ""
    return f"<div>{_headline(manifest, experiments)}{table}{left}{_link(paths)}</div>"


def _configurations(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> tuple[str, str]:
    """Return the table of the configurations, and how many of them it has where it has not all."""
    judgements = [judge(experiments, metric) for metric in metrics]
    names = best_and_reference(judgements[0], MOST_ROWS, MOST_ROWS - 1)
    columns = configuration_columns(judgements, names, has_whole_verdicts=False)
    cells = zip(*(column.cells for column in columns), strict=True)
    table = _table(
        [CONFIGURATION, *(column.title for column in columns)],
        [[name, *row] for name, row in zip(names, cells, strict=True)],
    )
    num = len(judgements[0].results)
    left = f"<p>The best {len(names)} of {num} configurations, with the reference.</p>" if len(names) < num else ""
    return table, left


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cells(experiment: ExperimentState, metrics: Sequence[str]) -> list[str]:
    what = broken(experiment, metrics)
    curves = [experiment.curves.get(metric) for metric in metrics]
    return [
        experiment.name,
        describe_difference(experiment),
        experiment.state.replace("_", " ") + (f", but {what}" if what else ""),
        f"{experiment.num_steps:,}",
        *(number(curve.best) if curve is not None and curve.best is not None else "-" for curve in curves),
        duration(experiment.seconds) if experiment.seconds is not None else "-",
    ]


def _headline(manifest: Manifest, experiments: Sequence[ExperimentState]) -> str:
    counts: dict[str, int] = {}
    for experiment in experiments:
        counts[experiment.state] = counts.get(experiment.state, 0) + 1
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items())
    found = f". {answer}" if (answer := _best(experiments, manifest.metrics)) else ""
    return f"<p><b>{_text(manifest.name)}</b>: {_text(f'{states}{found}. Read at {timestamp()}.')}</p>"


def _best(experiments: Sequence[ExperimentState], metrics: Sequence[str]) -> str:
    """Return what is the best of the first metric; empty if nothing is."""
    if has_seeds(experiments):
        answer = next(iter(headlines(experiments, metrics[:1])), "")
        return f"{answer[:1].upper()}{answer[1:]}"
    best = best_experiment(experiments, metrics[0]) if metrics else None
    return f"Best {metrics[0]}: {number(best.value)}, {best.experiment.name}" if best else ""


def _link(paths: Paths) -> str:
    """Return a link to the report, relative to the working directory: a notebook lies there."""
    if not paths.report_html.is_file():
        return ""
    return f'<p><a href="{quote(os.path.relpath(paths.report_html))}">{_text(str(paths.report_html))}</a></p>'


def _text(content: str) -> str:
    return html.escape(inline(content))
