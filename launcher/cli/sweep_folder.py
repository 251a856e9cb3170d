"""Finds the sweep that a command is about: its folders, and the names of its experiments.

A command about a whole sweep has the job file as its argument. A command about experiments has their names as arguments
and the job file as --job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.errors import InputError
from launcher.store.paths import Paths
from launcher.text import did_you_mean, inline

if TYPE_CHECKING:
    from launcher.planning.job import Sweep


def find_sweep(job: Path, outcome: Path | None, logs: Path | None) -> tuple[Paths, list[str]]:
    """Return the folders of a job's sweep, and the names of its experiments.

    First come the experiments that the job file has now, then others that it had when the sweep was launched.

    Raises:
        InputError: the job file or the folder's sweep.json is wrong. Or the folder belongs to another job file, and no
            `outcome` was given.
    """
    from launcher import api
    from launcher.store.manifest import read_manifest

    sweep = api.load(job, outcome=outcome, logs=logs)
    paths = Paths(sweep.outcome, sweep.logs)
    is_own_folder(sweep, paths, outcome)
    manifest = read_manifest(paths)
    launched = [experiment.name for experiment in manifest.experiments] if manifest else []
    return paths, list(dict.fromkeys([*sweep.experiments, *launched]))


def is_own_folder(sweep: Sweep, paths: Paths, outcome: Path | None) -> bool:
    """Say whether a folder belongs to a sweep. A folder that the user named, as `outcome`, may belong to another.

    Raises:
        InputError: the folder belongs to another sweep, and the user did not name it.
    """
    from launcher.planning.folder_owner import check_folder_owner

    try:
        check_folder_owner(sweep, paths)
    except InputError:
        if outcome is None:
            raise
        return False
    return True


def check_names(names: Sequence[str], known: Iterable[str]) -> None:
    """Check that each name is the name of an experiment.

    Raises:
        InputError: some names are not; all of them are listed.
    """
    known = list(known)
    listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    problems = [
        f'there is no experiment "{inline(name, 100)}".{did_you_mean(name, known)}'
        for name in names
        if name not in known
    ]
    if problems:
        raise InputError([*problems, f"  Experiments: {inline(listed, 2000)}"])


def no_sweep_error(paths: Paths, job: Path) -> InputError:
    """Return the error for a folder without a sweep."""
    from launcher.planning.folder_owner import find_results_elsewhere, folder_options
    from launcher.planning.job import load
    from launcher.shell_command import command_to_type

    sweep = load(job)
    folders = {"outcome": (paths.outcome, sweep.outcome), "logs": (paths.logs, sweep.logs)}
    named = {key: str(path) for key, (path, own) in folders.items() if path != own}
    launch = command_to_type("run", job, named, "--parallel")
    where = "If it is elsewhere, name it: --outcome DIR."
    if (found := find_results_elsewhere(sweep)) is not None:
        where = f"It was launched elsewhere; add {folder_options(found)}"
    return InputError(
        f"there is no sweep in {paths.outcome}: nothing was launched there yet.\n  Launch it: {launch}. {where}"
    )
