"""The axes of a grid: the [grid] table of a job file, as points that each set values of the configuration. Pure.

[grid]
lr           = [1e-4, 1e-3]                                     a list of values
width        = { from = 64, to = 512, points = 4, log = true }  numbers, both ends included
optimizer.wd = [0.0, 0.1]                                       a key of a nested table
[grid.size]                                                     labels, each with values of several keys
small = { n_layers = 1, embed_dim = 64 }
large = { n_layers = 4, embed_dim = 256 }
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launcher.config import nested, redact
from launcher.config.nested import KeyPath, dotted
from launcher.config.notation import write
from launcher.planning.source_lines import SourceLines
from launcher.text import did_you_mean, inline

MOST_POINTS = 1000
_RANGE_KEYS = ("from", "to", "points", "log")
_DIGITS = 4  # significant, of the numbers between the ends of a range


@dataclass(frozen=True)
class Point:
    """A place on an axis: the value or label that a person wrote, and what it sets."""

    shown: Any
    overrides: dict[str, Any]


@dataclass(frozen=True)
class Axis:
    """An axis of a grid. Each of its points sets the same keys, or, with labels, keys of its own."""

    path: KeyPath  # of the key in [config]; of a labelled axis its name alone
    points: tuple[Point, ...]
    is_labelled: bool = False

    @property
    def name(self) -> str:
        """The name of the axis: a dotted key, such as `optimizer.lr`."""
        return dotted(self.path)

    @property
    def keys(self) -> set[KeyPath]:
        """The keys of the configuration that the axis sets."""
        return {path for point in self.points for path, _ in nested.leaves(point.overrides)} | (
            set() if self.is_labelled else {self.path}
        )


def read_axes(grid: Mapping[str, Any], lines: SourceLines) -> tuple[list[Axis], list[str]]:
    """Return the axes in a [grid] table, in the order of the file, and what is wrong."""
    axes: list[Axis] = []
    problems: list[str] = []
    for path, value in _axis_values(grid):
        try:
            axes.append(_axis(path, value))
        except ValueError as error:
            problems.append(f"{lines.where('grid', *path)}grid.{inline(dotted(path), 100)} {error}")
    return axes, problems


def _axis_values(table: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path and the written value of each axis. A table of lists and ranges is a nested table of keys."""
    for key, value in table.items():
        is_nested = isinstance(value, Mapping) and not _is_range(value) and any(map(_has_points, value.values()))
        if is_nested:
            yield from _axis_values(value, (*path, key))
        else:
            yield (*path, key), value


def _has_points(value: Any) -> bool:
    return isinstance(value, list | tuple) or _is_range(value)


def _is_range(value: Any) -> bool:
    return isinstance(value, Mapping) and ("from" in value or "to" in value)


def _axis(path: KeyPath, value: Any) -> Axis:
    """Return an axis. Raises ValueError with the words that follow its name in a message."""
    if _is_range(value):
        value = _numbers(value)
    if isinstance(value, list | tuple):
        if redact.keys({path[-1]: list(value)}):
            raise ValueError(
                f"is a secret, and values stand in names. Write labels: [grid.which] a = {{ {path[-1]} = … }}"
            )
        return Axis(path, tuple(Point(entry, nested.table(path, entry)) for entry in _distinct(value)))
    if isinstance(value, Mapping) and value and all(isinstance(entry, Mapping) for entry in value.values()):
        if len(path) > 1:
            raise ValueError(f"has labels, so it is an axis of its own: write [grid.{dotted(path[-1:])}].")
        return Axis(path, tuple(Point(label, dict(entry)) for label, entry in value.items()), is_labelled=True)
    example = f"[{write(value)}]" if not isinstance(value, Mapping) else "{ from = 1e-4, to = 1e-2, points = 3 }"
    raise ValueError(
        f"is a list of values, a range or a table of labels. Write {example}, or see the manual for labels."
    )


def _distinct(values: Sequence[Any]) -> Sequence[Any]:
    if not values:
        raise ValueError("has no values.")
    if len(values) > MOST_POINTS:
        raise ValueError(f"has {len(values):,} values; {MOST_POINTS:,} are the most.")
    seen: dict[str, Any] = {}
    for value in values:
        if (key := _key(value)) in seen:
            again = "" if write(seen[key]) == write(value) else f", the other time as {write(seen[key])}"
            raise ValueError(f"has the value {inline(write(value), 100)} twice{again}. Take one out.")
        seen[key] = value
    return values


def _key(value: Any) -> str:
    """Return the same text for values that are equal: 1 and 1.0 are, 1 and true are not."""
    is_whole = isinstance(value, float) and value.is_integer()
    return write(int(value) if is_whole else value)


def _numbers(table: Mapping[str, Any]) -> list[int | float]:
    """Return the numbers of a range, evenly spaced or, with `log`, each the same multiple of the number before."""
    if unknown := next((key for key in table if key not in _RANGE_KEYS), None):
        raise ValueError(
            f"has a key {inline(unknown, 100)}.{did_you_mean(unknown, _RANGE_KEYS)} A range has from, to, points, log."
        )
    if missing := next((key for key in ("from", "to", "points") if key not in table), None):
        raise ValueError(f"has no `{missing}`, as in {{ from = 1e-4, to = 1e-2, points = 5, log = true }}.")
    first, last, num, is_log = table["from"], table["to"], table["points"], table.get("log", False)
    for key, value in (("from", first), ("to", last)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"has a `{key}` that is no number: {inline(write(value), 100)}.")
    if type(first) is not type(last):
        raise ValueError("has ends of which only one has a point: write 1 and 4, or 1.0 and 4.0.")
    if type(num) is not int or not 2 <= num <= MOST_POINTS:
        raise ValueError(f"has `points` from 2 to {MOST_POINTS:,}, not {inline(write(num), 100)}.")
    if not isinstance(is_log, bool):
        raise ValueError("has a `log` that is neither true nor false.")
    if first == last or (is_log and (first <= 0 or last <= 0)):
        raise ValueError("has two ends that are the same." if first == last else "has `log`, so both ends are above 0.")
    values = [first, *(_between(first, last, place / (num - 1), is_log=is_log) for place in range(1, num - 1)), last]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"goes from {write(first)} to {write(last)}, and no number can say how far these are apart.")
    if len(set(values)) < num:
        ends = f"from = {float(first)!r}, to = {float(last)!r}"
        hint = f", or fractions: {ends}" if isinstance(first, int) else ""
        raise ValueError(f"has no {num} different numbers from {write(first)} to {write(last)}: fewer points{hint}.")
    return values


def _between(first: float, last: float, share: float, *, is_log: bool) -> int | float:
    exact = first * (last / first) ** share if is_log else first + (last - first) * share
    return round(exact) if isinstance(first, int) else float(f"{exact:.{_DIGITS}g}")
