"""How a script goes on after an interruption: from which files, and with which arguments more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launcher.text import did_you_mean, inline

_KEYS = ("if", "args")
EXAMPLE = '{ if = "{dir}/ckpt.pt", args = ["--resume"] }'


@dataclass(frozen=True)
class Resume:
    """What the `resume` of a job file says. Both may have placeholders."""

    glob: str = ""  # the script can go on where a file fits this; empty: it cannot
    args: tuple[str, ...] = ()  # to add to its arguments then


def read_resume(table: Any) -> tuple[Resume, list[str]]:
    """Return what the `resume` of a [sweep] table says, and what is wrong with it."""
    if not isinstance(table, Mapping):
        return Resume(), [f"resume is a table, as in resume = {EXAMPLE}"]
    problems = [
        f"resume.{inline(str(key), 100)} is unknown.{did_you_mean(str(key), _KEYS)} It has the keys if and args"
        for key in table
        if key not in _KEYS
    ]
    glob, args = table.get("if"), table.get("args", [])
    if not isinstance(glob, str) or not glob:
        problems.append(f"resume.if is the glob of what the script goes on from, as in resume = {EXAMPLE}")
    if not isinstance(args, list) or not all(isinstance(word, str) for word in args):
        problems.append("resume.args is a list of texts, an argument each")
    return (Resume() if problems else Resume(str(glob), tuple(args))), problems
