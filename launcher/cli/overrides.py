"""Reads `-S key=value`: a key of [config] and the value that it has in this launch, written as in a job file.

    -S lr=1e-3              TOML: a number, true, "text", [1, 2]
    -S model.width=3        a key of a nested table
    -S data_dir=my data     text needs no quotes: what is not TOML is text as it stands
    -S dropout=@none        None, for which TOML has no word
    -S name=@text:none      the text behind the colon, whatever it looks like

`planning.overrides` puts the values in the place of what [config] says. `minigpt.train` reads its own -S by the same
rules; tests/override_cases.py holds both to them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from launcher.config import nested, notation, redact
from launcher.errors import InputError
from launcher.text import inline


def parse(settings: Sequence[str]) -> dict[str, Any]:
    """Return the keys and values of `key=value` texts as a table of tables. The last value of a key counts.

    `@none` and `@text:…` are still as written: `notation.read` takes them for what they mean.

    Raises:
        InputError: a setting has no key or no equals sign, or a word that other languages have for None.
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


def _value(text: str) -> Any:
    if text.strip() == notation.NONE:
        return notation.NONE
    try:
        document = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return document["value"] if document.keys() == {"value"} else text  # a line break could have added a second key
