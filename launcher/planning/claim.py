"""Whose folder it is: the job file and target's file a sweep was launched from, so that no two share one unseen.

A sweep's name is short, by default that of its job file, so two job files of one name in different folders would meet
in `outcome/NAME` and `logs/NAME`. `sweep.json`, and a note in the folder of the logs, say where each is from. What may
go on there all the same: a folder that was moved or copied together with its job file; a job file that was moved, so
that the old one is gone; the same file by another path, through a link. Decision 0013 lists the cases.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from launcher.errors import InputError
from launcher.planning.job import Sweep
from launcher.store import values
from launcher.store.files import read
from launcher.store.locks import find_holder
from launcher.store.paths import Paths, write_atomic
from launcher.store.state import Manifest, read_document
from launcher.text import inline

_INSTALLED = ("site-packages", "dist-packages")  # another environment is no other sweep


@dataclass(frozen=True)
class Origin:
    """Where a sweep is from, as absolute paths without links."""

    job: str
    module: str  # the file of the target's module; empty where it is not known
    target: str
    folder: str  # that the sweep has used: of its outcome, or of its logs

    @classmethod
    def of(cls, sweep: Sweep, folder: Path) -> Origin:
        """Return where a sweep is from that uses a folder now."""
        job, target = sweep.job_file, sweep.settings.target
        return cls(str(job.resolve()), _module(target, job.parent), target, str(folder.resolve()))

    @classmethod
    def of_document(cls, document: Manifest, outcome: Path) -> Origin | None:
        """Return where the sweep is from that a `sweep.json` is about; None if it does not tell.

        One of an older version tells no more than the working directory; `outcome` is where such a sweep would be.
        """
        launch = document.launch
        if isinstance(origin := launch.get("origin"), dict):
            return _read(origin)
        if not isinstance(cwd := launch.get("cwd"), str):
            return None
        job, folder = Path(cwd, document.job_file), Path(cwd, outcome).resolve()
        return cls(str(job.resolve()), _module(document.target, job.parent, Path(cwd)), document.target, str(folder))

    def other(self, now: Origin) -> tuple[str, str]:
        """Return what differs in a sweep that wants to use the folder now, before and now; empty if it is the same."""
        is_same_job = _is_same(self.job, now.job)
        if not is_same_job and not _is_same(self.folder, now.folder) and _beside(self) == _beside(now):
            return "", ""  # moved or copied together
        if not is_same_job and os.path.exists(self.job):
            return f"the sweep of {_short(self.job)}", _short(now.job)
        is_known = self.module and now.module and self.target == now.target
        is_installed = any(part in Path(self.module).parts or part in Path(now.module).parts for part in _INSTALLED)
        if is_known and not is_installed and os.path.exists(self.module) and not _is_same(self.module, now.module):
            return f"a sweep that trains {_short(self.module)}", f"{_short(now.job)}, which trains {_short(now.module)}"
        return "", ""


def check(sweep: Sweep, paths: Paths) -> tuple[Manifest | None, list[str]]:
    """Return the `sweep.json` of the folder, if there is one, and what a user should know of where the sweep is.

    Raises:
        InputError: the folder, or that of the logs, is another sweep's.
    """
    document = read_document(paths)
    if document is not None and document.name != sweep.name:
        raise InputError(
            f'the folder {paths.outcome} holds the sweep "{document.name}", and this one is "{sweep.name}".\n'
            "  Give it a folder of its own: outcome = in the job file, or --outcome DIR."
        )
    before = Origin.of_document(document, paths.outcome) if document else None
    now = Origin.of(sweep, paths.outcome)
    if not sweep.adopts and (
        problems := _problems(paths.outcome, "results", before, now)
        + _problems(paths.logs, "logs", _read(_read_json(paths.logs_note)), Origin.of(sweep, paths.logs))
    ):
        raise InputError(
            [
                *problems,
                "  Give this one folders of its own: name = in its [sweep] table, or --outcome DIR --logs DIR.\n"
                "  If it is the same sweep, take the old file away, or add --adopt: then the folders are this one's.",
            ]
        )
    notes = []
    if before is not None and not os.path.exists(before.job) and _beside(before) != _beside(now):
        notes.append(f"this sweep's job file was {_short(before.job)}, which is gone; now it is {_short(now.job)}.")
    if document is None and (found := elsewhere(sweep)) is not None:
        notes.append(
            f"results of this sweep lie in {found.outcome}; in {paths.outcome} here it begins anew. To go on with "
            f"them, add {folders(found)}"
        )
    return document, notes


def folders(paths: Paths) -> str:
    """Return the options that name the folders of a sweep, for a shell."""
    return shlex.join(["--outcome", str(paths.outcome), "--logs", str(paths.logs)])


def elsewhere(sweep: Sweep) -> Paths | None:
    """Return where a launch from another directory has left results of this sweep: beside the job file, or above it.

    A relative outcome folder is one of the working directory, so the same job launched from elsewhere begins anew.
    """
    if sweep.outcome.is_absolute():
        return None
    for base in sweep.job_file.resolve().parents:
        paths = Paths(base / sweep.outcome, base / sweep.logs)
        with contextlib.suppress(InputError, OSError):
            document = read_document(paths)
            origin = Origin.of_document(document, paths.outcome) if document else None
            if (
                origin is not None
                and _is_same(origin.job, str(sweep.job_file))
                and not _is_same(str(paths.outcome), str(sweep.outcome))
            ):
                return paths
    return None


def write_note(sweep: Sweep, paths: Paths) -> list[str]:
    """Leave a note in the folder of logs, whose they are; return what to say if another launch writes there now."""
    said = []
    content = asdict(Origin.of(sweep, paths.logs)) | {"outcome": str(paths.outcome.resolve())}
    with contextlib.suppress(OSError):  # logs are views: nothing depends on them
        before = _read_json(paths.logs_note)
        other = Path(str(before.get("outcome", content["outcome"])))
        if not _is_same(str(other), content["outcome"]) and find_holder(Paths(other, paths.logs).lock) is not None:
            who = f"the launch in {inline(_short(str(other)), 500)}, which runs now"
            said.append(f"{paths.logs} has the logs of {who}, too. Part them with --logs DIR.")
        if before != content:
            write_atomic(paths.logs_note, json.dumps(content) + "\n")
    return said


def _problems(folder: Path, what: str, before: Origin | None, now: Origin) -> list[str]:
    was, this = before.other(now) if before is not None else ("", "")
    if not was:
        return []
    told = f"the folder {folder} has the {what} of {inline(was, 500)}; this is {inline(this, 500)}"
    return [f"{told}. Each would spoil what the other has there."]


def _read(content: dict[str, Any]) -> Origin | None:
    found = {key: content.get(key) for key in ("job", "module", "target", "folder")}
    return Origin(**found) if all(isinstance(value, str) for value in found.values()) else None  # type: ignore[arg-type]


def _read_json(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError):
        return values.load_object(read(path)) or {}
    return {}


def _module(target: str, *folders: Path) -> str:
    """Return the file of a target's module, looked for as an import does; empty if it is not found so."""
    name = target.partition(":")[0].replace(".", os.sep)
    for folder in [*map(str, folders), *(entry or os.getcwd() for entry in sys.path)]:
        for end in (".py", f"{os.sep}__init__.py"):
            if os.path.isfile(os.path.join(folder, name + end)):
                return os.path.realpath(os.path.join(folder, name + end))
    return ""


def _is_same(one: str, other: str) -> bool:
    with contextlib.suppress(OSError):
        return os.path.realpath(one) == os.path.realpath(other) or os.path.samefile(one, other)
    return False


def _beside(origin: Origin) -> str:
    return os.path.relpath(origin.job, origin.folder)


def _short(path: str) -> str:
    """Return a path as one would type it here."""
    near = os.path.relpath(path)
    return path if near.startswith(os.pardir) else near
