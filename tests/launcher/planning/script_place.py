"""A folder with scripts, in which commands are checked as a job file's command is."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.command.options import ScriptOption
from launcher.command.spelling import spell
from launcher.planning.check_request import CheckRequest
from launcher.planning.script_check import ScriptCheck, check_script


class Place:
    """A folder with scripts, and checks of commands in it."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self.folder = folder
        self.python = python

    def write(self, *parts: str, name: str = "train.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(map(textwrap.dedent, parts)))
        return path

    def check(
        self,
        experiments: Mapping[str, Mapping[str, Any]] | Mapping[str, Any],
        command: Sequence[str] = ("{python}", "train.py"),
        **request: Any,
    ) -> ScriptCheck:
        taken = request.get("taken", frozenset())
        style = request.get("style", "--key=value")

        def fill(name: str, values: Mapping[str, Any], options: Sequence[ScriptOption] | None) -> list[str]:
            own = {"python": self.python, "name": name, **{key: str(values[key]) for key in taken}}
            rest = {key: value for key, value in values.items() if key not in taken}
            words = [word.format(**own) for word in command if word != "{args}"]
            return words + spell(rest, style, options)

        request = {"folder": self.folder, **request}
        checked = check_script(CheckRequest(command=command, fill=fill, experiments=experiments, **request))
        assert not (self.folder / "trained").exists(), "the script went on after its parser"
        return checked

    def problems(self, values: Mapping[str, Any], **request: Any) -> dict[str | None, str]:
        """Return what is wrong with one experiment, by key; the message's first line."""
        checked = self.check({"a": values}, **request)
        assert not checked.command_problems, checked.command_problems
        return {error.key: error.message.splitlines()[0] for error in checked.problems.get("a", ())}
