"""Placeholders in the texts of a job file's command, such as `{dir}` in `--out={dir}`. Pure.

    {args}      all values of the configuration that no placeholder has taken, spelled as `args` says
    {python}    the Python that runs the launcher
    {name}      the experiment's name              {seed}     the sweep's seed
    {attempt}   the number of the attempt, from 1  {gpus}     how many devices the attempt has
    {dir}       the experiment's own folder        {outcome}  the outcome folder
    {threads}   how many CPU threads to use        {port}     a free TCP port
    {config}    the file with the configuration, with `args = "file"`
    {lr}        the value of the configuration's key lr, which {args} then leaves out

`{{` and `}}` stand for braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

NAMES = ("args", "attempt", "config", "dir", "gpus", "name", "outcome", "port", "python", "seed", "threads")
OMIT = "{omit}"  # the value of a key that is left out, as if it were not given
_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.-]*)\}|[{}]")


def names(text: str) -> list[str]:
    """Return the names of the placeholders in a text, in order.

    Raises:
        ValueError: a brace is neither doubled nor part of a placeholder.
    """
    return list(_pieces(text)[1::2])


def fill(text: str, value: Callable[[str], str]) -> str:
    """Return a text with the value of each placeholder in its place.

    Raises:
        ValueError: a brace is neither doubled nor part of a placeholder.
    """
    if "{" not in text and "}" not in text:
        return text
    pieces = list(_pieces(text))
    pieces[1::2] = map(value, pieces[1::2])
    return "".join(pieces)


def fill_value(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value of the configuration with known placeholders in its texts filled, at any depth.

    A value is data, so any other brace stays as it is: `{"a": 1}` is a text that a script may want.
    """
    if isinstance(value, Mapping):
        return {key: fill_value(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill_value(entry, values) for entry in value]
    if not isinstance(value, str) or "{" not in value:
        return value
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), value)


@lru_cache(maxsize=1024)
def _pieces(text: str) -> tuple[str, ...]:
    """Return plain text and names of placeholders in turn: `("--out=", "dir", "/log")` of `--out={dir}/log`."""
    pieces, end = [""], 0
    for match in _PIECE.finditer(text):
        pieces[-1] += text[end : match.start()]
        end = match.end()
        if match[1]:
            pieces += [match[1], ""]
        elif match[0] in ("{", "}"):
            raise ValueError(
                f"has a lone {match[0]} at character {match.start() + 1}; a brace is written {match[0] * 2}"
            )
        else:
            pieces[-1] += match[0][0]
    pieces[-1] += text[end:]
    return tuple(pieces)
