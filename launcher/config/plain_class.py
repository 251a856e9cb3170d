"""Reads values for a dataclass of plain types without pydantic, whose import takes longer than the rest of a plan.

Plain types are numbers, text, `bool`, `None`, `Literal` of text, lists, tuples and tables of these, and unions with
None. What this module returns, `strict_class` would return, too. Where anything is wrong, odd or unusual it returns
None, and `strict_class` decides and tells: no error is found here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from launcher.text import is_unicode

_UNSURE: Any = object()
_WITHOUT_FINDINGS = frozenset({"identity"})  # the metadata of a field in which pydantic looks for nothing
_LARGEST_EXACT = 1 << 53  # a larger whole number may be no float
_LARGEST_INT = 1 << 63

Way = Callable[[Any], Any]


class _Kind(typing.NamedTuple):
    """How a value of an annotation is read, and how it is written as JSON types. Either may return `_UNSURE`."""

    read: Way
    write: Way


class _Fields(typing.NamedTuple):
    reads: dict[str, Way]
    writes: list[tuple[str, Way]]
    required: frozenset[str]


def read(cls: type, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments that `cls` is made with from JSON values, or None if `strict_class` must decide."""
    fields = _of(cls)
    if fields is None:
        return None
    arguments, reads = {}, fields.reads
    for key, value in values.items():
        if key not in reads or (argument := reads[key](value)) is _UNSURE:
            return None
        arguments[key] = argument
    return arguments if fields.required <= arguments.keys() else None


def write(instance: Any) -> dict[str, Any] | None:
    """Return all fields of an instance as JSON types, or None if `strict_class` must decide."""
    fields = _of(type(instance))
    if fields is None:
        return None
    written = {}
    for name, write_it in fields.writes:
        if (value := write_it(getattr(instance, name, _UNSURE))) is _UNSURE:
            return None
        written[name] = value
    return written


_known: dict[type, _Fields | None] = {}


def _of(cls: type) -> _Fields | None:
    """Return the fields of a class, or None if its annotations or pydantic's traces in it ask for `strict_class`."""
    if cls not in _known:
        _known[cls] = None  # for a class that contains itself
        with contextlib.suppress(Exception):  # an annotation, or a class attribute, is any code
            _known[cls] = _fields(cls) if _is_plain(cls) else None
    return _known[cls]


def _is_plain(cls: type) -> bool:
    """Return whether a class is a dataclass that pydantic takes for nothing else."""
    if type(cls) is not type or "__dataclass_fields__" not in vars(cls):
        return False
    names = (pair for base in cls.__mro__ for pair in vars(base).items())
    return not any("pydantic" in name or _is_of_pydantic(value) for name, value in names)


def _is_of_pydantic(value: Any) -> bool:
    return type(value).__module__.startswith("pydantic")


def _fields(cls: type) -> _Fields | None:
    hints = typing.get_type_hints(cls, include_extras=True)
    if any(isinstance(hint, dataclasses.InitVar) for hint in hints.values()):
        return None
    kinds, required = {}, set()
    for field in dataclasses.fields(cls):
        kind = _kind(hints.get(field.name))
        is_usual = field.init and field.metadata.keys() <= _WITHOUT_FINDINGS
        if kind is None or not is_usual or _is_of_pydantic(field.default):
            return None
        kinds[field.name] = kind
        if field.default is field.default_factory is dataclasses.MISSING:
            required.add(field.name)
    reads = {name: kind.read for name, kind in kinds.items()}
    return _Fields(reads, [(name, kind.write) for name, kind in kinds.items()], frozenset(required))


def _kind(annotation: Any) -> _Kind | None:
    """Return the kind of an annotation; None if it is not plain."""
    if isinstance(annotation, type) and annotation in _SCALARS:
        return _SCALARS[annotation]
    if annotation is Any:
        return _ANY
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return _union([_kind(member) for member in inner], inner)
    if origin is typing.Literal:
        return _literal(inner) if all(type(choice) is str for choice in inner) else _UNREAD
    if origin in (list, tuple, dict):
        if not inner:  # of `typing.List` without brackets
            return _UNREAD
        kinds = [_kind(part) for part in inner if part is not Ellipsis]
        return _container(origin, inner, [kind for kind in kinds if kind]) if all(kinds) else None
    return _UNREAD if isinstance(annotation, type) and _of(annotation) is not None else None


def _whole(value: Any) -> Any:
    return value if type(value) is int and -_LARGEST_INT <= value < _LARGEST_INT else _UNSURE


def _number(value: Any) -> Any:
    if type(value) is float:
        return value if value - value == 0 else _UNSURE  # neither NaN nor infinite
    return float(value) if type(value) is int and -_LARGEST_EXACT <= value <= _LARGEST_EXACT else _UNSURE


def _text(value: Any) -> Any:
    return value if type(value) is str and is_unicode(value) else _UNSURE


def _truth(value: Any) -> Any:
    return value if type(value) is bool else _UNSURE


def _nothing(value: Any) -> Any:
    return None if value is None else _UNSURE


def _scalar(value: Any) -> Any:
    """Read a value of any type, if it is a scalar."""
    kind = _SCALARS.get(type(value))
    return kind.read(value) if kind is not None else _UNSURE


def _unread(_value: Any) -> Any:
    return _UNSURE


_SCALARS: dict[Any, _Kind] = {
    of: _Kind(read_it, read_it)
    for of, read_it in ((int, _whole), (float, _number), (str, _text), (bool, _truth), (type(None), _nothing))
}
_ANY = _Kind(_scalar, _scalar)
_UNREAD = _Kind(_unread, _unread)  # pydantic reads the value, if there is one


def _union(kinds: list[_Kind | None], members: tuple[Any, ...]) -> _Kind | None:
    """Return the kind of a union: of one plain type and None, or of scalars, where a value's own type is taken."""
    if not all(kinds):
        return None
    others = [kind for kind, member in zip(kinds, members, strict=True) if kind and member is not type(None)]
    if len(others) == 1:
        return _Kind(*(functools.partial(_optional, way) for way in others[0]))
    exact = {member: _SCALARS[member].read for member in members if member in _SCALARS}

    def _read(value: Any) -> Any:
        return exact.get(type(value), _unread)(value)

    return _Kind(_read, _read)


def _optional(way: Way, value: Any) -> Any:
    return None if value is None else way(value)


def _literal(choices: tuple[str, ...]) -> _Kind:
    def _read(value: Any) -> Any:
        return value if type(value) is str and value in choices else _UNSURE

    return _Kind(_read, _read)


def _container(origin: Any, inner: tuple[Any, ...], kinds: list[_Kind]) -> _Kind:
    """Return the kind of a list, a tuple or a table whose entries have these kinds."""
    if origin is dict:
        return _Kind(*(functools.partial(_table, way) for way in kinds[1])) if inner[0] is str else _UNREAD
    if origin is tuple and inner[1:] != (Ellipsis,):
        return _UNREAD
    read_all = functools.partial(_sequence, kinds[0].read, (list, tuple), origin)
    return _Kind(read_all, functools.partial(_sequence, kinds[0].write, (origin,), list))


def _sequence(way: Way, types_taken: tuple[type, ...], made: Callable[[Any], Any], value: Any) -> Any:
    if type(value) not in types_taken:
        return _UNSURE
    entries = list(map(way, value))
    return _UNSURE if _UNSURE in entries else made(entries)


def _table(way: Way, value: Any) -> Any:
    if type(value) is not dict:
        return _UNSURE
    entries = {_text(key): way(entry) for key, entry in value.items()}
    return _UNSURE if _UNSURE in entries or _UNSURE in entries.values() else entries
