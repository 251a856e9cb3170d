"""Reads the options of an argparse parser as plain data, for `launcher.command.options`.

It runs in the script's own Python, which may be another than the launcher's, and older: it imports the standard library
alone, and has nothing that Python 3.8 does not know.
"""

from __future__ import annotations

import argparse
import enum
import os
from collections.abc import Mapping, Sequence
from typing import Any


def describe(parser: argparse.ArgumentParser, words: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the options of a parser, and of those subcommands that stand in `words`, as JSON data.

    The options of a subcommand come first: what is typed after its name is for its parser.
    """
    options: list[dict[str, Any]] = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._VersionAction)):
            continue
        if isinstance(action, argparse._SubParsersAction):
            place = next((place for place, word in enumerate(words) if word in action.choices), None)
            if place is not None:
                options = describe(action.choices[words[place]], words[place + 1 :]) + options
        options.append(_option(parser, action))
    return options


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> dict[str, Any]:
    flags = list(action.option_strings)
    is_appended = isinstance(action, argparse._AppendAction) and not isinstance(action, argparse._ExtendAction)
    default = parser.get_default(action.dest)
    return {
        "dest": action.dest,
        "flags": flags,
        "negative_flags": [flag for flag in flags if flag[:5] == "--no-" and "--" + flag[5:] in flags],
        "kind": _kind(action),
        "default": None if default is argparse.SUPPRESS else plain(default),
        "const": plain(action.const),
        "may_be_bare": action.nargs == argparse.OPTIONAL,
        "repeats": is_appended or isinstance(action, argparse._AppendConstAction),
        "type_name": getattr(action.type, "__name__", "") or "",
        "choices": [plain(choice) for choice in action.choices or ()],
        "help": "" if action.help in (None, argparse.SUPPRESS) else str(action.help),
        "required": bool(action.required),
    }


def _kind(action: argparse.Action) -> str:
    negatable = getattr(argparse, "BooleanOptionalAction", None)  # since Python 3.9
    if negatable is not None and isinstance(action, negatable):
        return "negatable"
    if isinstance(action, argparse._CountAction):
        return "count"
    if action.nargs == 0:
        return "flag"
    if action.nargs in (None, argparse.OPTIONAL) and not isinstance(action, argparse._AppendAction):
        return "value"
    return "value" if isinstance(action, argparse._SubParsersAction) else "list"


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what has no such form as its repr."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else repr(value)
