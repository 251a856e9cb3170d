"""Checks a mapping against a dataclass and reports every problem, with suggestions. Knows no files and no targets.

pydantic does the types (strict, but as JSON would have it: a list is a tuple, a whole number is a float); what it
does not do for a plain dataclass is refuse unknown keys, so that is done here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from launcher import redact
from launcher.errors import did_you_mean


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a mapping: under which key (None: the mapping as a whole), and what."""

    key: str | None
    message: str


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type) -> TypeAdapter[Any]:
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def names(cls: type) -> list[str]:
    """Return the keys a mapping for the dataclass `cls` may have, sorted."""
    return sorted(field.name for field in dataclasses.fields(cls) if field.init)


def check(cls: type, values: Mapping[str, Any]) -> tuple[Any, list[Fault]]:
    """Build an instance of the dataclass `cls`, or return None and everything that is wrong with `values`."""
    known = names(cls)
    faults = [
        Fault(key, f"is not a field of {cls.__module__}.{cls.__qualname__}.{_hint(key, known)}")
        for key in values
        if key not in known
    ]
    instance = None
    try:
        instance = build(cls, {key: value for key, value in values.items() if key in known})
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            key = str(problem["loc"][0]) if problem["loc"] else None
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "missing":
                message = "is missing"
            elif key is not None:
                innermost = next((part for part in reversed(problem["loc"]) if isinstance(part, str)), key)
                message = f"{_lower_first(message)}, not {redact.shown(innermost, problem['input'])!r}"
            faults.append(Fault(key, message))
    except Exception as error:  # noqa: BLE001  the user's __post_init__ runs here, and a field's type may be anything
        faults.append(Fault(None, f"{cls.__qualname__} cannot be made: {type(error).__name__}: {error}"))
    return (None if faults else instance), faults


def build(cls: type, values: Mapping[str, Any]) -> Any:
    """Build an instance of the dataclass `cls` from values that `check` has accepted.

    Raises:
        pydantic.ValidationError: it had not.
    """
    return _adapter(cls).validate_json(json.dumps(values, default=str), strict=True)


def plain(instance: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance, defaults included, as JSON types."""
    values: dict[str, Any] = _adapter(type(instance)).dump_python(instance, mode="json")
    return values


def _hint(key: str, known: list[str]) -> str:
    return f"{did_you_mean(key, known)}\n  Fields: {', '.join(known)}"


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]
