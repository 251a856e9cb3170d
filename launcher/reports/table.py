"""The results table, a row an experiment: `results_table.txt` for reading, `results_table.csv` for programs.

The text shows the fact `parameters`; the CSV has all facts given to `run.info`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from launcher.config.nested import assignments
from launcher.planning.batch_halving import describe_changes
from launcher.reports.analysis import broken
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest
from launcher.store.paths import write_atomic
from launcher.text import duration, inline, number

_FORMULA_STARTS = ("=", "+", "-", "@")
_LONGEST_CELL = 100_000  # characters
_LEFT_ALIGNED = ("experiment", "overrides", "device", "ending", "smaller batch")


def make_table(
    manifest: Manifest,
    experiments: Sequence[ExperimentState],
    usage: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Return the table: times in seconds, memory in bytes; None if nothing is known, NaN if NaN was logged.

    `usage`: by experiment, the cells that `telemetry.summarise` made of its samples. The cells are of type object, so
    that an int stays an int beside an empty cell.
    """
    measured = usage or {}
    columns_measured = list(dict.fromkeys(column for cells in measured.values() for column in cells))
    rows = []
    for experiment in experiments:
        cells = {column: measured.get(experiment.name, {}).get(column) for column in columns_measured}
        rows.append(_row(manifest, experiment, cells))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    content = [[_unicode(row.get(column)) for column in columns] for row in rows]
    return pd.DataFrame(content, columns=[_unicode(column) for column in columns], dtype=object)


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
    return row


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the table as JSON types: null where nothing is known, "nan", "inf" and "-inf" for what is not finite."""
    return [
        {str(column): _strict(cell) for column, cell in zip(table.columns, row, strict=True)}
        for row in table.itertuples(index=False, name=None)
    ]


def _strict(cell: Any) -> Any:
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write the table for programs: control characters as escapes, and an apostrophe before what looks like a formula.

    Raises:
        OSError: the file could not be written; the old one is intact.
    """
    cells = [[_inert(cell) for cell in row] for row in table.itertuples(index=False, name=None)]
    columns = [_inert(name) for name in table.columns]
    write_atomic(path, pd.DataFrame(cells, columns=columns, dtype=object).to_csv(index=False))


def _inert(cell: Any) -> str:
    """Return the text of a cell: empty where nothing is known; numbers digit by digit, `nan` and `inf` too."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    cell = inline(cell, _LONGEST_CELL)
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def write_text(path: Path, table: pd.DataFrame, manifest: Manifest, remark: str = "") -> None:
    """Write the table for reading: aligned columns, short numbers, units in the headings; below them the remark.

    Raises:
        OSError: the file could not be written; the old one is intact.
    """
    of = f"{len(table)} experiments of {inline(manifest.job_file)}"
    heading = f"{inline(manifest.name)}: {of}, seed {manifest.seed}"
    body = "\n".join(_aligned(_shown_columns(table, manifest)))
    notes = _notes(table) + ([remark] if remark else [])
    write_atomic(path, "\n\n".join([heading, body, *(["\n".join(notes)] if notes else [])]) + "\n")


def _shown_columns(table: pd.DataFrame, manifest: Manifest) -> dict[str, list[str]]:
    """Return the columns of the text by title, each with the text of its cells."""
    shown = {"experiment": _texts(table, "experiment"), "overrides": _texts(table, "overrides")}
    if "parameters" in table:
        shown["parameters"] = [_count(cell) for cell in table["parameters"]]
    shown["steps"] = _texts(table, "steps")
    for metric in manifest.metrics:
        for which in ("first", "final", "best"):
            shown[f"{which} {metric}"] = _texts(table, f"{which}_{metric}")
    if any(map(_is_known, table["tokens_per_s"])):
        shown["tokens/s"] = [f"{cell:,.0f}" if _is_known(cell) else "-" for cell in table["tokens_per_s"]]
    shown["time"] = [duration(cell) if _is_known(cell) else "-" for cell in table["time_s"]]
    shown["device"] = _texts(table, "device")
    for column, title in (("peak_memory_bytes", "peak memory"), ("peak_gpu_memory_bytes", "peak GPU memory")):
        if column in table:
            shown[title] = [f"{cell / 1e6:,.0f} MB" if _is_known(cell) else "-" for cell in table[column]]
    for column, title in (("mean_cpu_percent", "CPU"), ("mean_gpu_percent", "GPU")):
        if column in table:
            shown[title] = [f"{cell:.0f}%" if _is_known(cell) else "-" for cell in table[column]]
    shown["ending"] = _texts(table, "ending")
    if "smaller_batch" in table:
        shown["smaller batch"] = _texts(table, "smaller_batch")
    return shown


def _aligned(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the lines of the columns: their titles, a rule, and a line for each row."""
    widths = {title: max(map(len, [title, *cells])) for title, cells in columns.items()}
    rows = [list(columns), ["-" * width for width in widths.values()], *zip(*columns.values(), strict=True)]
    return [
        "  ".join(
            cell.ljust(widths[title]) if title in _LEFT_ALIGNED else cell.rjust(widths[title])
            for title, cell in zip(columns, row, strict=True)
        ).rstrip()
        for row in rows
    ]


def _notes(table: pd.DataFrame) -> list[str]:
    """Return the lines below the table: of each experiment about which there is more to say."""
    marks = table["smaller_batch"] if "smaller_batch" in table else [None] * len(table)
    notes = []
    for mark, name, why, earlier in zip(marks, table["experiment"], table["why"], table["earlier"], strict=True):
        change = f"trained with {mark} for want of memory" if _is_known(mark) else ""
        if parts := [part for part in (change, why, earlier) if part]:
            notes.append(inline(f"{name}: {'; '.join(parts)}", 1000))
    return notes


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    return [inline(number(cell)) if _is_known(cell) else "-" for cell in table[column]]


def _count(cell: Any) -> str:
    if not _is_known(cell):
        return "-"
    return inline(f"{cell:,}" if isinstance(cell, int) else number(cell), 40)


def _is_known(cell: Any) -> bool:
    return cell is not None and cell != ""
