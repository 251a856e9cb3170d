"""Checks a mapping against a dataclass and reports every problem, with suggestions. Knows no files and no targets.

pydantic does the types (strict, but as JSON would have it: a list is a tuple, a whole number is a float), at every
depth. The class itself then makes the instance, called as anybody would call it: its `__init__` and `__post_init__` run
once, on the values that were given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from launcher.config import notation, redact
from launcher.config.nested import KeyPath, dotted, replaced, value_at, without
from launcher.config.schema import Schema
from launcher.text import did_you_mean

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_NONSENSE = "no such text is meant"  # what a field takes that takes any text


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with a mapping: under which path of keys (empty: the mapping as a whole), and what."""

    path: KeyPath
    message: str

    @property
    def key(self) -> str | None:
        """The path as a dotted key; None for the mapping as a whole."""
        return dotted(self.path) if self.path else None


class _Class:
    """A dataclass as pydantic sees it, and how an instance of it is made."""

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self.adapter: TypeAdapter[Any] = TypeAdapter(cls)
        self.schema = Schema(self.adapter.core_schema)
        # A dataclass of pydantic's own checks and makes itself; of any other only the arguments are checked here.
        self._arguments = None if hasattr(cls, "__pydantic_validator__") else self.schema.arguments
        self._validator = SchemaValidator(self.schema.closed(only_arguments=self._arguments is not None))

    def names(self) -> list[str]:
        """Return the keys a mapping may have, sorted."""
        if self._arguments is None:
            return sorted(field.name for field in fields(self._cls) if field.init)
        return sorted(field["name"] for field in self._arguments if field.get("init", True))

    def read(self, values: Mapping[str, Any]) -> Any:
        """Return what the class is called with, or for a dataclass of pydantic's the instance.

        Raises:
            ValidationError: a key or a type is wrong.
        """
        text = json.dumps(values, default=str)
        read = self._validator.validate_json(text, strict=True)
        if self._arguments is None:
            return read
        arguments, init_only = read
        given = {key: arguments[key] for key in values if key in arguments}
        names = [field["name"] for field in self._arguments if field.get("init_only")]
        return given | {name: value for name, value in zip(names, init_only or (), strict=True) if name in values}

    def make(self, read: Any) -> Any:
        """Return the instance of what `read` has returned. Whatever the class raises is raised."""
        return read if self._arguments is None else self._cls(**read)


_classes: dict[type, _Class] = {}


def _of(cls: type) -> _Class:
    if cls not in _classes:
        _classes[cls] = _Class(cls)
    return _classes[cls]


def names(cls: type) -> list[str]:
    """Return the keys a mapping for the dataclass `cls` may have, sorted."""
    return _of(cls).names()


def check(cls: type, values: Mapping[str, Any]) -> tuple[Any, list[FieldError]]:
    """Build an instance of the dataclass `cls`, or return None and everything that is wrong with `values`."""
    try:
        unknown = list(_of(cls).schema.unknown(values))
    except Exception as error:  # noqa: BLE001  a field's type may be anything
        return None, [_unmade(cls, error)]
    faults = [FieldError(path, _is_unknown(cls, path)) for path in unknown]
    known = without(values, unknown) if unknown else values
    instance = None
    try:
        instance = build(cls, known)
    except ValidationError as error:
        return None, [*faults, *_faults(cls, known, error)]
    except (Exception, SystemExit) as error:  # noqa: BLE001  the user's __post_init__ runs here
        return None, [*faults, _unmade(cls, error)]
    if not unknown:  # of which any text would pass for one that may be None
        faults += _slips(cls, values)
    return (None if faults else instance), faults


def build(cls: type, values: Mapping[str, Any]) -> Any:
    """Build an instance of the dataclass `cls` from values that `check` has accepted.

    Raises:
        pydantic.ValidationError: it had not.
    """
    known = _of(cls)
    return known.make(known.read(values))


def plain(instance: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance, defaults included, as JSON types; what has none, by its repr."""
    adapter = _of(type(instance)).adapter
    values: dict[str, Any] = adapter.serializer.to_python(instance, mode="json", warnings=False, fallback=repr)
    return values


def remade(instance: Any) -> Any:
    """Return an instance made from the values that this one has. Whatever the class raises is raised."""
    return _of(type(instance)).adapter.validate_json(json.dumps(plain(instance), default=str), strict=True)


def _unmade(cls: type, error: BaseException) -> FieldError:
    if isinstance(error, ValueError | AssertionError) and not isinstance(error, ValidationError):
        return FieldError((), str(error) or f"{cls.__qualname__} cannot be made: {type(error).__name__}")
    return FieldError((), f"{cls.__qualname__} cannot be made: {type(error).__name__}: {error}")


def _faults(cls: type, values: Mapping[str, Any], error: ValidationError) -> Iterator[FieldError]:
    """Put what pydantic found into words, each key that a member of a union does not know once."""
    told: set[KeyPath] = set()
    for problem in error.errors(include_url=False):
        path, is_missing = _path(values, problem["loc"]), problem["type"] == "missing"
        if problem["type"] in _UNKNOWN:
            if path not in told:
                told.add(path)
                yield FieldError(path, _is_unknown(cls, path))
            continue
        message = _lower_first(problem["msg"].removeprefix("Value error, "))
        if is_missing:
            path, message = (*path, str(problem["loc"][-1])), "is missing"
        elif path:
            key = next((part for part in reversed(path) if not part.isdigit()), "")
            message = f"{message}, not {redact.shown(key, problem['input'])!r}"
            if notation.is_slip(problem["input"]) and _takes(cls, values, path, None, is_made=False):
                message += f'.\n  For None write "{notation.NONE}"'
        yield FieldError(path, message)


def _path(values: Any, loc: Sequence[int | str]) -> KeyPath:
    """Return the keys of a place that pydantic names: it names the members of unions as well."""
    path: KeyPath = ()
    for part in loc:
        is_entry = isinstance(part, int) and isinstance(values, list | tuple) and part < len(values)
        if is_entry or (isinstance(values, Mapping) and part in values):
            path, values = (*path, str(part)), values[part]
    return path


def _is_unknown(cls: type, path: KeyPath) -> str:
    classes = _of(cls).schema.classes_at(path[:-1]) or [(f"{cls.__module__}.{cls.__qualname__}", names(cls))]
    known = sorted({name for _, of_class in classes for name in of_class})
    hint = f"{did_you_mean(path[-1], known)}\n  Fields: {', '.join(known)}"
    return f"is not a field of {' or '.join(name for name, _ in classes)}.{hint}"


def _slips(cls: type, values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Find text like `none` where None could stand as well, and any other text: there it is hardly meant as text.

    The class itself is asked. So a `Literal["none", "cosine"] | None`, or a `__post_init__` that knows its words, may
    have "none" among them.
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
    """Say whether the class would take another value at a path, whatever else is wrong with the values."""
    tried = replaced(values, path, new)
    try:
        read = _of(cls).read(tried)
        if is_made:
            _of(cls).make(read)
    except ValidationError as error:
        return not any(_path(tried, problem["loc"])[: len(path)] == path for problem in error.errors())
    except (Exception, SystemExit):  # noqa: BLE001  the user's __post_init__ runs here
        return False
    return True


def _texts(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _texts(one, (*path, str(place)))
    elif isinstance(value, str):
        yield path


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]
