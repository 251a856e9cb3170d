"""The rows of a history in a JSON file: what a training loop has kept of every epoch, and dumps as a whole. Pure.

[{"epoch": 0, "loss": 3.1}, {"epoch": 1, "loss": 2.7}]        a list of objects: a row each
{"loss": [3.1, 2.7], "val_loss": [3.4], "accuracy": 0.75}     lists of numbers, as Keras keeps them: the first number
                                                              of each in the first row, and single numbers in the last
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from launcher.sources.json_lines import STEP_KEYS, has_step
from launcher.sources.metric_names import metric_name

_DEPTH = 4  # of objects inside one another
_MISSING = object()


def rows(content: Any, metrics: Sequence[str] | None) -> list[Mapping[str, Any]]:
    """Return the rows of a history; none if the content is something else, such as a configuration.

    `metrics`: of the job, by which a history is known, if it has neither steps nor epochs. None: they are not known.
    """
    if isinstance(content, list):
        found = [row for row in content if isinstance(row, dict)]
        is_history = metrics is None or any(has_step(row) or _names(row) & {*metrics, "epoch"} for row in found)
        return [*found] if is_history else []
    return _of_columns(content, metrics) if isinstance(content, dict) else []


def _names(row: Mapping[str, Any]) -> set[str]:
    return {metric_name(name) for name, _ in _flat(row, "", _DEPTH)}


def _of_columns(content: Mapping[str, Any], metrics: Sequence[str] | None) -> list[Mapping[str, Any]]:
    flat = dict(_flat(content, "", _DEPTH))
    columns = {name: values for name, values in flat.items() if _is_column(values)}
    known = {metric_name(name) for name in columns}
    if not columns or (metrics is not None and known.isdisjoint([*metrics, *STEP_KEYS])):
        return []
    found: list[Mapping[str, Any]] = [
        {name: value for name, value in zip(columns, values, strict=True) if value is not _MISSING}
        for values in zip_longest(*columns.values(), fillvalue=_MISSING)
    ]
    others = {name: value for name, value in flat.items() if not isinstance(value, list)}
    found[-1] = others | dict(found[-1])
    return found


def _is_column(values: Any) -> bool:
    return (
        isinstance(values, list)
        and any(isinstance(value, int | float) for value in values)
        and all(value is None or isinstance(value, int | float) for value in values)
    )


def _flat(content: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            if depth > 1:
                yield from _flat(value, f"{prefix}{key}_", depth - 1)
        else:
            yield f"{prefix}{key}", value
