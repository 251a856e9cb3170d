"""Checks the types of values from files and targets: a function returns a value of its type, or None. Pure.

A JSON file may hold a number of four thousand digits, lists nested without limit and, as Python reads it, NaN. No such
value may raise an error while a table or an estimate is made. So a reader of a file takes each value by one of these
functions. Example: `finite("abc")` and `finite(math.nan)` are None.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

MOST = 2**63 - 1  # the largest whole number that NumPy, orjson and a float all take
LONGEST_S = 1e12  # thirty thousand years
DEPTH = 50  # the most levels of tables and lists inside one another


def load(data: bytes) -> Any:
    """Return the JSON value in some bytes.

    Raises:
        ValueError: the bytes are not JSON, are nested too deeply, or have a number of thousands of digits.
    """
    try:
        return json.loads(data)
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error


def load_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object on a line; None if the line holds anything else."""
    try:
        content = load(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def number(value: Any) -> float | None:
    """Return a number as a float, NaN and infinities too; None for any other value, and for an int beyond any float."""
    if type(value) is float:
        return value
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def real(value: Any) -> float | None:
    """Return a number unchanged, NaN and infinities too: an int stays an int. None where `number` returns None."""
    return value if number(value) is not None else None


def finite(value: Any, least: float = -math.inf) -> float | None:
    """Return a number as a float if it is finite and not less than `least`; else None."""
    found = number(value)
    return found if found is not None and math.isfinite(found) and found >= least else None


def whole(value: Any, least: int = 0, most: int = MOST) -> int | None:
    """Return an int within bounds, both included; None for any other value. True and False are not ints here."""
    return value if type(value) is int and least <= value <= most else None


def text(value: Any, default: str = "") -> str:
    """Return a text; the default for any other value."""
    return value if isinstance(value, str) else default


def texts(value: Any) -> list[str]:
    """Return the texts in a list, without its other entries; an empty list for any other value."""
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []


def wholes(value: Any) -> dict[str, int]:
    """Return the entries of a table that are whole numbers from 0; an empty table for any other value."""
    return {key: count for key, count in value.items() if whole(count) is not None} if isinstance(value, dict) else {}


def is_shallow(value: Any, depth: int = DEPTH) -> bool:
    """Return whether a value has at most `depth` levels of tables and lists: `[[1]]` has two levels, 1 has none."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return True
    return depth > 0 and all(is_shallow(entry, depth - 1) for entry in value if isinstance(entry, dict | list | tuple))


class Fields:
    """The fields of a JSON object whose format is documented. A field that is missing or wrong is a ValueError."""

    def __init__(self, content: Any, where: str = "") -> None:
        """Take the object. `where` comes before a field's name in messages: `experiments[3].`; empty for a whole file.

        Raises:
            ValueError: `content` is not an object.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"{where.rstrip('.') or 'it'} is not an object")
        self._content = content
        self._where = where

    def get(self, key: str, what: str, is_right: Callable[[Any], bool]) -> Any:
        """Return the value of a key. `what` describes a right value in the message: `name is not a text`.

        Raises:
            ValueError: the key is missing, or `is_right` refuses its value.
        """
        if key not in self._content:
            raise ValueError(f"{self._where}{key} is missing")
        value = self._content[key]
        if not is_right(value):
            raise ValueError(f"{self._where}{key} is not {what}")
        return value

    def optional(self, key: str) -> Any:
        """Return the value of a key, unchecked; None if the key is missing."""
        return self._content.get(key)

    def text(self, key: str) -> str:
        """Return the text of a key. Raises ValueError if there is no text."""
        return str(self.get(key, "a text", lambda value: isinstance(value, str)))

    def whole(self, key: str) -> int:
        """Return the whole number, from 0, of a key. Raises ValueError if there is no such number."""
        return int(self.get(key, "a whole number", lambda value: whole(value, most=2**63 - 1) is not None))

    def table(self, key: str) -> dict[str, Any]:
        """Return the object of a key. Raises ValueError if there is no object, or it is nested too deeply."""
        right: Callable[[Any], bool] = lambda value: isinstance(value, dict) and is_shallow(value)  # noqa: E731
        return dict(self.get(key, f"an object, at most {DEPTH} levels deep", right))

    def list(self, key: str, what: str, is_right: Callable[[Any], bool]) -> list[Any]:
        """Return the list of a key. Raises ValueError if there is no list, or `is_right` refuses an entry."""
        return list(self.get(key, what, lambda value: isinstance(value, list) and all(map(is_right, value))))


def json_value(value: Any) -> Any:
    """Return a value as JSON types: "nan", "inf" and "-inf" for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
