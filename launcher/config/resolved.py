"""A resolved configuration: all fields with their values as JSON, and the facts about fields that the identity needs.

It describes the instance after `__post_init__`, and it stands in the log, the digest and `sweep.json`. The target's own
configuration is not made from it but from the values that were given (`validation.build`).
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from launcher.config import notation, redact, validation
from launcher.config.class_fields import fields_of, has_fields, keys_of
from launcher.config.nested import KeyPath, dotted, leaves

_UNCHANGED = frozenset({int, str, bool, type(None)})  # most values: their JSON form is the value itself
_PLAIN = _UNCHANGED | {float}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
HOW_TO_MEND = (
    'Give it a value, or write field(…, metadata={"identity": False}) in its class: then it does not count when two '
    "experiments are compared."
)


@dataclass(frozen=True)
class Resolved:
    """The fields of a configuration, nested fields too. A name in the lists is a dotted key."""

    config: dict[str, Any]
    at_default: list[str] = field(default_factory=list)  # not given, or given with the value of the default
    left_out: list[str] = field(default_factory=list)  # of the identity: metadata={"identity": False}
    unordered: list[str] = field(default_factory=list)  # contain a set, whose order means nothing


@dataclass(frozen=True)
class Difference:
    """A field with different values in two configurations."""

    path: KeyPath
    before: Any
    now: Any

    @property
    def name(self) -> str:
        """The field, as a dotted key."""
        return dotted(self.path)

    def __str__(self) -> str:
        before, now = (redact.shown(self.path[-1], value) for value in (self.before, self.now))
        return f"{before!r} → {now!r}"


def describe(instance: Any, given: Mapping[str, Any]) -> Resolved:
    """Return the description of a dataclass instance. `given`: the values it was made from."""
    resolved = Resolved(validation.plain(instance))
    _describe(instance, (), given, resolved.config, resolved)
    return resolved


def differing(resolved: Resolved, instance: Any, given: Mapping[str, Any]) -> list[Difference]:
    """Return the fields of the identity in which `instance` differs from an earlier instance of the same values."""
    if validation.plain(instance) == resolved.config:  # the usual case, found quickly
        return []
    return unlike(resolved, describe(instance, given))


def addresses(resolved: Resolved) -> list[KeyPath]:
    """Return the fields of the identity whose value is a repr with an object's address, which changes each time."""
    values = resolved.config.values()
    if all(type(value) in notation.SCALARS or (type(value) is str and " at 0x" not in value) for value in values):
        return []  # as nearly always
    if " at 0x" not in _text(resolved.config):
        return []
    found = [path for path, value in leaves(resolved.config) if _ADDRESS.search(_text(value))]
    return [
        path for path in found if not any(dotted(path[:end]) in resolved.left_out for end in range(1, len(path) + 1))
    ]


def unlike(asked: Resolved, other: Resolved) -> list[Difference]:
    """Return the fields of the identity in which another configuration differs from `asked`."""
    return _differences(asked.config, other.config, {*asked.left_out, *other.left_out})


def is_made_twice(instance: Any, resolved: Resolved, given: Mapping[str, Any]) -> bool:
    """Return whether `__post_init__` would change the instance again if a new instance were made from its values.

    Example: `self.lr *= 2`. Earlier versions of this program trained with `__post_init__` applied twice.
    `given`: the values that the instance was made from. Instances made from the same values do not differ.
    """
    cls: type = type(instance)
    if given.keys() <= fields_of(cls).keys() and {**_defaults(cls), **given} == resolved.config:
        return False  # as nearly always: its values are those that it was made from
    try:
        again = validation.remade(instance)
    except Exception:  # noqa: BLE001  the user's __post_init__ runs here, on values it never had to take
        return False
    if validation.plain(again) == resolved.config:
        return False
    return bool(_differences(resolved.config, describe(again, {}).config, {*resolved.left_out}))


def _differences(before: Any, now: Any, left_out: Collection[str], path: KeyPath = ()) -> list[Difference]:
    """Return the differences of two resolved configurations of the same class."""
    if dotted(path) in left_out:
        return []
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [*before, *(key for key in now if key not in before)]
        inner = [_differences(before.get(key), now.get(key), left_out, (*path, str(key))) for key in keys]
        return [difference for found in inner for difference in found]
    lists = [
        side for side in (before, now) if isinstance(side, list) and all(isinstance(entry, dict) for entry in side)
    ]
    if len(lists) == 2 and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        inner = [_differences(entry, other, left_out, (*path, str(place))) for place, (entry, other) in pairs]
        return [difference for found in inner for difference in found]
    return [] if _text(before) == _text(now) else [Difference(path, before, now)]


