"""The fields of a configuration class, which is a dataclass or a model of pydantic. pydantic is not imported for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

_ALIASES = "launcher.aliases"
_known: dict[type, dict[str, dataclasses.Field[Any]]] = {}
_MODEL = "__pydantic_fields__"  # of a model; a dataclass of pydantic has it, too


def is_config_class(cls: object) -> bool:
    """Return whether a class has fields, which can be the keys of a table."""
    return isinstance(cls, type) and (dataclasses.is_dataclass(cls) or _is_model(cls))


def has_fields(value: object) -> bool:
    """Return whether a value is an instance of a class with fields."""
    return is_config_class(type(value))


def fields_of(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """Return the fields of a class by name; those of a model of pydantic as a dataclass would have them."""
    if cls not in _known:
        if dataclasses.is_dataclass(cls):
            _known[cls] = {field.name: field for field in dataclasses.fields(cls)}
        else:
            _known[cls] = {name: _as_field(name, info) for name, info in getattr(cls, _MODEL).items()}
    return _known[cls]


def keys_of(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """Return the keys under which a table may give a field: its name, and its alias in a model of pydantic."""
    return (field.name, *field.metadata.get(_ALIASES, ()))


def _is_model(cls: type) -> bool:
    return isinstance(getattr(cls, _MODEL, None), dict)


def _as_field(name: str, info: Any) -> dataclasses.Field[Any]:
    """Return a field of pydantic's as one of a dataclass. `identity` is read from `json_schema_extra`."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, Mapping) else {}
    aliases = tuple(alias for alias in (info.alias, info.validation_alias) if isinstance(alias, str))
    metadata = {**extra, _ALIASES: aliases} if aliases else {**extra}
    field: dataclasses.Field[Any]
    if info.default_factory is not None:
        field = dataclasses.field(default_factory=info.default_factory, metadata=metadata)
    elif type(info.default).__name__ == "PydanticUndefinedType":
        field = dataclasses.field(metadata=metadata)
    else:
        field = dataclasses.field(default=info.default, metadata=metadata)
    field.name, field.type = name, info.annotation
    return field
