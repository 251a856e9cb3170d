"""Reads pydantic's schema of a dataclass: to make it stricter, and to find the classes and keys at a place in it.

pydantic ignores a key that a nested class does not have, so a misspelt key would silently train another configuration.
The stricter schema refuses such keys. Only this module knows the form of `pydantic_core.core_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic_core import CoreSchema, core_schema

from launcher.config.nested import KeyPath
from launcher.config.notation import SCALARS
from launcher.config.partial_table import PartialTable

_WITH_FIELDS = ("dataclass-args", "model-fields", "typed-dict")


class Schema:
    """The schema of a dataclass."""

    def __init__(self, schema: Any) -> None:
        self._definitions = schema["definitions"] if schema["type"] == "definitions" else []
        self._named: Mapping[str, Any] = {definition["ref"]: definition for definition in self._definitions}
        self._keys: dict[KeyPath, set[str] | None] = {}
        self._partial: dict[KeyPath, PartialTable | None] = {}
        self._root = schema["schema"] if self._definitions else schema
        self._schema = self._unwrapped(self._root)

    @property
    def is_read_by_validators(self) -> bool:
        """Validators of the class get its values before pydantic reads them: what is JSON can no longer be told."""
        schema = self._root
        while schema is not self._schema and "schema" in schema:
            if schema["type"] in ("function-before", "function-wrap", "function-plain"):
                return True
            schema = schema["schema"]
        return False

    @property
    def arguments(self) -> list[Any] | None:
        """The arguments of the class; None if pydantic validators are wrapped around the class."""
        fields: list[Any] | None = None
        if self._schema["type"] == "dataclass" and self._schema["schema"]["type"] == "dataclass-args":
            fields = self._schema["schema"]["fields"]
        return fields

    def closed(self, *, only_arguments: bool) -> CoreSchema:
        """Return the schema of the class, or of its arguments only, in which every class refuses unknown keys.

        That of the class has the validators around it, such as `@model_validator`.
        """
        closed: CoreSchema = _closed(self._schema["schema"] if only_arguments else self._root)
        return core_schema.definitions_schema(closed, _closed(self._definitions)) if self._definitions else closed

    def classes_at(self, path: Sequence[str]) -> list[tuple[str, list[str]]]:
        """Return name and fields of each class that a table at this path may become an instance of."""
        found = [(schema, _fields(schema)) for schema in self._at(path)]
        return [(_name(schema), sorted(known)) for schema, known in found if known is not None]

    def unknown(self, value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
        """Yield the paths of keys that no class at their place has.

        The stricter schema does not find all of them: a pydantic model is validated by its own validator.
        """
        if isinstance(value, Mapping):
            if path not in self._keys:
                self._keys[path] = self._keys_at(path)
            known = self._keys[path]
            for key, inner in value.items():
                if known is not None and key not in known:
                    yield (*path, key)
                elif type(inner) not in SCALARS:
                    yield from self.unknown(inner, (*path, key))
        elif isinstance(value, list | tuple):
            for place, entry in enumerate(value):
                yield from self.unknown(entry, (*path, str(place)))

    def completed(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values with what each table in them leaves out of the default of its field."""
        return {key: self._completed(self._schema, key, value, (key,)) for key, value in values.items()}

    def _completed(self, of: Any, key: str, value: Any, path: KeyPath, around: Any = None) -> Any:
        """Return the value under a key of the class `of`. `around`: the default that it is in, which counts first."""
        if type(value) in SCALARS or type(value) is str:
            return value
        inner = list(self._inside(of, key))
        if len(inner) != 1:
            return value  # no such key, or members of a union that differ in it
        if isinstance(value, list | tuple):
            entries = enumerate(value)
            return [self._completed(inner[0], str(place), entry, (*path, str(place))) for place, entry in entries]
        if not isinstance(value, Mapping):
            return value
        if path not in self._partial:
            classes = [member.get("cls") for member in self._members(inner[0])]
            instance = _default(inner[0]) if around is None else partial(getattr, around, key, None)
            self._partial[path] = PartialTable.of(instance, classes)
        whole = self._partial[path]
        default = whole and whole.instance
        table = {name: self._completed(inner[0], name, entry, (*path, name), default) for name, entry in value.items()}
        return table if whole is None else whole.completed(table)

    def _keys_at(self, path: Sequence[str]) -> set[str] | None:
        """Return the keys that a table at a path may have; None if it may have any."""
        keys: set[str] = set()
        for schema in self._at(path):
            fields = _fields(schema)
            if fields is None and schema["type"] in ("str", "int", "float", "bool", "none", "list", "tuple"):
                continue  # this member of a union is not a table
            if fields is None or _is_open(schema) or _is_open(schema.get("schema", {})):
                return None
            keys.update(fields, _aliases(schema))
        return keys or None

    def _at(self, path: Sequence[str]) -> list[Any]:
        """Return the schemas that a value at a path may have."""
        schemas = [self._schema]
        for key in path:
            schemas = [inner for schema in schemas for inner in self._inside(schema, key)]
        return [member for schema in schemas for member in self._members(schema)]

    def _unwrapped(self, schema: Any) -> Any:
        """Return the schema inside defaults, validators and references."""
        while True:
            if schema["type"] == "definition-ref":
                schema = self._named[schema["schema_ref"]]
            elif schema["type"] in ("default", "nullable") or (
                schema["type"].startswith("function-") and "schema" in schema
            ):
                schema = schema["schema"]
            else:
                return schema

    def _members(self, schema: Any) -> Iterator[Any]:
        """Yield the schemas a value may have: the members of a union, or the schema itself."""
        schema = self._unwrapped(schema)
        if schema["type"] in ("union", "tagged-union"):
            choices = schema["choices"]
            for choice in choices.values() if isinstance(choices, dict) else choices:
                yield from self._members(choice[0] if isinstance(choice, tuple) else choice)
        else:
            yield schema

    def _inside(self, schema: Any, key: str) -> Iterator[Any]:
        """Yield the schemas of the value under a key."""
        for member in self._members(schema):
            known = _fields(member)
            if known is not None and key in known:
                yield known[key]
            elif member["type"] in ("list", "tuple"):
                items = member.get("items_schema", [])
                yield from items if isinstance(items, list) else [items]
            elif member["type"] == "dict" and "values_schema" in member:
                yield member["values_schema"]


