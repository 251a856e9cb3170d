"""How far an experiment is, from its record file, in a fifth of the time that a whole history takes.

What is best so far stands anywhere in the file, so a tail does not do; but of a step only its number and one metric are
wanted. Measured: 2.0 µs a record, 0.2 s for a hundred experiments of a thousand steps; `read_history` takes 1.0 s.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from launcher.history import History
from launcher.records import ENDINGS, Record

_NOTHING: Record = {}
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass
class Skim:
    """What is worth knowing of a record file at a glance."""

    history: History = field(default_factory=lambda: History(is_light=True))  # which steps there are, not their metrics
    newest: float | None = None  # value of the metric
    best: float | None = None  # among the finite ones


def skim(path: Path, metric: str | None = None, *, is_maximized: bool = False) -> Skim:
    """Read a record file; an empty result if there is none. What is no record is passed over, as is a torn last line.

    Raises:
        OSError: the file is there and cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return Skim()
    lines.pop()  # after the last line's end: nothing, or a torn line
    history = History(is_light=True)
    values: dict[int, Any] = {}
    attempt, is_first = 0, True
    for line in lines:
        record = _decode(line)
        if record is None:
            continue
        step = record.get("step")
        if "kind" in record or type(step) is not int:
            if record.get("kind") != "end" or record.get("ending") in ENDINGS:
                history.add(record)
        elif record["attempt"] == attempt and not is_first:
            history.steps[step] = _NOTHING
            if metric in record:
                values[step] = record[metric]
        else:  # the first step of an attempt replaces what earlier ones had from there on
            history.add(record)
            attempt, is_first = history.attempt, False
            values = {known: value for known, value in values.items() if known in history.steps}
            if metric in record:
                values[step] = record[metric]
        history.last_s = record["at_s"]
        is_first |= history.attempt != attempt
    found = [number for value in values.values() if (number := _number(value)) is not None]
    finite = [number for number in found if math.isfinite(number)]
    best = (max if is_maximized else min)(finite) if finite else None
    return Skim(history, found[-1] if found else None, best)


def _decode(line: bytes) -> Record | None:
    try:
        record = orjson.loads(line)
    except ValueError:
        try:
            record = json.loads(line)  # a number beyond what orjson reads
        except (ValueError, RecursionError):
            return None
    if type(record) is not dict or type(record.get("attempt")) is not int or type(record.get("n")) is not int:
        return None
    return record if type(record.get("at_s")) in (float, int) else None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return _SPECIAL.get(value)
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:  # an int beyond any float
        return None
