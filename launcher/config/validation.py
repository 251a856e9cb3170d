"""Checks a mapping against a dataclass and reports every problem, with suggestions. Knows no files and no targets.

The types are checked at every depth: by `plain_class` what is plain and right, by `strict_class` all else, with
pydantic. An ordinary call of the class then makes the instance, so `__init__` and `__post_init__` run once, on the
values that were given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from launcher.config import notation, plain_class, redact
from launcher.config.nested import KeyPath, dotted, replaced, value_at, without
from launcher.text import did_you_mean, error_text

if TYPE_CHECKING:
    from pydantic import ValidationError

    from launcher.config.strict_class import StrictClass

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_NO_LIST = ("list_type", "tuple_type")
_OF_PYTHON = "needs_python_object"  # the type is a class such as torch.dtype
_NONSENSE = "no such text is meant"  # a field that accepts this accepts any text


@dataclass(frozen=True)
class FieldError:
    """One problem of a mapping: its path (empty: the mapping as a whole), and a message."""

    path: KeyPath
    message: str

    @property
    def key(self) -> str | None:
        """The path as a dotted key; None for the mapping as a whole."""
        return dotted(self.path) if self.path else None


_classes: dict[type, StrictClass] = {}


def _of(cls: type) -> StrictClass:
    if cls not in _classes:
        from launcher.config.strict_class import StrictClass  # imports pydantic, without which most classes do

        _classes[cls] = StrictClass(cls)
    return _classes[cls]


def names(cls: type) -> list[str]:
    """Return the keys a mapping for the dataclass `cls` may have, sorted."""
    return _of(cls).names()


def check(cls: type, values: Mapping[str, Any]) -> tuple[Any, list[FieldError]]:
    """Return an instance of the dataclass `cls` and no errors, or None and all problems of `values`.

    Errors that the class itself raises, in `__post_init__` for example, are among the problems.
    """
    unknown: list[KeyPath] = []
    arguments = plain_class.read(cls, values)
    if arguments is None:
        try:
            unknown = list(_of(cls).schema.unknown(values))
        except Exception as error:  # noqa: BLE001  a field's type may be anything
            return None, [_unmade(cls, error)]
    errors = [FieldError(path, _is_unknown(cls, path)) for path in unknown]
    known = without(values, unknown) if unknown else values
    instance = None
    try:
        instance = _strictly_built(cls, known) if arguments is None else cls(**arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the user's __post_init__ runs here
        if _is_from_pydantic(error):
            return None, [*errors, *_field_errors(cls, known, error)]
        return None, [*errors, _unmade(cls, error)]
    if not unknown:  # with unknown keys, the trials that find slips would mean nothing
        errors += _slips(cls, values)
    return (None if errors else instance), errors


def build(cls: type, values: Mapping[str, Any]) -> Any:
    """Build an instance of the dataclass `cls` from values that `check` has accepted.

    Raises:
        pydantic.ValidationError: `check` would not have accepted them.
    """
    arguments = plain_class.read(cls, values)
    return _strictly_built(cls, values) if arguments is None else cls(**arguments)


def _strictly_built(cls: type, values: Mapping[str, Any]) -> Any:
    known = _of(cls)
    return known.make(known.read(values))


def plain(instance: Any) -> dict[str, Any]:
    """Return all fields of a dataclass instance as JSON types; a value without a JSON type as its repr."""
    values = plain_class.write(instance)
    return _of(type(instance)).plain(instance) if values is None else values


def remade(instance: Any) -> Any:
    """Return a new instance made from the field values of `instance`. Errors of the class pass through."""
    return _of(type(instance)).remade(instance)


def _is_from_pydantic(error: BaseException) -> TypeGuard[ValidationError]:
    """Return whether pydantic has refused values. It is not imported for that: without it no such error exists."""
    pydantic = sys.modules.get("pydantic_core")
    return pydantic is not None and isinstance(error, pydantic.ValidationError)


def _unmade(cls: type, error: BaseException) -> FieldError:
    if isinstance(error, ValueError | AssertionError) and not _is_from_pydantic(error):
        return FieldError((), error_text(error) or f"{cls.__qualname__} cannot be made: {type(error).__name__}")
    return FieldError((), f"{cls.__qualname__} cannot be made: {type(error).__name__}: {error_text(error)}")


def _field_errors(cls: type, values: Mapping[str, Any], error: ValidationError) -> Iterator[FieldError]:
    """Yield pydantic's problems in our words. It reports an unknown key for each member of a union: yield it once."""
    reported: set[KeyPath] = set()
    for problem in error.errors(include_url=False):
        path, is_missing = _path(values, problem["loc"]), problem["type"] == "missing"
        if problem["type"] in _UNKNOWN:
            if path not in reported:
                reported.add(path)
                yield FieldError(path, _is_unknown(cls, path))
            continue
        message = _lower_first(problem["msg"].removeprefix("Value error, "))
        if problem["type"] == _OF_PYTHON:
            message = "has a type of which a job file can give no value: make it in your code, from text or a number"
        if is_missing:
            path, message = (*path, str(problem["loc"][-1])), "is missing"
        elif path:
            key = next((part for part in reversed(path) if not part.isdigit()), "")
            value = redact.shown(key, problem["input"])
            message = f"{message}, not {value!r}"
            if problem["type"] in _NO_LIST and isinstance(value, str | int | float):
                message += f".\n  For a list of one value write [{json.dumps(value, ensure_ascii=False)}]"
            if notation.is_slip(problem["input"]) and _takes(cls, values, path, None, is_made=False):
                message += f'.\n  For None write "{notation.NONE}"'
        yield FieldError(path, message)


