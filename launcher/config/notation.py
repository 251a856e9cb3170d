"""Notation for values that TOML cannot write, in job files and with -S: None, and text that looks like None.

    "@none"         None; TOML has no null
    "@text:none"    the text after the colon, here `none`. Needed only in a field that may be None too: there, text
                    such as `none` or `null` is refused as a probable mistake for None

`read` turns written values into Python values, and `write` does the reverse. This module knows no configuration class.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from launcher.config.class_fields import fields_of, has_fields, keys_of
from launcher.config.nested import KeyPath, dotted

NONE = "@none"
_TEXT = "@text:"
_WORDS = ("none", "null", "nil")
SCALARS = frozenset({int, float, bool, type(None)})  # types of most values, which have no notation and nothing inside
_BARE = SCALARS | {str}
_SLIPS = tuple(f"@{word}" for word in _WORDS)


class Text(str):
    """Text that was written as `@text:…`, so it is not a mistake for None."""

    __slots__ = ()


def read(value: Any) -> Any:
    """Return a written value with `@none` replaced by None and `@text:…` by its text, at any depth."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, Mapping):
        return {key: read(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(read, value))
    if type(value) is not str:
        return value
    if value == NONE:
        return None
    return Text(value.removeprefix(_TEXT)) if value.startswith(_TEXT) else value


def marked(value: Any) -> Any:
    """Return a value in the written form, at any depth: `read` restores it after it has passed through JSON."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, Mapping):
        return {key: marked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [marked(entry) for entry in value]
    is_marked = isinstance(value, Text) or (isinstance(value, str) and value.startswith("@"))
    return f"{_TEXT}{value}" if is_marked else value


def bare(value: Any) -> Any:
    """Return a value in which each `Text` is a plain str, at any depth."""
    if type(value) in _BARE:
        return value
    if isinstance(value, Mapping):
        return {key: inner if type(inner) in _BARE else bare(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(bare, value))
    return str(value) if isinstance(value, Text) else value


def is_slip(value: Any) -> bool:
    """Return whether a value is text that may have been meant as None: `none`, `None`, `null`, `nil`."""
    return isinstance(value, str) and not isinstance(value, Text) and value.strip().casefold() in _WORDS


def misspelt(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Yield path and text of each wrong spelling of `@none`, such as `@None` or `@null`, in a written value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from misspelt(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, entry in enumerate(value):
            yield from misspelt(entry, (*path, str(place)))
    elif isinstance(value, str) and value != NONE and value.strip().casefold() in _SLIPS:
        yield path, value


def write(value: Any) -> str:
    """Return a value as a line of TOML. Read by a TOML parser and then by `read`, the line gives the value again."""
    if value is None:
        return json.dumps(NONE)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)  # TOML has inf, -inf and nan
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{dotted((str(key),))} = {write(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write, value))}]"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    text = str(value)
    return json.dumps(f"{_TEXT}{text}" if is_slip(text) or text.startswith("@") else text, ensure_ascii=False)


def from_python(value: Any) -> Any:
    """Return a Python value as the values that a job file can hold, at any depth.

    Enums become their values, dataclasses and models of pydantic tables, and sets sorted lists.

    Raises:
        TypeError: a value has no form in a job file; the message names its type.
    """
    if isinstance(value, enum.Enum):
        return from_python(value.value)
    if value is None or isinstance(value, bool | int | float | str | PurePath | datetime.date | datetime.time):
        return value
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else str(from_python(key)): from_python(inner) for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(map(from_python, value)) if type(value) in (list, tuple) else [*map(from_python, value)]
    if isinstance(value, set | frozenset):
        return sorted(map(from_python, value), key=lambda entry: json.dumps(entry, default=str, sort_keys=True))
    if has_fields(value):
        return from_python(_arguments(value))
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return from_python(value.tolist())
    raise TypeError(f"a {type(value).__qualname__} cannot stand in a job file")


def _arguments(instance: Any) -> dict[str, Any]:
    """Return the values that an instance is made from: with the others, `__post_init__` would be applied to its result.

    Raises:
        TypeError: no values of the instance make it again.
    """
    cls = type(instance)
    values = {keys_of(field)[-1]: getattr(instance, name) for name, field in fields_of(cls).items() if field.init}
    if (
        dataclasses.is_dataclass(cls)
        and not hasattr(cls, "__post_init__")
        and not hasattr(cls, "__pydantic_validator__")
    ):
        return values
    from launcher.config.partial_table import arguments_of  # imports pydantic

    keys = arguments_of(instance)
    if keys is None:
        raise TypeError(
            f"a {cls.__qualname__} cannot stand in a job file, because its __post_init__ or validators changed its "
            "values: give a dict of those it is made from"
        )
    return {key: values[key] for key in keys}