def _closed(schema: Any, *, is_open: bool = False) -> Any:
    """Return a schema in which every class refuses unknown keys, except a class whose author allows them."""
    if isinstance(schema, list):
        return [_closed(entry, is_open=is_open) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    is_open = is_open if kind in _WITH_FIELDS else False
    if kind in ("dataclass", "model", *_WITH_FIELDS):
        is_open |= _is_open(schema)
    closed = {
        key: inner if (kind, key) == ("default", "default") else _closed(inner, is_open=is_open)
        for key, inner in schema.items()
    }
    if kind in _WITH_FIELDS and not is_open:
        closed["extra_behavior"] = "forbid"
    return closed


def _default(schema: Any) -> Callable[[], Any]:
    """Return what makes the default of a field: None if it has none, or a class, which needs no completing."""
    if schema["type"] != "default" or schema.get("default_factory_takes_data"):
        return lambda: None
    factory: Callable[[], Any] | None = schema.get("default_factory")
    if factory is None:
        return lambda: schema.get("default")
    return (lambda: None) if isinstance(factory, type) else factory


def _is_open(schema: Any) -> bool:
    """Return whether the author of a class allows unknown keys (pydantic: extra="allow")."""
    behaviours = (schema.get("extra_behavior"), (schema.get("config") or {}).get("extra_fields_behavior"))
    return "allow" in behaviours


def _aliases(schema: Any) -> list[str]:
    fields = (schema["schema"] if schema["type"] in ("dataclass", "model") else schema)["fields"]
    listed = fields.values() if isinstance(fields, dict) else fields
    return [alias for field in listed if isinstance(alias := field.get("validation_alias"), str)]


def _fields(schema: Any) -> dict[str, Any] | None:
    """Return the schemas of the fields of a class; None if the schema is not that of a class."""
    inner = schema["schema"] if schema["type"] in ("dataclass", "model") else schema
    if inner["type"] == "dataclass-args":
        return {field["name"]: field["schema"] for field in inner["fields"] if field.get("init", True)}
    if inner["type"] in ("model-fields", "typed-dict"):
        return {name: field["schema"] for name, field in inner["fields"].items()}
    return None


def _name(schema: Any) -> str:
    cls = schema.get("cls")
    return f"{cls.__module__}.{cls.__qualname__}" if cls is not None else "the table"
