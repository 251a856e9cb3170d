"""Overrides of the shared configuration from the command line: `-S lr=1e-3`, typed as a job file would type them.

They stand in the place of [config] keys, so an experiment's own override of the same key stays: it is what the
experiment is about. `Plan.notes` says where that is so.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from launcher.config import nested, notation, redact
from launcher.errors import InputError
from launcher.text import inline


def parse(settings: Sequence[str]) -> dict[str, Any]:
    """Return the keys and values of `key=value` texts, the later over the earlier; `model.width=3` is a key of a table.

    A value is read as TOML (1e-3 a float, true, "text", [1, 2]); what is no TOML is a string as it stands. `@none` is
    left for `notation.read`.

    Raises:
        InputError: one has no key or no equals sign, or another language's word for None.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = nested.parse(key.strip())
        if not equals or path is None:
            problems.append(f"-S {inline(redact.text(setting))}: write it as key=value, as in -S lr=1e-3.")
        elif text.strip() != "none" and notation.is_slip(text):
            problems.append(
                f"-S {inline(setting)}: for no value type -S {inline(key)}={notation.NONE}; for the text, "
                f"-S {inline(key)}=@text:{text.strip()}."
            )
        else:
            values = nested.merge(values, nested.table(path, _value(text)))
    if problems:
        raise InputError(problems)
    return values


def over(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return [config] with the overrides of a launch in it, and these as a table of tables.

    A key may be dotted, and a value what Python has and TOML has not, as long as a job file could say it.

    Raises:
        InputError: a key or a value that no job file could have, or a key of a table where [config] has none.
    """
    problems: list[str] = []
    given: dict[str, Any] = {}
    for key, value in overrides.items():
        path = nested.parse(str(key))
        if path is None:
            problems.append(f'"{inline(str(key))}" is no key of [config].')
            continue
        try:
            given = nested.merge(given, nested.table(path, notation.from_python(value)))
        except TypeError as error:
            problems.append(f"{nested.dotted(path)}: {error}. Give it text, numbers, lists or tables of them.")
    problems += [
        f"{nested.dotted(path)} is {json.dumps(text)}: None is written {notation.NONE}."
        for path, text in notation.misspelt(given)
    ]
    given = notation.read(given)
    for path, _ in nested.leaves(given):
        inner: Any = config
        for length, key in enumerate(path):
            if inner is not None and not isinstance(inner, Mapping):
                before = nested.dotted(path[:length])
                shown = inline(repr(redact.shown(path[length - 1], inner)))
                problems.append(f"{nested.dotted(path)}: {before} is {shown} in [config], not a table.")
                break
            inner = (inner or {}).get(key)
    if problems:
        raise InputError([f"-S {problem}" for problem in problems])
    return nested.merge(config, given), given


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return read["value"] if read.keys() == {"value"} else text  # a line break would begin another key
