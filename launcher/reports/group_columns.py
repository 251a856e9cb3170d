"""A table with a row for each value of a key, for reading and as JSON: `status --group lr`, `report --group seed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launcher.reports.analysis.groups import Group, groups
from launcher.reports.results_columns import LONGEST_METRIC, UNKNOWN
from launcher.reports.text_table import Column, Line, fit, layout
from launcher.short_names import short_names
from launcher.store.experiment_state import ExperimentState
from launcher.store.values import json_value
from launcher.text import inline, number, with_interval


def group_table(experiments: Sequence[ExperimentState], metrics: Sequence[str], key: str, width: int) -> list[Line]:
    """Return the lines of the table. Every group has a row; what is needed least is left out where it does not fit."""
    by_metric = {metric: groups(experiments, key, metric) for metric in metrics or [""]}
    first = next(iter(by_metric.values()))
    columns = [Column("experiments", [group.experiments_text for group in first], 0, is_left=True)]
    if any(group.num_configurations > 1 for group in first):
        columns.append(Column("configurations", [str(group.num_configurations) for group in first], 8))
    if any(group.num_seeds > 1 for group in first):
        columns.append(Column("seeds", [str(group.num_seeds or UNKNOWN) for group in first], 4))
    titles = short_names(metrics, LONGEST_METRIC)
    for place, metric in enumerate(metrics):
        columns += _of_metric(by_metric[metric], titles[metric], place)
    return layout(fit([group.label for group in first], columns, width, title=inline(key)))


def group_document(experiments: Sequence[ExperimentState], metrics: Sequence[str], key: str) -> dict[str, Any]:
    """Return the groups as JSON: a list of rows for each metric."""
    by_metric = {metric: [_row(group) for group in groups(experiments, key, metric)] for metric in metrics}
    return {"key": key, "metrics": by_metric}


def _row(group: Group) -> dict[str, Any]:
    low, high = (group.mean.interval if group.mean else None) or (None, None)
    return {
        "value": json_value(group.value),
        "experiments": group.num,
        "done": group.num_done,
        "diverged": group.num_diverged,
        "configurations": group.num_configurations,
        "seeds": group.num_seeds,
        "mean": group.mean.value if group.mean else None,
        "low": low,
        "high": high,
        "lowest": group.lowest,
        "highest": group.highest,
    }


def _of_metric(found: Sequence[Group], title: str, place: int) -> list[Column]:
    further = 10 + 4 * min(place, 4) if place else 0
    has_interval = any(group.mean is not None and group.mean.margin for group in found)
    return [
        Column(f"{title} [95 % over seeds]" if has_interval else f"mean {title}", [_mean(group) for group in found],
               further, is_left=True),
        Column(f"lowest {title}", [_known(group.lowest) for group in found], further + 2),
        Column(f"highest {title}", [_known(group.highest) for group in found], further + 2),
    ]  # fmt: skip


def _mean(group: Group) -> str:
    if group.mean is None:
        return UNKNOWN
    if group.mean.margin and group.mean.interval:
        return with_interval(group.mean.value, *group.mean.interval)
    return number(group.mean.value)


def _known(value: float | None) -> str:
    return UNKNOWN if value is None else number(value)
