"""Completes a nested table from the default of its field, where that default is an instance of a class.

    model: Model = field(default_factory=lambda: Model(width=64, depth=8))

With `model = { width = 256 }`, depth is 8, as if the job file had said it in [config]. Without this module it would be
the default of the class `Model`, and an experiment that changes one value would change two.

Only what the default was made from counts, so that `__post_init__` still computes what depends on the values given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from launcher.config.adapter import adapter_of, written
from launcher.config.class_fields import fields_of, keys_of

_encode = json.JSONEncoder(default=str).encode


def completed(table: Mapping[str, Any], default: Any, name: str) -> Mapping[str, Any]:
    """Return the table with what it leaves out of `default`, the instance that the field `name` has by default.

    A table that is none of the default's class stays as it is: in a union it means another class.

    Raises:
        ValueError: the default cannot be made again from its own values, so no part of it can be replaced.
    """
    names = _names(default)
    if not table.keys() < set(names):  # nothing is left out, or another class is meant
        return table
    values = _arguments(default, names)
    if values is None:
        raise ValueError(
            f"{name} is given in part, and its default cannot be made again from its own values.\n"
            f"  Give all keys of {name}: {', '.join(names)}"
        )
    whole = {**values, **table}
    return whole if _made(type(default), whole) is not None else table


def arguments_of(instance: Any) -> list[str] | None:
    """Return the keys whose values make the instance again, as many as possible; None if its values do not make it."""
    names, whole = _names(instance), _written(instance)
    found = _arguments(instance, names)
    if found is None:
        return None
    for name in names:
        if _made(type(instance), more := {**found, name: whole[name]}) == whole:
            found = more
    return list(found)


def _arguments(default: Any, names: Iterable[str]) -> dict[str, Any] | None:
    """Return the fewest values, as JSON types, that `default` is made from; None if its own values do not make it."""
    cls, wanted = type(default), _written(default)
    arguments = {name: wanted[name] for name in names}
    for name in names:
        fewer = {other: value for other, value in arguments.items() if other != name}
        if _made(cls, fewer) == wanted:
            arguments = fewer
    return arguments if _made(cls, arguments) == wanted else None


def _names(instance: Any) -> list[str]:
    """Return the names of the values that an instance is made from and has kept."""
    written = _written(instance)
    fields = fields_of(type(instance)).values()
    return [key for field in fields if field.init for key in keys_of(field) if key in written]


def _made(cls: type, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values of the instance that these arguments make; None if they make none."""
    try:
        return _written(adapter_of(cls).validate_json(_encode(arguments), strict=True))
    except Exception:  # noqa: BLE001  the user's __post_init__ runs here
        return None


def _written(instance: Any) -> dict[str, Any]:
    values: dict[str, Any] = written(instance, by_alias=True)
    return values
