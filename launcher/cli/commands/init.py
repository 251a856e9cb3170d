"""`init`: writes a first job file for a script, from what its parser, its source and a log of it say."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from launcher.cli.arguments import GroupedCommand
from launcher.errors import InputError, WriteError
from launcher.shell_command import command_to_type
from launcher.terminal import output
from launcher.text import inline, listed, plural, printable

if TYPE_CHECKING:
    from launcher.command.options import ScriptOption
    from launcher.planning.job_draft import LogShape
    from launcher.planning.script_check import ScriptCheck

_LOG_BYTES = 32 << 20  # of a log that is looked at


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init", cls=GroupedCommand)(init_command)


def init_command(
    script: Annotated[str, typer.Argument(metavar="SCRIPT", help="The training script, as in train.py.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENT]...", help="What every experiment gets, after --: init train.py -- data.txt"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The job file. Default: jobs/SCRIPT.toml. None is replaced.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the script has printed: shows how its metrics look.")
    ] = None,
) -> None:
    """Write a first job file for a script: its options and their defaults as comments, and one experiment.

    The script is run up to its parser, without a GPU. It trains nothing.
    """
    from launcher.planning.job_draft import draft, missing

    given = list(arguments or [])
    file = out or Path("jobs", f"{Path(script).stem}.toml")
    if file.exists() or file.is_symlink():
        raise InputError(f"{inline(str(file))} is there already, and is not replaced.\n  Another name: --out FILE")
    shape = _read_log(log) if log is not None else None
    checked = _check(script, given)
    text = draft(script, given, checked, shape, command_to_type("plan", file, {}))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise WriteError(f"cannot write {inline(str(file))}: {error.strerror or error}.") from error
    for note in checked.notes:
        output.message(printable(note))
    if log is not None and (shape is None or not shape.log):
        output.message(f"Nothing in {inline(str(log))} looks like metrics of steps.")
    about = f"{plural(len(checked.options), 'option')} of {inline(script)}" if checked.options else inline(script)
    output.show(f"{inline(str(file), 1000)} is written: {about}.")
    required = missing(checked, given)
    if required:
        output.show(f"Set first what the script requires: {inline(listed(required, 20), 2000)}")
    output.show(f"What would run: {inline(command_to_type('plan', file, {}), 1000)}")


def _check(script: str, arguments: Sequence[str]) -> ScriptCheck:
    """Ask the script's parser what options it has.

    Raises:
        InputError: there is no such script, or it refuses the arguments.
    """
    from launcher.planning.check_request import CheckRequest
    from launcher.planning.script_check import check_script

    is_python = script.endswith(".py")
    program = [sys.executable, script] if is_python else [script if "/" in script else f"./{script}"]

    def _fill(name: str, values: Mapping[str, Any], options: Sequence[ScriptOption] | None) -> list[str]:
        return [*program, *arguments]

    command = ["{python}" if is_python else script, *arguments, "--seed={seed}"]  # as the draft has it
    checked = check_script(CheckRequest(command=command, fill=_fill, experiments={"baseline": {}}))
    wrong = list(checked.command_problems)
    wrong += [error.message for error in checked.problems.get("baseline", ()) if not error.path]
    if wrong:
        raise InputError(wrong)
    return checked


def _read_log(log: Path) -> LogShape:
    from launcher.planning.job_draft import LogShape
    from launcher.store import files

    try:
        return LogShape.of(files.read(log, _LOG_BYTES))
    except OSError as error:
        raise InputError(f"cannot read the log {inline(str(log))}: {error.strerror or error}.") from error
