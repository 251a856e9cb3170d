"""Finds the Python script in a command: who runs it, where it is, and which arguments are its own. Runs nothing.

python -u train.py --lr 1            the script train.py, run by python -u
python -m app.train --lr 1           the module app.train
./train.py --lr 1                    the script train.py, run by what its first line names
torchrun --standalone train.py       the script train.py, run by the Python beside torchrun
nice python train.py                 the script train.py, run by nice python
./fit --lr 1                         no script: a program of which nothing more is known
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.command import globals_runner
from launcher.command.hooks import STARTER_MODULES, STARTERS
from launcher.text import did_you_mean, inline

_BEGINNING_BYTES = 512  # of a program; the kernel looks at 256
_PYTHON = re.compile(r"(python|pypy)(\d+(\.\d+)*)?t?")
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")  # options of Python
_FIRST_LINE_BYTES = 256


@dataclass(frozen=True)
class Program:
    """A command taken apart. `script` is None if no Python script was found in it."""

    before: tuple[str, ...] = ()  # what runs the script: Python with its flags, and what stands before it
    script: Path | None = None  # its file, as seen from the launcher
    words: tuple[str, ...] = ()  # how the script is named: its path as typed, or `-m` and its module
    num_before: int = 0  # how many words of the command are not arguments of the script
    starts_ranks: bool = False  # torchrun and its like run the script
    problem: str = ""  # why the command cannot run

    def with_settings(self, command: Sequence[str], values: Mapping[str, Any]) -> list[str]:
        """Return the command that runs the script with other values for its settings, for `args = "globals"`.

        `command`: that which was taken apart, or one of another experiment.
        """
        assert not self.settings_problem, "it was checked"
        script = self.num_before - len(self.words)
        before = command[:script] if self.starts_ranks else self.before
        return [*before, globals_runner.__file__, json.dumps(values), *command[script:]]

    @property
    def settings_problem(self) -> str:
        """Why `args = "globals"` cannot be done with this command; empty if it can."""
        if self.script is not None and len(self.words) == 1:
            return ""
        return 'args = "globals" is for a Python script that the command names by its file, as in "train.py".'

    @property
    def name(self) -> str:
        """The script as a person calls it."""
        return self.words[-1] if self.words else ""


def find_program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Program:
    """Take a command apart, whose placeholders are filled. `folder`: in which it runs."""
    problem = _program_problem(command[0], folder, environment)
    if problem:
        return Program(problem=problem)
    for place, word in enumerate(command):
        name = os.path.basename(word)
        if _PYTHON.fullmatch(name) or word == sys.executable:
            return _after_python(command, place, folder)
        if name in STARTERS:
            found = shutil.which(word, path=_path(environment))
            python = Path(found).parent / "python" if found else Path(sys.executable)
            return _after_launcher(command, place + 1, (str(python) if python.exists() else sys.executable,), folder)
        if place == 0 and (python_words := _first_line(folder / word)):
            return Program(python_words, folder / word, (word,), 1)
    return Program()


def _program_problem(word: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Return why a program cannot be started; empty if it can."""
    if "/" not in word:
        if shutil.which(word, path=_path(environment)):
            return ""
        hint = (
            f"For a file of this folder write ./{inline(word)}." if (folder / word).is_file() else "It is not on PATH."
        )
        return f"there is no program {inline(word)}. {hint}"
    file = folder / word
    if not file.exists():
        return f"there is no program {inline(word)}.{_nearby(file)}"
    if not file.is_file():
        return f"{inline(word)} is not a file."
    if not os.access(file, os.X_OK):
        how = f'"{{python}}", "{inline(word)}"' if word.endswith(".py") else f"chmod +x {shlex.quote(inline(word))}"
        return f"{inline(word)} is not executable. {'Write' if word.endswith('.py') else 'Type'} {how}."
    return _interpreter_problem(word, file)