def plain_value(value: Any) -> Any:
    """Return a value as JSON types, sets as sorted lists; a value without a JSON type as its repr."""
    if has_fields(value):
        own = {name: getattr(value, name, None) for name in fields_of(type(value))}
        return {name: plain_value(inner) for name, inner in own.items()}
    if isinstance(value, Mapping):
        return {str(_json_type(key)): plain_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted((plain_value(entry) for entry in value), key=_text)
    return _json_type(value)


def _json_type(value: Any) -> Any:
    if type(value) in _UNCHANGED or (type(value) is float and math.isfinite(value)):
        return value
    from pydantic_core import to_jsonable_python  # not at the top: it is seldom needed

    from launcher.config.adapter import shown

    return to_jsonable_python(value, fallback=shown)


_encode = json.JSONEncoder(sort_keys=True, default=str).encode  # made once: a sweep has thousands of values


def _text(value: Any) -> str:
    return _encode(value)


def _describe(value: Any, path: KeyPath, given: Any, config: Any, resolved: Resolved) -> Any:
    """Return `config`, the JSON form of `value`, with sets sorted; note what `given` lacks or has at its default.

    The three are walked side by side.
    """
    if type(value) in _UNCHANGED:
        return config
    if type(value) is float:  # in a field of type Any, pydantic writes NaN and infinities as null
        return value if config is None and not math.isfinite(value) else config
    if has_fields(value) and isinstance(config, dict):
        known = fields_of(type(value))
        table = given if type(given) is dict or isinstance(given, Mapping) else {}
        for name, attribute in known.items():
            if name in config and not (name in table and _is_unlike(attribute, table[name], config[name])):
                _describe_field(value, attribute, (*path, name), table, config, resolved)
        init_only = [name for name in table if name not in known] if dataclasses.is_dataclass(value) else []
        for name in init_only:
            # Only __init__ takes it (InitVar). What becomes of it may be in no field, so it is recorded itself.
            if not hasattr(type(value), name) or plain_value(getattr(type(value), name)) != plain_value(table[name]):
                config[name] = plain_value(table[name])
        return config
    if isinstance(value, list | tuple) and isinstance(config, list) and len(config) == len(value):
        is_alike = isinstance(given, list | tuple) and len(given) == len(value)
        parts = given if is_alike else [None] * len(value)
        for place, (entry, part) in enumerate(zip(value, parts, strict=True)):
            config[place] = _describe(entry, (*path, str(place)), part, config[place], resolved)
        return config
    if isinstance(value, Mapping) and isinstance(config, dict) and len(config) == len(value):
        for key, inner in zip(list(config), value.values(), strict=True):
            part = given.get(key) if isinstance(given, Mapping) else None
            config[key] = _describe(inner, (*path, key), part, config[key], resolved)
        return config
    if isinstance(value, set | frozenset):
        resolved.unordered.append(dotted(path))
        return plain_value(value)
    # In a field of type Any, pydantic writes NaN and infinities as null.
    return value if config is None and isinstance(value, float) and not math.isfinite(value) else config


@cache
def _defaults(cls: type) -> dict[str, Any]:
    """Return the defaults of the fields that an instance is made from, those of a factory left out."""
    return {
        name: attribute.default
        for name, attribute in fields_of(cls).items()
        if attribute.init and attribute.default is not dataclasses.MISSING
    }


def _describe_field(
    instance: Any,
    attribute: dataclasses.Field[Any],
    path: KeyPath,
    given: Mapping[str, Any],
    config: dict[str, Any],
    resolved: Resolved,
) -> None:
    name, value = attribute.name, getattr(instance, attribute.name)
    key = next((key for key in keys_of(attribute) if key in given), None)
    is_given = key is not None
    part = None if key is None else given[key]
    if type(value) not in _UNCHANGED:
        config[name] = _describe(value, path, part, config[name], resolved)
    if attribute.metadata and attribute.metadata.get("identity") is False:
        resolved.left_out.append(dotted(path))
    if not is_given or _is_default(attribute, part, config[name]):
        resolved.at_default.append(dotted(path))


def _is_unlike(attribute: dataclasses.Field[Any], given: Any, config: Any) -> bool:
    """Return whether a scalar is given that is not the default, as nearly all that is given. Nothing is to note."""
    default = attribute.default
    is_alike = type(given) is type(config) is type(default) and type(default) in _PLAIN
    # NaN, unequal to itself, may be at its default
    return is_alike and given != default != config and default == default and not attribute.metadata


def _is_default(attribute: dataclasses.Field[Any], given: Any, resolved: Any) -> bool:
    """Return whether a value is the field's default."""
    try:
        default = attribute.default if attribute.default_factory is dataclasses.MISSING else attribute.default_factory()
        if default is dataclasses.MISSING:
            return False
        if type(default) in _PLAIN and type(given) is type(resolved) is type(default):  # most are
            if type(default) is float:  # by repr: NaN is at its default, and -0.0 is not 0.0
                return repr(default) in (repr(given), repr(resolved))
            return default in (given, resolved)
        return _text(plain_value(default)) in (_text(plain_value(given)), _text(resolved))
    except Exception:  # noqa: BLE001  the user's code runs here; values that cannot be compared count as different
        return False
