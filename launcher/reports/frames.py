"""The results of a sweep as pandas DataFrames, for programs and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import pandas as pd

from launcher.reports.table import Table
from launcher.store.experiment_state import ExperimentState

Frame: TypeAlias = pd.DataFrame
_LARGEST = 2**63 - 1  # of a whole number in a column of pandas


def typed(table: Table, names: str = "experiment") -> Frame:
    """Return the results table with columns of numbers where all cells are numbers. `names`: the column of row names.

    Whole numbers stay exact beside an empty cell. Among other numbers an empty cell is NaN, as NaN itself is.
    """
    columns = {name: [row[number] for row in table.rows] for number, name in enumerate(table.columns)}
    series = {name: pd.Series(cells, dtype=_dtype(cells)) for name, cells in columns.items()}
    return pd.DataFrame(series).set_index(names)


def _dtype(cells: Iterable[Any]) -> str:
    kinds = {type(cell) for cell in cells}
    known = kinds - {type(None)}
    if known == {bool}:
        return "boolean" if type(None) in kinds else "bool"
    if known == {int} and all(abs(cell) <= _LARGEST for cell in cells if cell is not None):
        return "Int64" if type(None) in kinds else "int64"
    return "float64" if known and known <= {int, float} else "object"


def curves_frame(experiments: Sequence[ExperimentState], metric: str) -> Frame:
    """Return the curves of a metric in long form: a row for each experiment and step, in the order of the job file.

    `tokens` and `seconds`, spent until the step, are empty where they were not recorded. A curve of more than 4,096
    values has the points that are drawn.
    """
    frames = []
    for experiment in experiments:
        curve = experiment.curves.get(metric)
        if curve is None:
            continue
        columns: dict[str, Any] = {
            "experiment": experiment.name,
            "step": list(curve.steps),
            "value": list(curve.values),
        }
        for name, scale in (("tokens", experiment.tokens), ("seconds", experiment.at_s)):
            columns[name] = scale.at(curve.steps) if scale is not None else float("nan")
        frames.append(pd.DataFrame(columns))
    if not frames:
        return pd.DataFrame(columns=["experiment", "step", "value", "tokens", "seconds"])
    return pd.concat(frames, ignore_index=True)
