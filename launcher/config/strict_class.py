"""Reads values for any dataclass by pydantic, and knows what is wrong with them. `plain_class` is the quick way.

pydantic checks the types at every depth. It is strict, as far as JSON can tell types apart: a list may become a tuple,
and a whole number a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import SchemaValidator

from launcher.config import notation
from launcher.config.adapter import adapter_of, written
from launcher.config.class_fields import fields_of
from launcher.config.schema import Schema

_UNCHANGING = notation.SCALARS | {str}
_encode = json.JSONEncoder(default=str).encode  # made once: a sweep has thousands of configurations


class StrictClass:
    """A dataclass with its pydantic schema, and how to make an instance of it."""

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self._adapter = adapter_of(cls)
        self.schema = Schema(self._adapter.core_schema)
        # A pydantic dataclass checks and makes itself. Of other dataclasses, only the arguments are checked here.
        self._arguments = None if hasattr(cls, "__pydantic_validator__") else self.schema.arguments
        self._is_strict = None if self._arguments is None and self.schema.is_read_by_validators else True
        self._init_only = [field["name"] for field in self._arguments or () if field.get("init_only")]
        self._last: tuple[Mapping[str, Any], Any] = ({}, None)  # what was read last, if nothing can change it
        self._validator = SchemaValidator(self.schema.closed(only_arguments=self._arguments is not None))

    def names(self) -> list[str]:
        """Return the keys a mapping may have, sorted."""
        if self._arguments is None:
            return sorted(name for name, field in fields_of(self._cls).items() if field.init)
        return sorted(field["name"] for field in self._arguments if field.get("init", True))

    def read(self, values: Mapping[str, Any]) -> Any:
        """Return the checked arguments for the class; for a dataclass of pydantic's own, the instance.

        Raises:
            ValidationError: a key or a type is wrong.
        """
        if values is self._last[0]:  # a configuration is made twice
            return self._last[1]
        text = _encode(self.schema.completed(values))
        read = self._validator.validate_json(text, strict=self._is_strict)
        if self._arguments is None:
            return read
        arguments, init_only = read
        given = {key: arguments[key] for key in values if key in arguments}
        if self._init_only:
            pairs = zip(self._init_only, init_only or (), strict=True)
            given |= {name: value for name, value in pairs if name in values}
        if all(type(value) in _UNCHANGING for value in given.values()):
            self._last = values, given
        return given

    def make(self, read: Any) -> Any:
        """Return the instance made from the result of `read`. Errors of the class pass through."""
        return read if self._arguments is None else self._cls(**read)

    def plain(self, instance: Any) -> dict[str, Any]:
        """Return all fields of an instance as JSON types."""
        values: dict[str, Any] = written(instance)
        return values

    def remade(self, instance: Any) -> Any:
        """Return a new instance made from the field values of `instance`. Errors of the class pass through."""
        return self._adapter.validate_json(_encode(self.plain(instance)), strict=True)