def _path(values: Any, loc: Sequence[int | str]) -> KeyPath:
    """Return the path of a place that pydantic names. The names of union members in `loc` are left out."""
    path: KeyPath = ()
    for part in loc:
        is_entry = isinstance(part, int) and isinstance(values, list | tuple) and part < len(values)
        if is_entry or (isinstance(values, Mapping) and part in values):
            path, values = (*path, str(part)), values[part]
    return path


def _is_unknown(cls: type, path: KeyPath) -> str:
    classes = _of(cls).schema.classes_at(path[:-1]) or [(f"{cls.__module__}.{cls.__qualname__}", names(cls))]
    known = sorted({name for _, of_class in classes for name in of_class})
    if path[-1] in known:  # of one class of a union, where another key is of another
        owners = " or ".join(name for name, of_class in classes if path[-1] in of_class)
        return (
            f"is a field of {owners} alone, and no class has all keys of this table.\n"
            "  A table of [config] and that of an experiment are merged: keys of one class alone go into experiments"
        )
    hint = f"{did_you_mean(path[-1], known)}\n  Fields: {', '.join(known)}"
    return f"is not a field of {' or '.join(name for name, _ in classes)}.{hint}"


def _slips(cls: type, values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for text such as `none` in a field that accepts both None and any text: it probably means None.

    The class itself is asked whether it does. So "none" is still allowed for `Literal["none", "cosine"] | None`, or
    where `__post_init__` accepts only certain words.
    """
    for path in _texts(values):
        text = value_at(values, path)
        if notation.is_slip(text) and _takes(cls, values, path, None) and _takes(cls, values, path, _NONSENSE):
            yield FieldError(
                path,
                f'may be None, and {json.dumps(text)} would be text.\n  For None write "{notation.NONE}"; '
                f'for the text, "@text:{text}"',
            )


def _takes(cls: type, values: Mapping[str, Any], path: KeyPath, new: Any, *, is_made: bool = True) -> bool:
    """Return whether the class accepts `new` at a path, even if other values are wrong."""
    tried = replaced(values, path, new)
    try:
        read = _of(cls).read(tried)
        if is_made:
            _of(cls).make(read)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the user's __post_init__ runs here
        if not _is_from_pydantic(error):
            return False
        return not any(_path(tried, problem["loc"])[: len(path)] == path for problem in error.errors())
    return True


def _texts(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if type(inner) is str:
                yield (*path, str(key))
            elif type(inner) not in notation.SCALARS:
                yield from _texts(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, entry in enumerate(value):
            yield from _texts(entry, (*path, str(place)))
    elif isinstance(value, str):
        yield path


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]
