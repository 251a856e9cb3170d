"""Values out of files and out of targets: read as what they should be, or as nothing. Pure.

JSON allows numbers of four thousand digits, lists in lists without end and, as Python reads it, NaN. None of these may
raise where a table or an estimate is made, so whoever reads a file asks here for the type it needs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

MOST = 2**63 - 1  # whole numbers up to here fit everywhere: in numpy, in orjson, and as a float
LONGEST_S = 1e12  # seconds; thirty thousand years
DEPTH = 50  # of tables and lists in one another


def load(data: bytes) -> Any:
    """Return the JSON value in some bytes.

    Raises:
        ValueError: there is none, or one that is nested too deeply or has a number of thousands of digits.
    """
    try:
        return json.loads(data)
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error


def load_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object on a line; None if there is none."""
    try:
        content = load(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def number(value: Any) -> float | None:
    """Return a number as a float, NaN and infinities too; None for what is none, or is beyond any float."""
    if type(value) is float:
        return value
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def real(value: Any) -> float | None:
    """Return a number as it is, NaN and infinities too: an int stays an int. None where `number` returns None."""
    return value if number(value) is not None else None


def finite(value: Any, least: float = -math.inf) -> float | None:
    """Return a number as a float if it is finite and not less than `least`; else None."""
    found = number(value)
    return found if found is not None and math.isfinite(found) and found >= least else None


def whole(value: Any, least: int = 0, most: int = MOST) -> int | None:
    """Return a whole number within bounds; None for anything else, and for true and false."""
    return value if type(value) is int and least <= value <= most else None


def text(value: Any, default: str = "") -> str:
    """Return a text, or the default for anything else."""
    return value if isinstance(value, str) else default


def texts(value: Any) -> list[str]:
    """Return the texts in a list; an empty list for anything else."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def wholes(value: Any) -> dict[str, int]:
    """Return the whole numbers in a table; an empty table for anything else."""
    return {key: count for key, count in value.items() if whole(count) is not None} if isinstance(value, dict) else {}


def is_shallow(value: Any, depth: int = DEPTH) -> bool:
    """Say whether tables and lists are nested at most so deep."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return True
    return depth > 0 and all(is_shallow(one, depth - 1) for one in value if isinstance(one, dict | list | tuple))


class Fields:
    """The fields of one object of a file that must be as they are documented, each asked for by its type."""

    def __init__(self, content: Any, where: str = "") -> None:
        """Take an object; `where` names it in messages, empty for the file itself.

        Raises:
            ValueError: it is no object.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"{where.rstrip('.') or 'it'} is not an object")
        self._content = content
        self._where = where

    def get(self, key: str, what: str, is_right: Callable[[Any], bool]) -> Any:
        """Return the value of a key.

        Raises:
            ValueError: it is missing or not right; `what` says what it has to be.
        """
        if key not in self._content:
            raise ValueError(f"{self._where}{key} is missing")
        value = self._content[key]
        if not is_right(value):
            raise ValueError(f"{self._where}{key} is not {what}")
        return value

    def optional(self, key: str) -> Any:
        """Return the value of a key as it is; None where there is none."""
        return self._content.get(key)

    def text(self, key: str) -> str:
        """Return a text. Raises ValueError: it is none."""
        return str(self.get(key, "a text", lambda value: isinstance(value, str)))

    def whole(self, key: str) -> int:
        """Return a whole number from 0. Raises ValueError: it is none."""
        return int(self.get(key, "a whole number", lambda value: whole(value, most=2**63 - 1) is not None))

    def table(self, key: str) -> dict[str, Any]:
        """Return an object. Raises ValueError: it is none, or is nested too deeply."""
        right: Callable[[Any], bool] = lambda value: isinstance(value, dict) and is_shallow(value)  # noqa: E731
        return dict(self.get(key, f"an object, at most {DEPTH} levels deep", right))

    def list(self, key: str, what: str, is_right: Callable[[Any], bool]) -> list[Any]:
        """Return a list of values that are right. Raises ValueError: it is none, or a value is not."""
        return list(self.get(key, what, lambda value: isinstance(value, list) and all(map(is_right, value))))
