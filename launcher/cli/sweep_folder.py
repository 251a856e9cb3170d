"""The sweep that a command is about: its folders from the job file and the options, its experiments by their names.

A command about a whole sweep takes the job as its argument; one about experiments takes those, and the job by --job.
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


def find(job: Path, outcome: Path | None, logs: Path | None) -> tuple[Paths, list[str]]:
    """Return the folders of a job's sweep, and its experiments: those it has now, then those it had when launched.

    Raises:
        InputError: the job file, or the folder's sweep.json, is wrong; or the folder is another job file's, and was
            not named by `outcome`.
    """
    from launcher import api
    from launcher.store.manifest import read_manifest

    sweep = api.load(job, outcome=outcome, logs=logs)
    paths = Paths(sweep.outcome, sweep.logs)
    holds(sweep, paths, outcome)
    document = read_manifest(paths)
    launched = [one.name for one in document.experiments] if document else []
    return paths, list(dict.fromkeys([*sweep.experiments, *launched]))


def holds(sweep: Sweep, paths: Paths, outcome: Path | None) -> bool:
    """Say whether the folder is the sweep's own, as far as it tells; one that was named by `outcome` may be another's.

    Raises:
        InputError: it is another's, and was not named.
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
    """Raise if a name is not that of an experiment.

    Raises:
        InputError: with every such name.
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


def no_sweep(paths: Paths, job: Path) -> InputError:
    """Return the error for a folder without a sweep."""
    from launcher.planning.folder_owner import find_results_elsewhere, folder_options
    from launcher.planning.job import load
    from launcher.shell_command import command_to_type

    sweep = load(job)
    own = {"outcome": sweep.outcome, "logs": sweep.logs}
    named = {key: str(path) for key, path in vars(paths).items() if path != own[key]}
    launch = command_to_type("run", job, named, "--parallel")
    where = "If it is elsewhere, name it: --outcome DIR."
    if (found := find_results_elsewhere(sweep)) is not None:
        where = f"It was launched elsewhere; add {folder_options(found)}"
    return InputError(
        f"there is no sweep in {paths.outcome}: nothing was launched there yet.\n  Launch it: {launch}. {where}"
    )
