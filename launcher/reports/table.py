"""The results table, one row an experiment: `results_table.txt` for reading, `results_table.csv` for programs.

The only module that imports pandas. The text shows the fact `parameters`; all facts given to `run.info` are in the CSV.
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
from launcher.reports.results import Result
from launcher.store.manifest import Manifest
from launcher.store.paths import write_atomic
from launcher.text import duration, inline, number

_FORMULA_STARTS = ("=", "+", "-", "@")
_LONGEST_CELL = 100_000


def rows(
    document: Manifest, experiments: Sequence[Result], resources: Mapping[str, Mapping[str, float]] | None = None
) -> pd.DataFrame:
    """Return the table: times in seconds, memory in bytes; None where nothing is known, NaN where NaN was logged.

    `resources`: by experiment what `telemetry.summarise` made of its samples. The cells are of type object, so that an
    int stays an int beside an empty cell.
    """
    used = resources or {}
    measured = list(dict.fromkeys(column for cells in used.values() for column in cells))
    table = []
    for one in experiments:
        cells = {column: used.get(one.name, {}).get(column) for column in measured}
        table.append(_row(document, one, cells))
    columns = list(dict.fromkeys(column for row in table for column in row))
    content = [[_unicode(row.get(column)) for column in columns] for row in table]
    return pd.DataFrame(content, columns=[_unicode(column) for column in columns], dtype=object)


def _unicode(cell: Any) -> Any:
    """Escape what is no character: bytes of a file name, say, which pandas refuses where it has pyarrow."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell


def _row(document: Manifest, one: Result, cells: Mapping[str, float | None]) -> dict[str, Any]:
    own: dict[str, Any] = {"experiment": one.name, "overrides": overrides(one.overrides)}
    row = own | one.facts | own  # in this order, and our own columns win
    row["steps"] = one.steps
    for metric in document.metrics:
        curve = one.curves.get(metric)
        row[f"first_{metric}"] = curve.values[0] if curve else None
        row[f"final_{metric}"] = curve.values[-1] if curve else None
        row[f"best_{metric}"] = curve.best if curve else None
    row["tokens_per_s"] = None if one.tokens_per_s is None else round(one.tokens_per_s, 1)
    row["time_s"] = None if one.seconds is None else round(one.seconds, 2)
    row["device"] = one.device
    row["threads"] = one.threads
    row["peak_memory_bytes"] = one.peak_memory_bytes
    if one.peak_gpu_memory_bytes is not None:
        row["peak_gpu_memory_bytes"] = one.peak_gpu_memory_bytes
    row |= cells
    row["attempts"] = one.attempts
    if one.changed:
        row["smaller_batch"] = describe_changes(one.changed)
    row["ending"] = one.ending
    row["why"] = one.why or broken(one, document.metrics)
    row["earlier"] = "; ".join(one.earlier)
    return row


def overrides(changes: Mapping[str, Any]) -> str:
    """Return what sets an experiment apart, as `lr=0.001, n_layers=1`."""
    return ", ".join(assignments(changes))


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the table as JSON types: null where nothing is known, "nan", "inf" and "-inf" for what is not finite."""
    return [
        {str(column): _strict(cell) for column, cell in zip(table.columns, row, strict=True)}
        for row in table.itertuples(index=False, name=None)
    ]


def _strict(cell: Any) -> Any:
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write the table for programs: control characters as escapes, and what looks like a formula with an apostrophe."""
    cells = [[_inert(cell) for cell in row] for row in table.itertuples(index=False, name=None)]
    columns = [_inert(name) for name in table.columns]
    write_atomic(path, pd.DataFrame(cells, columns=columns, dtype=object).to_csv(index=False))


def _inert(cell: Any) -> str:
    """Return the text of a cell: empty where nothing is known, and numbers digit by digit, `nan` and `inf` too."""
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    cell = inline(cell, _LONGEST_CELL)
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def write_text(path: Path, table: pd.DataFrame, document: Manifest, remark: str = "") -> None:
    """Write the table for reading: aligned columns, short numbers, units in the headings; below them the remark."""
    shown: dict[str, list[str]] = {"experiment": _texts(table, "experiment"), "overrides": _texts(table, "overrides")}
    if "parameters" in table:
        shown["parameters"] = [_count(cell) for cell in table["parameters"]]
    shown["steps"] = _texts(table, "steps")
    for metric in document.metrics:
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
    text = pd.DataFrame(shown)
    left = ("experiment", "overrides", "device", "ending", "smaller batch")
    widths = {name: max(len(name), *(len(cell) for cell in text[name])) for name in shown}
    lines = ["  ".join(_pad(name, widths[name], name in left) for name in shown)]
    lines.append("  ".join("-" * widths[name] for name in shown))
    for _, cells in text.iterrows():
        lines.append("  ".join(_pad(cells[name], widths[name], name in left) for name in shown))
    marks = table["smaller_batch"] if "smaller_batch" in table else [None] * len(table)
    changes = [f"trained with {mark} for want of memory" if _is_known(mark) else "" for mark in marks]
    notes = [
        inline(f"{row['experiment']}: {'; '.join(text for text in (change, row['why'], row['earlier']) if text)}", 1000)
        for change, (_, row) in zip(changes, table.iterrows(), strict=True)
        if change or row["why"] or row["earlier"]
    ] + ([remark] if remark else [])
    of = f"{len(table)} experiments of {inline(document.job_file)}"
    heading = f"{inline(document.name)}: {of}, seed {document.seed}"
    body = "\n".join(line.rstrip() for line in lines)
    write_atomic(path, "\n\n".join([heading, body, *(["\n".join(notes)] if notes else [])]) + "\n")


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    return [inline(number(cell)) if _is_known(cell) else "-" for cell in table[column]]


def _count(cell: Any) -> str:
    if not _is_known(cell):
        return "-"
    return inline(f"{cell:,}" if isinstance(cell, int) else number(cell), 40)


def _is_known(cell: Any) -> bool:
    return cell is not None and cell != ""


def _pad(cell: str, width: int, is_left: bool) -> str:
    return cell.ljust(width) if is_left else cell.rjust(width)
