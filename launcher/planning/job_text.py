"""The text of a job file for a sweep that was made in Python, so that every command can be typed for it, too.

The text that is written into the outcome folder lacks the secrets of the configuration, which are written nowhere.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher.config import redact
from launcher.config.nested import dotted
from launcher.config.notation import from_python, write
from launcher.errors import InputError
from launcher.text import inline

_EXAMPLES = {"experiments": '{"wide": {"width": 128}}', "grid": '{"lr": [1e-3, 1e-2]}'}
_HEAD = """\
# Written by a launch of a sweep that was made in Python (launcher.Sweep.make), for commands such as status and report.
# Change the program that made it, not this file: the next launch writes the file again.
"""


def public_text(tables: Mapping[str, Any], folder: Path) -> str:
    """Return the job file without its secrets, to be written. The tables are those that `job_text` has accepted.

    `folder`: in which the target's module lies. A command finds the module by itself only in the working directory.
    """
    tables = {name: from_python(table) for name, table in tables.items()}
    command = [str(word) for word in tables["sweep"].pop("command", ())]
    hidden = redact.keys(tables)
    public = {name: _public(table) for name, table in tables.items()}
    if command:
        public["sweep"] = {"command": redact.words(command)} | public["sweep"]
        hidden = ["sweep.command"] * (public["sweep"]["command"] != command) + hidden
    text = job_text(public)
    notes = []
    if hidden:
        listed = inline(", ".join(hidden), 1000)
        notes.append(f"# Left out, as secrets are written nowhere: {listed}. So train with the program.\n")
    if folder != Path():
        path = inline(shlex.quote(str(folder)), 1000)
        notes.append(f"# The commands run, plan and verify need the target's module: PYTHONPATH={path}\n")
    return "".join([*notes, text])


def _public(table: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and not redact.is_secret(str(key), "x"):
            found[key] = _public(value)
        elif not redact.keys({str(key): from_python(value)}):
            found[key] = value
    return found


def job_text(tables: Mapping[str, Any]) -> str:
    """Return the job file that says the same as these tables by their names. An empty grid or cluster is left out.

    Raises:
        InputError: a value has no form in a job file, or a table is no table; every problem is told.
    """
    problems: list[str] = []
    parts = [_HEAD]
    for name, values in tables.items():
        if name in ("grid", "cluster") and values == {}:
            continue
        if not isinstance(values, Mapping):
            example = _EXAMPLES.get(name, '{"lr": 1e-3}')
            problems.append(f"{name} is a dict, as in {example}, not {inline(repr(values), 100)}.")
            continue
        lines = [f"[{name}]"]
        for key, value in values.items():
            try:
                lines.append(f"{dotted((str(key),))} = {write(from_python(value))}")
            except (TypeError, RecursionError) as error:
                problems.append(f"{name}.{inline(str(key), 100)}: {error}.")
        parts.append("\n".join(lines) + "\n")
    if problems:
        raise InputError(problems)
    return "\n".join(parts)