def _interpreter_problem(word: str, file: Path) -> str:
    """Return why the kernel cannot run an executable text; empty if it can. A shell guesses, the kernel does not."""
    try:
        with file.open("rb") as opened:
            line, _, rest = opened.read(_BEGINNING_BYTES).partition(b"\n")
    except OSError:
        return ""  # it may be executed and not read
    if not line.startswith(b"#!"):
        is_text = b"\0" not in line + rest
        how = f'Write "bash", "{inline(word)}", or begin it with #!/bin/sh'
        return f"{inline(word)} has no first line that says what runs it. {how}." if is_text else ""
    if line.endswith(b"\r"):
        return f"the lines of {inline(word)} end as on Windows. Type sed -i 's/\\r$//' {shlex.quote(inline(word))}."
    interpreter = os.fsdecode(line[2:].split()[0]) if line[2:].split() else ""
    if Path(interpreter).is_file() or not interpreter.startswith("/"):
        return ""
    return f"{inline(word)} is to be run by {inline(interpreter, 200)}, as its first line says, and there is none."


def _path(environment: Mapping[str, str]) -> str:
    return os.pathsep.join(os.get_exec_path(environment))


def _nearby(file: Path) -> str:
    try:
        beside = sorted(path.name for path in file.parent.iterdir() if path.is_file())[:2000]
    except OSError:
        return f" There is no folder {inline(str(file.parent))}."
    return did_you_mean(file.name, beside)


def _after_python(command: Sequence[str], place: int, folder: Path) -> Program:
    """Return the program behind the word of a command that is Python."""
    index = place + 1
    while index < len(command) and command[index].startswith("-"):
        word = command[index]
        if word.startswith("-m"):
            modules = [word[2:], *command[index + 1 :]] if len(word) > 2 else command[index + 1 :]
            end = index + (1 if len(word) > 2 else 2)
            return _module(command, modules[0] if modules else "", index, end, folder)
        if word.startswith("-c") or word == "-":
            return Program()
        index += 2 if word in _WITH_VALUE else 1
    if index >= len(command):
        return Program()
    return _script(command, tuple(command[:index]), index, folder)


def _module(command: Sequence[str], module: str, index: int, end: int, folder: Path) -> Program:
    if module in STARTER_MODULES:
        return _after_launcher(command, end, tuple(command[:index]), folder)
    base = folder.joinpath(*module.split("."))
    files = [file for file in (base.with_name(base.name + ".py"), base / "__main__.py") if file.is_file()]
    if files:
        return Program(tuple(command[:index]), files[0], ("-m", module), end)
    if (folder / module.partition(".")[0] / "__init__.py").is_file():
        return Program(
            problem=f"there is no module {inline(module)} in {inline(str(folder.absolute()))}.{_nearby(base)}"
        )
    return Program()  # installed, perhaps


def _after_launcher(command: Sequence[str], index: int, before: tuple[str, ...], folder: Path) -> Program:
    """Return the script that torchrun or its like runs: the first word that ends with .py, or the module after -m."""
    for place in range(index, len(command)):
        if command[place] in ("-m", "--module", "--no_python", "--no-python"):
            return Program(starts_ranks=True)
        if command[place].endswith(".py") and not command[place].startswith("-"):
            found = _script(command, before, place, folder)
            return Program(found.before, found.script, found.words, found.num_before, True, found.problem)
    return Program(starts_ranks=True)


def _script(command: Sequence[str], before: tuple[str, ...], index: int, folder: Path) -> Program:
    word = command[index]
    file = folder / word
    if file.is_dir() or file.suffix in (".zip", ".pyz"):
        return Program()
    if not file.is_file():
        return Program(problem=f"there is no script {inline(word)} in {inline(str(folder.absolute()))}.{_nearby(file)}")
    return Program(before, file, (word,), index + 1)


def _first_line(file: Path) -> tuple[str, ...]:
    """Return what runs a script that is executed by itself, if that is a Python."""
    try:
        with file.open("rb") as opened:
            line = opened.read(_FIRST_LINE_BYTES).split(b"\n", 1)[0].decode()
    except (OSError, UnicodeDecodeError):
        return ()
    words = line[2:].split() if line.startswith("#!") else []
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S"]
    return tuple(words) if words and _PYTHON.fullmatch(os.path.basename(words[0])) else ()
