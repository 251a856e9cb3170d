"""Overrides of a launch: values from `-S` or from Python that replace keys of [config].

Only [config] changes. An experiment's own override of the same key stays, because it is what the experiment is about;
`wording.notices` says where that happens. `cli.overrides` parses the text of `-S`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from launcher.config import nested, notation, redact
from launcher.errors import InputError
from launcher.text import inline


def apply_overrides(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return [config] with the overrides of a launch applied, and the overrides alone as nested tables.

    A key may be dotted: `{"model.width": 3}` is `{"model": {"width": 3}}`. A value may be of any Python type that has a
    form in a job file, such as None or a tuple.

    Raises:
        InputError: a key or a value that no job file could have, or a key of a table where [config] has no table.
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
