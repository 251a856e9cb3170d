"""Completes a nested table from the default of its field, where that default is an instance of a class.

    model: Model = field(default_factory=lambda: Model(width=64, depth=8))

With `model = { width = 256 }`, depth is 8, as if the job file had said it in [config]. Without this module it would be
the default of the class `Model`, and an experiment that changes one value would change two.

Only what the default was made from counts, so that `__post_init__` still computes what depends on the values given.
A default counts only if its values, which pass through JSON, make exactly it again. Of another one, such as one with a
secret, a function or a random name, nothing is taken.
"""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from launcher.config.adapter import adapter_of, written
from launcher.config.class_fields import fields_of, has_fields, keys_of

_encode = json.JSONEncoder(default=str).encode
_PLAIN = (bool, int, float, str, type(None), datetime.date, datetime.datetime, datetime.time)


class PartialTable:
    """The default of a field, of which a table may replace a part."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self._names = _names(instance)
        self._arguments = _arguments(instance, self._names) or {}

    @classmethod
    def of(cls, default: Callable[[], Any], classes: Iterable[type]) -> PartialTable | None:
        """Return the default of a field for one of these classes; None if no part of it can be replaced.

        `default`: makes it, and is called twice, for it may be another each time.
        """
        try:
            instance = default()
            if type(instance) not in classes or not has_fields(instance) or not _is_same(default(), instance):
                return None
            whole = cls(instance)
        except Exception:  # noqa: BLE001  the user's factory runs here: whole tables need none of it
            return None
        return whole if _is_same(_made(type(instance), whole._arguments), instance) else None

    def completed(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the table with what it leaves out of the default.

        A table that is none of the default's class stays as it is: in a union it means another class.
        """
        if not table.keys() < set(self._names):  # nothing is left out, or another class is meant
            return table
        whole = {**self._arguments, **table}
        return whole if _made(type(self.instance), whole) is not None else table


def arguments_of(instance: Any) -> list[str] | None:
    """Return the keys whose values make the instance again, as many as possible; None if its values do not make it."""
    names, whole = _names(instance), _written(instance)
    found = _arguments(instance, names)
    if found is None:
        return None
    for name in names:
        if _is_same(_made(type(instance), more := {**found, name: whole[name]}), instance):
            found = more
    return list(found)


def _arguments(default: Any, names: Iterable[str]) -> dict[str, Any] | None:
    """Return the fewest values, as JSON types, that `default` is made from; None if its own values do not make it."""
    cls, wanted = type(default), _written(default)
    arguments = {name: wanted[name] for name in names}
    for name in names:
        fewer = {other: value for other, value in arguments.items() if other != name}
        if _is_same(_made(cls, fewer), default):
            arguments = fewer
    return arguments if _is_same(_made(cls, arguments), default) else None


def _names(instance: Any) -> list[str]:
    """Return the names of the values that an instance is made from and has kept."""
    written = _written(instance)
    fields = fields_of(type(instance)).values()
    return [key for field in fields if field.init for key in keys_of(field) if key in written]


def _made(cls: type, arguments: Mapping[str, Any]) -> Any:
    """Return the instance that these arguments make; None if they make none."""
    try:
        return adapter_of(cls).validate_json(_encode(arguments), strict=True)
    except Exception:  # noqa: BLE001  the user's __post_init__ runs here
        return None


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same in every part, of plain types; any other value is like itself alone."""
    if one is other or type(one) is not type(other):
        return one is other
    if has_fields(one):
        return all(_is_same(getattr(one, name, None), getattr(other, name, None)) for name in fields_of(type(one)))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_same, one, other))
    is_plain = type(one) in (*_PLAIN, set, frozenset) or isinstance(one, enum.Enum | PurePath)
    return is_plain and bool(one == other)


def _written(instance: Any) -> dict[str, Any]:
    values: dict[str, Any] = written(instance, by_alias=True)
    return values
