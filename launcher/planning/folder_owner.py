"""Refuses folders that belong to another sweep, so that two sweeps never write into one folder by accident.

A sweep's name is short: by default it is the name of its job file. Two job files of the same name in different
directories would therefore both use `outcome/NAME` and `logs/NAME`. `sweep.json`, and a note in the logs folder, say
which sweep a folder belongs to. Three cases are accepted: the folder was moved or copied together with its job file;
the job file was moved, so the old one is gone; the same file is reached by another path, such as a link. Decision 0013
lists all cases.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.errors import InputError
from launcher.planning.job import Sweep
from launcher.planning.origin import Origin, is_same_file, path_to_type
from launcher.store import values
from launcher.store.files import read
from launcher.store.paths import Paths, write_atomic
from launcher.text import inline

if TYPE_CHECKING:
    from launcher.store.manifest import Manifest


def check_folder_owner(sweep: Sweep, paths: Paths) -> tuple[Manifest | None, list[str]]:
    """Return the folder's `sweep.json`, or None without one, and notices about where the sweep is and was.

    Reads `sweep.json` and the note in the logs folder; decides nothing about experiments.

    Raises:
        InputError: the outcome folder or the logs folder belongs to another sweep.
    """
    manifest = _read_manifest(paths)
    if manifest is not None and manifest.name != sweep.name:
        raise InputError(
            f'the folder {paths.outcome} holds the sweep "{manifest.name}", and this one is "{sweep.name}".\n'
            "  Give it a folder of its own: outcome = in the job file, or --outcome DIR."
        )
    before = Origin.from_manifest(manifest, paths.outcome) if manifest else None
    now = Origin.of(sweep, paths.outcome)
    if not sweep.adopts and (
        problems := _problems(paths.outcome, "results", before, now)
        + _problems(paths.logs, "logs", Origin.from_json(_read_json(paths.logs_note)), Origin.of(sweep, paths.logs))
    ):
        raise InputError(
            [
                *problems,
                "  Give this one folders of its own: name = in its [sweep] table, or --outcome DIR --logs DIR.\n"
                "  If it is the same sweep, take the old file away, or add --adopt: then the folders are this one's.",
            ]
        )
    return manifest, _notices(sweep, paths, before, now, has_manifest=manifest is not None)


def _notices(sweep: Sweep, paths: Paths, before: Origin | None, now: Origin, *, has_manifest: bool) -> list[str]:
    notices = []
    if before is not None and not os.path.exists(before.job) and before.job_from_folder != now.job_from_folder:
        was, is_now = path_to_type(before.job), path_to_type(now.job)
        notices.append(f"this sweep's job file was {was}, which is gone; now it is {is_now}.")
    if not has_manifest and (elsewhere := find_results_elsewhere(sweep)) is not None:
        notices.append(
            f"results of this sweep lie in {elsewhere.outcome}; in {paths.outcome} here it begins anew. To go on with "
            f"them, add {folder_options(elsewhere)}"
        )
    return notices


def folder_options(paths: Paths) -> str:
    """Return the command-line options that name the folders of a sweep, quoted for a shell."""
    return shlex.join(["--outcome", str(paths.outcome), "--logs", str(paths.logs)])


def find_results_elsewhere(sweep: Sweep) -> Paths | None:
    """Return the folders in which a launch from another working directory has left results of this sweep, or None.

    A relative outcome folder is relative to the working directory, so the same job file launched from another directory
    begins anew. We look beside the job file and in every directory above it.
    """
    if sweep.outcome.is_absolute():
        return None
    for base in sweep.job_file.resolve().parents:
        paths = Paths(base / sweep.outcome, base / sweep.logs)
        with contextlib.suppress(InputError, OSError):
            manifest = _read_manifest(paths)
            origin = Origin.from_manifest(manifest, paths.outcome) if manifest else None
            if (
                origin is not None
                and is_same_file(origin.job, str(sweep.job_file))
                and not is_same_file(str(paths.outcome), str(sweep.outcome))
            ):
                return paths
    return None


def write_owner_note(sweep: Sweep, paths: Paths) -> list[str]:
    """Write into the logs folder which sweep it belongs to; return a warning if another running launch uses it too.

    A note that cannot be written is left out: logs can be made again, and nothing depends on them.
    """
    from launcher.store.locks import find_holder

    warnings = []
    content = asdict(Origin.of(sweep, paths.logs)) | {"outcome": str(paths.outcome.resolve())}
    with contextlib.suppress(OSError):
        before = _read_json(paths.logs_note)
        other = Path(str(before.get("outcome", content["outcome"])))
        if not is_same_file(str(other), content["outcome"]) and find_holder(Paths(other, paths.logs).lock) is not None:
            who = f"the launch in {inline(path_to_type(str(other)), 500)}, which runs now"
            warnings.append(f"{paths.logs} has the logs of {who}, too. Part them with --logs DIR.")
        if before != content:
            write_atomic(paths.logs_note, json.dumps(content) + "\n")
    return warnings


def _read_manifest(paths: Paths) -> Manifest | None:
    """Return the `sweep.json` of a folder; None without one. What reads it is imported where there is one."""
    try:
        os.lstat(paths.sweep)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass  # the reader says what is wrong
    from launcher.store.manifest import read_manifest

    return read_manifest(paths)


def _problems(folder: Path, content: str, before: Origin | None, now: Origin) -> list[str]:
    conflict = before.conflict_with(now) if before is not None else None
    if conflict is None:
        return []
    was, this = (inline(description, 500) for description in conflict)
    message = f"the folder {folder} has the {content} of {was}; this is {this}"
    return [f"{message}. Each would spoil what the other has there."]


def _read_json(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError):
        return values.load_object(read(path)) or {}
    return {}
