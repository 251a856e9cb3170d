"""Nested tables, as a job file has them: merging, and values named by dotted keys such as `model.width`. Pure.

A path is the tuple of keys from the outermost table to a value; an entry of a list has its index as the key. The text
of a path is a dotted key of TOML, in which a key is quoted if TOML requires it: `model."a b"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

KeyPath = tuple[str, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over` in it: tables in both are merged, all other values are replaced."""
    return merged(base, over)


def merged(base: Mapping[str, Any], *over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of each of the others in it, in their order, as `merge` merges two."""
    found = dict(base)
    for table in over:
        for key, value in table.items():
            before = found.get(key)
            is_table = before is not None and isinstance(value, Mapping) and isinstance(before, Mapping)
            found[key] = merge(before, value) if is_table else value  # type: ignore[arg-type]
    return found


def leaves(table: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield path and value of each value that is not a table. An empty table counts as a value."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value


def has(table: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Return whether a path leads to a value, a table or an entry of a list."""
    value: Any = table
    for key in path:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list | tuple) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False
    return True


def decides(table: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Return whether a table that is merged over another determines the value at a path.

    It does if it has the value, or if it has something other than a table on the way: `{"a": 3}` decides `a.b`.
    """
    value: Any = table
    for key in path:
        if not isinstance(value, Mapping):
            return True
        if key not in value:
            return False
        value = value[key]
    return True


def value_at(table: Any, path: Sequence[str]) -> Any:
    """Return the value at a path; None if there is none."""
    for key in path:
        if isinstance(table, Mapping):
            table = table.get(key)
        elif isinstance(table, list | tuple) and key.isdigit() and int(key) < len(table):
            table = table[int(key)]
        else:
            return None
    return table


def replaced(value: Any, path: Sequence[str], new: Any) -> Any:
    """Return a copy of a value with `new` at the path."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(value, list | tuple):
        return [replaced(entry, rest, new) if str(place) == key else entry for place, entry in enumerate(value)]
    return {**value, key: replaced(value.get(key, {}), rest, new)}


def without(value: Any, paths: Sequence[KeyPath]) -> Any:
    """Return a copy of nested tables and lists without the keys at these paths."""
    if isinstance(value, Mapping):
        kept = {key: inner for key, inner in value.items() if (key,) not in paths}
        return {key: without(inner, _below(key, paths)) for key, inner in kept.items()}
    if isinstance(value, list | tuple):
        return [without(entry, _below(str(place), paths)) for place, entry in enumerate(value)]
    return value


def _below(key: str, paths: Sequence[KeyPath]) -> list[KeyPath]:
    return [path[1:] for path in paths if path[:1] == (key,) and path[1:]]


@cache
def dotted(path: KeyPath) -> str:
    """Return a path as text: `model.width`. Control characters in it are not escaped: messages do that."""
    is_bare = [_BARE.fullmatch(key) or not key.isprintable() for key in path]
    keys = zip(path, is_bare, strict=True)
    return ".".join(key if bare else json.dumps(key, ensure_ascii=False) for key, bare in keys)


def parse(key: str) -> KeyPath | None:
    """Return the path that a dotted key names; None if the key is not well-formed."""
    import tomllib

    if "\n" in key or "\r" in key:
        return None
    try:
        table = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:  # typed without the quotes that TOML requires: only its dots separate
        path = tuple(part.strip() for part in key.split("."))
        return path if all(path) else None
    ((path, _),) = leaves(table)
    return path


def table(path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a table that holds only this value, at this path."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def assignments(values: Mapping[str, Any]) -> list[str]:
    """Return the values of a table as texts for a person: `lr=0.1`, `model.width=256`."""
    return [f"{dotted(path)}={value}" for path, value in leaves(values)]
