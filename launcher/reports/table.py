"""The results table for programs, a row an experiment, with all facts given to `run.info`.

It is `results_table.csv`; of a sweep with several seeds it is `results_runs.csv`, and `results_table.csv` has a row a
configuration (`configuration_table`). `results_text` makes the table for reading.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.config.nested import assignments
from launcher.planning.batch_halving import describe_changes
from launcher.reports.analysis import broken
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import write_atomic
from launcher.text import inline

_FORMULA_STARTS = ("=", "+", "-", "@")
_LONGEST_CELL = 100_000  # characters


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns. `frames` makes a DataFrame of it: what draws needs none, and no pandas."""

    columns: list[str]
    rows: list[list[Any]]  # an int stays an int beside an empty cell, which is None


def make_table(
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    usage: Mapping[str, Mapping[str, float]] | None = None,
) -> Table:
    """Return the table: times in seconds, memory in bytes; None if nothing is known, NaN if NaN was logged.

    `usage`: by experiment, the cells that `telemetry.summarise` made of its samples.
    """
    measured = usage or {}
    columns_measured = list(dict.fromkeys(column for cells in measured.values() for column in cells))
    rows = []
    for experiment in experiments:
        cells = {column: measured.get(experiment.name, {}).get(column) for column in columns_measured}
        rows.append(_row(manifest, experiment, cells))
    return table_of(rows)


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return rows as a table of the columns that any row has, in order of first appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    content = [[_unicode(row.get(column)) for column in columns] for row in rows]
    return Table([_unicode(column) for column in columns], content)


def _unicode(cell: Any) -> Any:
    """Return a cell with an escape in the place of what is no character: pandas with pyarrow refuses such text.

    Bytes of a file name that are not UTF-8 are such text.
    """
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell


def _row(manifest: Manifest, experiment: ExperimentState, cells: Mapping[str, float | None]) -> dict[str, Any]:
    own: dict[str, Any] = {"experiment": experiment.name, "overrides": ", ".join(assignments(experiment.overrides))}
    row = own | dict(experiment.facts) | own  # the facts stand behind these two, and cannot replace them
    row["steps"] = experiment.num_steps
    for metric in manifest.metrics:
        curve = experiment.curves.get(metric)
        row[f"first_{metric}"] = curve.first if curve else None
        row[f"final_{metric}"] = curve.newest if curve else None
        row[f"best_{metric}"] = curve.best if curve else None
    row["tokens_per_s"] = None if experiment.tokens_per_s is None else round(experiment.tokens_per_s, 1)
    row["time_s"] = None if experiment.seconds is None else round(experiment.seconds, 2)
    row["device"] = experiment.device
    row["threads"] = experiment.threads
    row["peak_memory_bytes"] = experiment.peak_memory_bytes
    if experiment.peak_gpu_memory_bytes is not None:
        row["peak_gpu_memory_bytes"] = experiment.peak_gpu_memory_bytes
    row |= cells
    row["attempts"] = experiment.attempt
    if experiment.changed:
        row["smaller_batch"] = describe_changes(experiment.changed)
    row["ending"] = str(experiment.outcome)
    row["why"] = experiment.why or broken(experiment, manifest.metrics)
    row["earlier"] = "; ".join(experiment.earlier)
    return row | {"seed": experiment.seed, "configuration": experiment.configuration}


def json_rows(table: Table) -> list[dict[str, Any]]:
    """Return the table as JSON types: null where nothing is known, "nan", "inf" and "-inf" for what is not finite."""
    return [{column: _strict(cell) for column, cell in zip(table.columns, row, strict=True)} for row in table.rows]


def _strict(cell: Any) -> Any:
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def write_csv(path: Path, table: Table) -> None:
    """Write the table for programs: control characters as escapes, and an apostrophe before what looks like a formula.

    Raises:
        OSError: the file could not be written; the old one is intact.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_inert(cell) for cell in row] for row in (table.columns, *table.rows))
    write_atomic(path, text.getvalue())


def _inert(cell: Any) -> str:
    """Return the text of a cell: empty where nothing is known; numbers digit by digit, `nan` and `inf` too."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    cell = inline(cell, _LONGEST_CELL)
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
