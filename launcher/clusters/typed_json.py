"""Objects of frozen dataclasses as JSON and back, by the types of their fields. Reading trusts nothing in the file.

A field may be a number, a text, a path, a tuple or a table of these, another dataclass, or None where its type says so.
A field of the type Any holds a value of a configuration (`plain_values`).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from launcher.clusters import plain_values

T = TypeVar("T")
_PLAIN: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int), str: (str,)}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def to_json(value: Any, where: str) -> Any:
    """Return an object of a dataclass as JSON has it. `where`: its name in messages.

    Raises:
        TypeError: a value cannot be written; the message names it.
    """
    if names := _names(cast("type", type(value))):
        return {name: to_json(getattr(value, name), f"{where}.{name}" if where else name) for name in names}
    if isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)):
        return [to_json(entry, f"{where}[{number}]") for number, entry in enumerate(value)]
    return plain_values.to_json(value, where)


def from_json(cls: type[T], content: Any, where: str) -> T:
    """Return the object of a dataclass that `to_json` has written so. Fields that the class lacks are passed over.

    Raises:
        ValueError: the content is not that of such an object; the message says which field is wrong.
    """
    if not isinstance(content, dict):
        raise ValueError(f"{where or 'it'} is not an object")
    found: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name = f"{where}.{field.name}" if where else field.name
        if field.name in content:
            found[field.name] = _read(_hints(cast("type", cls))[field.name], content[field.name], name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{name} is missing")
    return cls(**found)


@cache
def _names(cls: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass; none for any other class."""
    return tuple(field.name for field in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _read(hint: Any, content: Any, where: str) -> Any:
    """Return the value of a type.

    Raises:
        ValueError: the content is not that of such a value.
    """
    if hint is Any:
        return plain_values.from_json(content, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, content, where)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _one_of(inner, content, where)
    if origin is Literal:
        if content not in inner:
            raise ValueError(f"{where} is none of {', '.join(map(str, inner))}")
        return content
    value = plain_values.from_json(content, where)
    if hint in _PLAIN:
        if type(value) not in _PLAIN[hint]:
            raise ValueError(f"{where} is not {_WORDS[hint]}")
        return value
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where} is not a table")
        return {_known(inner[0], k, where): _known(inner[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin is tuple:
        return _tuple(inner[0], content, value, where)
    return _known(hint, value, where)


def _tuple(inner: Any, content: Any, value: Any, where: str) -> tuple[Any, ...]:
    if dataclasses.is_dataclass(inner) and isinstance(content, list):
        return tuple(_read(inner, entry, f"{where}[{number}]") for number, entry in enumerate(content))
    if not isinstance(value, tuple):
        raise ValueError(f"{where} is not a list")
    return tuple(_known(inner, entry, f"{where}[{number}]") for number, entry in enumerate(value))


def _one_of(kinds: tuple[Any, ...], content: Any, where: str) -> Any:
    """Return the value as the first of several types that it fits."""
    if content is None and type(None) in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    for kind in kinds[:-1]:
        try:
            return _read(kind, content, where)
        except ValueError:
            continue
    return _read(kinds[-1], content, where)


def _known(hint: Any, value: Any, where: str) -> Any:
    """Return a value that was read already, if it is of a type.

    Raises:
        ValueError: it is not.
    """
    if hint is Any:
        return value
    if hint in _PLAIN:
        right, words = _PLAIN[hint], _WORDS[hint]
    else:
        assert hint is Path, f"{hint} is no type of a field that can be read"
        right, words = (type(Path()),), "a path"
    if type(value) not in right:
        raise ValueError(f"{where} is not {words}")
    return value
