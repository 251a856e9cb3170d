"""How far an experiment is, from its record file, in a fifth of the time that a whole history takes.

What is best so far stands anywhere in the file, so a tail does not do; but of a step only its number and one metric are
wanted. Measured: 2.0 µs a record, 0.2 s for a hundred experiments of a thousand steps; `read_history` takes 1.0 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from launcher.store import files, values
from launcher.store.history import History, unreadable
from launcher.store.records import Record, has_envelope, tidy

_NOTHING: Record = {}
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass
class Skim:
    """What is worth knowing of a record file at a glance."""

    history: History = field(default_factory=lambda: History(is_light=True))  # which steps there are, not their metrics
    newest: float | None = None  # value of the metric
    best: float | None = None  # among the finite ones


def skim(path: Path, metric: str | None = None, *, is_maximized: bool = False) -> Skim:
    """Read a record file; an empty result if there is none, or none that can be read: its history says why.

    What is no record is passed over, as is a torn last line.
    """
    try:
        return _skim(path, metric, is_maximized=is_maximized)
    except OSError as error:
        return Skim(History(is_light=True, obstacle=unreadable(path, error)))


def _skim(path: Path, metric: str | None, *, is_maximized: bool) -> Skim:
    history = History(is_light=True)
    found: dict[int, Any] = {}  # the metric's values, by step
    attempt, is_first, lowest, mark = 0, True, 0, history.mark
    for line in files.read_lines(path):
        record = _decode(line)
        if record is None:
            continue
        step = record.get("step")
        if "kind" in record or type(step) is not int:
            if (record := tidy(record)) is None:
                continue
            history.add(record)
        elif not -values.MOST <= step <= values.MOST:
            continue
        elif record["attempt"] == attempt and not is_first and step >= lowest:
            mark(step)
            if metric in record:
                found[step] = record[metric]
        else:  # the first step of an attempt replaces what earlier ones had from there on
            history.add(record)
            attempt, is_first, lowest = history.attempt, False, step
            found = {known: value for known, value in found.items() if known in history.steps}
            if metric in record:
                found[step] = record[metric]
        history.last_s = record["at_s"]
        is_first |= history.attempt != attempt
    if not history.is_ordered:
        found = dict(sorted(found.items()))
    numbers = [number for value in found.values() if (number := _number(value)) is not None]
    finite = [number for number in numbers if math.isfinite(number)]
    best = (max if is_maximized else min)(finite) if finite else None
    return Skim(history, numbers[-1] if numbers else None, best)


def _decode(line: bytes) -> Record | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        record = values.load_object(line)  # a number beyond what orjson reads
    return record if has_envelope(record) else None


def _number(value: Any) -> float | None:
    return _SPECIAL.get(value) if isinstance(value, str) else values.real(value)
