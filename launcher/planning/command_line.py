"""The command of an experiment with its placeholders filled: for an attempt, for the check, and as a person sees it."""

from __future__ import annotations

import glob
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.command.arguments import Filling, arguments
from launcher.command.options import ScriptOption
from launcher.command.script import PORT
from launcher.config import redact
from launcher.planning.program_settings import texts

if TYPE_CHECKING:
    from launcher.planning.experiment import Experiment
    from launcher.planning.job import SweepSettings
    from launcher.store.paths import Paths


def all_texts(settings: SweepSettings) -> list[str]:
    """Return all texts of a job that may take a key of the configuration away from `{args}`."""
    return [text for _, text in texts(settings)]


def own_values(
    settings: SweepSettings,
    name: str,
    seed: int,
    outcome: Path,
    folder: Path,
    attempt: int = 1,
    threads: int = 1,
    port: str = PORT,
) -> dict[str, str]:
    """Return the values of the launcher's placeholders for an attempt. `folder` and `seed`: the experiment's own."""
    return {
        "attempt": str(attempt),
        "config": str(folder / "config.json"),
        "dir": str(folder),
        "gpus": str(settings.gpus),
        "name": name,
        "outcome": str(outcome),
        "port": port,
        "python": sys.executable,
        "seed": str(seed),
        "threads": str(threads),
    }


def command_line(
    settings: SweepSettings, filling: Filling, options: Sequence[ScriptOption] | None, *, is_resumed: bool
) -> list[str]:
    """Return the arguments of an attempt, the program first. `is_resumed`: with those to go on from a checkpoint.

    Raises:
        ValueError: a placeholder has no value.
    """
    found = arguments(settings.command, settings.args, filling, options, all_texts(settings))
    return found + [filling.text(text) for text in settings.resume.args] if is_resumed else found


def shown_command_line(
    settings: SweepSettings,
    config: Mapping[str, Any],
    values: Mapping[str, str],
    options: Sequence[ScriptOption] | None,
    *,
    is_resumed: bool,
    argv: Sequence[str],
) -> str:
    """Return the same as a text that a person may see: without secrets, and with `{port}` where a port will be.

    `argv`: the same as it is. Most commands have neither, and are filled once.
    """
    hidden, words = redact.table(config), argv
    if hidden != config or any(PORT in word for word in argv):
        filling = Filling(hidden, {**values, "port": "{port}"})
        words = command_line(settings, filling, options, is_resumed=is_resumed)
    return shlex.join(redact.words(words)).replace("'***'", "***")


def has_files_to_resume(settings: SweepSettings, experiment: Experiment, paths: Paths) -> bool:
    """Return whether an earlier attempt has left something that the script of an experiment can go on from."""
    if not settings.resume.glob:
        return False
    folder, outcome = paths.run(experiment.name).absolute(), paths.outcome.absolute()
    values = own_values(settings, experiment.name, experiment.seed, outcome, folder)
    filling = Filling(experiment.given, values)
    return finds_checkpoint(settings, filling, Path(filling.text(settings.cwd)))


def finds_checkpoint(settings: SweepSettings, filling: Filling, folder: Path) -> bool:
    """Return whether there is something that the script can go on from. `folder`: in which the script runs."""
    pattern = filling.for_globs.text(settings.resume.glob) if settings.resume.glob else ""
    return bool(pattern) and any(glob.iglob(pattern, root_dir=folder, recursive=True, include_hidden=True))
