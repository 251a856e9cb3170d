"""The results table, one row an experiment: `results_table.txt` for reading, `results_table.csv` for programs.

The only module that imports pandas. The text shows the fact `parameters`; all facts given to `run.info` are in the CSV.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from launcher import values
from launcher.errors import inline
from launcher.history import History, series
from launcher.paths import write_atomic
from launcher.smaller import describe
from launcher.state import Document, Planned, Seen, last_ending
from launcher.views.text import duration, number

_FORMULA_STARTS = ("=", "+", "-", "@")
_LONGEST_CELL = 100_000


def rows(
    document: Document,
    histories: Mapping[str, History],
    seen: Mapping[str, Seen],
    resources: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Return the table: times in seconds, memory in bytes; empty cells where nothing is known.

    `resources`: by experiment what `telemetry.summarise` made of its samples.
    """
    used = resources or {}
    measured = list(dict.fromkeys(column for cells in used.values() for column in cells))
    table = []
    for one in document.experiments:
        cells = {column: used.get(one.name, {}).get(column) for column in measured}
        table.append(_row(document, one, histories[one.name], seen.get(one.name), cells))
    return pd.DataFrame([{_unicode(name): _unicode(cell) for name, cell in row.items()} for row in table])


def _unicode(cell: Any) -> Any:
    """Escape what is no character: bytes of a file name, say, which pandas refuses where it has pyarrow."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell


def _row(
    document: Document, planned: Planned, history: History, seen: Seen | None, cells: Mapping[str, float | None]
) -> dict[str, Any]:
    own: dict[str, Any] = {"experiment": planned.name, "overrides": overrides(planned)}
    row = own | history.info | own  # in this order, and our own columns win
    row["steps"] = len(history.steps)
    for metric in document.metrics:
        row |= _metric_cells(metric, history, better=max if metric in document.maximize else min)
    speeds = series(history, "tokens_per_s")
    row["tokens_per_s"] = round(statistics.median(speeds), 1) if speeds else None
    row["time_s"] = round(seen.seconds, 2) if seen and seen.seconds else None
    row["device"] = seen.device if seen else ""
    row["threads"] = seen.threads if seen else None
    last_word = history.end or {}
    row["peak_memory_bytes"] = last_word.get("peak_memory_bytes")
    if "peak_gpu_memory_bytes" in last_word:
        row["peak_gpu_memory_bytes"] = last_word["peak_gpu_memory_bytes"]
    row |= cells
    row["attempts"] = history.attempt
    if seen and seen.changed:
        row["smaller_batch"] = describe(seen.changed)
    row["ending"] = last_ending(history, seen) or ""
    row["why"] = seen.why if seen else ""
    row["earlier"] = "; ".join(seen.earlier) if seen else ""
    return row


def overrides(planned: Planned) -> str:
    """Return what sets an experiment apart, as `lr=0.001, n_layers=1`."""
    return ", ".join(f"{key}={value}" for key, value in planned.overrides.items())


def _metric_cells(metric: str, history: History, *, better: Any) -> dict[str, Any]:
    values = series(history, metric)
    finite = [value for value in values if math.isfinite(value)]  # NaN and infinities never win
    return {
        f"first_{metric}": values[0] if values else None,
        f"final_{metric}": values[-1] if values else None,
        f"best_{metric}": better(finite) if finite else None,
    }


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write the table for programs: control characters as escapes, and what looks like a formula with an apostrophe."""
    write_atomic(path, table.map(_inert).rename(columns=_inert).to_csv(index=False))


def _inert(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    cell = inline(cell, _LONGEST_CELL)
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def write_text(path: Path, table: pd.DataFrame, document: Document) -> None:
    """Write the table for reading: aligned columns, short numbers, units in the headings."""
    shown: dict[str, list[str]] = {"experiment": _texts(table, "experiment"), "overrides": _texts(table, "overrides")}
    if "parameters" in table:
        shown["parameters"] = [_count(cell) for cell in table["parameters"]]
    shown["steps"] = _texts(table, "steps")
    for metric in document.metrics:
        for which in ("first", "final", "best"):
            shown[f"{which} {metric}"] = _texts(table, f"{which}_{metric}")
    if table["tokens_per_s"].notna().any():
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
    whys = [
        inline(f"{row['experiment']}: {'; '.join(text for text in (change, row['why'], row['earlier']) if text)}", 1000)
        for change, (_, row) in zip(changes, table.iterrows(), strict=True)
        if change or row["why"] or row["earlier"]
    ]
    of = f"{len(table)} experiments of {inline(document.job_file)}"
    heading = f"{inline(document.name)}: {of}, seed {document.seed}"
    body = "\n".join(line.rstrip() for line in lines)
    write_atomic(path, "\n\n".join([heading, body, *(["\n".join(whys)] if whys else [])]) + "\n")


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    return [inline(number(cell)) if _is_known(cell) else "-" for cell in table[column]]


def _count(cell: Any) -> str:
    if not _is_known(cell):
        return "-"
    return f"{int(cell):,}" if values.finite(cell) is not None else inline(str(cell), 40)


def _is_known(cell: Any) -> bool:
    return cell is not None and cell == cell and cell != ""


def _pad(cell: str, width: int, is_left: bool) -> str:
    return cell.ljust(width) if is_left else cell.rjust(width)
